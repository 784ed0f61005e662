//! What the transcripts of chapter 9 cannot show: a second Ctrl-C, one that is relayed, and an output that is
//! not read.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/watchdog.rs"]
mod watchdog;

use common::{at_the_same_time, example, start_program};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Signals within this time after the first one are taken for the same.
const SAME: Duration = Duration::from_millis(500);

/// Killed when dropped, so that a failing test leaves nothing behind.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program whose output goes into a pipe that is full, or will be: writing to it blocks its loop.
struct Stuck {
    name: &'static str,
    program: Program,
    /// For its temporary files.
    folder: PathBuf,
    output: BufReader<File>,
    /// Another writer of the same pipe.
    filler: File,
}

impl Stuck {
    /// Starts it, and waits until it handles SIGINT.
    fn start(name: &'static str, full: bool) -> Stuck {
        watchdog::end_if_it_hangs();
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let filler = writer.try_clone().unwrap().into();
        let mut command = Command::new(example(name));
        let folder = empty_folder();
        command.env("TMPDIR", &folder).stdin(Stdio::null());
        command.stdout(writer).stderr(Stdio::piped());
        if full {
            fill(&filler);
        }
        let mut stuck = Stuck {
            name,
            program: Program(command.spawn().unwrap()),
            folder,
            output: BufReader::new(reader.into()),
            filler,
        };
        drop(command); // it holds the writer
        while !handles_sigint(&stuck.program.0) {
            stuck.assert_runs_for(Duration::from_millis(5));
        }
        stuck
    }

    /// Reads its next lines, then makes the pipe full.
    fn fill_after(&mut self, lines: usize) {
        for _ in 0..lines {
            self.output.read_line(&mut String::new()).unwrap();
        }
        assert_eq!(self.output.buffer(), b"");
        fill(&self.filler);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.program.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn assert_runs_for(&mut self, time: Duration) {
        thread::sleep(time);
        assert_eq!(self.program.0.try_wait().unwrap(), None, "{}", self.name);
    }

    /// Its status, if it ends at once.
    fn ends_at_once(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            match self.program.0.try_wait().unwrap() {
                Some(status) => return status,
                None => thread::sleep(Duration::from_millis(5)),
            }
            // Its loop is blocked for ever. A busy machine may need a moment.
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(5), "{} runs on", self.name);
        }
    }

    /// All that it prints, when it is read again: what comes after the filling.
    fn read_to_the_end(mut self) -> (ExitStatus, Vec<String>, String) {
        drop(self.filler);
        let mut output = Vec::new();
        self.output.read_to_end(&mut output).unwrap();
        let lines = String::from_utf8(output).unwrap();
        let lines = lines.trim_start_matches(FILLING).lines();
        let lines = lines.map(str::to_string).collect();
        let mut errors = String::new();
        let mut stderr = self.program.0.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        (self.program.0.wait().unwrap(), lines, errors)
    }
}

const FILLING: char = '.';

/// Fills the pipe to the last byte.
fn fill(mut pipe: &File) {
    let size = fcntl_getpipe_size(pipe).unwrap();
    let filling = vec![FILLING as u8; size];
    pipe.write_all(&filling).unwrap();
}

fn empty_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("cancellation-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Whether the bit of SIGINT is set in the kernel's mask of handled signals.
fn handles_sigint(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 0b10 != 0
}

const BOTH: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn a_second_signal_ends_a_teardown_that_hangs() {
    at_the_same_time(["cancel_all", "cancel_main"].map(|name| {
        let check = move || {
            for (signal, status) in BOTH {
                let mut stuck = Stuck::start(name, false);
                stuck.fill_after(3); // all tasks have begun
                stuck.signal(Signal::INT);
                stuck.assert_runs_for(SAME * 2); // in a destructor
                stuck.signal(signal);
                assert_eq!(stuck.ends_at_once().code(), Some(status));
            }
        };
        (name, check)
    }));
}

#[test]
fn a_second_signal_ends_a_loop_that_is_blocked() {
    let programs = ["cancel_all", "cancel_main", "async_cleanup"];
    at_the_same_time(programs.map(|name| {
        let check = move || {
            let mut stuck = Stuck::start(name, true);
            stuck.assert_runs_for(SAME * 2); // in its first line of output
            stuck.signal(Signal::TERM);
            stuck.assert_runs_for(SAME * 2);
            stuck.signal(Signal::INT);
            assert_eq!(stuck.ends_at_once().code(), Some(130));
            // As its head says.
            let left = usize::from(name == "async_cleanup");
            assert_eq!(files_in(&stuck.folder), left);
        };
        (name, check)
    }));
}

#[test]
fn signals_within_half_a_second_are_one() {
    at_the_same_time(["cancel_all", "cancel_main"].map(|name| {
        let check = move || {
            for (signal, status) in BOTH {
                let mut stuck = Stuck::start(name, false);
                stuck.fill_after(3);
                for _ in 0..3 {
                    stuck.signal(signal);
                    stuck.assert_runs_for(Duration::from_millis(60));
                }
                let (ended, lines, errors) = stuck.read_to_the_end();
                assert_eq!((ended.code(), &*errors), (Some(status), ""), "{lines:?}");
                let ends = lines.iter().filter(|line| line.starts_with("Finally: "));
                assert_eq!(ends.count(), 3, "{lines:?}");
            }
        };
        (name, check)
    }));
}

/// GNU `timeout` sends its signal to the program, and then to its own process group.
#[test]
fn timeout_may_relay_the_signal() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let output = Command::new("timeout")
            .args(["--preserve-status", "--signal", signal, "1.5"])
            .arg(example("cancel_main"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let lines = format!("Finally: 2\nFinally: 2\ninterrupted by SIG{signal}\n");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.ends_with(&lines), "{stdout}");
    }
}

