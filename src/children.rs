//! What `gather` and `as_completed` share: where they spawn, and many futures in one task.
//!
//! At each turn of the loop every child that has been woken since the last one is polled once, in
//! the order of the waking. So does asyncio with its tasks. (`FuturesUnordered` and its relatives
//! poll a child that yields again and again in the same turn, and stop somewhere in the middle.)

use async_executor::LocalExecutor;
use pin_project_lite::pin_project;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Where `gather` and `as_completed` spawn: a `LocalExecutor`, an `Rc` of one, or the `Spawner` that
/// `run` gives to `main`.
///
/// `'a` is what the children may borrow. The trait has no other implementations than this: every type
/// whose references can be extended by a `Driver`.
pub trait Spawn<'a> {
    #[doc(hidden)]
    fn spawn_driver(&self, driver: Driver<'a>);
}

impl<'a, S: ?Sized> Spawn<'a> for S
where
    for<'s> &'s S: Extend<Driver<'a>>,
{
    fn spawn_driver(&self, driver: Driver<'a>) {
        let mut executor = self;
        executor.extend([driver]);
    }
}

/// The task that polls the children: a future to be spawned and detached.
#[must_use = "the children run only if it is spawned"]
pub struct Driver<'a>(Pin<Box<dyn Future<Output = ()> + 'a>>);

impl Future for Driver<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Driver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl<'a> Extend<Driver<'a>> for &LocalExecutor<'a> {
    fn extend<I: IntoIterator<Item = Driver<'a>>>(&mut self, drivers: I) {
        for driver in drivers {
            self.spawn(driver).detach();
        }
    }
}

impl<'a> Extend<Driver<'a>> for &Rc<LocalExecutor<'a>> {
    fn extend<I: IntoIterator<Item = Driver<'a>>>(&mut self, drivers: I) {
        (&***self).extend(drivers);
    }
}

/// Spawns a task that runs the children, and passes the result of each to `record` when it ends.
///
/// A child that panics ends by that, and the others go on. `state` gets their number.
pub(crate) fn start<'a, F, S>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
    state: impl FnOnce(usize) -> S,
    record: impl FnMut(&Link<S>, usize, thread::Result<F::Output>) + 'a,
) -> Handle<S>
where
    F: Future + 'a,
    S: Default + 'a,
{
    // An allocation for each would add a half to the cost of small ones: four of them share one. Large
    // ones are freed each when it ends.
    if size_of::<F>() <= 256 {
        start_blocks(ex, children, state, record)
    } else {
        start_blocks(ex, children.into_iter().map(Box::pin), state, record)
    }
}

fn start_blocks<'a, F, S>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
    state: impl FnOnce(usize) -> S,
    record: impl FnMut(&Link<S>, usize, thread::Result<F::Output>) + 'a,
) -> Handle<S>
where
    F: Future + 'a,
    S: Default + 'a,
{
    let children = Children::new(children);
    let link = Rc::new(Link {
        state: RefCell::new(state(children.len)),
        awaiter: Cell::new(None),
        fate: Cell::new(Fate::Owned),
        over: Cell::new(false),
        calls: Calls::new(),
    });
    let mut running = Running {
        left: children.len,
        children,
        started: false,
        turn: Vec::new(),
        record,
        link: Rc::clone(&link),
    };
    let driver = poll_fn(move |cx| running.poll(cx));
    ex.spawn_driver(Driver(Box::pin(driver)));
    Handle(link)
}

/// The children that have not ended, four to a block, which is freed when they have ended.
struct Children<F> {
    len: usize,
    blocks: Vec<Option<Pin<Box<Block<F>>>>>,
}

pin_project! {
    struct Block<F> {
        #[pin]
        a: Option<F>,
        #[pin]
        b: Option<F>,
        #[pin]
        c: Option<F>,
        #[pin]
        d: Option<F>,
    }
}

impl<F> Block<F> {
    fn place(self: Pin<&mut Self>, index: usize) -> Pin<&mut Option<F>> {
        let block = self.project();
        match index % 4 {
            0 => block.a,
            1 => block.b,
            2 => block.c,
            _ => block.d,
        }
    }
}

