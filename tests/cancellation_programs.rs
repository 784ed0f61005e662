//! What the transcripts of chapter 9 cannot show: a second Ctrl-C, one that is relayed, an output that is not
//! read, and a Ctrl-C at any moment.
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
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAMS: [&str; 3] = ["cancel_all", "cancel_main", "async_cleanup"];

/// Those with destructors that print.
const PRINT: [&str; 2] = ["cancel_all", "cancel_main"];

const BOTH: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

/// Does this with each program and signal, at the same time.
fn each(programs: &[&'static str], check: impl Fn(&'static str, Signal, i32) + Sync) {
    watchdog::end_if_it_hangs();
    let check = &check;
    at_the_same_time(programs.iter().flat_map(|name| {
        BOTH.map(|(signal, status)| (*name, move || check(name, signal, status)))
    }));
}

/// A program whose output goes into a pipe that is full, or will be: writing to it blocks its loop.
/// Killed when dropped.
struct Stuck {
    program: Child,
    /// For its temporary files.
    folder: PathBuf,
    output: BufReader<File>,
    /// Another writer of the same pipe.
    filler: File,
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Stuck {
    /// Starts it, and waits until it handles signals. With a number, reads so many lines before the pipe is full.
    fn start(name: &str, lines: Option<usize>) -> Stuck {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let filler = writer.try_clone().unwrap().into();
        let folder = new_folder();
        if lines.is_none() {
            fill(&filler);
        }
        let mut command = Command::new(example(name));
        command.env("TMPDIR", &folder).stdin(Stdio::null());
        command.stdout(writer).stderr(Stdio::piped());
        let mut stuck = Stuck {
            program: command.spawn().unwrap(),
            folder,
            output: BufReader::new(reader.into()),
            filler,
        };
        drop(command); // it holds the writer
        wait_for_handlers(stuck.program.id());
        if let Some(lines) = lines {
            for _ in 0..lines {
                stuck.output.read_line(&mut String::new()).unwrap();
            }
            assert_eq!(stuck.output.buffer(), b"");
            fill(&stuck.filler);
        }
        stuck
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program), signal).unwrap();
    }

    /// Sends the signal until the program ends: its status, and after how long.
    fn ends_by(&mut self, signal: Signal) -> (Option<i32>, Duration) {
        let begin = Instant::now();
        loop {
            self.signal(signal);
            sleep(Duration::from_millis(10));
            if let Some(status) = self.program.try_wait().unwrap() {
                return (status.code(), begin.elapsed());
            }
        }
    }

    /// The exit status, and what it prints when it is read again.
    fn read_to_the_end(mut self) -> (Option<i32>, String) {
        self.filler = File::open("/dev/null").unwrap(); // the other writer is closed
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        let mut stderr = self.program.stderr.take().unwrap();
        stderr.read_to_string(&mut output).unwrap();
        (self.program.wait().unwrap().code(), output)
    }
}

/// Fills the pipe to the last byte.
fn fill(mut pipe: &File) {
    let size = fcntl_getpipe_size(pipe).unwrap();
    pipe.write_all(&vec![b' '; size]).unwrap();
}

fn new_folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    common::empty_folder(&format!("cancellation-{number}"))
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Waits until the bits of SIGINT and SIGTERM are set in the kernel's mask of handled signals.
fn wait_for_handlers(pid: u32) {
    let handles_both = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 0x4002 == 0x4002
    };
    while !handles_both() {
        sleep(Duration::from_micros(100));
    }
}

/// It is blocked before it has printed anything, or in a destructor.
#[test]
fn a_second_signal_ends_a_loop_that_is_blocked() {
    each(&PROGRAMS, |name, signal, status| {
        let all_have_begun = PRINT.contains(&name).then_some(3);
        for lines in [None, all_have_begun] {
            let mut stuck = Stuck::start(name, lines);
            stuck.signal(Signal::INT);
            let (ended, after) = stuck.ends_by(signal);
            assert_eq!(ended, Some(status));
            assert!(after >= Duration::from_millis(500), "{after:?}");
            // As its head says.
            let left = usize::from(name == "async_cleanup");
            assert_eq!(files_in(&stuck.folder), left);
        }
    });
}

