//! What the transcripts of chapter 9 cannot show: a second Ctrl-C, one that is relayed, and an output that is
//! not read.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/watchdog.rs"]
mod watchdog;

use common::{at_the_same_time, example};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
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
