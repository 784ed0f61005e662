//! A queue between tasks of one thread: asyncio's `Queue`.
//!
//! - asyncio: `asyncio.Queue`, `asyncio.QueueFull`, `asyncio.QueueEmpty`, `asyncio.QueueShutDown`
//! - Node: no name for it
//! - Paste: this file; for its examples `cargo add --dev futures-lite`
//!
//! ```
//! use asyncio_to_smol::queue::Queue;
//! use futures_lite::future::{block_on, zip};
//!
//! async fn worker(queue: &Queue<u32>) -> u32 {
//!     let mut sum = 0;
//!     while let Ok(value) = queue.get().await {
//!         sum += value;
//!         queue.task_done();
//!     }
//!     sum
//! }
//!
//! let queue = Queue::bounded(10);
//! let producer = async {
//!     for value in 1..=100 {
//!         queue.put(value).await.expect("it is open");
//!     }
//!     queue.join().await; // the workers have added all of them
//!     queue.close(); // ends the workers
//! };
//! let ((one, other), ()) = block_on(zip(zip(worker(&queue), worker(&queue)), producer));
//! assert_eq!(one + other, 5050);
//! ```
//!
//! smol's channel also works between threads, and closes by itself when the last sender is dropped. This queue
//! stays on its thread, and has `join`. `just bench queue` measures the cost of a value in both. To wait for the
//! workers and collect their errors, spawn them in a [`task_group`](crate::task_group::task_group).
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | with a limit, and without | `Queue(maxsize=10)`, `Queue()` | | [`bounded`](Queue::bounded), [`unbounded`](Queue::unbounded) |
//! | shared by several tasks | the same object | | clones, which are the same queue |
//! | no room | `put` waits, `put_nowait` raises `QueueFull` | | [`put`](Queue::put) waits, [`put_nowait`](Queue::put_nowait) gives the value back |
//! | nothing there | `get` waits, `get_nowait` raises `QueueEmpty` | | [`get`](Queue::get) waits, [`get_nowait`](Queue::get_nowait) gives `None` |
//! | several wait | are woken in order; a waiter goes to the end of the line if another task is faster | | are served in order; no `get` or `put` overtakes them |
//! | a `_nowait` call while others wait | takes a value that is available | | the same; the others keep their places |
//! | others run meanwhile | only if it waits | | only if it waits |
//! | cancelling a waiter | passes its turn on | | dropping the future passes its turn on; no value in the queue is lost; a `put` that was waiting drops its value |
//! | all work is done | `task_done`, `join` | | [`task_done`](Queue::task_done), [`join`](Queue::join) |
//! | `task_done` too often | `ValueError` | | panics |
//! | the end | `shutdown()`, since 3.13 | | [`close`](Queue::close): `put` gives the value back in [`Closed`]; `get` takes the remaining values, then fails with `Closed`; `put_nowait` gives the value back, `get_nowait` is as before; see also [`is_closed`](Queue::is_closed) |
//! | the end, at once | `shutdown(immediate=True)` | | `close`, then `get_nowait` and `task_done` until nothing is left |
//! | the last producer is dropped | `get` waits forever | | `get` waits forever: `close` it |
//! | another order | `PriorityQueue`, `LifoQueue` | | keep the values in a `BinaryHeap` or a `Vec`, and put a `()` into the queue for each |
//!
//! A future that has been polled keeps its place in the line until it is ready or dropped. If you keep it without
//! polling it, the waiters behind it are held up. A [`Queue`] and its futures stay on their thread: they are
//! neither `Send` nor `Sync`.
//!
//! Source: [`asyncio.Queue`](https://docs.python.org/3/library/asyncio-queue.html).

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A first-in, first-out queue. Clones are handles to the same queue. An example is [above](self).
pub struct Queue<T>(Rc<RefCell<State<T>>>);

/// Wakers and destructors of values are foreign code: none is cloned, woken or dropped while this is borrowed.
struct State<T> {
    values: VecDeque<T>,
    capacity: usize,
    closed: bool,
    /// The number of values that have been put, minus the calls of `task_done`.
    unfinished: usize,
    lines: [Line; 3],
}

const GET: usize = 0;
const PUT: usize = 1;
const JOIN: usize = 2;

/// The waiting futures, by ticket. Tickets are handed out in order.
#[derive(Default)]
struct Line {
    tickets: u64,
    /// The first of them: it is their turn, and they have been woken.
    served: BTreeSet<u64>,
    /// `None` for a waiter that has been woken and not polled since.
    waiting: BTreeMap<u64, Option<Waker>>,
}

