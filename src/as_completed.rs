//! Many futures together, each result as soon as it is there: asyncio's `as_completed`.
//!
//! - asyncio: `asyncio.as_completed`
//! - Node: no name for it
//!
//! ```
//! use asyncio_to_smol::as_completed::as_completed;
//! use asyncio_to_smol::run::run;
//! use async_io::Timer;
//! use futures_lite::StreamExt;
//! use std::time::Duration;
//!
//! async fn sleep(ms: u64) -> u64 {
//!     Timer::after(Duration::from_millis(ms)).await;
//!     ms
//! }
//!
//! run(async |ex| {
//!     let mut results = as_completed(&ex, [sleep(40), sleep(10), sleep(20)]);
//!     assert_eq!(results.next().await, Some(10));
//!     assert_eq!(results.next().await, Some(20));
//!     assert_eq!(results.next().await, Some(40));
//!     assert_eq!(results.next().await, None);
//! });
//! ```
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. A
//! child that returns a `Result` gives a `Result`: an error is an item like others.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | how | `for next in as_completed(aws): await next` | none; `Promise.race` in a loop comes close | a `Stream`: `while let Some(result) = results.next().await` |
//! | a child's error | raised by `await next`; the loop can go on | | an item; a panic comes out of `next()`, which can be called again |
//! | two that end in the same turn | in the order in which they ended | | in the order in which they ended |
//! | stopping early | the rest runs on | | dropping the stream lets the rest run on, unheard |
//! | a deadline for all | `timeout=`: `TimeoutError` for each that is awaited after it; the rest runs on | | [`deadline`](AsCompleted::deadline): one `Err(TimedOut)`, then the end; the rest runs on |
//! | ended before the deadline, not yet awaited | is given first | | is given first; so is what has ended after the deadline and before `next()` |
//! | no children | ends at once | | ends at once |
//! | children | a task each | | all in one task: see [`gather`](crate::gather) for what that means |
//!
//! To have the rest cancelled when one stops early, use smol's own way: spawn, let each task send its
//! result into a channel, and drop the tasks, as the program `as_completed` of chapter 8 does.
//!
//! Some 35 ns for a child that is ready at once, and as few bytes as with `gather`, however many there
//! are (`just bench as_completed memory`).
//!
//! Source:
//! [`asyncio.as_completed`](https://docs.python.org/3/library/asyncio-task.html#asyncio.as_completed).

use crate::children::Children;
use crate::spawn::Spawn;
use crate::timeout::TimedOut;
use async_executor::Task;
use async_io::Timer;
use futures_lite::Stream;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;
use std::time::Duration;

/// Runs the children together, and gives what they return in the order in which they end.
pub fn as_completed<'a, F>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> AsCompleted<F::Output>
where
    F: Future + 'a,
    F::Output: 'a,
{
    let children = Children::new(children);
    let left = children.len();
    let ended = Rc::new(Ended {
        results: RefCell::new(Some(VecDeque::new())),
        awaiter: Cell::new(None),
    });
    let report = Rc::clone(&ended);
    let driver = ex.spawn(children.run(move |_, result| report.push(result)));
    AsCompleted {
        driver: Some(driver),
        ended,
        left,
    }
}

/// The stream of results that [`as_completed`] returns.
///
/// Dropping it does not cancel the children: they run on, and their results are dropped.
///
/// # Panics
///
/// `next()` panics with the panic of a child, and can be called again for the next child. When the
/// loop has ended it gives the results that are there, and panics then if some are missing.
#[must_use = "its results are lost if it is dropped"]
pub struct AsCompleted<T> {
    /// `None` only inside `drop`.
    driver: Option<Task<()>>,
    ended: Rc<Ended<T>>,
    /// How many results are still to be given.
    left: usize,
}

/// The children that have ended and not been asked for.
struct Ended<T> {
    /// `None` if nobody will ask any more.
    results: RefCell<Option<VecDeque<thread::Result<T>>>>,
    awaiter: Cell<Option<Waker>>,
}

impl<T> Ended<T> {
    fn push(&self, result: thread::Result<T>) {
        if let Some(results) = &mut *self.results.borrow_mut() {
            results.push_back(result);
        }
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }

    fn pop(&self) -> Option<thread::Result<T>> {
        self.results.borrow_mut().as_mut()?.pop_front()
    }
}

impl<T> AsCompleted<T> {
    /// Gives results for no longer than `limit` from now.
    ///
    /// If children are left then, the stream gives one [`TimedOut`] and ends; they run on.
    pub fn deadline(self, limit: Duration) -> WithDeadline<T> {
        WithDeadline {
            results: self,
            timer: Timer::after(limit),
            timed_out: false,
        }
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(result) = self.ended.pop() {
            self.left -= 1;
            return Poll::Ready(Some(result.unwrap_or_else(|panic| resume_unwind(panic))));
        }
        self.ended.awaiter.set(Some(cx.waker().clone()));
        // It does not end before the last result is there, unless the loop ends. It panics then.
        if let Some(driver) = &mut self.driver {
            ready!(Pin::new(driver).poll(cx));
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.detach(); // stopping early does not stop the children, as in asyncio
        }
        let unheard = self.ended.results.take();
        drop(unheard);
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// The stream of results that [`AsCompleted::deadline`] returns.
#[derive(Debug)]
#[must_use = "its results are lost if it is dropped"]
pub struct WithDeadline<T> {
    results: AsCompleted<T>,
    timer: Timer,
    timed_out: bool,
}

impl<T> Stream for WithDeadline<T> {
    type Item = Result<T, TimedOut>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.timed_out {
            return Poll::Ready(None);
        }
        if let Poll::Ready(next) = Pin::new(&mut self.results).poll_next(cx) {
            return Poll::Ready(next.map(Ok));
        }
        ready!(Pin::new(&mut self.timer).poll(cx));
        self.timed_out = true;
        Poll::Ready(Some(Err(TimedOut)))
    }
}
