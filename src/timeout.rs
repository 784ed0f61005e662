//! Waiting with a time limit: asyncio's `wait_for`.
//!
//! - asyncio: `asyncio.wait_for`, `asyncio.timeout`, `asyncio.timeout_at`, `asyncio.TimeoutError`
//! - Node: `Promise.race`, `AbortSignal.timeout`
//! - Paste: this file; `cargo add async-executor async-io pin-project-lite`.
//!
//! | | asyncio's `wait_for` | Node | here |
//! |---|---|---|---|
//! | how | `wait_for(aw, seconds)` | `Promise.race` with a timer, or `AbortSignal.timeout` | [`timeout`], [`timeout_at`] |
//! | the limit counts | from the first step | from the call | from the call |
//! | when time is up | cancels, and waits until that has happened | the promise goes on, its result is ignored | the future is dropped, its destructors have run; for a `Task`, see below |
//! | ready just as time is up | the value | either | the value |
//! | no time at all | a coroutine is not started; a task that is done gives its value | | nothing is started; a task that is done gives its value |
//! | the first step blocks for longer than the limit | `TimeoutError` at its first `await`; the value if there is none | | [`TimedOut`] at its first `await`; the value if there is none |
//! | no limit; another limit in between | `timeout=None`; `timeout.reschedule` | | just await it; `or` with a `smol::Timer` of your own, and its `set_after` |
//! | cancelling it | cancels what it waits for | cannot be done | drops what it waits for |
//! | `task.cancelling`, `task.uncancel` | count the requests to cancel | | none: a dropped future cannot refuse |
//! | a destructor panics when time is up | the exception comes out of `wait_for` | | the panic comes out; in a `Task` it ends the process, as async-task does whenever a cancelled task's destructor panics |
//!
//! A dropped future loses data that it has taken but not returned, as smol's `read_line` does. Spawn it, and wait
//! for its task by reference: when time is up, the task goes on, until it is cancelled. (Dropping a `Task` only
//! asks for its end.)
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
//! Source: [`asyncio.wait_for`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for).

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

/// Waits for `future`, but for no longer than `limit` from now on.
///
/// ```
/// # use asyncio_to_smol::timeout::{TimedOut, timeout};
/// # use {async_io::block_on, std::future, std::time::Duration};
/// let second = Duration::from_secs(1);
/// assert_eq!(block_on(timeout(second, async { 5 })), Ok(5));
/// assert_eq!(block_on(timeout(second / 100, future::pending::<()>())), Err(TimedOut));
/// ```
///
/// # Errors
///
/// [`TimedOut`] if `future` is not ready after `limit`. It has been dropped by then. After the limit it
/// is not started any more, but a `Task`, or a reference to one, is polled at least once.
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: Instant::now().checked_add(limit),
        timer: None,
    }
}

/// Waits for `future` until `deadline`: asyncio's `timeout_at`. Its error is that of [`timeout`].
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
    /// The future that [`timeout`] and [`timeout_at`] return. `Send` and `Sync` if `F` is. It panics if
    /// it is polled again after it was ready.
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("polled after it was ready");
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

/// Whether this is a task or a reference to one. (Types that are not `'static` can be told by their
/// names only.)
fn is_task<F: Future>() -> bool {
    type_name::<F>().trim_start_matches("&mut ") == type_name::<Task<F::Output>>()
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
