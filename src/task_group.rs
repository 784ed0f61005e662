//! Futures that start and end together: asyncio's `TaskGroup`.
//!
//! - asyncio: `asyncio.TaskGroup`, `ExceptionGroup`
//! - Node: no name for it
//! - Paste: this file; `cargo add async-io atomic-waker concurrent-queue futures-lite`
//!
//! ```
//! use asyncio_to_smol::task_group::{TaskGroup, task_group};
//!
//! # async_io::block_on(async {
//! let text = String::from("three");
//! let children = task_group(async |group: TaskGroup<std::io::Error>| {
//!     let one = group.spawn(async { Ok("one".len()) });
//!     let three = group.spawn(async { Ok(text.len()) });
//!     Ok((one, three))
//! });
//! // Now both have ended, and neither has failed.
//! let (one, three) = children.await?;
//! assert_eq!((one.await, three.await), (Some(3), Some(5)));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! | | asyncio's `TaskGroup` | Node | here |
//! |---|---|---|---|
//! | a scope that ends when all children have ended | `async with TaskGroup() as tg:` | | `task_group(async \|group\| …).await` |
//! | a child spawns a child | `tg.create_task` in the child | | [`spawn`](TaskGroup::spawn) on a clone of the group |
//! | a child or the body fails | the siblings and the body are cancelled and waited for | `Promise.all` rejects, the others run on | the siblings are dropped, in the order of spawning, then the body |
//! | the errors | `ExceptionGroup` with all of them | the first | [`ErrorGroup`] with all of them |
//! | errors of the siblings during cancellation | are in the `ExceptionGroup`, too | | a destructor returns no error; its panic counts as a panic of the child |
//! | a child panics | | | like a failure; when all have ended, the group resumes the panic |
//! | a child is cancelled | no failure, the others run on | | [`Child::cancel`]: no failure, the others run on |
//! | cancelling all children | `tg.cancel()`, since 3.15; cancels the body, too | | [`cancel`](TaskGroup::cancel): no failure; the body runs on, since the group returns its value |
//! | graceful shutdown: waiting for the children with a time limit | | | [`stop`](TaskGroup::stop) |
//! | spawning when the group shuts down or has ended | `RuntimeError` | | the future is dropped: a [`Child`] without a value |
//! | cancelling the group | the children are cancelled and waited for | | dropping the future drops the children and the body, at once; only the panic hook reports a panic then |
//! | a result | `task.result()` afterwards | | [`Child`] is a future: `Some` value |
//! | awaiting a child that fails or is cancelled | its exception, or `CancelledError` | | `None` |
//!
//! Who owns what: the group owns its children, as an array owns its elements. So they can borrow what the group
//! can borrow, and they are dropped with the group, as are the groups inside them. A [`Child`] is only a handle.
//!
//! The task that awaits the group polls the body and the children: at each turn, those that have been woken, in
//! the order of the wake-ups. They are not separate tasks; no executor is needed. A group inside a group takes a
//! kilobyte of stack: a recursion thousands of levels deep needs tasks. [`TaskGroup`] and [`Child`] stay on their
//! thread: they are neither `Send` nor `Sync`.
//!
//! Sources: [`asyncio.TaskGroup`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup),
//! [PEP 654](https://peps.python.org/pep-0654/) on exception groups.

