//! Parts of Python's asyncio and Node.js that smol leaves to you.
//!
//! Two well-known articles explain event loops through 34 small programs. This package ports every one of them to
//! [smol](https://docs.rs/smol). The programs are in `examples/`, one folder for each chapter. This library has
//! one module for each case where a program on plain smol goes wrong, or is too long to write out each time:
//!
//! <!-- contents: library (written by `just contents` from the heads of the modules) -->
//!
//! | module | what it is | asyncio | Node.js |
//! |---|---|---|---|
//! | [`mod@as_completed`] | Many futures together, each result as soon as it is there: asyncio's `as_completed`. | `asyncio.as_completed` |  |
//! | [`mod@gather`] | Many futures together, results in the order of the input: asyncio's `gather`. | `asyncio.gather`, `return_exceptions=True` | `Promise.all`, `Promise.allSettled` |
//! | [`mod@interrupt`] | Ctrl-C and SIGTERM: a graceful shutdown at the first signal, an immediate end at the second. | `KeyboardInterrupt`, `loop.add_signal_handler` | `process.on('SIGINT')`, `process.on('SIGTERM')` |
//! | [`mod@queue`] | A queue between tasks of one thread: asyncio's `Queue`. | `asyncio.Queue`, `asyncio.QueueFull`, `asyncio.QueueEmpty`, `asyncio.QueueShutDown` |  |
//! | [`mod@run`] | A program from its first task to its last destructor, on one thread: asyncio's `run`. | `asyncio.run`, `loop.run_until_complete`, `asyncio.all_tasks`, `asyncio.Task.all_tasks`, `asyncio.create_task` |  |
//! | [`mod@sleep`] | Sleeping for hundreds of thousands of tasks, with a single timer. | `asyncio.sleep` | `setTimeout` |
//! | [`mod@stdin`] | Standard input as a stream of lines that never blocks the loop. | `loop.add_reader` | `process.stdin.on`, `readline.createInterface` |
//! | [`mod@task_group`] | Futures that start and end together: asyncio's `TaskGroup`. | `asyncio.TaskGroup`, `ExceptionGroup` |  |
//! | [`mod@tcp_stream`] | A TCP connection that is not read when there is nothing to read. | `loop.create_connection` | `net.Socket` |
//! | [`mod@ticker`] | An interval that neither drifts nor replays what it missed. | `asyncio.sleep` | `setInterval` |
//! | [`mod@timeout`] | Waiting with a time limit: asyncio's `wait_for`. | `asyncio.wait_for`, `asyncio.timeout`, `asyncio.timeout_at`, `asyncio.TimeoutError` | `Promise.race`, `AbortSignal.timeout` |
//! | [`mod@wait`] | Waiting for tasks without taking them away: asyncio's `wait`. | `asyncio.wait`, `asyncio.FIRST_COMPLETED`, `asyncio.FIRST_EXCEPTION` | `Promise.race`, `Promise.allSettled` |
//!
//! <!-- /contents -->
//!
//! [`stdin`], [`ticker`], [`mod@sleep`], [`tcp_stream`], [`mod@timeout`] and [`wait`] run under `smol::block_on`,
//! a `LocalExecutor`, or any other executor, and [`mod@task_group`] and [`queue`] under any that does not move its
//! tasks between threads. [`mod@gather`] and [`mod@as_completed`] spawn a task, on your `LocalExecutor` or inside
//! [`mod@run`]. [`interrupt`] works with and without [`mod@run`]. The usual items can also be imported from the
//! crate root: `use asyncio_to_smol::{gather, run, timeout};`
//!
//! The features `redis`, `http` and `tls` are for examples that need more crates. They do not change the library.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations, unreachable_pub)]

pub mod as_completed;
mod children;
pub mod gather;
pub mod interrupt;
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
pub use interrupt::{Interrupted, Interrupts, until_interrupted};
pub use queue::Queue;
pub use run::{Spawner, run};
pub use sleep::{sleep, sleep_until};
pub use stdin::Stdin;
pub use task_group::{TaskGroup, task_group};
pub use tcp_stream::TcpStream;
pub use ticker::Ticker;
pub use timeout::{TimedOut, timeout, timeout_at};

/// [`run`](run::run) with a graceful shutdown: it ends with `main`, or at the first Ctrl-C or SIGTERM.
///
/// At the signal `main` is dropped, and then all other tasks. Their destructors have run when this returns. A
/// second signal ends the process at once, as [`Interrupts`] describes. On another executor, use
/// [`until_interrupted`]; to await something during the shutdown, [`Interrupts::received`].
///
/// # Errors
///
/// [`Interrupted`] if a signal has arrived, even if `main` has ended by then. Turn it into an `ExitCode`.
///
/// # Panics
///
/// Like [`run`](run::run): inside another `run`, and with the panic of `main`.
///
/// ```
/// use asyncio_to_smol::run_until_interrupted;
/// assert_eq!(run_until_interrupted(async |ex| ex.spawn(async { 5 }).await), Ok(5));
/// ```
pub fn run_until_interrupted<'a, F: std::future::Future<Output: 'a> + 'a>(
    main: impl FnOnce(Spawner<'a>) -> F,
) -> Result<F::Output, Interrupted> {
    // Kept until all destructors have run: a signal may arrive during the teardown.
    let interrupts = Interrupts::listen();
    let result = run::run(|ex| until_interrupted(main(ex)));
    interrupts.now().map_or(result, Err)
}

/// The examples of chapter 0, which has no programs.
#[cfg(doctest)]
#[doc = include_str!("../examples/00_walls/README.md")]
struct Walls;
