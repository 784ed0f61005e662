//! Child processes: input and output, lines with a time limit, signals, drop and kill, a pipeline.
//!
//! Ports: none of the programs. It shows asyncio's subprocesses and Node's `child_process`.
//!
//! ```text
//! $ cargo run --example subprocess
//! cat: 1000000 of 1000000 bytes come back, exit status: 0
//! exit 3: 0 of 1000000 bytes come back, exit status: 3
//! missing: Err(Os { code: 2, kind: NotFound, message: "No such file or directory" })
//! asked for 7: Ok("49")
//! asked nothing: Err(Kind(TimedOut))
//! its status meanwhile: None
//! after a kill: signal: 15 (SIGTERM), code() None
//! Child dropped, kill_on_drop(false): answers: true
//! Child dropped, kill_on_drop(true): answers: false
//! echo | sort: apple fig pear (exit status: 0, exit status: 0)
//! ```
//!
//! `communicate` is asyncio's: a pipe holds 64 KB or so, and `cat` stops reading while its output is not read. So
//! input and output go at the same time, or both sides wait forever. A child that does not read its input is no
//! error, in asyncio neither (Node: `EPIPE` at `child.stdin`).
//!
//! A missing program is an `Err` at `spawn`, as in asyncio; Node emits `error` later. Through a shell it is exit
//! status 127. `Command::new("sh").arg("-c")` is asyncio's `create_subprocess_shell` and Node's `exec`, and
//! quoting is up to the caller. `output()` collects without a limit, where Node's `exec` stops at 1 MB. By default
//! `spawn` and `status` inherit the streams; `output` pipes stdout and stderr, and stdin is empty.
//!
//! A line with a time limit: `lines().next()` keeps half a line when it is dropped, where `read_line` would lose
//! it. The child lives on, as after asyncio's `wait_for(process.wait())`. Lines on two pipes also replace Node's
//! `fork` and `send`: a line of JSON for each message. (`loop.subprocess_exec` with a `SubprocessProtocol`: a task
//! that reads each pipe. Pass other pipes to `smol::Async::new`.)
//!
//! A child ended by a signal has no `code()`; `signal()` of `std::os::unix::process::ExitStatusExt` is `Some(15)`.
//! asyncio says -15, Node has `signalCode`. `Child::kill` sends SIGKILL, like asyncio's `kill()`; Node's `kill()`
//! sends SIGTERM. For SIGTERM, asyncio's `terminate()`, this program runs the command `kill`; `kill_process` of
//! the crate rustix sends any signal.
//!
//! Who owns what: the `Child` owns the pipes that are not taken, but not the process, which lives on after a drop,
//! as in asyncio. It leaves no zombie: a thread of async-process, started with the first child, waits for the
//! dropped ones. With `kill_on_drop` the drop kills it (SIGKILL), whether by a time limit around `child.output()`,
//! a cancelled task or a `?`: that is Node's `signal` option. A child in a task of `smol::spawn` that is pending
//! at the end of `main` is not dropped, and lives on.
//!
//! Unix only: it starts `sh`, `cat`, `kill` and `sort`.
//!
//! asyncio: `asyncio.create_subprocess_exec` (`smol::process::Command`),
//! `asyncio.create_subprocess_shell` (`smol::process::Command::new("sh").arg("-c")`),
//! `Process.communicate` (`smol::process::Child::output`, with input beside a `write_all`),
//! `Process.wait` (`smol::process::Child::status`), `Process.returncode`
//! (`smol::process::Child::try_status`, `ExitStatus::code`), `Process.kill`
//! (`smol::process::Child::kill`), `Process.terminate` (`rustix::process::kill_process`),
//! `Process.send_signal` (`rustix::process::kill_process`), `asyncio.subprocess.PIPE`
//! (`smol::process::Stdio::piped`), `asyncio.subprocess.DEVNULL` (`smol::process::Stdio::null`),
//! `loop.subprocess_exec` (a task that reads each pipe), `asyncio.SubprocessProtocol` (a task that
//! reads each pipe), `loop.connect_read_pipe` (`smol::Async::new`), `loop.connect_write_pipe`
//! (`smol::Async::new`).
//! Node: `child_process.spawn` (`smol::process::Command::spawn`), `child_process.exec`
//! (`smol::process::Command::new("sh").arg("-c")`), `child_process.execFile`
//! (`smol::process::Command::output`), `child_process.fork` (lines on two pipes), `subprocess.send` (a
//! line on a pipe), `subprocess.kill` (`smol::process::Child::kill`, which is SIGKILL),
//! `subprocess.exitCode` (`ExitStatus::code`), `subprocess.signalCode` (`ExitStatusExt::signal`),
//! `AbortSignal` (`smol::process::Command::kill_on_drop` for a child).
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader, ErrorKind, Lines};
use smol::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use smol::stream::StreamExt;
use smol::{Timer, block_on, future};
use std::time::Duration;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

