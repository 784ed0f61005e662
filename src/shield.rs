//! A task that outlives whoever waits for it: asyncio's `shield`.
//!
//! - asyncio: `asyncio.shield`
//! - Node: no name for it
//! - Example: [`shield`](crate::examples::shield)
//!
//! ```
//! use asyncio_to_smol::run::run;
//! use asyncio_to_smol::shield::shield;
//! use asyncio_to_smol::timeout::{TimedOut, timeout};
//! use async_io::Timer;
//! use std::cell::Cell;
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! run(async |ex| {
//!     let saved = Rc::new(Cell::new(false));
//!     let save = ex.spawn({
//!         let saved = saved.clone();
//!         async move {
//!             Timer::after(Duration::from_millis(30)).await;
//!             saved.set(true);
//!         }
//!     });
//!     assert_eq!(timeout(Duration::from_millis(10), shield(save)).await, Err(TimedOut));
//!
//!     Timer::after(Duration::from_millis(50)).await;
//!     assert!(saved.get()); // without `shield`, the time-out would have cancelled it
//! });
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | how | `await shield(task)` | every promise is like that | `shield(task).await` |
//! | the waiting is cancelled | the task goes on | | the task goes on, nobody gets its result |
//! | to wait for it again | keep `task` | keep the promise | do not shield: await `&mut task`, and keep `task` |
//! | the task fails after that | reported when the task is collected | `unhandledRejection` | its value is dropped; a panic is reported by the panic hook |
//! | the task itself is cancelled | `CancelledError` | | nobody can: the shield owns it |
//! | the loop ends | the task is cancelled | it goes on | cancelled: [`run`](crate::run::run) spares nobody |
//!
//! Source: [`asyncio.shield`](https://docs.python.org/3/library/asyncio-task.html#asyncio.shield).

use async_executor::Task;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for `task`. Dropping the future that this returns does not cancel the task.
///
/// # Panics
///
/// If the task panics while this is awaited, with its panic.
pub fn shield<T>(task: Task<T>) -> Shield<T> {
    Shield { task: Some(task) }
}

/// The future that [`shield`] returns.
#[derive(Debug)]
#[must_use = "it waits for the task only if it is awaited"]
pub struct Shield<T> {
    /// `None` after the end.
    task: Option<Task<T>>,
}

impl<T> Future for Shield<T> {
    type Output = T;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = self.task.as_mut().expect("polled after it was ready");
        let value = std::task::ready!(Pin::new(task).poll(cx));
        self.task = None;
        Poll::Ready(value)
    }
}

impl<T> Drop for Shield<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach(); // what a shield is for
        }
    }
}
