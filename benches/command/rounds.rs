//! Running the contenders of a job, in turns.

use crate::job::{Contender, Figure, Job, Who};
use std::collections::BTreeMap;
use std::env;
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A contender whose runs have taken so long together takes part in no further round.
pub const SECONDS: f64 = 4.0;

/// A run that takes longer than this is ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a contender has no figures.
#[derive(Clone, Copy, PartialEq)]
pub enum Absent {
    NotInstalled,
    TooSlow,
    Failed,
}

impl Absent {
    pub fn reason(self) -> String {
        match self {
            Absent::NotInstalled => "not installed".to_string(),
            Absent::TooSlow => format!("over {} s", PATIENCE.as_secs()),
            Absent::Failed => "failed".to_string(),
        }
    }
}

/// What one run has printed.
type Figures = BTreeMap<String, f64>;

/// What a contender's runs have printed, or why there are none.
pub type Runs = Result<Vec<Figures>, Absent>;

/// Runs the job; the results are in the order of its contenders.
pub fn run(job: &Job, rounds: usize) -> Vec<Runs> {
    let n = job.contenders.len();
    let mut results: Vec<Runs> = (0..n).map(|_| Ok(Vec::new())).collect();
    let mut spent = vec![0.0; n];
    for round in 0..rounds {
        for i in (0..n).map(|i| (i + round) % n) {
            let Ok(runs) = &mut results[i] else { continue };
            if spent[i] > SECONDS {
                continue;
            }
            let contender = &job.contenders[i];
            progress(job, contender, round + 1);
            let start = Instant::now();
            match run_once(contender) {
                Ok(figures) => runs.push(figures),
                Err(absent) => results[i] = Err(absent),
            }
            spent[i] += start.elapsed().as_secs_f64();
        }
    }
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    results
}

/// A line on standard error that the next one replaces.
fn progress(job: &Job, contender: &Contender, round: usize) {
    if io::stderr().is_terminal() {
        let (who, form) = (contender.who.name(), contender.form);
        eprint!("\r\x1b[K{}, round {round}: {who} {form}", job.name);
    }
}

fn run_once(contender: &Contender) -> Result<Figures, Absent> {
    let output = command(contender)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => Absent::NotInstalled,
            _ => failed(contender, &error.to_string()),
        })
        .and_then(|mut command| output(&mut command, contender))?;
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_string(), value.trim().parse().ok()?))
    };
    let figures: Option<Figures> = output.lines().map(figure).collect();
    figures.ok_or_else(|| failed(contender, &format!("it printed {output:?}")))
}

fn failed(contender: &Contender, why: &str) -> Absent {
    let (who, arguments) = (contender.who.name(), &contender.arguments);
    eprintln!("\n{who}: {arguments}: {why}");
    Absent::Failed
}

/// The command that runs this contender.
fn command(contender: &Contender) -> io::Result<Command> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let beside = |name: &str| Ok::<_, io::Error>(env::current_exe()?.with_file_name(name));
    let mut arguments = contender.arguments.split_whitespace();
    let mut file = || arguments.next().unwrap_or_default();
    let mut command = match contender.who {
        Who::Ours => Command::new(beside("ours")?),
        Who::Tokio => Command::new(beside("tokio")?),
        Who::Asyncio => {
            let mut command = Command::new("python3");
            command.arg("-B").arg(peers.join("python").join(file())); // -B: no files beside it
            command
        }
        Who::Node => {
            let mut command = Command::new("node");
            command.arg(peers.join("node").join(file()));
            command
        }
        Who::C => {
            let file = file();
            let program = beside(&format!("{file}.out"))?;
            if !program.exists() {
                let source = peers.join("c").join(file);
                let cc = Command::new("cc")
                    .arg("-O2")
                    .arg("-o")
                    .arg(&program)
                    .arg(source)
                    .status()?;
                if !cc.success() {
                    return Err(io::Error::other(format!("cc: {cc}")));
                }
            }
            Command::new(program)
        }
    };
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(command)
}

/// What the command prints, unless it takes too long.
fn output(command: &mut Command, contender: &Contender) -> Result<String, Absent> {
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Absent::NotInstalled,
        _ => failed(contender, &error.to_string()),
    })?;
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
        (Err(_), _) => Err(Absent::TooSlow),
        (Ok(Ok(output)), Ok(status)) if status.success() => Ok(output),
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
    Some(Summary {
        median: *values.get(values.len() / 2)?,
        min: *values.first()?,
        max: *values.last()?,
        runs: values.len(),
    })
}
