//! Many futures polled by one task: the common half of `gather` and `as_completed`.
//!
//! At each turn of the loop every child that has been woken since the last one is polled once, in
//! the order of the waking. So does asyncio with its tasks. (`FuturesUnordered` and its relatives
//! poll a child that yields again and again in the same turn, and stop somewhere in the middle.)

use crate::calls::{Caller, Calls};
use futures_lite::FutureExt;
use futures_lite::future::CatchUnwind;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

pub(crate) struct Children<F> {
    children: Vec<Child<F>>,
    calls: Arc<Calls>,
}

struct Child<F> {
    /// `None` after its end. One that has panicked is not touched again but for dropping it.
    future: Option<Pin<Box<CatchUnwind<AssertUnwindSafe<F>>>>>,
    /// `None` as long as nobody can have kept its waker.
    caller: Option<Arc<Caller>>,
}

impl<F: Future> Children<F> {
    pub(crate) fn new(children: impl IntoIterator<Item = F>) -> Children<F> {
        let child = |future: F| Child {
            future: Some(Box::pin(AssertUnwindSafe(future).catch_unwind())),
            caller: None,
        };
        let children: Vec<_> = children.into_iter().map(child).collect();
        Children {
            calls: Calls::new(children.len()), // all of them start in the first turn
            children,
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
        // Most children that are ready at once leave their waker behind for the next one.
        let mut spare = None;
        poll_fn(|cx| {
            self.calls.set_awaiter(Some(cx.waker().clone()));
            self.calls.take(&mut turn);
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
        let waker = caller.waker();
        let Poll::Ready(result) = future.poll(&mut Context::from_waker(&waker)) else {
            self.caller = Some(caller);
            return Poll::Pending;
        };
        // A destructor that panics is the child's panic.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(self.future.take())));
        *spare = Some(caller);
        Poll::Ready(result.and_then(|output| dropped.map(|()| output)))
    }
}
