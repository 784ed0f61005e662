//! Tasks on another thread's loop: together, 6 s in all.
//!
//! Ports: article B's `run_coroutine_threadsafe(do_some_work(…), loop)` (B10).
//!
//! ```text
//! $ cargo run --example loop_thread_tasks
//! TIME: 0.000143
//! Waiting 6
//! Waiting 4
//! Done after 4s
//! Done after 6s
//! ```
//!
//! Both tasks sleep at the same time, on one thread: 6 seconds in all.
//!
//! Threads can share an `Executor`: the second thread runs it, `main` spawns on it. The article's second thread
//! runs forever; here `main` awaits its two tasks. Awaiting a task returns its value or its error, and panics if
//! the task panicked; the loop goes on. The article's author found no way to bring a task's exception to the main
//! thread. `cargo run --example loop_thread_tasks | head -1` shows it: the pipe is closed, a task returns the
//! error, and `main` prints it.
//!
//! Who owns what: `main` owns the tasks; dropping one cancels it. It owns `stop`, too. When that is
//! dropped, also early by `?` or by a panic, the loop ends, and `scope` joins the thread. `main`
//! then drops unfinished tasks with the executor. Ctrl-C ends the program at once, without
//! destructors.
//!
//! asyncio: `asyncio.run_coroutine_threadsafe` (`smol::Executor::spawn`),
//! `asyncio.new_event_loop` (`smol::Executor::new`), `asyncio.set_event_loop`, `loop.run_forever`
//! (`smol::Executor::run`), `loop.stop` (end what `run` was given), `threading.Thread`
//! (`std::thread::scope`), `concurrent.futures.Future` (`smol::Task`), `asyncio.wrap_future`
//! (`smol::Task`).
//! Node: `new Worker` (`std::thread::scope`), `worker.terminate` (end what `run` was given),
//! `worker_threads`.
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver};
use smol::{Executor, Timer, future::FutureExt};
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) -> io::Result<()> {
    writeln!(io::stdout(), "Waiting {x}")?;
    Timer::after(Duration::from_secs(x)).await;
    writeln!(io::stdout(), "Done after {x}s")
}

/// Runs the tasks until the other end of `stopped` is dropped. This end is dropped when the loop
/// has ended.
fn run_loop(executor: &Executor, stopped: Receiver<()>) {
    let _ = smol::block_on(executor.run(stopped.recv()));
}

fn spawn_some_work() -> io::Result<()> {
    let start = Instant::now();
    // ANCHOR: excerpt
    let executor = Executor::new();
    thread::scope(|scope| {
        let (stop, stopped) = channel::bounded(1);
        Builder::new().spawn_scoped(scope, || run_loop(&executor, stopped))?;
        println!("TIME: {:.6}", start.elapsed().as_secs_f64());

        for task in [6, 4].map(|x| executor.spawn(do_some_work(x))) {
            let loop_ended = async {
                stop.closed().await;
                Err(io::Error::other("the loop has ended"))
            };
            smol::block_on(task.or(loop_ended))?;
        }
        Ok(())
    })
    // ANCHOR_END: excerpt
}

fn main() -> ExitCode {
    match spawn_some_work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loop_thread_tasks: {error}");
            ExitCode::FAILURE
        }
    }
}
