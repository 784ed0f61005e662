//! A program from its first task to its last destructor, on one thread: asyncio's `run`.
//!
//! - asyncio: `asyncio.run`, `loop.run_until_complete`, `asyncio.all_tasks`,
//!   `asyncio.Task.all_tasks`, `asyncio.create_task`
//! - Node: no name for it
//! - Paste: this file; `cargo add async-executor async-io futures-lite pin-project-lite slab`
//!
//! ```
//! use asyncio_to_smol::run::run;
//!
//! let sum = run(async |ex| {
//!     let one = ex.spawn(async { 1 });
//!     let two = ex.spawn(async { 2 });
//!     one.await + two.await
//! });
//! assert_eq!(sum, 3);
//! ```
//!
//! It is a `LocalExecutor` with two things right that are easily got wrong:
//!
//! - `main` is a task like the others. All tasks are polled first in, first out, as in asyncio, and
//!   when `main` ends no task is polled once more. (Inside `executor.run(main)` a `main` that is not
//!   spawned is polled once in 200 turns, and spawning and awaiting in it is 10 to 20 times slower.)
//! - When `main` ends, what is left is cancelled: every future is dropped, and its destructors have
//!   run when `run` returns. (Tasks that hold an `Rc` of their own executor keep each other alive,
//!   and their destructors never run; the [`Spawner`] given to `main` is a weak handle. And dropping
//!   an executor misses a task that another thread is waking at that moment.)
//!
//! | | asyncio's `run` | Node | here |
//! |---|---|---|---|
//! | when `main` is done | the other tasks are cancelled | the other promises go on to their end | cancelled |
//! | what a cancelled task can still do | catch `CancelledError`, and await | | only `Drop`, which cannot await |
//! | `main` fails | the exception comes out of `run`, after the cancelling | unhandled rejection, exit status 1 | its `Result` is returned; a panic comes out of `run`, after the cancelling |
//! | `run` inside `run` | `RuntimeError` | | panics |
//! | `to_thread`, here `unblock` | is waited for | | is not waited for: await its task, or the end of the program cuts the closure off |
//! | several `main`s one after the other | `asyncio.Runner`: on one loop, in one context | | a `run` each, or a `LocalExecutor` of your own, which can run again and again; there are no context variables |
//! | Ctrl-C | `main` is cancelled, then the rest | ends the process | ends the process; the module `interrupt` is for that |
//! | which tasks are there? | `all_tasks()`, names from `create_task(…, name=…)` | cannot be asked | [`Spawner::tasks`], [`Spawner::spawn_named`] |
//! | a request to cancel | `task.cancel()`, at once | | `drop(task)`, at once; `task.cancel()` is a future that asks only when it is polled, and waits for the destructors |
//! | `create_task` when the loop has ended | `RuntimeError` | | a task that is cancelled from the start |
//!
//! A destructor that panics at the end of `run` is reported by the panic hook, and the others run.
//! (In a task that is cancelled by dropping its `Task`, it ends the process: async-task, on which
//! smol's executors stand, aborts then. So does the destructor of what a detached task returns.)
//!
//! A [`Spawner`] stays on its thread: it is neither `Send` nor `Sync`. `gather` and `as_completed` accept
//! it, and so does whatever wants to extend a collection of futures.
//!
//! Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).

use async_executor::{LocalExecutor, Task};
use futures_lite::future::yield_now;
use pin_project_lite::pin_project;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::num::NonZero;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

/// Runs `main` and everything it spawns until `main` ends, and returns what it returns.
///
/// `main` gets a [`Spawner`], and is spawned as the first task. Tasks that are unfinished when it
/// ends are cancelled; their destructors have run when this returns, in no particular order. Work
/// that a task has handed to another thread (`unblock`) cannot be cancelled and goes on there; it is
/// not waited for.
///
/// ```
/// # use asyncio_to_smol::run::run;
/// let result: Result<u32, std::num::ParseIntError> = run(async |_| "42".parse());
/// assert_eq!(result, Ok(42));
/// ```
///
/// # Panics
///
/// If called from inside another `run` on the same thread: it would stop every task there. And if
/// `main` panics, with its panic, after the other tasks have been cancelled. A panic in another task
/// only reaches the task that awaits it.
pub fn run<'a, F>(main: impl FnOnce(Spawner<'a>) -> F) -> F::Output
where
    F: Future + 'a,
    F::Output: 'a,
{
    let _running = Running::enter();
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Rc::new(TaskList::default());
    let main = main(Spawner {
        executor: Rc::downgrade(&executor),
        tasks: Rc::clone(&tasks),
    });
    let main = executor.spawn(Stoppable::new(main, &tasks, Some("main".to_string())));
    async_io::block_on(async {
        turn_while(&executor, || !main.is_finished()).await;
        tasks.stop();
        turn_while(&executor, || tasks.len() > 0).await;
        main.await
    })
}