/// As GNU `timeout` sends them: to the program, and then to its own process group.
#[test]
fn signals_within_half_a_second_are_one() {
    each(&PRINT, |name, signal, status| {
        let stuck = Stuck::start(name, Some(3));
        for signal in [signal, Signal::INT, Signal::TERM] {
            stuck.signal(signal);
            sleep(Duration::from_millis(50));
        }
        let (ended, output) = stuck.read_to_the_end();
        assert_eq!(ended, Some(status), "{output}");
        assert_eq!(output.matches("Finally: ").count(), 3, "{output}");
    });
}

/// It fails (101: a panic in `main`) or ends as after any Ctrl-C. A destructor that panics would abort it.
#[test]
fn a_teardown_whose_output_is_closed_does_not_abort() {
    each(&PROGRAMS, |name, signal, _| {
        let prints = PRINT.contains(&name);
        let mut stuck = Stuck::start(name, prints.then_some(3));
        stuck.signal(signal);
        sleep(Duration::from_millis(300)); // it is writing, most likely
        stuck.output = BufReader::new(File::open("/dev/null").unwrap());
        let status = stuck.program.wait().unwrap();
        assert_eq!(status.code(), Some(if prints { 101 } else { 1 }));
        assert_eq!(files_in(&stuck.folder), 0);
    });
}

/// Sends the signal this time after the program handles it, and returns whether it has interrupted the program.
fn is_interrupted(name: &str, signal: Signal, moment: Duration, folder: &Path) -> bool {
    let mut command = Command::new(example(name));
    command.env("TMPDIR", folder).stdin(Stdio::null());
    let running = start_program(name, &mut command);
    wait_for_handlers(running.pid());
    sleep(moment);
    running.signal(signal);
    let finished = running.finish();
    let signal_number = finished.status.signal();
    let status = finished.status.code().or(signal_number.map(|n| 128 + n));
    let is_interrupted = status == Some(128 + signal.as_raw());
    let context = format!("{name}, {signal:?} after {moment:?}: {finished:#?}");
    assert!(status == Some(0) || is_interrupted, "{context}");
    assert_eq!(finished.stderr, [""; 0], "{context}");
    let lines = &finished.stdout;
    // A signal may come before the tasks begin.
    if lines.is_empty() {
        return is_interrupted;
    }
    if name == "async_cleanup" {
        let expected = [
            "cancelled: 0 of 3 records are in the file",
            "told to stop: 3 of 3 records are in the file",
        ];
        assert_eq!(*lines, expected, "{context}");
        return is_interrupted;
    }
    let with = |start: &str| -> Vec<&str> {
        let lines = lines.iter().filter_map(|line| line.strip_prefix(start));
        lines.collect()
    };
    // What has begun has ended, and once. (A task that is cancelled early enough never begins.)
    let (begun, mut ended) = (with("Waiting: "), with("Finally: "));
    ended.sort_unstable();
    assert_eq!(begun, ended, "{context}");
    if name == "cancel_main" {
        let results = with("Task ret: Done after ").len();
        let interrupted_by = with("interrupted by SIG").len();
        // A signal in the last moment may find the results printed.
        let expected = [(0, 1), (3, 0), (3, 1)];
        assert!(expected.contains(&(results, interrupted_by)), "{context}");
    } else {
        let pending = with("do_some_work(").len();
        assert_eq!(with("True").len(), pending, "{context}");
    }
    is_interrupted
}

/// First early ones, one after the other, which makes them exact.
#[test]
fn ctrl_c_at_any_moment() {
    let folder = new_folder();
    let interrupted = AtomicUsize::new(0);
    let check = |name, signal, moment| {
        let count = usize::from(is_interrupted(name, signal, moment, &folder));
        interrupted.fetch_add(count, Ordering::Relaxed);
    };
    each(&PROGRAMS, |name, signal, _| {
        for n in 0..12 {
            check(name, signal, Duration::from_micros(50 * n * n));
        }
    });
    let mut random = fastrand::Rng::with_seed(4);
    let check = &check;
    at_the_same_time((0..40).map(|n| {
        let (name, signal) = (PROGRAMS[n % 3], BOTH[n / 3 % 2].0);
        let end = if PRINT.contains(&name) { 2200 } else { 800 };
        let moment = Duration::from_millis(random.u64(10..end));
        (name, move || check(name, signal, moment))
    }));
    let interrupted = interrupted.into_inner();
    assert!(interrupted > 80, "only {interrupted} were interrupted");
    assert_eq!(files_in(&folder), 0, "files are left in {folder:?}");
}
