//! A loop on a thread of its own, for calls and futures from other threads.
//!
//! - asyncio: `loop.call_soon_threadsafe`, `asyncio.run_coroutine_threadsafe`,
//!   `asyncio.new_event_loop`, `asyncio.set_event_loop`, `asyncio.wrap_future`, `loop.run_forever`,
//!   `loop.stop`, `concurrent.futures.Future`
//! - Node: `new Worker`, `worker.postMessage`, `worker.terminate`, `worker_threads`
//!
//! ```
//! use asyncio_to_smol::loop_thread::{Failed, LoopThread};
//! use async_io::Timer;
//! use std::time::Duration;
//!
//! let other = LoopThread::start()?;
//! let call = other.call_soon(|| 6 * 7);
//! let task = other.spawn(async {
//!     Timer::after(Duration::from_millis(10)).await;
//!     "abc".parse::<u32>()
//! });
//! // Neither has held up this thread. Now wait for them, or await them.
//! assert_eq!(call.join()?, 42);
//! assert!(task.join()?.is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | start | `new_event_loop()`, a `Thread` that calls `run_forever()` | `new Worker(file)` | [`LoopThread::start`] |
//! | a call | `loop.call_soon_threadsafe(f, x)` | `worker.postMessage(x)` | [`call_soon`](LoopThread::call_soon), with a [`Handle`] for its result |
//! | a coroutine | `run_coroutine_threadsafe(coro, loop)` | | [`spawn`](LoopThread::spawn); [`spawn_with`](LoopThread::spawn_with) for a future that cannot change threads |
//! | its result | `future.result()` blocks, `wrap_future(future)` is awaited | `worker.on('message')` | [`Handle::join`] blocks, a [`Handle`] can be awaited |
//! | its exception, or panic | from `result()`, for a coroutine | `worker.on('error')` | the `Result` it returned; [`Failed::Panicked`] |
//! | nobody asks for the result | a call's exception is logged, a coroutine's is lost without a word | | an `Err` is lost without a word, a panic is reported by the panic hook |
//! | cancel | `future.cancel()` | `worker.terminate()` | [`Handle::cancel`] |
//! | `result()` on the loop's own thread | waits for ever | | [`Failed::OwnThread`] |
//! | stop | `call_soon_threadsafe(loop.stop)`, then `join`; tasks stay unfinished | `worker.terminate()` | [`stop`](LoopThread::stop), or dropping it: tasks are cancelled, their destructors run, the thread is joined |
//!
//! Calls and new tasks share one queue and are taken from it first in, first out, between the turns of
//! the tasks that run already. A call blocks the loop for as long as it takes, tasks included.
//!
//! Who owns what: the loop owns its tasks. A [`Handle`] is only for asking; dropping it cancels
//! nothing. To let work be finished, `join` its handle before the loop is stopped: what is in the
//! queue then is dropped.
//!
//! Source: [Concurrency and multithreading](https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading)
//! in asyncio's documentation.

use crate::panics::discard;
use crate::run::{Spawner, run};
use async_channel::{Receiver, Sender};
use futures_lite::FutureExt;
use futures_lite::future::{block_on, yield_now};
use pin_project_lite::pin_project;
use std::any::Any;
use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future; // not in the prelude of edition 2021
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// How long dropping a [`LoopThread`] waits for a loop that is busy in a blocking call.
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// A loop on a thread of its own. It lives until this is dropped.
///
/// Methods take `&self`, from any thread: share it by reference, or in an `Arc`.
///
/// Dropping it stops it, as [`stop`](LoopThread::stop) does with a limit of [`DROP_LIMIT`], and blocks
/// the thread that drops it meanwhile. A busy loop that does not return by then is left behind: its
/// thread ends when the call that blocks it returns, or with the process.
#[derive(Debug)]
pub struct LoopThread {
    queue: Sender<Job>,
    stopping: Arc<AtomicBool>,
    /// `None` when it has been stopped.
    thread: Option<JoinHandle<()>>,
    /// The thread holds the other end. In a mutex so that this can be shared; nobody locks it.
    ended: Mutex<mpsc::Receiver<Infallible>>,
    id: ThreadId,
}

thread_local! {
    /// Tells by being dropped that the thread has ended. The first of the thread's variables, and so,
    /// on most systems, the last to be dropped: whoever stops the loop waits for the others, too.
    static ALIVE: Cell<Option<mpsc::Sender<Infallible>>> = const { Cell::new(None) };
}

