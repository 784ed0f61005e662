//! The shared part of `gather` and `as_completed`: where they spawn, and many futures in one task.
//!
//! At each turn of the loop, every child that has been woken since the last turn is polled once, in the order of
//! the wake-ups, as asyncio polls its tasks. (`FuturesUnordered` and similar types poll a child that yields
//! several times in the same turn, and stop before all woken children have been polled.)

use async_executor::LocalExecutor;
use atomic_waker::AtomicWaker;
use concurrent_queue::ConcurrentQueue;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// `LocalExecutor` (with an `Rc`, write `&*ex`) and [`Spawner`](crate::run::Spawner) implement it, as does every
/// type that spawns what it is extended by (`Extend` for a reference). The children can borrow for `'a`.
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
#[allow(missing_debug_implementations, reason = "it cannot be named")]
pub struct Driver<'a>(Pin<Box<dyn Future<Output = ()> + 'a>>);

impl Future for Driver<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// The index of a child that has ended, and its result or panic.
pub(crate) type Ended<T> = (usize, thread::Result<T>);

/// Spawns a task that runs the children.
///
/// A panic ends only its child. The results are returned when `wakes` accepts one, or all children have ended.
pub(crate) fn start<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
    wakes: fn(&thread::Result<F::Output>) -> bool,
) -> Children<F::Output> {
    // Small children share an allocation. A large one has its own, freed when it ends. `const`: only one is compiled.
    if const { size_of::<F>() <= 256 } {
        spawn(ex, children.into_iter(), wakes)
    } else {
        spawn(ex, children.into_iter().map(Box::pin), wakes)
    }
}

fn spawn<'a, F: Future + 'a>(
    ex: &impl Spawn<'a>,
    children: impl Iterator<Item = F>,
    wakes: fn(&thread::Result<F::Output>) -> bool,
) -> Children<F::Output> {
    let mut n = 0;
    let mut children = children.fuse().inspect(|_| n += 1);
    let mut blocks = Vec::with_capacity(children.size_hint().0.div_ceil(4));
    while let Some(child) = children.next() {
        blocks.push(Some(Box::pin(Block {
            a: Some(child),
            b: children.next(),
            c: children.next(),
            d: children.next(),
        })));
    }
    drop(children);
    let link = Rc::new(Link {
        ended: Cell::default(),
        ready: Cell::new(n == 0),
        awaiter: Cell::default(),
        fate: Cell::new(Fate::Owned),
        inbox: Arc::new(Inbox {
            woken: ConcurrentQueue::unbounded(),
            driver: AtomicWaker::new(),
        }),
    });
    let running = Running {
        n,
        left: n,
        blocks,
        started: false,
        wakes,
        link: Rc::clone(&link),
    };
    ex.spawn_driver(Driver(Box::pin(running)));
    Children(link)
}

/// The state shared by the driver and [`Children`].
struct Link<T> {
    /// In the order in which they ended.
    ended: Cell<Vec<Ended<T>>>,
    /// Whether they can be taken.
    ready: Cell<bool>,
    /// The task that waits for them.
    awaiter: Cell<Option<Waker>>,
    fate: Cell<Fate>,
    inbox: Arc<Inbox>,
}

/// What happens to children that have not ended.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// They are dropped with their owner.
    Owned,
    /// They run on after it.
    Detached,
    /// They are dropped when the driver is polled.
    Cancelled,
    /// They have been dropped, or there are none.
    Ended,
}

impl<T> Link<T> {
    fn wake(&self) {
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }

    fn decide(&self, fate: Fate) {
        if self.fate.get() != Fate::Ended {
            self.fate.set(fate);
            self.inbox.driver.wake();
        }
    }
}

/// Owns the children, unless it is detached.
pub(crate) struct Children<T>(Rc<Link<T>>);

