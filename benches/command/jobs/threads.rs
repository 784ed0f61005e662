//! Calls into another thread's loop.

use crate::job::{Figure, Job, asyncio, node, ours, spaced, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let (one_by_one, at_once) = if quick {
        (200, 1_000)
    } else {
        (10_000, 100_000)
    };
    let calls = |arguments: &str| format!("{arguments} {one_by_one} {at_once}");
    let at_once = format!("{} at once", spaced(at_once));
    vec![Job {
        name: "thread_call",
        title: "calls into another thread's loop and back, time a call".to_string(),
        rounds: 9,
        figures: vec![
            Figure::new("latency", "one after the other", "µs", 1e6),
            Figure::new("rate", at_once, "µs", 1e6),
        ],
        contenders: vec![
            ours("a channel of closures", calls("thread_call closures")),
            ours("Executor::spawn", calls("thread_call spawn")),
            tokio(
                "Handle::spawn, current_thread",
                calls("thread_call current_thread spawn"),
            ),
            tokio(
                "Handle::spawn, multi_thread",
                calls("thread_call multi_thread spawn"),
            ),
            tokio(
                "mpsc and oneshot, current_thread",
                calls("thread_call current_thread channels"),
            ),
            tokio(
                "mpsc and oneshot, multi_thread",
                calls("thread_call multi_thread channels"),
            ),
            asyncio("run_coroutine_threadsafe", calls("threads.py thread_call")),
            node("postMessage to a Worker", calls("threads.js thread_call")),
        ],
    }]
}
