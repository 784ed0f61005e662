//! An event that stays set, a condition, and a barrier whose cancelled waiters give their places back.
//!
//! Ports: none of the programs. smol has no event and no condition, and its barrier counts differently.
//!
//! ```text
//! $ cargo run --example events
//! smol's Barrier(2), a waiter cancelled: the next one passes alone: true
//! a: the event was set
//! b: the event was set
//! a: takes item 1
//! b: takes item 2
//! b: at the barrier: Ok(1)
//! a: at the barrier: Ok(0)
//! at an aborted barrier: Err(BrokenBarrierError)
//! ```
//!
//! `Event`: a `smol::lock::OnceCell` is set once; its waiters go on, and so do later ones. Clearing the event
//! replaces the cell by a new one. A waiter shares the cell that was there when it began to wait, so it goes on
//! even if the event is cleared at once, as in asyncio. (The `Event` of the crate event-listener keeps no state: a
//! notification before `listen()` is lost.)
//!
//! Condition: `wait_for` listens, then checks, and does both again after each notification. The closure takes the
//! item in the same step, and on one thread nothing else runs during a step. So no lock is needed; notifying
//! without a lock, a `RuntimeError` in asyncio, is correct here. (If the data is locked across an `await` with a
//! `smol::lock::Mutex`: listen, drop the guard, await the listener, lock again, check.) `notify_additional(1)` is
//! asyncio's `notify(1)`: each call wakes one more waiter. event-listener's `notify(1)` does nothing if a notified
//! waiter has not run yet: two calls in a row wake one waiter. A waiter that is cancelled after its notification
//! passes it on.
//!
//! Barrier: smol's still counts a cancelled waiter, so that the next one passes alone. Here each waiter holds an
//! `Rc` of the cell, and the number of `Rc`s is the number of waiters. A cancelled waiter drops its `Rc`: `a`
//! waits until `b` arrives. `abort` sets an error, which all waiters return, now and later. `reset`, left out,
//! sets it on `self.1.take()`, which leaves a new cell. The number is asyncio's: 0 for the first to arrive. smol's
//! barrier returns only whether the caller is the leader.
//!
//! All of this is for one thread. For several, use `Arc` and `std::sync::Mutex`, and keep the mutex locked from
//! counting to setting. `OnceCell::try_set` needs async-lock 3.5: `cargo update`, if an older one is in the lock
//! file.
//!
//! Who owns what: event and barrier share the current cell with their waiters. `two_tasks` owns the tasks, which
//! have ended when it returns.
//!
//! asyncio: `asyncio.Event` (`smol::lock::OnceCell`, replaced by a new one to clear it), `event.set`
//! (`smol::lock::OnceCell::try_set`), `event.clear` (a new cell), `event.wait` (`smol::lock::OnceCell::wait`),
//! `asyncio.Condition` (the crate event-listener: listen, look, await), `condition.wait_for` (a loop: listen,
//! look, await), `condition.notify` (`event_listener::Event::notify_additional`), `condition.notify_all`
//! (`event_listener::Event::notify` with `usize::MAX`), `asyncio.Barrier` (`smol::lock::Barrier`, if no waiter is
//! cancelled), `barrier.wait` (`smol::lock::Barrier::wait`), `barrier.abort` (an `Err` in the cell for all),
//! `barrier.reset` (the same, and a new cell), `asyncio.BrokenBarrierError` (an `Err` for all waiters).
//! Paste: `cargo add smol event-listener`.

use event_listener::Event as Changed;
use smol::{LocalExecutor, block_on, future, lock, lock::OnceCell};
use std::{cell::RefCell, rc::Rc};

/// Stays set until it is cleared.
struct Event(RefCell<Rc<OnceCell<()>>>);

impl Event {
    fn set(&self) {
        let _ = self.0.borrow().try_set(()); // an error: it is set
    }

    fn clear(&self) {
        if self.0.borrow().is_initialized() {
            self.0.take();
        }
    }

    async fn wait(&self) {
        let cell = Rc::clone(&self.0.borrow()); // stays set even if the event is cleared at once
        cell.wait().await;
    }
}

/// Checks for a result now, and again at each notification.
async fn wait_for<T>(changed: &event_listener::Event, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        let listener = changed.listen(); // before the check: from here on no notification is lost
        match look() {
            Some(result) => return result,
            None => listener.await,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct BrokenBarrierError;

/// Releases its waiters when there are this many of them. Each shares the cell.
struct Barrier(usize, RefCell<Rc<OnceCell<Result<(), BrokenBarrierError>>>>);

impl Barrier {
    async fn wait(&self) -> Result<usize, BrokenBarrierError> {
        let cell = Rc::clone(&self.1.borrow()); // a place, which is given back when it is dropped
        let index = Rc::strong_count(&cell) - 2;
        if index + 1 == self.0 && !cell.is_initialized() {
            let _ = self.1.take().try_set(Ok(()));
        }
        cell.wait().await.map(|()| index)
    }

    fn abort(&self) {
        let _ = self.1.borrow().try_set(Err(BrokenBarrierError)); // an error: it is aborted
    }
}

// ANCHOR: excerpt
fn two_tasks() {
    let (event, barrier) = (Event(RefCell::default()), Barrier(2, RefCell::default()));
    let (items, changed) = (RefCell::new(Vec::new()), Changed::new());
    block_on(future::poll_once(barrier.wait())); // a waiter that is cancelled
    let task = async |name| {
        event.wait().await;
        println!("{name}: the event was set");
        let item = wait_for(&changed, || items.borrow_mut().pop()).await;
        println!("{name}: takes item {item}");
        println!("{name}: at the barrier: {:?}", barrier.wait().await);
    };
    let ex = LocalExecutor::new();
    let _tasks = ["a", "b"].map(|name| ex.spawn(task(name)));
    while ex.try_tick() {} // until both wait
    event.set();
    event.clear();
    for item in 1..=2 {
        while ex.try_tick() {}
        items.borrow_mut().push(item);
        changed.notify_additional(1);
    }
    while ex.try_tick() {}
    barrier.abort();
    println!("at an aborted barrier: {:?}", block_on(barrier.wait()));
}
// ANCHOR_END: excerpt

fn main() {
    let smols = lock::Barrier::new(2);
    block_on(future::poll_once(smols.wait())); // cancelled, too
    let passes = block_on(future::poll_once(smols.wait())).is_some();
    println!("smol's Barrier(2), a waiter cancelled: the next one passes alone: {passes}");
    two_tasks();
}
