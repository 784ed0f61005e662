//! Many futures polled by one task: the common half of `gather` and `as_completed`.
//!
//! At each turn of the loop every child that has been woken since the last one is polled once, in
//! the order of the waking. So does asyncio with its tasks. (`FuturesUnordered` and its relatives
//! poll a child that yields again and again in the same turn, and stop somewhere in the middle.)

use crate::calls::{Calls, Reusable};
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

pub(crate) struct Children<F> {
    blocks: Vec<Pin<Box<Block<F>>>>,
    len: usize,
    calls: Calls,
}

pin_project! {
    /// Some children in one allocation. `None` after their end.
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

const IN_A_BLOCK: usize = 4;

impl<F: Future> Children<F> {
    pub(crate) fn new(children: impl IntoIterator<Item = F>) -> Children<F> {
        let mut len = 0;
        let mut children = children.into_iter().fuse().inspect(|_| len += 1);
        let mut blocks = Vec::with_capacity(children.size_hint().0.div_ceil(IN_A_BLOCK));
        while let Some(first) = children.next() {
            blocks.push(Box::pin(Block {
                a: Some(first),
                b: children.next(),
                c: children.next(),
                d: children.next(),
            }));
        }
        drop(children);
        Children {
            blocks,
            len,
            calls: Calls::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Runs all of them to their end, and calls `ended` for each when it ends.
    ///
    /// A child that panics ends by that, and the others go on. A panic of `ended` itself (it may drop
    /// a result whose destructor panics) is left to the panic hook.
    pub(crate) async fn run(mut self, mut ended: impl FnMut(usize, thread::Result<F::Output>)) {
        let mut left = self.len;
        let mut started = false;
        let mut turn = Vec::new();
        poll_fn(|cx| {
            let calls = &self.calls;
            calls.set_awaiter(Some(cx.waker().clone()));
            let mut has_ended = |index, waker: &Waker| {
                let poll = poll(&mut self.blocks, index, waker).map(|result| {
                    left -= 1;
                    let _ = catch_unwind(AssertUnwindSafe(|| ended(index, result)));
                });
                poll.is_ready()
            };
            if started {
                calls.take(&mut turn);
                for caller in turn.drain(..) {
                    has_ended(caller.index(), &Waker::from(caller));
                }
            } else {
                started = true;
                // A child that is ready at once leaves its waker behind for the next one.
                let mut spare: Option<Reusable> = None;
                for index in 0..self.len {
                    if let Some(waker) = spare.as_ref().and_then(|spare| spare.waker(index)) {
                        has_ended(index, waker);
                        continue;
                    }
                    let waker = Waker::from(calls.caller(index));
                    spare = has_ended(index, &waker).then(|| Reusable::new(calls));
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

/// Polls a child. One that has ended stays pending: the call came late.
fn poll<F: Future>(
    blocks: &mut [Pin<Box<Block<F>>>],
    index: usize,
    waker: &Waker,
) -> Poll<thread::Result<F::Output>> {
    let block = blocks[index / IN_A_BLOCK].as_mut().project();
    let mut place = match index % IN_A_BLOCK {
        0 => block.a,
        1 => block.b,
        2 => block.c,
        _ => block.d,
    };
    let Some(future) = place.as_mut().as_pin_mut() else {
        return Poll::Pending;
    };
    let poll = catch_unwind(AssertUnwindSafe(|| {
        future.poll(&mut Context::from_waker(waker))
    }));
    let result = match poll {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(panic) => Err(panic),
    };
    // A destructor that panics is the child's panic.
    let dropped = catch_unwind(AssertUnwindSafe(|| place.set(None)));
    Poll::Ready(result.and_then(|output| dropped.map(|()| output)))
}
