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
//! The article's second thread runs for ever. Here `main` waits for its two tasks, and then stops
//! the loop. `join` gives what the task returned, an error too, or its panic: the article's author
//! looked for a way to bring a task's exception to the main thread, and found none.
//!
//! Who owns what: `other` is the loop's thread, and the loop owns the tasks. Dropping `other` cancels
//! what still runs, and joins the thread. A handle is only for asking.
//!
//! Ctrl-C ends the program at once, and nothing is dropped then; `interrupt::Interrupts` is for that.
//!
//! asyncio: `asyncio.run_coroutine_threadsafe`, `asyncio.new_event_loop`, `asyncio.set_event_loop`,
//! `loop.run_forever`, `threading.Thread`, `concurrent.futures.Future`.
//! Node: `new Worker`, `worker_threads`.
//! Paste: `cargo add smol`; the library's `loop_thread.rs`, `panics.rs`, `run.rs`, `spawn.rs` and
//! `task_list.rs` with
//! `cargo add async-channel async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy loop_thread_tasks DIR` does it.

use asyncio_to_smol::loop_thread::LoopThread;
use smol::Timer;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

async fn do_some_work(x: u64) {
    println!("Waiting {x}");
    Timer::after(Duration::from_secs(x)).await;
    println!("Done after {x}s");
}

fn spawn_some_work() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let other = LoopThread::start()?;
    println!("TIME: {:.6}", start.elapsed().as_secs_f64());

    let tasks = [6, 4].map(|x| other.spawn(do_some_work(x)));
    for task in tasks {
        task.join()?;
    }
    Ok(())
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