/// What another thread wants to be done: a call, or a task to be spawned.
type Job = Box<dyn FnOnce(&Spawner<'static>) + Send>;

impl LoopThread {
    /// Starts the thread and its loop.
    ///
    /// # Errors
    ///
    /// If the system has no more threads.
    pub fn start() -> io::Result<LoopThread> {
        let (sender, queue) = async_channel::unbounded();
        let stopping = Arc::new(AtomicBool::new(false));
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("loop".to_string()).spawn({
            let stopping = Arc::clone(&stopping);
            move || {
                ALIVE.set(Some(alive));
                run_jobs(queue, stopping);
            }
        })?;
        Ok(LoopThread {
            queue: sender,
            stopping,
            id: thread.thread().id(),
            thread: Some(thread),
            ended: Mutex::new(ended),
        })
    }

    /// Has `f` called on the loop's thread: asyncio's `call_soon_threadsafe`.
    ///
    /// Returns at once. Calls are made in the order of these calls, one at a time. The loop, with all
    /// its tasks, stands still meanwhile. A panic in `f` does not end it.
    pub fn call_soon<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Handle<T> {
        self.submit(|report, _| {
            if report.is_cancelled(None) {
                drop(f); // and then the report, which says that this has happened
            } else {
                report.send(catch_unwind(AssertUnwindSafe(f)));
            }
        })
    }

    /// Spawns `future` on the loop: asyncio's `run_coroutine_threadsafe`.
    ///
    /// Returns at once. The tasks of the loop run together, on its thread. A panic in one does not
    /// end the loop.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Handle<T> {
        self.spawn_with(|_| future)
    }

    /// Spawns the future that `make` returns. `make` is called on the loop's thread.
    ///
    /// So the future may hold what cannot change threads, such as an `Rc`; and the [`Spawner`] it is
    /// given spawns further tasks there.
    pub fn spawn_with<T, F>(
        &self,
        make: impl FnOnce(Spawner<'static>) -> F + Send + 'static,
    ) -> Handle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        self.submit(|report, ex| {
            if report.is_cancelled(None) {
                return drop(make);
            }
            match catch_unwind(AssertUnwindSafe(|| make(ex.clone()))) {
                Err(panic) => report.send(Err(panic)),
                Ok(future) => {
                    let future = Some(AssertUnwindSafe(future).catch_unwind());
                    // It belongs to the loop until it ends, or the loop does.
                    let report = Some(report);
                    ex.spawn(Reporting { future, report }).detach();
                }
            }
        })
    }

    fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(Report<T>, &Spawner<'static>) + Send + 'static,
    ) -> Handle<T> {
        let slot = Arc::new(Slot::default());
        let report = Report(Arc::clone(&slot));
        // Refused only by a loop that has ended: then the job is dropped, and says so.
        let _ = self.queue.try_send(Box::new(move |ex| job(report, ex)));
        Handle { slot, id: self.id }
    }

    /// Ends the loop: what is in its queue is dropped, its tasks are cancelled, their destructors
    /// run, and its thread ends. Waits for that, but for no longer than `limit`.
    ///
    /// Handles of what had not ended say [`Failed::Cancelled`].
    ///
    /// # Errors
    ///
    /// [`StillRunning`] if the loop is busy in a call that does not return within `limit`. And if it
    /// is one of the loop's own tasks or calls that stops it: it cannot wait for itself. In both
    /// cases the loop ends, as described, after that call or that turn of the task; other tasks that
    /// are ready may have one more turn before.
    pub fn stop(mut self, limit: Duration) -> Result<(), StillRunning> {
        self.shut_down(limit)
    }

    fn shut_down(&mut self, limit: Duration) -> Result<(), StillRunning> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.stopping.store(true, Ordering::Release);
        self.queue.close(); // which wakes the loop
        if thread::current().id() == self.id {
            return Err(StillRunning);
        }
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Err(StillRunning),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => {
                let _ = thread.join(); // a panic of the thread has been reported by the hook
                Ok(())
            }
        }
    }
}

impl Drop for LoopThread {
    fn drop(&mut self) {
        let _ = self.shut_down(DROP_LIMIT); // what happens otherwise is documented
    }
}

/// The loop: one job a turn.
fn run_jobs(queue: Receiver<Job>, stopping: Arc<AtomicBool>) {
    let late = queue.clone();
    run(async move |ex| {
        while let Ok(job) = queue.recv().await {
            if stopping.load(Ordering::Acquire) {
                survive(|| drop(job));
                break;
            }
            survive(|| job(&ex));
            yield_now().await;
        }
    });
    while let Ok(job) = late.try_recv() {
        survive(|| drop(job));
    }
}

/// Calls `f`. The loop goes on if a destructor panics in there: of what a job has captured, or of a
/// value that nobody wants.
fn survive(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        discard(panic);
    }
}

/// A call or a task on another thread's loop: a future that gives what it returned.
///
/// It can be awaited on any thread and any executor, or [joined](Handle::join). Dropping it changes
/// nothing: the work goes on.
#[derive(Debug)]
pub struct Handle<T> {
    slot: Arc<Slot<T>>,
    id: ThreadId,
}

impl<T> Handle<T> {
    /// Blocks this thread until the work is done: asyncio's `future.result()`.
    ///
    /// On a thread that runs an executor, await the handle instead: two loops that join each other's
    /// handles wait for ever. For a time limit, await it in [`timeout`](crate::timeout::timeout).
    ///
    /// # Errors
    ///
    /// [`Failed`] if the work panicked or was cancelled. And if this is the loop's own thread and the
    /// work is not done: it would never be.
    pub fn join(self) -> Result<T, Failed> {
        if thread::current().id() == self.id && !self.is_finished() {
            return Err(Failed::OwnThread);
        }
        block_on(self)
    }

