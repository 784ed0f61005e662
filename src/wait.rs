//! Waiting for tasks without taking them away: asyncio's `wait`.
//!
//! - asyncio: `asyncio.wait`, `asyncio.FIRST_COMPLETED`, `asyncio.FIRST_EXCEPTION`
//! - Node: `Promise.race`, `Promise.allSettled`
//! - Paste: this file; `cargo add async-executor async-io atomic-waker concurrent-queue futures-lite`
//!
//! ```
//! use asyncio_to_smol::wait;
//! use async_executor::LocalExecutor;
//! use async_io::{Timer, block_on};
//! use std::time::Duration;
//!
//! let ex = LocalExecutor::new();
//! let sleep = |ms| ex.spawn(Timer::after(Duration::from_millis(ms)));
//! block_on(ex.run(async {
//!     let mut tasks = vec![sleep(80), sleep(10)];
//!     for (index, result) in wait::first_completed(&mut tasks).await {
//!         println!("task {index} has slept until {:?}", result.unwrap());
//!     }
//!     for task in tasks {
//!         task.await; // it was neither consumed nor cancelled
//!     }
//! }));
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | until all have ended | `wait(tasks)`, `return_when=ALL_COMPLETED` | `Promise.allSettled` | [`all_completed`] |
//! | until one has | `FIRST_COMPLETED` | `Promise.race`, which gives a result and not the promise | [`first_completed`] |
//! | until one has failed, or all have ended | `FIRST_EXCEPTION` | `Promise.all`, with the same difference | [`first_exception`]: one that returned `Err` or panicked |
//! | with a time limit | `timeout=` | | [`Wait::timeout`]: when time is up, that is not an error |
//! | a time limit of 0 | one turn of the loop: tasks that end in it are in `done` | | the same |
//! | one has ended before the call | the others still get one turn of the loop | | the same: all that end in that turn are in `done` |
//! | no tasks | `ValueError` | `race([])` never ends | an empty `Vec`, at once |
//! | order | two sets | | the order of the input, with each index |
//! | `done` | `task.result()` raises its exception | | is removed from the `Vec`; the result is what the task returned, or its panic, as from a thread's `JoinHandle::join` |
//! | `pending` | run on; you can await them or wait for them again | | stay in the `Vec` |
//! | cancelling the wait | the tasks run on | | all tasks stay in the `Vec`, with the results they have returned |
//! | a task that was cancelled | is in `done`, `result()` raises `CancelledError`; it does not count as an exception | | is in `done` as one that panicked, and counts as an exception (this needs a dropped executor: only the owner of a `Task` can cancel it) |
//!
//! You own the tasks: dropping the `Vec` cancels those still in it. Each call registers with every task, so
//! waiting for the first of n tasks, n times, takes quadratic time, as in asyncio. With
//! [`as_completed`](crate::as_completed::as_completed) it takes linear time. [`Wait`] is `Send` if what the tasks
//! return is; it is not `Sync`.
//!
//! Source: [`asyncio.wait`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait).

use async_executor::{LocalExecutor, Task};
use async_io::Timer;
use atomic_waker::AtomicWaker;
use concurrent_queue::ConcurrentQueue;
use futures_lite::FutureExt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Waits until all tasks have ended: `ALL_COMPLETED`.
///
/// To wait for one, see [`first_completed`]; for plain futures, [`gather_all`](crate::gather::gather_all).
///
/// ```
/// # let ex = async_executor::LocalExecutor::new(); async_io::block_on(ex.run(async {
/// let mut tasks = vec![ex.spawn(async { 1 }), ex.spawn(async { 2 })];
/// let done = asyncio_to_smol::wait::all_completed(&mut tasks).await;
/// assert_eq!((done.len(), tasks.len()), (2, 0));
/// # }));
/// ```
#[doc(alias = "ALL_COMPLETED")]
pub fn all_completed<T>(tasks: &mut Vec<Task<T>>) -> Wait<'_, T> {
    Wait::new(tasks, |_| false)
}

/// Waits until a task has ended, whatever it returned: `FIRST_COMPLETED`.
///
/// See also [`first_exception`]; to get every result, [`as_completed`](crate::as_completed::as_completed).
///
/// ```
/// # let ex = async_executor::LocalExecutor::new(); async_io::block_on(ex.run(async {
/// let mut tasks = vec![ex.spawn(std::future::pending()), ex.spawn(async { 1 })];
/// let done = asyncio_to_smol::wait::first_completed(&mut tasks).await;
/// assert_eq!((done[0].0, tasks.len()), (1, 1));
/// # }));
/// ```
#[doc(alias = "FIRST_COMPLETED")]
pub fn first_completed<T>(tasks: &mut Vec<Task<T>>) -> Wait<'_, T> {
    Wait::new(tasks, |_| true)
}

