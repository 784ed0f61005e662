//! Computing: the plain function, and one that gives way at every call.

use crate::job::{Figure, Job, Who, asyncio, c, node, ours, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let (n, small) = if quick { (25, 15) } else { (37, 25) };
    vec![
        Job {
            name: "fib",
            title: format!("fib({n}) by recursion"),
            rounds: 11,
            figures: vec![Figure::new("seconds", "time", "ms", 1e3).limit(Who::C, 1.1)],
            contenders: vec![
                ours("plain function", format!("fib {n}")),
                asyncio("plain function", format!("fibs.py fib {n}")),
                node("plain function", format!("fibs.js fib {n}")),
                c("cc -O2", format!("fib.c {n}")),
            ],
        },
        Job {
            name: "fib_coroutine",
            title: format!("fib({small}) that gives way at every call"),
            rounds: 9,
            figures: vec![Figure::new("seconds", "time", "ms", 1e3)],
            contenders: vec![
                ours("event_loop", format!("fib_coroutine event_loop {small}")),
                ours("run", format!("fib_coroutine run {small}")),
                tokio(
                    "current_thread",
                    format!("fib_coroutine current_thread {small}"),
                ),
                tokio(
                    "current_thread, in block_on",
                    format!("fib_coroutine block_on {small}"),
                ),
                tokio(
                    "multi_thread",
                    format!("fib_coroutine multi_thread {small}"),
                ),
                asyncio("the article's loop", format!("fibs.py article {small}")),
                asyncio("asyncio.sleep(0)", format!("fibs.py coroutine {small}")),
                node("setImmediate", format!("fibs.js immediate {small}")),
            ],
        },
    ]
}
