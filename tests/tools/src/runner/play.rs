//! Runs a program as a transcript shows it: types the numbers, sends Ctrl-C where it shows `^C`, and compares
//! the output.

use super::Result;
use super::head::Program;
use super::process::Running;
pub use super::process::is_greeting;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

/// The time limit of a program: longer than any takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(50);

/// This many greetings may be printed where none is shown: they were due while a line was on its way. A program
/// that keeps greeting prints ten in that time.
const STRAY: usize = 4;

/// How late a program may be that prints its own time, in seconds: half a second more than a plain sleep was.
fn late() -> f64 {
    static DELAY: AtomicU64 = AtomicU64::new(0);
    static SLEEPER: Once = Once::new();
    SLEEPER.call_once(|| {
        // It ends with this process.
        thread::spawn(|| {
            const NAP: Duration = Duration::from_millis(20);
            loop {
                let begin = Instant::now();
                thread::sleep(NAP);
                let delay = begin.elapsed().saturating_sub(NAP).as_millis();
                DELAY.fetch_max(delay as u64, Ordering::Relaxed);
            }
        });
    });
    0.5 + DELAY.load(Ordering::Relaxed) as f64 / 1000.0
}

/// What is typed and printed, and the exit status.
#[derive(Clone, Default)]
pub struct Transcript {
    /// The command line.
    pub arguments: String,
    /// `^C` and `^D` are followed by what is printed then. The last lines may be `$ echo $?` and the exit status.
    pub text: String,
    /// Whether the order of the lines and the numbers in them are random.
    pub any_order: bool,
}

impl Transcript {
    /// The transcript as the tests play it: with less work, since all programs run at the same time.
    pub fn for_tests(program: &Program) -> Transcript {
        let mut transcript = program.transcript.clone();
        if transcript.greets() {
            // Numbers that take a second or two instead of ten, and faster greetings.
            transcript.arguments = "0.1".to_string();
            transcript.subtract(4);
        }
        match program.name.as_str() {
            // A million would take the CPU from the others, whose times are compared.
            "million_sleepers" => {
                transcript.arguments = "100000".to_string();
                transcript.text = transcript.text.replace("1000000 ", "100000 ");
            }
            // On a free port.
            "sms_server" => transcript.arguments = "--listen 127.0.0.1:0".to_string(),
            _ => {}
        }
        transcript
    }

    /// Whether this is the transcript of a hello program.
    pub fn greets(&self) -> bool {
        self.text.lines().any(is_greeting)
    }

    /// Replaces the typed numbers of a hello program by smaller ones.
    fn subtract(&mut self, less: u64) {
        let typed = self.text.lines().filter(|line| is_typed(line));
        let typed: Vec<u64> = typed.flat_map(str::parse).collect();
        let next = |(this, next), _| (next, this + next);
        let answer = |n| format!("\nfib({n}) = {}\n", (0..n).fold((0, 1_u64), next).0);
        for n in typed {
            let smaller = n.saturating_sub(less);
            self.text = self.text.replace(&answer(n), &answer(smaller));
            let line = |n| format!("\n{n}\n");
            self.text = self.text.replace(&line(n), &line(smaller));
        }
    }
}

/// A line that a program printed, or that was typed.
#[derive(Clone, Debug)]
pub struct Event {
    /// Since the start of the program.
    pub at: Duration,
    pub typed: bool,
    pub text: String,
}

/// Runs this executable. Returns what was typed and printed; the error is the first difference from the transcript.
pub fn play(transcript: &Transcript, executable: &Path) -> (Vec<Event>, Result<()>) {
    let mut command = Command::new(executable);
    command.args(transcript.arguments.split_whitespace());
    command.stdin(Stdio::piped()).env_remove("REDIS_URL"); // jobs are typed here
    late(); // from here on, a plain sleep is measured beside the program
    let events = Vec::new();
    let running = match Running::start(&mut command) {
        Ok(running) => running,
        Err(error) => return (events, Err(format!("{}: {error}", executable.display()))),
    };
    let mut player = Player { running, events };
    let result = player.follow(transcript);
    let _ = player.running.child.kill(); // if it has not ended
    let complaints = player.running.stderr.iter().map(|line| line.text);
    let complaints: Vec<String> = complaints.filter(|text| !text.is_empty()).collect();
    if complaints.is_empty() {
        return (player.events, result);
    }
    let nothing = "expected nothing on standard error".to_string();
    let (difference, complaints) = (result.err().unwrap_or(nothing), complaints.join(" | "));
    let result = Err(format!("{difference}; its standard error: {complaints}"));
    (player.events, result)
}

struct Player {
    running: Running,
    events: Vec<Event>,
}

