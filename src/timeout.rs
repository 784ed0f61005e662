//! Waiting for no longer than so long: asyncio's `wait_for`.
//!
//! - asyncio: `asyncio.wait_for`, `asyncio.timeout`, `asyncio.TimeoutError`
//! - Node: `Promise.race`, `AbortSignal.timeout`
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
//! | how | `wait_for(aw, seconds)` | `Promise.race` with a timer, or `AbortSignal.timeout` | [`timeout`]; [`timeout_task`] for a `Task` |
//! | when time is up | cancels, and waits until that has happened | the promise goes on, its result is ignored | the future is dropped, its destructors have run |
//! | ready just as time is up | the value | either | the value |
//! | no time at all | a coroutine is not started; a task that is done gives its value | | the future is polled once; if it is ready, its value |
//! | no limit | `timeout=None` | | just await it |
//! | cancelling it | cancels what it waits for | cannot be done | drops what it waits for |
//!
//! A future that is dropped loses what it has taken but not returned: smol's `read_line` is one of
//! those. One that must not be dropped in the middle is spawned, and the task is waited for by reference:
//! `timeout(time, &mut task)` leaves the task alone when time is up, and it can be awaited again.
//!
//! Source: [`asyncio.wait_for`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for).

use async_executor::Task;
use async_io::Timer;
use pin_project_lite::pin_project;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Waits for `future`, but for no longer than `limit`.
///
/// Dropping it drops `future`. A `Task` is given to [`timeout_task`], since dropping a `Task` only
/// asks for its end, or as `&mut task` if it is to go on.
///
/// # Errors
///
/// [`TimedOut`] if `future` is not ready after `limit`. It has been dropped then.
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        limit,
        timer: None,
    }
}

pin_project! {
    /// The future that [`timeout`] returns.
    #[derive(Debug)]
    #[must_use = "it waits only if it is awaited"]
    pub struct Timeout<F> {
        // `None` after the end.
        #[pin]
        future: Option<F>,
        limit: Duration,
        // Set when it is polled for the first time.
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
        // Asked first: the value wins if both are ready.
        let result = match future.poll(cx) {
            Poll::Ready(value) => Ok(value),
            Poll::Pending => {
                let timer = this.timer.get_or_insert_with(|| Timer::after(*this.limit));
                ready!(Pin::new(timer).poll(cx));
                Err(TimedOut)
            }
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

/// Waits for `task`, but for no longer than `limit`. When time is up, cancels it and waits until its
/// destructors have run.
///
/// The task of `unblock` ends only when its closure returns, which cannot be interrupted: it has
/// to look at a flag itself (the program `cancel_blocking` of chapter 9). Dropping the future that this returns drops, and so cancels, the task.
///
/// # Errors
///
/// [`TimedOut`] if the task is not done after `limit`.
///
/// # Panics
///
/// If the task panics, with its panic.
pub async fn timeout_task<T>(limit: Duration, mut task: Task<T>) -> Result<T, TimedOut> {
    match timeout(limit, &mut task).await {
        Ok(value) => Ok(value),
        Err(TimedOut) => task.cancel().await.ok_or(TimedOut),
    }
}

/// Time was up: asyncio's `TimeoutError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
