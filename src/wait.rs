//! Waiting for tasks without taking them away: asyncio's `wait`.
//!
//! - asyncio: `asyncio.wait`, `asyncio.FIRST_COMPLETED`, `asyncio.FIRST_EXCEPTION`
//! - Node: `Promise.race`, `Promise.allSettled`
//! - Paste: this file; `cargo add async-executor async-io futures-lite`
//!
//! ```
//! use asyncio_to_smol::wait;
//! use async_executor::LocalExecutor;
//! use async_io::{Timer, block_on};
//! use std::time::Duration;
//!
//! async fn sleep(ms: u64) -> u64 {
//!     Timer::after(Duration::from_millis(ms)).await;
//!     ms
//! }
//!
//! # fn main() -> Result<(), wait::Empty> {
//! let ex = LocalExecutor::new();
//! block_on(ex.run(async {
//!     let mut tasks = vec![ex.spawn(sleep(10)), ex.spawn(sleep(80))];
//!     for done in wait::first_completed(&mut tasks).await? {
//!         assert_eq!((done.index(), done.result()), (0, 10));
//!     }
//!     for task in tasks {
//!         assert_eq!(task.await, 80); // it is still here, and nothing was cancelled
//!     }
//!     Ok(())
//! }))
//! # }
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | until all have ended | `wait(tasks)`, `return_when=ALL_COMPLETED` | `Promise.allSettled` | [`all_completed`] |
//! | until one has | `FIRST_COMPLETED` | `Promise.race`, which gives a result and not the promise | [`first_completed`] |
//! | until one has failed, or all have ended | `FIRST_EXCEPTION` | `Promise.all`, likewise | [`first_exception`]: one that returned `Err` or panicked |
//! | with a time limit | `timeout=` | | [`Wait::timeout`]: the time being up is not an error |
//! | a timeout of 0 | one turn of the loop: what can end in it is in `done` | | likewise |
//! | one has ended before the call | the others have a turn of the loop all the same | | likewise: of two that can end in that turn both are in `done` |
//! | no tasks | `ValueError` | `race([])` never ends | `Err(Empty)` |
//! | order | two sets | | the order of the input; [`Done::index`] says which |
//! | `done` | `task.result()` raises its exception | | is taken out of the `Vec`; [`Done::result`] gives what the task returned, and panics if it panicked |
//! | `pending` | run on, can be awaited or waited for again | | stay in the `Vec` |
//! | the waiting is cancelled | the tasks run on | | all tasks stay in the `Vec`, with what they have returned |
//! | a task that was cancelled | is in `done`, `result()` raises `CancelledError`; it does not count as an exception | | is in `done` as one that panicked, and counts as an exception (its executor must have gone: only the owner of a `Task` can cancel it) |
//!
//! The tasks are yours: dropping the `Vec` cancels those that are left in it.
//!
//! Each call registers with every task, so that waiting for the first one of n again and again costs
//! n² in all, as in asyncio. `as_completed` does that job for n.
//!
//! [`Wait`] and [`Done`] are `Send` if what the tasks return is; they are not `Sync`.
//!
//! Source: [`asyncio.wait`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait).

use async_executor::{LocalExecutor, Task};
use async_io::Timer;
use futures_lite::FutureExt;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Waits until all tasks have ended: `ALL_COMPLETED`.
///
/// ```
/// # use asyncio_to_smol::wait;
/// # use {async_executor::LocalExecutor, async_io::block_on};
/// # let ex = LocalExecutor::new();
/// block_on(ex.run(async {
///     let mut tasks: Vec<_> = (0..3).map(|n| ex.spawn(async move { n })).collect();
///     let done = wait::all_completed(&mut tasks).await?;
///     assert_eq!((done.len(), tasks.len()), (3, 0));
///     Ok::<(), wait::Empty>(())
/// })).unwrap();
/// ```
#[doc(alias = "ALL_COMPLETED")]
pub fn all_completed<T>(tasks: &mut Vec<Task<T>>) -> Wait<'_, T> {
    Wait::new(tasks, |_| false)
}

