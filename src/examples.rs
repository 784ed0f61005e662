//! The programs, each with its source text. For the documentation only: there is nothing to import.
//!
//! `cargo run --example NAME` runs one. Those of chapters 11 and 12 and `busy_server` need features, which their heads name.
//! The pages of the chapters are in the repository, at `examples/`.
//!
//! | chapter | examples |
//! |---|---|
//! | 1: The hello problem: a loop, threads, a loop by hand | [`hello_node`], [`hello_threads`], [`hello_event_loop`] |
//! | 2: Callbacks | [`hello_callbacks`] |
//! | 3: Coroutines | [`hello_coroutines`], [`fib_coroutine`] |
//! | 4: The same with smol | [`hello_smol`] |
//! | 5: Errors | [`throw_into_coroutine`], [`error_chain`], [`ipify`] |
//! | 6: Gather | [`gather`] |
//! | 7: Tasks | [`coroutine`], [`task_states`], [`done_callback`], [`task_result`], [`await_sleep`] |
//! | 8: Waiting for many things | [`concurrent`], [`nested_wait`], [`nested_gather`], [`return_gather`], [`return_wait`], [`as_completed`] |
//! | 9: Cancellation | [`cancel_all`], [`cancel_main`], [`drop_teardown`], [`async_cleanup`], [`cancel_blocking`], [`cancel_safety`], [`shield`] |
//! | 10: A loop in another thread | [`loop_thread_calls`], [`loop_thread_tasks`] |
//! | 11: Master and workers on a queue | [`master_worker`], [`queue_workers`] |
//! | 12: HTTP | [`sms_server`], [`sms_customer`] |
//! | 13: Scale | [`million_sleepers`], [`busy_server`] |

/// One module for each example, whose page is the example's source text.
macro_rules! examples {
    ($($name:ident $path:literal $description:literal)*) => {$(
        #[doc = $description]
        ///
        /// ```
        // Nobody tests this block as a doctest: the module is not there then, see `lib.rs`.
        #[doc = include_str!(concat!("../examples/", $path))]
        /// ```
        pub mod $name {}
    )*};
}

examples! {
    hello_node "01_hello/hello_node.rs"
        "one thread of smol, as in Node.js: a long fib stops the greetings, and missed ones are skipped"
    hello_threads "01_hello/hello_threads.rs"
        "two threads and no loop: the greetings go on during fib"
    hello_event_loop "01_hello/hello_event_loop.rs"
        "a loop by hand on poll(2), waking every 100 ms: fib stops the greetings"
    hello_callbacks "02_callbacks/hello_callbacks.rs"
        "timers and input as callbacks of an event loop: fib stops the greetings"
    hello_coroutines "03_coroutines/hello_coroutines.rs"
        "coroutines on an event loop of their own: fib stops the greetings"
    fib_coroutine "03_coroutines/fib_coroutine.rs"
        "fib as a coroutine that yields at every call: the greetings go on, on one thread"
    hello_smol "04_smol/hello_smol.rs"
        "the same with smol, fib on a blocking thread: the greetings go on"
    throw_into_coroutine "05_errors/throw_into_coroutine.rs"
        "resumes a suspended computation with an error: a channel of `Result`s replaces `throw`"
    error_chain "05_errors/error_chain.rs"
        "an error goes through three coroutines by way of `?`"
    ipify "05_errors/ipify.rs"
        "HTTP by hand on a TCP stream: every failure is one line, in one place"
    gather "06_gather/gather.rs"
        "three URLs at once: as they come in, then all together in the order of the input"
    coroutine "07_tasks/coroutine.rs"
        "calling a coroutine runs nothing; the loop runs it"
    task_states "07_tasks/task_states.rs"
        "a task before and after: pending, then finished with its result"
    done_callback "07_tasks/done_callback.rs"
        "functions that are called when a task has ended, one with a bound argument"
    task_result "07_tasks/task_result.rs"
        "the result of a task, without a callback"
    await_sleep "07_tasks/await_sleep.rs"
        "a sleeping task hands control over"
    concurrent "08_waiting/concurrent.rs"
        "sleeps of 1, 2 and 4 s together take 4 s: spawn, then await one after the other"
    nested_wait "08_waiting/nested_wait.rs"
        "`wait` inside `main`: those that are done and those that are pending"
    nested_gather "08_waiting/nested_gather.rs"
        "`gather` inside `main`: results in the order of the input"
    return_gather "08_waiting/return_gather.rs"
        "`main` returns what it gathered"
    return_wait "08_waiting/return_wait.rs"
        "`main` returns done and pending"
    as_completed "08_waiting/as_completed.rs"
        "each result as soon as it is there: tasks and a channel"
    cancel_all "09_cancellation/cancel_all.rs"
        "Ctrl-C: lists the pending tasks and cancels them one by one"
    cancel_main "09_cancellation/cancel_main.rs"
        "Ctrl-C: only `main` is cancelled, and its tasks go with it"
    drop_teardown "09_cancellation/drop_teardown.rs"
        "a table: what drop, cancel, detach and the end of the executor do to a task"
    async_cleanup "09_cancellation/async_cleanup.rs"
        "work that must be awaited at the end: told to stop instead of cancelled"
    cancel_blocking "09_cancellation/cancel_blocking.rs"
        "`fib` on a blocking thread: a token stops it, nothing else can"
    cancel_safety "09_cancellation/cancel_safety.rs"
        "a timed-out `read_line` loses what it has read, and two ways that do not"
    shield "09_cancellation/shield.rs"
        "a task that is to go on when whoever waits for it gives up"
    loop_thread_calls "10_threads/loop_thread_calls.rs"
        "calls into another thread's loop: one after the other, 9 s in all"
    loop_thread_tasks "10_threads/loop_thread_tasks.rs"
        "tasks on another thread's loop: together, 6 s in all"
    master_worker "11_queue/master_worker.rs"
        "the main thread takes jobs from a queue, another thread's loop does them: typed, or from Redis"
    queue_workers "11_queue/queue_workers.rs"
        "coroutines on one loop take jobs from a queue: typed, or from Redis"
    sms_server "12_http/sms_server.rs"
        "an HTTP server: a request that waits holds up nobody"
    sms_customer "12_http/sms_customer.rs"
        "each job is an HTTP request, and what fails reaches the main thread"
    million_sleepers "13_scale/million_sleepers.rs"
        "a million tasks that sleep: what they need of memory and CPU"
    busy_server "13_scale/busy_server.rs"
        "chapter 12's server under a thousand clients of its own, on one thread"
}
