//! A loop of coroutines: article A's `event_loop_coroutine.py`, and what asyncio is underneath.
//!
//! - asyncio: `loop.run_forever`, `loop.stop`, `loop.create_task`, `loop.call_soon`,
//!   `asyncio.sleep`, `yield from`
//! - Node: `async function`, `await`, `process.nextTick`
//! - Examples: [`hello_coroutines`](crate::examples::hello_coroutines),
//!   [`fib_coroutine`](crate::examples::fib_coroutine)
//!
//! ```
//! use asyncio_to_smol::event_loop::coroutines::{EventLoop, Handle};
//! use std::time::Duration;
//!
//! async fn count(event_loop: Handle) -> std::io::Result<()> {
//!     for n in 1..=3 {
//!         println!("{n}");
//!         event_loop.sleep(Duration::from_millis(10)).await;
//!     }
//!     event_loop.stop();
//!     Ok(())
//! }
//!
//! let event_loop = EventLoop::new()?;
//! event_loop.handle().schedule(count(event_loop.handle()));
//! event_loop.run_forever()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The article's coroutines are Python generators. What it does by hand is in the language here:
//!
//! | in the article | here |
//! |---|---|
//! | a generator | a future: what an `async fn` returns |
//! | `coroutine.send(value)` inside `resume_task` | [`Future::poll`] |
//! | `schedule(coroutine, value, stack, when)`: `stack` holds the coroutines that wait for this one | an `async fn` that awaits another one *contains* it; the compiler builds that stack into one future, and polling the outermost polls its way in |
//! | `yield sys.stdin` | [`Handle::read_line`]`.await` |
//! | `yield sleep_for_seconds(3)` | [`Handle::sleep`]`.await` |
//! | the value sent in on resumption | a [`Waker`]: who made the awaited thing happen calls it, and the future finds the value when it is polled |
//!
//! Two things follow that a Python programmer does not expect. A future does nothing until it is
//! scheduled or awaited. And resuming the innermost of 30 nested coroutines polls through the 29
//! around it, where the article's trampoline goes straight in.
//!
//! Any future can be scheduled, one that is woken from another thread included: wakers are
//! `Send + Sync`, though the tasks are not.

use super::timers::{self, Timers};
use super::wait::WakeUp;
use super::{Running, wait};
use crate::stdin::Stdin;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A single-threaded loop that runs futures as tasks.
///
/// It owns its tasks: dropping it drops them. They reach it through a [`Handle`].
pub struct EventLoop {
    inner: Rc<Inner>,
}

/// What a task needs of its [`EventLoop`]. Clones are handles of the same loop.
#[derive(Clone)]
pub struct Handle {
    inner: Rc<Inner>,
}

struct Inner {
    /// Without the one that is being polled.
    tasks: RefCell<BTreeMap<u64, Task>>,
    tasks_added: Cell<u64>,
    ready: Arc<Ready>,
    next_tick: RefCell<VecDeque<Box<dyn FnOnce()>>>,
    sleepers: RefCell<Timers<Waker>>,
    stdin: RefCell<Option<Stdin>>,
    readers: RefCell<Vec<Rc<RefCell<Reader>>>>,
    /// Lines that were delivered but not taken, by their number.
    returned: RefCell<BTreeMap<u64, Vec<u8>>>,
    lines_read: Cell<u64>,
    running: Cell<bool>,
    stopped: Cell<bool>,
    closed: Cell<bool>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = io::Result<()>>>>,
    waker: Arc<TaskWaker>,
}

/// How many steps are taken between two looks at standard input when there is always a task to run.
/// A look costs a system call, a step of a small coroutine a tenth of it.
const STEPS_BETWEEN_INPUT: usize = 64;

