//! A loop of coroutines, as underneath asyncio: article A's `event_loop_coroutine.py`.
//!
//! A coroutine is a future here, and the article's `resume_task` is one `poll`. In each round the
//! loop polls every task whose waker was called, once, the oldest first. With nothing to poll it
//! sleeps in poll(2) until the next sleeper is due or input has come.
//!
//! If a waker is called on another thread, the loop notices only in the next round: poll(2) does
//! not return. To end the sleep, asyncio writes a byte into a socket pair, and smol writes to an
//! eventfd.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{future::poll_fn, mem, pin::Pin, rc::Rc};

type Task = (Pin<Box<dyn Future<Output = io::Result<()>>>>, Waker);

/// The longest sleep. Not every clock can represent more.
const THIRTY_YEARS: Duration = Duration::from_secs(1_000_000_000);

/// A loop that runs futures as tasks, and owns them. Its clones are handles to the same loop.
#[derive(Clone, Default)]
pub struct EventLoop(Rc<State>);

#[derive(Default)]
struct State {
    /// By number, the oldest first, without the task that is being polled.
    tasks: RefCell<BTreeMap<u64, Task>>,
    last_number: Cell<u64>,
    woken: Arc<Mutex<BTreeSet<u64>>>,
    next_tick: RefCell<Vec<Box<dyn FnOnce()>>>,
    /// Sorted by time, then by the order of going to sleep.
    sleepers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    readers: RefCell<Vec<Waker>>,
    lines: RefCell<VecDeque<Vec<u8>>>,
    half_a_line: RefCell<Vec<u8>>,
    stdin_has_ended: Cell<bool>,
    is_stopped: Cell<bool>,
}

impl EventLoop {
    /// Adds a task: asyncio's `create_task`. It never runs inline. If it ends with an error, so does
    /// [`run_forever`](EventLoop::run_forever).
    pub fn schedule(&self, coroutine: impl Future<Output = io::Result<()>> + 'static) {
        let number = self.next_number();
        let woken = Arc::clone(&self.0.woken);
        let waker = Waker::from(Arc::new(TaskWaker { number, woken }));
        waker.wake_by_ref();
        let task = (Box::pin(coroutine) as _, waker);
        self.0.tasks.borrow_mut().insert(number, task);
    }

