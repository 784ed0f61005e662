//! What needs a process of its own, on either runtime: `case RUNTIME CASE [ARGUMENT]`. The tests in
//! `tests/differences.rs` run it.

use std::collections::HashSet;
use std::future::pending;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::thread::{self, ThreadId};
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["async_std", "threads"] => in_async_std::threads(),
        ["smol", "threads"] => in_smol::threads(),
        ["async_std", "nested_block_on"] => in_async_std::nested_block_on(),
        ["smol", "nested_block_on"] => in_smol::nested_block_on(),
        ["async_std", "panic"] => in_async_std::panic(),
        ["smol", "panic"] => in_smol::panic(),
        ["async_std", "leftover"] => in_async_std::leftover(),
        ["smol", "leftover"] => in_smol::leftover(),
        ["async_std", "dropped_file", path] => in_async_std::dropped_file(path),
        ["smol", "dropped_file", path] => in_smol::dropped_file(path),
        ["smol", "flushed_file", path] => in_smol::flushed_file(path),
        ["async_std", "stdout"] => in_async_std::stdout(),
        ["smol", "stdout"] => in_smol::stdout(),
        ["smol", "flushed_stdout"] => in_smol::flushed_stdout(),
        ["async_std", "dropped_blocking"] => in_async_std::dropped_blocking(),
        ["smol", "dropped_blocking"] => in_smol::dropped_blocking(),
        ["async_std", "stdin"] => in_async_std::stdin(),
        ["smol", "stdin"] => in_smol::stdin(),
        ["library", "stdin"] => in_library::stdin(),
        ["async_std", "two_stdins"] => in_async_std::two_stdins(),
        ["smol", "two_stdins"] => in_smol::two_stdins(),
        ["async_std", "given_up"] => in_async_std::given_up(),
        ["smol", "given_up"] => in_smol::given_up(),
        ["library", "given_up"] => in_library::given_up(),
        ["async_std", "incoming"] => in_async_std::incoming(),
        ["smol", "incoming"] => in_smol::incoming(),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// How long something keeps a thread.
const BUSY: Duration = Duration::from_millis(400);

/// Occupies the one thread for blocking work, if `BLOCKING_MAX_THREADS` is 1. The pool is the same crate's in
/// async-std and in smol.
fn occupy() {
    smol::unblock(|| thread::sleep(BUSY)).detach();
}

/// Prints a line at once. The end of what is printed is not to depend on what is being tested.
fn say(line: impl std::fmt::Display) {
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "{line}");
}

fn say_how_many(threads: HashSet<ThreadId>) {
    say(threads.len());
}

/// Enough for each thread to get some of them.
fn tasks() -> usize {
    12 * thread::available_parallelism().map_or(1, usize::from)
}

fn block_this_thread() -> ThreadId {
    thread::sleep(Duration::from_millis(50));
    thread::current().id()
}

/// Says when it is dropped.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        say("dropped");
    }
}

/// Opens files until there are no more.
fn use_up_descriptors() -> Vec<std::fs::File> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = Some(64);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect()
}

/// The same function with the listener and the `block_on` of either runtime.
macro_rules! incoming {
    () => {
        pub fn incoming() {
            block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                say(listener.local_addr().unwrap());
                let mut incoming = listener.incoming();
                incoming.next().await.unwrap().unwrap();
                let files = use_up_descriptors();
                say("none left");
                say(incoming.next().await.unwrap().unwrap_err());
                say(incoming.next().await.unwrap().unwrap_err());
                drop(files);
                incoming.next().await.unwrap().unwrap();
                say("accepted");
            });
        }
    };
}

mod in_async_std {
    use super::*;
    use async_std::fs::File;
    use async_std::io;
    use async_std::net::TcpListener;
    use async_std::prelude::*;
    use async_std::task::{self, block_on, spawn};

    pub fn threads() {
        let tasks: Vec<_> = (0..tasks())
            .map(|_| spawn(async { block_this_thread() }))
            .collect();
        // The main thread waits without running any of them.
        let threads = futures_lite::future::block_on(async {
            let mut threads = HashSet::new();
            for task in tasks {
                threads.insert(task.await);
            }
            threads
        });
        say_how_many(threads);
    }

    pub fn nested_block_on() {
        let sum = block_on(spawn(async { 1 + block_on(spawn(async { 2 })) }));
        say(sum);
    }

    pub fn panic() {
        block_on(async {
            spawn(async { panic!("of a task") });
            task::sleep(Duration::from_millis(200)).await;
            say(spawn(async { "another task runs" }).await);
        });
    }

    pub fn leftover() {
        block_on(async {
            spawn(async {
                let _guard = Guard;
                say("begun");
                pending::<()>().await;
            });
            task::sleep(Duration::from_millis(200)).await;
        });
    }

    pub fn dropped_file(path: &str) {
        block_on(async {
            let mut file = File::create(path).await.unwrap();
            occupy();
            file.write_all(b"written").await.unwrap();
        });
    }

    pub fn stdout() {
        block_on(async {
            occupy();
            io::stdout().write_all(b"written\n").await.unwrap();
        });
    }

