//! Which of many futures have been woken: the common half of `children`, `task_group` and `wait`.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The futures that have called to be polled, and whom to wake for them.
pub(crate) struct Calls(Mutex<Queue>);

struct Queue {
    called: Vec<usize>,
    awaiter: Option<Waker>,
}

impl Calls {
    /// For `n` futures, all of which are to be polled at first.
    pub(crate) fn new(n: usize) -> Arc<Calls> {
        Arc::new(Calls(Mutex::new(Queue {
            called: (0..n).collect(),
            awaiter: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No one panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this one woken at the next call.
    pub(crate) fn set_awaiter(&self, awaiter: Option<Waker>) {
        let last = mem::replace(&mut self.lock().awaiter, awaiter);
        drop(last); // with the lock free: it may be the last of its task
    }

    /// Exchanges the calls so far, in their order, for the empty `turn`.
    pub(crate) fn take(&self, turn: &mut Vec<usize>) {
        mem::swap(&mut self.lock().called, turn);
    }
}

/// The waker of one of the futures.
pub(crate) struct Caller {
    index: usize,
    /// Whether it is in the queue already.
    called: AtomicBool,
    calls: Arc<Calls>,
}

impl Caller {
    /// `spare` is one that is not needed any more. It serves again, unless somebody has kept it.
    pub(crate) fn new(index: usize, calls: &Arc<Calls>, spare: Option<Arc<Caller>>) -> Arc<Caller> {
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

    /// The waker to poll the future with. From here on a call means that it is to be polled again.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        // An exchange and not a store: what was written before a call that found the flag set must
        // be seen by the poll.
        self.called.swap(false, Ordering::AcqRel);
        Waker::from(Arc::clone(self))
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
        let awaiter = queue.awaiter.take();
        drop(queue);
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}
