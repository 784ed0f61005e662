//! Runs a program as a transcript shows it: types what is typed there, sends Ctrl-C where it shows `^C`,
//! and compares what is printed.

use super::Result;
use super::transcript::{Step, Transcript, in_any_order, is_same};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any program takes, on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(50);

/// So many greetings may come where none is shown: those that were due while a line was on its way. A
/// program that goes on greeting has ten of them in that time.
const STRAY: usize = 4;

/// One line that a program printed, or that was typed into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name: one word.
    pub program: String,
    /// Since the start of that program.
    pub at: Duration,
    pub typed: bool,
    /// Without the line feed.
    pub text: String,
}

/// What happened.
pub struct Played {
    /// What was typed and printed, and when.
    pub events: Vec<Event>,
    /// Where it was not as the transcript shows it.
    pub difference: Option<String>,
    pub took: Duration,
}

/// Runs this executable to its end.
pub fn play(name: &str, transcript: &Transcript, executable: &Path) -> Played {
    let begin = Instant::now();
    let (events, difference) = match Running::start(name, executable, &transcript.arguments) {
        Err(error) => (
            Vec::new(),
            Some(format!("{}: {error}", executable.display())),
        ),
        Ok(mut running) => {
            let result = running.follow(transcript);
            let difference = match (result, running.complaint()) {
                (Ok(()), None) => None,
                (Err(text), None) => Some(text),
                (result, Some(complaint)) => {
                    let nothing = || "expected nothing on standard error".to_string();
                    let text = result.err().unwrap_or_else(nothing);
                    Some(format!("{text}; it complained: {complaint}"))
                }
            };
            (std::mem::take(&mut running.events), difference)
        }
    };
    Played {
        events,
        difference,
        took: begin.elapsed(),
    }
}

/// Whether the line is `{unix seconds} - Hello world!`.
pub fn is_greeting(line: &str) -> bool {
    let seconds = line.strip_suffix(" - Hello world!");
    seconds.is_some_and(|seconds| seconds.parse::<u64>().is_ok())
}

/// A running program. Killed when dropped.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<(Instant, String)>,
    stderr: Receiver<(Instant, String)>,
    name: String,
    begin: Instant,
    events: Vec<Event>,
}

