//! What Python's asyncio or Node.js ships, and smol leaves to you.
//!
//! Two well-known articles explain event loops through 34 small programs. This package ports every
//! one of them to [smol](https://docs.rs/smol); the programs are in `examples/`, a chapter to a
//! folder. This library holds what must be right in every real program and is too long for an
//! example, one idea to a module:
//!
//! | module | what it is | asyncio | Node.js |
//! |---|---|---|---|
//! | [`stdin`] | standard input as a stream of lines that never blocks the loop, on terminals, pipes, files and whatever else | `loop.add_reader(sys.stdin, …)` | `process.stdin.on('data', …)` |
//! | [`ticker`] | an interval without drift and without bursts | `while True: … await asyncio.sleep(3)` | `setInterval` |
//! | [`mod@sleep`] | sleeping, for those who need a million of them | `sleep` | `setTimeout` |
//! | [`mod@run`] | a program from its first task to its last destructor, on one thread | `asyncio.run` | what `node` does with a program |
//! | [`mod@gather`] | many futures together, results in the order of the input | `gather` | `Promise.all`, `Promise.allSettled` |
//! | [`mod@as_completed`] | many futures together, each result as soon as it is there | `as_completed` | |
//! | [`wait`] | tasks that are done, and those that are pending | `wait` | `Promise.race`, more or less |
//! | [`mod@timeout`] | waiting for no longer than so long | `wait_for` | `Promise.race` with a timer |
//! | [`mod@shield`] | a task that outlives whoever waits for it | `shield` | every promise |
//! | [`done_callback`] | functions that are called when a task has ended | `add_done_callback` | `promise.then(…)` |
//! | [`interrupt`] | Ctrl-C and SIGTERM: the first ends the program in order, the second at once | `KeyboardInterrupt` | `process.on('SIGINT', …)` |
//! | [`mod@task_group`] | futures that start and end together | `TaskGroup` | |
//! | [`queue`] | a queue between tasks of one thread, with `task_done` and `join` | `Queue` | |
//! | [`mod@cancel_token`] | asking a closure on another thread to stop | `threading.Event` | `AbortController` |
//! | [`loop_thread`] | a loop on a thread of its own, for calls and futures from other threads | `call_soon_threadsafe`, `run_coroutine_threadsafe` | `new Worker(…)` |
//! | [`spawn`] | what [`mod@gather`] and others need of an executor | `create_task` | |
//! | [`event_loop`] | the articles' two hand-written loops, made right: to read, and to see what smol spares you | what is inside `loop.run_forever()` | what is inside libuv |
//! | [`tcp_stream`] | a TCP connection that is not read when there is nothing to read | `loop.create_connection` | `net.Socket` |
//! | [`usage`] | what the process has used so far: CPU time, and memory at its peak | `time.process_time`, `resource.getrusage` | `process.cpuUsage`, `process.resourceUsage` |
//! | [`fib`] | the slow function, and the wrapper that times it | | |
//! | [`hello`] | what the seven hello programs have in common | | |
//!
//! [`stdin`], [`ticker`], [`mod@sleep`], [`tcp_stream`], [`mod@timeout`], [`mod@shield`] and [`wait`] run
//! under `smol::block_on`, a `LocalExecutor`, or any other executor, and [`mod@task_group`] and [`queue`]
//! under any that does not move its tasks between threads. [`mod@gather`], [`mod@as_completed`] and
//! [`done_callback`] spawn tasks, on a `LocalExecutor` of yours or inside [`mod@run`]. [`loop_thread`]
//! brings its own thread, [`interrupt`] works with and without [`mod@run`], and [`mod@cancel_token`] and
//! [`usage`] know of no loop.
//! [`event_loop`] uses no async runtime at all.
//!
//! Every module page begins with the names that it answers, and links the programs that use it. Those
//! are in [`examples`], with their source text.
//!
//! The features `redis` and `http` are for examples that need more crates. The library is the same
//! without them.
#![forbid(unsafe_code)]

pub mod as_completed;
mod calls;
pub mod cancel_token;
mod children;
pub mod done_callback;
pub mod event_loop;
#[cfg(all(doc, not(doctest)))]
pub mod examples;
pub mod fib;
pub mod gather;
pub mod hello;
pub mod interrupt;
pub mod loop_thread;
mod panics;
pub mod queue;
pub mod run;
pub mod shield;
pub mod sleep;
pub mod spawn;
pub mod stdin;
pub mod task_group;
mod task_list;
pub mod tcp_stream;
pub mod ticker;
pub mod timeout;
pub mod usage;
pub mod wait;
