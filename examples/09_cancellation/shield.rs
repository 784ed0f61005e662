//! A task that is to go on when whoever waits for it gives up.
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
//! Each record takes 0.3 s. A time limit drops what it waits for, and with a `Task` that cancels it: two
//! records are lost here. `shield` lets go of the task instead, which then runs on. That is asyncio's
//! `shield`, and what every promise in Node.js does anyway: nobody can cancel one.
//!
//! Who owns what: the loop of `run` owns both tasks. The first is cancelled by `timeout_task`, which waits
//! until it has been dropped. Of the second nobody hears any more; `run` would cancel it at the end of
//! `main`, so `main` waits. It notices the end by a channel, whose other half goes with the task.
//!
//! asyncio: `asyncio.shield`, `asyncio.wait_for`, `asyncio.TimeoutError`.
//! Node: `Promise.race`.
//! Paste: `cargo add smol`; the library's `run.rs`, `shield.rs`, `spawn.rs`, `task_list.rs` and
//! `timeout.rs` with `cargo add async-executor async-io futures-lite pin-project-lite slab`.
//! `just copy shield DIR` does it.

use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::shield::shield;
use asyncio_to_smol::timeout::{TimedOut, timeout, timeout_task};
use smol::Timer;
use smol::channel::{self, Receiver};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const RECORDS: u32 = 3;
const LIMIT: Duration = Duration::from_millis(500);

/// What has been written, and by whom one hears that nothing more comes.
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

async fn report(how: &str, result: Result<(), TimedOut>, written: Written) {
    if result.is_err() {
        println!("{how}: not done within {} s", LIMIT.as_secs_f64());
    }
    let _ = written.ended.recv().await; // an error: the task has gone
    let count = written.count.get();
    println!("{how}: {count} of {RECORDS} records are written");
}

async fn async_main(ex: Spawner<'static>) {
    let (save_all, written) = save();
    let result = timeout_task(LIMIT, ex.spawn(save_all)).await;
    report("time limit", result, written).await;

    let (save_all, written) = save();
    let result = timeout(LIMIT, shield(ex.spawn(save_all))).await;
    report("time limit, shielded", result, written).await;
}

fn main() {
    run(async_main);
}
