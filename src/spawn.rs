//! What [`gather`](crate::gather) and its siblings need of an executor: [`Spawn`].
//!
//! - asyncio: `asyncio.create_task`
//! - Node: no name for it
//!
//! `gather` and `as_completed` work inside this library's [`run`](crate::run::run) and on a `LocalExecutor` of your own
//! alike. asyncio finds the running loop in a global variable; here it is named, so that one sees
//! who owns a task. Node has one loop and no need to name it.

use async_executor::{LocalExecutor, Task};
use std::rc::Rc;

/// A place to spawn tasks that stay on this thread.
///
/// `'a` is what the tasks may borrow; with `'static` they own all they use.
pub trait Spawn<'a> {
    /// Spawns `future` as a task, which runs without being awaited. Dropping the `Task` cancels it.
    ///
    /// asyncio: `asyncio.create_task`. Node: calling an async function.
    fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T>;
}

impl<'a> Spawn<'a> for LocalExecutor<'a> {
    fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        LocalExecutor::spawn(self, future)
    }
}

impl<'a, S: Spawn<'a>> Spawn<'a> for Rc<S> {
    fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        S::spawn(self, future)
    }
}
