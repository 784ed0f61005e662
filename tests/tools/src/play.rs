//! Runs an example as the transcript in its head shows it: types what is typed there, sends Ctrl-C where
//! it shows `^C`, and compares what is printed.

use crate::project::Example;
use crate::recording::Event;
use crate::transcript::{Step, Transcript};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any example takes, on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(50);

/// So many greetings may come where none is shown: those that were due while a line was on its way. A
/// program that goes on greeting has ten of them in that time.
const STRAY: usize = 4;

/// What happened.
pub struct Played {
    /// What was typed and printed, and when.
    pub events: Vec<Event>,
    /// Where it was not as the transcript shows it.
    pub difference: Option<String>,
    pub took: Duration,
}

/// Runs `program`, which is this example, to its end.
pub fn play(example: &Example, transcript: &Transcript, program: &Path) -> Played {
    let begin = Instant::now();
    let mut events = Vec::new();
    let difference = match Running::start(program, &transcript.arguments) {
        Err(error) => Some(format!("{}: {error}", program.display())),
        Ok(mut running) => {
            let result = follow(transcript, &mut running);
            events = std::mem::take(&mut running.events);
            match (result, running.complaint()) {
                (Ok(()), None) => None,
                (Err(text), None) => Some(text),
                (result, Some(complaint)) => {
                    let nothing = || "expected nothing on standard error".to_string();
                    let text = result.err().unwrap_or_else(nothing);
                    Some(format!("{text}; it complained: {complaint}"))
                }
            }
        }
    };
    Played {
        events: named(events, &example.name),
        difference,
        took: begin.elapsed(),
    }
}

/// Runs one of the hello programs: types `number` after `before`, and ends the input `after` the answer.
pub fn hello(
    example: &Example,
    program: &Path,
    period: &str,
    number: u32,
    before: Duration,
    after: Duration,
) -> Result<Vec<Event>, String> {
    let name = &example.name;
    let running = Running::start(program, &[period.to_string()]);
    let mut running = running.map_err(|error| format!("{}: {error}", program.display()))?;
    running.lines_for(before, |_| false)?;
    running.type_in(&number.to_string())?;
    if !running.lines_for(PATIENCE, |line| line.starts_with("fib("))? {
        return Err(format!("{name}: no answer within {} s", PATIENCE.as_secs()));
    }
    running.lines_for(after, |_| false)?;
    running.end_input();
    while running.next_line_or_end()?.is_some() {}
    Ok(named(std::mem::take(&mut running.events), name))
}

fn named(mut events: Vec<Event>, name: &str) -> Vec<Event> {
    for event in &mut events {
        event.program = name.to_string();
    }
    events
}

fn follow(transcript: &Transcript, running: &mut Running) -> Result<(), String> {
    let mut printed_in_any_order = Vec::new();
    for (index, step) in transcript.steps.iter().enumerate() {
        match step {
            Step::Typed(line) => running.type_in(line)?,
            Step::Interrupt => {
                thread::sleep(transcript.before_interrupt);
                running.interrupt()?;
            }
            Step::Printed(shown) if transcript.is_random => {
                printed_in_any_order.push(running.next_line(shown)?);
            }
            Step::Printed(shown) => {
                let mut printed = running.next_line(shown)?;
                let is_after_greetings =
                    index > 0 && matches!(transcript.steps[index - 1], Step::Greetings(_));
                let mut stray = 0;
                while is_greeting(&printed) && (is_after_greetings || stray < STRAY) {
                    stray += 1;
                    printed = running.next_line(shown)?;
                }
                if !transcript.is_same(shown, &printed) {
                    return Err(format!("expected {shown:?}, it printed {printed:?}"));
                }
            }
            Step::Greetings(count) => {
                for n in 1..=*count {
                    let printed = running.next_line("a greeting")?;
                    if !is_greeting(&printed) {
                        return Err(format!(
                            "expected greeting {n} of {count}, it printed {printed:?}"
                        ));
                    }
                }
            }
        }
    }
    if transcript.is_random {
        transcript.compare_in_any_order(&printed_in_any_order)?;
    }
    running.end_input();
    if transcript.serves {
        running.interrupt()?;
    }
    while let Some(printed) = running.next_line_or_end()? {
        if !(transcript.greets() && is_greeting(&printed)) {
            return Err(format!("expected nothing more, it printed {printed:?}"));
        }
    }
    let status = running.status()?;
    if status.code() != Some(transcript.exit_status()) {
        return Err(format!(
            "expected exit status {}, got {status}",
            transcript.exit_status()
        ));
    }
    Ok(())
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
    begin: Instant,
    events: Vec<Event>,
}

impl Running {
    fn start(program: &Path, arguments: &[String]) -> std::io::Result<Running> {
        let mut child = Command::new(program)
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
            begin: Instant::now(),
            events: Vec::new(),
            child,
        })
    }

    fn add(&mut self, at: Instant, typed: bool, text: &str) {
        self.events.push(Event {
            program: String::new(), // its name is known outside
            at: at.saturating_duration_since(self.begin),
            typed,
            text: text.to_string(),
        });
    }

    fn type_in(&mut self, line: &str) -> Result<(), String> {
        self.add(Instant::now(), true, line);
        let stdin = self.stdin.as_mut().ok_or("its input has ended")?;
        let written = stdin.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| format!("it does not read {line:?}: {error}"))
    }

    fn end_input(&mut self) {
        self.stdin = None;
    }

    #[cfg(unix)]
    fn interrupt(&mut self) -> Result<(), String> {
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
    fn interrupt(&mut self) -> Result<(), String> {
        Err("Ctrl-C can only be sent on Unix".to_string())
    }

    fn next_line(&mut self, expected: &str) -> Result<String, String> {
        match self.next_line_or_end() {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(format!("expected {expected:?}, it has ended")),
            Err(waited) => Err(format!("expected {expected:?}, {waited}")),
        }
    }

    /// Takes lines for so long, or until one is the last. Returns whether one was.
    fn lines_for(
        &mut self,
        time: Duration,
        is_last: impl Fn(&str) -> bool,
    ) -> Result<bool, String> {
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

    fn next_line_or_end(&mut self) -> Result<Option<String>, String> {
        match self.receive(self.left()) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let last = self.events.last().map(|event| &event.text);
                let seconds = PATIENCE.as_secs();
                Err(format!(
                    "it is not done after {seconds} s; the last line was {last:?}"
                ))
            }
        }
    }

    fn receive(&mut self, within: Duration) -> Result<String, RecvTimeoutError> {
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
    fn status(&mut self) -> Result<ExitStatus, String> {
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
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
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
