//! Node's phases: ticks, promise jobs, timers and immediates in their order, on a custom loop.
//!
//! Ports: none of the programs. It shows the order of Node's event loop.
//!
//! ```text
//! $ cargo run --example phases
//! CommonJS: main tick job1 job2 tick-of-job1 timer its-tick its-job immediate next-timer
//! ES module: main job1 job2 tick tick-of-job1 timer its-tick its-job immediate next-timer
//! call_soon: A task B C
//! ```
//!
//! smol has one queue, and runs ready tasks in its order. Node has four, and after each callback it runs all
//! ticks, then all promise jobs, and repeats this while there are new ticks (`drain`). Due timers come first, then
//! polling for I/O, then the immediates. In a CommonJS file the ticks come before the promise jobs, as after any
//! callback. An ES module is itself a promise job: its promise jobs come before its ticks. Node 20 prints the
//! first two lines for the same script as `.cjs` and as `.mjs`.
//!
//! `LocalExecutor::try_tick` runs the next step of one task, and returns whether there was one, so an executor can
//! serve as a queue. Ticks have one, promise jobs another, each round of immediates a third. Timers are sorted by
//! time. Use this where a program needs Node's order; plain smol programs do not. `next_tick` is for callbacks
//! that must come before everything else: as in Node, a tick that always adds another starves the rest.
//!
//! asyncio has one queue like smol. `call_soon(A)`, `create_task(T)`, `call_soon(B)`, and A that calls
//! `call_soon(C)`: A T B C, in both, if a call is spawned like a task (`queue_microtask`) and not put into a
//! separate queue. `asyncio.sleep(0)` is `smol::future::yield_now`.
//!
//! Where it is not Node: a task that waits for I/O goes on among the promise jobs, there is no other queue for it.
//! A pending task keeps `run` going, a pending promise does not keep Node alive. An `await` of a ready value takes
//! no turn here, and one in Node. A `clearTimeout` would be a key and a `remove`; `setImmediate` returns a `Task`,
//! and dropping it is `clearImmediate`.
//!
//! What keeps a program alive: in Node a timer, unless it has been `unref`ed, a socket, an immediate. When nothing
//! does, Node emits `beforeExit`, whose listeners may add more. Here `run` returns, because this loop counts. A
//! Rust program ends with `main`, even if tasks are pending, as if all were `unref`ed. For `ref`, await the task
//! in `main`.
//!
//! Who owns what: the loop owns its callbacks, and they hold a reference to it. It is leaked, as Node's
//! loop lasts as long as the process. The executors own the tasks, which are detached: `run` returns
//! when they are done.
//!
//! asyncio: `loop.call_soon` (`smol::LocalExecutor::spawn`), `loop.call_later` (`smol::Timer::after`),
//! `asyncio.sleep(0)` (`smol::future::yield_now`).
//! Node: `process.nextTick` (an executor that is run before all others), `queueMicrotask`
//! (`smol::LocalExecutor::spawn`), `setImmediate` (`smol::LocalExecutor::try_tick`), `clearImmediate`
//! (the drop of the `Task`), `setTimeout` (`smol::Timer::after`), `timer.unref` (none: nothing keeps a
//! program alive), `timer.ref` (none: await the task in `main`), `beforeExit` (none: the end of `main`
//! is the end), `event loop phases` (queues that are run in Node's order).
//! Paste: `cargo add smol`.

use smol::future::FutureExt;
use smol::{LocalExecutor, Task, Timer, block_on};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

type Callback = Box<dyn FnOnce()>;

/// Each queue is an executor, except the timers, which are sorted by time.
#[derive(Default)]
struct Loop {
    ticks: LocalExecutor<'static>,
    promise_jobs: LocalExecutor<'static>,
    timers: RefCell<BTreeMap<Instant, Vec<Callback>>>,
    immediates: RefCell<LocalExecutor<'static>>,
}

impl Loop {
    fn next_tick(&self, callback: impl FnOnce() + 'static) {
        self.ticks.spawn(async { callback() }).detach();
    }

    /// Enqueued after the tasks that are ready. This is also asyncio's `call_soon`.
    fn queue_microtask(&self, callback: impl FnOnce() + 'static) {
        self.promise_jobs.spawn(async { callback() }).detach();
    }

    fn set_timeout(&self, ms: u64, callback: impl FnOnce() + 'static) {
        let at = Instant::now() + Duration::from_millis(ms.max(1)); // as in Node
        let mut timers = self.timers.borrow_mut();
        timers.entry(at).or_default().push(Box::new(callback));
    }

    /// Not called if the task is dropped first.
    fn set_immediate(&self, callback: impl FnOnce() + 'static) -> Task<()> {
        self.immediates.borrow().spawn(async { callback() })
    }

    /// Runs after each callback: all ticks, then all promise jobs, and again while there are new ticks.
    fn drain(&self) {
        loop {
            while self.ticks.try_tick() {}
            if !self.promise_jobs.try_tick() {
                return;
            }
            while self.promise_jobs.try_tick() {}
        }
    }

    /// Runs until nothing is left: then Node emits `beforeExit`.
    fn run(&self, main: impl FnOnce()) {
        main();
        self.drain();
        loop {
            // Timers: those that are due.
            let later = self.timers.borrow_mut().split_off(&Instant::now());
            for callback in self.timers.replace(later).into_values().flatten() {
                callback();
                self.drain();
            }
            // Poll: if there is no immediate, until a timer is due or I/O has added a promise job.
            if self.immediates.borrow().is_empty() {
                let next = self.timers.borrow().keys().next().copied();
                if next.is_none() && self.promise_jobs.is_empty() {
                    return;
                }
                let timer = next.map_or(Timer::never(), Timer::at);
                block_on(self.promise_jobs.tick().or(async { _ = timer.await }));
                self.drain();
            }
            // Check: the immediates. Those that they add run in the next round.
            let immediates = self.immediates.take();
            while immediates.try_tick() {
                self.drain();
            }
        }
    }
}

fn say(word: &'static str) -> impl FnOnce() {
    move || print!(" {word}")
}

// ANCHOR: excerpt
fn script(lp: &'static Loop) {
    lp.set_timeout(0, || {
        say("timer")();
        lp.set_timeout(20, say("next-timer"));
        lp.set_immediate(say("immediate")).detach();
        lp.queue_microtask(say("its-job"));
        lp.next_tick(say("its-tick"));
    });
    drop(lp.set_immediate(say("never"))); // clearImmediate
    lp.queue_microtask(|| {
        say("job1")();
        lp.next_tick(say("tick-of-job1"));
    });
    lp.queue_microtask(say("job2"));
    lp.next_tick(say("tick"));
    say("main")();
}
// ANCHOR_END: excerpt

fn main() {
    let lp: &Loop = Box::leak(Box::default()); // like Node's, it lasts as long as the process
    print!("CommonJS:");
    lp.run(|| script(lp));
    print!("\nES module:");
    lp.run(|| lp.queue_microtask(|| script(lp)));
    print!("\ncall_soon:");
    lp.run(|| {
        lp.queue_microtask(|| {
            say("A")();
            lp.queue_microtask(say("C"));
        });
        lp.promise_jobs.spawn(async { say("task")() }).detach();
        lp.queue_microtask(say("B"));
    });
    println!();
}
