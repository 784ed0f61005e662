//! The smallest program that waits: on async-std.

use async_std::task::{block_on, sleep};
use std::time::Duration;

fn main() {
    block_on(async {
        sleep(Duration::from_millis(1)).await;
        println!("Hello world!");
    });
}
