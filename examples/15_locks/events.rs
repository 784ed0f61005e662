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
//! `Event`: a `smol::lock::OnceCell` is set once, and wakes all that wait, now and later. An event that can
//! be cleared replaces its cell by a new one. Whatever waits has a share of the old cell: set and
//! cleared at once, it wakes them all the same, as in asyncio. `Event` of the crate event-listener is
//! another thing: it stores nothing, and a notification before the listening is lost.
//!
//! Condition: `wait_for` listens, then looks, and looks again at each notification. What looks takes, too:
//! on one thread nothing else runs in between, so that there is no lock, and a notification without the
//! lock, a `RuntimeError` in asyncio, is right here. (Data that is locked across an `await` needs a
//! `smol::lock::Mutex`: listen, drop the guard, await the listener, lock again, look.)
//! `notify_additional(1)` is asyncio's `notify(1)`: each call wakes one more. `notify(1)` sees to it that
//! one is awake: called twice in a row it wakes one. A notified waiter that is cancelled before it runs
//! passes the notification on. `notify(usize::MAX)` is `notify_all`.
//!
//! Barrier: smol's counts a cancelled waiter for ever, so that the next one passes alone. In this one each
//! waiter has a share of the cell, and the number of shares is the number of waiters. A cancelled waiter
//! is dropped, and its share with it: `a` waits until `b` is there. `abort` sets an error, which all that
//! wait, now and later, return. `reset`, left out, sets it on `self.1.take()`: a new cell stays behind.
//! A waiter's number is its place in the order of coming, as in asyncio; smol's barrier tells one that it
//! is the leader.
//!
//! All of this is for one thread. For several, put `Arc` for `Rc`, a `std::sync::Mutex` for `RefCell`,
//! and count and set while it is locked. `OnceCell::try_set` needs async-lock 3.5: `cargo update`, if an
//! older one is locked.
//!
//! Who owns what: event and barrier own the cell that will be set; waiters own shares. `main` owns the
//! tasks, and all have ended when it does.
//!
//! asyncio: `asyncio.Event` (`smol::lock::OnceCell`, replaced by a new one to clear it), `event.set`,
//! `event.clear`, `event.wait` (`smol::lock::OnceCell::wait`), `asyncio.Condition` (the crate
//! event-listener: listen, look, await), `condition.wait_for`, `condition.notify`
//! (`event_listener::Event::notify_additional`), `condition.notify_all`
//! (`event_listener::Event::notify` with `usize::MAX`), `asyncio.Barrier` (`smol::lock::Barrier`, if no
//! waiter is cancelled), `barrier.wait`, `barrier.abort`, `barrier.reset`,
//! `asyncio.BrokenBarrierError` (an `Err` for all that wait).
//! Paste: `cargo add smol event-listener`.

use event_listener::Event as Changed;
use smol::lock::{self, OnceCell};
use smol::{LocalExecutor, block_on, future};
use std::{cell::RefCell, rc::Rc};

/// Stays set until it is cleared.
#[derive(Default)]
struct Event(RefCell<Rc<OnceCell<()>>>);

// ANCHOR: excerpt
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
// ANCHOR_END: excerpt

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

fn main() {
    let smols = lock::Barrier::new(2);
    block_on(future::poll_once(smols.wait())); // a waiter that is cancelled
    let passes = block_on(future::poll_once(smols.wait())).is_some();
    println!("smol's Barrier(2), a waiter cancelled: the next one passes alone: {passes}");

    let (event, barrier) = (Event::default(), Barrier(2, RefCell::default()));
    let (items, changed) = (RefCell::new(Vec::new()), Changed::new());
    block_on(future::poll_once(barrier.wait())); // likewise
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
    let abort = async { barrier.abort() };
    let result = block_on(future::zip(barrier.wait(), abort)).0;
    println!("at an aborted barrier: {result:?}");
}