impl<F> Children<F> {
    fn new(children: impl IntoIterator<Item = F>) -> Children<F> {
        let mut len = 0;
        let mut children = children.into_iter().fuse().inspect(|_| len += 1);
        let mut blocks = Vec::with_capacity(children.size_hint().0.div_ceil(4));
        while let Some(first) = children.next() {
            blocks.push(Some(Box::pin(Block {
                a: Some(first),
                b: children.next(),
                c: children.next(),
                d: children.next(),
            })));
        }
        drop(children);
        Children { len, blocks }
    }

    fn get(&mut self, index: usize) -> Option<Pin<&mut F>> {
        let block = self.blocks[index / 4].as_mut()?;
        block.as_mut().place(index).as_pin_mut()
    }

    /// Drops a child.
    fn end(&mut self, index: usize) {
        let place = &mut self.blocks[index / 4];
        if let Some(block) = place {
            block.as_mut().place(index).set(None);
            let Block { a, b, c, d } = &**block;
            if a.is_none() && b.is_none() && c.is_none() && d.is_none() {
                *place = None;
            }
        }
    }
}

/// What the driver and the handle share: a place for the results, with one waiter.
pub(crate) struct Link<S> {
    pub(crate) state: RefCell<S>,
    /// The task that awaits the handle.
    awaiter: Cell<Option<Waker>>,
    fate: Cell<Fate>,
    /// Whether all children have been dropped.
    over: Cell<bool>,
    calls: Calls,
}

/// What happens to children that have not ended.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// They end with the handle.
    Owned,
    /// They run on without it.
    Detached,
    Cancelled,
}

impl<S> Link<S> {
    pub(crate) fn wake(&self) {
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }
}

/// Owns the children, unless it is detached.
pub(crate) struct Handle<S: Default>(Rc<Link<S>>);

impl<S: Default> Handle<S> {
    /// Waits until `look` finds something in the state.
    ///
    /// # Panics
    ///
    /// If the children have been dropped before that.
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut S) -> Option<R>,
    ) -> Poll<R> {
        if let Some(found) = self.look(&mut look) {
            return Poll::Ready(found);
        }
        assert!(
            !self.0.over.get(),
            "the children were dropped with their executor, or cancelled"
        );
        self.0.awaiter.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.0.state.borrow_mut())
    }

    pub(crate) fn detach(&self) {
        self.0.fate.set(Fate::Detached);
    }

    /// Drops the children at the next turn of the loop.
    pub(crate) fn cancel(&self) {
        self.0.fate.set(Fate::Cancelled);
        self.0.calls.wake();
    }

    /// Cancels the children, and waits until they have been dropped.
    #[allow(dead_code, reason = "`as_completed` alone does not use it")]
    pub(crate) async fn cancelled(&self) {
        self.cancel();
        poll_fn(|cx| {
            self.0.awaiter.set(Some(cx.waker().clone()));
            if self.0.over.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl<S: Default> Drop for Handle<S> {
    fn drop(&mut self) {
        if self.0.fate.get() == Fate::Owned {
            self.cancel();
        }
        let results = self.0.state.take();
        self.0.awaiter.set(None);
        drop(results); // with the state free for others
    }
}

/// What the driver owns.
struct Running<F: Future, S, R> {
    children: Children<F>,
    left: usize,
    started: bool,
    /// The children that are to be polled; empty but for its allocation between two turns.
    turn: Vec<Arc<Caller>>,
    record: R,
    link: Rc<Link<S>>,
}

impl<F, S, R> Running<F, S, R>
where
    F: Future,
    R: FnMut(&Link<S>, usize, thread::Result<F::Output>),
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let link = Rc::clone(&self.link);
        link.calls.set_awaiter(Some(cx.waker().clone()));
        if link.fate.get() == Fate::Cancelled {
            return Poll::Ready(()); // the children are dropped with this
        }
        if self.started {
            let mut turn = mem::take(&mut self.turn);
            link.calls.take(&mut turn);
            for caller in turn.drain(..) {
                self.poll_child(caller.index(), &Waker::from(caller));
            }
            self.turn = turn;
        } else {
            self.started = true;
            // A child that is ready at once leaves its waker behind for the next one.
            let mut spare: Option<Reusable> = None;
            for index in 0..self.children.len {
                if let Some(waker) = spare.as_ref().and_then(|spare| spare.waker(index)) {
                    self.poll_child(index, waker);
                    continue;
                }
                let waker = Waker::from(link.calls.caller(index));
                let has_ended = self.poll_child(index, &waker);
                spare = has_ended.then(|| Reusable::new(&link.calls));
            }
        }
        if self.left == 0 || link.fate.get() == Fate::Cancelled {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Polls a child, and says whether it has ended by that. (If it had ended before, the call came late.)
    fn poll_child(&mut self, index: usize, waker: &Waker) -> bool {
        let children = &mut self.children;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let future = children.get(index)?;
            match future.poll(&mut Context::from_waker(waker)) {
                Poll::Pending => None,
                Poll::Ready(output) => {
                    children.end(index); // a destructor that panics is the child's panic
                    Some(output)
                }
            }
        }));
        let result = match polled {
            Ok(None) => return false,
            Ok(Some(output)) => Ok(output),
            Err(panic) => {
                end_quietly(children, index);
                Err(panic)
            }
        };
        self.left -= 1;
        if self.link.fate.get() == Fate::Owned {
            (self.record)(&self.link, index, result);
        } else {
            drop_quietly(result);
        }
        true
    }
}

