//! The smallest program that waits: on `async-io`, the part of smol that has timers and sockets.

use async_io::{Timer, block_on};
use std::time::Duration;

fn main() {
    block_on(async {
        Timer::after(Duration::from_millis(1)).await;
        println!("Hello world!");
    });
}