impl Player {
    fn follow(&mut self, transcript: &Transcript) -> Result<()> {
        let without_numbers = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "#");
        let mut in_any_order: Vec<String> = transcript.text.lines().map(without_numbers).collect();
        let (mut stray, mut exit_status) = (STRAY, 0);
        let mut lines = transcript.text.lines();
        let is_linux = cfg!(target_os = "linux") && std::env::var_os("UNDER_WINE").is_none();
        let measured =
            &["peak memory: ", "CPU with "][..2 - usize::from(cfg!(target_os = "macos"))];
        while let Some(line) = lines.next() {
            let shown = line.trim_start_matches("^C").trim_start_matches("^D");
            let greets = is_greeting(shown);
            if line.starts_with("^C") && cfg!(not(unix)) {
                return Ok(()); // no safe function sends it
            } else if line.starts_with("^C") {
                self.add(Instant::now(), true, "^C");
                let sent = self.running.interrupt();
                sent.map_err(|error| format!("Ctrl-C cannot be sent: {error}"))?;
            } else if line.starts_with("^D") {
                self.running.stdin = None;
            }
            if line == "$ echo $?" {
                let status = lines.next().and_then(|status| status.parse().ok());
                exit_status = status.unwrap_or(-1); // no program exits with -1
            } else if is_typed(line) {
                self.add(Instant::now(), true, line);
                let stdin = self.running.stdin.as_mut().ok_or("the input has ended")?;
                let written = stdin.write_all(format!("{line}\n").as_bytes());
                written.map_err(|error| format!("the program does not read {line:?}: {error}"))?;
            } else if !is_linux && measured.iter().any(|it| shown.starts_with(it)) {
                // Chapter 13 measures the peak memory on Linux only, and the CPU time on Linux and macOS.
            } else if shown == line || !shown.is_empty() {
                let expected = || format!("expected {shown:?}, the program has ended");
                let mut printed = self.next_line()?.ok_or_else(expected)?;
                while is_greeting(&printed) && !greets && stray > 0 {
                    stray -= 1;
                    printed = self.next_line()?.ok_or_else(expected)?;
                }
                let mut others = in_any_order.iter();
                let is_as_shown = match others.position(|one| *one == without_numbers(&printed)) {
                    Some(at) if transcript.any_order => in_any_order.drain(at..=at).len() == 1,
                    _ => is_same(shown, &printed),
                };
                if !is_as_shown {
                    return Err(format!("expected {shown:?}, it printed {printed:?}"));
                }
            }
            // Where it greets, it may greet more often than the transcript shows.
            stray = if greets { usize::MAX } else { STRAY };
        }
        self.running.stdin = None;
        while let Some(printed) = self.next_line()? {
            if !(transcript.greets() && is_greeting(&printed)) {
                return Err(format!("expected nothing more, it printed {printed:?}"));
            }
        }
        let left = PATIENCE.saturating_sub(self.running.begin.elapsed());
        let status = self.running.status_within(left);
        let status = status.map_err(|error| error.to_string())?;
        match status.ok_or("the program does not end")? {
            status if status.code() == Some(exit_status) => Ok(()),
            status => Err(format!("expected exit status {exit_status}, got {status}")),
        }
    }

    fn add(&mut self, at: Instant, typed: bool, text: &str) {
        let (at, text) = (at - self.running.begin, text.to_string());
        self.events.push(Event { at, typed, text });
    }

    /// `None` at the end.
    fn next_line(&mut self) -> Result<Option<String>> {
        let left = PATIENCE.saturating_sub(self.running.begin.elapsed());
        match self.running.stdout.recv_timeout(left) {
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            // The time limit also ends a program that never stops printing.
            Ok(line) if !left.is_zero() => {
                self.add(line.at, false, &line.text);
                Ok(Some(line.text))
            }
            _ => {
                let last = self.events.last().map(|event| &event.text);
                Err(format!(
                    "not finished after {PATIENCE:?}; the last line was {last:?}"
                ))
            }
        }
    }
}

/// Whether the line is typed: a number below 100. (200 is an answer.)
pub fn is_typed(line: &str) -> bool {
    line.parse::<u32>().is_ok_and(|n| n < 100)
}

/// Whether a printed line is the one that is shown. Numbers with a decimal point may differ, and so may a port.
pub fn is_same(shown: &str, printed: &str) -> bool {
    let measured = |word: &str| word.parse::<f64>().ok().filter(|_| word.contains('.'));
    let without_port = |word: &str| word.split("127.0.0.1:").next().map(str::to_string);
    let count = shown.split(' ').count();
    let is_same_word = |(n, (shown, printed))| match (measured(shown), measured(printed)) {
        // A time at the end of a line is its subject.
        (Some(shown), Some(printed)) if n + 1 == count => {
            (shown.floor()..shown + late()).contains(&printed)
        }
        // A time of nearly zero is nearly zero on every machine.
        (Some(shown), Some(printed)) => shown >= 0.1 || printed < late(),
        _ => without_port(shown) == without_port(printed),
    };
    let mut words = shown.split(' ').zip(printed.split(' ')).enumerate();
    is_greeting(shown) && is_greeting(printed)
        || printed.split(' ').count() == count && words.all(is_same_word)
}