use async_io::Timer;
use atomic_waker::AtomicWaker;
use concurrent_queue::ConcurrentQueue;
use futures_lite::{FutureExt, Stream, StreamExt, stream};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Runs `body`, and returns its result when all children of the group have ended.
///
/// `body` is an `async |group| …` closure or an `async fn`. (A closure that returns an `async` block does not
/// compile: its lifetimes cannot be written.) The children can still spawn after `body` has ended. If the others
/// are to run on after an error, see [`gather`](crate::gather::gather); for each result when it arrives,
/// [`as_completed`](crate::as_completed::as_completed); for tasks without a scope, [`run`](crate::run::run).
///
/// # Errors
///
/// If `body` or a child returns an error: all errors that have occurred. The other children have been dropped by
/// then, and `body` after them.
///
/// # Panics
///
/// If `body` or a child panics: the first panic is resumed when everything else has ended.
///
/// ```
/// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
/// let result = async_io::block_on(task_group(async |group: TaskGroup<&str>| {
///     let child = group.spawn(async { Ok(1) });
///     child.await.ok_or("cancelled")
/// }));
/// assert_eq!(result, Ok(1));
/// ```
pub async fn task_group<'a, T, E: 'a>(
    body: impl AsyncFnOnce(TaskGroup<'a, E>) -> Result<T, E>,
) -> Result<T, ErrorGroup<E>> {
    let shared = Rc::new(Shared {
        children: RefCell::default(),
        count: Cell::new(0),
        inbox: Arc::new(Inbox {
            woken: ConcurrentQueue::unbounded(),
            awaiter: AtomicWaker::new(),
        }),
        closed: Cell::new(false),
        stopper: AtomicWaker::new(),
        errors: RefCell::default(),
        panics: RefCell::default(),
    });
    let group = TaskGroup(Rc::clone(&shared));
    let (outcome, body) = shared.start(BODY, async { body(group).await });
    outcome.member.wake_by_ref();
    let mut group = Owner {
        shared,
        body: Some(body),
        outcome,
    };
    poll_fn(|cx| group.poll(cx)).await;
    // After a failure there is no value: everything has been dropped.
    if let Some(value) = group.outcome.value.take() {
        return Ok(value);
    }
    let mut errors = group.shared.errors.take();
    let panic = group.shared.panics.borrow_mut().pop_front();
    if let Some(panic) = panic {
        group.shared.quietly(|| drop(errors));
        resume_unwind(panic);
    }
    let (first, others) = (errors.remove(0), errors);
    Err(ErrorGroup { first, others })
}

/// The state owned by the future of a group.
struct Owner<'a, 'b, T, E> {
    shared: Rc<Shared<'a, E>>,
    body: Option<Running<'b, E>>,
    outcome: Child<T>,
}

impl<T, E> Owner<'_, '_, T, E> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let shared = &*self.shared;
        shared.inbox.awaiter.register(cx.waker());
        // A child that is woken from here on is polled in the next turn.
        let woken = shared.inbox.woken.len();
        for index in shared.inbox.woken.try_iter().take(woken) {
            match index {
                CANCEL => shared.drop_children(),
                BODY => {
                    if self.body.as_mut().is_some_and(|body| shared.poll(body)) {
                        shared.end(self.body.take());
                    }
                }
                _ => shared.poll_child(index),
            }
        }
        // A failure ends the others after this turn, in which they may fail, too.
        if !shared.errors.borrow().is_empty() || !shared.panics.borrow().is_empty() {
            self.shut_down();
        }
        if self.body.is_none() && self.shared.children.borrow().is_empty() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Drops everything, the body after the children. From now on, no more children are accepted.
    fn shut_down(&mut self) {
        let shared = &self.shared;
        shared.closed.set(true);
        shared.drop_children();
        shared.quietly(|| self.body = None);
        shared.quietly(|| drop(self.outcome.value.take()));
        // A clone of the group must not keep the awaiting task alive.
        drop((shared.stopper.take(), shared.inbox.awaiter.take()));
    }
}

impl<T, E> Drop for Owner<'_, '_, T, E> {
    fn drop(&mut self) {
        self.shut_down();
        for panic in self.shared.panics.take() {
            // The panic hook has reported it. Dropping its payload may panic, too, with another payload.
            mem::forget(catch_unwind(AssertUnwindSafe(|| drop(panic))));
        }
    }
}

/// A handle to a group, which [`task_group`] passes to its body. Clones are cheap, and a child can own one.
///
/// `E` is the error that the children and the body can return, `'a` is the lifetime of what they can borrow.
pub struct TaskGroup<'a, E>(Rc<Shared<'a, E>>);

