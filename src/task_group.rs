//! Futures that start and end together: asyncio's `TaskGroup`.
//!
//! - asyncio: `asyncio.TaskGroup`, `ExceptionGroup`
//! - Node: no name for it
//! - Paste: this file; `cargo add async-io futures-lite pin-project-lite`
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
//! Graceful shutdown of a server: no more clients, five seconds for those that are there, then the rest
//! is cancelled.
//!
//! ```
//! use asyncio_to_smol::task_group::{ErrorGroup, TaskGroup, task_group};
//! use async_io::Async;
//! use futures_lite::{future, io};
//! use std::future::Future;
//! use std::net::{TcpListener, TcpStream};
//! use std::time::Duration;
//!
//! async fn serve(
//!     listener: Async<TcpListener>,
//!     told_to_stop: impl Future<Output = io::Result<()>>,
//! ) -> Result<usize, ErrorGroup<io::Error>> {
//!     task_group(async |group: TaskGroup<io::Error>| {
//!         future::or(told_to_stop, accept(&listener, &group)).await?;
//!         drop(listener);
//!         Ok(group.stop(Duration::from_secs(5)).await) // how many it has cancelled
//!     })
//!     .await
//! }
//!
//! async fn accept(listener: &Async<TcpListener>, group: &TaskGroup<'_, io::Error>) -> io::Result<()> {
//!     loop {
//!         let (client, _) = listener.accept().await?;
//!         group.spawn(async move {
//!             if let Err(error) = io::copy(&client, &client).await {
//!                 eprintln!("a client: {error}"); // not a failure of the group
//!             }
//!             Ok(())
//!         })?;
//!     }
//! }
//! # async_io::block_on(async {
//! # let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
//! # assert_eq!(serve(listener, async { Ok(()) }).await.unwrap(), 0);
//! # });
//! ```
//!
//! | | asyncio's `TaskGroup` | Node | here |
//! |---|---|---|---|
//! | enter and leave | `async with TaskGroup() as tg:` | | `task_group(async \|group\| …).await` |
//! | leaving | waits for all children | | waits for all children |
//! | a child spawns a child | `tg.create_task` in the child | | [`spawn`](TaskGroup::spawn) on a clone of the group |
//! | a child fails | the siblings are cancelled, then the body, and waited for | `Promise.all` rejects, the others go on | the siblings are dropped, in the order of spawning, then the body |
//! | the errors | `ExceptionGroup` with all that occurred | the first | [`ErrorGroup`] with all that occurred |
//! | the body fails | like a child | | like a child |
//! | a child panics | | | like a failure; when all have ended, the panic comes out of the group |
//! | a child is cancelled | no failure, the others go on | | [`Child::cancel`]: no failure, the others go on |
//! | cancelling all children | `tg.cancel()`, since 3.15; cancels the body, too | | [`cancel`](TaskGroup::cancel): no failure; the body goes on, since the group returns its value |
//! | waiting for the children with a time limit | | | [`stop`](TaskGroup::stop) |
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
//! of their own, and not in the list of a run's tasks. No executor is needed. A group inside a group is
//! polled by it, with a kilobyte of stack for each: a recursion that goes thousands deep needs tasks.
//!
//! A destructor returns no error, so, unlike in asyncio, there are none from `finally` blocks to collect;
//! a destructor that panics counts as a panic of the child.
//!
//! [`TaskGroup`] and [`Child`] stay on their thread: they are neither `Send` nor `Sync`. An [`ErrorGroup`]
//! is, if its errors are.
//!
//! Source: [`asyncio.TaskGroup`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup).

use async_io::Timer;
use futures_lite::FutureExt;
use pin_project_lite::pin_project;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread;
use std::time::Duration;