/// Waits until a task has ended, whatever it returned: `FIRST_COMPLETED`.
///
/// ```
/// # use asyncio_to_smol::wait;
/// # use {async_executor::LocalExecutor, async_io::block_on};
/// # use futures_lite::future::pending;
/// # let ex = LocalExecutor::new();
/// block_on(ex.run(async {
///     let mut tasks = vec![ex.spawn(pending()), ex.spawn(async { 1 })];
///     let done = wait::first_completed(&mut tasks).await?;
///     assert_eq!((done[0].index(), tasks.len()), (1, 1));
///     Ok::<(), wait::Empty>(())
/// })).unwrap();
/// ```
#[doc(alias = "FIRST_COMPLETED")]
pub fn first_completed<T>(tasks: &mut Vec<Task<T>>) -> Wait<'_, T> {
    Wait::new(tasks, |_| true)
}

/// Waits until a task has returned an error or panicked, or all have ended: `FIRST_EXCEPTION`.
///
/// ```
/// # use asyncio_to_smol::wait;
/// # use {async_executor::LocalExecutor, async_io::block_on};
/// # use futures_lite::future::pending;
/// # let ex = LocalExecutor::new();
/// block_on(ex.run(async {
///     let mut tasks = vec![ex.spawn(pending()), ex.spawn(async { Err::<(), _>("failed") })];
///     let done = wait::first_exception(&mut tasks).await?;
///     assert_eq!((done[0].index(), tasks.len()), (1, 1));
///     Ok::<(), wait::Empty>(())
/// })).unwrap();
/// ```
#[doc(alias = "FIRST_EXCEPTION")]
pub fn first_exception<T, E>(tasks: &mut Vec<Task<Result<T, E>>>) -> Wait<'_, Result<T, E>> {
    Wait::new(tasks, |result| !matches!(result, Ok(Ok(_))))
}

/// The future that [`all_completed`], [`first_completed`] and [`first_exception`] return: the tasks
/// that are done. Those that are pending stay in the `Vec`.
///
/// Dropping it cancels nothing and loses nothing.
///
/// # Errors
///
/// [`Empty`] if there are no tasks to wait for; also if polled again after it was ready.
#[must_use = "it waits only if it is awaited"]
pub struct Wait<'t, T> {
    tasks: &'t mut Vec<Task<T>>,
    /// What the tasks have returned that have ended. Empty after the end.
    ended: Vec<Option<thread::Result<T>>>,
    pending: usize,
    /// Whether this result ends the waiting.
    is_enough: fn(&thread::Result<T>) -> bool,
    timer: Option<Timer>,
    started: bool,
    /// How many turns of the loop are left when there is enough. asyncio hears of a task's end at the
    /// turn after it, and wakes the waiting task for the turn after that. What ends until then is done,
    /// too.
    last_turns: Option<u8>,
    inbox: Arc<Inbox>,
}

impl<'t, T> Wait<'t, T> {
    fn new(tasks: &'t mut Vec<Task<T>>, is_enough: fn(&thread::Result<T>) -> bool) -> Self {
        Wait {
            ended: tasks.iter().map(|_| None).collect(),
            pending: tasks.len(),
            tasks,
            is_enough,
            timer: None,
            started: false,
            last_turns: None,
            inbox: Arc::default(),
        }
    }

