//! Many requests: 8 at once, each with a time limit and retries; Ctrl-C sums up what there is.
//! Ports: none of the programs. The usual use of `asyncio.Semaphore` and the package p-limit.
//!
//! ```text
//! $ cargo run --example crawler
//! 38 of 40 pages, 2 failed
//! page 20: Ok(404)
//! page 30: Ok(503)
//! ```
//!
//! The server answers each request after 20 ms, and some requests fail. The first request for page 3, 13 or 23
//! gets a 503, the first for 17 or 27 no answer, page 30 always gets a 503, and there is no page 20. More than 8
//! requests at a time would get a 429. On a terminal, a line shows the progress; Ctrl-C sums up the results so
//! far, and the exit status is 130.
//!
//! Each page has a task, and each attempt a place. The guard of the semaphore is dropped with the attempt, even if
//! the time limit drops it in the middle. A task that pauses before the next attempt holds no place: if `fetch`
//! held the guard, failing pages would keep out the others. A client error (a 404) is not retried. The backoff
//! grows and has jitter, or pages that failed together would come back together.
//!
//! `asyncio.timeout_at` is `Timer::at`, and `Timeout.reschedule` is `set_at` and `set_after`: one timer, set again
//! with each page, ends the program when no page was done for 5 s, or after 30 s in all. (The exit status is then
//! 124, as for the command `timeout`.)
//!
//! `future::or` polls in order, so a stream of results cannot hold up Ctrl-C. A second Ctrl-C is not needed: after
//! the first there is nothing to wait for.
//!
//! Who owns what: the executor owns the tasks, and drops the remaining ones at the end. The channel ends when the
//! last task has dropped its sender; this tells `main` that all are done. The server's tasks are detached on
//! smol's own thread, and end with the process.
//!
//! asyncio: `asyncio.Semaphore`, `asyncio.timeout_at` (`smol::Timer::at`), `Timeout.reschedule`
//! (`smol::Timer::set_at`, `smol::Timer::set_after`), `Timeout.when` (keep the `std::time::Instant`),
//! `asyncio.wait_for`, `asyncio.as_completed`, `KeyboardInterrupt`, `loop.add_signal_handler`.
//! Node: `p-limit` (`smol::lock::Semaphore`), `p-retry` (a loop, and the crate fastrand for the jitter),
//! `timeout.refresh` (`smol::Timer::set_after`), `process.stderr.isTTY` (`std::io::IsTerminal`),
//! `process.on('SIGINT')`.
//! Paste: `cargo add smol async-signal fastrand`.

use async_signal::{Signal, Signals};
use smol::channel;
use smol::lock::Semaphore;
use smol::net::{SocketAddr, TcpListener, TcpStream};
use smol::prelude::*;
use smol::{LocalExecutor, Timer, block_on, future};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IsTerminal};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PAGES: u8 = 40;
/// Time limit for the next page.
const PATIENCE: Duration = Duration::from_secs(5);

static PLACES: Semaphore = Semaphore::new(8);
static SERVERS_PLACES: Semaphore = Semaphore::new(8);
static SEEN: Mutex<BTreeSet<u8>> = Mutex::new(BTreeSet::new());

/// The server: it reads the number of a page and sends a status. Some requests fail.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut page = [0];
    stream.read_exact(&mut page).await?;
    let is_new = SEEN.lock().is_ok_and(|mut seen| seen.insert(page[0]));
    let status: u16 = match page[0] {
        17 | 27 if is_new => return future::pending().await, // no answer
        3 | 13 | 23 if is_new => 503,
        20 => 404,
        30 => 503,
        _ => 200,
    };
    let place = SERVERS_PLACES.try_acquire();
    Timer::after(Duration::from_millis(20)).await;
    let status = place.map_or(429, |_place| status); // there were too many requests
    stream.write_all(&status.to_be_bytes()).await
}

// ANCHOR: excerpt
/// Asks for a page as soon as there is a place.
async fn attempt(address: SocketAddr, page: u8) -> io::Result<u16> {
    let _place = PLACES.acquire().await;
    let time_is_up = async {
        Timer::after(Duration::from_millis(500)).await;
        Err(ErrorKind::TimedOut.into())
    };
    let status = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&[page]).await?;
        let mut status = [0; 2];
        stream.read_exact(&mut status).await?;
        Ok(u16::from_be_bytes(status))
    };
    future::or(status, time_is_up).await
}

/// Asks up to three times, if the error may be temporary.
async fn fetch(address: SocketAddr, page: u8) -> io::Result<u16> {
    for pause in [0.05, 0.1] {
        if let Ok(status @ ..500) = attempt(address, page).await {
            return Ok(status);
        }
        // With jitter, or requests that failed together come back together.
        Timer::after(Duration::from_secs_f64(pause * (0.5 + fastrand::f64()))).await;
    }
    attempt(address, page).await
}
// ANCHOR_END: excerpt

fn main() -> io::Result<ExitCode> {
    let ex = LocalExecutor::new();
    block_on(ex.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // On another thread, like a remote server. It ends with the process.
        let server = async move {
            while let Ok((stream, _)) = listener.accept().await {
                smol::spawn(answer(stream)).detach();
            }
        };
        smol::spawn(server).detach();

        let (sender, results) = channel::unbounded();
        for page in 1..=PAGES {
            let sender = sender.clone();
            let task = async move { sender.send((page, fetch(address, page).await)).await };
            ex.spawn(task).detach();
        }
        drop(sender);

        let mut signals = Signals::new([Signal::Int])?;
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut timer = Timer::after(PATIENCE);
        let (mut fetched, mut failed) = (0, BTreeMap::new());
        let status = loop {
            let result = async { results.recv().await.map_err(|_| 0) };
            let signal = async { Err(signals.next().await.map_or(1, |_| 130)) };
            let late = async { Err(timer.next().await.map_or(1, |_| 124)) };
            match future::or(signal, future::or(result, late)).await {
                Ok((_, Ok(200))) => fetched += 1,
                Ok((page, result)) => drop(failed.insert(page, result)),
                Err(status) => break status,
            }
            timer.set_at(deadline.min(Instant::now() + PATIENCE));
            if io::stderr().is_terminal() {
                eprint!("{} of {PAGES}\r", fetched + failed.len());
            }
        };
        println!("{fetched} of {PAGES} pages, {} failed", failed.len());
        for (page, result) in failed {
            println!("page {page}: {result:?}");
        }
        Ok(ExitCode::from(status))
    }))
}
