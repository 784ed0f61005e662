//! The smallest program that waits: on all of smol.

use smol::{Timer, block_on};
use std::time::Duration;

fn main() {
    block_on(async {
        Timer::after(Duration::from_millis(1)).await;
        println!("Hello world!");
    });
}
