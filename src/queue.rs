//! A queue between tasks of one thread: asyncio's `Queue`.
//!
//! - asyncio: `asyncio.Queue`, `asyncio.QueueFull`, `asyncio.QueueEmpty`, `asyncio.QueueShutDown`
//! - Node: no name for it
//!
//! ```
//! use asyncio_to_smol::queue::Queue;
//! use asyncio_to_smol::run::run;
//!
//! run(async |ex| {
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
//! });
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
//! | those who wait | are woken in order; who finds that another was faster goes to the end of the line | | are served in order, and no `get` or `put` overtakes them |
//! | a `_nowait` while others wait | takes what is there | | takes what is there; they keep their places |
//! | others run meanwhile | only if it waits | | only if it waits |
//! | waiting is cancelled | passes its turn on | | dropping the future passes its turn on; no value is lost, a `put` that has not put drops its own |
//! | all work is done | `task_done`, `join` | | [`task_done`](Queue::task_done), [`join`](Queue::join) |
//! | `task_done` too often | `ValueError` | | panics |
//! | the end | `shutdown()`, since 3.13 | | [`close`](Queue::close): `put` gives the value back in [`Closed`]; `get` takes what is left, then it is `Closed` |
//! | the end, at once | `shutdown(immediate=True)` | | `close`, then `get_nowait` and `task_done` until nothing is left |
//! | the last one who puts has gone | `get` waits for ever | | `get` waits for ever: `close` it |
//!
//! A future that has been polled has a place in the line, until it is dropped. Who keeps it, but does
//! not poll it again, holds up those behind.
//!
//! Source: [`asyncio.Queue`](https://docs.python.org/3/library/asyncio-queue.html).

use crate::panics::discard;
use slab::Slab;
use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// First in, first out. Clones are the same queue.
pub struct Queue<T>(Rc<RefCell<State<T>>>);

/// A waker is somebody else's code, and so is the destructor of a value: none of them is cloned, woken
/// or dropped while this is borrowed.
struct State<T> {
    values: VecDeque<T>,
    capacity: usize,
    closed: bool,
    /// Values that have been put, and for which nobody has called `task_done`.
    unfinished: usize,
    /// As many of them are served as there are values. When it is closed, nobody waits for that.
    getters: Line,
    /// As many of them are served as there is room for. When it is closed, nobody waits for that.
    putters: Line,
    /// Those are served who were there when nothing was unfinished.
    joiners: Line,
}

const UNBOUNDED: usize = usize::MAX;

impl<T> Queue<T> {
    /// A queue of at most `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, which to asyncio means [`unbounded`](Queue::unbounded).
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
    pub fn put(&self, value: T) -> Put<'_, T> {
        Put {
            queue: self,
            value: Some(value),
            place: None,
        }
    }

    /// Takes the first value out of the queue, and waits until there is one.
    ///
    /// Dropped before it was ready, the future has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the queue has been closed and is empty.
    pub fn get(&self) -> Get<'_, T> {
        Get {
            queue: self,
            place: None,
        }
    }

    /// Puts a value at the end of the queue, if there is room now.
    ///
    /// # Errors
    ///
    /// With the value, if the queue is full or has been closed.
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

    /// Says that the work on a value is done which was taken out of the queue.
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
    pub fn join(&self) -> Join<'_, T> {
        Join {
            queue: self,
            place: None,
        }
    }

    /// Has nothing put any more, and ends the waiting of all who put and get: asyncio's `shutdown`.
    ///
    /// What is in the queue can be taken out.
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
    pub fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// How many values are in the queue: asyncio's `qsize`.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.0.borrow().values.len()
    }

    /// Whether no value is in the queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for a value.
    pub fn is_full(&self) -> bool {
        self.0.borrow().room() == 0
    }

    /// How many values can be in the queue, unless it is unbounded: asyncio's `maxsize`.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.0.borrow().capacity).filter(|capacity| *capacity != UNBOUNDED)
    }

    /// Polls a future that has to wait in a line, until `attempt` gives something. That is told whether
    /// it is this one's turn, which is known only of those who have a place.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        place: &mut Option<usize>,
        line: fn(&mut State<T>) -> &mut Line,
        mut attempt: impl FnMut(&mut State<T>, Option<bool>) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = None;
        loop {
            let mut state = self.0.borrow_mut();
            let turn = place.map(|place| line(&mut state).is_served(place));
            if let Some(result) = attempt(&mut state, turn) {
                let old = (place.take()).and_then(|place| line(&mut state).leave(place));
                settle(state);
                drop(old);
                return Poll::Ready(result);
            }
            let line = line(&mut state);
            if place.is_some_and(|place| line.will_wake(place, cx.waker())) {
                return Poll::Pending;
            }
            match waker.take() {
                // Meanwhile anything may happen to the queue.
                None => {
                    drop(state);
                    waker = Some(cx.waker().clone());
                }
                Some(waker) => {
                    let old = line.wait(place, waker);
                    drop(state);
                    drop(old);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Gives up a place in a line, if it has been taken.
    fn leave(&self, place: Option<usize>, line: fn(&mut State<T>) -> &mut Line) {
        if let Some(place) = place {
            let mut state = self.0.borrow_mut();
            let waker = line(&mut state).leave(place);
            settle(state);
            drop(waker);
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

/// Serves as many as there is something for. To be called when a value came or went, or somebody left.
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
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        discard(panic);
    }
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

/// The future that [`Queue::put`] returns.
#[must_use = "it puts the value only if it is awaited"]
pub struct Put<'a, T> {
    queue: &'a Queue<T>,
    /// `None` after the end.
    value: Option<T>,
    place: Option<usize>,
}

impl<T> Future for Put<'_, T> {
    type Output = Result<(), Closed<T>>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let value = &mut this.value;
        assert!(value.is_some(), "polled after it was ready");
        this.queue
            .poll(cx, &mut this.place, putters, |state, turn| {
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
    }
}

/// The value is not pinned: it is only moved on.
impl<T> Unpin for Put<'_, T> {}

impl<T> Drop for Put<'_, T> {
    fn drop(&mut self) {
        self.queue.leave(self.place, putters);
    }
}

impl<T> fmt::Debug for Put<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").finish_non_exhaustive()
    }
}

