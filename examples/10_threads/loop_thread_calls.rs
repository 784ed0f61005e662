//! Calls into another thread's loop: one after the other, 9 s in all.
//!
//! Ports: article B's `call_soon_threadsafe(more_work, …)` (B9).
//!
//! ```text
//! $ cargo run --example loop_thread_calls
//! TIME: 0.000143
//! More work 6
//! Finished more work 6
//! More work 3
//! Finished more work 3
//! ```
//!
//! Handing over a call takes no time. The calls block the loop they run on, so the second one begins
//! when the first has ended: 9 seconds in all.
//!
//! The article's second thread runs for ever, and the program with it. Here `main` waits for its two
//! calls, and then stops the loop. `join` gives what the call returned, or its panic: in the article
//! there is no way for either to get back.
//!
//! Who owns what: `other` is the loop's thread. Dropping it ends the loop and joins the thread; calls
//! that have not begun are not made then.
//!
//! Ctrl-C ends the program at once, and nothing is dropped then; `interrupt::Interrupts` is for that.
//!
//! asyncio: `loop.call_soon_threadsafe`, `asyncio.new_event_loop`, `asyncio.set_event_loop`,
//! `loop.run_forever`, `threading.Thread`, `time.sleep`.
//! Node: `new Worker`, `worker.postMessage`, `worker_threads`.
//! Paste: the library's `loop_thread.rs`, `panics.rs`, `run.rs`, `spawn.rs` and `task_list.rs` with
//! `cargo add async-channel async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy loop_thread_calls DIR` does it.

use asyncio_to_smol::loop_thread::LoopThread;
use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn more_work(x: u64) {
    println!("More work {x}");
    sleep(Duration::from_secs(x));
    println!("Finished more work {x}");
}

fn call_more_work() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let other = LoopThread::start()?;
    println!("TIME: {:.6}", start.elapsed().as_secs_f64());

    let calls = [6, 3].map(|x| other.call_soon(move || more_work(x)));
    for call in calls {
        call.join()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match call_more_work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loop_thread_calls: {error}");
            ExitCode::FAILURE
        }
    }
}