    pub fn dropped_blocking() {
        occupy();
        task::spawn_blocking(|| say("run"));
        thread::sleep(2 * BUSY);
    }

    pub fn stdin() {
        block_on(async {
            let stdin = io::stdin();
            let mut line = String::new();
            while stdin.read_line(&mut line).await.unwrap() > 0 {
                say(line.trim_end());
                line.clear();
            }
            say("end");
        });
    }

    pub fn two_stdins() {
        block_on(async {
            for _ in 0..2 {
                let mut line = String::new();
                io::stdin().read_line(&mut line).await.unwrap();
                say(format_args!("{line:?}"));
            }
        });
    }

    pub fn given_up() {
        block_on(async {
            let stdin = io::stdin();
            let mut line = String::new();
            let limit = Duration::from_millis(300);
            let result = io::timeout(limit, stdin.read_line(&mut line)).await;
            say(result.unwrap_err().kind());
            stdin.read_line(&mut line).await.unwrap();
            say(format_args!("{line:?}"));
        });
    }

    incoming!();
}

mod in_smol {
    use super::*;
    use smol::fs::File;
    use smol::io::{self, BufReader};
    use smol::net::TcpListener;
    use smol::prelude::*;
    use smol::{Timer, Unblock, block_on, spawn};

    pub fn threads() {
        let tasks: Vec<_> = (0..tasks())
            .map(|_| spawn(async { block_this_thread() }))
            .collect();
        let threads = block_on(async {
            let mut threads = HashSet::new();
            for task in tasks {
                threads.insert(task.await);
            }
            threads
        });
        say_how_many(threads);
    }

    pub fn nested_block_on() {
        let sum = block_on(spawn(async { 1 + block_on(spawn(async { 2 })) }));
        say(sum);
    }

    pub fn panic() {
        block_on(async {
            spawn(async { panic!("of a task") }).detach();
            Timer::after(Duration::from_millis(200)).await;
            say(spawn(async { "another task runs" }).await);
        });
    }

    pub fn leftover() {
        block_on(async {
            spawn(async {
                let _guard = Guard;
                say("begun");
                pending::<()>().await;
            })
            .detach();
            Timer::after(Duration::from_millis(200)).await;
        });
    }

    pub fn dropped_file(path: &str) {
        block_on(async {
            let mut file = File::create(path).await.unwrap();
            occupy();
            file.write_all(b"written").await.unwrap();
        });
    }

    pub fn flushed_file(path: &str) {
        block_on(async {
            let mut file = File::create(path).await.unwrap();
            occupy();
            file.write_all(b"written").await.unwrap();
            file.flush().await.unwrap();
        });
    }

    pub fn stdout() {
        block_on(async {
            let mut stdout = Unblock::new(std::io::stdout());
            occupy();
            stdout.write_all(b"written\n").await.unwrap();
        });
    }

    pub fn flushed_stdout() {
        block_on(async {
            let mut stdout = Unblock::new(std::io::stdout());
            occupy();
            stdout.write_all(b"written\n").await.unwrap();
            stdout.flush().await.unwrap();
        });
    }

    pub fn dropped_blocking() {
        occupy();
        drop(smol::unblock(|| say("run")));
        thread::sleep(2 * BUSY);
    }

    pub fn stdin() {
        block_on(async {
            let mut stdin = BufReader::new(Unblock::new(std::io::stdin()));
            let mut line = String::new();
            while stdin.read_line(&mut line).await.unwrap() > 0 {
                say(line.trim_end());
                line.clear();
            }
            say("end");
        });
    }

    pub fn two_stdins() {
        block_on(async {
            for _ in 0..2 {
                let mut stdin = BufReader::new(Unblock::new(std::io::stdin()));
                let mut line = String::new();
                stdin.read_line(&mut line).await.unwrap();
                say(format_args!("{line:?}"));
            }
        });
    }

    pub fn given_up() {
        block_on(async {
            let mut stdin = BufReader::new(Unblock::new(std::io::stdin()));
            let mut line = String::new();
            let limit = async {
                Timer::after(Duration::from_millis(300)).await;
                Err(io::ErrorKind::TimedOut.into())
            };
            let result = stdin.read_line(&mut line).or(limit).await;
            say(result.unwrap_err().kind());
            stdin.read_line(&mut line).await.unwrap();
            say(format_args!("{line:?}"));
        });
    }

    incoming!();
}

mod in_library {
    use super::*;
    use asyncio_to_smol::{stdin::Stdin, timeout::timeout};
    use smol::block_on;
    use smol::prelude::*;

    pub fn stdin() {
        block_on(async {
            let mut lines = Stdin::open().unwrap();
            while let Some(line) = lines.next().await {
                say(String::from_utf8_lossy(&line.unwrap()));
            }
            say("end");
        });
    }

    pub fn given_up() {
        block_on(async {
            let mut lines = Stdin::open().unwrap();
            let result = timeout(Duration::from_millis(300), lines.next()).await;
            say(result.unwrap_err());
            let line = lines.next().await.unwrap().unwrap();
            say(format_args!("{:?}", String::from_utf8_lossy(&line)));
        });
    }
}
