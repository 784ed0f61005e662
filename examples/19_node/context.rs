//! A request's id in every log line of its tasks: each has a copy of its creator's context.
//!
//! Ports: none of the programs. It shows what replaces `contextvars` and `AsyncLocalStorage`.
//!
//! ```text
//! $ cargo run --example context
//! [request 0, main] was spawned without a scope
//! [request 0, main] was spawned without a scope
//! [request 1, query] asks
//! [request 2, query] asks
//! [request 1, query] closes its connection
//! [request 1, handler] answers
//! [request 2, query] closes its connection
//! [request 0, main] is done
//! ```
//!
//! Neither `log` nor `query` takes an id. A thread-local variable holds the context of the task that is being
//! polled: `Scope` puts its own context there for each poll, and takes it back, with any changes, when the poll
//! returns. So `handle` sets the id once, for its own task only. `scope` copies the current context, as
//! `asyncio.create_task` does, so `query` has the id, too. The second request is cancelled: `Scope` also drops its
//! future within the context, and the destructor's line has the id.
//!
//! The difference: a context is not inherited automatically. A task of `ex.spawn` without `scope` has the context
//! of the main program, and so has a closure in `unblock` (as with asyncio's `run_in_executor`; `to_thread` copies
//! the context): pass it what it needs as an argument. An argument is also simplest if only a few functions need
//! the id. There is no `current_task` with a name: the name is in the context.
//!
//! Crates: for log lines alone `tracing` has this scope, as `Instrument`; `tokio::task_local!` (feature
//! `rt`) works on smol's executors, and is not inherited either.
//!
//! Who owns what: a `Scope` owns its context and its future, and the executor owns the spawned scopes. The tasks
//! hold an `Rc` of the executor, which is a cycle: it is freed because all of them have ended.
//!
//! asyncio: `contextvars.ContextVar` (a thread-local variable, set around each poll),
//! `contextvars.copy_context` (a copy of the thread-local variable), `asyncio.current_task` (a name in
//! the context), `task.get_name`, `task.set_name`, `asyncio.create_task` (`smol::LocalExecutor::spawn`).
//! Node: `AsyncLocalStorage` (a thread-local variable, set around each poll), `asyncLocalStorage.run`
//! (a future that sets the variable around each poll), `asyncLocalStorage.getStore` (`Cell::get`).
//! Paste: `cargo add smol`.

use smol::{LocalExecutor, Timer, block_on, future};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{self, Poll};
use std::{cell::Cell, io::Write, pin::Pin, rc::Rc, time::Duration};

/// The context of a task.
#[derive(Clone, Copy)]
struct Context {
    request: u32,
    task: &'static str,
}

thread_local! {
    /// The context of the task that is being polled.
    static CONTEXT: Cell<Context> = const { Cell::new(Context { request: 0, task: "main" }) };
}

/// Swaps the two contexts during the call.
fn within<T>(context: &mut Context, call: impl FnOnce() -> T) -> T {
    *context = CONTEXT.replace(*context);
    let result = catch_unwind(AssertUnwindSafe(call));
    *context = CONTEXT.replace(*context); // also after a panic
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// A future with its own context, which is current while the future is polled or dropped.
struct Scope<F>(Context, Option<Pin<Box<F>>>);

/// A scope with a copy of the current context, and a name for its task.
fn scope<F: Future>(task: &'static str, future: F) -> Scope<F> {
    let mut context = CONTEXT.get();
    context.task = task;
    Scope(context, Some(Box::pin(future)))
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let Scope(context, future) = &mut *self;
        let future = future.as_mut().expect("only `drop` takes it");
        within(context, || future.as_mut().poll(cx))
    }
}

impl<F> Drop for Scope<F> {
    fn drop(&mut self) {
        within(&mut self.0, || self.1 = None); // its destructors log, too
    }
}

fn log(line: &str) {
    let Context { request, task } = CONTEXT.get();
    // Also called in destructors, which must not panic.
    let _ = writeln!(std::io::stdout(), "[request {request}, {task}] {line}");
}

struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        log("closes its connection");
    }
}

async fn query(time: Duration) {
    let _connection = Connection;
    log("asks");
    Timer::after(time).await;
}

// ANCHOR: excerpt
async fn handle(ex: Rc<LocalExecutor<'static>>, request: u32, time: Duration) {
    let mut context = CONTEXT.get();
    context.request = request;
    CONTEXT.set(context); // for this task only
    ex.spawn(async { log("was spawned without a scope") }).await;
    ex.spawn(scope("query", query(time))).await;
    log("answers");
}

async fn async_main(ex: Rc<LocalExecutor<'static>>) {
    let handler = |request, time| ex.spawn(scope("handler", handle(ex.clone(), request, time)));
    let (one, two) = (
        handler(1, Duration::from_millis(50)),
        handler(2, Duration::MAX),
    );
    one.await;
    two.cancel().await;
    future::yield_now().await; // the query of the second is dropped
    log("is done");
}
// ANCHOR_END: excerpt

fn main() {
    let ex = Rc::new(LocalExecutor::new());
    block_on(ex.run(async_main(Rc::clone(&ex))));
}
