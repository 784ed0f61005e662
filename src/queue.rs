//! A queue between tasks of one thread: asyncio's `Queue`.
//!
//! - asyncio: `asyncio.Queue`, `asyncio.QueueFull`, `asyncio.QueueEmpty`, `asyncio.QueueShutDown`
//! - Node: no name for it
//! - Paste: this file; `cargo add slab`; for its examples
//!   `cargo add --dev async-executor futures-lite`.
//!
//! ```
//! use asyncio_to_smol::queue::Queue;
//! use async_executor::LocalExecutor;
//! use futures_lite::future::block_on;
//!
//! let ex = LocalExecutor::new();
//! block_on(ex.run(async {
//!     let queue = Queue::bounded(10);
//!     let workers = [(); 3].map(|()| {
//!         let queue = queue.clone();
//!         ex.spawn(async move {
//!             let mut sum = 0;
//!             while let Ok(value) = queue.get().await {
//!                 sum += value;
//!                 queue.task_done();
//!             }
//!             sum
//!         })
//!     });
//!     for value in 1..=100 {
//!         queue.put(value).await.expect("it is open");
//!     }
//!     queue.join().await; // all of them have been added
//!     queue.close(); // which ends the workers
//!     let mut sum = 0;
//!     for worker in workers {
//!         sum += worker.await;
//!     }
//!     assert_eq!(sum, 5050);
//! }));
//! ```
//!
//! smol's channel does this also between threads, and ends by itself when the last sender has gone. This
//! one stays on its thread. It has `join`, and a value costs a third as much (`just bench queue`).
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | with a limit, and without | `Queue(maxsize=10)`, `Queue()` | | [`bounded`](Queue::bounded), [`unbounded`](Queue::unbounded) |
//! | one for several tasks | the same object | | clones, which are the same queue |
//! | no room | `put` waits, `put_nowait` raises `QueueFull` | | [`put`](Queue::put) waits, [`put_nowait`](Queue::put_nowait) gives the value back in `Full` |
//! | nothing there | `get` waits, `get_nowait` raises `QueueEmpty` | | [`get`](Queue::get) waits, [`get_nowait`](Queue::get_nowait) says `Empty` |
//! | several wait | are woken in order; one that finds that another task was faster goes to the end of the line | | are served in order, and no `get` or `put` overtakes them |
//! | a `_nowait` while others wait | takes what is there | | takes what is there; the others keep their places |
//! | others run meanwhile | only if it waits | | only if it waits |
//! | waiting is cancelled | passes its turn on | | dropping the future passes its turn on; no value is lost, a `put` that has not put drops its own |
//! | all work is done | `task_done`, `join` | | [`task_done`](Queue::task_done), [`join`](Queue::join) |
//! | `task_done` too often | `ValueError` | | panics |
//! | the end | `shutdown()`, since 3.13 | | [`close`](Queue::close): `put` gives the value back in [`Closed`]; `get` takes what is left, then it is `Closed` |
//! | the end, at once | `shutdown(immediate=True)` | | `close`, then `get_nowait` and `task_done` until nothing is left |
//! | the last producer has gone | `get` waits for ever | | `get` waits for ever: `close` it |
//! | another order | `PriorityQueue`, `LifoQueue` | | none: see below |
//!
//! A future that has been polled has a place in the line, until it is dropped. One that is kept but not
//! polled again holds up those behind it.
//!
//! The order is first in, first out. For another one keep the values in a collection of your own, and
//! put a `()` into a queue for each:
//!
//! ```
//! # use asyncio_to_smol::queue::{Closed, Queue};
//! # use std::{cell::RefCell, cmp::Reverse, collections::BinaryHeap};
//! # futures_lite::future::block_on(async {
//! let (heap, queue) = (RefCell::new(BinaryHeap::new()), Queue::unbounded());
//! for value in [5, 1, 3] {
//!     heap.borrow_mut().push(Reverse(value));
//!     queue.put(()).await?;
//! }
//! queue.get().await?; // waits for a value
//! let smallest = heap.borrow_mut().pop();
//! assert_eq!(smallest, Some(Reverse(1)));
//! # Ok::<(), Closed>(()) }).unwrap();
//! ```
//!
//! A [`Queue`] and its futures stay on their thread: they are neither `Send` nor `Sync`.
//!
//! Source: [`asyncio.Queue`](https://docs.python.org/3/library/asyncio-queue.html).

use slab::Slab;
use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::iter;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// First in, first out. Clones are the same queue.
pub struct Queue<T>(Rc<RefCell<State<T>>>);