impl Running {
    fn start(name: &str, executable: &Path, arguments: &[String]) -> std::io::Result<Running> {
        let begin = Instant::now(); // it may run before `spawn` returns
        let mut child = Command::new(executable)
            .args(arguments)
            .env_remove("REDIS_URL") // jobs are typed here
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running {
            stdin: child.stdin.take(),
            stdout: lines_of(child.stdout.take()),
            stderr: lines_of(child.stderr.take()),
            name: name.to_string(),
            begin,
            events: Vec::new(),
            child,
        })
    }

    fn follow(&mut self, transcript: &Transcript) -> Result<()> {
        let (mut shown_lines, mut printed_lines) = (Vec::new(), Vec::new());
        let mut is_after_greetings = false;
        for step in &transcript.steps {
            match step {
                Step::Typed(line) => self.type_in(line)?,
                Step::EndOfInput => self.stdin = None,
                Step::Interrupt => self.interrupt()?,
                Step::Pause(time) => drop(self.lines_for(*time, |_| false)?),
                Step::Until(start) => {
                    if !self.lines_for(PATIENCE, |line| line.starts_with(start))? {
                        return Err(format!("expected a line {start:?}…, {}", self.patience()));
                    }
                }
                Step::Printed(shown) if transcript.any_order => {
                    printed_lines.push(self.next_line(shown)?);
                    shown_lines.push(shown.clone());
                }
                Step::Printed(shown) => {
                    let mut printed = self.next_line(shown)?;
                    let mut stray = 0;
                    while is_greeting(&printed) && (is_after_greetings || stray < STRAY) {
                        stray += 1;
                        printed = self.next_line(shown)?;
                    }
                    if !is_same(shown, &printed) {
                        return Err(format!("expected {shown:?}, it printed {printed:?}"));
                    }
                }
                Step::Greetings(count) => {
                    for n in 1..=*count {
                        let printed = self.next_line("a greeting")?;
                        if !is_greeting(&printed) {
                            let expected = format!("expected greeting {n} of {count}");
                            return Err(format!("{expected}, it printed {printed:?}"));
                        }
                    }
                }
            }
            is_after_greetings = matches!(step, Step::Greetings(_));
        }
        let (shown, printed) = (in_any_order(&shown_lines), in_any_order(&printed_lines));
        // There is one printed line for each that is shown.
        let mut pairs = shown.iter().zip(&printed);
        if let Some((shown, printed)) = pairs.find(|(shown, printed)| shown != printed) {
            return Err(format!("expected {shown:?}, it printed {printed:?}"));
        }
        self.stdin = None;
        while let Some(printed) = self.next_line_or_end()? {
            if !(transcript.greets() && is_greeting(&printed)) {
                return Err(format!("expected nothing more, it printed {printed:?}"));
            }
        }
        let (status, expected) = (self.status()?, transcript.exit_status);
        if status.code() != Some(expected) {
            return Err(format!("expected exit status {expected}, got {status}"));
        }
        Ok(())
    }

    fn add(&mut self, at: Instant, typed: bool, text: &str) {
        self.events.push(Event {
            program: self.name.clone(),
            at: at.saturating_duration_since(self.begin),
            typed,
            text: text.to_string(),
        });
    }

    fn type_in(&mut self, line: &str) -> Result<()> {
        self.add(Instant::now(), true, line);
        let stdin = self.stdin.as_mut().ok_or("its input has ended")?;
        let written = stdin.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| format!("it does not read {line:?}: {error}"))
    }

    #[cfg(unix)]
    fn interrupt(&mut self) -> Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        self.add(Instant::now(), true, "^C");
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It has not been waited for, so that this is no other process.
        let sent = pid.map(|pid| kill_process(pid, Signal::INT));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err("Ctrl-C cannot be sent".to_string()),
        }
    }

    #[cfg(not(unix))]
    fn interrupt(&mut self) -> Result<()> {
        Err("Ctrl-C can only be sent on Unix".to_string())
    }

    fn next_line(&mut self, expected: &str) -> Result<String> {
        match self.next_line_or_end() {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(format!("expected {expected:?}, it has ended")),
            Err(waited) => Err(format!("expected {expected:?}, {waited}")),
        }
    }

    /// Takes lines for so long, or until one is the last. Returns whether one was.
    fn lines_for(&mut self, time: Duration, is_last: impl Fn(&str) -> bool) -> Result<bool> {
        let deadline = Instant::now() + time;
        loop {
            match self.receive(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if is_last(&line) => return Ok(true),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Err(RecvTimeoutError::Disconnected) => return Err("it has ended".to_string()),
            }
        }
    }

    fn next_line_or_end(&mut self) -> Result<Option<String>> {
        match self.receive(self.left()) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(self.patience()),
        }
    }

    fn patience(&self) -> String {
        let (seconds, last) = (
            PATIENCE.as_secs(),
            self.events.last().map(|event| &event.text),
        );
        format!("it is not done after {seconds} s; the last line was {last:?}")
    }

    fn receive(&mut self, within: Duration) -> std::result::Result<String, RecvTimeoutError> {
        if within.is_zero() {
            // Also for a program that never stops printing.
            return Err(RecvTimeoutError::Timeout);
        }
        let (at, line) = self.stdout.recv_timeout(within)?;
        self.add(at, false, &line);
        Ok(line)
    }

    /// The time until it is to have ended.
    fn left(&self) -> Duration {
        PATIENCE.saturating_sub(self.begin.elapsed())
    }

    /// How it ended. It has closed its output, so that it is about to.
    fn status(&mut self) -> Result<ExitStatus> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if !self.left().is_zero() => thread::sleep(Duration::from_millis(1)),
                Ok(None) => return Err("it does not end".to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// What it has printed on standard error. It is killed if it has not ended.
    fn complaint(&mut self) -> Option<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let lines = self.stderr.iter().map(|(_, line)| line);
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join(" | "))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines as they come. What is not UTF-8 is replaced.
fn lines_of(source: Option<impl Read + Send + 'static>) -> Receiver<(Instant, String)> {
    let (sender, receiver) = mpsc::channel();
    if let Some(source) = source {
        thread::spawn(move || {
            for line in BufReader::new(source)
                .split(b'\n')
                .map_while(std::result::Result::ok)
            {
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches('\r').to_string();
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}