impl EventLoop {
    /// A loop without tasks.
    ///
    /// # Errors
    ///
    /// If the operating system has no file descriptors left for waking it from other threads.
    pub fn new() -> io::Result<EventLoop> {
        Ok(EventLoop {
            inner: Rc::new(Inner {
                tasks: RefCell::new(BTreeMap::new()),
                tasks_added: Cell::new(0),
                ready: Arc::new(Ready::new()?),
                next_tick: RefCell::new(VecDeque::new()),
                sleepers: RefCell::new(Timers::new()),
                stdin: RefCell::new(None),
                readers: RefCell::new(Vec::new()),
                returned: RefCell::new(BTreeMap::new()),
                lines_read: Cell::new(0),
                running: Cell::new(false),
                stopped: Cell::new(false),
                closed: Cell::new(false),
            }),
        })
    }

    /// A handle of this loop.
    pub fn handle(&self) -> Handle {
        Handle {
            inner: Rc::clone(&self.inner),
        }
    }

    /// Runs tasks until one calls [`stop`](Handle::stop), or until there are none left.
    ///
    /// At every turn it resumes the tasks that slept and are due, and one of the others that are
    /// ready, first come first served; functions for the next tick come before the next task. Tasks
    /// that are left stay as they are: a second `run_forever` goes on with them.
    ///
    /// # Errors
    ///
    /// The first error that a task ends with; standard input that cannot be read, or that is being
    /// read by another [`Stdin`].
    ///
    /// # Panics
    ///
    /// If called by a task of this loop. A panic in a task passes through, and that task is gone.
    pub fn run_forever(&self) -> io::Result<()> {
        let inner = &*self.inner;
        let _running = Running::set(&inner.running);
        inner.stopped.set(false);
        let mut steps_since_input = 0;
        while !inner.stopped.get() {
            let steps = inner.run_tasks()?;
            steps_since_input += steps;
            let is_idle = steps == 0;
            if inner.stopped.get() || !is_idle && steps_since_input < STEPS_BETWEEN_INPUT {
                continue;
            }
            steps_since_input = 0;
            if !inner.deliver_input()? && is_idle {
                if inner.tasks.borrow().is_empty() {
                    break;
                }
                inner.wait()?;
            }
        }
        Ok(())
    }
}

impl Handle {
    /// Adds a task, behind those that are ready: asyncio's `create_task`.
    ///
    /// It first runs at the loop's next turn, never inline. If it ends with an error, so does
    /// [`run_forever`](EventLoop::run_forever). After the loop was dropped, `future` is dropped unrun.
    pub fn schedule(&self, future: impl Future<Output = io::Result<()>> + 'static) {
        let inner = &*self.inner;
        if inner.closed.get() {
            return;
        }
        let id = inner.tasks_added.get();
        inner.tasks_added.set(id + 1);
        let ready = Arc::clone(&inner.ready);
        let waker = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
            ready,
        });
        waker.wake_by_ref();
        inner.tasks.borrow_mut().insert(
            id,
            Task {
                future: Box::pin(future),
                waker,
            },
        );
    }

    /// Waits for `wait`, counted from now: asyncio's `sleep`, `util.promisify(setTimeout)` in Node.
    ///
    /// Ready no sooner than `wait` from now, and never without a turn for other tasks in between.
    /// Tasks that sleep until the same instant go on in the order they began to wait. Dropping the
    /// future forgets the timer.
    pub fn sleep(&self, wait: Duration) -> Sleep {
        Sleep {
            inner: Rc::clone(&self.inner),
            due: timers::after(wait),
            key: None,
        }
    }

    /// Waits for the next line of standard input, without its newline; `None` at the end of input.
    ///
    /// As in the article, all tasks that are waiting when a line comes get that line. Dropping the
    /// future loses nothing: a line that nobody has taken goes to the next who asks.
    pub fn read_line(&self) -> ReadLine {
        ReadLine {
            inner: Rc::clone(&self.inner),
            reader: None,
        }
    }

    /// Calls `f` at the next tick, before any task's next step: Node's `process.nextTick`.
    ///
    /// Functions are called in the order they came (the article's come last in, first out). One that
    /// always adds itself again keeps the tasks from running, as it does in Node.
    pub fn do_on_next_tick(&self, f: impl FnOnce() + 'static) {
        if !self.inner.closed.get() {
            self.inner.next_tick.borrow_mut().push_back(Box::new(f));
        }
    }

    /// Ends [`run_forever`](EventLoop::run_forever) when the step that calls this is done.
    pub fn stop(&self) {
        self.inner.stopped.set(true);
    }
}

