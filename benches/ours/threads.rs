//! Calls into another thread's loop.

use asyncio_to_smol::loop_thread::{Handle, LoopThread};
use measure::{argument, calls};
use std::hint::black_box;

pub fn run(job: &str) -> bool {
    if job != "thread_call" {
        return false;
    }
    let thread = LoopThread::start().expect("a thread");
    let join = |handle: Handle<u64>| handle.join().expect("no panic");
    match argument::<String>(2).as_str() {
        "call_soon" => calls(3, |i| thread.call_soon(move || black_box(i)), join),
        "spawn" => calls(3, |i| thread.spawn(async move { black_box(i) }), join),
        _ => measure::unknown(2),
    }
    true
}
