//! A producer and workers, and a queue between them that may be full.

use crate::job::{Figure, Job, asyncio, node, ours, spaced, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let n = if quick { 2_000 } else { 200_000 };
    vec![Job {
        name: "queue",
        title: format!("{} values through a queue of 100, time a value", spaced(n)),
        rounds: 9,
        figures: vec![
            Figure::new("workers_2", "2 workers", "ns", 1e9),
            Figure::new("workers_8", "8 workers", "ns", 1e9),
        ],
        contenders: vec![
            ours("Queue, run", format!("queue queue {n}")),
            ours("async-channel, run", format!("queue run {n}")),
            ours("async-channel, LocalExecutor", format!("queue local {n}")),
            tokio(
                "mpsc, Mutex, current_thread",
                format!("queue current_thread mpsc {n}"),
            ),
            tokio(
                "mpsc, Mutex, in block_on",
                format!("queue block_on mpsc {n}"),
            ),
            tokio(
                "mpsc, Mutex, multi_thread",
                format!("queue multi_thread mpsc {n}"),
            ),
            tokio(
                "recv_many, Mutex, current_thread",
                format!("queue current_thread recv_many {n}"),
            ),
            tokio(
                "recv_many, Mutex, in block_on",
                format!("queue block_on recv_many {n}"),
            ),
            tokio(
                "recv_many, Mutex, multi_thread",
                format!("queue multi_thread recv_many {n}"),
            ),
            // smol's own channel on tokio: to look at, no limit.
            tokio(
                "async-channel, current_thread",
                format!("queue current_thread channel {n}"),
            )
            .unlimited(),
            tokio(
                "async-channel, in block_on",
                format!("queue block_on channel {n}"),
            )
            .unlimited(),
            tokio(
                "async-channel, multi_thread",
                format!("queue multi_thread channel {n}"),
            )
            .unlimited(),
            asyncio("Queue", format!("queues.py queue {n}")),
            node("by hand", format!("queues.js queue {n}")),
        ],
    }]
}