/// Waits until a task has returned an error or panicked, or all have ended: `FIRST_EXCEPTION`.
///
/// See also [`all_completed`]; for only the values or the first error, [`gather`](crate::gather::gather).
///
/// ```
/// # let ex = async_executor::LocalExecutor::new(); async_io::block_on(ex.run(async {
/// let mut tasks = vec![ex.spawn(std::future::pending()), ex.spawn(async { Err::<(), _>("no") })];
/// let done = asyncio_to_smol::wait::first_exception(&mut tasks).await;
/// assert_eq!((done[0].0, tasks.len()), (1, 1));
/// # }));
/// ```
#[doc(alias = "FIRST_EXCEPTION")]
pub fn first_exception<T, E>(tasks: &mut Vec<Task<Result<T, E>>>) -> Wait<'_, Result<T, E>> {
    Wait::new(tasks, |result| !matches!(result, Ok(Ok(_))))
}

/// The future that [`all_completed`], [`first_completed`] and [`first_exception`] return.
///
/// An example is [above](self). It returns the index and the result of each task that has ended. The pending tasks
/// stay in the `Vec`. Dropping it cancels no task and loses no result. A task's panic is a result; awaiting this
/// does not panic.
#[derive(Debug)]
#[must_use = "it waits only if it is awaited"]
pub struct Wait<'t, T> {
    tasks: &'t mut Vec<Task<T>>,
    /// The results of the tasks that have ended. Empty when the wait has ended.
    ended: Vec<Option<thread::Result<T>>>,
    pending: usize,
    /// Whether this result ends the wait.
    is_enough: fn(&thread::Result<T>) -> bool,
    timer: Timer,
    /// Whether the wait ends after the last turns.
    enough: bool,
    /// asyncio notices a task's end one turn later, and the waiting task runs one turn after that. Tasks that end
    /// by then are done, too. (One turn less if the wait has been pending.)
    last_turns: u8,
    inbox: Arc<Inbox>,
}

impl<'t, T> Wait<'t, T> {
    fn new(tasks: &'t mut Vec<Task<T>>, is_enough: fn(&thread::Result<T>) -> bool) -> Self {
        let inbox = Inbox {
            woken: ConcurrentQueue::unbounded(),
            awaiter: AtomicWaker::new(),
        };
        for index in 0..tasks.len() {
            let _ = inbox.woken.push(index);
        }
        Wait {
            ended: tasks.iter().map(|_| None).collect(),
            pending: tasks.len(),
            tasks,
            is_enough,
            timer: Timer::never(),
            enough: false,
            last_turns: 2,
            inbox: Arc::new(inbox),
        }
    }

    /// Sets a time limit, which starts now: tasks that have not ended by then are pending. Even if `limit` is
    /// zero, tasks get one turn. To drop a future at its limit, see [`timeout`](crate::timeout::timeout).
    ///
    /// ```
    /// # let ex = async_executor::LocalExecutor::new(); async_io::block_on(ex.run(async {
    /// let mut tasks = vec![ex.spawn(std::future::pending::<()>())];
    /// let wait = asyncio_to_smol::wait::all_completed(&mut tasks);
    /// let done = wait.timeout(std::time::Duration::from_millis(20)).await;
    /// assert_eq!((done.len(), tasks.len()), (0, 1));
    /// # }));
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timer = Timer::after(limit);
        self
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = Vec<(usize, thread::Result<T>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.inbox.awaiter.register(cx.waker());
        while let Ok(index) = this.inbox.woken.pop() {
            if this.ended[index].is_some() {
                continue; // it has ended since
            }
            let inbox = Arc::downgrade(&this.inbox);
            let waker = Waker::from(Arc::new(TaskWaker { index, inbox }));
            // Polling a task that has panicked resumes its panic. It is not polled again.
            let mut task = AssertUnwindSafe(&mut this.tasks[index]).catch_unwind();
            if let Poll::Ready(result) = task.poll(&mut Context::from_waker(&waker)) {
                this.pending -= 1;
                this.enough |= (this.is_enough)(&result);
                this.ended[index] = Some(result);
            }
        }
        this.enough |= Pin::new(&mut this.timer).poll(cx).is_ready();
        if this.pending > 0 && !this.enough {
            this.last_turns = 1;
            return Poll::Pending;
        }
        if this.last_turns > 0 && !this.ended.is_empty() {
            this.last_turns -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let ended = mem::take(&mut this.ended);
        let mut is_done = ended.iter().map(Option::is_some);
        this.tasks.retain(|_| !is_done.next().unwrap_or_default());
        let ended = ended.into_iter().enumerate();
        Poll::Ready(ended.filter_map(|(i, result)| Some((i, result?))).collect())
    }
}

impl<T> Unpin for Wait<'_, T> {}

/// Puts the results back: each becomes a task that has ended.
impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        for (task, result) in self.tasks.iter_mut().zip(self.ended.drain(..)) {
            if let Some(result) = result {
                let executor = LocalExecutor::new();
                let ended = async { result.unwrap_or_else(|panic| resume_unwind(panic)) };
                *task = executor.spawn(ended);
                executor.try_tick();
            }
        }
    }
}

/// The tasks that have been woken, and the waker of the task that waits for them.
#[derive(Debug)]
struct Inbox {
    woken: ConcurrentQueue<usize>,
    awaiter: AtomicWaker,
}

/// The waker of one of the tasks.
struct TaskWaker {
    index: usize,
    /// Weak: a task that is kept does not keep the waiting task alive.
    inbox: Weak<Inbox>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if let Some(inbox) = self.inbox.upgrade() {
            let _ = inbox.woken.push(self.index);
            inbox.awaiter.wake();
        }
    }
}
