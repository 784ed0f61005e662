//! The smallest program that waits: on this library.

use asyncio_to_smol::{run::run, ticker::Ticker};
use futures_lite::StreamExt;
use std::time::Duration;

fn main() {
    run(async |_| {
        Ticker::every(Duration::from_millis(1)).next().await;
        println!("Hello world!");
    });
}