/// Polls one task after another for as long as the condition holds before each.
async fn turn_while(executor: &LocalExecutor<'_>, condition: impl Fn() -> bool) {
    // As often as `LocalExecutor::run` lets `block_on` look at timers and I/O.
    const TURNS: usize = 200;
    loop {
        for _ in 0..TURNS {
            if !condition() {
                return;
            }
            // Most of the time one is ready, and this is the cheaper way to poll it.
            if !executor.try_tick() {
                executor.tick().await;
            }
        }
        yield_now().await;
    }
}

/// Spawns tasks onto the loop of a [`run`].
///
/// It does not keep the loop alive. Clones are cheap, and a task usually takes one along.
#[derive(Clone)]
pub struct Spawner<'a> {
    executor: Weak<LocalExecutor<'a>>,
    tasks: Rc<TaskList>,
}

impl<'a> Spawner<'a> {
    /// Spawns `future` as a task: asyncio's `create_task`.
    ///
    /// It runs from the next turn of the loop on, whether it is awaited or not. Dropping the `Task`
    /// cancels it: its future is dropped at the loop's next turn. `task.cancel().await` waits for
    /// that, `task.detach()` lets it run on. (`task.cancel()` alone does nothing until it is awaited
    /// or dropped.)
    ///
    /// When the `run` has ended, or is ending, the future is dropped at once, and its `Task` is a
    /// cancelled one: to await it panics, `task.fallible()` gives `None`.
    ///
    /// ```
    /// # use asyncio_to_smol::run::run;
    /// # use futures_lite::future::pending;
    /// run(async |ex| {
    ///     let one = ex.spawn(async { 1 });
    ///     let never = ex.spawn(pending::<()>());
    ///     assert_eq!(one.await, 1);
    ///     drop(never); // cancels it
    /// });
    /// ```
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.spawn_task(future, None)
    }

    /// Spawns `future` as a task with a name for [`tasks`](Spawner::tasks): asyncio's
    /// `create_task(…, name=…)`.
    ///
    /// There is an example at [`tasks`](Spawner::tasks).
    pub fn spawn_named<T: 'a>(
        &self,
        name: impl Into<String>,
        future: impl Future<Output = T> + 'a,
    ) -> Task<T> {
        self.spawn_task(future, Some(name.into()))
    }

    fn spawn_task<T: 'a>(
        &self,
        future: impl Future<Output = T> + 'a,
        name: Option<String>,
    ) -> Task<T> {
        match self.executor.upgrade() {
            Some(executor) if !self.tasks.stopping.get() => {
                executor.spawn(Stoppable::new(future, &self.tasks, name))
            }
            // This executor is dropped at once, and cancels the task by that.
            _ => {
                let none = LocalExecutor::new();
                none.spawn(future)
            }
        }
    }

    /// The tasks that have not ended, `main` among them, in the order in which they were spawned:
    /// asyncio's `all_tasks`.
    ///
    /// A task that has been cancelled is in it until its future has been dropped.
    ///
    /// ```
    /// # use asyncio_to_smol::run::run;
    /// # use futures_lite::future::{pending, yield_now};
    /// run(async |ex| {
    ///     let _task = ex.spawn(pending::<()>());
    ///     yield_now().await;
    ///     let _new = ex.spawn_named("greeter", async {});
    ///     let tasks: Vec<_> = ex.tasks().iter().map(ToString::to_string).collect();
    ///     assert_eq!(tasks, ["main: running", "Task-2: waiting", "greeter: new"]);
    /// });
    /// ```
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.tasks.list()
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

impl fmt::Debug for Spawner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner")
            .field("unfinished", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// A task that has not ended: what [`Spawner::tasks`] lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The name it was given, or `Task-N` for the N-th task of this `run`.
    pub name: String,
    /// What it is doing.
    pub state: TaskState,
}

/// What a task that has not ended is doing. All of these are "pending" in asyncio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It has not been polled yet.
    New,
    /// It is being polled: it is the one that asks, unless it does so while it is dropped.
    Running,
    /// It has been polled, and waits: for something, or for its turn.
    Waiting,
}

