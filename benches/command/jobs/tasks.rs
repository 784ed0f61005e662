//! Spawning tasks and awaiting them.

use crate::job::{Figure, Job, asyncio, node, ours, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let million = if quick { 10_000 } else { 1_000_000 };
    vec![Job {
        name: "spawn_join",
        title: format!("spawn {million} tasks, then await them all"),
        rounds: 7,
        figures: vec![Figure::new("seconds", "a task", "ns", 1e9)],
        contenders: vec![
            ours("run", format!("spawn_join run {million}")),
            ours("LocalExecutor", format!("spawn_join local {million}")),
            tokio(
                "current_thread",
                format!("spawn_join current_thread {million}"),
            ),
            tokio("multi_thread", format!("spawn_join multi_thread {million}")),
            asyncio("create_task", format!("tasks.py spawn_join {million}")),
            node("async functions", format!("tasks.js spawn_join {million}")),
        ],
    }]
}
