//! Who gets a lock next: smol's Mutex and Semaphore barge, asyncio's do not; a fair one in 20 lines.
//!
//! Ports: none of the programs. It shows what asyncio's locks do and smol's do not.
//!
//! ```text
//! $ cargo run --example locks
//! Mutex:     a1 a2 b1 c1 b2 c2
//! Semaphore: a1 a2 c1 c2 b1 b2
//! Fifo:      a1 b1 c1 a2 b2 c2
//! after a cancelled transfer: [70, 0]
//! permits of Semaphore::new(1): 1, after add_permits(1): 2
//! ```
//!
//! Three tasks take a lock twice each, for 30 ms each time. asyncio's order is the third: the lock goes to the
//! task that has waited longest. smol's guards free the lock and wake a waiter; before the waiter runs, `a` takes
//! the lock again. This is called barging. `Mutex` limits it: a waiter that finds the lock taken again after more
//! than 0.5 ms is served before all later ones. `Semaphore` does not: `b` goes to the end of the queue each time,
//! and may wait forever.
//!
//! A permit of `Fifo` is sent to the first waiter instead of being freed. `Fifo` is a semaphore; with one permit
//! it is a lock. A cancelled waiter is skipped. If it is cancelled after the permit was sent, the permit is
//! dropped with the channel, and goes to the next waiter. Another way is a task that owns the data and serves
//! requests from an unbounded channel in turn. (The senders of a full bounded channel barge, too.) Crates:
//! `tokio::sync::Mutex` and `Semaphore` are FIFO and need no runtime of tokio, only its feature `sync`; those of
//! asyncband are FIFO, too.
//!
//! When a holder is cancelled, its guard is dropped: the lock is free, and the data is as it was at that `await`,
//! with 30 taken from one account and not added to the other. It is the same in asyncio. The lock is not poisoned
//! (`std::sync::Mutex` is poisoned only by a panic). So keep an `await` out of changes that belong together, or
//! repair the data in the `Drop` of a guard, Rust's `finally`. A lock that is not held across an `await` can be a
//! `RefCell` on one thread.
//!
//! A guard is dropped once and so releases once: the `ValueError` of `BoundedSemaphore` has no counterpart. Only
//! `add_permits` adds permits, like an extra `release` of asyncio's `Semaphore`; `SemaphoreGuard::forget` takes
//! one away.
//!
//! Who owns what: `order` owns an executor, which owns the tasks' futures with their guards. Each permit shares
//! its `Fifo`. The `Fifo` owns a sender for each waiter; that of a cancelled waiter stays until its turn comes.
//!
//! asyncio: `asyncio.Lock` (`smol::lock::Mutex`), `asyncio.Semaphore` (`smol::lock::Semaphore`),
//! `asyncio.BoundedSemaphore` (`smol::lock::Semaphore`, whose guards cannot release twice),
//! `lock.acquire` (`smol::lock::Mutex::lock`), `lock.release` (dropping the guard), `lock.locked`
//! (`smol::lock::Mutex::try_lock`), `async with lock` (a guard, until its scope ends).
//! Paste: `cargo add smol`.

use smol::channel::{self, Sender};
use smol::{LocalExecutor, Timer, block_on, future, lock::Mutex, lock::Semaphore};
use std::cell::{Cell, RefCell};
use std::{collections::VecDeque, iter, rc::Rc, time::Duration};

/// A semaphore that serves in the order of asking; with one permit, a lock. It is made with all permits taken: drop
/// a `Permit` of it for each that is to be free.
#[derive(Default)]
struct Fifo {
    free: Cell<usize>,
    waiting: RefCell<VecDeque<Sender<Permit>>>,
}

/// Dropping it hands it to the first waiter.
struct Permit(Rc<Fifo>);

impl Fifo {
    async fn acquire(self: Rc<Self>) -> Permit {
        if self.free.get() > 0 {
            self.free.set(self.free.get() - 1);
            return Permit(self);
        }
        let (sender, receiver) = channel::bounded(1);
        self.waiting.borrow_mut().push_back(sender);
        receiver.recv().await.expect("its sender waits in line")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Fifo { free, waiting } = &*self.0;
        let mut in_order = iter::from_fn(|| waiting.borrow_mut().pop_front());
        match in_order.find(|next| !next.is_closed()) {
            Some(next) => drop(next.try_send(Permit(Rc::clone(&self.0)))),
            None => free.set(free.get() + 1),
        }
    }
}

// ANCHOR: excerpt
/// The order in which three tasks get a lock that each takes twice.
async fn order<F: Future>(lock: impl Fn() -> F) -> String {
    let order = RefCell::new(Vec::new());
    let task = async |name| {
        for turn in 1..=2 {
            let _guard = lock().await;
            order.borrow_mut().push(format!("{name}{turn}"));
            future::yield_now().await; // the other tasks ask for the lock
            Timer::after(Duration::from_millis(30)).await;
        }
    };
    let ex = LocalExecutor::new();
    let _tasks = ["a", "b", "c"].map(|name| ex.spawn(task(name)));
    while !ex.is_empty() {
        ex.tick().await;
    }
    order.take().join(" ")
}
// ANCHOR_END: excerpt

/// Moves 30 from one account to the other, with an `await` in the middle.
async fn transfer(accounts: &Mutex<[i32; 2]>) {
    let mut accounts = accounts.lock().await;
    accounts[0] -= 30;
    future::yield_now().await;
    accounts[1] += 30;
}

async fn async_main() {
    let (mutex, semaphore, fifo) = (Mutex::new(()), Semaphore::new(1), Rc::<Fifo>::default());
    println!("Mutex:     {}", order(|| mutex.lock()).await);
    println!("Semaphore: {}", order(|| semaphore.acquire()).await);

    let acquire = || Rc::clone(&fifo).acquire();
    let (holder, mut next) = (Permit(Rc::clone(&fifo)), Box::pin(acquire())); // 1 permit, taken
    future::poll_once(acquire()).await; // a cancelled waiter
    future::poll_once(&mut next).await;
    drop((holder, next)); // the permit goes to `next`, which is dropped with it
    println!("Fifo:      {}", order(acquire).await);

    let accounts = Mutex::new([100, 0]);
    future::poll_once(transfer(&accounts)).await; // and drops it at its `await`
    println!("after a cancelled transfer: {:?}", *accounts.lock().await);

    let before = semaphore.available_permits();
    semaphore.add_permits(1);
    let after = semaphore.available_permits();
    println!("permits of Semaphore::new(1): {before}, after add_permits(1): {after}");
}

fn main() {
    block_on(async_main());
}
