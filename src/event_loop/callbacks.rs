//! A loop of callbacks: article A's `event_loop_callback.py`, and what Node.js is underneath.
//!
//! - asyncio: `loop.run_forever`, `loop.stop`, `loop.call_later`, `loop.add_reader`
//! - Node: `setTimeout`, `process.stdin.on`
//! - Example: [`hello_callbacks`](crate::examples::hello_callbacks)
//!
//! ```
//! use asyncio_to_smol::event_loop::callbacks::EventLoop;
//! use std::time::Duration;
//!
//! let event_loop = EventLoop::new();
//! event_loop.add_timer(Duration::from_millis(20), |event_loop| {
//!     println!("second, and last");
//!     event_loop.stop();
//!     Ok(())
//! });
//! event_loop.add_timer(Duration::from_millis(10), |_| {
//!     println!("first");
//!     Ok(())
//! });
//! event_loop.run_forever()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The difference: a callback that fails ends the loop, and timers and standard input are all that this
//! loop knows.
//!
//! There is no waiting inside a callback. What is to happen later is another callback, and what the
//! two must both know is moved into each of them: with three steps and an error to handle this is
//! what people call callback hell, and why [`coroutines`](super::coroutines) follow.

use super::timers::{self, Timers};
use super::{Running, wait};
use crate::stdin::Stdin;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::task::Poll;
use std::time::Duration;

type TimerCallback = Box<dyn FnOnce(&EventLoop) -> io::Result<()>>;
type StdinHandler = Box<dyn FnMut(&EventLoop, Option<&[u8]>) -> io::Result<()>>;

/// A single-threaded loop that calls back when a timer is due or a line of input has come.
///
/// Every callback is handed the loop, so that it can add and remove timers and handlers or stop the
/// loop. Callbacks run one at a time, on the thread that called
/// [`run_forever`](EventLoop::run_forever). Dropping the loop drops the callbacks that are left,
/// without calling them.
pub struct EventLoop {
    timers: RefCell<Timers<TimerCallback>>,
    /// A handler is `None` while it is being called.
    handlers: RefCell<BTreeMap<u64, Option<StdinHandler>>>,
    handlers_added: Cell<u64>,
    stdin: RefCell<Option<Stdin>>,
    running: Cell<bool>,
    stopped: Cell<bool>,
}

/// Names a timer, for [`EventLoop::remove_timer`]. Node: what `setTimeout` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(timers::Key);

/// Names a handler, for [`EventLoop::remove_stdin_handler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

impl EventLoop {
    /// A loop without timers and handlers.
    pub fn new() -> EventLoop {
        EventLoop {
            timers: RefCell::new(Timers::new()),
            handlers: RefCell::new(BTreeMap::new()),
            handlers_added: Cell::new(0),
            stdin: RefCell::new(None),
            running: Cell::new(false),
            stopped: Cell::new(false),
        }
    }

    /// Calls `callback` once, `wait` from now: Node's `setTimeout`, asyncio's `loop.call_later`.
    ///
    /// Timers due at the same instant are called in the order they were added; one of zero seconds
    /// at the loop's next turn. For an interval the callback adds its own timer again.
    pub fn add_timer(
        &self,
        wait: Duration,
        callback: impl FnOnce(&EventLoop) -> io::Result<()> + 'static,
    ) -> TimerId {
        TimerId(
            self.timers
                .borrow_mut()
                .add(timers::after(wait), Box::new(callback)),
        )
    }

    /// Forgets a timer: Node's `clearTimeout`. Returns whether it was still to come.
    pub fn remove_timer(&self, id: TimerId) -> bool {
        let removed = self.timers.borrow_mut().remove(id.0);
        // Dropped only here, with the queue free again: a destructor may use the loop.
        removed.is_some()
    }

    /// Calls `handler` with every line of standard input, without its newline, and with `None` at
    /// the end of input, after which the handler is dropped.
    ///
    /// With several handlers each gets every line, in the order they were added. One that is added
    /// while a line is being handled gets the next one.
    pub fn add_stdin_handler(
        &self,
        handler: impl FnMut(&EventLoop, Option<&[u8]>) -> io::Result<()> + 'static,
    ) -> HandlerId {
        let id = self.handlers_added.get();
        self.handlers_added.set(id + 1);
        self.handlers
            .borrow_mut()
            .insert(id, Some(Box::new(handler)));
        HandlerId(id)
    }

    /// Forgets a handler. Returns whether it was there. Without handlers no input is read.
    pub fn remove_stdin_handler(&self, id: HandlerId) -> bool {
        let removed = self.handlers.borrow_mut().remove(&id.0);
        removed.is_some()
    }

    /// Ends [`run_forever`](EventLoop::run_forever): no callback is called after the one that calls
    /// this, also not for the same line. Timers, handlers, and the lines after this one stay as they
    /// are for the next `run_forever`.
    pub fn stop(&self) {
        self.stopped.set(true);
    }

    /// Runs callbacks until one calls [`stop`](EventLoop::stop), or until there are none left, when
    /// nothing could happen any more.
    ///
    /// # Errors
    ///
    /// The first error that a callback returns; standard input that cannot be read, or that is
    /// being read by another [`Stdin`].
    ///
    /// # Panics
    ///
    /// If called by a callback of this loop. A panic in a callback passes through, and that callback
    /// is gone.
    pub fn run_forever(&self) -> io::Result<()> {
        let _running = Running::set(&self.running);
        self.stopped.set(false);
        while !self.stopped.get() {
            self.call_due_timers()?;
            if self.stopped.get() {
                break;
            }
            if self.handle_input()? {
                continue;
            }
            let due = self.timers.borrow().next_due();
            let has_handlers = self.has_handlers();
            if due.is_none() && !has_handlers {
                break;
            }
            wait::wait(has_handlers, None, due)?;
        }
        Ok(())
    }

    /// A handler that panicked is not one any more.
    fn has_handlers(&self) -> bool {
        self.handlers.borrow().values().any(Option::is_some)
    }

    fn call_due_timers(&self) -> io::Result<()> {
        let turn = self.timers.borrow().turn();
        while !self.stopped.get() {
            let Some(callback) = self.timers.borrow_mut().pop_due(&turn) else {
                break;
            };
            callback(self)?;
        }
        Ok(())
    }

    /// Hands one line, or the end, to the handlers. Returns whether there was one.
    fn handle_input(&self) -> io::Result<bool> {
        if !self.has_handlers() {
            return Ok(false);
        }
        let Poll::Ready(line) = wait::next_line(&mut self.stdin.borrow_mut())? else {
            return Ok(false);
        };
        let present: Vec<u64> = self.handlers.borrow().keys().copied().collect();
        for id in present {
            if self.stopped.get() {
                break;
            }
            self.call_handler(id, line.as_deref())?;
        }
        Ok(true)
    }

    fn call_handler(&self, id: u64, line: Option<&[u8]>) -> io::Result<()> {
        // The handler is out of the map while it runs: it may remove itself or add another.
        let taken = self
            .handlers
            .borrow_mut()
            .get_mut(&id)
            .and_then(Option::take);
        let Some(mut handler) = taken else {
            return Ok(());
        };
        let result = handler(self, line);
        let mut handlers = self.handlers.borrow_mut();
        if line.is_none() {
            handlers.remove(&id);
        } else if let Some(slot) = handlers.get_mut(&id) {
            *slot = Some(handler);
        }
        result
    }
}

impl Default for EventLoop {
    fn default() -> EventLoop {
        EventLoop::new()
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}