    /// Waits: asyncio's `sleep`. Other tasks run, even if the time is zero.
    pub async fn sleep(&self, wait: Duration) {
        let due = (Instant::now() + wait.min(THIRTY_YEARS), self.next_number());
        yield_now().await;
        poll_fn(|cx| {
            if due.0 <= Instant::now() {
                return Poll::Ready(());
            }
            self.0.sleepers.borrow_mut().insert(due, cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Waits for the next line of standard input; `None` is the end. If several tasks wait, each
    /// line goes to one of them. Dropping the future loses no line.
    pub async fn read_line(&self) -> Option<Vec<u8>> {
        yield_now().await; // a hundred pasted lines must not block the other tasks
        poll_fn(|cx| match self.0.lines.borrow_mut().pop_front() {
            None if !self.0.stdin_has_ended.get() => {
                self.0.readers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
            line => Poll::Ready(line),
        })
        .await
    }

    /// Calls `f` after this step, before a step of any other task: Node's `process.nextTick`.
    pub fn do_on_next_tick(&self, f: impl FnOnce() + 'static) {
        self.0.next_tick.borrow_mut().push(Box::new(f));
    }

    /// Ends [`run_forever`](EventLoop::run_forever) when the step that calls this is done. A call
    /// before `run_forever` has no effect; in asyncio, `run_forever` then returns after one turn.
    pub fn stop(&self) {
        self.0.is_stopped.set(true);
    }

    /// Runs tasks until one calls [`stop`](EventLoop::stop), one fails, or all have ended. Then
    /// drops the others.
    pub fn run_forever(&self) -> io::Result<()> {
        self.0.is_stopped.set(false);
        let result = self.run();
        drop(self.0.tasks.take()); // they own handles to this loop, and would keep each other
        result
    }

    fn run(&self) -> io::Result<()> {
        let mut next_look = Instant::now();
        while !self.0.tasks.borrow().is_empty() {
            let woken = mem::take(&mut *self.0.woken.lock().unwrap());
            let is_idle = woken.is_empty();
            for number in woken {
                self.resume_task(number)?;
                if self.0.is_stopped.get() {
                    return Ok(());
                }
            }
            // A check of standard input costs as much as many steps of a small coroutine. While
            // tasks are ready, the loop checks once a millisecond.
            let now = Instant::now();
            if is_idle || now >= next_look {
                next_look = now + Duration::from_millis(1);
                let until = if is_idle { self.next_due() } else { Some(now) };
                if wait(!self.0.readers.borrow().is_empty(), until)? {
                    self.read_stdin()?;
                }
            }
            while self.next_due().is_some_and(|due| due <= Instant::now()) {
                let first = self.0.sleepers.borrow_mut().pop_first();
                first.into_iter().for_each(|(_, waker)| waker.wake());
            }
        }
        Ok(())
    }

    /// One step of a task. The article sends a value into a generator, this polls a future.
    fn resume_task(&self, number: u64) -> io::Result<()> {
        let task = self.0.tasks.borrow_mut().remove(&number);
        let Some((mut coroutine, waker)) = task else {
            return Ok(()); // its waker has outlived it
        };
        let step = coroutine.as_mut().poll(&mut Context::from_waker(&waker));
        self.0.next_tick.take().into_iter().for_each(|f| f());
        if let Poll::Ready(result) = step {
            return result;
        }
        self.0.tasks.borrow_mut().insert(number, (coroutine, waker));
        Ok(())
    }

    /// Reads the available bytes once, and wakes the tasks that wait for them. A second read could
    /// block.
    fn read_stdin(&self) -> io::Result<()> {
        let mut chunk = [0; 8192]; // with less, std would read ahead into its own buffer
        let read = io::stdin().lock().read(&mut chunk);
        let len = read.map_err(|error| io::Error::other(format!("standard input: {error}")))?;
        self.0.stdin_has_ended.set(len == 0);
        // The end of input is also the end of a line, unless that is empty.
        let bytes = if len == 0 { b"\n" } else { &chunk[..len] };
        let mut line = self.0.half_a_line.borrow_mut();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") && (len > 0 || line.len() > 1) {
                self.0.lines.borrow_mut().push_back(mem::take(&mut line));
            }
        }
        self.0.readers.take().into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn next_due(&self) -> Option<Instant> {
        let sleepers = self.0.sleepers.borrow();
        sleepers.keys().next().map(|(due, _)| *due)
    }

    fn next_number(&self) -> u64 {
        self.0.last_number.set(self.0.last_number.get() + 1);
        self.0.last_number.get()
    }
}

struct TaskWaker {
    number: u64,
    woken: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().insert(self.number);
    }
}

/// Lets other tasks run: wakes its own task, and returns to the loop once.
pub async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Sleeps until the time has come, or, if requested, until standard input is readable. Returns
/// whether it is readable. May also return too early.
#[cfg(unix)]
fn wait(for_stdin: bool, until: Option<Instant>) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = until.and_then(|until| {
        let left = until.saturating_duration_since(Instant::now());
        // At most a day: systems limit the time that poll(2) accepts.
        Timespec::try_from(left.min(Duration::from_secs(86_400))).ok()
    });
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds[..usize::from(for_stdin)], timeout.as_ref()) {
        Err(rustix::io::Errno::INTR) => Ok(false), // by `^Z` and `fg`
        ready => Ok(ready? > 0),
    }
}

#[cfg(not(unix))]
fn wait(_: bool, _: Option<Instant>) -> io::Result<bool> {
    Err(io::Error::other("this system has no poll(2)"))
}
