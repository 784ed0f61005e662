//! Many futures together, results in the order of the input: asyncio's `gather`.
//!
//! - asyncio: `asyncio.gather`, `return_exceptions=True`
//! - Node: `Promise.all`, `Promise.allSettled`
//!
//! ```
//! use asyncio_to_smol::gather::{gather, gather_all};
//! use asyncio_to_smol::run::run;
//!
//! async fn half(n: u32) -> Result<u32, String> {
//!     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
//! }
//!
//! run(async |ex| {
//!     assert_eq!(gather(&ex, [half(2), half(4)]).await, Ok(vec![1, 2]));
//!     assert_eq!(gather(&ex, [half(2), half(3)]).await, Err("3 is odd".to_string()));
//!
//!     // Waits for all of them, whatever they return.
//!     let results = gather_all(&ex, [half(2), half(3), half(4)]).await;
//!     assert_eq!(results, [Ok(1), Err("3 is odd".to_string()), Ok(2)]);
//! });
//! ```
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. They
//! may be plain futures or `Task`s. Futures of different types are better served by
//! `futures_lite::future::{zip, try_zip}`.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first error ends the waiting, the other children go on | `gather(*aws)` | `Promise.all` | [`gather`] |
//! | wait for all, errors among the results | `gather(*aws, return_exceptions=True)` | `Promise.allSettled` | [`gather_all`] |
//! | cancelling it | cancels the children | cannot be done | cancels the children |
//! | no children | `[]` | `[]` | an empty `Vec` |
//! | children | a task each | a promise each | all in one task |
//! | the error of a second child | is not looked at | is ignored | is dropped; a panic is reported by the panic hook |
//! | values that were there before the first error | are kept by their tasks | | are dropped |
//! | a child that is cancelled by somebody else | raises `CancelledError` from `gather` | | a `Task` that cannot end panics in its awaiter: a panic of this child |
//! | the same child twice | runs once, its value comes twice | likewise | cannot be: a future has one owner |
//!
//! (futures' `try_join_all`, in contrast, drops the others at the first error.)
//!
//! All children in one task is what makes it cheap: some 30 ns for a child that is ready at once,
//! about a tenth of what spawning and awaiting it costs, and 10 bytes on top of the future itself and
//! its result, or 58 for a child that waits, however many there are (`just bench gather memory`). (Four
//! children share an allocation, which is freed after the last of them.) At each turn of the loop all
//! children that are ready to go on are polled, once each and in order, as asyncio polls tasks; but
//! no other task gets its turn in between.
//!
//! Sources: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather),
//! [`Promise.all`](https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Promise/all).

use crate::children::Children;
use crate::spawn::Spawn;
use async_executor::Task;
use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

/// Runs the children together, and gives their values in the order of the input, or the first error.
///
/// See [`Gather`] for what it returns.
pub fn gather<'a, F, T, E>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> Gather<T, E>
where
    F: Future<Output = Result<T, E>> + 'a,
    T: 'a,
    E: 'a,
{
    let children = Children::new(children);
    let failure = Rc::new(Failure::default());
    let report = Rc::clone(&failure);
    let driver = ex.spawn(async move {
        // `None` after the first failure: nobody wants them then.
        let mut values = Some(places(children.len()));
        let ended = |index: usize, result: thread::Result<Result<T, E>>| {
            let Some(values_so_far) = &mut values else {
                return; // drops the result
            };
            match result {
                Ok(Ok(value)) => {
                    values_so_far[index] = Some(value);
                    return;
                }
                Ok(Err(error)) => report.set(Ok(error)),
                Err(panic) => report.set(Err(panic)),
            }
            values = None;
        };
        children.run(ended).await;
        values.into_iter().flatten().flatten().collect()
    });
    Gather {
        driver: Some(driver),
        failure,
    }
}

/// The future that [`gather`] returns: the values of all children, or the first error.
///
/// At the first error it is ready, and the other children run on to their end; what they return is
/// dropped. Dropping it before that cancels the children: their futures are dropped at the loop's
/// next turn. [`cancel`](Gather::cancel) waits for that.
///
/// # Errors
///
/// The error that came first in time.
///
/// # Panics
///
/// A panic of a child counts as an error, and comes out where this is awaited.
#[must_use = "dropping it cancels the children"]
pub struct Gather<T, E> {
    /// `None` after the first error.
    driver: Option<Task<Vec<T>>>,
    failure: Rc<Failure<E>>,
}

impl<T, E> Gather<T, E> {
    /// Cancels the children, and waits until their destructors have run.
    ///
    /// Returns what awaiting it would have given, if that was there already.
    ///
    /// # Panics
    ///
    /// If a child has panicked, with its panic.
    pub async fn cancel(mut self) -> Option<Result<Vec<T>, E>> {
        let values = match self.driver.take() {
            Some(driver) => driver.cancel().await,
            None => None,
        };
        match self.failure.first.take() {
            Some(first) => Some(Err(first.unwrap_or_else(|panic| resume_unwind(panic)))),
            None => values.map(Ok),
        }
    }
}

impl<T, E> Future for Gather<T, E> {
    type Output = Result<Vec<T>, E>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.failure.awaiter.set(Some(cx.waker().clone()));
        if let Some(first) = self.failure.first.take() {
            if let Some(driver) = self.driver.take() {
                driver.detach(); // the other children are to run on
            }
            return Poll::Ready(Err(first.unwrap_or_else(|panic| resume_unwind(panic))));
        }
        let driver = self.driver.as_mut().expect("polled after it was ready");
        let values = ready!(Pin::new(driver).poll(cx));
        Poll::Ready(Ok(values))
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

/// What makes a [`Gather`] ready before all children have ended.
struct Failure<E> {
    first: Cell<Option<thread::Result<E>>>,
    awaiter: Cell<Option<Waker>>,
}

impl<E> Default for Failure<E> {
    fn default() -> Self {
        Failure {
            first: Cell::new(None),
            awaiter: Cell::new(None),
        }
    }
}

impl<E> Failure<E> {
    fn set(&self, first: thread::Result<E>) {
        self.first.set(Some(first));
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }
}

/// Runs the children together, waits for all of them, and returns what they returned, in the order
/// of the input.
///
/// Children that return a `Result` give a `Vec` of `Result`s. Dropping the task before its end
/// cancels the children, as with [`gather`].
///
/// # Panics
///
/// If a child panics. The panic comes out where the task is awaited, after all other children have
/// ended; if several panic, that of the first one in the input.
pub fn gather_all<'a, F>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> Task<Vec<F::Output>>
where
    F: Future + 'a,
    F::Output: 'a,
{
    let children = Children::new(children);
    ex.spawn(async move {
        let mut results = places(children.len());
        children
            .run(|index, result| results[index] = Some(result))
            .await;
        let values: thread::Result<Vec<_>> = results.into_iter().flatten().collect();
        values.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// A place for the result of every child.
fn places<T>(n: usize) -> Vec<Option<T>> {
    (0..n).map(|_| None).collect()
}