    /// Has the work cancelled: asyncio's `future.cancel()`.
    ///
    /// Returns at once. A call that has not begun is not made; one that has goes on. The future of a
    /// task is dropped at the loop's next turn, and when its destructors have run, the handle is
    /// ready with [`Failed::Cancelled`].
    pub fn cancel(&self) {
        let mut state = self.slot.lock();
        state.cancelled = true;
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Whether the work has ended, in whatever way: asyncio's `future.done()`.
    pub fn is_finished(&self) -> bool {
        !matches!(self.slot.lock().progress, Progress::Pending(_))
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, Failed>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        if let Progress::Pending(waiter) = &mut state.progress {
            let last = waiter.replace(cx.waker().clone());
            drop(state);
            drop(last); // with the lock free: it may be the last of its task
            return Poll::Pending;
        }
        match mem::replace(&mut state.progress, Progress::Taken) {
            Progress::Ended(result) => Poll::Ready(result),
            _ => panic!("polled after it was ready"),
        }
    }
}

/// What the handle and the work have in common.
#[derive(Debug)]
struct Slot<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    progress: Progress<T>,
    cancelled: bool,
    /// To be woken when it is cancelled.
    task: Option<Waker>,
}

#[derive(Debug)]
enum Progress<T> {
    /// With whom to wake at the end.
    Pending(Option<Waker>),
    Ended(Result<T, Failed>),
    Taken,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(Mutex::new(State {
            progress: Progress::Pending(None),
            cancelled: false,
            task: None,
        }))
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No one panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work's end of the slot. If it is dropped without a word, the work was cancelled.
struct Report<T>(Arc<Slot<T>>);

impl<T> Report<T> {
    /// Whether it is to be cancelled. If not, `task` is woken when that changes.
    fn is_cancelled(&self, task: Option<&Waker>) -> bool {
        let mut state = self.0.lock();
        if state.task.is_none() {
            state.task = task.cloned(); // a task has the same waker all its life
        }
        state.cancelled
    }

    fn send(self, result: thread::Result<T>) {
        self.end(result.map_err(|panic| Failed::Panicked(Panic(Mutex::new(panic)))));
    }

    fn end(&self, result: Result<T, Failed>) {
        let mut state = self.0.lock();
        let Progress::Pending(waiter) = &mut state.progress else {
            return;
        };
        let waiter = waiter.take();
        state.progress = Progress::Ended(result);
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

impl<T> Drop for Report<T> {
    fn drop(&mut self) {
        self.end(Err(Failed::Cancelled));
        let task = self.0.lock().task.take();
        drop(task); // with the lock free
    }
}

pin_project! {
    /// A task that tells how it ended, when its future has been dropped.
    struct Reporting<F, T> {
        // `None` after its end.
        #[pin]
        future: Option<F>,
        // After the future: dropped first, it would tell too early.
        report: Option<Report<T>>,
    }
}

impl<F, T> Future for Reporting<F, T>
where
    F: Future<Output = thread::Result<T>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(future), Some(report)) = (this.future.as_mut().as_pin_mut(), &this.report) else {
            return Poll::Ready(());
        };
        let result = if report.is_cancelled(Some(cx.waker())) {
            None
        } else {
            Some(ready!(future.poll(cx)))
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        let report = this.report.take();
        if let (Some(report), Some(result)) = (report, dropped.err().map(Err).or(result)) {
            report.send(result);
        }
        Poll::Ready(())
    }
}

/// Why a [`Handle`] gives no value.
#[derive(Debug)]
pub enum Failed {
    /// The call or the task panicked.
    Panicked(Panic),
    /// It was cancelled, or the loop was stopped before it was done. Its destructors have run.
    Cancelled,
    /// The loop's own thread wanted to block until the loop had done it.
    OwnThread,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Panicked(panic) => write!(f, "panicked: {panic}"),
            Failed::Cancelled => f.write_str("cancelled"),
            Failed::OwnThread => f.write_str("a loop's own thread cannot wait for the loop"),
        }
    }
}

impl Error for Failed {}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        io::Error::other(failed)
    }
}

/// What the work panicked with. Displays as the message.
#[derive(Debug)]
pub struct Panic(Mutex<Box<dyn Any + Send>>); // a mutex so that it can be shared between threads

impl Panic {
    /// The payload, for `std::panic::resume_unwind`.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let message = (payload.downcast_ref::<String>().map(String::as_str))
            .or_else(|| payload.downcast_ref::<&str>().copied());
        f.write_str(message.unwrap_or("with something that is no message"))
    }
}

/// The loop has been told to stop, and has not stopped yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillRunning;

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop's thread is busy, and will stop when it is done")
    }
}

impl Error for StillRunning {}
