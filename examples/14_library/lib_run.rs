//! `executor.run(main)` polls `main` once in 200 turns and leaks pending tasks; `run` does neither.
//!
//! Ports: none of the programs. It shows why the library has the module `run`.
//!
//! ```text
//! $ cargo run --example lib_run
//! plain smol: main waited for 200 turns of another task
//! plain smol: the task that is left has been dropped: false
//! run: main waited for 1 turn of another task
//! run: the task that is left has been dropped: true
//! ```
//!
//! `main` gives the loop one turn, and counts how often another task, which is always ready, runs meanwhile.
//! `executor.run(main)` polls `main` beside its tasks and not as one of them: once, then 200 tasks, then once
//! more. (Spawning `main`, too, fixes that; most chapters do so.)
//!
//! When `main` ends, the other task is still there. It holds an `Rc` of its executor, as every task
//! does that spawns others. So the executor owns the task and the task the executor: neither is ever
//! dropped, and no destructor runs. `Rc::strong_count` shows it: the task still has its clone of
//! `turns`. [`run`](../../src/run.rs) gives `main` a weak handle, and has dropped every task when it
//! returns, as `asyncio.run` has cancelled every task.
//!
//! Who owns what: in `plain` only the executor owns the detached task: this is the fault. `run` owns the detached
//! task, and drops it.
//!
//! asyncio: `asyncio.run`, `loop.run_until_complete`, `asyncio.create_task`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::run;
use smol::LocalExecutor;
use smol::future::{block_on, yield_now};
use std::cell::Cell;
use std::rc::Rc;

/// Is always ready to go on, and owns a handle with which it could spawn.
async fn busy(turns: Rc<Cell<u32>>, _executor: impl Sized) {
    loop {
        turns.set(turns.get() + 1);
        yield_now().await;
    }
}

fn plain() {
    let turns = Rc::new(Cell::new(0));
    let ex = Rc::new(LocalExecutor::new());
    let waited = block_on(ex.run(async {
        ex.spawn(busy(Rc::clone(&turns), Rc::clone(&ex))).detach();
        yield_now().await;
        turns.get()
    }));
    drop(ex);
    println!("plain smol: main waited for {waited} turns of another task");
    let is_dropped = Rc::strong_count(&turns) == 1;
    println!("plain smol: the task that is left has been dropped: {is_dropped}");
}

fn main() {
    plain();

    let turns = Rc::new(Cell::new(0));
    let waited = run(async |ex| {
        ex.spawn(busy(Rc::clone(&turns), ex.clone())).detach();
        yield_now().await;
        turns.get()
    });
    println!("run: main waited for {waited} turn of another task");
    let is_dropped = Rc::strong_count(&turns) == 1;
    println!("run: the task that is left has been dropped: {is_dropped}");
}
