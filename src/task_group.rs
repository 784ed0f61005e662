//! Futures that start and end together: asyncio's `TaskGroup`.
//!
//! - asyncio: `asyncio.TaskGroup`, `ExceptionGroup`
//! - Node: no name for it
//!
//! ```
//! use asyncio_to_smol::task_group::{TaskGroup, task_group};
//! use std::io;
//!
//! async fn length(text: &str) -> io::Result<usize> {
//!     Ok(text.len())
//! }
//!
//! # async_io::block_on(async {
//! let text = String::from("three");
//! let children = task_group(async |group: TaskGroup<io::Error>| {
//!     let one = group.spawn(length("one"))?;
//!     let three = group.spawn(length(&text))?;
//!     Ok((one, three))
//! });
//! // Here both have ended, and neither has failed.
//! let (one, three) = children.await?;
//! assert_eq!(one.await? + three.await?, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! | | asyncio's `TaskGroup` | Node | here |
//! |---|---|---|---|
//! | enter and leave | `async with TaskGroup() as tg:` | | `task_group(async \|group\| …).await` |
//! | leaving | waits for all children | | waits for all children |
//! | a child spawns a child | `tg.create_task` in the child | | [`spawn`](TaskGroup::spawn) on a clone of the group |
//! | a child fails | the siblings and the body are cancelled, and waited for | `Promise.all` rejects, the others go on | the body and the siblings are dropped |
//! | the errors | `ExceptionGroup` with all that occurred | the first | [`ErrorGroup`] with all that occurred |
//! | the body fails | like a child | | like a child |
//! | a child panics | | | like a failure; when all have ended, the panic comes out of the group |
//! | a child is cancelled | no failure, the others go on | | [`Child::cancel`]: no failure, the others go on |
//! | spawning when it shuts down or has ended | `RuntimeError` | | [`Refused`] |
//! | cancelling the whole | the children are cancelled and waited for | | dropping the future drops the body and the children, at once |
//! | a result | `task.result()` afterwards | | [`Child`] is a future |
//! | waiting for a child that fails, or is cancelled | its exception, or `CancelledError` | | [`NoValue`], which is a failure if a child or the body returns it with `?` |
//!
//! Who owns what: the group owns its children, as an array owns its elements. So they may borrow what
//! the group may borrow, and when the group has gone, so have they, and those of the groups inside
//! them. A [`Child`] is only for asking.
//!
//! The body and the children are polled by the task that awaits the group, each when it has been woken,
//! in the order of the waking, once a turn. No other task runs between two of them. They are not tasks
//! of their own, and not in the list of [`Spawner::tasks`](crate::run::Spawner::tasks). No executor is
//! needed. A group inside a group is polled by it, with a kilobyte of stack for each: a recursion that
//! goes thousands deep needs tasks.
//!
//! Nothing can fail while it is dropped, so there are no errors from `finally` blocks to collect, as in
//! asyncio; a destructor that panics counts as a panic of the child.
//!
//! Source: [`asyncio.TaskGroup`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup).

use crate::calls::{Caller, Calls};
use crate::panics::discard;
use futures_lite::FutureExt;
use pin_project_lite::pin_project;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

/// Runs `body`, and returns what it returned when all children of the group have ended.
///
/// `body` is an `async |group| …` closure or an `async fn`. (A closure that returns an `async` block does
/// not compile: its lifetimes cannot be written.) The children can go on spawning after it has ended.
///
/// Dropping the future drops `body` and all children; a destructor that panics then is reported by the
/// panic hook, and the others run.
///
/// # Errors
///
/// If `body` or a child returns an error: all errors that have occurred. The others have been dropped
/// then, `body` first.
///
/// # Panics
///
/// If `body` or a child panics: with the first panic, when everything else has ended.
pub async fn task_group<'a, T, E: 'a>(
    body: impl AsyncFnOnce(TaskGroup<'a, E>) -> Result<T, E>,
) -> Result<T, ErrorGroup<E>> {
    let shared = Rc::new(Shared {
        children: RefCell::default(),
        count: Cell::new(0),
        calls: Calls::new(),
        closed: Cell::new(false),
        failed: Cell::new(false),
        errors: RefCell::default(),
        panic: RefCell::default(),
    });
    let group = TaskGroup {
        shared: Rc::clone(&shared),
    };
    let body = async { body(group).await };
    Waker::from(shared.calls.caller(BODY)).wake();
    let mut group = Owner {
        shared,
        body: Some(Box::pin(AssertUnwindSafe(body).catch_unwind())),
        value: None,
        turn: Vec::new(),
    };
    poll_fn(|cx| group.poll(cx)).await;
    // After a failure there is none: everything has been dropped.
    if let Some(value) = group.value.take() {
        return Ok(value);
    }
    let errors = group.shared.errors.take();
    if let Some(panic) = group.shared.panic.take() {
        group.shared.drop_quietly(|| drop(errors));
        resume_unwind(panic);
    }
    Err(ErrorGroup(errors))
}

/// What the future of a group owns.
struct Owner<'a, T, E, B> {
    shared: Rc<Shared<'a, E>>,
    /// `None` after its end.
    body: Option<Pin<Box<B>>>,
    value: Option<T>,
    /// Who has called since the last turn; empty but for its allocation.
    turn: Vec<Arc<Caller>>,
}

