//! `idle FLAVOUR SECONDS`: listens for connections that do not come, and waits for an hour that does not
//! pass.

use measure::{Start, argument, figure};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

pub fn run(job: &str) -> bool {
    let matches = job == "idle";
    if matches {
        crate::run(idle(Duration::from_secs(argument(3))));
    }
    matches
}

async fn idle(time: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    tokio::spawn(async move { drop(listener.accept().await) });
    tokio::spawn(sleep(Duration::from_secs(3600)));
    sleep(Duration::from_millis(500)).await; // what has started comes to rest
    let start = Start::new();
    sleep(time).await;
    figure("cpu", start.cpu());
}
