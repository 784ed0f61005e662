//! The two event loops that article A writes by hand, made right.
//!
//! - asyncio: `loop.run_forever`, `loop.stop`, `loop.call_later`, `loop.call_soon`,
//!   `loop.add_reader`, `loop.create_task`, `loop.remove_reader`
//! - Node: `setTimeout`, `process.nextTick`, `process.stdin.on`, `clearTimeout`
//! - Examples: [`hello_callbacks`](crate::examples::hello_callbacks),
//!   [`hello_coroutines`](crate::examples::hello_coroutines),
//!   [`fib_coroutine`](crate::examples::fib_coroutine)
//!
//! [`callbacks`] is what Node.js looks like from outside, [`coroutines`] what asyncio looks like
//! from inside. Neither uses smol: they are what smol spares you, and reading them shows what an
//! async runtime is made of. Timers and standard input are all that they know.
//!
//! | | the articles' loops | these |
//! |---|---|---|
//! | waiting | `select(0)` in a loop: one core is always busy | one poll(2) until the next timer or input: no CPU when idle |
//! | input | `readline()`: half a line stops the loop, a second line waits for a third | [`Stdin`](crate::stdin::Stdin) |
//! | end of input | an empty line, for ever | told once |
//! | equal deadlines | an exception (functions cannot be compared) | in the order they were added |
//! | errors | not handled | the first one ends `run_forever` |
//!
//! asyncio's and Node's loops know sockets, signals and the calls of other threads, too. What an error in
//! a callback does to them: asyncio reports it and goes on, Node ends the process.
//!
//! Both do one thing at a time, and between any two things look whether a timer is due. A line of
//! input is one thing: a hundred pasted ones do not hold up a timer for longer than the one that is
//! being worked on.
//!
//! On Windows, where standard input cannot be polled, a thread reads it and wakes the loop.

pub mod callbacks;
pub mod coroutines;
mod timers;
mod wait;

use std::cell::Cell;

/// Set while `run_forever` runs. One loop inside itself would take turns from itself.
struct Running<'a>(&'a Cell<bool>);

impl Running<'_> {
    fn set(flag: &Cell<bool>) -> Running<'_> {
        assert!(!flag.replace(true), "this event loop is already running");
        Running(flag)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
