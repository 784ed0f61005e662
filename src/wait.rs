//! Waiting for tasks without taking their results from them: asyncio's `wait`.
//!
//! - asyncio: `asyncio.wait`, `asyncio.FIRST_COMPLETED`, `asyncio.FIRST_EXCEPTION`
//! - Node: `Promise.race`, `Promise.allSettled`
//!
//! ```
//! use asyncio_to_smol::run::run;
//! use asyncio_to_smol::wait;
//! use async_io::Timer;
//! use std::time::Duration;
//!
//! async fn sleep(ms: u64) -> u64 {
//!     Timer::after(Duration::from_millis(ms)).await;
//!     ms
//! }
//!
//! # fn main() -> Result<(), wait::Empty> {
//! run(async |ex| {
//!     let tasks = [ex.spawn(sleep(10)), ex.spawn(sleep(80))];
//!     let (done, pending) = wait::first_completed(tasks).await?;
//!     for task in done {
//!         assert_eq!((task.index(), task.result()), (0, 10));
//!     }
//!     for task in pending {
//!         assert_eq!(task.await, 80); // nothing was cancelled
//!     }
//!     Ok(())
//! })
//! # }
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | until all have ended | `wait(tasks)`, `return_when=ALL_COMPLETED` | `Promise.allSettled` | [`all_completed`] |
//! | until one has | `FIRST_COMPLETED` | `Promise.race`, which gives a result and not the promise | [`first_completed`] |
//! | until one has failed, or all have ended | `FIRST_EXCEPTION` | `Promise.all`, likewise | [`first_exception`]: one that returned `Err` or panicked |
//! | for no longer than | `timeout=` | | [`Wait::timeout`]: the time being up is not an error |
//! | several end in the same turn of the loop | all are in `done` | | all are in `done` |
//! | no tasks | `ValueError` | `race([])` never ends | `Err(Empty)` |
//! | order | two sets | | two lists in the order of the input; [`Done::index`] says which |
//! | a task in `done` | `task.result()` raises its exception | | [`Done::result`] gives what the task returned, and panics if it panicked |
//! | a task in `pending` | runs on, can be awaited or waited for again | | so it is: it is the `Task` |
//! | the waiting is cancelled | the tasks run on | | the tasks run on; who needs them afterwards awaits `&mut wait` |
//! | a task that was cancelled | is in `done`, `result()` raises `CancelledError`; it does not count as an exception | | is in `done` as one that panicked, and counts as an exception (its executor must have gone: nobody else can cancel it) |
//!
//! Each call registers with every task, so that waiting for the first one of n again and again costs
//! n² in all, as in asyncio. [`as_completed`](crate::as_completed) does that job for n.
//!
//! Source: [`asyncio.wait`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait).

use crate::calls::Calls;
use async_executor::Task;
use async_io::Timer;
use futures_lite::FutureExt;
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// Waits until all tasks have ended: `ALL_COMPLETED`.
#[doc(alias = "ALL_COMPLETED")]
pub fn all_completed<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Wait<T> {
    Wait::new(tasks, |_| false)
}

/// Waits until a task has ended, whatever it returned: `FIRST_COMPLETED`.
#[doc(alias = "FIRST_COMPLETED")]
pub fn first_completed<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Wait<T> {
    Wait::new(tasks, |_| true)
}

/// Waits until a task has returned an error or panicked, or all have ended: `FIRST_EXCEPTION`.
#[doc(alias = "FIRST_EXCEPTION")]
pub fn first_exception<T, E>(
    tasks: impl IntoIterator<Item = Task<Result<T, E>>>,
) -> Wait<Result<T, E>> {
    Wait::new(tasks, |result| !matches!(result, Ok(Ok(_))))
}

