//! What Python's asyncio or Node.js ships, and smol leaves to you.
//!
//! Two well-known articles explain event loops through 34 small programs. This package ports every
//! one of them to [smol](https://docs.rs/smol); the programs are in `examples/`, a chapter to a
//! folder. This library holds what a program written with plain smol gets wrong and what is too long to
//! write out each time, one idea to a module.
//!
//! [`stdin`], [`ticker`], [`mod@sleep`], [`tcp_stream`], [`mod@timeout`] and [`wait`] run under
//! `smol::block_on`, a `LocalExecutor`, or any other executor, and [`mod@task_group`] and [`queue`] under
//! any that does not move its tasks between threads. [`mod@gather`] and [`mod@as_completed`] spawn tasks,
//! on a `LocalExecutor` of yours or inside [`mod@run`]. [`loop_thread`] brings its own thread, and
//! [`interrupt`] works with and without [`mod@run`].
//!
//! Every module page begins with the names of asyncio and Node.js that it answers.
//!
//! The features `redis` and `http` are for examples that need more crates. The library is the same
//! without them.
#![forbid(unsafe_code)]

pub mod as_completed;
mod calls;
mod children;
pub mod gather;
pub mod interrupt;
pub mod loop_thread;
mod panics;
pub mod queue;
pub mod run;
pub mod sleep;
pub mod spawn;
pub mod stdin;
pub mod task_group;
mod task_list;
pub mod tcp_stream;
pub mod ticker;
pub mod timeout;
pub mod wait;