/// A waker is foreign code, and so is the destructor of a value: none of them is cloned, woken or
/// dropped while this is borrowed.
struct State<T> {
    values: VecDeque<T>,
    capacity: usize,
    closed: bool,
    /// Values that have been put, less the calls of `task_done`.
    unfinished: usize,
    /// As many of them are served as there are values; all when it is closed.
    getters: Line,
    /// As many of them are served as there is room for; all when it is closed.
    putters: Line,
    /// Those are served that waited when nothing was unfinished.
    joiners: Line,
}

const UNBOUNDED: usize = usize::MAX;

impl<T> Queue<T> {
    /// A queue of at most `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, which to asyncio means [`unbounded`](Queue::unbounded).
    ///
    /// There is an example at [`put_nowait`](Queue::put_nowait).
    pub fn bounded(capacity: usize) -> Queue<T> {
        assert!(
            capacity > 0,
            "a queue with room for nothing; without a limit it is `unbounded`"
        );
        Queue(Rc::new(RefCell::new(State {
            values: VecDeque::new(),
            capacity,
            closed: false,
            unfinished: 0,
            getters: Line::new(),
            putters: Line::new(),
            joiners: Line::new(),
        })))
    }

    /// A queue of as many values as there is memory for.
    ///
    /// There is an example at [`close`](Queue::close).
    pub fn unbounded() -> Queue<T> {
        Queue::bounded(UNBOUNDED)
    }

    /// Puts a value at the end of the queue, and waits for room first.
    ///
    /// Dropped before it was ready, the future has not put the value.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the value, if the queue has been closed.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::*;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::bounded(10);
    /// queue.put('a').await?;
    /// queue.close();
    /// assert_eq!(queue.put('b').await, Err(Closed('b')));
    /// assert_eq!(queue.get().await, Ok('a'));
    /// assert_eq!(queue.get().await, Err(Closed(())));
    /// # Ok::<(), Closed<char>>(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// If polled again after it was ready.
    pub fn put(&self, value: T) -> impl Future<Output = Result<(), Closed<T>>> + use<'_, T> {
        let mut place = self.place(|state| &mut state.putters);
        let mut value = Some(value);
        poll_fn(move |cx| {
            assert!(value.is_some(), "polled after it was ready");
            place.poll(cx, |state, turn| {
                let turn = turn.unwrap_or(state.room() > state.putters.len());
                if !(turn || state.closed) {
                    return None;
                }
                let value = value.take()?;
                if state.closed {
                    return Some(Err(Closed(value)));
                }
                state.push(value);
                Some(Ok(()))
            })
        })
    }

    /// Takes the first value out of the queue, and waits until there is one.
    ///
    /// Dropped before it was ready, the future has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the queue has been closed and is empty.
    ///
    /// There is an example at [`put`](Queue::put).
    pub fn get(&self) -> impl Future<Output = Result<T, Closed>> + Unpin + use<'_, T> {
        let mut place = self.place(|state| &mut state.getters);
        poll_fn(move |cx| {
            place.poll(cx, |state, turn| {
                let turn = turn.unwrap_or(state.values.len() > state.getters.len());
                if !(turn || state.closed) {
                    return None;
                }
                Some(state.values.pop_front().ok_or(Closed(())))
            })
        })
    }

    /// Puts a value at the end of the queue, if there is room now.
    ///
    /// # Errors
    ///
    /// With the value, if the queue is full or has been closed.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::*;
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.put_nowait('a'), Ok(()));
    /// assert_eq!(queue.put_nowait('b'), Err(PutError::Full('b')));
    /// assert_eq!(queue.get_nowait(), Ok('a'));
    /// assert_eq!(queue.get_nowait(), Err(GetError::Empty));
    /// ```
    pub fn put_nowait(&self, value: T) -> Result<(), PutError<T>> {
        let mut state = self.0.borrow_mut();
        if state.closed {
            Err(PutError::Closed(value))
        } else if state.room() == 0 {
            Err(PutError::Full(value))
        } else {
            state.push(value);
            settle(state);
            Ok(())
        }
    }

    /// Takes the first value out of the queue, if there is one now.
    ///
    /// # Errors
    ///
    /// If the queue is empty: [`GetError::Closed`] if it has been closed.
    ///
    /// There is an example at [`put_nowait`](Queue::put_nowait).
    pub fn get_nowait(&self) -> Result<T, GetError> {
        let mut state = self.0.borrow_mut();
        match state.values.pop_front() {
            Some(value) => {
                settle(state);
                Ok(value)
            }
            None if state.closed => Err(GetError::Closed),
            None => Err(GetError::Empty),
        }
    }

    /// Says that the work on a value that was taken out of the queue is done. There is an example at
    /// [`join`](Queue::join).
    ///
    /// # Panics
    ///
    /// If it is called more often than values have been put. asyncio: `ValueError`.
    #[track_caller]
    pub fn task_done(&self) {
        let mut state = self.0.borrow_mut();
        let left = state.unfinished.checked_sub(1);
        state.unfinished = left.expect("`task_done` for more values than have been put");
        if state.unfinished == 0 {
            let joiners = state.joiners.serve_all();
            drop(state);
            joiners.into_iter().for_each(wake);
        }
    }

    /// Waits until [`task_done`](Queue::task_done) has been called for every value that has been put.
    ///
    /// It need not be so any more when the future is ready: more may have been put since.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::Queue;
    /// let queue = Queue::unbounded();
    /// queue.put_nowait("work").unwrap();
    /// queue.get_nowait().unwrap();
    /// queue.task_done();
    /// futures_lite::future::block_on(queue.join());
    /// ```
    pub fn join(&self) -> impl Future<Output = ()> + Unpin + use<'_, T> {
        let mut place = self.place(|state| &mut state.joiners);
        poll_fn(move |cx| {
            place.poll(cx, |state, turn| {
                turn.unwrap_or(state.unfinished == 0).then_some(())
            })
        })
    }

    /// Closes the queue: every `put`, waiting or not, gives its value back, and a `get` that finds the
    /// queue empty ends. asyncio's `shutdown`.
    ///
    /// What is in the queue can be taken out.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::*;
    /// let queue = Queue::unbounded();
    /// queue.put_nowait('a').unwrap();
    /// queue.close();
    /// assert!(queue.is_closed());
    /// assert_eq!(queue.put_nowait('b'), Err(PutError::Closed('b')));
    /// assert_eq!(queue.get_nowait(), Ok('a'));
    /// ```
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        let getters = state.getters.serve_all();
        let putters = state.putters.serve_all();
        drop(state);
        getters.into_iter().chain(putters).for_each(wake);
    }

    /// Whether it has been closed.
    ///
    /// There is an example at [`close`](Queue::close).
    pub fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// How many values are in the queue: asyncio's `qsize`.
    ///
    /// ```
    /// # use asyncio_to_smol::queue::*;
    /// let queue = Queue::bounded(2);
    /// assert!(queue.is_empty());
    /// queue.put_nowait('a').unwrap();
    /// assert_eq!((queue.len(), queue.is_full()), (1, false));
    /// assert_eq!(queue.capacity(), Some(2));
    /// ```
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.0.borrow().values.len()
    }

    /// Whether no value is in the queue. There is an example at [`len`](Queue::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for a value. There is an example at [`len`](Queue::len).
    pub fn is_full(&self) -> bool {
        self.0.borrow().room() == 0
    }

    /// How many values can be in the queue, unless it is unbounded: asyncio's `maxsize`. There is an
    /// example at [`len`](Queue::len).
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.0.borrow().capacity).filter(|capacity| *capacity != UNBOUNDED)
    }

    fn place(&self, line: fn(&mut State<T>) -> &mut Line) -> Place<'_, T> {
        Place {
            queue: self,
            line,
            ticket: None,
        }
    }
}

