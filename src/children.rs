//! What `gather` and `as_completed` share: where they spawn, and many futures in one task.
//!
//! At each turn of the loop every child that has been woken since the last one is polled once, in
//! the order of the waking. So does asyncio with its tasks. (`FuturesUnordered` and its relatives
//! poll a child that yields again and again in the same turn, and stop somewhere in the middle.)

use async_executor::LocalExecutor;
use atomic_waker::AtomicWaker;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Where `gather` and `as_completed` spawn: a `LocalExecutor`, or the `Spawner` that `run` gives to
/// `main`. With an `Rc<LocalExecutor>`, write `&*ex`.
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

impl<'a> Extend<Driver<'a>> for &LocalExecutor<'a> {
    fn extend<I: IntoIterator<Item = Driver<'a>>>(&mut self, drivers: I) {
        for driver in drivers {
            self.spawn(driver).detach();
        }
    }
}

/// The task that polls the children: a future to be spawned and detached.
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

/// A child that has ended: its index, and what it returned or its panic.
pub(crate) type Ended<T> = (usize, thread::Result<T>);

/// Spawns a task that runs the children.
///
/// A child that panics ends by that, and the others go on. The results are given when `wakes` is true
/// of one, or all are there.
pub(crate) fn start<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
    wakes: fn(&thread::Result<F::Output>) -> bool,
) -> Children<F::Output> {
    let children = children.into_iter();
    if size_of::<F>() <= 128 {
        // Small ones are boxed when they start: those that are ready at once take the same memory,
        // one after the other.
        let fresh: Vec<F> = children.collect();
        spawn(ex, fresh.into_iter().map(Box::pin), wakes)
    } else {
        let fresh: Vec<_> = children.map(Box::pin).collect();
        spawn(ex, fresh.into_iter(), wakes)
    }
}

fn spawn<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    fresh: impl ExactSizeIterator<Item = Pin<Box<F>>> + 'a,
    wakes: fn(&thread::Result<F::Output>) -> bool,
) -> Children<F::Output> {
    let link = Rc::new(Link {
        ended: Cell::default(),
        ready: Cell::new(fresh.len() == 0),
        awaiter: Cell::default(),
        fate: Cell::new(Fate::Owned),
        inbox: Arc::default(),
    });
    let running = Running {
        left: fresh.len(),
        started: Vec::with_capacity(fresh.len()),
        fresh,
        turn: Vec::new(),
        wakes,
        link: Rc::clone(&link),
    };
    ex.spawn_driver(Driver(Box::pin(running)));
    Children(link)
}

/// What the driver and [`Children`] share.
struct Link<T> {
    /// In the order of time.
    ended: Cell<Vec<Ended<T>>>,
    /// Whether they are to be given.
    ready: Cell<bool>,
    /// The task that waits for that.
    awaiter: Cell<Option<Waker>>,
    fate: Cell<Fate>,
    inbox: Arc<Inbox>,
}

/// What happens to children that have not ended.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// They end with their owner.
    Owned,
    /// They run on without it.
    Detached,
    /// They are dropped when the driver is polled.
    Cancelled,
    /// They have been dropped, or there are none.
    Gone,
}

impl<T> Link<T> {
    fn wake(&self) {
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }

    fn decide(&self, fate: Fate) {
        if self.fate.get() != Fate::Gone {
            self.fate.set(fate);
            self.inbox.driver.wake();
        }
    }
}

/// Owns the children, unless it is detached.
pub(crate) struct Children<T>(Rc<Link<T>>);

impl<T> Children<T> {
    /// Waits until results are to be given, and gives those that are there; `None` when the children
    /// have been detached or dropped.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<Ended<T>>>> {
        if self.0.ready.take() {
            return Poll::Ready(Some(self.0.ended.take()));
        }
        if matches!(self.0.fate.get(), Fate::Detached | Fate::Gone) {
            return Poll::Ready(None);
        }
        self.0.awaiter.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Lets the children run on; what they return is dropped.
    pub(crate) fn detach(&self) {
        self.0.decide(Fate::Detached);
    }

    /// Drops the children at the next turn of the loop.
    pub(crate) fn cancel(&self) {
        self.0.decide(Fate::Cancelled);
    }
}

impl<T> Drop for Children<T> {
    fn drop(&mut self) {
        if self.0.fate.get() == Fate::Owned {
            self.cancel();
        }
        self.0.awaiter.take();
        self.0.ended.take();
    }
}

impl<T> fmt::Debug for Children<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").finish_non_exhaustive()
    }
}

