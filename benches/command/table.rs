//! The results as text, for the terminal and for the page.

use crate::jobs::{Figure, Job, PEERS, figures, spaced};
use std::collections::{BTreeMap, BTreeSet};

/// The figures of one job, a line for each contender.
pub fn print(job: &Job) {
    println!("\n=== {}: {}", job.name, job.title);
    for figure in &job.figures {
        let title = format!("{}, {}", figure.title.replace('`', ""), figure.unit);
        println!("{title:<54}    median      best     worst  runs   ours/this");
        for way in &job.ways {
            let name = format!("  {:<9} {}", way.who, way.form);
            if let Some(reason) = &way.absent {
                println!("{name:<54} {reason:>9}");
            } else if let Some(summary) = way.summary(figure) {
                let ours = job.best(figure, "ours").map_or(f64::NAN, |best| best.1);
                let [median, best, worst] = summary.map(|value| in_unit(figure, value));
                let (runs, ratio) = (way.figures[&figure.name].len(), shown(ours / summary[0]));
                println!("{name:<54} {median:>9} {best:>9} {worst:>9} {runs:>5}   {ratio}");
            }
        }
    }
}

/// What `just bench --keep` writes into the page.
pub fn section(jobs: &[Job], about: &[(String, String)]) -> String {
    let mut text = targets(jobs);
    text += "\n| | here | tokio | asyncio | Node.js | others |\n|---|---|---|---|---|---|\n";
    for (job, figure) in figures(jobs) {
        let [tokio, asyncio, node, async_std, c] = PEERS.map(|who| cell(job, figure, who));
        let (title, ours) = (&figure.title, cell(job, figure, "ours"));
        let cells = format!("{tokio} | {asyncio} | {node} | {async_std}{c}");
        text += &format!("| {title} | {ours} | {cells} |\n");
    }
    let about: Vec<_> = about.iter().map(|(_, value)| value.as_str()).collect();
    text + &format!("\n({}.)\n", about.join("; "))
}

fn targets(jobs: &[Job]) -> String {
    let mut limits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (job, figure) in figures(jobs).filter(|(_, figure)| figure.limit != 1.0) {
        let jobs = limits.entry(figure.limit.to_string()).or_default();
        jobs.insert(format!("`{}`", job.name));
    }
    let mut text = "Targets: less than tokio, asyncio and Node.js take, in every job".to_string();
    for (limit, jobs) in limits {
        let jobs = Vec::from_iter(jobs).join(", ");
        text += &format!("; at most {limit} times what tokio takes in {jobs}");
    }
    text + ". What misses its target is bold.\n"
}

/// The best median of a peer, with the ratio of ours to it.
fn cell(job: &Job, figure: &Figure, who: &str) -> String {
    let Some((way, median, ratio, missed)) = job.best(figure, who) else {
        return String::new();
    };
    let median = format!("{} {}", in_unit(figure, median), figure.unit);
    let bold = if missed { "**" } else { "" };
    let from = if way.from.is_empty() { "" } else { "; " };
    let ratio = format!("{bold}{}{bold}{from}{}", shown(ratio), way.from);
    match who {
        "ours" => median,
        "async-std" | "C" => format!("{who} {median} ({ratio})"),
        _ => format!("{median} ({ratio})"),
    }
}

fn in_unit(figure: &Figure, value: f64) -> String {
    shown(match figure.unit.as_str() {
        "ms" => value * 1e3,
        "µs" => value * 1e6,
        "ns" => value * 1e9,
        "kB" => value / 1e3,
        "MB" => value / 1e6,
        "/s" => 1.0 / value,
        _ => value,
    })
}

/// With two significant digits.
fn shown(value: f64) -> String {
    match value {
        ..0.0995 => format!("{value:.3}"),
        0.0995..9.995 => format!("{value:.2}"),
        _ => spaced(value.round() as u64),
    }
}
