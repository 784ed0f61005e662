//! Runs the contenders of a job in interleaved rounds.

use crate::jobs::Job;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A contender whose runs have taken this long in total takes part in no further round.
const SECONDS: f64 = 8.0;

/// A run that takes longer than this is ended.
const PATIENCE: Duration = Duration::from_secs(60);

pub const FAILED: &str = "failed";

pub fn run(job: &mut Job, rounds: usize) {
    let n = job.ways.len();
    let mut spent = vec![0.0; n];
    for i in (0..rounds).flat_map(|round| (0..n).map(move |i| (i + round) % n)) {
        let way = &mut job.ways[i];
        if way.absent.is_some() || spent[i] > SECONDS {
            continue;
        }
        let start = Instant::now();
        match run_once(&way.command) {
            Err(reason) => way.absent = Some(reason),
            Ok(figures) => figures.into_iter().for_each(|(name, value)| {
                let runs = way.figures.entry(name).or_default();
                runs.insert(runs.partition_point(|run| *run < value), value);
            }),
        }
        spent[i] += start.elapsed().as_secs_f64();
    }
}

/// The figures that the command prints, or why there are none.
fn run_once(command: &[String]) -> Result<Vec<(String, f64)>, String> {
    let mut process = Command::new(&command[0]);
    process
        .args(&command[1..])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let Ok(mut child) = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return Err("not installed".to_string());
    };
    let _stdin = child.stdin.take(); // stays open and empty
    let pid = Pid::from_child(&child);
    let (_ended, ended) = channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("a pipe");
    let printed = String::from_utf8_lossy(&output.stdout);
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_string(), value.trim().parse().ok()?))
    };
    match (output.status.code(), printed.lines().map(figure).collect()) {
        (Some(0), Some(figures)) => Ok(figures),
        (Some(127), _) => Err("not installed".to_string()), // the status that a shell and `helper` return
        _ => {
            let (command, status) = (command.join(" "), output.status);
            eprintln!("{command}: {status}, printed {printed:?}");
            Err(FAILED.to_string())
        }
    }
}
