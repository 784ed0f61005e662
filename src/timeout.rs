//! Waiting with a time limit: asyncio's `wait_for`.
//!
//! - asyncio: `asyncio.wait_for`, `asyncio.timeout`, `asyncio.timeout_at`, `asyncio.TimeoutError`
//! - Node: `Promise.race`, `AbortSignal.timeout`
//! - Paste: this file; `cargo add async-executor async-io pin-project-lite`.
//!
//! ```
//! use asyncio_to_smol::timeout::{TimedOut, timeout};
//! use std::future::{pending, ready};
//! use std::time::Duration;
//!
//! # async_io::block_on(async {
//! let second = Duration::from_secs(1);
//! assert_eq!(timeout(second, ready(5)).await, Ok(5));
//! assert_eq!(timeout(second / 100, pending::<()>()).await, Err(TimedOut));
//! # });
//! ```
//!
//! | | asyncio's `wait_for` | Node | here |
//! |---|---|---|---|
//! | how | `wait_for(aw, seconds)` | `Promise.race` with a timer, or `AbortSignal.timeout` | [`timeout`], [`timeout_at`]; [`timeout_task`] for a `Task` |
//! | the limit counts | from the first step | from the call | from the call |
//! | when time is up | cancels, and waits until that has happened | the promise goes on, its result is ignored | the future is dropped, its destructors have run |
//! | ready just as time is up | the value | either | the value |
//! | no time at all | a coroutine is not started; a task that is done gives its value | | [`timeout`] starts nothing; [`timeout_task`] gives the value of a task that is done |
//! | the first step blocks for longer than the limit | `TimeoutError` at its first `await`; the value if there is none | | [`TimedOut`] at its first `await`; the value if there is none |
//! | no limit | `timeout=None` | | just await it |
//! | another limit in between | `timeout.reschedule` | | none: `or` with a `smol::Timer` of your own, and its `set_after` |
//! | cancelling it | cancels what it waits for | cannot be done | drops what it waits for |
//! | `task.cancelling`, `task.uncancel` | count the requests to cancel | | none: a dropped future cannot refuse |
//! | a destructor panics while a task is cancelled | the exception comes out of `wait_for` | | [`timeout`] panics; [`timeout_task`] ends the process, as async-task does whenever a cancelled task's destructor panics |
//!
//! A future that is dropped loses what it has taken but not returned; smol's `read_line` is one of
//! those. Spawn one that must not be dropped in the middle, and wait for the task by reference:
//! `timeout(limit, &mut task)` leaves the task alone when time is up, and it can be awaited again.
//!
//! asyncio's `task.cancel()` is a request, made at once. smol's `Task::cancel` returns a future, and
//! cancels nothing until that is polled; `drop(task)` is the request that is made at once.
//!
//! Source: [`asyncio.wait_for`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for).

use async_executor::Task;
use async_io::Timer;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Waits for `future`, but for no longer than `limit` from now on.
///
/// Dropping what this returns drops `future`. Give a `Task` to [`timeout_task`], since dropping a
/// `Task` only asks for its end, or pass `&mut task` if it is to go on.
///
/// # Errors
///
/// [`TimedOut`] if `future` is not ready after `limit`. It has been dropped by then. If it has not
/// been polled before, it is not started any more.
///
/// # Examples
///
/// ```
/// # use asyncio_to_smol::timeout::{TimedOut, timeout};
/// # use std::time::Duration;
/// # async_io::block_on(async {
/// let slow = async_io::Timer::after(Duration::from_secs(60));
/// assert_eq!(timeout(Duration::from_millis(10), slow).await, Err(TimedOut));
/// # });
/// ```
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: Instant::now().checked_add(limit),
        timer: None,
    }
}

/// Waits for `future` until `deadline`: asyncio's `timeout_at`. Otherwise like [`timeout`].
///
/// # Errors
///
/// [`TimedOut`] if `future` is not ready then.
///
/// # Examples
///
/// One deadline for several steps:
///
/// ```
/// # use asyncio_to_smol::timeout::{TimedOut, timeout_at};
/// # use std::future::{pending, ready};
/// # use std::time::{Duration, Instant};
/// # async_io::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(10);
/// assert_eq!(timeout_at(deadline, ready(1)).await, Ok(1));
/// assert_eq!(timeout_at(deadline, pending::<()>()).await, Err(TimedOut));
/// # });
/// ```
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: Some(deadline),
        timer: None,
    }
}

pin_project! {
    /// The future that [`timeout`] and [`timeout_at`] return. `Send` and `Sync` if `F` is.
    #[derive(Debug)]
    #[must_use = "it waits only if it is awaited"]
    pub struct Timeout<F> {
        // `None` after the end.
        #[pin]
        future: Option<F>,
        // `None` if it is beyond what an `Instant` can hold.
        deadline: Option<Instant>,
        // `None` until the future has been started. A future that is ready at once needs no timer.
        timer: Option<Timer>,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("polled after it was ready");
        let deadline = *this.deadline;
        let result = if this.timer.is_none() && deadline.is_some_and(|at| at <= Instant::now()) {
            Err(TimedOut)
        } else {
            // Polled before the timer: the value wins if both are ready.
            match future.poll(cx) {
                Poll::Ready(value) => Ok(value),
                Poll::Pending => {
                    let timer = this.timer.get_or_insert_with(|| timer_at(deadline));
                    ready!(Pin::new(timer).poll(cx));
                    Err(TimedOut)
                }
            }
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

fn timer_at(deadline: Option<Instant>) -> Timer {
    deadline.map_or_else(Timer::never, Timer::at)
}

/// Waits for `task`, but for no longer than `limit` from now on. When time is up, cancels it and
/// waits until its destructors have run.
///
/// The task of `unblock` ends only when its closure returns: nothing interrupts that, it has to look
/// at a flag of its own. Dropping the future that this returns drops, and so cancels, the task.
///
/// # Errors
///
/// [`TimedOut`] if the task is not done after `limit`.
///
/// # Panics
///
/// The future panics if the task panics, with its panic.
///
/// # Examples
///
/// ```
/// use asyncio_to_smol::timeout::{TimedOut, timeout_task};
/// use async_executor::LocalExecutor;
/// use std::future::pending;
/// use std::time::Duration;
///
/// let ex = LocalExecutor::new();
/// let task = ex.spawn(pending::<()>());
/// let result = async_io::block_on(ex.run(timeout_task(Duration::from_millis(10), task)));
/// assert_eq!(result, Err(TimedOut));
/// assert!(ex.is_empty()); // it has been dropped
/// ```
pub fn timeout_task<T>(
    limit: Duration,
    mut task: Task<T>,
) -> impl Future<Output = Result<T, TimedOut>> {
    let deadline = Instant::now().checked_add(limit);
    async move {
        let waiting = Timeout {
            future: Some(&mut task),
            deadline,
            // A task has been started already: it is asked at least once.
            timer: Some(timer_at(deadline)),
        };
        match waiting.await {
            Ok(value) => Ok(value),
            Err(TimedOut) => task.cancel().await.ok_or(TimedOut),
        }
    }
}

/// Time is up: asyncio's `TimeoutError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("time is up")
    }
}

impl std::error::Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(error: TimedOut) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}