impl<T> Queue<T> {
    /// Creates a queue of at most `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0. (In asyncio, 0 stands for [`unbounded`](Queue::unbounded).)
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::bounded(1);
    /// assert!(queue.put_nowait('a').is_ok() && queue.put_nowait('b').is_err());
    /// ```
    pub fn bounded(capacity: usize) -> Queue<T> {
        assert!(capacity > 0, "a queue without a limit is `unbounded`");
        Queue(Rc::new(RefCell::new(State {
            values: VecDeque::new(),
            capacity,
            closed: false,
            unfinished: 0,
            lines: Default::default(),
        })))
    }

    /// Creates a queue that is limited only by memory; with a limit, [`bounded`](Queue::bounded).
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::unbounded();
    /// assert!((0..1000).all(|value| queue.put_nowait(value).is_ok()));
    /// ```
    pub fn unbounded() -> Queue<T> {
        Queue::bounded(usize::MAX)
    }

    /// Waits for room, and puts a value at the end of the queue. To fail instead of waiting, see
    /// [`put_nowait`](Queue::put_nowait). If the future is dropped before it is ready, it has not put the value.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the value, if the queue has been closed.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::*; futures_lite::future::block_on(async {
    /// let queue = Queue::bounded(10);
    /// assert_eq!(queue.put('a').await, Ok(()));
    /// queue.close();
    /// assert_eq!(queue.put('b').await, Err(Closed('b')));
    /// # });
    /// ```
    pub async fn put(&self, value: T) -> Result<(), Closed<T>> {
        let mut place = self.line(PUT);
        let mut state = poll_fn(|cx| place.poll(cx)).await;
        let result = state.push(value);
        place.leave(state);
        result
    }

    /// Waits for a value, and takes the first one out of the queue. To return instead of waiting, see
    /// [`get_nowait`](Queue::get_nowait). If the future is dropped before it is ready, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the queue has been closed and is empty.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let queue = asyncio_to_smol::queue::Queue::unbounded();
    /// queue.put('a').await.unwrap();
    /// assert_eq!(queue.get().await, Ok('a'));
    /// # });
    /// ```
    pub async fn get(&self) -> Result<T, Closed> {
        let mut place = self.line(GET);
        let mut state = poll_fn(|cx| place.poll(cx)).await;
        let value = state.values.pop_front();
        place.leave(state);
        value.ok_or(Closed(()))
    }

    /// Puts a value at the end of the queue if there is room now. [`put`](Queue::put) waits for room.
    ///
    /// # Errors
    ///
    /// The value, if the queue is full (asyncio: `QueueFull`) or has been closed.
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::bounded(1);
    /// assert_eq!(queue.put_nowait('a'), Ok(()));
    /// assert_eq!(queue.put_nowait('b'), Err('b'));
    /// ```
    pub fn put_nowait(&self, value: T) -> Result<(), T> {
        let mut state = self.0.borrow_mut();
        if state.room() == 0 {
            return Err(value);
        }
        let result = state.push(value);
        settle(state);
        result.map_err(|Closed(value)| value)
    }

    /// Takes the first value out of the queue if there is one now. [`get`](Queue::get) waits for one.
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::unbounded();
    /// queue.put_nowait('a').unwrap();
    /// assert_eq!(queue.get_nowait(), Some('a'));
    /// assert_eq!(queue.get_nowait(), None);
    /// ```
    pub fn get_nowait(&self) -> Option<T> {
        let mut state = self.0.borrow_mut();
        let value = state.values.pop_front();
        settle(state);
        value
    }

    /// Records that the work on a value is done, for [`join`](Queue::join). Call it once for each value taken.
    ///
    /// # Panics
    ///
    /// If it is called more often than values have been put; asyncio raises `ValueError`.
    ///
    /// ```should_panic
    /// asyncio_to_smol::queue::Queue::<u32>::unbounded().task_done();
    /// ```
    #[track_caller]
    pub fn task_done(&self) {
        let mut state = self.0.borrow_mut();
        let left = state.unfinished.checked_sub(1);
        state.unfinished = left.expect("`task_done` for more values than have been put");
        settle(state);
    }

    /// Waits until [`task_done`](Queue::task_done) has been called for every value that has been put.
    ///
    /// More values may have been put by the time your task runs on. An example with workers is [above](self).
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::unbounded();
    /// queue.put_nowait("work").unwrap();
    /// queue.get_nowait().unwrap();
    /// queue.task_done();
    /// futures_lite::future::block_on(queue.join());
    /// ```
    pub async fn join(&self) {
        let mut place = self.line(JOIN);
        drop(poll_fn(|cx| place.poll(cx)).await);
    }