impl<T, E, B> Owner<'_, T, E, B> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()>
    where
        B: Future<Output = End<T, E>>,
    {
        let shared = &*self.shared;
        shared.calls.set_awaiter(Some(cx.waker().clone()));
        shared.calls.take(&mut self.turn);
        for caller in self.turn.drain(..) {
            let index = caller.index();
            let waker = Waker::from(caller);
            if index != BODY {
                shared.poll_child(index, &waker);
            } else if let Some(body) = &mut self.body {
                if let Poll::Ready(result) = body.as_mut().poll(&mut Context::from_waker(&waker)) {
                    self.value = shared.settle(result);
                    self.body = None;
                }
            }
        }
        // A failure ends the others when all have had their turn, since they may fail, too.
        if shared.failed.get() {
            self.shut_down();
            return Poll::Ready(());
        }
        if self.body.is_none() && shared.children.borrow().is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Drops everything, the body first. From now on no more children are taken.
    fn shut_down(&mut self) {
        let shared = &self.shared;
        shared.closed.set(true);
        shared.drop_quietly(|| self.body = None);
        shared.drop_quietly(|| self.value = None);
        let children = shared.children.take();
        for (_, child) in children {
            shared.drop_quietly(|| drop(child));
        }
        // A `Child` that somebody keeps is no reason to keep the task.
        shared.calls.set_awaiter(None);
    }
}

impl<T, E, B> Drop for Owner<'_, T, E, B> {
    fn drop(&mut self) {
        self.shut_down();
        if let Some(panic) = self.shared.panic.take() {
            discard(panic);
        }
    }
}

/// A group of futures, to spawn more of them. Clones are cheap, and a child can take one along.
///
/// `E` is the error that its children and its body can return, `'a` is what they may borrow.
pub struct TaskGroup<'a, E> {
    shared: Rc<Shared<'a, E>>,
}

impl<'a, E: 'a> TaskGroup<'a, E> {
    /// Spawns `future` as a child of the group: asyncio's `tg.create_task`.
    ///
    /// It runs from the next turn of the loop on. Dropping the [`Child`] does not cancel it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the group is shutting down or has ended. The body and the children see that only
    /// in a destructor: by then they are not polled any more.
    pub fn spawn<T: 'a>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'a,
    ) -> Result<Child<T>, Refused> {
        let shared = &self.shared;
        if shared.closed.get() {
            return Err(Refused);
        }
        let index = shared.count.get();
        shared.count.set(index + 1);
        let waker = Waker::from(shared.calls.caller(index));
        let outcome = Rc::new(Outcome {
            value: Cell::new(None),
            ended: Cell::new(false),
            cancelled: Cell::new(false),
            waiter: Cell::new(None),
            child: waker,
        });
        let future = Box::pin(Reporting {
            future: AssertUnwindSafe(future).catch_unwind(),
            tells: Tells(Rc::clone(&outcome)),
        });
        shared.children.borrow_mut().insert(index, Some(future));
        outcome.child.wake_by_ref();
        Ok(Child(outcome))
    }
}

impl<E> Clone for TaskGroup<'_, E> {
    fn clone(&self) -> Self {
        TaskGroup {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for TaskGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("closed", &self.shared.closed.get())
            .finish_non_exhaustive()
    }
}

/// The body among the children that are to be polled.
const BODY: usize = usize::MAX;

