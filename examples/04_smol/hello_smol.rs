//! The same with smol, fib on a blocking thread: the greetings go on.
//!
//! Ports: article A's asyncio version (A10).
//!
//! Run it, type `47` and Enter, and at once `20` and Enter:
//!
//! ```text
//! $ cargo run --example hello_smol
//! 1795306742 - Hello world!
//! 1795306745 - Hello world!
//! 47
//! 20
//! Executing fib took 0.00 seconds.
//! fib(20) = 6765
//! 1795306748 - Hello world!
//! 1795306751 - Hello world!
//! Executing fib took 7.89 seconds.
//! fib(47) = 2971215073
//! 1795306754 - Hello world!
//! ```
//!
//! The article's version calls `fib` in the loop and falls silent meanwhile, like
//! `hello_coroutines`. Here `unblock` moves it to another thread, which is asyncio's `to_thread`. All
//! else stays on one: `or` polls the greeting and the answering in turn.
//!
//! `unblock` has up to 500 threads, for file I/O that mostly waits. Computing is limited to as many
//! numbers at once as there are cores, by having so many workers take them from a queue.
//!
//! Who owns what: the workers belong to the executor inside `answer`. `exit` returns from it, which
//! drops them; a `fib` that is running on another thread cannot be dropped, and ends with the
//! process. At the end of input the queue is closed, and every worker is awaited.
//!
//! asyncio: `asyncio.run` (`smol::block_on`), `asyncio.get_event_loop` (`smol::block_on`),
//! `loop.run_until_complete` (`smol::block_on`), `asyncio.sleep` (`smol::Timer::after`),
//! `loop.add_reader`, `async for` (`smol::stream::StreamExt::next`),
//! `asyncio.to_thread` (`smol::unblock`), `loop.run_in_executor` (`smol::unblock`),
//! `asyncio.Queue`.
//! Node: `setInterval`, `process.stdin.on`, `for await...of`, `new Worker` (`smol::unblock`),
//! `readline.createInterface`.
//! Paste: `cargo add smol`; the library's `fib.rs`, `hello.rs`, `stdin.rs` and `ticker.rs` with
//! `cargo add async-io futures-lite`, on Unix `cargo add rustix --features event`, elsewhere
//! `cargo add blocking`. `just copy hello_smol DIR` does it.

use asyncio_to_smol::hello::{self, Command};
use asyncio_to_smol::stdin::Stdin;
use asyncio_to_smol::ticker::Ticker;
use smol::channel::{self, Receiver, Sender};
use smol::{LocalExecutor, future, stream::StreamExt, unblock};
use std::io;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

fn main() -> ExitCode {
    hello::main(|period| smol::block_on(future::or(greet(period), answer())))
}

async fn greet(period: Duration) -> io::Result<()> {
    let mut interval = Ticker::now_and_every(period);
    loop {
        interval.tick().await;
        hello::greet()?;
    }
}

async fn answer() -> io::Result<()> {
    let (numbers, queue) = channel::unbounded();
    let cores = available_parallelism().map_or(1, NonZero::get);
    let executor = LocalExecutor::new();
    let workers: Vec<_> = (0..cores)
        .map(|_| executor.spawn(compute(queue.clone())))
        .collect();
    let all_answered = async {
        for worker in workers {
            worker.await?;
        }
        Ok(())
    };
    executor
        .run(future::or(read_numbers(numbers), all_answered))
        .await
}

/// Puts the numbers typed into the queue. Returns at `exit`, but not at the end of input: the end of
/// the queue is for the workers to find.
async fn read_numbers(numbers: Sender<u32>) -> io::Result<()> {
    let mut lines = Stdin::open()?;
    while let Some(line) = lines.next().await {
        match hello::command(&line?) {
            Command::Fib(n) if numbers.send(n).await.is_err() => break, // a worker has closed it
            Command::Exit => return Ok(()),
            Command::Fib(_) | Command::Skip => {}
        }
    }
    drop(numbers);
    future::pending().await
}

async fn compute(queue: Receiver<u32>) -> io::Result<()> {
    while let Ok(n) = queue.recv().await {
        let answer = unblock(move || hello::timed_fib(n)).await?;
        if let Err(error) = hello::print(answer) {
            queue.close(); // so that the others end too
            return Err(error);
        }
    }
    Ok(())
}
