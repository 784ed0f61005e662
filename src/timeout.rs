//! Waiting with a time limit: asyncio's `wait_for`.
//!
//! - asyncio: `asyncio.wait_for`, `asyncio.timeout`, `asyncio.timeout_at`, `asyncio.TimeoutError`
//! - Node: `Promise.race`, `AbortSignal.timeout`
//! - Paste: this file; `cargo add async-executor async-io pin-project-lite`.
//!
//! | | asyncio's `wait_for` | Node | here |
//! |---|---|---|---|
//! | how | `wait_for(aw, seconds)` | `Promise.race` with a timer, or `AbortSignal.timeout` | [`timeout`], [`timeout_at`] |
//! | the limit starts | with the first step | with the call | with the call |
//! | when time is up | cancels it, and waits until it has ended | the promise goes on, its result is ignored | the future is dropped, its destructors have run; for a `Task`, see below |
//! | ready just as time is up | the value | either | the value |
//! | a limit of 0 | a coroutine is not started; a task that is done gives its value | | nothing is started; a task that is done gives its value |
//! | the first step blocks for longer than the limit | `TimeoutError` at its first `await`; the value if there is none | | [`TimedOut`] at its first `await`; the value if there is none |
//! | no limit; changing the limit | `timeout=None`; `timeout.reschedule` | | await the future itself; `or` with your own `smol::Timer`, and its `set_after` |
//! | cancelling it | cancels the awaitable | impossible | drops the future |
//! | `task.cancelling`, `task.uncancel` | count the requests to cancel | | none: a dropped future cannot refuse |
//! | a destructor panics when time is up | `wait_for` raises the exception | | the panic goes to the caller; in a `Task` it ends the process, as async-task does whenever a cancelled task's destructor panics |
//!
//! A dropped future loses data that it has read but not returned; smol's `read_line` is an example. To keep it,
//! spawn the future, and wait for its task by reference: when time is up, the task goes on until you cancel it.
//! (Dropping a `Task` cancels it, but does not wait for its destructors.)
//!
//! ```
//! # use asyncio_to_smol::timeout::{TimedOut, timeout};
//! # let (ex, limit) = (async_executor::LocalExecutor::new(), std::time::Duration::ZERO);
//! # async_io::block_on(ex.run(async {
//! let mut task = ex.spawn(std::future::pending::<()>());
//! let result = match timeout(limit, &mut task).await {
//!     Err(TimedOut) => task.cancel().await.ok_or(TimedOut), // its destructors have run
//!     in_time => in_time,
//! };
//! assert_eq!(result, Err(TimedOut));
//! # }));
//! ```
//!
//! Sources: [`asyncio.wait_for`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for),
//! [`AbortSignal.timeout`](https://nodejs.org/api/globals.html#static-method-abortsignaltimeoutdelay).

use async_executor::Task;
use async_io::Timer;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Waits for `future` with a time limit, which starts now. A limit that an [`Instant`] cannot hold is no limit.
///
/// For a point in time, or one limit for several futures, see [`timeout_at`]; for a limit on many tasks that
/// cancels none of them, [`wait`](crate::wait); for a delay, [`sleep`](crate::sleep::sleep).
///
/// ```
/// # use {asyncio_to_smol::timeout::{TimedOut, timeout}, async_io::block_on, std::future, std::time::Duration};
/// let second = Duration::from_secs(1);
/// assert_eq!(block_on(timeout(second, async { 5 })), Ok(5));
/// assert_eq!(block_on(timeout(second / 100, future::pending::<()>())), Err(TimedOut));
/// ```
///
/// # Errors
///
/// [`TimedOut`] if `future` is not ready within `limit`. It has been dropped by then. If the limit has passed
/// before the first poll, `future` is not polled at all, except for a `Task` or a reference to one.
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: Instant::now().checked_add(limit),
        timer: None,
    }
}

/// Waits for `future` until `deadline`: asyncio's `timeout_at`.
///
/// # Errors
///
/// [`TimedOut`], as from [`timeout`].
///
/// ```
/// # use asyncio_to_smol::timeout::{TimedOut, timeout_at};
/// # use {async_io::block_on, std::future, std::time::{Duration, Instant}};
/// let deadline = Instant::now() + Duration::from_millis(10); // for both
/// assert_eq!(block_on(timeout_at(deadline, async { 5 })), Ok(5));
/// assert_eq!(block_on(timeout_at(deadline, future::pending::<()>())), Err(TimedOut));
/// ```
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: Some(deadline),
        timer: None,
    }
}

pin_project! {
    /// The future that [`timeout`] and [`timeout_at`] return, with examples there. `Send` and `Sync` if `F` is.
    ///
    /// # Panics
    ///
    /// If it is polled after completion. A panic of the future passes through.
    #[derive(Debug)]
    #[must_use = "it waits only if it is awaited"]
    pub struct Timeout<F> {
        // `None` after completion.
        #[pin]
        future: Option<F>,
        // `None` if an `Instant` cannot hold it.
        deadline: Option<Instant>,
        // `None` until the future has been polled. A future that is ready at once needs no timer.
        timer: Option<Timer>,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("polled after completion");
        let deadline = *this.deadline;
        let is_late = this.timer.is_none() && deadline.is_some_and(|at| at <= Instant::now());
        let result = if is_late && !is_task::<F>() {
            Err(TimedOut)
        } else if let Poll::Ready(value) = future.poll(cx) {
            Ok(value) // also if time is up
        } else {
            let timer = || deadline.map_or_else(Timer::never, Timer::at);
            ready!(Pin::new(this.timer.get_or_insert_with(timer)).poll(cx));
            Err(TimedOut)
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

/// Whether `F` is a task or a reference to one. (Types that are not `'static` have no `TypeId`, only names.)
fn is_task<F: Future>() -> bool {
    type_name::<F>().trim_start_matches("&mut ") == type_name::<Task<F::Output>>()
}

/// Time is up: asyncio's `TimeoutError`, the error of [`timeout`] and [`timeout_at`]. `?` turns it into an
/// [`io::Error`]:
///
/// ```
/// let error = std::io::Error::from(asyncio_to_smol::timeout::TimedOut);
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// ```
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
