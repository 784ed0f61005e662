//! Many futures together, results in the order of the input: asyncio's `gather`.
//!
//! - asyncio: `asyncio.gather`, `return_exceptions=True`
//! - Node: `Promise.all`, `Promise.allSettled`
//! - Paste: this file and `children.rs`; `cargo add async-executor atomic-waker concurrent-queue futures-lite pin-project-lite`
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. They are plain
//! futures or `Task`s. Choose by what they return:
//!
//! | children | write |
//! |---|---|
//! | return `Result`s; stop waiting at the first error | `gather(&ex, children).await?` |
//! | return `Result`s; wait for all | `gather_all(&ex, children).await` |
//! | return plain values | `gather_all(&ex, children).await` |
//! | two of different types | `futures_lite::future::zip(a, b).await`, or `try_zip(a, b).await?` |
//! | more of different types | `zip(a, zip(b, c))`, or map them to one type with an `enum` |
//!
//! (`zip` polls both futures in the task that awaits it; `try_zip` drops the other one at the first error.)
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first error ends the waiting, the other children run on | `gather(*aws)` | `Promise.all` | [`gather`] |
//! | wait for all, errors among the results | `gather(*aws, return_exceptions=True)` | `Promise.allSettled` | [`gather_all`] |
//! | cancelling it | cancels the children | impossible | drop it, or [`Gather::cancel`] |
//! | cancelling the others after the first error | `task.cancel()`, if you kept the tasks | | await `&mut gather`, then [`cancel`](Gather::cancel); otherwise they end with the loop |
//! | no children | `[]` | `[]` | an empty `Vec` |
//! | children | a task each | a promise each | all in one task |
//! | the error of a second child | is ignored | is ignored | is dropped; the panic hook reports a panic |
//! | values returned before the first error | are kept by their tasks | | are dropped |
//! | a child that is cancelled elsewhere | `gather` raises `CancelledError` | | awaiting a cancelled `Task` panics: a panic of this child |
//! | the same child twice | runs once, its value comes twice | the same | impossible: a future has one owner |
//!
//! (To drop the others at the first error, use [`task_group`](crate::task_group::task_group), or the
//! `try_join_all` of the crate `futures`.)
//!
//! All children are in one task, which is cheaper than a task each (`just bench gather spawn_join`). A child is
//! freed when it ends; children of up to 256 bytes share an allocation, four at a time. At each turn of the loop,
//! all children that have been woken are polled, once each and in order, as asyncio polls tasks. No other task
//! runs in between. [`Gather`] and [`GatherAll`] stay on their thread: neither is `Send` or `Sync`.
//!
//! Sources: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather),
//! [`Promise.all`](https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Promise/all).

/// Where [`gather`] and [`gather_all`] spawn the task of the children.
///
/// ```
/// # use {asyncio_to_smol::gather::{Spawn, gather_all}, futures_lite::future::block_on};
/// async fn squares<'a>(ex: &impl Spawn<'a>) -> Vec<u32> {
///     gather_all(ex, (1..4).map(async |n| n * n)).await
/// }
/// let ex = async_executor::LocalExecutor::new();
/// assert_eq!(block_on(ex.run(squares(&ex))), [1, 4, 9]);
/// ```
pub use crate::children::Spawn;
use crate::children::{Children, Ended, drop_quietly, start};
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

/// Runs the children together, and returns their values in the order of the input, or the first error.
///
/// To wait for all of them in spite of errors, see [`gather_all`]; for each result when it arrives,
/// [`as_completed`](crate::as_completed::as_completed); to cancel the others at the first error,
/// [`task_group`](crate::task_group::task_group).
///
/// ```
/// # use {asyncio_to_smol::gather::gather, async_executor::LocalExecutor, futures_lite::future::block_on};
/// let ex = LocalExecutor::new();
/// let words = ["one", "three"];
/// let lengths = gather(&ex, words.map(async |word| Ok::<_, String>(word.len())));
/// assert_eq!(block_on(ex.run(lengths)), Ok(vec![3, 5]));
/// ```
///
/// Children that do not return a `Result` do not compile here. Use [`gather_all`] for them:
///
/// ```compile_fail,E0271
/// # use asyncio_to_smol::gather::gather; let ex = async_executor::LocalExecutor::new();
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

/// The future that [`gather`] returns, with an example there: the values of all children, or the first error.
///
/// At the first error it is ready. The other children run on, and what they return is dropped. If you drop it
/// before that, the children are dropped at the loop's next turn. [`cancel`](Gather::cancel) also waits for that.
///
/// # Errors
///
/// The error that occurred first.
///
/// # Panics
///
/// If a child panics before another fails: its panic is resumed here. Also if it is polled after completion, or if
/// the children have been dropped with their executor.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct Gather<T, E>(Children<Result<T, E>>);

impl<T, E> Gather<T, E> {
    /// Cancels the children that have not ended, and waits until they have been dropped. Returns the result of the
    /// [`Gather`] if it was ready and had not been awaited. Dropping the `Gather` cancels without waiting.
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
    ///     // Two still run, as in asyncio. After the error, dropping `children` would let them run on.
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
        let ended = ready!(self.0.poll(cx)).expect(NO_RESULT);
        self.0.detach(); // after an error the other children run on
        Poll::Ready(values_or_failure(ended))
    }
}

const NO_RESULT: &str = "polled after completion, or the children were dropped with their executor";

fn has_failed<T, E>(result: &thread::Result<Result<T, E>>) -> bool {
    !matches!(result, Ok(Ok(_)))
}

/// All values, or the first failure. Then the values and the later failures are dropped.
fn values_or_failure<T, E>(mut ended: Vec<Ended<Result<T, E>>>) -> Result<Vec<T>, E> {
    if let Some(first) = ended.iter().position(|(_, result)| has_failed(result)) {
        let failure = ended.swap_remove(first);
        drop_quietly(mem::replace(&mut ended, vec![failure]));
    }
    in_order(ended).into_iter().collect()
}

/// The children's results in the order of the input. Resumes the panic of the first child there that panicked.
fn in_order<T>(mut ended: Vec<Ended<T>>) -> Vec<T> {
    ended.sort_unstable_by_key(|(index, _)| *index);
    let results: thread::Result<Vec<T>> = ended.into_iter().map(|(_, result)| result).collect();
    results.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs the children together, waits for all of them, and returns their results in the order of the input.
///
/// To stop waiting at the first error, see [`gather`]; for each result when it arrives,
/// [`as_completed`](crate::as_completed::as_completed); for tasks that are already running,
/// [`wait::all_completed`](crate::wait::all_completed).
///
/// ```
/// # use {asyncio_to_smol::gather::gather_all, async_executor::LocalExecutor, futures_lite::future::block_on};
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

/// The future that [`gather_all`] returns, with an example there.
///
/// Dropping it before it is ready cancels the children, at the loop's next turn.
///
/// # Panics
///
/// If a child panics: when all have ended, the panic of the first such child in the input is resumed here. Also
/// if it is polled after completion, or if the children have been dropped with their executor.
#[derive(Debug)]
#[must_use = "dropping it cancels the children"]
pub struct GatherAll<T>(Children<T>);

impl<T> Future for GatherAll<T> {
    type Output = Vec<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        let ended = ready!(self.0.poll(cx)).expect(NO_RESULT);
        Poll::Ready(in_order(ended))
    }
}
