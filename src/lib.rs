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
//! Every module page begins with the names of asyncio and Node.js that it answers. What one usually
//! needs of a module can also be imported from here:
//!
//! ```
//! use asyncio_to_smol::{gather, run, sleep, timeout};
//! ```
//!
//! The features `redis` and `http` are for examples that need more crates. The library is the same
//! without them.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations, unreachable_pub)]

pub mod as_completed;
mod children;
pub mod gather;
pub mod interrupt;
pub mod loop_thread;
mod panics;
pub mod queue;
pub mod run;
pub mod sleep;
pub mod stdin;
pub mod task_group;
pub mod tcp_stream;
pub mod ticker;
pub mod timeout;
pub mod wait;

pub use as_completed::as_completed;
pub use gather::{gather, gather_all};
pub use interrupt::{Interrupts, run_until_interrupted};
pub use queue::Queue;
pub use run::{Spawner, run};
pub use sleep::{sleep, sleep_until};
pub use stdin::Stdin;
pub use task_group::{TaskGroup, task_group};
pub use tcp_stream::TcpStream;
pub use ticker::Ticker;
pub use timeout::{TimedOut, timeout, timeout_task};
