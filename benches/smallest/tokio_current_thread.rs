//! The smallest program that waits: on tokio, on one thread.

use std::time::Duration;
use tokio::{runtime::Builder, time::sleep};

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        sleep(Duration::from_millis(1)).await;
        println!("Hello world!");
    });
}
