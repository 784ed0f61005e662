//! Spawning tasks, waiting for many, and cancelling them.

use crate::job::{Contender, Figure, Job, Who, asyncio, node, ours, spaced, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let (spawned, cancelled) = if quick {
        (10_000, 1_000)
    } else {
        (1_000_000, 100_000)
    };
    let awaited = if quick { 1_000 } else { 200_000 };
    let (small, large) = if quick {
        (100, 1_000)
    } else {
        (10_000, 100_000)
    };
    let on = |job: &str, n: usize| {
        vec![
            ours("run", format!("{job} run {n}")),
            ours("LocalExecutor", format!("{job} local {n}")),
            ours("StaticLocalExecutor", format!("{job} static {n}")),
            tokio("current_thread", format!("{job} current_thread {n}")),
            tokio("current_thread, in block_on", format!("{job} block_on {n}")),
            tokio("multi_thread", format!("{job} multi_thread {n}")),
            asyncio("create_task", format!("tasks.py {job} {n}")),
            node("async functions", format!("tasks.js {job} {n}")),
        ]
    };
    let many = |who: fn(&'static str, String) -> Contender, form, arguments: &str| {
        who(form, format!("{arguments} {small} {large}"))
    };
    vec![
        Job {
            name: "gather",
            title: "children together, results in order, time a child".to_string(),
            rounds: 5,
            figures: children(small, large),
            contenders: vec![
                many(ours, "gather, run", "gather run"),
                many(ours, "gather, LocalExecutor", "gather local"),
                many(ours, "spawn each, await in order", "gather spawn"),
                many(
                    tokio,
                    "join_all, current_thread",
                    "gather current_thread join_all",
                ),
                many(
                    tokio,
                    "join_all, multi_thread",
                    "gather multi_thread join_all",
                ),
                // With main as a task its budget makes this quadratic: 100 000 take seconds.
                many(
                    tokio,
                    "join_all of tasks, in block_on",
                    "gather block_on tasks",
                ),
                many(asyncio, "gather", "waiting.py gather"),
                many(node, "Promise.all", "waiting.js gather"),
            ],
        },
        Job {
            name: "as_completed",
            title: "children together, results as they come, time a child".to_string(),
            rounds: 5,
            figures: children(small, large),
            contenders: vec![
                many(ours, "as_completed, run", "as_completed run"),
                many(ours, "as_completed, LocalExecutor", "as_completed local"),
                many(
                    tokio,
                    "JoinSet, current_thread",
                    "as_completed current_thread join_set",
                ),
                many(
                    tokio,
                    "JoinSet, multi_thread",
                    "as_completed multi_thread join_set",
                ),
                // No part of tokio, and ours is to be ahead of it all the same.
                many(
                    tokio,
                    "FuturesUnordered, current_thread",
                    "as_completed current_thread unordered",
                )
                .limit(1.0),
                many(asyncio, "as_completed", "waiting.py as_completed"),
                many(node, "then of each", "waiting.js as_completed"),
            ],
        },
        Job {
            name: "spawn_join",
            title: format!("spawn {} tasks, then await them all", spaced(spawned)),
            rounds: 7,
            figures: vec![Figure::new("seconds", "a task", "ns", 1e9)],
            contenders: on("spawn_join", spawned),
        },
        Job {
            name: "spawn_await",
            title: format!("spawn a task and await it, {} times", spaced(awaited)),
            rounds: 7,
            figures: vec![Figure::new("seconds", "a task", "ns", 1e9)],
            contenders: on("spawn_await", awaited),
        },
        Job {
            name: "cancel",
            title: format!(
                "cancel {} sleeping tasks, to the last destructor",
                spaced(cancelled)
            ),
            rounds: 7,
            figures: vec![Figure::new("seconds", "a task", "ns", 1e9)],
            contenders: vec![
                ours("drop every Task", format!("cancel drop {cancelled}")),
                ours("the end of run", format!("cancel end {cancelled}")),
                ours(
                    "a task group that fails",
                    format!("cancel group {cancelled}"),
                ),
                ours(
                    "drop every Task, Timers",
                    format!("cancel timers {cancelled}"),
                ),
                tokio(
                    "JoinSet, current_thread",
                    format!("cancel current_thread join_set {cancelled}"),
                ),
                tokio(
                    "JoinSet, multi_thread",
                    format!("cancel multi_thread join_set {cancelled}"),
                ),
                tokio(
                    "abort each, current_thread",
                    format!("cancel current_thread abort {cancelled}"),
                ),
                tokio(
                    "abort each, multi_thread",
                    format!("cancel multi_thread abort {cancelled}"),
                ),
                tokio(
                    "drop the runtime, current_thread",
                    format!("cancel current_thread runtime {cancelled}"),
                ),
                tokio(
                    "drop the runtime, multi_thread",
                    format!("cancel multi_thread runtime {cancelled}"),
                ),
                asyncio(
                    "cancel each, gather",
                    format!("tasks.py cancel {cancelled}"),
                ),
                node("AbortController", format!("tasks.js cancel {cancelled}")),
            ],
        },
    ]
}

fn children(few: usize, many: usize) -> Vec<Figure> {
    let figure = |name, kind, n| {
        let title = format!("{kind}, {} of them", spaced(n));
        Figure::new(name, title, "ns", 1e9).limit(Who::Tokio, 0.5)
    };
    vec![
        figure("ready_few", "ready", few),
        figure("ready_many", "ready", many),
        figure("yields_few", "yields once", few),
        figure("yields_many", "yields once", many),
    ]
}