/// What the driver does.
struct Running<F: Future, I: Iterator<Item = Pin<Box<F>>>> {
    /// The children that have not been polled.
    fresh: I,
    /// Those that have, by their indices; `None` when they have ended.
    started: Vec<Option<Pin<Box<F>>>>,
    left: usize,
    /// Empty but for its allocation between two turns.
    turn: Vec<Arc<ChildWaker>>,
    wakes: fn(&thread::Result<F::Output>) -> bool,
    link: Rc<Link<F::Output>>,
}

// The children are in boxes.
impl<F: Future, I: Iterator<Item = Pin<Box<F>>>> Unpin for Running<F, I> {}

impl<F: Future, I: Iterator<Item = Pin<Box<F>>>> Future for Running<F, I> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.link.inbox.driver.register(cx.waker());
        if this.link.fate.get() == Fate::Cancelled {
            return Poll::Ready(());
        }
        let mut turn = mem::take(&mut this.turn);
        mem::swap(&mut turn, &mut this.link.inbox.lock());
        for child in turn.drain(..) {
            let index = child.start_polling();
            this.poll_child(index, &Waker::from(child));
        }
        this.turn = turn;
        // A child that is ready at once leaves its waker to the next one, unless it has kept it.
        let mut spare: Option<(Arc<ChildWaker>, Waker)> = None;
        while let Some(child) = this.fresh.next() {
            let index = this.started.len();
            this.started.push(Some(child));
            let (child, waker) = spare.take().unwrap_or_else(|| this.link.inbox.child());
            child.index.store(index, Ordering::Relaxed);
            if this.poll_child(index, &waker) && Arc::strong_count(&child) == 2 {
                fence(Ordering::Acquire); // what others did with it has been done
                spare = Some((child, waker));
            }
        }
        if this.left == 0 || this.link.fate.get() == Fate::Cancelled {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<F: Future, I: Iterator<Item = Pin<Box<F>>>> Running<F, I> {
    /// Polls a child, and says whether it has ended by that. (If it had ended before, it was woken late.)
    fn poll_child(&mut self, index: usize, waker: &Waker) -> bool {
        let place = &mut self.started[index];
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let child = place.as_mut()?.as_mut();
            let Poll::Ready(output) = child.poll(&mut Context::from_waker(waker)) else {
                return None;
            };
            drop(place.take()); // a destructor that panics is the child's panic
            Some(output)
        }));
        let Some(result) = polled.transpose() else {
            return false;
        };
        if result.is_err() {
            drop_quietly(place.take());
        }
        self.left -= 1;
        let link = &self.link;
        if link.fate.get() != Fate::Owned {
            drop_quietly(result);
            return true;
        }
        let is_ready = self.left == 0 || (self.wakes)(&result);
        let mut ended = link.ended.take();
        ended.push((index, result));
        link.ended.set(ended);
        if is_ready {
            link.ready.set(true);
            link.wake();
        }
        true
    }
}

impl<F: Future, I: Iterator<Item = Pin<Box<F>>>> Drop for Running<F, I> {
    fn drop(&mut self) {
        self.fresh.by_ref().for_each(drop_quietly);
        self.started.drain(..).for_each(drop_quietly);
        self.link.fate.set(Fate::Gone);
        self.link.inbox.driver.take();
        self.link.wake();
    }
}

/// Drops what is not waited for any more. A destructor that panics is left to the panic hook.
pub(crate) fn drop_quietly<T>(unwanted: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
}

/// The children that have been woken, in that order, and the waker of the task that polls them.
#[derive(Default)]
struct Inbox {
    woken: Mutex<Vec<Arc<ChildWaker>>>,
    driver: AtomicWaker,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ChildWaker>>> {
        // Nothing panics while it is locked.
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn child(self: &Arc<Self>) -> (Arc<ChildWaker>, Waker) {
        let child = Arc::new(ChildWaker {
            index: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
            inbox: Arc::downgrade(self),
        });
        (Arc::clone(&child), Waker::from(child))
    }
}

struct ChildWaker {
    index: AtomicUsize,
    /// Whether it is in the inbox already.
    is_woken: AtomicBool,
    inbox: Weak<Inbox>,
}

impl ChildWaker {
    /// From here on, waking it means that the child is to be polled again.
    fn start_polling(&self) -> usize {
        self.is_woken.swap(false, Ordering::AcqRel);
        self.index.load(Ordering::Relaxed)
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let Some(inbox) = self.inbox.upgrade() else {
            return; // all children have gone
        };
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = inbox.lock();
        let is_first = woken.is_empty();
        woken.push(self);
        drop(woken);
        if is_first {
            inbox.driver.wake();
        }
    }
}