/// The future that [`Queue::get`] returns.
///
/// Polled again after it was ready, it gets the next value.
#[must_use = "it gets a value only if it is awaited"]
pub struct Get<'a, T> {
    queue: &'a Queue<T>,
    place: Option<usize>,
}

impl<T> Future for Get<'_, T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.queue
            .poll(cx, &mut this.place, getters, |state, turn| {
                let turn = turn.unwrap_or(state.values.len() > state.getters.len());
                if !(turn || state.closed) {
                    return None;
                }
                Some(state.values.pop_front().ok_or(Closed(())))
            })
    }
}

impl<T> Drop for Get<'_, T> {
    fn drop(&mut self) {
        self.queue.leave(self.place, getters);
    }
}

impl<T> fmt::Debug for Get<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").finish_non_exhaustive()
    }
}

/// The future that [`Queue::join`] returns.
#[must_use = "it waits only if it is awaited"]
pub struct Join<'a, T> {
    queue: &'a Queue<T>,
    place: Option<usize>,
}

impl<T> Future for Join<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.queue
            .poll(cx, &mut this.place, joiners, |state, turn| {
                turn.unwrap_or(state.unfinished == 0).then_some(())
            })
    }
}

impl<T> Drop for Join<'_, T> {
    fn drop(&mut self) {
        self.queue.leave(self.place, joiners);
    }
}

impl<T> fmt::Debug for Join<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}

fn getters<T>(state: &mut State<T>) -> &mut Line {
    &mut state.getters
}

fn putters<T>(state: &mut State<T>) -> &mut Line {
    &mut state.putters
}

fn joiners<T>(state: &mut State<T>) -> &mut Line {
    &mut state.joiners
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

const FULL: &str = "the queue is full";
const EMPTY: &str = "the queue is empty";
const CLOSED: &str = "the queue has been closed";

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl<T> Error for Closed<T> {}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "Full(..)",
            PutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => FULL,
            PutError::Closed(_) => CLOSED,
        })
    }
}

impl<T> Error for PutError<T> {}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => EMPTY,
            GetError::Closed => CLOSED,
        })
    }
}

impl Error for GetError {}

/// Those who wait, in order. The first ones are served: it is their turn, and they have been woken.
///
/// A list that is linked in both directions, so that everything takes the same time in a long line.
struct Line {
    /// The first one is [`END`].
    places: Slab<Place>,
    /// How many are served.
    served: usize,
    /// The first one who is not, or [`END`].
    next: usize,
}

struct Place {
    before: usize,
    after: usize,
    is_served: bool,
    /// `None` if it has been woken and not polled since.
    waker: Option<Waker>,
}

/// Nobody's place: after the last one, and before the first.
const END: usize = 0;

impl Line {
    fn new() -> Line {
        let mut places = Slab::new();
        places.insert(Place {
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

    /// Has this one woken when it is served; gives it a place, if it has none. Returns the last waker.
    fn wait(&mut self, place: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        if let Some(place) = *place {
            return self.places[place].waker.replace(waker);
        }
        let last = self.places[END].before;
        let key = self.places.insert(Place {
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
        let Place {
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

    /// Has the first `n` served and no more. Returns the first one who is to be woken for that: to be
    /// called again until there is none.
    fn serve(&mut self, n: usize) -> Option<Waker> {
        while self.served > n {
            // Somebody was faster.
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
