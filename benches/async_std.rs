//! async-std's contenders: `async_std JOB NUMBER`. Its executor has a thread per core, or
//! `ASYNC_STD_THREAD_COUNT` threads.

use async_std::channel::{Receiver, bounded};
use async_std::io::{ReadExt, WriteExt};
use async_std::net::TcpListener;
use async_std::task::{JoinHandle, block_on, sleep, spawn};
use measure::{Sleepers, Start, argument, figure, report, sum_below};
use std::hint::black_box;
use std::io;

fn main() {
    match argument::<String>(1).as_str() {
        "spawn_join" => block_on(spawn(spawn_join(argument(2)))),
        "spawn_await" => block_on(spawn(spawn_await(argument(2)))),
        "sleepers" => block_on(spawn(sleepers(Sleepers::new(argument(2))))),
        "queue" => block_on(spawn(queue(argument(2)))),
        "echo_server" => block_on(spawn(echo_server())).expect("a socket on loopback"),
        _ => measure::unknown(1),
    }
}

async fn sum_of(tasks: impl Iterator<Item = JoinHandle<u64>>) -> u64 {
    let tasks: Vec<_> = tasks.collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

async fn spawn_join(n: u64) {
    let start = Start::new();
    let sum = sum_of((0..n).map(|i| spawn(async move { black_box(i) }))).await;
    figure("seconds", start.seconds() / n as f64);
    assert_eq!(sum, sum_below(n));
}

async fn spawn_await(n: u64) {
    let start = Start::new();
    let mut sum = 0;
    for i in 0..n {
        sum += spawn(async move { black_box(i) }).await;
    }
    figure("seconds", start.seconds() / n as f64);
    assert_eq!(sum, sum_below(n));
}

async fn sleepers(all: Sleepers) {
    let sleeper = |time| {
        spawn(async move {
            sleep(time).await;
            0
        })
    };
    sum_of(all.times().map(sleeper)).await;
    all.end();
}

async fn queue(n: u64) {
    async fn worker(receiver: Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Ok(value) = receiver.recv().await {
            sum += value;
        }
        sum
    }
    for workers in [2, 8] {
        let start = Start::new();
        let (sender, receiver) = bounded(100);
        let workers_started: Vec<_> = (0..workers)
            .map(|_| spawn(worker(receiver.clone())))
            .collect();
        for i in 0..n {
            sender.send(i).await.expect("there are workers");
        }
        drop(sender);
        let sum = sum_of(workers_started.into_iter()).await;
        figure(
            format_args!("workers_{workers}"),
            start.seconds() / n as f64,
        );
        assert_eq!(sum, sum_below(n));
    }
}

async fn echo_server() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    report(listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..n]).await.is_err() {
                    break;
                }
            }
        });
    }
}
