//! Many futures together, results in the order of the input: asyncio's `gather`.
//!
//! ```
//! use asyncio_to_smol::gather::{gather, gather_all};
//! use asyncio_to_smol::run::run;
//!
//! async fn half(n: u32) -> Result<u32, String> {
//!     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
//! }
//!
//! run(async |ex| {
//!     assert_eq!(gather(&ex, [half(2), half(4)]).await, Ok(vec![1, 2]));
//!     assert_eq!(gather(&ex, [half(2), half(3)]).await, Err("3 is odd".to_string()));
//!
//!     // Waits for all of them, whatever they return.
//!     let results = gather_all(&ex, [half(2), half(3), half(4)]).await;
//!     assert_eq!(results, [Ok(1), Err("3 is odd".to_string()), Ok(2)]);
//! });
//! ```
//!
//! The children start at the next turn of the loop, awaited or not, in the order of the input. They
//! may be plain futures or `Task`s. Futures of different types are better served by
//! `futures_lite::future::{zip, try_zip}`.
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first error ends the waiting, the other children go on | `gather(*aws)` | `Promise.all` | [`gather`] |
//! | wait for all, errors among the results | `gather(*aws, return_exceptions=True)` | `Promise.allSettled` | [`gather_all`] |
//! | cancelling it | cancels the children | cannot be done | cancels the children |
//! | no children | `[]` | `[]` | an empty `Vec` |
//! | children | a task each | a promise each | all in one task |
//! | the error of a second child | is not looked at | is ignored | is dropped; a panic is reported by the panic hook |
//! | a child that is cancelled by somebody else | raises `CancelledError` from `gather` | | a `Task` that cannot end panics in its awaiter: a panic of this child |
//! | the same child twice | counts as one | is one promise | a future has one owner |
//!
//! (futures' `try_join_all`, in contrast, drops the others at the first error.)
//!
//! All children in one task is what makes it cheap: 85 ns for a child that is ready at once, less
//! than a third of what spawning and awaiting it costs, and 64 bytes on top of the future itself and
//! its result, however many there are (`just bench waiting memory`). At each turn of the loop all
//! children that are ready to go on are polled, once each and in order, as asyncio polls tasks; but
//! no other task gets its turn in between.
//!
//! Sources: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather),
//! [`Promise.all`](https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Promise/all).

use crate::children::Children;
use crate::spawn::Spawn;
use async_executor::Task;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Runs the children together and returns their values in the order of the input, or the first
/// error.
///
/// At the first error it returns at once, and the other children run on to their end; what they
/// return is dropped. Dropping the task before that cancels it, and the children with it: their
/// futures are dropped at the loop's next turn. `cancel().await` waits for that.
///
/// # Errors
///
/// The error that came first in time.
///
/// # Panics
///
/// A panic of a child counts as an error, and comes out where the task is awaited.
pub fn gather<'a, F, T, E>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> Task<Result<Vec<T>, E>>
where
    F: Future<Output = Result<T, E>> + 'a,
    T: 'a,
    E: 'a,
{
    let children = Children::new(children);
    let failure = Rc::new(RefCell::new(Failure {
        first: None,
        awaiter: None,
    }));
    let report = Rc::clone(&failure);
    let mut driver = ex.spawn(async move {
        let mut values: Vec<Option<T>> = (0..children.len()).map(|_| None).collect();
        let ended = |index, result| match result {
            Ok(Ok(value)) => values[index] = Some(value),
            Ok(Err(error)) => report.borrow_mut().set(Ok(error)),
            Err(panic) => report.borrow_mut().set(Err(panic)),
        };
        children.run(ended).await;
        values
    });
    // Owns the driver: dropping this task cancels that one.
    ex.spawn(async move {
        let first_failure_or_values = poll_fn(|cx| {
            if let Some(first) = failure.borrow_mut().first_or_register(cx) {
                return Poll::Ready(Err(first));
            }
            Pin::new(&mut driver).poll(cx).map(Ok)
        });
        match first_failure_or_values.await {
            Ok(values) => Ok(values.into_iter().flatten().collect()),
            Err(first) => {
                driver.detach(); // the other children are to run on
                Err(first.unwrap_or_else(|panic| resume_unwind(panic)))
            }
        }
    })
}

/// Runs the children together, waits for all of them, and returns what they returned, in the order
/// of the input.
///
/// Children that return a `Result` give a `Vec` of `Result`s. Dropping the task before its end
/// cancels the children, as with [`gather`].
///
/// # Panics
///
/// If a child panics. The panic comes out where the task is awaited, after all other children have
/// ended; if several panic, that of the first one in the input.
pub fn gather_all<'a, F>(
    ex: &impl Spawn<'a>,
    children: impl IntoIterator<Item = F>,
) -> Task<Vec<F::Output>>
where
    F: Future + 'a,
    F::Output: 'a,
{
    let children = Children::new(children);
    ex.spawn(async move {
        let mut results: Vec<Option<thread::Result<F::Output>>> =
            (0..children.len()).map(|_| None).collect();
        children
            .run(|index, result| results[index] = Some(result))
            .await;
        let values: thread::Result<Vec<_>> = results.into_iter().flatten().collect();
        values.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// What ends a [`gather`] early.
struct Failure<E> {
    first: Option<thread::Result<E>>,
    awaiter: Option<Waker>,
}

impl<E> Failure<E> {
    fn set(&mut self, failure: thread::Result<E>) {
        self.first.get_or_insert(failure);
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
    }

    fn first_or_register(&mut self, cx: &mut Context<'_>) -> Option<thread::Result<E>> {
        self.awaiter = Some(cx.waker().clone());
        self.first.take()
    }
}
