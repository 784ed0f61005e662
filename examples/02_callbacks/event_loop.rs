//! A loop of callbacks, as underneath Node.js: article A's `event_loop_callback.py`.
//!
//! It calls one callback at a time, and checks between any two whether a timer is due. It handles
//! input line by line: a hundred pasted lines delay a timer by one line at most. With nothing to do
//! it sleeps in poll(2) until the next timer or input.
//!
//! asyncio's and Node's loops also handle sockets, signals and calls from other threads.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::mem;
use std::time::{Duration, Instant};

type TimerCallback = Box<dyn FnOnce(&mut EventLoop) -> io::Result<()>>;
type StdinHandler = Box<dyn FnMut(&mut EventLoop, Option<&[u8]>) -> io::Result<()>>;

/// A loop that calls back when a timer is due or a line of input has come.
///
/// It owns the callbacks, and passes itself to each. The first error of a callback ends
/// [`run_forever`](EventLoop::run_forever).
#[derive(Default)]
pub struct EventLoop {
    /// Sorted by time, then by the order of adding (the number).
    timers: BTreeMap<(Instant, u64), TimerCallback>,
    timers_added: u64,
    stdin_handlers: Vec<StdinHandler>,
    lines: VecDeque<Vec<u8>>,
    half_a_line: Vec<u8>,
    stdin_has_ended: bool,
    is_stopped: bool,
}

impl EventLoop {
    /// Calls `callback` once, `wait` from now: Node's `setTimeout`, asyncio's `loop.call_later`.
    pub fn add_timer(
        &mut self,
        wait: Duration,
        callback: impl FnOnce(&mut EventLoop) -> io::Result<()> + 'static,
    ) {
        // A time that the clock cannot represent never comes.
        if let Some(due) = Instant::now().checked_add(wait) {
            self.timers
                .insert((due, self.timers_added), Box::new(callback));
            self.timers_added += 1;
        }
    }

    /// Calls `handler` with every line of standard input, and with `None` at the end, after which it
    /// is dropped. With several handlers each gets every line, in the order they were added.
    pub fn add_stdin_handler(
        &mut self,
        handler: impl FnMut(&mut EventLoop, Option<&[u8]>) -> io::Result<()> + 'static,
    ) {
        self.stdin_handlers.push(Box::new(handler));
    }

    /// Ends [`run_forever`](EventLoop::run_forever): no callback is called after the one that calls
    /// this. The rest stay for the next `run_forever`. A call before `run_forever` has no effect;
    /// in asyncio, `run_forever` then returns after one turn.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Calls back until a callback calls [`stop`](EventLoop::stop), or until there are none left.
    pub fn run_forever(&mut self) -> io::Result<()> {
        self.is_stopped = false;
        loop {
            self.call_due_timers()?;
            let has_handlers = !self.stdin_handlers.is_empty();
            if self.is_stopped || self.timers.is_empty() && !has_handlers {
                return Ok(());
            }
            if has_handlers && !self.lines.is_empty() {
                let line = self.lines.pop_front();
                self.handle(line.as_deref())?;
            } else if has_handlers && self.stdin_has_ended {
                self.handle(None)?;
            } else {
                let next_due = self.timers.keys().next().map(|(due, _)| *due);
                if wait(has_handlers, next_due)? {
                    self.read_stdin()?;
                }
            }
        }
    }

    /// Calls the timers that are due now. A timer of zero seconds that one of them adds is called
    /// in the next round, so that it does not block input.
    fn call_due_timers(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while !self.is_stopped {
            match self.timers.first_entry() {
                Some(first) if first.key().0 <= now => first.remove()(self)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn handle(&mut self, line: Option<&[u8]>) -> io::Result<()> {
        // Taken out of the loop during the calls: they may add others, which get the next line.
        let mut handlers = mem::take(&mut self.stdin_handlers);
        for handler in &mut handlers {
            if !self.is_stopped {
                handler(self, line)?;
            }
        }
        if line.is_some() {
            handlers.append(&mut self.stdin_handlers);
            self.stdin_handlers = handlers;
        }
        Ok(())
    }

    /// Reads the available bytes once. A second read could block.
    fn read_stdin(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8192]; // with less, std would read ahead into its own buffer
        let read = io::stdin().lock().read(&mut chunk);
        let len = read.map_err(|error| io::Error::other(format!("standard input: {error}")))?;
        self.stdin_has_ended = len == 0;
        // The end of input is also the end of a line, unless that is empty.
        let bytes = if len == 0 { b"\n" } else { &chunk[..len] };
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.half_a_line.extend_from_slice(piece);
            if piece.ends_with(b"\n") && (len > 0 || self.half_a_line.len() > 1) {
                self.lines.push_back(mem::take(&mut self.half_a_line));
            }
        }
        Ok(())
    }
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