impl<'a, E: 'a> TaskGroup<'a, E> {
    /// Spawns `future` as a child of the group: asyncio's `tg.create_task`.
    ///
    /// It starts at the next turn of the loop. Dropping the [`Child`] does not cancel it: see [`Child::cancel`].
    ///
    /// If the group is shutting down or has ended (after [`cancel`](TaskGroup::cancel) and
    /// [`stop`](TaskGroup::stop), and in destructors after a failure), the future is dropped instead.
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// let result = async_io::block_on(task_group(async |group: TaskGroup<()>| {
    ///     Ok(group.spawn(async { Ok("done") }).await)
    /// }));
    /// assert_eq!(result, Ok(Some("done")));
    /// ```
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = Result<T, E>> + 'a) -> Child<T> {
        let index = self.0.count.replace(self.0.count.get() + 1);
        let (child, running) = self.0.start(index, future);
        if !self.0.closed.get() {
            self.0.children.borrow_mut().insert(index, Some(running));
            child.member.wake_by_ref();
        }
        child
    }

    /// Cancels all children, and accepts no more. Returns at once; the children are dropped at the next turn. This
    /// is not a failure: the body runs on, and the group returns its value. To give the children time to end, see
    /// [`stop`](TaskGroup::stop); to cancel a single one, [`Child::cancel`].
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// let result = async_io::block_on(task_group(async |group: TaskGroup<()>| {
    ///     let child = group.spawn(std::future::pending::<Result<(), ()>>());
    ///     group.cancel();
    ///     Ok(child.await)
    /// }));
    /// assert_eq!(result, Ok(None));
    /// ```
    pub fn cancel(&self) {
        self.0.closed.set(true);
        let _ = self.0.inbox.woken.push(CANCEL);
        self.0.inbox.awaiter.wake();
    }

    /// Shuts down gracefully: accepts no more children from now on, waits until all have ended, and
    /// [cancels](TaskGroup::cancel) those that have not ended after `limit`. Returns how many these were. `limit`
    /// starts with the call. Call it in the body; in a server, after `or(stop_signal, accept(&group)).await?`. The
    /// signal can be [`Interrupts::received`](crate::interrupt::Interrupts::received).
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// let result = async_io::block_on(task_group(async |group: TaskGroup<()>| {
    ///     group.spawn(std::future::pending::<Result<(), ()>>());
    ///     Ok(group.stop(std::time::Duration::from_millis(20)).await)
    /// }));
    /// assert_eq!(result, Ok(1));
    /// ```
    pub fn stop(&self, limit: Duration) -> impl Future<Output = usize> + use<'_, 'a, E> {
        self.0.closed.set(true);
        let mut timer = Timer::after(limit);
        poll_fn(move |cx| {
            let left = self.0.children.borrow().len();
            if left > 0 && Pin::new(&mut timer).poll(cx).is_pending() {
                self.0.stopper.register(cx.waker());
                return Poll::Pending;
            }
            self.cancel();
            Poll::Ready(left)
        })
    }
}

impl<E> Clone for TaskGroup<'_, E> {
    fn clone(&self) -> Self {
        TaskGroup(Rc::clone(&self.0))
    }
}

impl<E> fmt::Debug for TaskGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").finish_non_exhaustive()
    }
}

struct Shared<'a, E> {
    /// By their numbers, which are not reused. `None` while the child is being polled.
    children: RefCell<BTreeMap<usize, Option<Running<'a, E>>>>,
    count: Cell<usize>,
    inbox: Arc<Inbox>,
    closed: Cell<bool>,
    /// The task that waits in `stop` for the last child.
    stopper: AtomicWaker,
    errors: RefCell<Vec<E>>,
    panics: RefCell<VecDeque<Box<dyn Any + Send>>>,
}

/// The body or a child that has not ended. (A stream, since futures-lite cannot map a future.)
type Running<'a, E> = (Arc<Member>, Pin<Box<dyn Stream<Item = Result<(), E>> + 'a>>);

impl<E> Shared<'_, E> {
    fn start<'a, T: 'a>(
        &self,
        index: usize,
        future: impl Future<Output = Result<T, E>> + 'a,
    ) -> (Child<T>, Running<'a, E>) {
        let member = Arc::new(Member {
            index,
            inbox: Arc::clone(&self.inbox),
            is_woken: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            ended: AtomicBool::new(self.closed.get()),
            is_awaited: AtomicBool::new(false),
            waiter: AtomicWaker::new(),
        });
        let value = Rc::new(Cell::new(None));
        let slot = Rc::clone(&value);
        let keep = move |result: Result<_, _>| result.map(|value| slot.set(Some(value)));
        let future = stream::once_future(future).map(keep);
        let running: Running<'a, E> = (Arc::clone(&member), Box::pin(future));
        (Child { value, member }, running)
    }

    /// Polls a child that has been woken. It may have ended since.
    fn poll_child(&self, index: usize) {
        let child = self.children.borrow_mut().get_mut(&index).map(Option::take);
        let Some(mut child) = child else { return };
        if child.as_mut().is_none_or(|child| self.poll(child)) {
            self.children.borrow_mut().remove(&index);
            self.end(child);
            if self.children.borrow().is_empty() {
                self.stopper.wake();
            }
        } else {
            self.children.borrow_mut().insert(index, child);
        }
    }

    /// Polls the body or a child. Returns whether it has ended or been cancelled.
    fn poll(&self, (member, future): &mut Running<'_, E>) -> bool {
        if member.cancelled.load(Ordering::Relaxed) {
            return true;
        }
        // A wake-up from here on means another turn. Acquire: the child sees what was done before the last one.
        member.is_woken.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(member));
        let mut future = AssertUnwindSafe(future.next()).catch_unwind();
        match future.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(Some(Err(error)))) => self.errors.borrow_mut().push(error),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(panic)) => self.panics.borrow_mut().push_back(panic),
            Poll::Pending => return false,
        }
        true
    }

    /// Drops the body or a child, and then wakes the task that awaits it.
    fn end(&self, running: Option<Running<'_, E>>) {
        if let Some((member, future)) = running {
            self.quietly(|| drop(future));
            member.ended.store(true, Ordering::Relaxed);
            if member.is_awaited.load(Ordering::Relaxed) {
                self.quietly(|| member.waiter.wake());
            }
        }
    }

    /// Drops the children that have not ended, in the order in which they were spawned.
    fn drop_children(&self) {
        for child in self.children.take().into_values() {
            self.end(child);
        }
        self.stopper.wake();
    }

    /// Calls `f`, a destructor. Its panic counts as a failure like others.
    fn quietly(&self, f: impl FnOnce()) {
        let panic = catch_unwind(AssertUnwindSafe(f)).err();
        self.panics.borrow_mut().extend(panic);
    }
}

