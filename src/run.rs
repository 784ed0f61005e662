//! A program from its first task to its last destructor, on one thread: asyncio's `run`.
//!
//! - asyncio: `asyncio.run`, `loop.run_until_complete`, `asyncio.all_tasks`,
//!   `asyncio.Task.all_tasks`, `asyncio.create_task`
//! - Node: no name for it
//! - Paste: this file; `cargo add async-executor async-io futures-lite pin-project-lite slab`
//!
//! It is a `LocalExecutor` that avoids two common mistakes:
//!
//! - `main` is a task like the others: all are polled first in, first out, as in asyncio, and none after the end
//!   of `main`. (Inside `executor.run(main)`, a `main` that is not spawned can wait for 200 turns of the other
//!   tasks, and spawning and awaiting in it is 10 to 20 times slower.)
//! - When `run` returns, every future has been dropped. (Tasks that hold an `Rc` of their own executor keep it
//!   alive; a [`Spawner`] is a weak handle. And dropping an executor misses a task that another thread is waking.)
//!
//! | | asyncio's `run` | Node | here |
//! |---|---|---|---|
//! | when `main` is done | the other tasks are cancelled | the other promises run on | the other tasks are cancelled |
//! | cleanup in a cancelled task | catch `CancelledError`, await | | `Drop`, which cannot await |
//! | `main` fails | `run` cancels the others, then raises the exception | unhandled rejection, exit status 1 | `run` cancels the others, then returns the `Result`, or resumes the panic |
//! | `run` inside `run` | `RuntimeError` | | panics |
//! | `to_thread`, here `unblock` | `run` waits for it | | `run` does not wait: await its task, or the end of the program interrupts the closure |
//! | several `main`s one after the other | `asyncio.Runner`: on one loop, in one context | | a `run` each, or your own `LocalExecutor`, which can run repeatedly; there are no context variables |
//! | Ctrl-C | `main` is cancelled, then the rest | ends the process | ends the process; for a graceful shutdown, see [`interrupt`](crate::interrupt) |
//! | listing the tasks | `all_tasks()`, names from `create_task(…, name=…)` | impossible | [`Spawner::tasks`], [`Spawner::spawn_named`] |
//! | a request to cancel | `task.cancel()`, at once | | `drop(task)`, at once; `task.cancel()` is a future that cancels when it is first polled or dropped, and waits for the destructors |
//! | `create_task` when the loop has ended | `RuntimeError` | | a task that is cancelled from the start |
//! | a destructor panics | | | at the end of `run` the panic hook reports it, and the other destructors run; in a task that is cancelled by dropping its `Task`, or in the result of a detached task, it ends the process, as always with async-task |
//!
//! A [`Spawner`] is neither `Send` nor `Sync`. Its `Extend` makes it an argument for
//! [`gather`](crate::gather::gather) and [`as_completed`](crate::as_completed::as_completed).
//!
//! Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).

use async_executor::{LocalExecutor, Task};
use futures_lite::future::yield_now;
use pin_project_lite::pin_project;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::num::NonZero;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

/// Runs `main` and the tasks it spawns until `main` ends, and returns its result. The remaining tasks are
/// cancelled: when this returns, their destructors have run, in no particular order.
///
/// To end at Ctrl-C, see [`run_until_interrupted`](crate::run_until_interrupted); for children that end with their
/// scope, [`task_group`](crate::task_group::task_group).
///
/// ```
/// use asyncio_to_smol::run::run;
/// let sum = run(async |ex| ex.spawn(async { 1 }).await + ex.spawn(async { 2 }).await);
/// assert_eq!(sum, 3);
/// ```
///
/// # Panics
///
/// If it is called inside another `run` on the same thread. If `main` panics, that panic is resumed. A panic in
/// another task only reaches the task that awaits it.
pub fn run<'a, F: Future + 'a>(main: impl FnOnce(Spawner<'a>) -> F) -> F::Output {
    RUNNING.with(|running| {
        let Ok(_running) = running.try_borrow_mut() else {
            panic!("`run` inside `run` would block the outer one: spawn the future there");
        };
        let executor = Rc::new(LocalExecutor::new());
        let spawner = Spawner {
            executor: Rc::downgrade(&executor),
            tasks: Rc::default(),
        };
        let main = spawner.spawn_named("main", main(spawner.clone()));
        async_io::block_on(async {
            turn_while(&executor, || !main.is_finished()).await;
            spawner.tasks.stop();
            turn_while(&executor, || !spawner.tasks.listed.borrow().is_empty()).await;
            main.await
        })
    })
}

thread_local! {
    /// Borrowed while this thread is inside `run`.
    static RUNNING: RefCell<()> = const { RefCell::new(()) };
}

/// Polls one task after another as long as `condition` holds.
async fn turn_while(executor: &LocalExecutor<'_>, condition: impl Fn() -> bool) {
    // As often as `LocalExecutor::run` lets `block_on` look at timers and I/O.
    const TURNS: usize = 200;
    loop {
        for _ in 0..TURNS {
            if !condition() {
                return;
            }
            // Usually a task is ready, and `try_tick` is cheaper than `tick`.
            if !executor.try_tick() {
                executor.tick().await;
            }
        }
        yield_now().await;
    }
}

/// A weak handle to the loop of a [`run`], for spawning tasks. [`run`] passes one to `main`. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Spawner<'a> {
    executor: Weak<LocalExecutor<'a>>,
    tasks: Rc<TaskList>,
}

