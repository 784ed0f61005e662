//! Many futures polled by one task: the common half of `gather` and `as_completed`.
//!
//! At each turn of the loop every child that has been woken since the last one is polled once, in
//! the order of the waking. So does asyncio with its tasks. (`FuturesUnordered` and its relatives
//! poll a child that yields again and again in the same turn, and stop somewhere in the middle.)

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::{mem, thread};

pub(crate) struct Children<F> {
    children: Vec<Child<F>>,
    calls: Arc<Calls>,
}

struct Child<F> {
    /// `None` after its end.
    future: Option<Pin<Box<F>>>,
    /// `None` as long as nobody can have kept its waker.
    caller: Option<Arc<Caller>>,
}

impl<F: Future> Children<F> {
    pub(crate) fn new(children: impl IntoIterator<Item = F>) -> Children<F> {
        let child = |future| Child {
            future: Some(Box::pin(future)),
            caller: None,
        };
        let children: Vec<_> = children.into_iter().map(child).collect();
        let queue = Queue {
            called: (0..children.len()).collect(), // all of them start in the first turn
            driver: None,
        };
        Children {
            children,
            calls: Arc::new(Calls(Mutex::new(queue))),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    /// Runs all of them to their end, and calls `ended` for each when it ends.
    ///
    /// A child that panics ends by that, and the others go on. A panic of `ended` itself (it may drop
    /// a result whose destructor panics) is left to the panic hook.
    pub(crate) async fn run(mut self, mut ended: impl FnMut(usize, thread::Result<F::Output>)) {
        let mut left = self.children.len();
        let mut turn = Vec::new();
        // The waker of a child that has ended serves the next one, unless somebody has kept it.
        let mut spare = None;
        poll_fn(|cx| {
            self.calls.take(&mut turn, cx.waker());
            for index in turn.drain(..) {
                let child = &mut self.children[index];
                if let Poll::Ready(result) = child.poll(index, &self.calls, &mut spare) {
                    left -= 1;
                    let _ = catch_unwind(AssertUnwindSafe(|| ended(index, result)));
                }
            }
            if left == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl<F: Future> Child<F> {
    fn poll(
        &mut self,
        index: usize,
        calls: &Arc<Calls>,
        spare: &mut Option<Arc<Caller>>,
    ) -> Poll<thread::Result<F::Output>> {
        let Some(future) = &mut self.future else {
            return Poll::Pending; // a late call
        };
        let caller = match self.caller.take() {
            Some(caller) => caller,
            None => Caller::new(index, calls, spare.take()),
        };
        // From here on it is to be polled again if it calls. An exchange and not a store: what was
        // written before a call that found the flag set must be seen by the poll.
        caller.called.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(&caller));
        let mut cx = Context::from_waker(&waker);
        // A future that has panicked is not touched again but for dropping it.
        let result = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => {
                self.caller = Some(caller);
                return Poll::Pending;
            }
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        // A destructor that panics is the child's panic.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(self.future.take())));
        let result = match (result, dropped) {
            (Ok(output), Ok(())) => Ok(output),
            (Err(panic), _) | (_, Err(panic)) => Err(panic),
        };
        *spare = Some(caller);
        Poll::Ready(result)
    }
}

/// Which children have called, and whom to call for them.
struct Calls(Mutex<Queue>);

struct Queue {
    called: Vec<usize>,
    driver: Option<Waker>,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No one panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exchanges the calls so far for the empty `turn`, and has `driver` woken at the next one.
    fn take(&self, turn: &mut Vec<usize>, driver: &Waker) {
        let mut queue = self.lock();
        mem::swap(&mut queue.called, turn);
        let last = queue.driver.replace(driver.clone());
        drop(queue);
        drop(last); // with the lock free: it may be the last of its task
    }
}

/// The waker of a child.
struct Caller {
    index: usize,
    /// Whether it is in the queue already.
    called: AtomicBool,
    calls: Arc<Calls>,
}

impl Caller {
    fn new(index: usize, calls: &Arc<Calls>, spare: Option<Arc<Caller>>) -> Arc<Caller> {
        if let Some(mut spare) = spare {
            if let Some(caller) = Arc::get_mut(&mut spare) {
                caller.index = index;
                return spare;
            }
        }
        Arc::new(Caller {
            index,
            called: AtomicBool::new(false),
            calls: Arc::clone(calls),
        })
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.called.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut queue = self.calls.lock();
        queue.called.push(self.index);
        let driver = queue.driver.take();
        drop(queue);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}
