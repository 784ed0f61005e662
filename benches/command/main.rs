//! Measures this project and what one would use in its place, on the same work, in one run.

mod job;
mod jobs;
mod machine;
mod results;
mod rounds;
mod svg;
mod table;

use job::Job;
use results::{Results, Row};
use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

const USAGE: &str = "\
bench [OPTION…] [JOB…]
Runs these jobs, or all of them.
  --list      the jobs, and nothing else
  --quick     one round with small numbers: to see that everything runs
  --check     ends with status 1 if a limit is not kept
  --json      prints JSON in place of tables
  --svg FILE  draws the ratios
Ends with status 1, too, if a program has failed; that one is not installed is no failure.
";

#[derive(Default)]
struct Options {
    list: bool,
    quick: bool,
    check: bool,
    json: bool,
    svg: Option<String>,
    jobs: Vec<String>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("bench: {message}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if the user has asked for help.
fn options() -> Result<Option<Options>, String> {
    let mut options = Options::default();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => options.list = true,
            "--quick" => options.quick = true,
            "--check" => options.check = true,
            "--json" => options.json = true,
            "--svg" => options.svg = Some(arguments.next().ok_or("--svg needs a FILE")?),
            "--help" | "-h" => return Ok(None),
            option if option.starts_with('-') => {
                return Err(format!("no option '{option}'; --help"));
            }
            job if jobs::all(true).iter().any(|known| known.name == job) => {
                options.jobs.push(argument);
            }
            job => return Err(format!("no job '{job}'; --list lists them")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut jobs = jobs::all(options.quick);
    jobs.retain(|job| options.jobs.is_empty() || options.jobs.iter().any(|name| name == job.name));
    if options.list {
        for job in &jobs {
            println!("{:<14} {}", job.name, job.title);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut all = Vec::new();
    for job in &jobs {
        if options.json {
            eprintln!("{}", job.name);
        }
        let results = run_job(job, if options.quick { 1 } else { job.rounds });
        if !options.json {
            table::print(&results);
        }
        all.extend(results);
    }
    if let Some(file) = &options.svg {
        fs::write(file, svg::draw(&all)).map_err(|error| format!("{file}: {error}"))?;
    }
    if options.json {
        println!("{:#}", table::json(&all));
    } else {
        table::print_summary(&all);
    }
    let broken = |results: &Results| results.rows.iter().any(|row| results.broken(row).is_some());
    let failed = |results: &Results| results.rows.iter().any(Row::has_failed);
    let bad = all.iter().any(failed) || options.check && all.iter().any(broken);
    Ok(if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The results of each of the job's figures.
fn run_job(job: &Job, rounds: usize) -> Vec<Results<'_>> {
    let runs = rounds::run(job, rounds);
    let results = job
        .figures
        .iter()
        .map(|figure| Results::new(job, figure, &runs));
    results.collect()
}
