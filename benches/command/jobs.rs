//! The jobs, read from `jobs.toml`, which explains its fields.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;

/// In the order of the table. The first three have targets.
pub const PEERS: [&str; 5] = ["tokio", "asyncio", "Node", "async-std", "C"];

#[derive(Deserialize)]
pub struct Job {
    pub name: String,
    pub title: String,
    pub rounds: usize,
    full: BTreeMap<String, u64>,
    quick: Option<BTreeMap<String, u64>>,
    pub figures: Vec<Figure>,
    contenders: String,
    #[serde(skip)]
    pub ways: Vec<Way>,
}

#[derive(Deserialize)]
pub struct Figure {
    pub name: String,
    pub unit: String,
    pub title: String,
    /// The target: the largest ratio of our cost to tokio's. 0 is no target.
    pub limit: f64,
}

/// A contender and the figures of its runs, sorted.
#[derive(Default, Serialize, Deserialize)]
pub struct Way {
    pub who: String,
    pub form: String,
    pub from: String,
    #[serde(skip)]
    pub command: Vec<String>,
    pub figures: BTreeMap<String, Vec<f64>>,
    /// Why there are no figures.
    pub absent: Option<String>,
}

impl Way {
    /// The median, the best and the worst.
    pub fn summary(&self, figure: &Figure) -> Option<[f64; 3]> {
        let runs = self.figures.get(&figure.name)?;
        let median = (runs[(runs.len() - 1) / 2] + runs[runs.len() / 2]) / 2.0;
        Some([median, runs[0], runs[runs.len() - 1]])
    }
}

/// The figures with a target: those of the table.
pub fn figures(jobs: &[Job]) -> impl Iterator<Item = (&Job, &Figure)> {
    let all = (jobs.iter()).flat_map(|job| job.figures.iter().map(move |figure| (job, figure)));
    all.filter(|(_, figure)| figure.limit > 0.0)
}

impl Job {
    /// The way of a peer with the smallest median, that median, ours divided by it, and whether this misses
    /// the target.
    pub fn best(&self, figure: &Figure, who: &str) -> Option<(&Way, f64, f64, bool)> {
        let of = |who| {
            let ways = self.ways.iter().filter(move |way| way.who == who);
            let medians = ways.filter_map(|way| Some((way.summary(figure)?[0], way)));
            medians.min_by(|(a, _), (b, _)| f64::total_cmp(a, b))
        };
        let (median, way) = of(who)?;
        let ratio = of("ours")?.0 / median;
        let most = if who == "tokio" { f64::MAX } else { 1.0 };
        let missed = PEERS[..3].contains(&who) && ratio > figure.limit.min(most);
        Some((way, median, ratio, missed))
    }
}

/// All jobs, or those that are quick.
pub fn read(quick: bool) -> Result<Vec<Job>, toml::de::Error> {
    let mut file: BTreeMap<String, Vec<Job>> = toml::from_str(include_str!("../jobs.toml"))?;
    let mut jobs = file.remove("job").unwrap_or_default();
    jobs.retain(|job| !quick || job.quick.is_some());
    for job in &mut jobs {
        let numbers = job.quick.as_ref().filter(|_| quick).unwrap_or(&job.full);
        job.title = filled(&job.title, numbers, spaced);
        for figure in &mut job.figures {
            figure.title = filled(&figure.title, numbers, spaced);
        }
        let lines = filled(&job.contenders, numbers, |n| n.to_string());
        job.ways = lines.lines().map(way).collect();
    }
    Ok(jobs)
}

fn way(line: &str) -> Way {
    let mut columns = line.split('|').map(|column| column.trim().to_string());
    let mut way = Way::default();
    let command;
    [way.who, way.form, command, way.from] = [(); 4].map(|()| columns.next().unwrap_or_default());
    let bin = env::current_exe().unwrap_or_default().with_file_name("");
    let bin = bin.to_string_lossy();
    way.command = (command
        .split_whitespace()
        .map(|word| word.replace("{bin}/", &bin)))
    .collect();
    way
}

/// Replaces the names in braces.
fn filled(text: &str, numbers: &BTreeMap<String, u64>, shown: fn(u64) -> String) -> String {
    numbers.iter().fold(text.to_string(), |text, (name, n)| {
        text.replace(&format!("{{{name}}}"), &shown(*n))
    })
}

/// Groups the digits by thousands.
pub fn spaced(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        _ => format!("{} {:03}", spaced(n / 1_000), n % 1_000),
    }
}
