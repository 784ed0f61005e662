//! Shared by the programs of this chapter: a number on the command line, a line with the progress on the terminal,
//! and the resources used in the end.

use smol::Timer;
use smol::future;
use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often the line on the terminal is drawn.
const REDRAW: Duration = Duration::from_millis(100);

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How many of something a program can have, and has if the command line does not say.
pub struct Range {
    pub of_what: &'static str,
    pub default: usize,
    pub most: usize,
}

/// Reads the command line, and prints what `run` returns.
///
/// The exit status is 0 if that succeeds or standard output is closed, 1 for any other error, and 2 for an invalid
/// command line.
pub fn main(range: &Range, run: impl FnOnce(usize) -> Result<String, Error>) -> ExitCode {
    let complain = |text: &str| {
        let _ = writeln!(io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
    };
    let n = match range.number() {
        Ok(n) => n,
        Err(wrong) => {
            complain(&wrong);
            return ExitCode::from(2);
        }
    };
    let text = match run(n) {
        Ok(text) => text,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

impl Range {
    /// The number on the command line, or what is wrong with it.
    fn number(&self) -> Result<usize, String> {
        let Range {
            of_what,
            default,
            most,
        } = self;
        let mut arguments = std::env::args_os().skip(1);
        let Some(first) = arguments.next() else {
            return Ok((*default).min(*most));
        };
        if let Some(second) = arguments.next() {
            return Err(format!("{second:?}: expected no second argument"));
        }
        match first.to_str().and_then(|text| text.parse().ok()) {
            Some(n) if (1..=*most).contains(&n) => Ok(n),
            _ => Err(format!(
                "{first:?}: expected a number of {of_what} from 1 to {most}"
            )),
        }
    }
}

/// One more.
pub fn count(one: &Cell<usize>) {
    one.set(one.get() + 1);
}

/// Does the work, and meanwhile shows `line` if standard error is a terminal. At the end it is wiped.
pub async fn with_progress<T>(line: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let _wiped = Wiped;
    let redraw = async {
        loop {
            let _ = write!(io::stderr(), "\r{}{TO_THE_END}", line());
            Timer::after(REDRAW).await;
        }
    };
    future::or(work, redraw).await
}

/// The terminal's code to delete the rest of the line.
const TO_THE_END: &str = "\x1b[K";

struct Wiped;

impl Drop for Wiped {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r{TO_THE_END}");
    }
}

/// The resources that the process had used when the work began.
pub struct Meter {
    begin: Instant,
    cpu: Option<Duration>,
    memory: Option<u64>,
}

impl Meter {
    pub fn start() -> Meter {
        Meter {
            begin: Instant::now(),
            cpu: cpu_time(),
            memory: peak_memory(),
        }
    }

    /// A line with the time since then.
    pub fn time(&self) -> String {
        format!("time: {:.2} s\n", self.begin.elapsed().as_secs_f64())
    }

    /// A line with the CPU time since then, in all and for each of so many `actions`. Empty where the system is
    /// not asked for it.
    pub fn cpu(&self, label: &str, actions: usize, action: &str) -> String {
        let (Some(before), Some(now)) = (self.cpu, cpu_time()) else {
            return String::new();
        };
        let used = (now - before).as_secs_f64();
        let each = used * 1e6 / actions as f64;
        format!("{label}: {used:.2} s, {each:.1} µs a {action}\n")
    }

    /// A line with the memory of the process at its peak, and what of it came since then for each of so many
    /// `things`. Empty where the system is not asked for it.
    pub fn memory(&self, things: usize, thing: &str) -> String {
        let (Some(before), Some(now)) = (self.memory, peak_memory()) else {
            return String::new();
        };
        let peak = now as f64 / 1e6;
        let each = (now - before) as f64 / things as f64;
        format!("peak memory: {peak:.1} MB, {each:.1} bytes a {thing}\n")
    }
}

/// The CPU time of this process since its start: of all its threads, in user mode and in the kernel.
///
/// `None` except on Linux and macOS.
pub fn cpu_time() -> Option<Duration> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::time::{ClockId, clock_gettime};
        clock_gettime(ClockId::ProcessCPUTime).try_into().ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    None
}

/// The most memory that this process has had at any time so far, in bytes. It counts resident memory, including
/// the program and its libraries, and never goes down. The system counts pages, not quite exactly. `None` except
/// on Linux.
pub fn peak_memory() -> Option<u64> {
    if cfg!(target_os = "linux") {
        peak_in(&std::fs::read_to_string("/proc/self/status").ok()?)
    } else {
        None
    }
}

/// The peak in the text of `/proc/self/status`, whose `kB` are 1024 bytes.
pub fn peak_in(status: &str) -> Option<u64> {
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}