impl<F: Future, S, R> Drop for Running<F, S, R> {
    fn drop(&mut self) {
        for index in 0..self.children.len {
            end_quietly(&mut self.children, index);
        }
        self.link.over.set(true);
        self.link.calls.set_awaiter(None);
        self.link.wake();
    }
}

fn end_quietly<F>(children: &mut Children<F>, index: usize) {
    let _ = catch_unwind(AssertUnwindSafe(|| children.end(index)));
}

/// Drops what is not waited for any more. A destructor that panics is left to the panic hook.
pub(crate) fn drop_quietly<T>(unwanted: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
}

/// The children that have been woken, and the waker of the task that polls them.
struct Calls(Arc<Inbox>);

struct Inbox(Mutex<Called>);

#[derive(Default)]
struct Called {
    callers: Vec<Arc<Caller>>,
    awaiter: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Called> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn new() -> Calls {
        Calls(Arc::new(Inbox(Mutex::default())))
    }

    /// The waker, in the end, of the child with this index.
    fn caller(&self, index: usize) -> Arc<Caller> {
        Arc::new(Caller {
            index: AtomicUsize::new(index),
            called: AtomicBool::new(false),
            inbox: Arc::downgrade(&self.0),
        })
    }

    fn set_awaiter(&self, awaiter: Option<Waker>) {
        let last = mem::replace(&mut self.0.lock().awaiter, awaiter);
        drop(last); // with the lock free: it may be the last waker of its task
    }

    fn wake(&self) {
        let awaiter = self.0.lock().awaiter.take();
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }

    /// Exchanges the calls so far, in their order, for the empty `turn`. From here on a call means
    /// that the child is to be polled again.
    fn take(&self, turn: &mut Vec<Arc<Caller>>) {
        let mut called = self.0.lock();
        mem::swap(&mut called.callers, turn);
        for caller in turn {
            caller.called.store(false, Ordering::Relaxed);
        }
    }
}

/// The waker of a child.
struct Caller {
    index: AtomicUsize,
    /// Whether it is in the inbox already. Only touched while that is locked.
    called: AtomicBool,
    inbox: Weak<Inbox>,
}

impl Caller {
    fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(inbox) = self.inbox.upgrade() else {
            return; // all children have gone
        };
        let mut called = inbox.lock();
        if self.called.swap(true, Ordering::Relaxed) {
            return;
        }
        called.callers.push(Arc::clone(self));
        let awaiter = called.awaiter.take();
        drop(called);
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

/// A waker for one child after another, as long as none of them keeps it.
struct Reusable {
    caller: Arc<Caller>,
    waker: Waker,
}

impl Reusable {
    fn new(calls: &Calls) -> Reusable {
        let caller = calls.caller(0);
        let waker = Waker::from(Arc::clone(&caller));
        Reusable { caller, waker }
    }

    /// The waker of the child with this index, unless an earlier one has kept it.
    fn waker(&self, index: usize) -> Option<&Waker> {
        const OURS: usize = 2; // both fields
        if Arc::strong_count(&self.caller) > OURS {
            return None;
        }
        fence(Ordering::Acquire); // what others did with it has been done
        self.caller.index.store(index, Ordering::Relaxed);
        Some(&self.waker)
    }
}