/// A handle to a child of a group, from [`TaskGroup::spawn`]: a future of the child's value. It is `None` if the
/// child has failed or was cancelled, or if its value has been taken.
///
/// Dropping the handle does not affect the child: the group owns it.
pub struct Child<T> {
    value: Rc<Cell<Option<T>>>,
    member: Arc<Member>,
}

impl<T> Child<T> {
    /// Cancels only this child: asyncio's `task.cancel()`. Returns at once; the child is dropped at its next turn.
    /// This is not a failure of the group. To wait for that, await the `Child`. For all children,
    /// [`TaskGroup::cancel`].
    ///
    /// ```
    /// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
    /// let result = async_io::block_on(task_group(async |group: TaskGroup<()>| {
    ///     let child = group.spawn(std::future::pending::<Result<(), ()>>());
    ///     child.cancel();
    ///     Ok(child.await)
    /// }));
    /// assert_eq!(result, Ok(None));
    /// ```
    pub fn cancel(&self) {
        self.member.cancelled.store(true, Ordering::Relaxed);
        self.member.wake_by_ref();
    }
}

impl<T> Future for Child<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.member.ended.load(Ordering::Relaxed) {
            return Poll::Ready(self.value.take());
        }
        self.member.is_awaited.store(true, Ordering::Relaxed);
        self.member.waiter.register(cx.waker());
        Poll::Pending
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").finish_non_exhaustive()
    }
}

/// The errors of a [`task_group`], in the order in which they occurred: asyncio's `ExceptionGroup`. Its message
/// states their number, and its `source` is the first; `{:#}` shows them all.
///
/// ```
/// # use asyncio_to_smol::task_group::{TaskGroup, task_group};
/// let result = async_io::block_on(task_group(async |_: TaskGroup<&str>| Err::<(), _>("no host")));
/// let errors = result.unwrap_err();
/// assert_eq!((errors.first, errors.others.len()), ("no host", 0));
/// assert_eq!(format!("{errors:#}"), "1 error in a task group: no host");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup<E> {
    /// The first error.
    pub first: E,
    /// The later errors, none if there was only one.
    pub others: Vec<E>,
}

impl<E: fmt::Display> fmt::Display for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = 1 + self.others.len();
        let plural = if n == 1 { "" } else { "s" };
        write!(f, "{n} error{plural} in a task group")?;
        if f.alternate() {
            write!(f, ": {}", self.first)?;
            self.others.iter().try_for_each(|e| write!(f, "; {e}"))?;
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for ErrorGroup<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.first)
    }
}

/// Pending wake-ups: the numbers of children, [`BODY`], and [`CANCEL`], which cancels the children.
struct Inbox {
    woken: ConcurrentQueue<usize>,
    awaiter: AtomicWaker,
}

const BODY: usize = usize::MAX;
const CANCEL: usize = usize::MAX - 1;

/// The body or a child: its waker and its state.
struct Member {
    index: usize,
    inbox: Arc<Inbox>,
    /// Whether it has been woken since it was last polled.
    is_woken: AtomicBool,
    cancelled: AtomicBool,
    ended: AtomicBool,
    is_awaited: AtomicBool,
    waiter: AtomicWaker,
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            let _ = self.inbox.woken.push(self.index);
            self.inbox.awaiter.wake();
        }
    }
}