impl Inner {
    /// Resumes the sleepers that are due and then one other task, so that neither kind
    /// keeps the other from running. Returns how many tasks were resumed.
    fn run_tasks(&self) -> io::Result<usize> {
        let steps = self.wake_sleepers() + 1;
        for step in 0..steps {
            self.call_next_tick();
            if self.stopped.get() {
                return Ok(step);
            }
            let Some(id) = self.ready.pop() else {
                return Ok(step);
            };
            self.resume(id)?;
        }
        Ok(steps)
    }

    fn call_next_tick(&self) {
        while !self.stopped.get() {
            let function = self.next_tick.borrow_mut().pop_front();
            let Some(function) = function else { break };
            function();
        }
    }

    /// The article's `resume_task`.
    fn resume(&self, id: u64) -> io::Result<()> {
        let task = self.tasks.borrow_mut().remove(&id);
        let Some(mut task) = task else {
            return Ok(()); // A waker was called that outlived its task.
        };
        // From here on a wake-up means another step, also one that comes while this one is made.
        // (`swap`, which also reads: what was done before a wake-up must be seen by the step after it.)
        task.waker.queued.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(&task.waker));
        match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.tasks.borrow_mut().insert(id, task);
                Ok(())
            }
        }
    }

    /// Wakes the tasks whose time has come, ahead of those that are ready already. Returns how many
    /// there were.
    fn wake_sleepers(&self) -> usize {
        let turn = self.sleepers.borrow().turn();
        let due: Vec<Waker> =
            std::iter::from_fn(|| self.sleepers.borrow_mut().pop_due(&turn)).collect();
        if due.is_empty() {
            return 0;
        }
        let others = self.ready.take();
        let count = due.len();
        for waker in due {
            waker.wake();
        }
        self.ready.append(others);
        count
    }

    /// Hands one line, or the end, to the tasks that wait for it. Returns whether there was one.
    fn deliver_input(&self) -> io::Result<bool> {
        if self.readers.borrow().is_empty() {
            return Ok(false);
        }
        let Some(line) = self.next_line()? else {
            return Ok(false);
        };
        for reader in mem::take(&mut *self.readers.borrow_mut()) {
            let before = reader.replace(Reader::Got(line.clone()));
            if let Reader::Waiting(waker) = before {
                waker.wake();
            }
        }
        Ok(true)
    }

    /// The next line, or the end of input, if it is there without waiting.
    fn next_line(&self) -> io::Result<Option<Option<Rc<Line>>>> {
        if let Some((number, bytes)) = self.returned.borrow_mut().pop_first() {
            return Ok(Some(Some(Line::new(number, bytes))));
        }
        let Poll::Ready(line) = wait::next_line(&mut self.stdin.borrow_mut())? else {
            return Ok(None);
        };
        Ok(Some(line.map(|bytes| {
            let number = self.lines_read.get();
            self.lines_read.set(number + 1);
            Line::new(number, bytes)
        })))
    }

    fn wait(&self) -> io::Result<()> {
        if self.ready.fall_asleep() {
            let due = self.sleepers.borrow().next_due();
            let reads = !self.readers.borrow().is_empty();
            wait::wait(reads, Some(&self.ready.wake_up), due)?;
        }
        self.ready.awake();
        Ok(())
    }
}