/// Runs `body`, and returns what it returned when all children of the group have ended.
///
/// `body` is an `async |group| …` closure or an `async fn`. (A closure that returns an `async` block does
/// not compile: its lifetimes cannot be written.) The children can go on spawning after it has ended.
///
/// Dropping the future drops all children and `body`; a destructor that panics then is reported by the
/// panic hook, and the others run.
///
/// # Errors
///
/// If `body` or a child returns an error: all errors that have occurred. The others have been dropped
/// then, `body` last.
///
/// # Panics
///
/// If `body` or a child panics: with the first panic, when everything else has ended.
///
/// ```
/// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
/// let result = async_io::block_on(task_group(async |group: TaskGroup<&str>| {
///     let child = group.spawn(async { Ok(1) }).map_err(|_| "refused")?;
///     child.await.map_err(|_| "cancelled")
/// }));
/// assert_eq!(result, Ok(1));
/// ```
pub async fn task_group<'a, T, E: 'a>(
    body: impl AsyncFnOnce(TaskGroup<'a, E>) -> Result<T, E>,
) -> Result<T, ErrorGroup<E>> {
    let shared = Rc::new(Shared {
        children: RefCell::default(),
        count: Cell::new(0),
        inbox: Arc::default(),
        closed: Cell::new(false),
        cancelling: Cell::new(false),
        stopper: Cell::new(None),
        failed: Cell::new(false),
        errors: RefCell::default(),
        panic: RefCell::default(),
    });
    let group = TaskGroup {
        shared: Rc::clone(&shared),
    };
    let body = async { body(group).await };
    let caller = Caller::new(&shared.inbox, BODY);
    caller.wake_by_ref();
    let mut group = Owner {
        shared,
        body: Some(Box::pin(AssertUnwindSafe(body).catch_unwind())),
        caller,
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
    Err(ErrorGroup { errors })
}

/// What the future of a group owns.
struct Owner<'a, T, E, B> {
    shared: Rc<Shared<'a, E>>,
    /// `None` after its end.
    body: Option<Pin<Box<B>>>,
    /// Of the body.
    caller: Arc<Caller>,
    value: Option<T>,
    /// The calls since the last turn; empty but for its allocation between two turns.
    turn: Vec<usize>,
}

impl<T, E, B> Owner<'_, T, E, B> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()>
    where
        B: Future<Output = End<T, E>>,
    {
        let shared = &*self.shared;
        shared.inbox.set_awaiter(Some(cx.waker().clone()));
        mem::swap(&mut shared.inbox.lock().indices, &mut self.turn);
        for index in self.turn.drain(..) {
            if index != BODY {
                shared.poll_child(index);
            } else if let Some(body) = &mut self.body {
                if let Poll::Ready(result) = self.caller.poll(body.as_mut()) {
                    self.value = shared.settle(result);
                    self.body = None;
                }
            }
        }
        if shared.cancelling.get() {
            shared.drop_children();
        }
        // A failure ends the others when all have had their turn, since they may fail, too.
        if shared.failed.get() {
            self.shut_down();
            return Poll::Ready(());
        }
        if self.body.is_none() && shared.left() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Drops everything, the body after the children. From now on no more children are taken.
    fn shut_down(&mut self) {
        let shared = &self.shared;
        shared.closed.set(true);
        shared.drop_children();
        shared.drop_quietly(|| self.body = None);
        shared.drop_quietly(|| self.value = None);
        shared.stopper.set(None);
        // A `Child` that is kept must not keep the awaiting task alive.
        shared.inbox.set_awaiter(None);
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
    /// [`Refused`] if the group is shutting down or has ended: after [`cancel`](TaskGroup::cancel) and
    /// [`stop`](TaskGroup::stop), and in destructors after a failure.
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// # use std::io;
    /// # async_io::block_on(async {
    /// task_group(async |group: TaskGroup<io::Error>| {
    ///     let child = group.spawn(async { Ok("done") })?;
    ///     assert_eq!(child.await?, "done");
    ///     Ok(())
    /// })
    /// # .await }).unwrap();
    /// ```
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
        let child = Caller::new(&shared.inbox, index);
        let outcome = Rc::new(Outcome {
            value: Cell::new(None),
            ended: Cell::new(false),
            cancelled: Cell::new(false),
            waiter: Cell::new(None),
            child: Arc::clone(&child),
        });
        let future = Box::pin(Reporting {
            future: AssertUnwindSafe(future).catch_unwind(),
            tells: Tells(Rc::clone(&outcome)),
        });
        let running = (Arc::clone(&child), Some(future as Running<'a, E>));
        shared.children.borrow_mut().insert(index, running);
        child.wake_by_ref();
        Ok(Child(outcome))
    }

    /// Cancels all children, and takes no more.
    ///
    /// Returns at once; the children are dropped when the body and the children that are woken have
    /// had their turn. That is not a failure. The body goes on, and the group ends with its value.
    ///
    /// There is an example at [`Child::cancel`].
    pub fn cancel(&self) {
        self.shared.closed.set(true);
        self.shared.cancelling.set(true);
        self.shared.inbox.call(None);
    }

    /// Takes no more children from now on, waits until all have ended, and cancels those that have not
    /// after `limit` from now. Returns how many these were.
    ///
    /// It is for the body: a child that awaits it waits for itself, too.
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// # use futures_lite::future::pending;
    /// # use std::{io, time::Duration};
    /// # async_io::block_on(async {
    /// task_group(async |group: TaskGroup<io::Error>| {
    ///     group.spawn(async { Ok(()) })?;
    ///     group.spawn(pending::<io::Result<()>>())?;
    ///     assert_eq!(group.stop(Duration::from_millis(20)).await, 1);
    ///     Ok(())
    /// })
    /// # .await }).unwrap();
    /// ```
    pub fn stop(&self, limit: Duration) -> impl Future<Output = usize> + use<'_, 'a, E> {
        self.shared.closed.set(true);
        let mut timer = Timer::after(limit);
        poll_fn(move |cx| {
            let left = self.shared.left();
            if left > 0 && Pin::new(&mut timer).poll(cx).is_pending() {
                self.shared.stopper.set(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            self.cancel();
            Poll::Ready(left)
        })
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

/// The index of the body.
const BODY: usize = usize::MAX;

struct Shared<'a, E> {
    /// By their numbers, which are not used again: a late call of one that has ended finds nothing.
    /// `None` while it is being polled.
    children: RefCell<BTreeMap<usize, Entry<'a, E>>>,
    /// How many there have been.
    count: Cell<usize>,
    inbox: Arc<Inbox>,
    /// Whether no more children are taken.
    closed: Cell<bool>,
    /// Whether the children are to be dropped at the end of this turn.
    cancelling: Cell<bool>,
    /// Waits in `stop` for the last child.
    stopper: Cell<Option<Waker>>,
    failed: Cell<bool>,
    errors: RefCell<Vec<E>>,
    panic: RefCell<Option<Panic>>,
}

type Panic = Box<dyn Any + Send>;

/// A child that has not ended.
type Running<'a, E> = Pin<Box<dyn Future<Output = End<(), E>> + 'a>>;

type Entry<'a, E> = (Arc<Caller>, Option<Running<'a, E>>);

/// How a child ends: with a value, an error, or a panic.
type End<T, E> = thread::Result<Result<T, E>>;

impl<E> Shared<'_, E> {
    /// How many children have not ended.
    fn left(&self) -> usize {
        self.children.borrow().len()
    }

    /// Polls a child that has been woken. It may have ended since.
    fn poll_child(&self, index: usize) {
        let mut children = self.children.borrow_mut();
        let Some((caller, Some(mut child))) =
            (children.get_mut(&index)).map(|(caller, child)| (Arc::clone(caller), child.take()))
        else {
            return;
        };
        drop(children);
        match caller.poll(child.as_mut()) {
            Poll::Ready(result) => {
                self.settle(result);
                self.children.borrow_mut().remove(&index);
                // And its value, if the `Child` was dropped.
                self.drop_quietly(|| drop(child));
                if self.left() == 0 {
                    self.wake_stopper();
                }
            }
            Poll::Pending => {
                self.children
                    .borrow_mut()
                    .insert(index, (caller, Some(child)));
            }
        }
    }

    /// Drops the children that have not ended, in the order in which they were spawned.
    fn drop_children(&self) {
        let children = self.children.take();
        for (_, child) in children {
            self.drop_quietly(|| drop(child));
        }
        self.wake_stopper();
    }

    fn wake_stopper(&self) {
        if let Some(stopper) = self.stopper.take() {
            stopper.wake();
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

    /// Calls a destructor. If it panics, that is a failure like others.
    fn drop_quietly(&self, drop: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) {
            self.settle::<()>(Err(panic));
        }
    }
}

/// Drops what a later panic was about. The panic hook has reported it.
fn discard(panic: Panic) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(again); // it might go on like that
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
    child: Arc<Caller>,
}

/// A child of a group: a future that gives what it returned.
///
/// Dropping it changes nothing: the group owns the child.
pub struct Child<T>(Rc<Outcome<T>>);

impl<T> Child<T> {
    /// Cancels the child, and it alone: asyncio's `task.cancel()`.
    ///
    /// Returns at once; the child is dropped at its next turn. That is not a failure of the group. To
    /// wait for it, await the `Child`.
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{NoValue, TaskGroup, task_group};
    /// # use futures_lite::future::pending;
    /// # use std::io;
    /// # async_io::block_on(async {
    /// task_group(async |group: TaskGroup<io::Error>| {
    ///     let one = group.spawn(pending::<io::Result<()>>())?;
    ///     let another = group.spawn(pending::<io::Result<()>>())?;
    ///     one.cancel();
    ///     assert_eq!(one.await, Err(NoValue));
    ///     assert!(!another.is_finished());
    ///     group.cancel();
    ///     assert_eq!(another.await, Err(NoValue));
    ///     Ok(())
    /// })
    /// # .await }).unwrap();
    /// ```
    pub fn cancel(&self) {
        self.0.cancelled.set(true);
        self.0.child.wake_by_ref();
    }

    /// Whether it has ended, in whatever way: asyncio's `task.done()`. There is an example at
    /// [`cancel`](Child::cancel).
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
/// At least one. As an error it says how many, and the first one is its `source`; with `{:#}` it shows
/// them all.
///
/// ```
/// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
/// # use std::{error::Error, io};
/// # async_io::block_on(async {
/// let result = task_group(async |_: TaskGroup<io::Error>| {
///     Err::<(), _>(io::Error::other("no such host"))
/// });
/// let errors = result.await.unwrap_err();
/// assert_eq!((errors.first().kind(), errors.iter().count()), (io::ErrorKind::Other, 1));
/// assert_eq!(errors.to_string(), "1 error in a task group");
/// assert_eq!(errors.source().unwrap().to_string(), "no such host");
/// assert_eq!(format!("{errors:#}"), "1 error in a task group: no such host");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup<E> {
    /// Not empty.
    errors: Vec<E>,
}

impl<E> ErrorGroup<E> {
    /// The first error.
    ///
    /// There is an example at [`ErrorGroup`].
    pub fn first(&self) -> &E {
        &self.errors[0]
    }

    /// All errors.
    ///
    /// There is an example at [`ErrorGroup`].
    pub fn iter(&self) -> std::slice::Iter<'_, E> {
        self.errors.iter()
    }
}

impl<E: fmt::Display> fmt::Display for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.errors.len();
        let plural = if n == 1 { "" } else { "s" };
        write!(f, "{n} error{plural} in a task group")?;
        let shown = if f.alternate() { &self.errors[..] } else { &[] };
        for (i, error) in shown.iter().enumerate() {
            write!(f, "{} {error}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for ErrorGroup<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.first())
    }
}

impl<E> IntoIterator for ErrorGroup<E> {
    type Item = E;
    type IntoIter = std::vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl<'g, E> IntoIterator for &'g ErrorGroup<E> {
    type Item = &'g E;
    type IntoIter = std::slice::Iter<'g, E>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
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

/// The body and the children that have been woken, and the waker of the task that polls them.
#[derive(Default)]
struct Inbox(Mutex<Called>);

#[derive(Default)]
struct Called {
    indices: Vec<usize>,
    awaiter: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Called> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_awaiter(&self, awaiter: Option<Waker>) {
        let last = mem::replace(&mut self.lock().awaiter, awaiter);
        drop(last); // with the lock free: it may be the last waker of its task
    }

    /// Wakes the task, for this one of the children or in general.
    fn call(&self, index: Option<usize>) {
        let mut called = self.lock();
        called.indices.extend(index);
        let awaiter = called.awaiter.take();
        drop(called);
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

/// The waker of the body or a child.
struct Caller {
    index: usize,
    /// Whether it is in the inbox already.
    called: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Caller {
    fn new(inbox: &Arc<Inbox>, index: usize) -> Arc<Caller> {
        Arc::new(Caller {
            index,
            called: AtomicBool::new(false),
            inbox: Arc::clone(inbox),
        })
    }

    /// Polls with this waker. From here on a call means another turn.
    fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        // What was done before a call is seen by what it has woken.
        self.called.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(self));
        future.poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.called.swap(true, Ordering::AcqRel) {
            self.inbox.call(Some(self.index));
        }
    }
}