// ANCHOR: excerpt
/// Writes the input while it reads the output: one after the other hangs when both pipes are full.
async fn communicate(mut child: Child, input: &[u8]) -> io::Result<Output> {
    let mut stdin = child.stdin.take().expect("piped");
    let write = async move {
        match stdin.write_all(input).await {
            // The child need not read all its input: its exit status says more.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result,
        } // `stdin` is dropped here: the end of the input
    };
    let (_, output) = future::try_zip(write, child.output()).await?;
    Ok(output)
}
// ANCHOR_END: excerpt

type Pipes = (ChildStdin, Lines<BufReader<ChildStdout>>);

/// Answers each number with its square, like a child of Node's `fork`, but with lines on two pipes.
fn worker(kill_on_drop: bool) -> io::Result<(Child, Pipes)> {
    let mut command = sh("while read -r n; do echo $((n * n)); done");
    let mut child = command.kill_on_drop(kill_on_drop).spawn()?;
    let stdin = child.stdin.take().expect("piped");
    let stdout = child.stdout.take().expect("piped");
    Ok((child, (stdin, BufReader::new(stdout).lines())))
}

/// Sends a line to the worker and returns its next line, with a time limit in seconds.
async fn ask((stdin, lines): &mut Pipes, line: &str, limit: f64) -> io::Result<String> {
    let answer = async {
        stdin.write_all(line.as_bytes()).await?;
        lines.next().await.ok_or(ErrorKind::UnexpectedEof)?
    };
    let time_is_up = async {
        Timer::after(Duration::from_secs_f64(limit)).await;
        Err(ErrorKind::TimedOut.into())
    };
    future::or(answer, time_is_up).await
}

async fn async_main() -> io::Result<()> {
    for script in ["cat", "exit 3"] {
        let output = communicate(sh(script).spawn()?, &[b'x'; 1_000_000]).await?;
        let (length, status) = (output.stdout.len(), output.status);
        println!("{script}: {length} of 1000000 bytes come back, {status}");
    }
    println!("missing: {:?}", Command::new("no-such-program").spawn());

    let (mut child, mut pipes) = worker(true)?;
    println!("asked for 7: {:?}", ask(&mut pipes, "7\n", 10.0).await);
    println!("asked nothing: {:?}", ask(&mut pipes, "", 0.2).await);
    println!("its status meanwhile: {:?}", child.try_status()?);
    let mut kill = Command::new("kill");
    kill.arg(child.id().to_string()).status().await?;
    let status = child.status().await?;
    println!("after a kill: {status}, code() {:?}", status.code());

    for kill_on_drop in [false, true] {
        let (child, mut pipes) = worker(kill_on_drop)?;
        drop(child);
        let answers = ask(&mut pipes, "7\n", 10.0).await.is_ok();
        println!("Child dropped, kill_on_drop({kill_on_drop}): answers: {answers}");
    }

    let mut echo = sh("echo pear; echo apple; echo fig").spawn()?;
    let pipe = echo.stdout.take().expect("piped").into_stdio().await?;
    let sorted = Command::new("sort").stdin(pipe).output().await?;
    let words = String::from_utf8_lossy(&sorted.stdout).replace('\n', " ");
    let (first, last) = (echo.status().await?, sorted.status);
    println!("echo | sort: {words}({first}, {last})");
    Ok(())
}

fn main() -> io::Result<()> {
    block_on(async_main())
}
