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
//! `Event`: a `smol::lock::OnceCell` is set once, and its waiters go on, also those that come later. To
//! clear an event is to put a new cell in its place. A waiter has a share of the cell that was there when
//! it began to wait, and so it goes on even if the event is cleared at once, as in asyncio. (The crate
//! event-listener has an `Event`, too. That one keeps nothing: a notification before the listening is
//! lost.)
//!
//! Condition: `wait_for` listens, then looks, and listens and looks again after each notification. The
//! closure takes the item in the same step, and on one thread nothing else runs in the middle of a step.
//! So there is no lock, and a notification without one, a `RuntimeError` in asyncio, is right. (Data that
//! is locked across an `await` has a `smol::lock::Mutex`: listen, drop the guard, await the listener,
//! lock again, look.) `notify_additional(1)` is asyncio's `notify(1)`: each call wakes one more.
//! event-listener's `notify(1)` is satisfied with one that was notified before and has not run yet: two
//! calls in a row wake one waiter. A waiter that is cancelled after its notification passes it on.
//!
//! Barrier: smol's goes on counting a cancelled waiter, so that the next one passes alone. In this one
//! each waiter has a share of the cell, and the number of shares is the number of waiters. A cancelled
//! waiter is dropped, and its share with it: `a` waits until `b` is there. `abort` sets an error, which
//! all return that wait, now or later. `reset`, left out, sets it on `self.1.take()`, which leaves a new
//! cell. The number is that of asyncio: 0 for the first that came. smol's barrier tells only whether one
//! is the leader.
//!
//! All of this is for one thread. For several, put `Arc` for `Rc` and a `std::sync::Mutex` for `RefCell`,
//! and keep it locked from counting to setting. `OnceCell::try_set` needs async-lock 3.5: `cargo update`,
//! if an older one is in the lock file.
//!
//! Who owns what: event and barrier own the cell that will be set, and the waiters own shares of it.
//! `two_tasks` owns the tasks, which have ended when it does.
//!
//! asyncio: `asyncio.Event` (`smol::lock::OnceCell`, replaced by a new one to clear it), `event.set`
//! (`smol::lock::OnceCell::try_set`), `event.clear` (a new cell), `event.wait` (`smol::lock::OnceCell::wait`), `asyncio.Condition` (the crate
//! event-listener: listen, look, await), `condition.wait_for` (a loop: listen, look, await), `condition.notify`
//! (`event_listener::Event::notify_additional`), `condition.notify_all` (`event_listener::Event::notify`
//! with `usize::MAX`), `asyncio.Barrier` (`smol::lock::Barrier`, if no waiter is cancelled),
//! `barrier.wait` (`smol::lock::Barrier::wait`), `barrier.abort` (an `Err` in the cell for all), `barrier.reset`
//! (likewise, and a new cell), `asyncio.BrokenBarrierError` (an `Err` for all that
//! wait).
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
        let cell = Rc::clone(&self.0.borrow()); // which is set even if the event is cleared at once
        cell.wait().await;
    }
}

/// Looks whether there is a result, and again at each notification.
async fn wait_for<T>(changed: &event_listener::Event, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        let listener = changed.listen(); // before it looks: from here on no notification is lost
        match look() {
            Some(result) => return result,
            None => listener.await,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct BrokenBarrierError;

/// Lets its waiters go on when there are as many as this. Each has a share of the cell.
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
    block_on(future::poll_once(smols.wait())); // likewise
    let passes = block_on(future::poll_once(smols.wait())).is_some();
    println!("smol's Barrier(2), a waiter cancelled: the next one passes alone: {passes}");
    two_tasks();
}
