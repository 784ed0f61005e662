//! Calling functions when a task has ended: asyncio's `add_done_callback`.
//!
//! - asyncio: `task.add_done_callback`, `functools.partial`, `task.cancelled`
//! - Node: `promise.then`, `unhandledRejection`
//! - Example: [`done_callback`](crate::examples::done_callback)
//!
//! ```
//! use asyncio_to_smol::done_callback::CallbackTask;
//! use asyncio_to_smol::run::run;
//!
//! run(async |ex| {
//!     let task = CallbackTask::spawn(&ex, async { 1 + 2 });
//!     task.add_done_callback(|outcome| println!("Callback: {}", outcome.result()));
//!     let name = "sum";
//!     task.add_done_callback(move |outcome| println!("{name}: {}", outcome.result()));
//!     assert_eq!(task.join().await, 3); // both lines have been printed
//! });
//! ```
//!
//! The plain way to do something when a future has ended is a line after its `.await`. Callbacks are
//! for those who are not the one that awaits.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | how | `task.add_done_callback(f)` | `promise.then(f)` | [`add_done_callback`](CallbackTask::add_done_callback) |
//! | a bound argument | `functools.partial(f, 2)` | a closure | a closure |
//! | what `f` gets | the task | the value | an [`Outcome`] |
//! | when | at the next turn of the loop, in the order of adding | before the next turn, as microtasks, in the order of adding | at the next turn of the loop, in the order of adding |
//! | added after the end | likewise, never at once | likewise, never at once | likewise, never at once |
//! | `f` fails | the loop's exception handler is called, the others run | `unhandledRejection` | the panic hook reports it, the others run |
//! | with `await` | first those added before the `await`, then what follows it | likewise | [`join`](CallbackTask::join) gives the value after all callbacks have run |
//! | the task is cancelled | `f` is called, `f`'s `task.cancelled()` is true | | dropping the `CallbackTask` cancels it; `f` gets [`Outcome::Cancelled`] |
//! | it failed and nobody looks | reported when the task is collected | `unhandledRejection` | a panic is reported by the panic hook when it happens |
//! | the loop ends | tasks are cancelled, their callbacks run | | tasks and callbacks are dropped: no callback runs after [`run`](crate::run::run) |
//! | to remove one | `remove_done_callback` | cannot be done | cannot be done |
//!
//! Source:
//! [`Future.add_done_callback`](https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.add_done_callback).

use crate::spawn::Spawn;
use async_executor::Task;
use futures_lite::FutureExt;
use futures_lite::future::yield_now;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// A task to which callbacks can be added, at any time and any number of them.
///
/// Dropping it cancels the task; then the callbacks are called with [`Outcome::Cancelled`].
pub struct CallbackTask<'a, T> {
    /// Runs the future, then the callbacks. `None` only inside `drop`.
    runner: Option<Task<Outcome<T>>>,
    shared: Rc<Shared<'a, T>>,
}

/// How a task ended.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It returned this.
    Returned(T),
    /// It panicked with this.
    Panicked(Box<dyn Any + Send>),
    /// It was dropped before its end.
    Cancelled,
}

impl<T> Outcome<T> {
    /// What the task returned: asyncio's `future.result()`.
    ///
    /// # Panics
    ///
    /// If it returned nothing, because it panicked or was cancelled. To tell these apart, match on
    /// the outcome.
    pub fn result(&self) -> &T {
        match self {
            Outcome::Returned(value) => value,
            Outcome::Panicked(_) => panic!("the task has no result: it panicked"),
            Outcome::Cancelled => panic!("the task has no result: it was cancelled"),
        }
    }
}

type Callback<'a, T> = Box<dyn FnOnce(&Outcome<T>) + 'a>;

struct Shared<'a, T> {
    callbacks: RefCell<VecDeque<Callback<'a, T>>>,
    handle: Cell<Handle>,
    /// Whether the task has ended.
    done: Cell<bool>,
    /// Whether nobody is left to call callbacks.
    gone: Cell<bool>,
    runner: Cell<Option<Waker>>,
}

/// What has become of the `CallbackTask`.
#[derive(Clone, Copy, PartialEq)]
enum Handle {
    Held,
    Joined,
    Dropped,
}