impl<T> Children<T> {
    /// Takes the results when they are ready; `None` if the children have been detached or dropped.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<Ended<T>>>> {
        if self.0.ready.take() {
            return Poll::Ready(Some(self.0.ended.take()));
        }
        if matches!(self.0.fate.get(), Fate::Detached | Fate::Ended) {
            return Poll::Ready(None);
        }
        self.0.awaiter.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Lets the children run on, and drops what they return.
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

pin_project! {
    /// Four children, or those not yet ended, in one allocation.
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

/// The future inside the driver: it polls the children.
struct Running<F: Future> {
    n: usize,
    left: usize,
    /// `None` when all four have ended.
    blocks: Vec<Option<Pin<Box<Block<F>>>>>,
    started: bool,
    wakes: fn(&thread::Result<F::Output>) -> bool,
    link: Rc<Link<F::Output>>,
}

impl<F: Future> Future for Running<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let link = Rc::clone(&self.link);
        link.inbox.driver.register(cx.waker());
        if link.fate.get() == Fate::Cancelled {
            return Poll::Ready(()); // the children are dropped with this
        }
        // A child that is woken from here on is polled in the next turn.
        let woken = link.inbox.woken.len();
        for child in link.inbox.woken.try_iter().take(woken) {
            // Acquire: the child sees what was done before the wake-up.
            child.is_woken.swap(false, Ordering::AcqRel);
            let index = child.index.load(Ordering::Relaxed);
            self.poll_child(index, &Waker::from(child));
        }
        if !mem::replace(&mut self.started, true) {
            // If a child is ready at once, the next child reuses its waker, unless a clone of it exists.
            let mut spare: Option<(Arc<ChildWaker>, Waker)> = None;
            for index in 0..self.n {
                let has_ended = if let Some((child, waker)) = &spare {
                    child.index.store(index, Ordering::Relaxed);
                    self.poll_child(index, waker)
                } else {
                    let waker = Waker::from(link.inbox.child(index));
                    self.poll_child(index, &waker)
                };
                let is_free = |(child, _): &(Arc<_>, _)| Arc::strong_count(child) == 2;
                if !spare.as_ref().is_some_and(is_free) {
                    spare = has_ended.then(|| {
                        let child = link.inbox.child(index);
                        (Arc::clone(&child), Waker::from(child))
                    });
                }
                fence(Ordering::Acquire); // after the drops of its clones on other threads
            }
        }
        if self.left == 0 || link.fate.get() == Fate::Cancelled {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<F: Future> Running<F> {
    /// Polls a child. Returns whether it has ended in this poll. (It may have been woken after its end.)
    fn poll_child(&mut self, index: usize, waker: &Waker) -> bool {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let block = self.blocks[index / 4].as_mut()?;
            let child = block.as_mut().place(index).as_pin_mut()?;
            let Poll::Ready(output) = child.poll(&mut Context::from_waker(waker)) else {
                return None;
            };
            self.drop_child(index); // a panic in its destructor is the child's panic
            Some(output)
        }));
        let Some(result) = polled.transpose() else {
            return false;
        };
        if result.is_err() {
            self.drop_child_quietly(index);
        }
        self.left -= 1;
        let link = &self.link;
        if link.fate.get() == Fate::Owned {
            let is_ready = self.left == 0 || (self.wakes)(&result);
            let mut ended = link.ended.take();
            ended.push((index, result));
            link.ended.set(ended);
            if is_ready {
                link.ready.set(true);
                link.wake();
            }
        } else {
            drop_quietly(result);
        }
        true
    }

    fn drop_child(&mut self, index: usize) {
        let place = &mut self.blocks[index / 4];
        if let Some(block) = place {
            block.as_mut().place(index).set(None);
            let Block { a, b, c, d } = &**block;
            if a.is_none() && b.is_none() && c.is_none() && d.is_none() {
                *place = None;
            }
        }
    }

    fn drop_child_quietly(&mut self, index: usize) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.drop_child(index)));
    }
}

impl<F: Future> Drop for Running<F> {
    fn drop(&mut self) {
        if self.left > 0 {
            (0..self.n).for_each(|index| self.drop_child_quietly(index));
        }
        self.link.fate.set(Fate::Ended);
        self.link.inbox.driver.take();
        self.link.wake();
    }
}

/// Drops results that are not awaited. If a destructor panics, only the panic hook reports it.
pub(crate) fn drop_quietly<T>(unwanted: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
}

/// The children that have been woken, in the order of the wake-ups, and the waker of the task that polls them.
struct Inbox {
    woken: ConcurrentQueue<Arc<ChildWaker>>,
    driver: AtomicWaker,
}

impl Inbox {
    fn child(self: &Arc<Self>, index: usize) -> Arc<ChildWaker> {
        Arc::new(ChildWaker {
            index: AtomicUsize::new(index),
            is_woken: AtomicBool::new(false),
            inbox: Arc::downgrade(self),
        })
    }
}

struct ChildWaker {
    index: AtomicUsize,
    /// Whether the child is already in the inbox.
    is_woken: AtomicBool,
    inbox: Weak<Inbox>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let Some(inbox) = self.inbox.upgrade() else {
            return; // all children have been dropped
        };
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            let _ = inbox.woken.push(self);
            inbox.driver.wake();
        }
    }
}
