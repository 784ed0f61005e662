//! Running the contenders of a job, in turns.

use crate::job::{Contender, Figure, Job, Who};
use std::collections::BTreeMap;
use std::env;
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// A contender whose runs have taken so long together takes part in no further round.
pub const SECONDS: f64 = 4.0;

/// A run that takes longer than this is ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there are no figures, if the program has not done its job.
pub const FAILED: &str = "failed";
const NOT_INSTALLED: &str = "not installed";

/// What one run has printed.
type Figures = BTreeMap<String, f64>;

/// What a contender's runs have printed, or in two words why there are none.
pub type Runs = Result<Vec<Figures>, String>;

/// Runs the job; the results are in the order of its contenders.
pub fn run(job: &Job, rounds: usize) -> Vec<Runs> {
    let n = job.contenders.len();
    let ready = |contender| prepare(contender).map(|()| Vec::new());
    let mut results: Vec<Runs> = job.contenders.iter().map(ready).collect();
    let mut spent = vec![0.0; n];
    for round in 0..rounds {
        let mut turns: Vec<usize> = (0..n).map(|i| (i + round) % n).collect();
        turns.retain(|i| results[*i].is_ok() && spent[*i] <= SECONDS);
        let together = job.contenders.iter().all(|contender| contender.together);
        let at_once = if together { n } else { 1 };
        for turn in turns.chunks(at_once) {
            progress(job, &job.contenders[turn[0]], round + 1);
            let start = Instant::now();
            for (i, run) in run_at_once(job, turn) {
                match (&mut results[i], run) {
                    (Ok(runs), Ok(figures)) => runs.push(figures),
                    (result, Err(absent)) => *result = Err(absent),
                    (Err(_), Ok(_)) => {}
                }
                spent[i] += start.elapsed().as_secs_f64();
            }
        }
    }
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    results
}

/// The contenders with these numbers.
fn run_at_once(job: &Job, turn: &[usize]) -> Vec<(usize, Result<Figures, String>)> {
    thread::scope(|scope| {
        let start = |i: usize| (i, scope.spawn(move || run_once(job, &job.contenders[i])));
        let threads: Vec<_> = turn.iter().copied().map(start).collect();
        let join = |(i, thread): (usize, ScopedJoinHandle<_>)| (i, thread.join());
        let runs = threads.into_iter().map(join);
        runs.map(|(i, run)| (i, run.expect("no panic"))).collect()
    })
}

/// A line on standard error that the next one replaces.
fn progress(job: &Job, contender: &Contender, round: usize) {
    if io::stderr().is_terminal() {
        let (who, form) = (contender.who.name(), contender.form);
        eprint!("\r\x1b[K{}, round {round}: {who} {form}", job.name);
    }
}

/// Compiles a program in C.
fn prepare(contender: &Contender) -> Result<(), String> {
    if contender.who != Who::C {
        return Ok(());
    }
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-o"])
        .args([program(contender), source(contender)]);
    match cc.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(contender, &status.to_string())),
        Err(error) => Err(not_started(contender, &error)),
    }
}

fn run_once(job: &Job, contender: &Contender) -> Result<Figures, String> {
    let mut command = Command::new(program(contender));
    if contender.helped {
        command = Command::new(beside("helper"));
        command.arg(job.name).arg(program(contender));
    }
    if contender.who == Who::Asyncio {
        command.arg("-B"); // no files beside it
    }
    let mut arguments = contender.arguments.split_whitespace();
    if matches!(contender.who, Who::Asyncio | Who::Node | Who::C) {
        arguments.next();
    }
    if matches!(contender.who, Who::Asyncio | Who::Node) {
        command.arg(source(contender));
    }
    let output = output(command.args(arguments), contender)?;
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_string(), value.trim().parse().ok()?))
    };
    let figures: Option<Figures> = output.lines().map(figure).collect();
    figures.ok_or_else(|| failed(contender, &format!("it printed {output:?}")))
}

/// The file under `peers/` that the arguments begin with.
fn source(contender: &Contender) -> PathBuf {
    let language = match contender.who {
        Who::Asyncio => "python",
        Who::Node => "node",
        _ => "c",
    };
    let file = contender.arguments.split_whitespace().next();
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    peers.join(language).join(file.unwrap_or_default())
}

/// What is to be started.
fn program(contender: &Contender) -> PathBuf {
    let name = contender.program.unwrap_or(match contender.who {
        Who::Ours => "ours",
        Who::Tokio => "tokio",
        Who::Asyncio => return PathBuf::from("python3"),
        Who::Node => return PathBuf::from("node"),
        Who::C => "in_c",
    });
    beside(name)
}

/// One that is in the target folder, like this one.
fn beside(name: &str) -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name(name)
}

fn not_started(contender: &Contender, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => NOT_INSTALLED.to_string(),
        _ => failed(contender, &error.to_string()),
    }
}

fn failed(contender: &Contender, why: &str) -> String {
    let (who, arguments) = (contender.who.name(), &contender.arguments);
    eprintln!("\n{who}: {arguments}: {why}");
    FAILED.to_string()
}

/// What the command prints, unless it takes too long.
fn output(command: &mut Command, contender: &Contender) -> Result<String, String> {
    // Its standard input stays open, and nothing comes.
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = command.spawn();
    let mut child = child.map_err(|error| not_started(contender, &error))?;
    let mut stdout = child.stdout.take().expect("it is a pipe");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = String::new();
        let _ = sender.send(stdout.read_to_string(&mut output).map(|_| output));
    });
    let output = receiver.recv_timeout(PATIENCE);
    if output.is_err() {
        let _ = child.kill();
    }
    let status = child.wait();
    match (output, status) {
        (Err(_), _) => Err(format!("over {} s", PATIENCE.as_secs())),
        (Ok(Ok(output)), Ok(status)) if status.success() => Ok(output),
        // What a shell says, and `helper`.
        (Ok(Ok(_)), Ok(status)) if status.code() == Some(127) => Err(NOT_INSTALLED.to_string()),
        (Ok(Ok(_)), Ok(status)) => Err(failed(contender, &status.to_string())),
        (Ok(Err(error)), _) | (_, Err(error)) => Err(failed(contender, &error.to_string())),
    }
}

/// One number over all runs of a contender.
#[derive(Clone, Copy)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub runs: usize,
}

/// `None` if it has not printed this figure.
pub fn summary(runs: &[Figures], figure: &Figure) -> Option<Summary> {
    let mut values: Vec<f64> = runs
        .iter()
        .filter_map(|run| run.get(figure.name).copied())
        .collect();
    values.sort_by(f64::total_cmp);
    let runs = values.len();
    let median = |values: &[f64]| (values[(runs - 1) / 2] + values[runs / 2]) / 2.0;
    Some(Summary {
        min: *values.first()?,
        max: *values.last()?,
        median: median(&values),
        runs,
    })
}
