//! Calls into another thread's loop.

use futures_util::FutureExt;
use measure::{argument, calls};
use std::hint::black_box;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub fn run(job: &str) -> bool {
    if job != "thread_call" {
        return false;
    }
    let (handle, stop) = start();
    match argument::<String>(3).as_str() {
        "spawn" => calls(
            4,
            |i| handle.spawn(async move { black_box(i) }),
            |task: JoinHandle<u64>| handle.block_on(task).expect("no panic"),
        ),
        "channels" => with_channels(&handle),
        _ => measure::unknown(3),
    }
    let _ = stop.send(());
    true
}

/// A runtime on its own thread, which ends when the returned value is dropped.
fn start() -> (Handle, oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel();
    let runtime = crate::runtime();
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(stopped.map(drop)));
    (handle, stop)
}

fn with_channels(handle: &Handle) {
    let (requests, mut queue) = mpsc::unbounded_channel::<(u64, oneshot::Sender<u64>)>();
    handle.spawn(async move {
        while let Some((i, reply)) = queue.recv().await {
            let _ = reply.send(black_box(i));
        }
    });
    let call = |i| {
        let (reply, replied) = oneshot::channel();
        requests.send((i, reply)).expect("the loop is there");
        replied
    };
    calls(4, call, |replied| replied.blocking_recv().expect("a reply"));
}
