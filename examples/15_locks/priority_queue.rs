//! Queues whose `get` waits: the smallest first and equal ones in order, or the last in first out.
//!
//! Ports: none of the programs. smol's channels are first in, first out.
//!
//! ```text
//! $ cargo run --example priority_queue
//! get waits
//! 1 b
//! 1 a
//! 3 c
//! 5 d
//! last in, first out, 3 places: [3, 1, 5]
//! last in, first out, 2 places: [1, 5, 3]
//! ```
//!
//! A collection and two semaphores make a queue: one counts the items, the other the free places. `get` takes a
//! permit of the first and adds one to the second, `put` the other way round. The collection decides which item is
//! next: any collection with a push and a pop will do. Neither `get` nor `put` awaits between its permit and the
//! collection, so cancelling them loses nothing. With 2 places the third `put` waits for a `get`.
//!
//! asyncio's `PriorityQueue` compares the items: of `(1, "b")` and `(1, "a")` it gives `a` first, and two
//! different dictionaries of one priority raise a `TypeError`. Here the second part of the key is a number, as the
//! docs of Python's `heapq` recommend: equal priorities come in insertion order, and items are not compared. A
//! `BTreeMap` gives the smallest key first. (A `BinaryHeap` gives the greatest first, unless its items are in
//! `std::cmp::Reverse`, and compares whole items.)
//!
//! `get_nowait` is `filled.try_acquire()`, whose `None` is `QueueEmpty`; `put_nowait` is `free.try_acquire()`,
//! whose `None` is `QueueFull`. asyncio's `maxsize=0`, no limit, is `usize::MAX` places. For `task_done` and
//! `join` see `lib_queue`. To end the consumers, put a sentinel for each, with the greatest priority. smol's
//! semaphores barge (see `locks`): of several waiting producers the first may be overtaken.
//!
//! Who owns what: the queue owns its items until a `get` takes them. `zip` owns producer and consumer, which are
//! not tasks; dropping it drops both.
//!
//! asyncio: `asyncio.PriorityQueue` (`std::collections::BTreeMap` and `smol::lock::Semaphore`),
//! `asyncio.LifoQueue` (a `Vec` and `smol::lock::Semaphore`), `heapq` (`std::collections::BinaryHeap` of
//! `std::cmp::Reverse`), `asyncio.QueueEmpty` (`None` of `smol::lock::Semaphore::try_acquire`),
//! `asyncio.QueueFull` (the same), `Queue.get_nowait`, `Queue.put_nowait`.
//! Paste: `cargo add smol`.

use smol::{block_on, future, lock::Semaphore};
use std::{cell::RefCell, collections::BTreeMap};

/// Any collection as a queue: `get` waits for an item, and `put` for a free place.
struct Queue<S, T> {
    items: RefCell<S>,
    push: fn(&mut S, T),
    pop: fn(&mut S) -> Option<T>,
    filled: Semaphore,
    free: Semaphore,
}

impl<S: Default, T> Queue<S, T> {
    fn new(places: usize, push: fn(&mut S, T), pop: fn(&mut S) -> Option<T>) -> Self {
        Queue {
            items: RefCell::default(),
            push,
            pop,
            filled: Semaphore::new(0),
            free: Semaphore::new(places),
        }
    }

    async fn put(&self, item: T) {
        self.free.acquire().await.forget(); // the place stays taken until `get` gives it back
        (self.push)(&mut self.items.borrow_mut(), item);
        self.filled.add_permits(1);
    }

    async fn get(&self) -> T {
        self.filled.acquire().await.forget();
        let item = (self.pop)(&mut self.items.borrow_mut());
        self.free.add_permits(1);
        item.expect("`filled` counts the items")
    }
}

/// The items, sorted by priority and then by number; and the number of the next one.
#[derive(Default)]
struct Smallest<T>(BTreeMap<(u32, u64), T>, u64);

impl<T> Smallest<T> {
    fn push(&mut self, (priority, item): (u32, T)) {
        self.0.insert((priority, self.1), item);
        self.1 += 1;
    }

    fn pop(&mut self) -> Option<(u32, T)> {
        let ((priority, _), item) = self.0.pop_first()?;
        Some((priority, item))
    }
}

// ANCHOR: excerpt
async fn smallest_first() {
    let queue = Queue::new(10, Smallest::push, Smallest::pop);
    let consumer = async {
        println!("get waits");
        for _ in 0..4 {
            let (priority, item) = queue.get().await;
            println!("{priority} {item}");
        }
    };
    let producer = async {
        for item in [(5, "d"), (1, "b"), (3, "c"), (1, "a")] {
            queue.put(item).await;
        }
    };
    future::zip(consumer, producer).await;
}
// ANCHOR_END: excerpt

async fn last_in_first_out(places: usize) {
    let stack = Queue::new(places, Vec::push, Vec::pop);
    let producer = async {
        for item in [5, 1, 3] {
            stack.put(item).await;
        }
    };
    let consumer = async { [stack.get().await, stack.get().await, stack.get().await] };
    let ((), items) = future::zip(producer, consumer).await;
    println!("last in, first out, {places} places: {items:?}");
}

fn main() {
    block_on(smallest_first());
    block_on(last_in_first_out(3));
    block_on(last_in_first_out(2));
}