/// A place in a line, as soon as one is needed. It is given up when this is dropped.
struct Place<'q, T> {
    queue: &'q Queue<T>,
    line: fn(&mut State<T>) -> &mut Line,
    ticket: Option<usize>,
}

impl<T> Place<'_, T> {
    /// Waits until `attempt` gives something. That is told whether it is this one's turn, which is known
    /// only of those with a ticket.
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut State<T>, Option<bool>) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = None;
        loop {
            let mut state = self.queue.0.borrow_mut();
            let turn = (self.ticket).map(|ticket| (self.line)(&mut state).is_served(ticket));
            if let Some(result) = attempt(&mut state, turn) {
                self.leave(state);
                return Poll::Ready(result);
            }
            let line = (self.line)(&mut state);
            if (self.ticket).is_some_and(|ticket| line.will_wake(ticket, cx.waker())) {
                return Poll::Pending;
            }
            let Some(waker) = waker.take() else {
                drop(state);
                waker = Some(cx.waker().clone());
                continue; // meanwhile anything may have happened to the queue
            };
            let old = line.wait(&mut self.ticket, waker);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
    }

    /// Leaves the line, and passes on what has come or gone.
    fn leave(&mut self, mut state: RefMut<'_, State<T>>) {
        let ticket = self.ticket.take();
        let waker = ticket.and_then(|ticket| (self.line)(&mut state).leave(ticket));
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

    fn push(&mut self, value: T) {
        self.values.push_back(value);
        self.unfinished += 1;
    }
}

