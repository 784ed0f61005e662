//! Many tasks that sleep.

use crate::job::{Contender, Figure, Job, Who, asyncio, node, ours, spaced, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let (n, million) = if quick {
        (1_000, 2_000)
    } else {
        (100_000, 1_000_000)
    };
    let mut jobs = vec![job("sleepers", n), job("sleepers_1m", million)];
    // No tasks, but one; ours is to be ahead of that, too. A million in it do not end within a minute.
    let join_all = format!("sleepers current_thread join_all {n}");
    (jobs[0].contenders).push(tokio("join_all of sleeps, current_thread", join_all).limit(1.0));
    // Ten times as long as 100 000, which is more than half a minute.
    (jobs[1].contenders).retain(|contender| contender.who != Who::Asyncio);
    jobs
}

fn job(name: &'static str, n: usize) -> Job {
    let with = |who: fn(&'static str, String) -> Contender, form, arguments: &str| {
        who(form, format!("{arguments} {n}"))
    };
    let figure = |name, title, unit, scale| Figure::new(name, title, unit, scale);
    Job {
        name,
        title: format!(
            "{} tasks sleep, each for its own time of 1 to 2 s",
            spaced(n)
        ),
        rounds: 3,
        figures: vec![
            figure("cpu", "CPU", "s", 1.0).limit(Who::Tokio, 0.5),
            figure("late", "later than the longest sleep", "ms", 1e3),
            figure("bytes", "memory a task", "bytes", 1.0).limit(Who::Tokio, 0.5),
        ],
        contenders: vec![
            with(ours, "sleep, run", "sleepers run"),
            with(ours, "sleep, LocalExecutor", "sleepers local"),
            with(ours, "sleep, StaticLocalExecutor", "sleepers static"),
            with(ours, "gather_all of sleeps, run", "sleepers gather"),
            // The steps of chapter 13, backwards.
            with(ours, "sleep, LocalExecutor, by 100", "sleepers by_100"),
            with(ours, "a Timer each, in whole ms, run", "sleepers grid"),
            with(ours, "a Timer each, run", "sleepers timers"),
            with(
                tokio,
                "spawn, current_thread",
                "sleepers current_thread spawn",
            ),
            with(tokio, "spawn, multi_thread", "sleepers multi_thread spawn"),
            with(asyncio, "create_task, gather", "sleepers.py sleepers"),
            with(node, "timers/promises, Promise.all", "sleepers.js sleepers"),
        ],
    }
}