/// Like `Task-2: waiting`.
impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.state)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskState::New => "new",
            TaskState::Running => "running",
            TaskState::Waiting => "waiting",
        })
    }
}

/// The tasks of a `run`: which there are, and a way to end them all.
///
/// Ending them means that each is polled once more, and drops its own future then. Dropping the
/// executor, or every `Task`, would drop the futures, too. But the former misses a task that another
/// thread is waking at that moment, and with the latter a destructor that panics ends the process.
#[derive(Default)]
struct TaskList {
    /// Whether every task is to end, also those that are spawned from now on.
    stopping: Cell<bool>,
    tasks: RefCell<Slab<Listed>>,
    /// How many there have been.
    count: Cell<u64>,
    /// Of the few that have one, by their keys.
    names: RefCell<BTreeMap<usize, String>>,
    /// The key of the one that is being polled. (Or that has panicked; no other task is being polled
    /// between that and its end.)
    current: Cell<Option<usize>>,
}

struct Listed {
    number: NonZero<u64>, // without zero, a place in the slab is 8 bytes smaller
    /// `None` before it is polled: then it is in its executor's queue anyway.
    waker: Option<Waker>,
}

impl TaskList {
    fn stop(&self) {
        self.stopping.set(true);
        // A waker is called with the list free for others.
        let tasks = self.tasks.borrow();
        let wakers: Vec<_> = tasks
            .iter()
            .flat_map(|(_, task)| task.waker.clone())
            .collect();
        drop(tasks);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many futures have not been dropped.
    fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    fn list(&self) -> Vec<TaskInfo> {
        let names = self.names.borrow();
        let tasks = self.tasks.borrow();
        let mut keys: Vec<_> = tasks.iter().map(|(key, task)| (task.number, key)).collect();
        keys.sort_unstable();
        let info = |(number, key)| TaskInfo {
            name: (names.get(&key).cloned()).unwrap_or_else(|| format!("Task-{number}")),
            state: match &tasks[key].waker {
                _ if self.current.get() == Some(key) => TaskState::Running,
                Some(_) => TaskState::Waiting,
                None => TaskState::New,
            },
        };
        keys.into_iter().map(info).collect()
    }
}

pin_project! {
    /// A task's future, which is dropped when it is polled after the end of `main`.
    struct Stoppable<F> {
        #[pin]
        future: Option<F>,
        // After the future: it is dropped when the future has been.
        entry: Option<Entry>,
    }
}

/// A task's place in the list.
struct Entry {
    list: Rc<TaskList>,
    key: usize,
    has_name: bool,
    has_waker: bool,
}

impl<F> Stoppable<F> {
    fn new(future: F, list: &Rc<TaskList>, name: Option<String>) -> Stoppable<F> {
        let number = NonZero::<u64>::MIN.saturating_add(list.count.get());
        list.count.set(number.get());
        let waker = None;
        let key = list.tasks.borrow_mut().insert(Listed { number, waker });
        let has_name = name.is_some();
        if let Some(name) = name {
            list.names.borrow_mut().insert(key, name);
        }
        Stoppable {
            future: Some(future),
            entry: Some(Entry {
                list: Rc::clone(list),
                key,
                has_name,
                has_waker: false,
            }),
        }
    }
}

impl<F: Future> Future for Stoppable<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        if let (Some(future), Some(entry)) = (future, this.entry.as_mut()) {
            if !entry.list.stopping.get() {
                // A task has the same waker all its life.
                if !entry.has_waker {
                    let waker = cx.waker().clone();
                    entry.list.tasks.borrow_mut()[entry.key].waker = Some(waker);
                    entry.has_waker = true;
                }
                entry.list.current.set(Some(entry.key));
                let result = future.poll(cx);
                entry.list.current.set(None);
                return result;
            }
        }
        this.future.set(None);
        *this.entry = None;
        Poll::Pending // for ever: the executor is about to go
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.has_name {
            self.list.names.borrow_mut().remove(&self.key);
        }
        let task = self.list.tasks.borrow_mut().remove(self.key);
        drop(task); // with the list free for others
    }
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is inside `run`.
struct Running;

impl Running {
    fn enter() -> Running {
        assert!(
            !RUNNING.replace(true),
            "`run` inside `run` would stop every task of the outer one: spawn the future there"
        );
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}
