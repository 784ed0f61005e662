//! `hello_smol` and its twins from outside. They greet, take numbers, and answer `fib(N) = …`.

use measure::{argument, figure};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// A running program, and its lines with the time of their arrival.
struct Hello {
    child: Child,
    input: ChildStdin,
    lines: Receiver<(String, Instant)>,
}

impl Hello {
    fn start(command: &mut Command) -> io::Result<Hello> {
        // Its own process group, since some compute in child processes.
        let command = command.process_group(0).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().expect("it is a pipe");
        let input = child.stdin.take().expect("it is a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send((line, Instant::now()))));
        });
        let hello = Hello {
            child,
            input,
            lines,
        };
        hello.wait_for("Hello world!")?;
        Ok(hello)
    }

    /// The arrival of a line with this text.
    fn wait_for(&self, text: &str) -> io::Result<Instant> {
        let patience = Duration::from_secs(20);
        while let Ok((line, time)) = self.lines.recv_timeout(patience) {
            if line.contains(text) {
                return Ok(time);
            }
        }
        Err(io::Error::other(format!("no {text:?} came")))
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// `greeting N SECONDS PROGRAM … 0.01`: the longest delay of a greeting beyond its 10 ms while
/// `fib(N)` runs, and while two run. `fib(N)` must take longer than SECONDS.
pub fn greeting(command: &mut Command) -> io::Result<()> {
    let n = format!("{}\n", argument::<u64>(2));
    let time = Duration::from_secs(argument(3));
    for (name, fibs) in [("one", 1), ("two", 2)] {
        let mut hello = Hello::start(command)?;
        // The first answer shows that its threads or processes have started.
        hello.input.write_all("20\n".repeat(fibs).as_bytes())?;
        for _ in 0..fibs {
            hello.wait_for("fib(20) = 6765")?;
        }
        hello.input.write_all(n.repeat(fibs).as_bytes())?;
        let start = hello.wait_for("Hello world!")?;
        let (mut last, mut longest) = (start, Duration::ZERO);
        while last - start < time {
            let (line, came) = hello.lines.recv().map_err(io::Error::other)?;
            if line.contains("fib(") {
                return Err(io::Error::other("the number is too small"));
            }
            if line.contains("Hello world!") {
                longest = longest.max(came - last);
                last = came;
            }
        }
        let late = longest.saturating_sub(Duration::from_millis(10));
        figure(name, late.as_secs_f64());
    }
    Ok(())
}

/// `idle SECONDS PROGRAM …`: the CPU time of all its threads.
pub fn idle(command: &mut Command) -> io::Result<()> {
    let hello = Hello::start(command)?;
    sleep(Duration::from_millis(500)); // what has started comes to rest
    let before = cpu(hello.child.id())?;
    sleep(Duration::from_secs(argument(2)));
    figure("cpu", cpu(hello.child.id())? - before);
    Ok(())
}

/// Ended threads do not count.
fn cpu(process: u32) -> io::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text
            .split(' ')
            .next()
            .and_then(|first| first.parse::<f64>().ok());
        nanoseconds += first.unwrap_or_default();
    }
    Ok(nanoseconds / 1e9)
}

/// `flood SECONDS PROGRAM …`: the peak memory under `yes 40`.
pub fn flood(command: &mut Command) -> io::Result<()> {
    let hello = Hello::start(command)?;
    let mut input = hello.input.as_fd().try_clone_to_owned().map(File::from)?;
    // Until the program ends and the pipe has no reader.
    thread::spawn(move || while input.write_all(&b"40\n".repeat(1000)).is_ok() {});
    sleep(Duration::from_secs(argument(2)));
    figure("bytes", measure::peak_memory_of(hello.child.id()));
    Ok(())
}
