//! A process whose output is read line by line as it comes.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A line without its line feed, and when it came.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub text: String,
}

/// Killed when dropped, so that a failing test leaves no process behind.
pub struct Running {
    pub begin: Instant,
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Receiver<Line>,
    pub stderr: Receiver<Line>,
}

impl Running {
    /// The standard input is that of the command.
    pub fn start(command: &mut Command) -> io::Result<Running> {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let begin = Instant::now(); // it may run before `spawn` returns
        let mut child = command.spawn()?;
        Ok(Running {
            begin,
            stdin: child.stdin.take(),
            stdout: lines_of(child.stdout.take()),
            stderr: lines_of(child.stderr.take()),
            child,
        })
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) -> io::Result<()> {
        // It has not been waited for, so no other process has its number.
        let pid = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Ctrl-C, which can only be sent on Unix.
    pub fn interrupt(&self) -> io::Result<()> {
        #[cfg(unix)]
        return self.signal(rustix::process::Signal::INT);
        #[cfg(not(unix))]
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The CPU time so far, until the exit status has been taken; `None` where `/proc` does not report it.
    pub fn cpu(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // User and system time in ticks of 10 ms are fields 14 and 15; the second field may hold spaces.
        let (_, fields) = stat.rsplit_once(") ")?;
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks = ticks.map(str::parse::<u32>).sum::<Result<u32, _>>().ok()?;
        Some(Duration::from_millis(10) * ticks)
    }

    /// The exit status, if it ends within this time.
    pub fn status_within(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + time;
        let mut pause = Duration::from_millis(1);
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            // Hundreds of tests may wait at the same time.
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(16));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the line is `{unix seconds} - Hello world!`, with seconds of this century.
pub fn is_greeting(line: &str) -> bool {
    line.strip_suffix(" - Hello world!")
        .is_some_and(|seconds| seconds.len() == 10 && seconds.parse::<u64>().is_ok())
}

/// Invalid UTF-8 is replaced.
fn lines_of(source: Option<impl Read + Send + 'static>) -> Receiver<Line> {
    let (sender, receiver) = mpsc::channel();
    let lines = source.map(|source| BufReader::new(source).split(b'\n'));
    thread::spawn(move || {
        for line in lines.into_iter().flatten().map_while(io::Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let text = line.trim_end_matches('\r').to_string();
            let at = Instant::now();
            if sender.send(Line { at, text }).is_err() {
                break;
            }
        }
    });
    receiver
}