struct Shared<'a, E> {
    /// By their numbers, which are not used again: a late call of one that has ended finds nobody.
    /// `None` while it is being polled.
    children: RefCell<BTreeMap<usize, Option<Running<'a, E>>>>,
    /// How many there have been.
    count: Cell<usize>,
    calls: Calls,
    /// Whether no more children are taken.
    closed: Cell<bool>,
    failed: Cell<bool>,
    errors: RefCell<Vec<E>>,
    panic: RefCell<Option<Panic>>,
}

type Panic = Box<dyn Any + Send>;

/// A child that has not ended.
type Running<'a, E> = Pin<Box<dyn Future<Output = End<(), E>> + 'a>>;

/// How a child ends: with a value, an error, or a panic.
type End<T, E> = thread::Result<Result<T, E>>;

impl<E> Shared<'_, E> {
    /// Polls a child that has been woken. It may have ended since.
    fn poll_child(&self, index: usize, waker: &Waker) {
        let child = (self.children.borrow_mut().get_mut(&index)).and_then(Option::take);
        let Some(mut child) = child else {
            return;
        };
        match child.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(result) => {
                self.settle(result);
                self.children.borrow_mut().remove(&index);
                // And its value, if nobody has kept the `Child`.
                self.drop_quietly(|| drop(child));
            }
            Poll::Pending => {
                self.children.borrow_mut().insert(index, Some(child));
            }
        }
    }

    /// The value, or else the failure is kept.
    fn settle<T>(&self, result: End<T, E>) -> Option<T> {
        match result {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => self.errors.borrow_mut().push(error),
            Err(panic) => {
                let first = self.panic.borrow().is_none();
                if first {
                    *self.panic.borrow_mut() = Some(panic);
                } else {
                    discard(panic);
                }
            }
        }
        self.failed.set(true);
        None
    }

    /// A destructor that panics is a failure like others.
    fn drop_quietly(&self, drop: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) {
            self.settle::<()>(Err(panic));
        }
    }
}

pin_project! {
    /// A child's future, which puts its value where the [`Child`] finds it.
    struct Reporting<F, T> {
        #[pin]
        future: F,
        // Dropped after the future: what it tells is to be true.
        tells: Tells<T>,
    }
}

impl<F, T, E> Future for Reporting<F, T>
where
    F: Future<Output = End<T, E>>,
{
    type Output = End<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = &this.tells.0;
        if outcome.cancelled.get() {
            return Poll::Ready(Ok(Ok(())));
        }
        let result = ready!(this.future.poll(cx));
        Poll::Ready(result.map(|result| result.map(|value| outcome.value.set(Some(value)))))
    }
}

/// Tells, by being dropped, that the child has ended.
struct Tells<T>(Rc<Outcome<T>>);

impl<T> Drop for Tells<T> {
    fn drop(&mut self) {
        self.0.ended.set(true);
        if let Some(waiter) = self.0.waiter.take() {
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
    /// To have the child polled.
    child: Waker,
}

/// A child of a group: a future that gives what it returned.
///
/// Dropping it changes nothing: the group owns the child.
pub struct Child<T>(Rc<Outcome<T>>);

impl<T> Child<T> {
    /// Has the child cancelled, and it alone: asyncio's `task.cancel()`.
    ///
    /// Returns at once; the child is dropped at its next turn. That is no failure of the group. To
    /// wait for it, await the `Child`.
    pub fn cancel(&self) {
        self.0.cancelled.set(true);
        self.0.child.wake_by_ref();
    }

    /// Whether it has ended, in whatever way: asyncio's `task.done()`.
    pub fn is_finished(&self) -> bool {
        self.0.ended.get()
    }
}

impl<T> Future for Child<T> {
    type Output = Result<T, NoValue>;

    /// # Errors
    ///
    /// [`NoValue`] if the child has failed or was cancelled, or if its value has been given out.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_finished() {
            return Poll::Ready(self.0.value.take().ok_or(NoValue));
        }
        self.0.waiter.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// A child has ended without a value: it has failed, or was cancelled. Its error is with the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoValue;

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the child of a task group has failed or was cancelled")
    }
}

impl Error for NoValue {}

impl From<NoValue> for io::Error {
    fn from(no_value: NoValue) -> io::Error {
        io::Error::other(no_value)
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

impl<E: fmt::Debug + fmt::Display> Error for ErrorGroup<E> {}

impl<E> IntoIterator for ErrorGroup<E> {
    type Item = E;
    type IntoIter = std::vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

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
