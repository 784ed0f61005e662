//! Many futures together, each result as soon as it is there: asyncio's `as_completed`.
//!
//! - asyncio: `asyncio.as_completed`
//! - Node: no name for it
//! - Paste: this file and `children.rs`; `cargo add async-executor atomic-waker concurrent-queue futures-lite pin-project-lite`,
//!   and for its examples `cargo add --dev async-io`
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. A
//! child that returns a `Result` gives a `Result`: an error is an item like others.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | how | `for next in as_completed(aws): await next` | none; `Promise.race` in a loop comes close | a `Stream`: `while let Some((index, result)) = results.next().await` |
//! | which child an item belongs to | since 3.13 `async for task in as_completed(aws)` gives the tasks themselves | | its index in the input |
//! | a child's error | raised by `await next`; the loop can go on | | an item; a panic comes out of `next()`, which can be called again |
//! | two that end in the same turn | in the order in which they ended | | in the order in which they ended |
//! | stopping early | the rest runs on | | dropping the stream cancels the rest, at the loop's next turn; [`detach`](AsCompleted::detach) lets it run on |
//! | a deadline for all | `timeout=`: `TimeoutError` for each that is awaited after it | | a timer beside the stream, as below |
//! | no children | ends at once | | ends at once |
//! | children | a task each | | all in one task: see the module `gather` for what that means |
//!
//! With a deadline for all; `or` prefers its first future, so that finished children are given first:
//!
//! ```
//! # use asyncio_to_smol::as_completed::as_completed;
//! # use async_executor::LocalExecutor;
//! # use async_io::{Timer, block_on};
//! # use futures_lite::{StreamExt, future};
//! # use std::time::Duration;
//! # let ex = LocalExecutor::new();
//! # block_on(ex.run(async {
//! # let children = [future::or(future::pending(), async { Timer::after(Duration::from_secs(60)).await; })];
//! let mut timer = Timer::after(Duration::from_millis(20));
//! let mut results = as_completed(&ex, children);
//! let mut time_is_up = async || { (&mut timer).await; None };
//! while let Some((index, result)) = future::or(results.next(), time_is_up()).await {
//!     println!("{index}: {result:?}");
//! }
//! // Here the rest still runs: go on with `results`, `results.detach()`, or drop it.
//! # }));
//! ```
//!
//! A child costs what it does with `gather`. [`AsCompleted`] stays on its thread: it is neither `Send`
//! nor `Sync`.
//!
//! Source:
//! [`asyncio.as_completed`](https://docs.python.org/3/library/asyncio-task.html#asyncio.as_completed).

pub use crate::children::Spawn;
use crate::children::{Children, Ended, start};
use futures_lite::Stream;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// Runs the children together, and gives their results in the order in which they end, each with its index in the
/// input.
///
/// ```
/// # use asyncio_to_smol::as_completed::as_completed;
/// # use {async_executor::LocalExecutor, async_io::block_on};
/// # use futures_lite::StreamExt;
/// # let ex = LocalExecutor::new();
/// block_on(ex.run(async {
///     let words = ["three", "two"];
///     let mut lengths = as_completed(&ex, words.map(async |word| word.len()));
///     assert_eq!(lengths.next().await, Some((0, 5)));
///     assert_eq!(lengths.next().await, Some((1, 3)));
///     assert_eq!(lengths.next().await, None);
/// }));
/// ```
pub fn as_completed<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> AsCompleted<F::Output> {
    let mut left = 0;
    let counted = children.into_iter().inspect(|_| left += 1);
    let children = start(ex, counted, |_| true);
    AsCompleted {
        children,
        ended: Vec::new().into_iter(),
        left,
    }
}

/// The stream that [`as_completed`] returns: the index of a child, and its result.
///
/// Dropping it cancels the children that have not ended.
///
/// # Panics
///
/// `next()` panics with the panic of a child, and can be called again for the next child. When the
/// loop has ended it gives the results that are there, and panics then if some are missing.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct AsCompleted<T> {
    children: Children<T>,
    ended: vec::IntoIter<Ended<T>>,
    /// How many are still to be given, those in `ended` among them.
    left: usize,
}

impl<T> Unpin for AsCompleted<T> {}

impl<T> AsCompleted<T> {
    /// Lets the children run on; what they return is dropped.
    ///
    /// ```
    /// # use asyncio_to_smol::as_completed::as_completed;
    /// # let ex = async_executor::LocalExecutor::new();
    /// # async_io::block_on(ex.run(async {
    /// as_completed(&ex, (0..2).map(async |n| println!("{n}"))).detach();
    /// # }));
    /// ```
    pub fn detach(self) {
        self.children.detach();
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = (usize, T);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(usize, T)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let (index, result) = loop {
            if let Some(next) = self.ended.next() {
                break next;
            }
            let ended = ready!(self.children.poll(cx));
            self.ended = ended
                .expect("the children were dropped with their executor")
                .into_iter();
        };
        self.left -= 1;
        let value = result.unwrap_or_else(|panic| resume_unwind(panic));
        Poll::Ready(Some((index, value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
