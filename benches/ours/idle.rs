//! `idle SECONDS`: listens for connections that do not come, and waits for an hour that does not pass.

use async_io::Timer;
use asyncio_to_smol::run::run as run_loop;
use measure::{Start, argument, figure};
use smol::net::TcpListener;
use std::time::Duration;

pub fn run(job: &str) -> bool {
    let matches = job == "idle";
    if matches {
        idle(Duration::from_secs(argument(2)));
    }
    matches
}

fn idle(time: Duration) {
    run_loop(async |spawner| {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        spawner
            .spawn(async move { drop(listener.accept().await) })
            .detach();
        let hour = Duration::from_secs(3600);
        spawner.spawn(Timer::after(hour)).detach();
        Timer::after(Duration::from_millis(500)).await; // what has started comes to rest
        let start = Start::new();
        Timer::after(time).await;
        figure("cpu", start.cpu());
    });
}