impl Drop for EventLoop {
    /// Drops the tasks. Their handles would otherwise keep them, and they their handles. Lines that
    /// nobody has taken go to the next who reads standard input.
    fn drop(&mut self) {
        self.inner.closed.set(true);
        let tasks = mem::take(&mut *self.inner.tasks.borrow_mut());
        let functions = mem::take(&mut *self.inner.next_tick.borrow_mut());
        drop((tasks, functions));
        let Some(mut stdin) = self.inner.stdin.take() else {
            return;
        };
        for (_, line) in self.inner.returned.take().into_iter().rev() {
            stdin.put_back(&line);
        }
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The tasks that can go on, in the order they were woken. Wakers on any thread add to it.
struct Ready {
    queue: Mutex<VecDeque<u64>>,
    /// Whether the loop waits, or is about to, and so must be told about a task.
    asleep: AtomicBool,
    wake_up: WakeUp,
}

impl Ready {
    fn new() -> io::Result<Ready> {
        Ok(Ready {
            queue: Mutex::new(VecDeque::new()),
            asleep: AtomicBool::new(false),
            wake_up: WakeUp::new()?,
        })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, id: u64) {
        self.queue().push_back(id);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.wake_up.wake();
        }
    }

    fn pop(&self) -> Option<u64> {
        self.queue().pop_front()
    }

    fn take(&self) -> VecDeque<u64> {
        mem::take(&mut *self.queue())
    }

    fn append(&self, mut others: VecDeque<u64>) {
        self.queue().append(&mut others);
    }

    /// Announces that the loop is going to wait. Returns false if it must not, because a task is
    /// ready: one that was woken before the announcement, whose waker told nobody.
    fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        self.queue().is_empty()
    }

    fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

struct TaskWaker {
    id: u64,
    /// Whether the task is in the queue: ten wake-ups before its next step are one.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.id);
        }
    }
}

/// The future of [`Handle::sleep`].
pub struct Sleep {
    inner: Rc<Inner>,
    due: Instant,
    key: Option<timers::Key>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut sleepers = this.inner.sleepers.borrow_mut();
        match this.key.and_then(|key| sleepers.get_mut(key)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None if this.key.is_some() => return Poll::Ready(()),
            None => this.key = Some(sleepers.add(this.due, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.inner.sleepers.borrow_mut().remove(key);
            drop(waker);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

struct Line {
    number: u64,
    bytes: Vec<u8>,
    /// Whether a task has got it, of those that it was delivered to.
    taken: Cell<bool>,
}

impl Line {
    fn new(number: u64, bytes: Vec<u8>) -> Rc<Line> {
        Rc::new(Line {
            number,
            bytes,
            taken: Cell::new(false),
        })
    }
}

enum Reader {
    Waiting(Waker),
    /// A line, or `None` at the end of input.
    Got(Option<Rc<Line>>),
}

/// The future of [`Handle::read_line`].
pub struct ReadLine {
    inner: Rc<Inner>,
    reader: Option<Rc<RefCell<Reader>>>,
}

impl Future for ReadLine {
    type Output = Option<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let waiting = Reader::Waiting(cx.waker().clone());
        let Some(reader) = &self.reader else {
            let reader = Rc::new(RefCell::new(waiting));
            self.inner.readers.borrow_mut().push(Rc::clone(&reader));
            self.reader = Some(reader);
            return Poll::Pending;
        };
        match reader.replace(waiting) {
            Reader::Waiting(_) => Poll::Pending,
            Reader::Got(line) => {
                self.reader = None;
                Poll::Ready(line.map(|line| {
                    line.taken.set(true);
                    Rc::try_unwrap(line).map_or_else(|line| line.bytes.clone(), |line| line.bytes)
                }))
            }
        }
    }
}

impl Drop for ReadLine {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        self.inner
            .readers
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, &reader));
        let Ok(reader) = Rc::try_unwrap(reader) else {
            return;
        };
        if let Reader::Got(Some(line)) = reader.into_inner() {
            // The last of those it was delivered to, and none of them has taken it.
            match Rc::try_unwrap(line) {
                Ok(line) if !line.taken.get() => {
                    self.inner
                        .returned
                        .borrow_mut()
                        .insert(line.number, line.bytes);
                }
                _ => {}
            }
        }
    }
}

impl fmt::Debug for ReadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadLine").finish_non_exhaustive()
    }
}