    /// Closes the queue, as asyncio's `shutdown` does: every `put`, also one that waits, fails with [`Closed`],
    /// and so does every `get` once the queue is empty. To let the work end first, see [`join`](Queue::join).
    ///
    /// ```
    /// let queue = asyncio_to_smol::queue::Queue::unbounded();
    /// queue.put_nowait('a').unwrap();
    /// queue.close();
    /// assert_eq!(queue.put_nowait('b'), Err('b'));
    /// assert_eq!(queue.get_nowait(), Some('a'));
    /// ```
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        settle(state);
    }

    /// Whether the queue has been [closed](Queue::close).
    ///
    /// ```
    /// assert!(!asyncio_to_smol::queue::Queue::<u32>::unbounded().is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// The number of values in the queue: asyncio's `qsize`.
    ///
    /// ```
    /// assert_eq!(asyncio_to_smol::queue::Queue::<u32>::unbounded().len(), 0);
    /// ```
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.0.borrow().values.len()
    }

    /// Whether there is no value in the queue. For the number of values, see [`len`](Queue::len).
    ///
    /// ```
    /// assert!(asyncio_to_smol::queue::Queue::<u32>::bounded(1).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A place in this line.
    fn line(&self, line: usize) -> Place<'_, T> {
        Place {
            queue: self,
            line,
            ticket: None,
        }
    }
}

/// A place in a line of waiters. It takes a ticket only if it has to wait.
struct Place<'q, T> {
    queue: &'q Queue<T>,
    line: usize,
    ticket: Option<u64>,
}

impl<'q, T> Place<'q, T> {
    /// Waits for this waiter's turn.
    fn poll(&mut self, cx: &Context<'_>) -> Poll<RefMut<'q, State<T>>> {
        let mut waker = None;
        loop {
            let mut state = self.queue.0.borrow_mut();
            let limit = state.limits()[self.line];
            let line = &mut state.lines[self.line];
            let is_room = line.served.len() + line.waiting.len() < limit;
            let is_served = |ticket| line.served.contains(&ticket);
            if self.ticket.map_or(is_room, is_served) {
                return Poll::Ready(state);
            }
            if waker.is_some() {
                let ticket = *self.ticket.get_or_insert_with(|| {
                    line.tickets += 1;
                    line.tickets
                });
                let last = line.waiting.insert(ticket, waker);
                drop(state);
                drop(last);
                return Poll::Pending;
            }
            drop(state);
            waker = Some(cx.waker().clone()); // meanwhile the queue may have changed
        }
    }

    /// Leaves the line, and passes its wake-up on.
    fn leave(&mut self, mut state: RefMut<'_, State<T>>) {
        let line = &mut state.lines[self.line];
        let waker = self.ticket.take().and_then(|ticket| {
            line.served.remove(&ticket);
            line.waiting.remove(&ticket)
        });
        settle(state);
        drop(waker);
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.leave(self.queue.0.borrow_mut());
        }
    }
}

impl<T> State<T> {
    fn room(&self) -> usize {
        self.capacity - self.values.len()
    }

    fn push(&mut self, value: T) -> Result<(), Closed<T>> {
        if self.closed {
            return Err(Closed(value));
        }
        self.values.push_back(value);
        self.unfinished += 1;
        Ok(())
    }

    /// How many of each line are served now.
    fn limits(&self) -> [usize; 3] {
        let unless = |all, n| if all { usize::MAX } else { n };
        [
            unless(self.closed, self.values.len()),
            unless(self.closed, self.room()),
            // A `join` that has been served stays served when more is put.
            unless(self.unfinished == 0, self.lines[JOIN].served.len()),
        ]
    }
}

/// Serves as many waiters as the limits allow. Call it after every change.
fn settle<T>(mut state: RefMut<State<T>>) {
    let (mut wakers, mut last) = (Vec::new(), None); // usually at most one
    let limits = state.limits();
    for (line, limit) in state.lines.iter_mut().zip(limits) {
        while line.served.len() > limit {
            // A `_nowait` call took what the last waiter was woken for.
            let last = line.served.pop_last();
            line.waiting.extend(last.map(|ticket| (ticket, None)));
        }
        while line.served.len() < limit && !line.waiting.is_empty() {
            if let Some((ticket, waker)) = line.waiting.pop_first() {
                line.served.insert(ticket);
                if waker.is_some() {
                    wakers.extend(mem::replace(&mut last, waker));
                }
            }
        }
    }
    drop(state);
    for waker in wakers.into_iter().chain(last) {
        // The panic hook reports a panic, and the others are still woken. Dropping its payload may panic, too.
        mem::forget(catch_unwind(AssertUnwindSafe(|| waker.wake())));
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue(Rc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The queue has been [closed](Queue::close): asyncio's `QueueShutDown`. It contains the value that
/// [`put`](Queue::put) has not put, as in its example; from [`get`](Queue::get), a `()`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(pub T);

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue has been closed")
    }
}

/// Without the value, which need not be `Debug`.
impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> Error for Closed<T> {}