impl<'a, T: 'a> CallbackTask<'a, T> {
    /// Spawns `future` as a task on `ex`. A `Task` is a future, too.
    pub fn spawn(ex: &impl Spawn<'a>, future: impl Future<Output = T> + 'a) -> Self {
        let shared = Rc::new(Shared {
            callbacks: RefCell::new(VecDeque::new()),
            handle: Cell::new(Handle::Held),
            done: Cell::new(false),
            gone: Cell::new(false),
            runner: Cell::new(None),
        });
        let runner = ex.spawn(run(future, Runner(Rc::clone(&shared))));
        CallbackTask {
            runner: Some(runner),
            shared,
        }
    }

    /// Has `callback` called when the task has ended.
    ///
    /// Never from in here, also if the task has ended already, but at a later turn of the loop.
    /// Callbacks are called in the order in which they were added. One that panics does not keep
    /// the others from being called.
    pub fn add_done_callback(&self, callback: impl FnOnce(&Outcome<T>) + 'a) {
        let shared = &self.shared;
        if shared.gone.get() {
            return; // no loop will call it
        }
        let callback = Box::new(callback);
        shared.callbacks.borrow_mut().push_back(callback);
        if shared.done.get() {
            shared.wake();
        }
    }

    /// Whether the task has ended, if only with the loop: asyncio's `done()`. Its callbacks may still be
    /// to come.
    pub fn is_done(&self) -> bool {
        self.shared.done.get()
    }

    /// Waits until the task has ended and its callbacks have run, and returns what it returned.
    ///
    /// Dropping the future that this returns cancels the task.
    ///
    /// # Panics
    ///
    /// If the task panics, with its panic, after the callbacks have run.
    pub async fn join(mut self) -> T {
        self.set_handle(Handle::Joined);
        let Some(runner) = &mut self.runner else {
            unreachable!("only `drop` takes it");
        };
        match runner.await {
            Outcome::Returned(value) => value,
            Outcome::Panicked(panic) => resume_unwind(panic),
            Outcome::Cancelled => unreachable!("only dropping the handle cancels it"),
        }
    }
}

impl<T> CallbackTask<'_, T> {
    fn set_handle(&self, handle: Handle) {
        self.shared.handle.set(handle);
        self.shared.wake();
    }
}

impl<T> Drop for CallbackTask<'_, T> {
    fn drop(&mut self) {
        self.set_handle(Handle::Dropped);
        if let Some(runner) = self.runner.take() {
            runner.detach(); // it is to drop the future, and to call the callbacks after that
        }
    }
}

impl<'a, T: 'a> fmt::Debug for CallbackTask<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackTask")
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

impl<'a, T> Shared<'a, T> {
    fn wake(&self) {
        if let Some(runner) = self.runner.take() {
            runner.wake();
        }
    }

    /// The callbacks that are to be called now; `None` if there will be no more.
    fn poll_callbacks(&self, cx: &mut Context<'_>) -> Poll<Option<VecDeque<Callback<'a, T>>>> {
        let callbacks = self.callbacks.take();
        if !callbacks.is_empty() {
            return Poll::Ready(Some(callbacks));
        }
        if self.handle.get() != Handle::Held {
            return Poll::Ready(None);
        }
        self.runner.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

/// The task: the future, and then its callbacks for as long as some can be added.
async fn run<T>(future: impl Future<Output = T>, runner: Runner<'_, T>) -> Outcome<T> {
    let shared = &runner.0;
    // A future that has panicked is not touched again but for dropping it.
    let mut future = Box::pin(AssertUnwindSafe(future).catch_unwind());
    let outcome = poll_fn(|cx| {
        if shared.handle.get() == Handle::Dropped {
            return Poll::Ready(Outcome::Cancelled);
        }
        shared.runner.set(Some(cx.waker().clone()));
        let result = ready!(future.poll(cx));
        Poll::Ready(result.map_or_else(Outcome::Panicked, Outcome::Returned))
    })
    .await;
    // Its destructors run before the callbacks hear of it.
    let outcome = match catch_unwind(AssertUnwindSafe(|| drop(future))) {
        Ok(()) => outcome,
        Err(panic) => Outcome::Panicked(panic),
    };
    shared.done.set(true);
    loop {
        // Not in the same turn: tasks that were ready before go first.
        yield_now().await;
        let callbacks = poll_fn(|cx| shared.poll_callbacks(cx)).await;
        let Some(callbacks) = callbacks else {
            return outcome;
        };
        for callback in callbacks {
            // The panic hook has reported it. The callback is gone, and only it has seen the panic.
            let _ = catch_unwind(AssertUnwindSafe(|| callback(&outcome)));
        }
    }
}

/// Says so when the runner has gone: at its end, or with the loop.
struct Runner<'a, T>(Rc<Shared<'a, T>>);

impl<T> Drop for Runner<'_, T> {
    fn drop(&mut self) {
        self.0.done.set(true);
        self.0.gone.set(true);
        // One of them may own the `CallbackTask` that owns it.
        let unheard = self.0.callbacks.take();
        drop(unheard);
    }
}
