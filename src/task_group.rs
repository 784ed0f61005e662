//! Tasks that start and end together: asyncio's `TaskGroup`.
//!
//! ```
//! use asyncio_to_smol::run::run;
//! use asyncio_to_smol::task_group::{TaskGroup, task_group};
//! use std::io;
//!
//! async fn length(text: &str) -> io::Result<usize> {
//!     Ok(text.len())
//! }
//!
//! let sum = run(async |ex| {
//!     let children = task_group(&ex, async |group: TaskGroup<io::Error, _>| {
//!         let one = group.spawn(length("one"))?;
//!         let three = group.spawn(length("three"))?;
//!         Ok((one, three))
//!     });
//!     // Here both have ended, and neither has failed.
//!     let (one, three) = children.await.expect("no child fails");
//!     one.await + three.await
//! });
//! assert_eq!(sum, 8);
//! ```
//!
//! | | asyncio's `TaskGroup` | Node | here |
//! |---|---|---|---|
//! | enter and leave | `async with TaskGroup() as tg:` | | `task_group(&ex, async \|group\| …).await` |
//! | leaving | waits for all children | | waits for all children |
//! | a child spawns a child | `tg.create_task` in the child | | [`spawn`](TaskGroup::spawn) on a clone of the group |
//! | a child fails | the siblings and the body are cancelled, and waited for | `Promise.all` rejects, the others go on | the body and the siblings are dropped, and waited for |
//! | the errors | `ExceptionGroup` with all that occurred | the first | [`ErrorGroup`] with all that occurred |
//! | the body fails | like a child | | like a child |
//! | a child panics | | | like a failure; when all have ended, the panic comes out of the group |
//! | a child is cancelled | no failure, the others go on | | [`Child::cancel`]: no failure, the others go on |
//! | spawning when it shuts down or has ended | `RuntimeError` | | [`Refused`] |
//! | cancelling the whole | the children are cancelled and waited for | | dropping the future: the children are dropped, each at its next turn, without anybody waiting |
//! | a result | `task.result()` afterwards | | [`Child`] is a future |
//!
//! A cancelled child here cannot fail as well, since it can only drop: what asyncio collects from
//! `finally` blocks there is none of.
//!
//! Who owns what: the group owns the children, and a [`Child`] is only for asking. The loop drops
//! what is left if it ends before the group does.
//!
//! Source: [`asyncio.TaskGroup`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup).

use crate::run::Spawner;
use crate::spawn::Spawn;
use crate::task_list::{Entry, TaskList};
use futures_lite::FutureExt;
use pin_project_lite::pin_project;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

/// Runs `body`, and returns what it returned when all children of the group have ended.
///
/// The children are spawned on `ex`: a [`Spawner`], or an `Rc` of a `LocalExecutor`. They can go on
/// spawning after `body` has ended.
///
/// Dropping the future drops `body` and has every child dropped at its next turn.
///
/// # Errors
///
/// If `body` or a child returns an error, all errors that have occurred. The others have been
/// dropped then, and their destructors have run, those of `body` first.
///
/// # Panics
///
/// If `body` or a child panics: with the first panic, when everything else has ended.
pub async fn task_group<'a, S, E, T>(
    ex: &S,
    body: impl AsyncFnOnce(TaskGroup<E, S>) -> Result<T, E>,
) -> Result<T, ErrorGroup<E>>
where
    S: Spawn<'a> + Clone,
{
    let shared = Rc::new(Shared::default());
    let _leave = Leave(&shared); // dropped after the body
    let group = TaskGroup {
        ex: ex.clone(),
        shared: Rc::clone(&shared),
    };
    let body = async { body(group).await };
    let mut body = pin!(Some(AssertUnwindSafe(body).catch_unwind()));
    let mut value = None;

    poll_fn(|cx| {
        shared.children.set_awaiter(cx.waker().clone());
        // A failure is looked for when it is the group's turn, and not when it happens: what could
        // run before is run, and may fail, too.
        if !shared.has_failed.get() {
            if let Some(running) = body.as_mut().as_pin_mut() {
                let result = ready!(running.poll(cx));
                value = shared.settle(result);
                shared.drop_quietly(|| body.set(None));
            }
        }
        if shared.has_failed.get() && !shared.children.is_stopping() {
            shared.drop_quietly(|| body.set(None));
            shared.children.stop();
        }
        if shared.children.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;

    if let Some(panic) = shared.panic.take() {
        resume_unwind(panic);
    }
    let errors = shared.errors.take();
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(ErrorGroup(errors)),
    }
}

/// A group of tasks, to spawn more of them. Clones are cheap, and a child can take one along.
///
/// `E` is the error that its children and its body can return. `S` is where they are spawned; a closure
/// that borrows from its surroundings says `TaskGroup<E, _>`.
pub struct TaskGroup<E, S = Spawner<'static>> {
    ex: S,
    shared: Rc<Shared<E>>,
}

