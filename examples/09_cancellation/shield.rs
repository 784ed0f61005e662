//! A task that goes on when the waiting for it is cancelled.
//!
//! Ports: none of the programs. Article B's section on stopping coroutines needs it.
//!
//! ```text
//! $ cargo run --example shield
//! time limit: not done within 0.5 s
//! time limit: 1 of 3 records are written
//! time limit, shielded: not done within 0.5 s
//! time limit, shielded: 3 of 3 records are written
//! ```
//!
//! Each record takes 0.3 s. A time limit drops the future that it limits, and dropping a `Task`
//! cancels it: two records are lost here. `shield` detaches the task instead, which then runs on.
//! asyncio's `shield` does the same. In Node.js every promise behaves this way: it cannot be
//! cancelled.
//!
//! A shielded task can no longer be cancelled, and its result is lost after the time limit; a panic
//! goes to the panic hook. To wait for it again, do not shield it: pass `&mut task` to the time
//! limit, and keep `task`.
//!
//! Who owns what: the executor owns both tasks' futures. The first is cancelled when the time limit drops its
//! `Task`, and dropped at the executor's next turn. The second is detached, since the work must outlive the
//! waiting. The end of the executor would drop it at any point, so `async_main` waits for its end: the task holds
//! a sender, and the channel closes when it is dropped.
//!
//! asyncio: `asyncio.shield` (`smol::Task::detach`), `asyncio.wait_for` (`smol::future::or`),
//! `asyncio.TimeoutError`.
//! Node: `Promise.race`.
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver};
use smol::{LocalExecutor, Task, Timer, block_on, future};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const RECORDS: u32 = 3;
const LIMIT: Duration = Duration::from_millis(500);

/// The records written, and a channel that closes when no more follow.
struct Written {
    count: Rc<Cell<u32>>,
    ended: Receiver<()>,
}

/// The file is a counter here.
fn save() -> (impl Future<Output = ()>, Written) {
    let count = Rc::new(Cell::new(0));
    let (running, ended) = channel::bounded(1);
    let written = Written {
        count: Rc::clone(&count),
        ended,
    };
    let save = async move {
        let _running = running;
        for _ in 0..RECORDS {
            Timer::after(Duration::from_millis(300)).await;
            count.set(count.get() + 1);
        }
    };
    (save, written)
}

/// Detaches its task when it is dropped: the task goes on, and ends by itself or with its executor.
struct Shield<T>(Option<Task<T>>);

impl<T> Drop for Shield<T> {
    fn drop(&mut self) {
        let _ = self.0.take().map(Task::detach);
    }
}

fn shield<T>(task: Task<T>) -> impl Future<Output = T> {
    let mut shield = Shield(Some(task)); // already here: the future may be dropped before it is polled
    async move { shield.0.as_mut().expect("taken only by `drop`").await }
}

/// What the future returns, or `None` if it is not done within the limit. Then it is dropped.
async fn timeout<T>(future: impl Future<Output = T>) -> Option<T> {
    let time_is_up = async {
        Timer::after(LIMIT).await;
        None
    };
    future::or(async { Some(future.await) }, time_is_up).await
}

async fn report(how: &str, result: Option<()>, written: Written) {
    if result.is_none() {
        println!("{how}: not done within {} s", LIMIT.as_secs_f64());
    }
    let _ = written.ended.recv().await; // an error: the task has ended
    let count = written.count.get();
    println!("{how}: {count} of {RECORDS} records are written");
}

async fn async_main(ex: &LocalExecutor<'_>) {
    let (save_all, written) = save();
    let result = timeout(ex.spawn(save_all)).await;
    report("time limit", result, written).await;

    let (save_all, written) = save();
    let result = timeout(shield(ex.spawn(save_all))).await;
    report("time limit, shielded", result, written).await;
}

fn main() {
    let ex = LocalExecutor::new();
    block_on(ex.run(async_main(&ex)));
}
