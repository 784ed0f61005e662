//! An empty channel does not mean that the work is done; `queue.join()` does.
//!
//! Ports: none of the programs. It shows why the library has the module `queue`.
//!
//! ```text
//! $ cargo run --example lib_queue
//! plain smol: channel empty, jobs done: 3
//! queue: join has returned, jobs done: 6
//! ```
//!
//! There are six jobs, three workers take 0.2 s for a job, and at the end the workers, which would wait forever,
//! are cancelled. When is the work done? A channel counts the jobs in it, but not the jobs taken and still
//! running: cancelling the workers when it is empty cuts off three jobs. (You can also not await that it is empty,
//! only poll. If only producers send, and all have ended, drop the last sender and await the workers. That fails
//! if the workers send further jobs, or stay for later ones.)
//!
//! The [`queue`](../../src/queue.rs) has asyncio's `task_done` and `join`: `join` waits until
//! `task_done` was called for every job that was put. The second half is asyncio's own idiom, line by line:
//! producers, workers, `join`, then the workers are cancelled.
//!
//! Who owns what: `main` owns producers and workers; dropping the workers cancels them.
//!
//! Otherwise a channel is a queue: `send` and `recv` wait, `try_send` and `try_recv` do not, `len` is `qsize`, and
//! `close` is `shutdown` (the rest can still be received, unless you drain it).
//!
//! asyncio: `asyncio.Queue`, `Queue.join` (the module `queue`), `Queue.task_done` (the module `queue`),
//! `Queue.get` (`smol::channel::Receiver::recv`), `Queue.put` (`smol::channel::Sender::send`),
//! `Queue.get_nowait` (`smol::channel::Receiver::try_recv`),
//! `Queue.put_nowait` (`smol::channel::Sender::try_send`), `Queue.qsize` (`smol::channel::Receiver::len`),
//! `Queue.shutdown` (`smol::channel::Receiver::close`),
//! `Queue.shutdown(immediate=True)` (`close`, then `try_recv` until it is empty), `task.cancel`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{Queue, gather_all, run};
use smol::{Timer, channel};
use std::cell::Cell;
use std::time::Duration;

async fn work(done: &Cell<u32>) {
    Timer::after(Duration::from_millis(200)).await;
    done.set(done.get() + 1);
}

async fn plain_worker(jobs: channel::Receiver<u32>, done: &Cell<u32>) {
    while jobs.recv().await.is_ok() {
        work(done).await;
    }
}

async fn producer(queue: Queue<u32>) {
    for job in 0..3 {
        queue.put(job).await.expect("it is open");
    }
}

async fn worker(queue: Queue<u32>, done: &Cell<u32>) {
    while queue.get().await.is_ok() {
        work(done).await;
        queue.task_done();
    }
}

fn main() {
    let done = Cell::new(0);
    run(async |ex| {
        let (sender, jobs) = channel::bounded(2);
        let workers = [(); 3].map(|()| ex.spawn(plain_worker(jobs.clone(), &done)));
        for job in 0..6 {
            sender.send(job).await.expect("there are receivers");
        }
        while !jobs.is_empty() {
            Timer::after(Duration::from_millis(10)).await;
        }
        drop(workers);
        println!("plain smol: channel empty, jobs done: {}", done.take());

        let queue = Queue::bounded(2);
        let workers = [(); 3].map(|()| ex.spawn(worker(queue.clone(), &done)));
        gather_all(&ex, [(); 2].map(|()| producer(queue.clone()))).await;
        queue.join().await;
        drop(workers);
        println!("queue: join has returned, jobs done: {}", done.take());
    });
}
