//! Which of many futures have been woken: the common half of `children`, `task_group` and `wait`.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The futures that have called to be polled, and whom to wake for them.
///
/// When it is dropped, calls go nowhere.
pub(crate) struct Calls(Arc<Inbox>);

struct Inbox(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    called: Vec<Arc<Caller>>,
    awaiter: Option<Waker>,
    closed: bool,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No one panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    pub(crate) fn new() -> Calls {
        Calls(Arc::new(Inbox(Mutex::default())))
    }

    /// The waker, in the end, of the future with this index.
    pub(crate) fn caller(&self, index: usize) -> Arc<Caller> {
        Arc::new(Caller {
            index: AtomicUsize::new(index),
            called: AtomicBool::new(false),
            inbox: Arc::clone(&self.0),
        })
    }

    /// Has this one woken at the next call.
    pub(crate) fn set_awaiter(&self, awaiter: Option<Waker>) {
        let last = mem::replace(&mut self.0.lock().awaiter, awaiter);
        drop(last); // with the lock free: it may be the last of its task
    }

    /// Exchanges the calls so far, in their order, for the empty `turn`. From here on a call means
    /// that the future is to be polled again.
    pub(crate) fn take(&self, turn: &mut Vec<Arc<Caller>>) {
        let mut queue = self.0.lock();
        mem::swap(&mut queue.called, turn);
        for caller in turn {
            caller.called.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Calls {
    /// Those that have called hold the inbox that holds them.
    fn drop(&mut self) {
        let queue = Queue {
            closed: true,
            ..Queue::default()
        };
        let last = mem::replace(&mut *self.0.lock(), queue);
        drop(last);
    }
}

/// The waker of one of the futures.
pub(crate) struct Caller {
    index: AtomicUsize,
    /// Whether it is in the queue already. Only touched with the queue locked.
    called: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Caller {
    pub(crate) fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut queue = self.inbox.lock();
        if queue.closed || self.called.load(Ordering::Relaxed) {
            return;
        }
        self.called.store(true, Ordering::Relaxed);
        queue.called.push(Arc::clone(self));
        let awaiter = queue.awaiter.take();
        drop(queue);
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

/// A waker for one future after another, as long as none of them keeps it.
pub(crate) struct Reusable {
    caller: Arc<Caller>,
    waker: Waker,
}

impl Reusable {
    pub(crate) fn new(calls: &Calls) -> Reusable {
        let caller = calls.caller(0);
        let waker = Waker::from(Arc::clone(&caller));
        Reusable { caller, waker }
    }

    /// The waker of the future with this index, unless the last one has kept it.
    pub(crate) fn waker(&self, index: usize) -> Option<&Waker> {
        const OURS: usize = 2; // both fields
        if Arc::strong_count(&self.caller) > OURS {
            return None;
        }
        fence(Ordering::Acquire); // what others did with it has been done
        self.caller.index.store(index, Ordering::Relaxed);
        Some(&self.waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_when_calls_have_been_dropped() {
        let calls = Calls::new();
        let waker = Waker::from(calls.caller(0));
        let caller = calls.caller(1);
        let second = Arc::downgrade(&caller);
        Waker::from(caller).wake();
        assert!(second.upgrade().is_some(), "it has called");
        let inbox = Arc::downgrade(&calls.0);
        drop(calls);
        assert!(second.upgrade().is_none());
        waker.wake();
        assert!(inbox.upgrade().is_none());
    }

    #[test]
    fn many_calls_before_a_turn_are_one_and_the_next_is_another() {
        let calls = Calls::new();
        let waker = Waker::from(calls.caller(7));
        for _ in 0..2 {
            waker.wake_by_ref();
            waker.wake_by_ref();
            let mut turn = Vec::new();
            calls.take(&mut turn);
            assert!(turn.iter().map(|caller| caller.index()).eq([7]));
        }
    }

    #[test]
    fn a_waker_serves_again_until_it_is_kept() {
        let calls = Calls::new();
        let spare = Reusable::new(&calls);
        assert!(spare.waker(1).is_some());
        let kept = spare.waker(2).cloned();
        assert!(spare.waker(3).is_none());
        drop(kept);
        spare.waker(4).expect("free again").wake_by_ref();
        assert!(spare.waker(5).is_none(), "it is in the queue");
        let mut turn = Vec::new();
        calls.take(&mut turn);
        assert_eq!(turn[0].index(), 4);
    }
}
