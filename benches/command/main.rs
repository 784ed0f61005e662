//! Measures this project and its alternatives on the same work, in one run.

mod jobs;
mod picture;
mod rounds;
#[path = "../../tests/tools/src/svg.rs"]
mod svg;
mod table;

use jobs::{Job, Way};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::{Command, exit};
use std::time::Instant;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "\
bench [OPTION] [JOB…]
Runs these jobs, or all of them.
  --list    lists the jobs
  --quick   one round with small numbers, to check that every job runs
  --json    prints JSON in place of tables
  --keep    runs all jobs, writes results.json, and from it the table in README.md and ratios.svg
  --render  writes the table and the picture from results.json again, without measuring
  --check   fails if they differ from results.json
Fails if a program fails. A program that is not installed is left out.";

/// The table is between two of these.
const MARK: &str = "<!-- `just bench --keep` writes what is between these. -->\n";

/// A recorded run: the machine and versions, and the results of each job.
#[derive(Serialize, Deserialize)]
struct Recorded {
    about: Vec<(String, String)>,
    jobs: BTreeMap<String, Vec<Way>>,
}

fn main() {
    if let Err(error) = run() {
        eprintln!("bench: {error}");
        exit(1);
    }
}

fn run() -> Result<()> {
    let (options, names): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|a| a.starts_with('-'));
    let option = options.first().map_or("", String::as_str);
    let mut jobs = jobs::read(option == "--quick")?;
    jobs.retain(|job| names.is_empty() || names.contains(&job.name));
    match option {
        _ if jobs.len() < names.len() => return Err("unknown job; --list lists them".into()),
        "" | "--quick" | "--json" => measure(jobs, option)?,
        "--keep" if names.is_empty() => measure(jobs, option)?,
        "--render" | "--check" if names.is_empty() => render(option == "--check")?,
        "--list" => (jobs.iter()).for_each(|job| println!("{:<14} {}", job.name, job.title)),
        "--help" => println!("{USAGE}"),
        _ => return Err(format!("unknown option {option}, or not with a job; see --help").into()),
    }
    Ok(())
}

fn measure(mut jobs: Vec<Job>, option: &str) -> Result<()> {
    let start = Instant::now();
    let about = Command::new(file("about.sh"))
        .args(env::args().skip(1))
        .output()?;
    let mut about: Vec<_> = serde_json::from_slice(&about.stdout)?;
    for job in &mut jobs {
        rounds::run(job, if option == "--quick" { 1 } else { job.rounds });
        if option != "--json" {
            table::print(job);
        }
    }
    let took = format!("{} minutes", start.elapsed().as_secs() / 60);
    about.push(("took".to_string(), took));
    let failed = |way: &Way| way.absent.as_deref() == Some(rounds::FAILED);
    let failed = jobs.iter().flat_map(|job| &job.ways).any(failed);
    if option != "--json" {
        println!("\n{}", table::section(&jobs, &about));
    }
    let jobs = jobs.into_iter().map(|job| (job.name, job.ways)).collect();
    let json = serde_json::to_string(&Recorded { about, jobs })?;
    let json = json.replace("{\"who\"", "\n{\"who\"") + "\n";
    if option == "--json" {
        print!("{json}");
    } else if option == "--keep" {
        fs::write(file("results.json"), json)?;
        render(false)?;
    }
    (!failed).then_some(()).ok_or("a program has failed".into())
}

/// Writes the table and the picture, or checks that they are up to date.
fn render(check: bool) -> Result<()> {
    let mut recorded: Recorded = serde_json::from_str(&fs::read_to_string(file("results.json"))?)?;
    let mut jobs = jobs::read(false)?;
    for job in &mut jobs {
        let expected = job.ways.len();
        job.ways = recorded.jobs.remove(&job.name).unwrap_or_default();
        if job.ways.len() != expected {
            return Err("results.json and jobs.toml differ: `just bench --keep`".into());
        }
    }
    let readme = fs::read_to_string(file("README.md"))?;
    let [before, _, after] = readme.split(MARK).collect::<Vec<_>>()[..] else {
        return Err("README.md: expected two marks around the table".into());
    };
    let section = table::section(&jobs, &recorded.about);
    let readme = format!("{before}{MARK}{section}{MARK}{after}");
    for (name, text) in [("README.md", readme), ("ratios.svg", picture::draw(&jobs))] {
        if !check {
            fs::write(file(name), text)?;
        } else if fs::read_to_string(file(name))? != text {
            return Err(format!("{name} and results.json differ: `just bench --render`").into());
        }
    }
    Ok(())
}

fn file(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}
