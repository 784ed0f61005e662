//! Calls into another thread's loop.

use async_channel::Sender;
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
        "channels" => with_channels(&thread),
        "spawn" => calls(3, |i| thread.spawn(async move { black_box(i) }), join),
        _ => measure::unknown(2),
    }
    true
}

fn with_channels(thread: &LoopThread) {
    let (requests, queue) = async_channel::unbounded::<(u64, Sender<u64>)>();
    thread.spawn(async move {
        while let Ok((i, reply)) = queue.recv().await {
            let _ = reply.try_send(black_box(i));
        }
    });
    let call = |i| {
        let (reply, replied) = async_channel::bounded(1);
        requests.try_send((i, reply)).expect("the loop is there");
        replied
    };
    calls(3, call, |replied| replied.recv_blocking().expect("a reply"));
}
