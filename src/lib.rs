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

use interrupt::{Interrupted, Interrupts, until_interrupted};

/// [`run`](mod@run), until `main` ends or the first Ctrl-C or SIGTERM comes.
///
/// Then `main` is dropped, and after it all other tasks. Their destructors have run when this
/// returns. A second signal meanwhile ends the process at once. [`interrupt`] says more.
///
/// # Errors
///
/// [`Interrupted`] if a signal has come, also if `main` had ended before, or in its last turn.
///
/// # Panics
///
/// Like [`run`](run::run).
///
/// # Examples
///
/// ```
/// use asyncio_to_smol::run_until_interrupted;
/// assert_eq!(run_until_interrupted(async |ex| ex.spawn(async { 5 }).await), Ok(5));
/// ```
pub fn run_until_interrupted<'a, F>(
    main: impl FnOnce(run::Spawner<'a>) -> F,
) -> Result<F::Output, Interrupted>
where
    F: Future + 'a,
    F::Output: 'a,
{
    // Until all destructors have run: a signal may come during the teardown.
    let interrupts = Interrupts::listen();
    let result = run::run(|ex| until_interrupted(main(ex)));
    interrupts.now().map_or(result, Err)
}
