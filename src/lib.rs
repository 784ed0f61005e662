//! What Python's asyncio or Node.js ships, and smol leaves to you.
//!
//! Two well-known articles explain event loops through 34 small programs. This package ports every
//! one of them to [smol](https://docs.rs/smol); the programs are in `examples/`, a chapter to a
//! folder. This library holds what must be right in every real program and is too long for an
//! example, one idea to a module:
//!
//! | module | what it is | asyncio | Node.js |
//! |---|---|---|---|
//! | [`stdin`] | standard input as a stream of lines that never blocks the loop | `loop.add_reader(sys.stdin, …)` | `process.stdin.on('data', …)` |
//! | [`ticker`] | an interval without drift and without bursts | `while True: … await asyncio.sleep(3)` | `setInterval` |
//! | [`event_loop`] | the articles' two hand-written loops, made right | what is inside `loop.run_forever()` | what is inside libuv |
//! | [`fib`] | the articles' slow function, and the wrapper that times it | | |
//! | [`hello`] | what the seven hello programs have in common | | |
//!
//! Nothing here needs an executor of its own: [`stdin`] and [`ticker`] run under `smol::block_on`,
//! a `LocalExecutor`, or any other executor, and [`event_loop`] uses no async runtime at all.
#![forbid(unsafe_code)]

pub mod event_loop;
pub mod fib;
pub mod hello;
pub mod stdin;
pub mod ticker;