impl<E, S> TaskGroup<E, S> {
    /// Spawns `future` as a child of the group: asyncio's `tg.create_task`.
    ///
    /// It runs from the next turn of the loop on. Dropping the [`Child`] does not cancel it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the group is shutting down or has ended. The body and the children themselves
    /// do not see that, unless in a destructor: by then they are not polled any more.
    pub fn spawn<'a, T: 'a>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'a,
    ) -> Result<Child<T>, Refused>
    where
        S: Spawn<'a>,
        E: 'a,
    {
        let shared = &self.shared;
        if shared.children.is_stopping() {
            return Err(Refused);
        }
        let outcome = Rc::new(Outcome::default());
        let entry = Entry::new(&shared.children, None);
        let child = Child {
            outcome: Rc::clone(&outcome),
            key: entry.key(),
            children: Rc::clone(&shared.children),
        };
        let task = self.ex.spawn(ChildTask {
            future: Some(AssertUnwindSafe(future).catch_unwind()),
            end: End { outcome, entry },
            shared: Rc::clone(shared),
        });
        task.detach(); // the group waits until its entry has gone
        Ok(child)
    }
}

impl<E, S: Clone> Clone for TaskGroup<E, S> {
    fn clone(&self) -> Self {
        TaskGroup {
            ex: self.ex.clone(),
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<E, S> fmt::Debug for TaskGroup<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("children", &self.shared.children.len())
            .field("shutting_down", &self.shared.children.is_stopping())
            .finish_non_exhaustive()
    }
}

struct Shared<E> {
    children: Rc<TaskList>,
    errors: RefCell<Vec<E>>,
    panic: RefCell<Option<Box<dyn Any + Send>>>,
    has_failed: Cell<bool>,
}

impl<E> Default for Shared<E> {
    fn default() -> Self {
        Shared {
            children: Rc::default(),
            errors: RefCell::default(),
            panic: RefCell::default(),
            has_failed: Cell::new(false),
        }
    }
}

impl<E> Shared<E> {
    /// The value, or else the failure is kept and the group told of it.
    fn settle<T>(&self, result: thread::Result<Result<T, E>>) -> Option<T> {
        match result {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => self.errors.borrow_mut().push(error),
            Err(panic) => {
                let first = self.panic.borrow().is_none();
                // Another one has been reported by the panic hook, like this.
                if first {
                    *self.panic.borrow_mut() = Some(panic);
                }
            }
        }
        self.has_failed.set(true);
        self.children.wake_awaiter();
        None
    }

    /// A destructor that panics is a failure like others.
    fn drop_quietly(&self, drop: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) {
            self.settle::<()>(Err(panic));
        }
    }
}

/// Has the children dropped when the group is left, in whatever way.
struct Leave<'s, E>(&'s Shared<E>);

impl<E> Drop for Leave<'_, E> {
    fn drop(&mut self) {
        self.0.children.stop();
    }
}

