//! Calls into another thread's loop, as the programs of chapter 10 make them.

use async_channel::{Receiver, Sender};
use async_executor::Executor;
use async_io::block_on;
use measure::{argument, calls};
use std::hint::black_box;
use std::thread;

type Call = Box<dyn FnOnce() + Send>;

pub fn run(job: &str) -> bool {
    if job != "thread_call" {
        return false;
    }
    match argument::<String>(2).as_str() {
        "closures" => closures(),
        "spawn" => spawn(),
        _ => measure::unknown(2),
    }
    true
}

fn closures() {
    let (other, queue): (Sender<Call>, Receiver<Call>) = async_channel::unbounded();
    thread::spawn(move || {
        block_on(async {
            while let Ok(call) = queue.recv().await {
                call();
            }
        });
    });
    let call = |i| {
        let (reply, replied) = async_channel::bounded(1);
        let call = Box::new(move || reply.try_send(black_box(i)).expect("room for one"));
        other.try_send(call).expect("the loop is there");
        replied
    };
    calls(3, call, |replied: Receiver<u64>| {
        replied.recv_blocking().expect("a reply")
    });
}

fn spawn() {
    let executor = &Executor::new();
    thread::scope(|scope| {
        let (_stop, stopped) = async_channel::bounded::<()>(1);
        scope.spawn(move || block_on(executor.run(stopped.recv())).ok());
        calls(3, |i| executor.spawn(async move { black_box(i) }), block_on);
    });
}