/// It fails (101: a panic in `main`) or ends as after any Ctrl-C. A destructor that panics would abort it.
#[test]
fn a_teardown_whose_output_is_closed_does_not_abort() {
    let programs = ["cancel_all", "cancel_main", "async_cleanup"];
    at_the_same_time(programs.map(|name| {
        let check = move || {
            let mut stuck = Stuck::start(name, name == "async_cleanup");
            if name != "async_cleanup" {
                stuck.fill_after(3);
            }
            stuck.signal(Signal::INT);
            stuck.assert_runs_for(Duration::from_millis(300)); // it is writing, most likely
            drop(stuck.output);
            let expected = match name {
                "cancel_all" | "cancel_main" => 101,
                _ => 1,
            };
            assert_eq!(
                stuck.program.0.wait().unwrap().code(),
                Some(expected),
                "{name}"
            );
            assert_eq!(files_in(&stuck.folder), 0);
        };
        (name, check)
    }));
}

/// Checks what a program has printed that has been sent a signal at some moment.
fn assert_in_order(name: &str, lines: &[String], interrupted_by: &str) {
    let with = |start: &str| -> Vec<&str> {
        let lines = lines.iter().map(String::as_str);
        lines.filter(|line| line.starts_with(start)).collect()
    };
    if name == "async_cleanup" {
        assert_eq!(lines[0], "cancelled: 0 of 3 records are in the file");
        let numbers = lines[1].strip_prefix("told to stop: ").unwrap();
        let numbers = numbers.strip_suffix(" records are in the file").unwrap();
        let (written, accepted) = numbers.split_once(" of ").unwrap();
        assert_eq!(written, accepted);
        assert_eq!(lines.len(), 2);
        return;
    }
    // What has begun has ended, and once. (A task that is cancelled early enough never begins.)
    let numbers = |start: &str| -> Vec<&str> {
        let lines = with(start).into_iter();
        lines.filter_map(|line| line.strip_prefix(start)).collect()
    };
    let (begun, mut ended) = (numbers("Waiting: "), numbers("Finally: "));
    ended.sort_unstable();
    assert_eq!(begun, ended);
    let possible = [
        &["1", "2", "2"][..],
        &["1", "2"],
        &["1"],
        &["2", "2"],
        &["2"],
        &[],
    ];
    assert!(possible.contains(&&*begun));
    if name == "cancel_main" {
        let results = [1, 2, 2].map(|n| format!("Task ret: Done after {n}s"));
        let rest = &lines[2 * begun.len()..];
        // One in the last moment comes when the results are there.
        let rest = rest.strip_prefix(&results).unwrap_or(rest);
        assert!(rest == [interrupted_by] || rest.is_empty() && begun.len() == 3);
        return;
    }
    // Those that were pending were listed, and each was cancelled.
    let pending = with("do_some_work(").len();
    assert!(pending <= 3);
    assert_eq!(with("True").len(), pending);
    let time = with("TIME: ").len(); // not there if the signal comes just before it
    assert!(time <= 1);
    let others = 2 * pending + time;
    assert_eq!(lines.len(), 2 * begun.len() + others);
}

#[test]
fn ctrl_c_at_a_random_moment() {
    let mut random = fastrand::Rng::with_seed(4);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupt");
    fs::create_dir_all(&folder).unwrap();
    let runs: Vec<_> = (0..200)
        .map(|n| {
            let (name, milliseconds) = [
                ("cancel_all", 2200),
                ("cancel_main", 2200),
                ("async_cleanup", 800),
            ][n % 3];
            let (signal, interrupted_by) = [
                (Signal::INT, "interrupted by SIGINT"),
                (Signal::INT, "interrupted by SIGINT"),
                (Signal::TERM, "interrupted by SIGTERM"),
            ][n / 3 % 3];
            let moment = Duration::from_millis(random.u64(0..milliseconds));
            let mut command = Command::new(example(name));
            command.env("TMPDIR", &folder).stdin(Stdio::null());
            thread::spawn(move || {
                let running = start_program(name, &mut command);
                thread::sleep(moment);
                running.signal(signal);
                let finished = running.finish();
                let signal_number = finished.status.signal();
                let status = finished.status.code().or(signal_number.map(|n| 128 + n));
                let expected = Some(128 + signal.as_raw());
                let context = format!("{name}, {signal:?} after {moment:?}: {finished:#?}");
                assert!(status == Some(0) || status == expected, "{context}");
                assert_eq!(finished.stderr, [""; 0], "{context}");
                // Before it prints anything it may not be listening yet, and be ended at once.
                if !finished.stdout.is_empty() {
                    println!("{context}"); // shown if it is wrong
                    assert_in_order(name, &finished.stdout, interrupted_by);
                }
                status != Some(0)
            })
        })
        .collect();
    let runs = runs.into_iter();
    let runs = runs.map(|run| run.join().expect("one of the runs went wrong"));
    let interrupted = runs.filter(|interrupted| *interrupted).count();
    // Nearly all moments are in the middle of a program.
    assert!(interrupted > 100, "only {interrupted} were interrupted");
    let left = fs::read_dir(&folder).unwrap().count();
    assert_eq!(left, 0, "files are left behind in {folder:?}");
}
