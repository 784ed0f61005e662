//! `hello_tokio FLAVOUR SECONDS`: `hello_smol` on tokio. A worker per core takes numbers from a bounded
//! channel, and computes each on a thread for blocking work.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinSet, spawn_blocking};

fn main() -> io::Result<()> {
    let mut builder = match measure::argument::<String>(1).as_str() {
        "current_thread" => Builder::new_current_thread(),
        "multi_thread" => Builder::new_multi_thread(),
        _ => measure::unknown(1),
    };
    let period = Duration::from_secs_f64(measure::argument(2));
    builder.enable_all().build()?.block_on(async {
        tokio::select! {
            ended = tokio::spawn(greet(period)) => ended.expect("no panic"),
            ended = answer() => ended,
        }
    })
}

async fn greet(period: Duration) -> io::Result<()> {
    let mut interval = tokio::time::interval(period);
    loop {
        interval.tick().await;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        print(&format!("{} - Hello world!\n", now.as_secs()))?;
    }
}

async fn answer() -> io::Result<()> {
    let (numbers, queue) = mpsc::channel(1_000);
    let queue = Arc::new(Mutex::new(queue));
    let cores = available_parallelism()?.get();
    let workers: JoinSet<_> = (0..cores).map(|_| compute(Arc::clone(&queue))).collect();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.trim() {
            "exit" => return Ok(()),
            text => match text.parse() {
                Ok(n) => numbers.send(n).await.map_err(io::Error::other)?,
                Err(error) => eprintln!("{text:?}: {error}"),
            },
        }
    }
    drop(numbers);
    workers.join_all().await.into_iter().collect()
}

async fn compute(queue: Arc<Mutex<mpsc::Receiver<u32>>>) -> io::Result<()> {
    loop {
        let Some(n) = queue.lock().await.recv().await else {
            return Ok(());
        };
        let start = Instant::now();
        let value = spawn_blocking(move || measure::fib(n)).await?;
        let took = start.elapsed().as_secs_f64();
        print(&format!(
            "Executing fib took {took:.2} seconds.\nfib({n}) = {value}\n"
        ))?;
    }
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}
