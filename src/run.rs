//! A program from its first task to its last destructor, on one thread: asyncio's `run`.
//!
//! ```
//! use asyncio_to_smol::run::run;
//!
//! let sum = run(async |ex| {
//!     let one = ex.spawn(async { 1 });
//!     let two = ex.spawn(async { 2 });
//!     one.await + two.await
//! });
//! assert_eq!(sum, 3);
//! ```
//!
//! It is `block_on(executor.run(executor.spawn(main)))` on a `LocalExecutor`, with the two things
//! right that are easily got wrong:
//!
//! - `main` is a task like the others. All tasks are polled first in, first out, as in asyncio. (A
//!   `main` that is not spawned is polled once in 200 turns, and spawning and awaiting in it is 10
//!   to 20 times slower.)
//! - When `main` ends, what is left is cancelled: every future is dropped, and its destructors have
//!   run when `run` returns. (Tasks that hold an `Rc` of their own executor keep each other alive,
//!   and their destructors never run. The [`Spawner`] given to `main` is a weak handle.)
//!
//! | | asyncio's `run` | Node | here |
//! |---|---|---|---|
//! | when `main` is done | the other tasks are cancelled | the other promises go on to their end | cancelled |
//! | what a cancelled task can still do | catch `CancelledError`, and await | | only `Drop`, which cannot await |
//! | `main` fails | the exception comes out of `run`, after the cancelling | unhandled rejection, exit status 1 | its `Result` is returned; a panic comes out of `run`, after the cancelling |
//! | `run` inside `run` | `RuntimeError` | | panics |
//! | `create_task` when the loop has ended | `RuntimeError` | | a task that is cancelled from the start |
//!
//! A destructor that panics while its task is cancelled ends the process: async-task, on which
//! smol's executors stand, aborts then.
//!
//! Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).

use crate::spawn::Spawn;
use async_executor::{LocalExecutor, Task};
use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

/// Runs `main` and everything it spawns until `main` ends, and returns what it returns.
///
/// `main` gets a [`Spawner`], and is spawned as the first task. Tasks that are unfinished when it
/// ends are cancelled; their destructors have run when this returns, in no particular order. Work
/// that a task has handed to another thread (`unblock`) cannot be cancelled and goes on there.
///
/// # Panics
///
/// If called from inside another `run` on the same thread: it would stop every task there. And if
/// `main` panics, with its panic, after the other tasks have been cancelled. A panic in another task
/// only reaches who awaits it.
pub fn run<'a, F>(main: impl FnOnce(Spawner<'a>) -> F) -> F::Output
where
    F: Future + 'a,
    F::Output: 'a,
{
    let _running = Running::enter();
    let executor = Rc::new(LocalExecutor::new());
    let spawner = Spawner(Rc::downgrade(&executor));
    let main = executor.spawn(main(spawner));
    async_io::block_on(executor.run(main))
    // The only strong reference goes here, also when `main` has panicked.
}

/// Spawns tasks onto the loop of a [`run`].
///
/// It does not keep the loop alive. Clones are cheap, and a task usually takes one along.
#[derive(Clone)]
pub struct Spawner<'a>(Weak<LocalExecutor<'a>>);

impl<'a> Spawner<'a> {
    /// Spawns `future` as a task: asyncio's `create_task`.
    ///
    /// It runs from the next turn of the loop on, whether it is awaited or not. Dropping the `Task`
    /// cancels it: its future is dropped at the loop's next turn. `task.cancel().await` waits for
    /// that, `task.detach()` lets it run on.
    ///
    /// When the `run` has ended, or is ending, the future is dropped at once, and its `Task` is a
    /// cancelled one: to await it panics, `task.fallible()` gives `None`.
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        match self.0.upgrade() {
            Some(executor) => executor.spawn(future),
            // This executor is dropped at once, and cancels the task by that.
            None => LocalExecutor::new().spawn(future),
        }
    }
}

impl<'a> Spawn<'a> for Spawner<'a> {
    fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        Spawner::spawn(self, future)
    }
}

impl fmt::Debug for Spawner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spawner").field(&self.0.upgrade()).finish()
    }
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is inside `run`.
struct Running;

impl Running {
    fn enter() -> Running {
        assert!(
            !RUNNING.replace(true),
            "`run` inside `run` would stop every task of the outer one: spawn the future there"
        );
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}
