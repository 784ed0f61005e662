//! Many futures together, results in the order of the input: asyncio's `gather`.
//!
//! - asyncio: `asyncio.gather`, `return_exceptions=True`
//! - Node: `Promise.all`, `Promise.allSettled`
//! - Paste: this file and `children.rs`; `cargo add async-executor atomic-waker concurrent-queue futures-lite pin-project-lite`
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. They
//! are plain futures or `Task`s. What to write:
//!
//! | children | write |
//! |---|---|
//! | return `Result`s; stop waiting at the first error | `gather(&ex, children).await?` |
//! | return `Result`s; wait for all | `gather_all(&ex, children).await` |
//! | return plain values | `gather_all(&ex, children).await` |
//! | two of different types | `futures_lite::future::zip(a, b).await`, or `try_zip(a, b).await?` |
//! | more of different types | `zip(a, zip(b, c))`, or map them to one type with an `enum` |
//!
//! (`zip` polls its two in the task that awaits it, and `try_zip` drops the other at the first error.)
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first error ends the waiting, the other children go on | `gather(*aws)` | `Promise.all` | [`gather`] |
//! | wait for all, errors among the results | `gather(*aws, return_exceptions=True)` | `Promise.allSettled` | [`gather_all`] |
//! | cancelling it | cancels the children | cannot be done | dropping it, or [`Gather::cancel`] |
//! | after the first error, the others can be cancelled by | what holds their tasks | | a [`Gather`] that was awaited as `&mut gather`: [`cancel`](Gather::cancel). Otherwise by nothing but the end of the loop |
//! | no children | `[]` | `[]` | an empty `Vec` |
//! | children | a task each | a promise each | all in one task |
//! | the error of a second child | is not looked at | is ignored | is dropped; a panic is reported by the panic hook |
//! | values that were there before the first error | are kept by their tasks | | are dropped |
//! | a child that is cancelled from elsewhere | raises `CancelledError` from `gather` | | a `Task` that cannot end panics in its awaiter: a panic of this child |
//! | the same child twice | runs once, its value comes twice | the same | cannot be: a future has one owner |
//!
//! (futures' `try_join_all` drops the others at the first error, and so does a `task_group`.)
//!
//! All children are in one task, which costs a tenth of spawning and awaiting each. A child is freed when it
//! ends; up to 256 bytes, four share an allocation. At each turn of the loop all children that are ready to
//! go on are polled, once each and in order, as asyncio polls tasks; no other task has its turn in between.
//!
//! [`Gather`] and [`GatherAll`] stay on their thread: they are neither `Send` nor `Sync`.
//!
//! Sources: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather),
//! [`Promise.all`](https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Promise/all).

pub use crate::children::Spawn;
use crate::children::{Children, Ended, drop_quietly, start};
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

/// Runs the children together, and gives their values in the order of the input, or the first error.
///
/// ```
/// # use asyncio_to_smol::gather::gather;
/// # use {async_executor::LocalExecutor, futures_lite::future::block_on};
/// let ex = LocalExecutor::new();
/// let words = ["one", "three"];
/// let lengths = gather(&ex, words.map(async |word| Ok::<_, String>(word.len())));
/// assert_eq!(block_on(ex.run(lengths)), Ok(vec![3, 5]));
/// ```
///
/// Children that return something else than a `Result` do not compile; they are for [`gather_all`]:
///
/// ```compile_fail,E0271
/// # use asyncio_to_smol::gather::gather;
/// # let ex = async_executor::LocalExecutor::new();
/// let numbers = gather(&ex, [1, 2].map(async |n| n));
/// ```
pub fn gather<'a, F, T, E>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> Gather<T, E>
where
    F: Future<Output = Result<T, E>> + 'a,
{
    Gather(start(ex, children, has_failed))
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
/// A panic of a child counts as an error, and comes out where this is awaited. It also panics if it is
/// polled again after it was ready, and if its children have been dropped by the end of their loop.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct Gather<T, E>(Children<Result<T, E>>);

impl<T, E> Gather<T, E> {
    /// Cancels the children that have not ended, and waits until they have been dropped. Returns the result that
    /// awaiting it would have given, if it was ready and not yet taken.
    ///
    /// ```
    /// # use asyncio_to_smol::gather::gather;
    /// # use {async_executor::LocalExecutor, futures_lite::future::{block_on, pending}};
    /// async fn child(n: u32) -> Result<(), u32> {
    ///     if n == 1 { Err(n) } else { pending().await }
    /// }
    /// # let ex = LocalExecutor::new();
    /// block_on(ex.run(async {
    ///     let mut children = gather(&ex, [child(0), child(1), child(2)]);
    ///     assert_eq!((&mut children).await, Err(1));
    ///     // Two still run, as in asyncio. Dropping `children` here would let them run on.
    ///     children.cancel().await;
    /// }));
    /// ```
    ///
    /// # Panics
    ///
    /// If a child has panicked, with its panic.
    pub async fn cancel(self) -> Option<Result<Vec<T>, E>> {
        self.0.cancel();
        let mut ready = None;
        while let Some(ended) = poll_fn(|cx| self.0.poll(cx)).await {
            ready = Some(ended);
        }
        ready.map(values_or_failure)
    }
}

impl<T, E> Future for Gather<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(self.0.poll(cx)).expect(GONE);
        self.0.detach(); // after an error the other children are to run on
        Poll::Ready(values_or_failure(ended))
    }
}

const GONE: &str = "polled after it was ready, or the children were dropped with their executor";

fn has_failed<T, E>(result: &thread::Result<Result<T, E>>) -> bool {
    !matches!(result, Ok(Ok(_)))
}

/// All values, or the failure that came first, and then the values and the later failures are dropped.
fn values_or_failure<T, E>(mut ended: Vec<Ended<Result<T, E>>>) -> Result<Vec<T>, E> {
    if let Some(first) = ended.iter().position(|(_, result)| has_failed(result)) {
        let failure = ended.swap_remove(first);
        drop_quietly(mem::replace(&mut ended, vec![failure]));
    }
    in_order(ended).into_iter().collect()
}

/// The children's results, in the order of the input, or the panic of the first that panicked.
fn in_order<T>(mut ended: Vec<Ended<T>>) -> Vec<T> {
    ended.sort_unstable_by_key(|(index, _)| *index);
    let results: thread::Result<Vec<T>> = ended.into_iter().map(|(_, result)| result).collect();
    results.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs the children together, waits for all of them, and gives their results, in the order of the input.
///
/// ```
/// # use asyncio_to_smol::gather::gather_all;
/// # use {async_executor::LocalExecutor, futures_lite::future::block_on};
/// let ex = LocalExecutor::new();
/// let squares = block_on(ex.run(gather_all(&ex, (1..4).map(async |n| n * n))));
/// assert_eq!(squares, [1, 4, 9]);
/// ```
pub fn gather_all<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> GatherAll<F::Output> {
    GatherAll(start(ex, children, |_| false))
}

/// The future that [`gather_all`] returns. Dropping it before it is ready cancels the children, at the
/// loop's next turn.
///
/// # Panics
///
/// Like [`Gather`]. The panic of a child comes out after all other children have ended; if several
/// panic, that of the first one in the input.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct GatherAll<T>(Children<T>);

impl<T> Future for GatherAll<T> {
    type Output = Vec<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        let ended = ready!(self.0.poll(cx)).expect(GONE);
        Poll::Ready(in_order(ended))
    }
}