pin_project! {
    /// The task of a child.
    struct ChildTask<F, T, E> {
        // `None` after its end.
        #[pin]
        future: Option<F>,
        // After the future: it tells that the child has ended.
        end: End<T>,
        shared: Rc<Shared<E>>,
    }
}

impl<F, T, E> Future for ChildTask<F, T, E>
where
    F: Future<Output = thread::Result<Result<T, E>>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let End { outcome, entry } = this.end;
        let result = match this.future.as_mut().as_pin_mut() {
            Some(future) if !outcome.cancelled.get() => entry.poll(cx, |cx| future.poll(cx)),
            _ => None,
        };
        if let Some(Poll::Pending) = result {
            return Poll::Pending;
        }
        this.shared.drop_quietly(|| this.future.set(None));
        if let Some(Poll::Ready(result)) = result {
            outcome.value.set(this.shared.settle(result));
        }
        Poll::Ready(())
    }
}

/// Tells, by being dropped, that the child has ended.
struct End<T> {
    outcome: Rc<Outcome<T>>,
    entry: Entry,
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        self.outcome.ended.set(true);
        if let Some(waiter) = self.outcome.waiter.take() {
            waiter.wake();
        }
    }
}

/// What has become of a child.
struct Outcome<T> {
    value: Cell<Option<T>>,
    ended: Cell<bool>,
    cancelled: Cell<bool>,
    waiter: Cell<Option<Waker>>,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Outcome {
            value: Cell::new(None),
            ended: Cell::new(false),
            cancelled: Cell::new(false),
            waiter: Cell::new(None),
        }
    }
}

impl<T> Outcome<T> {
    /// When it has ended, the value if it has returned one, the first time.
    fn poll(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        if self.ended.get() {
            return Poll::Ready(self.value.take());
        }
        self.waiter.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

/// A child of a group: a future that gives what it returned.
///
/// Dropping it changes nothing: the group owns the child.
pub struct Child<T> {
    outcome: Rc<Outcome<T>>,
    /// Its place among the children, as long as it has not ended.
    key: usize,
    children: Rc<TaskList>,
}

impl<T> Child<T> {
    /// Has the child cancelled, and it alone: asyncio's `task.cancel()`.
    ///
    /// Returns at once; the child is dropped at its next turn. That is no failure of the group. To
    /// wait for it, await [`fallible`](Child::fallible).
    pub fn cancel(&self) {
        self.outcome.cancelled.set(true);
        if !self.is_finished() {
            self.children.wake(self.key);
        }
    }

    /// Waits until the child has ended. `None` if it has returned no value: it has failed, or has
    /// been cancelled, or the loop has ended.
    pub async fn fallible(self) -> Option<T> {
        poll_fn(|cx| self.outcome.poll(cx)).await
    }

    /// Whether it has ended, in whatever way: asyncio's `task.done()`.
    pub fn is_finished(&self) -> bool {
        self.outcome.ended.get()
    }
}

impl<T> Future for Child<T> {
    type Output = T;

    /// # Panics
    ///
    /// If the child has ended without a value, as a `Task` does that has been cancelled. The body of
    /// the group does not get there when a child fails: it is dropped.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let value = ready!(self.outcome.poll(cx));
        Poll::Ready(value.expect("the child of a task group has failed or was cancelled"))
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The errors of a group, in the order in which they occurred: asyncio's `ExceptionGroup`.
///
/// At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup<E>(pub Vec<E>);

/// Like `2 errors in a task group: no such host; connection refused`.
impl<E: fmt::Display> fmt::Display for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(
            f,
            "{n} error{} in a task group",
            if n == 1 { "" } else { "s" }
        )?;
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{} {error}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl<E: Error> Error for ErrorGroup<E> {}

/// The group takes no more tasks: it is shutting down, or has ended. The future has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task group is shutting down and takes no more tasks")
    }
}

impl Error for Refused {}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> io::Error {
        io::Error::other(refused)
    }
}