impl<'a> Spawner<'a> {
    /// Spawns `future` as a task: asyncio's `create_task`.
    ///
    /// It starts at the next turn of the loop, awaited or not. Dropping the `Task` cancels it: its future is
    /// dropped at the loop's next turn. `task.cancel().await` waits for that, `task.detach()` lets it run on. When
    /// the `run` is ending, the future is dropped at once and its `Task` is cancelled: awaiting it panics,
    /// `task.fallible().await` returns `None`. For many futures at once, see [`gather`](crate::gather::gather).
    ///
    /// ```
    /// # use {asyncio_to_smol::run::run, futures_lite::future::pending};
    /// run(async |ex| {
    ///     let never = ex.spawn(pending::<()>());
    ///     assert_eq!(ex.spawn(async { 1 }).await, 1);
    ///     drop(never); // cancels it
    /// });
    /// ```
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.spawn_task(future, None)
    }

    /// [Spawns](Spawner::spawn) a task with a name for [`tasks`](Spawner::tasks): `create_task(…, name=…)`.
    ///
    /// ```
    /// # asyncio_to_smol::run::run(async |ex| {
    /// let _greeter = ex.spawn_named("greeter", async {});
    /// assert_eq!(ex.tasks()[1], "greeter"); // after `main`
    /// # });
    /// ```
    pub fn spawn_named<T: 'a>(
        &self,
        name: impl Into<String>,
        future: impl Future<Output = T> + 'a,
    ) -> Task<T> {
        self.spawn_task(future, Some(name.into().into()))
    }

    fn spawn_task<F>(&self, future: F, name: Option<Box<str>>) -> Task<F::Output>
    where
        F: Future<Output: 'a> + 'a,
    {
        let (executor, entry) = self.enter(name);
        let future = Some(future);
        executor.spawn(Stoppable { future, entry })
    }

    fn enter(&self, name: Option<Box<str>>) -> (Rc<LocalExecutor<'a>>, Option<Entry>) {
        let executor = self.executor.upgrade();
        let Some(executor) = executor.filter(|_| !self.tasks.stopping.get()) else {
            // The caller drops this executor at once, which cancels the task.
            return (Rc::default(), None);
        };
        let list = Rc::clone(&self.tasks);
        let number = NonZero::<u64>::MIN.saturating_add(list.count.get());
        list.count.set(number.get());
        let key = list.listed.borrow_mut().insert(Listed {
            number,
            name,
            waker: None,
        });
        (executor, Some(Entry { list, key }))
    }

    /// The names of the tasks whose futures have not been dropped, in the order of spawning: asyncio's
    /// `all_tasks`. Without a [name](Spawner::spawn_named), the N-th task of this `run` is `Task-N`.
    ///
    /// ```
    /// # asyncio_to_smol::run::run(async |ex| {
    /// let task = ex.spawn(async {});
    /// assert_eq!(ex.tasks(), ["main", "Task-2"]);
    /// task.await;
    /// assert_eq!(ex.tasks(), ["main"]);
    /// # });
    /// ```
    pub fn tasks(&self) -> Vec<String> {
        let tasks = self.tasks.listed.borrow();
        let mut tasks: Vec<_> = tasks.iter().map(|(_, task)| task).collect();
        tasks.sort_unstable_by_key(|task| task.number);
        let name = |task: &Listed| match &task.name {
            Some(name) => name.to_string(),
            None => format!("Task-{}", task.number),
        };
        tasks.into_iter().map(name).collect()
    }
}

/// Spawns each future, and detaches its task.
impl<'a, F: Future<Output = ()> + 'a> Extend<F> for &Spawner<'a> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future).detach();
        }
    }
}

/// The tasks of a `run`, for listing them and for ending them all.
///
/// To end them, each is polled once more, and then drops its own future. (Dropping the executor misses a task that
/// another thread is waking; dropping each `Task` aborts the process if a destructor panics.)
#[derive(Debug, Default)]
struct TaskList {
    /// Whether every task ends, including those spawned from now on.
    stopping: Cell<bool>,
    listed: RefCell<Slab<Listed>>,
    /// The number of tasks spawned so far.
    count: Cell<u64>,
}

#[derive(Debug)]
struct Listed {
    number: NonZero<u64>, // without zero, a place in the slab is 8 bytes smaller
    name: Option<Box<str>>,
    /// `None` before the first poll: then the task is in its executor's queue anyway.
    waker: Option<Waker>,
}

impl TaskList {
    fn stop(&self) {
        self.stopping.set(true);
        let tasks = self.listed.take(); // no waker is called during the borrow
        let wakers = tasks.iter().filter_map(|(_, task)| task.waker.as_ref());
        wakers.for_each(Waker::wake_by_ref);
        self.listed.replace(tasks);
    }
}

pin_project! {
    /// A task's future, which is dropped when it is polled after the end of `main`.
    struct Stoppable<F> {
        #[pin]
        future: Option<F>,
        // The last field: it is dropped after the future.
        entry: Option<Entry>,
    }
}

impl<F: Future> Future for Stoppable<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        match (this.future.as_mut().as_pin_mut(), this.entry.as_ref()) {
            (Some(future), Some(entry)) if !entry.list.stopping.get() => {
                entry.keep(cx.waker());
                future.poll(cx)
            }
            _ => {
                this.future.set(None);
                *this.entry = None;
                Poll::Pending // forever: the executor is about to be dropped
            }
        }
    }
}

/// A task's place in the list.
struct Entry {
    list: Rc<TaskList>,
    key: usize,
}

impl Entry {
    /// Keeps the waker at the first poll: a task's waker never changes.
    fn keep(&self, waker: &Waker) {
        let has_one = self.list.listed.borrow()[self.key].waker.is_some();
        if !has_one {
            let waker = Some(waker.clone());
            self.list.listed.borrow_mut()[self.key].waker = waker;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let task = self.list.listed.borrow_mut().remove(self.key);
        drop(task); // after the borrow of the list
    }
}
