//! Cases that need a process each, on either runtime: `case RUNTIME CASE [PATH]`. The tests in
//! `tests/differences.rs` run it.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::Write;
use std::thread::{self, ThreadId};
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.get(2).map_or("", String::as_str);
    match arguments[0].as_str() {
        "async_std" => in_async_std::run(&arguments[1], path),
        "smol" => in_smol::run(&arguments[1], path),
        runtime => panic!("no runtime {runtime}"),
    }
}

/// Occupies the thread for blocking work, if `BLOCKING_MAX_THREADS` is 1. async-std and smol share the pool.
fn occupy() {
    smol::unblock(|| thread::sleep(Duration::from_millis(400))).detach();
}

/// Prints a line at once, independent of the standard output that is tested.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints how many threads run the tasks. The main thread runs none.
fn count_threads<T: Future<Output = ThreadId>>(spawn: impl Fn() -> T) {
    let number = 12 * thread::available_parallelism().map_or(1, usize::from);
    let tasks: Vec<T> = (0..number).map(|_| spawn()).collect();
    let threads: HashSet<ThreadId> = tasks.into_iter().map(smol::block_on).collect();
    say(threads.len());
}

async fn block_this_thread() -> ThreadId {
    thread::sleep(Duration::from_millis(50));
    thread::current().id()
}

/// Cancels the future after a while. It must not be ready by then.
async fn cancel_later<T>(future: impl Future<Output = T>) {
    let limit = Duration::from_millis(500);
    assert!(async_std::future::timeout(limit, future).await.is_err());
    say("cancelled");
}

mod in_async_std {
    use super::*;
    use async_std::fs::File;
    use async_std::io;
    use async_std::prelude::*;
    use async_std::task::{block_on, spawn, spawn_blocking};

    pub fn run(case: &str, path: &str) {
        match case {
            "threads" => count_threads(|| spawn(block_this_thread())),
            "nested_block_on" => {
                let sum = block_on(spawn(async { 1 + block_on(spawn(async { 2 })) }));
                say(sum);
            }
            "dropped_blocking" => {
                occupy();
                spawn_blocking(|| say("run"));
                smol::block_on(smol::unblock(|| ())); // the next in the queue
            }
            "file" => block_on(async {
                let mut file = File::create(path).await.unwrap();
                occupy();
                file.write_all(b"written").await.unwrap();
            }),
            "stdout" => block_on(async {
                occupy();
                io::stdout().write_all(b"written\n").await.unwrap();
            }),
            "two_stdins" => block_on(async {
                for _ in 0..2 {
                    let mut line = String::new();
                    io::stdin().read_line(&mut line).await.unwrap();
                    say(line.trim_end());
                }
            }),
            "cancelled_stdin" => block_on(async {
                let (stdin, mut line) = (io::stdin(), String::new());
                cancel_later(stdin.read_line(&mut line)).await;
                stdin.read_line(&mut line).await.unwrap();
                say(line.trim_end());
            }),
            _ => panic!("no case {case}"),
        }
    }
}

mod in_smol {
    use super::*;
    use smol::fs::File;
    use smol::io::BufReader;
    use smol::prelude::*;
    use smol::{Unblock, block_on, spawn};

    fn open_stdin() -> BufReader<Unblock<std::io::Stdin>> {
        BufReader::new(Unblock::new(std::io::stdin()))
    }

    pub fn run(case: &str, path: &str) {
        match case {
            "threads" => count_threads(|| spawn(block_this_thread())),
            "nested_block_on" => {
                let sum = block_on(spawn(async { 1 + block_on(spawn(async { 2 })) }));
                say(sum);
            }
            "dropped_blocking" => {
                occupy();
                drop(smol::unblock(|| say("run")));
                block_on(smol::unblock(|| ())); // the next in the queue
            }
            "file" => block_on(async {
                let mut file = File::create(path).await.unwrap();
                occupy();
                file.write_all(b"written").await.unwrap();
            }),
            "flushed_file" => block_on(async {
                let mut file = File::create(path).await.unwrap();
                occupy();
                file.write_all(b"written").await.unwrap();
                file.flush().await.unwrap();
            }),
            "stdout" => block_on(async {
                let mut stdout = Unblock::new(std::io::stdout());
                occupy();
                stdout.write_all(b"written\n").await.unwrap();
            }),
            "flushed_stdout" => block_on(async {
                let mut stdout = Unblock::new(std::io::stdout());
                occupy();
                stdout.write_all(b"written\n").await.unwrap();
                stdout.flush().await.unwrap();
            }),
            "two_stdins" => block_on(async {
                for _ in 0..2 {
                    let mut line = String::new();
                    open_stdin().read_line(&mut line).await.unwrap();
                    say(line.trim_end());
                }
            }),
            "cancelled_stdin" => block_on(async {
                let (mut stdin, mut line) = (open_stdin(), String::new());
                cancel_later(stdin.read_line(&mut line)).await;
                stdin.read_line(&mut line).await.unwrap();
                say(line.trim_end());
            }),
            _ => panic!("no case {case}"),
        }
    }
}
