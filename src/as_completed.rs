//! Many futures together, each result as soon as it is there: asyncio's `as_completed`.
//!
//! - asyncio: `asyncio.as_completed`
//! - Node: no name for it
//! - Paste: this file and `children.rs`; `cargo add async-executor atomic-waker concurrent-queue futures-lite pin-project-lite`,
//!   and for its examples `cargo add --dev async-io`
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. An error is an item
//! like any other: a child that returns a `Result` yields that `Result`. [`AsCompleted`] stays on its thread: it
//! is neither `Send` nor `Sync`.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | how | `for next in as_completed(aws): await next` | none; `Promise.race` in a loop comes close | a `Stream`: `while let Some((index, result)) = results.next().await` |
//! | which child an item belongs to | since 3.13 `async for task in as_completed(aws)` gives the tasks themselves | | its index in the input |
//! | a child's error | raised by `await next`; the loop can go on | | an item; `next()` resumes a panic, and can be called again |
//! | two that end in the same turn | in the order in which they ended | | in the order in which they ended |
//! | stopping early | the other children run on | | dropping the stream cancels the others, at the loop's next turn; [`detach`](AsCompleted::detach) lets them run on |
//! | a deadline for all | `timeout=`: each child awaited after it raises `TimeoutError` | | a timer beside the stream, as below |
//! | no children | ends at once | | ends at once |
//! | children | a task each | | all in one task, as in [`gather`](crate::gather::gather) |
//!
//! A deadline for all. `or` polls its first future first, so children that have ended come before the deadline:
//!
//! ```
//! # use {asyncio_to_smol::as_completed::as_completed, async_executor::LocalExecutor};
//! # use {async_io::{Timer, block_on}, futures_lite::{StreamExt, future}, std::time::Duration};
//! # let ex = LocalExecutor::new(); block_on(ex.run(async {
//! # let children = [future::or(future::pending(), async { Timer::after(Duration::from_secs(60)).await; })];
//! let mut timer = Timer::after(Duration::from_millis(20));
//! let mut results = as_completed(&ex, children);
//! let mut time_is_up = async || { (&mut timer).await; None };
//! while let Some((index, result)) = future::or(results.next(), time_is_up()).await {
//!     println!("{index}: {result:?}");
//! }
//! // The other children still run: go on with `results`, call `results.detach()`, or drop it.
//! # }));
//! ```
//!
//! Source: [`asyncio.as_completed`](https://docs.python.org/3/library/asyncio-task.html#asyncio.as_completed).

/// Where [`as_completed`] spawns the task of the children. [`gather`](crate::gather::Spawn) has an example.
///
pub use crate::children::Spawn;
use crate::children::{Children, Ended, start};
use futures_lite::Stream;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// Runs the children together, and yields their results in the order in which they end, each with its index.
///
/// For all results in the order of the input, see [`gather_all`](crate::gather::gather_all); to wait for tasks and
/// keep them, [`wait`](crate::wait); to cancel the others at the first error,
/// [`task_group`](crate::task_group::task_group).
///
/// ```
/// # use asyncio_to_smol::as_completed::as_completed;
/// # use {async_executor::LocalExecutor, async_io::block_on, futures_lite::StreamExt};
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

/// The stream that [`as_completed`] returns, with an example there: the index of a child, and its result.
///
/// Dropping it cancels the children that have not ended; [`detach`](AsCompleted::detach) does not.
///
/// # Panics
///
/// `next()` resumes a child's panic, and can be called again for the next child. If the executor has been dropped,
/// it yields the results that have arrived, and then panics if any are missing.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct AsCompleted<T> {
    children: Children<T>,
    ended: vec::IntoIter<Ended<T>>,
    /// How many results are still to be yielded, including those in `ended`.
    left: usize,
}

impl<T> Unpin for AsCompleted<T> {}

impl<T> AsCompleted<T> {
    /// Lets the children run on, and drops what they return. To cancel them instead, drop the stream.
    ///
    /// ```
    /// # use asyncio_to_smol::as_completed::as_completed; let ex = async_executor::LocalExecutor::new();
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