/// Serves as many as there is something for. To be called when a value came or went, or a future left a
/// line.
fn settle<T>(mut state: RefMut<State<T>>) {
    let (values, room) = (state.values.len(), state.room());
    let getter = state.getters.serve(values);
    let putter = state.putters.serve(room);
    drop(state);
    // No more than one of the two.
    getter.into_iter().chain(putter).for_each(wake);
}

fn wake(waker: Waker) {
    // The panic hook reports it. The others are to be woken all the same, and no value is to be lost.
    let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(woken)));
    mem::forget(dropped); // what it panicked with may go on like that
}

impl<T> Clone for Queue<T> {
    /// The same queue.
    fn clone(&self) -> Queue<T> {
        Queue(Rc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The queue has been closed: asyncio's `QueueShutDown`. With what was to be put, if something was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(pub T);

/// Why [`Queue::put_nowait`] has not put the value, and the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There is no room now: asyncio's `QueueFull`.
    Full(T),
    /// It has been closed: asyncio's `QueueShutDown`.
    Closed(T),
}

/// Why [`Queue::get_nowait`] has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError {
    /// There is none now: asyncio's `QueueEmpty`.
    Empty,
    /// There is none, and there will be none: asyncio's `QueueShutDown`.
    Closed,
}

const CLOSED: &str = "the queue has been closed";

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "the queue is full",
            PutError::Closed(_) => CLOSED,
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty",
            GetError::Closed => CLOSED,
        })
    }
}

/// Without the value, which need not have a `Debug`.
impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "Full(..)",
            PutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> Error for Closed<T> {}

impl<T> Error for PutError<T> {}

impl Error for GetError {}

/// The futures that wait, in order. The first ones are served: it is their turn, and they have been
/// woken.
///
/// A list that is linked in both directions, so that everything takes the same time in a long line.
struct Line {
    /// The first one is [`END`].
    places: Slab<Link>,
    /// How many are served.
    served: usize,
    /// The first one that is not, or [`END`].
    next: usize,
}

struct Link {
    before: usize,
    after: usize,
    is_served: bool,
    /// `None` if it has been woken and not polled since.
    waker: Option<Waker>,
}

/// The sentinel: after the last place, and before the first.
const END: usize = 0;

impl Line {
    fn new() -> Line {
        let mut places = Slab::new();
        places.insert(Link {
            before: END,
            after: END,
            is_served: false,
            waker: None,
        });
        Line {
            places,
            served: 0,
            next: END,
        }
    }

    fn len(&self) -> usize {
        self.places.len() - 1 // without END
    }

    fn is_served(&self, place: usize) -> bool {
        self.places[place].is_served
    }

    fn will_wake(&self, place: usize, waker: &Waker) -> bool {
        let last = self.places[place].waker.as_ref();
        last.is_some_and(|last| last.will_wake(waker))
    }

    /// Registers `waker` to be woken when this place is served; takes a place if there is none. Returns the
    /// waker that was registered before.
    fn wait(&mut self, place: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        if let Some(place) = *place {
            return self.places[place].waker.replace(waker);
        }
        let last = self.places[END].before;
        let key = self.places.insert(Link {
            before: last,
            after: END,
            is_served: false,
            waker: Some(waker),
        });
        self.places[last].after = key;
        self.places[END].before = key;
        if self.next == END {
            self.next = key;
        }
        *place = Some(key);
        None
    }

    fn leave(&mut self, place: usize) -> Option<Waker> {
        let Link {
            before,
            after,
            is_served,
            waker,
        } = self.places.remove(place);
        self.places[before].after = after;
        self.places[after].before = before;
        if self.next == place {
            self.next = after;
        }
        if is_served {
            self.served -= 1;
        }
        waker
    }

    /// Serves the first `n` and no more. Returns the first waker that is to be woken for that: to be
    /// called again until there is none.
    fn serve(&mut self, n: usize) -> Option<Waker> {
        while self.served > n {
            // What the last one was woken for was taken with `_nowait`.
            self.next = self.places[self.next].before;
            self.places[self.next].is_served = false;
            self.served -= 1;
        }
        while self.served < n && self.next != END {
            let place = &mut self.places[self.next];
            self.next = place.after;
            place.is_served = true;
            self.served += 1;
            if place.waker.is_some() {
                return place.waker.take();
            }
        }
        None
    }

    fn serve_all(&mut self) -> Vec<Waker> {
        iter::from_fn(|| self.serve(usize::MAX)).collect()
    }
}