/// The future that [`all_completed`], [`first_completed`] and [`first_exception`] return: the tasks
/// that are done, and those that are pending.
///
/// Dropping it cancels nothing: the tasks that are still pending run on, detached. To have them
/// back, await `&mut wait` instead, as often as needed.
///
/// # Errors
///
/// [`Empty`] if there are no tasks to wait for; also if polled again after it was ready.
#[must_use = "it waits only if it is awaited"]
pub struct Wait<T> {
    tasks: Vec<State<T>>,
    pending: usize,
    /// Whether this result ends the waiting.
    is_enough: fn(&thread::Result<T>) -> bool,
    enough: bool,
    timer: Option<Timer>,
    calls: Calls,
    /// Whether all have been looked at once.
    started: bool,
}

enum State<T> {
    Pending(Task<T>),
    Ended(thread::Result<T>),
}

impl<T> Wait<T> {
    fn new(
        tasks: impl IntoIterator<Item = Task<T>>,
        is_enough: fn(&thread::Result<T>) -> bool,
    ) -> Wait<T> {
        let tasks: Vec<_> = tasks.into_iter().map(State::Pending).collect();
        Wait {
            pending: tasks.len(),
            is_enough,
            enough: false,
            timer: None,
            calls: Calls::new(),
            started: false,
            tasks,
        }
    }

    /// Waits for no longer than `limit` from now.
    ///
    /// What has not ended by then is in `pending`. Tasks that can run at once get one turn even if
    /// `limit` is zero.
    pub fn timeout(mut self, limit: Duration) -> Wait<T> {
        self.timer = Some(Timer::after(limit));
        self
    }

    /// Looks at the tasks that have called since the last time; at first at all of them.
    fn look(&mut self) {
        let mut called = Vec::new();
        if self.started {
            self.calls.take(&mut called);
        } else {
            self.started = true;
            called = (0..self.tasks.len())
                .map(|index| self.calls.caller(index))
                .collect();
        }
        for caller in called {
            let index = caller.index();
            let State::Pending(task) = &mut self.tasks[index] else {
                continue;
            };
            // A task that panicked does so again when it is polled. It is not polled after that.
            let mut task = AssertUnwindSafe(task).catch_unwind();
            let waker = Waker::from(caller);
            let Poll::Ready(result) = task.poll(&mut Context::from_waker(&waker)) else {
                continue;
            };
            self.enough |= (self.is_enough)(&result);
            self.tasks[index] = State::Ended(result);
            self.pending -= 1;
        }
    }

    fn split(&mut self) -> (Vec<Done<T>>, Vec<Task<T>>) {
        self.calls.set_awaiter(None);
        let (mut done, mut pending) = (Vec::new(), Vec::new());
        for (index, state) in std::mem::take(&mut self.tasks).into_iter().enumerate() {
            match state {
                State::Ended(result) => done.push(Done { index, result }),
                State::Pending(task) => pending.push(task),
            }
        }
        (done, pending)
    }
}

impl<T> Future for Wait<T> {
    type Output = Result<(Vec<Done<T>>, Vec<Task<T>>), Empty>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.tasks.is_empty() {
            return Poll::Ready(Err(Empty));
        }
        self.calls.set_awaiter(Some(cx.waker().clone()));
        self.look();
        if self.enough || self.pending == 0 {
            return Poll::Ready(Ok(self.split()));
        }
        if let Some(timer) = &mut self.timer {
            if Pin::new(timer).poll(cx).is_ready() {
                // The tasks that are ready to run have their turn before the last look.
                self.timer = None;
                self.enough = true;
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl<T> Unpin for Wait<T> {}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        let (results, pending) = self.split();
        for task in pending {
            task.detach(); // `wait` cancels nothing, as in asyncio
        }
        drop(results);
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("tasks", &self.tasks.len())
            .field("pending", &self.pending)
            .finish_non_exhaustive()
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
    /// Which one of the tasks given to the call this was, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What the task returned: asyncio's `task.result()`.
    ///
    /// # Panics
    ///
    /// If the task panicked, with its panic.
    pub fn result(self) -> T {
        self.result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// What the task returned, or what it panicked with: asyncio's `task.exception()`.
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
