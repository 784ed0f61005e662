//! A program from its first task to its last destructor, on one thread: asyncio's `run`.
//!
//! - asyncio: `asyncio.run`, `loop.run_until_complete`, `asyncio.all_tasks`,
//!   `asyncio.Task.all_tasks`, `asyncio.create_task`
//! - Node: no name for it
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
//! | Ctrl-C | `main` is cancelled, then the rest | ends the process | ends the process; [`run_until_interrupted`](crate::run_until_interrupted) is for that |
//! | which tasks are there? | `all_tasks()`, names from `create_task(…, name=…)` | cannot be asked | [`Spawner::tasks`], [`Spawner::spawn_named`] |
//! | `create_task` when the loop has ended | `RuntimeError` | | a task that is cancelled from the start |
//!
//! A destructor that panics at the end of `run` is reported by the panic hook, and the others run.
//! (In a task that is cancelled by dropping its `Task`, it ends the process: async-task, on which
//! smol's executors stand, aborts then. So does the destructor of what a detached task returns.)
//!
//! Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).

use crate::spawn::Spawn;
use crate::task_list::{Entry, Listing, TaskList};
use async_executor::{LocalExecutor, Task};
use futures_lite::future::yield_now;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

/// Runs `main` and everything it spawns until `main` ends, and returns what it returns.
///
/// `main` gets a [`Spawner`], and is spawned as the first task. Tasks that are unfinished when it
/// ends are cancelled; their destructors have run when this returns, in no particular order. Work
/// that a task has handed to another thread (`unblock`) cannot be cancelled and goes on there.
///
/// # Panics
///
/// If called from inside another `run` on the same thread: it would stop every task there. And if
/// `main` panics, with its panic, after the other tasks have been cancelled. A panic in another task
/// only reaches who awaits it.
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
        turn_while(&executor, || !tasks.is_empty()).await;
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
    /// that, `task.detach()` lets it run on.
    ///
    /// When the `run` has ended, or is ending, the future is dropped at once, and its `Task` is a
    /// cancelled one: to await it panics, `task.fallible()` gives `None`.
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.spawn_task(future, None)
    }

    /// Spawns `future` as a task with a name for [`tasks`](Spawner::tasks): asyncio's
    /// `create_task(…, name=…)`.
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
            Some(executor) if !self.tasks.is_stopping() => {
                executor.spawn(Stoppable::new(future, &self.tasks, name))
            }
            // This executor is dropped at once, and cancels the task by that.
            _ => LocalExecutor::new().spawn(future),
        }
    }

    /// The tasks that have not ended, `main` among them, in the order in which they were spawned:
    /// asyncio's `all_tasks`.
    ///
    /// A task that has been cancelled is in it until its future has been dropped.
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.tasks.list().into_iter().map(TaskInfo::from).collect()
    }
}

impl<'a> Spawn<'a> for Spawner<'a> {
    fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        Spawner::spawn(self, future)
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
pub struct TaskInfo {
    /// The name it was given, or `Task-N` for the N-th task of this `run`.
    pub name: String,
    /// What it is doing.
    pub state: TaskState,
}

/// What a task that has not ended is doing. All of these are "pending" in asyncio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl From<Listing> for TaskInfo {
    fn from(task: Listing) -> TaskInfo {
        let number = task.number;
        TaskInfo {
            name: task.name.unwrap_or_else(|| format!("Task-{number}")),
            state: match task {
                Listing { running: true, .. } => TaskState::Running,
                Listing { started: true, .. } => TaskState::Waiting,
                _ => TaskState::New,
            },
        }
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

impl<F> Stoppable<F> {
    fn new(future: F, tasks: &Rc<TaskList>, name: Option<String>) -> Stoppable<F> {
        Stoppable {
            future: Some(future),
            entry: Some(Entry::new(tasks, name)),
        }
    }
}

impl<F: Future> Future for Stoppable<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let (Some(future), Some(entry)) =
            (this.future.as_mut().as_pin_mut(), this.entry.as_mut())
        {
            if let Some(poll) = entry.poll(cx, |cx| future.poll(cx)) {
                return poll;
            }
        }
        this.future.set(None);
        *this.entry = None;
        Poll::Pending // for ever: the executor is about to go
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