    /// Waits for no longer than `limit` from now.
    ///
    /// What has not ended by then is pending. Tasks that can run at once get one turn even if `limit`
    /// is zero.
    ///
    /// ```
    /// # use asyncio_to_smol::wait;
    /// # use {async_executor::LocalExecutor, async_io::block_on};
    /// # use std::time::Duration;
    /// # use futures_lite::future::pending;
    /// # let ex = LocalExecutor::new();
    /// block_on(ex.run(async {
    ///     let mut tasks = vec![ex.spawn(pending::<()>())];
    ///     let wait = wait::all_completed(&mut tasks).timeout(Duration::from_millis(20));
    ///     assert_eq!(wait.await?.len(), 0);
    ///     assert_eq!(tasks.len(), 1);
    ///     Ok::<(), wait::Empty>(())
    /// })).unwrap();
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timer = Some(Timer::after(limit));
        self
    }

    /// Polls a task that has not ended; says whether that ends the waiting.
    fn look(&mut self, index: usize) -> bool {
        if self.ended[index].is_some() {
            return false;
        }
        let inbox = Arc::clone(&self.inbox);
        let waker = Waker::from(Arc::new(Caller { index, inbox }));
        // A task that panicked does so again when it is polled. It is not polled after that.
        let mut task = AssertUnwindSafe(&mut self.tasks[index]).catch_unwind();
        let Poll::Ready(result) = task.poll(&mut Context::from_waker(&waker)) else {
            return false;
        };
        let is_enough = (self.is_enough)(&result);
        self.ended[index] = Some(result);
        self.pending -= 1;
        is_enough || self.pending == 0
    }

    /// Takes out the tasks that are done.
    fn split(&mut self) -> Vec<Done<T>> {
        self.inbox.set_awaiter(None);
        let ended = mem::take(&mut self.ended);
        let mut is_done = ended.iter().map(Option::is_some);
        self.tasks.retain(|_| !is_done.next().unwrap_or_default());
        let done = |(index, result): (_, Option<_>)| {
            Some(Done {
                index,
                result: result?,
            })
        };
        ended.into_iter().enumerate().filter_map(done).collect()
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = Result<Vec<Done<T>>, Empty>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.ended.is_empty() {
            return Poll::Ready(Err(Empty));
        }
        self.inbox.set_awaiter(Some(cx.waker().clone()));
        let is_first = !mem::replace(&mut self.started, true);
        let called = if is_first {
            (0..self.ended.len()).collect()
        } else {
            mem::take(&mut self.inbox.lock().called)
        };
        let mut enough = false;
        for index in called {
            enough |= self.look(index);
        }
        if let (None, Some(timer)) = (self.last_turns, &mut self.timer) {
            enough |= Pin::new(timer).poll(cx).is_ready();
        }
        self.last_turns = match self.last_turns {
            Some(1) => return Poll::Ready(Ok(self.split())),
            Some(turns) => Some(turns - 1),
            None if !enough => return Poll::Pending,
            None if is_first => Some(2),
            None => Some(1),
        };
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T> Unpin for Wait<'_, T> {}

impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        self.inbox.set_awaiter(None);
        for (index, result) in mem::take(&mut self.ended).into_iter().enumerate() {
            if let Some(result) = result {
                self.tasks[index] = ended_task(result);
            }
        }
    }
}

/// A task that gives what another one has given already.
fn ended_task<T>(result: thread::Result<T>) -> Task<T> {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { result.unwrap_or_else(|panic| resume_unwind(panic)) });
    executor.try_tick();
    task
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("tasks", &self.ended.len())
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// The tasks that have called to be looked at, and the waker of the task that waits for them.
#[derive(Default)]
struct Inbox(Mutex<Called>);

#[derive(Default)]
struct Called {
    called: Vec<usize>,
    awaiter: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Called> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_awaiter(&self, awaiter: Option<Waker>) {
        let last = mem::replace(&mut self.lock().awaiter, awaiter);
        drop(last); // with the lock free: it may be the last waker of its task
    }
}

/// The waker of one of the tasks.
struct Caller {
    index: usize,
    inbox: Arc<Inbox>,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        let mut inbox = self.inbox.lock();
        inbox.called.push(self.index);
        let awaiter = inbox.awaiter.take();
        drop(inbox);
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

/// A task that has ended, and what it returned.
#[derive(Debug)]
#[must_use = "it holds what the task returned"]
pub struct Done<T> {
    index: usize,
    result: thread::Result<T>,
}

impl<T> Done<T> {
    /// Which one of the tasks in the `Vec` this was when the waiting began, counted from 0. There is an
    /// example at the top of the page.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What the task returned: asyncio's `task.result()`. There is an example at the
    /// top of the page.
    ///
    /// # Panics
    ///
    /// If the task panicked, with its panic.
    pub fn result(self) -> T {
        self.result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// What the task returned, or what it panicked with: asyncio's `task.exception()`.
    ///
    /// ```
    /// # use asyncio_to_smol::wait;
    /// # use {async_executor::LocalExecutor, async_io::block_on};
    /// # let ex = LocalExecutor::new();
    /// block_on(ex.run(async {
    ///     let mut tasks = vec![ex.spawn(async { panic!("as an example") })];
    ///     for done in wait::all_completed::<()>(&mut tasks).await? {
    ///         let panic = done.into_result().unwrap_err();
    ///         assert_eq!(panic.downcast_ref(), Some(&"as an example"));
    ///     }
    ///     Ok::<(), wait::Empty>(())
    /// })).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The payload of the panic, as `std::thread::JoinHandle::join` gives it.
    pub fn into_result(self) -> thread::Result<T> {
        self.result
    }
}

/// There was nothing to wait for: asyncio's `ValueError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty;

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tasks to wait for")
    }
}

impl std::error::Error for Empty {}
