//! What the programs of this chapter have in common: a number on the command line, a line on the terminal
//! that says how far they are, and what they have used in the end.

use asyncio_to_smol::usage::{cpu_time, peak_memory};
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
/// The exit status is 0 if that succeeds or the reader of standard output has gone, 1 for any other error, and
/// 2 for a command line that is not understood.
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

/// Does the work, and meanwhile shows `line` where somebody sees it: on a terminal. At the end it is wiped.
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

/// What a terminal takes for: delete the rest of the line.
const TO_THE_END: &str = "\x1b[K";

struct Wiped;

impl Drop for Wiped {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r{TO_THE_END}");
    }
}

/// What the process had used when the work began.
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

    /// Time, CPU and memory since then: CPU for each of so many of these, and memory for each of those.
    pub fn figures(
        self,
        (actions, action): (usize, &str),
        (things, thing): (usize, &str),
    ) -> String {
        let time = self.begin.elapsed().as_secs_f64();
        let mut text = format!("time: {time:.2} s\n");
        if let (Some(before), Some(now)) = (self.cpu, cpu_time()) {
            let used = (now - before).as_secs_f64();
            let each = used * 1e6 / actions as f64;
            text += &format!("CPU: {used:.2} s, {each:.1} µs a {action}\n");
        }
        if let (Some(before), Some(now)) = (self.memory, peak_memory()) {
            let each = (now - before) as f64 / things as f64;
            let peak = now as f64 / 1e6;
            text += &format!("peak memory: {peak:.1} MB, {each:.1} bytes a {thing}\n");
        }
        text
    }
}
