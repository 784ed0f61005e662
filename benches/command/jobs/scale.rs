//! What a child costs, whether there are few or a million.

use crate::job::{Contender, Figure, Job, ours, spaced, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let sizes = if quick {
        [100, 1_000, 10_000]
    } else {
        [10_000, 100_000, 1_000_000]
    };
    vec![growth(sizes), memory(sizes)]
}

/// Compared with nobody: tokio is there to show what the caches of the machine do to anyone.
fn growth(sizes: [usize; 3]) -> Job {
    const KINDS: [(&str, [&str; 4]); 5] = [
        (
            "gather",
            ["gather_few", "gather_more", "gather_many", "gather_growth"],
        ),
        (
            "as_completed",
            [
                "as_completed_few",
                "as_completed_more",
                "as_completed_many",
                "as_completed_growth",
            ],
        ),
        (
            "spawn",
            ["spawn_few", "spawn_more", "spawn_many", "spawn_growth"],
        ),
        (
            "sleep",
            ["sleep_few", "sleep_more", "sleep_many", "sleep_growth"],
        ),
        (
            "cancel",
            ["cancel_few", "cancel_more", "cancel_many", "cancel_growth"],
        ),
    ];
    let with = |who: fn(&'static str, String) -> Contender, form, kind: &str| {
        let [few, more, many] = sizes;
        who(form, format!("growth {kind} {few} {more} {many}"))
    };
    let figures = KINDS.iter().flat_map(|(kind, [names @ .., growth])| {
        let size = |(name, n): (&&'static str, usize)| {
            Figure::new(name, format!("{kind}, {}", spaced(n)), "ns", 1e9).unlimited()
        };
        let growth = Figure::new(
            growth,
            format!("{kind}, {} by {}", spaced(sizes[2]), spaced(sizes[0])),
            "times",
            1.0,
        );
        let growth = growth.unlimited().most(3.0);
        names
            .iter()
            .zip(sizes)
            .map(size)
            .chain([growth])
            .collect::<Vec<_>>()
    });
    Job {
        name: "growth",
        title: "nothing grows faster than the number of children, time a child".to_string(),
        rounds: 3,
        figures: figures.collect(),
        contenders: vec![
            with(ours, "gather", "gather"),
            with(ours, "as_completed", "as_completed"),
            with(ours, "spawn, await in order", "spawn"),
            with(ours, "sleep, CPU", "sleep"),
            with(ours, "drop every Task", "cancel"),
            with(tokio, "join_all", "current_thread gather"),
            with(tokio, "JoinSet", "current_thread as_completed"),
            with(tokio, "spawn, await in order", "current_thread spawn"),
            with(tokio, "sleep, CPU", "current_thread sleep"),
            with(tokio, "JoinSet::abort_all", "current_thread cancel"),
        ],
    }
}

fn memory(sizes: [usize; 3]) -> Job {
    let figures = ["few", "more", "many"]
        .into_iter()
        .zip(sizes)
        .map(|(name, n)| {
            Figure::new(name, format!("{} children", spaced(n)), "bytes", 1.0).unlimited()
        });
    let with = |who: fn(&'static str, String) -> Contender, form, arguments: &str| {
        let [few, more, many] = sizes;
        who(form, format!("{arguments} {few} {more} {many}")).program("memory")
    };
    Job {
        name: "memory",
        title: "waiting for a child, above the future and its result".to_string(),
        rounds: 1, // it is counted
        figures: figures.collect(),
        contenders: vec![
            with(ours, "gather", "ours gather"),
            with(ours, "gather_all", "ours gather_all"),
            with(ours, "as_completed", "ours as_completed"),
            with(ours, "spawn", "ours spawn"),
            with(ours, "spawn, wait::all_completed", "ours wait"),
            with(tokio, "join_all", "tokio join_all"),
            with(tokio, "JoinSet", "tokio join_set").limit(1.0),
            with(tokio, "spawn", "tokio spawn"),
        ],
    }
}
