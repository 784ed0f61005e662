//! What the guide in chapter 20 says of async-std and of smol, each on both, so that a test fails if one of them
//! changes. What needs a process of its own is in `src/bin/case.rs`.

#[path = "../../common/mod.rs"]
mod common;

use common::start_program;
use futures_lite::future::{self, FutureExt, poll_once};
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::future::{pending, ready};
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// A case as a process, with a pipe for standard input.
fn case(arguments: &[&str]) -> common::Running {
    case_with(arguments, &[])
}

/// A case whose blocking work has one thread, which it occupies for a while.
fn case_on_one_thread(arguments: &[&str]) -> common::Running {
    case_with(arguments, &[("BLOCKING_MAX_THREADS", "1")])
}

fn case_with(arguments: &[&str], variables: &[(&str, &str)]) -> common::Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_case"));
    for name in ["SMOL_THREADS", "ASYNC_STD_THREAD_COUNT", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    start_program(&arguments.join(" "), command.stdin(Stdio::piped()))
}

/// What the case says until its end, which has to be a good one.
fn said(case: common::Running) -> Vec<String> {
    let finished = case.finish();
    assert!(finished.status.success(), "{finished:?}");
    finished.stderr
}

/// A name for a file that is not there.
fn no_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

// 1. Tasks

#[test]
fn a_dropped_handle() {
    {
        use async_std::task;
        let (sender, done) = mpsc::channel();
        task::spawn(async move {
            task::sleep(Duration::from_millis(50)).await;
            sender.send("done")
        }); // the handle is dropped, the task runs on
        assert_eq!(done.recv(), Ok("done"));
    }
    {
        use smol::Timer;
        let (sender, done) = mpsc::channel();
        drop(smol::spawn(async move {
            Timer::after(Duration::from_millis(50)).await;
            sender.send("done")
        })); // cancelled: the sender is dropped
        assert_eq!(done.recv(), Err(mpsc::RecvError));

        let (sender, done) = mpsc::channel();
        smol::spawn(async move {
            Timer::after(Duration::from_millis(50)).await;
            sender.send("done")
        })
        .detach();
        assert_eq!(done.recv(), Ok("done"));
    }
}

#[test]
fn cancelling_a_task() {
    /// Sends a word when it is dropped.
    struct Guard(mpsc::Sender<&'static str>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    async fn sleep_with(guard: Guard, has_begun: smol::channel::Sender<()>) {
        let _guard = guard;
        let _ = has_begun.send(()).await;
        pending::<()>().await;
    }

    let (sender, dropped) = mpsc::channel();
    let (begin, begun) = smol::channel::bounded(1);
    async_std::task::block_on(async {
        let task = async_std::task::spawn(sleep_with(Guard(sender.clone()), begin.clone()));
        begun.recv().await.unwrap();
        assert_eq!(task.cancel().await, None);
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        let task = async_std::task::spawn(async { 1 });
        async_std::task::sleep(100 * MS).await;
        assert_eq!(task.cancel().await, Some(1));
    });
    smol::block_on(async {
        let task = smol::spawn(sleep_with(Guard(sender), begin));
        begun.recv().await.unwrap();
        assert_eq!(task.cancel().await, None);
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        let task = smol::spawn(async { 1 });
        smol::Timer::after(100 * MS).await;
        assert_eq!(task.cancel().await, Some(1));
    });
}

#[test]
fn a_dropped_handle_of_blocking_work() {
    let case = case_on_one_thread(&["async_std", "dropped_blocking"]);
    assert_eq!(said(case), ["run"]);
    let case = case_on_one_thread(&["smol", "dropped_blocking"]);
    assert_eq!(said(case), [""; 0]); // it had not begun
}

#[test]
fn a_dropped_handle_of_blocking_work_that_has_begun() {
    let (sender, steps) = mpsc::channel();
    let work = |sender: mpsc::Sender<&'static str>| {
        move || {
            sender.send("begun").unwrap();
            thread::sleep(100 * MS);
            sender.send("done").unwrap();
        }
    };
    let handle = async_std::task::spawn_blocking(work(sender.clone()));
    assert_eq!(steps.recv(), Ok("begun"));
    drop(handle);
    assert_eq!(steps.recv(), Ok("done"));
    let task = smol::unblock(work(sender));
    assert_eq!(steps.recv(), Ok("begun"));
    drop(task);
    assert_eq!(steps.recv(), Ok("done"));
}

#[test]
fn threads_behind_spawn() {
    let cores = thread::available_parallelism().unwrap().to_string();
    assert_eq!(said(case(&["async_std", "threads"])), [cores]);
    assert_eq!(said(case(&["smol", "threads"])), ["1"]);
    let variables = [("ASYNC_STD_THREAD_COUNT", "3"), ("SMOL_THREADS", "3")];
    for runtime in ["async_std", "smol"] {
        assert_eq!(said(case_with(&[runtime, "threads"], &variables)), ["3"]);
    }
}

#[test]
fn an_executor_of_ones_own_on_several_threads() {
    use smol::{Executor, block_on, channel, future};
    let executor = Executor::new();
    let (stop, stopped) = channel::unbounded::<()>();
    let threads = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| block_on(executor.run(stopped.recv())));
        }
        let tasks = (0..24).map(|_| executor.spawn(async { block_this_thread() }));
        let tasks: Vec<_> = tasks.collect();
        let threads = block_on(async {
            let mut threads = std::collections::HashSet::new();
            for task in tasks {
                threads.insert(task.await);
                future::yield_now().await;
            }
            threads
        });
        drop(stop); // the threads end
        threads
    });
    assert_eq!(threads.len(), 4);
}

fn block_this_thread() -> thread::ThreadId {
    thread::sleep(50 * MS);
    thread::current().id()
}

#[test]
fn a_task_that_stays_on_its_thread() {
    use std::rc::Rc;
    let value = Rc::new(1);
    let there = Rc::clone(&value);
    let sum = async_std::task::block_on(async {
        async_std::task::spawn_local(async move { *there + 1 }).await
    });
    assert_eq!(sum, 2);

    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(async move { *value + 1 });
    assert_eq!(smol::block_on(executor.run(task)), 2);
}

#[test]
fn a_nested_block_on() {
    // It needs a second thread, in both. What differs is how many there are.
    for (runtime, variable) in [
        ("async_std", "ASYNC_STD_THREAD_COUNT"),
        ("smol", "SMOL_THREADS"),
    ] {
        let arguments = [runtime, "nested_block_on"];
        assert_eq!(said(case_with(&arguments, &[(variable, "2")])), ["3"]);
        let mut case = case_with(&arguments, &[(variable, "1")]);
        assert_eq!(case.status_within(1500 * MS), None); // it hangs
    }
    let mut case = case(&["smol", "nested_block_on"]);
    assert_eq!(case.status_within(1500 * MS), None); // as it is without a word
}

#[test]
fn a_panic_in_a_task() {
    // Who awaits the task sees it,
    let message = |panic: Box<dyn std::any::Any + Send>| *panic.downcast::<&str>().unwrap();
    let task = async_std::task::spawn(async { panic!("of a task") });
    let seen = async_std::task::block_on(AssertUnwindSafe(task).catch_unwind());
    assert_eq!(seen.map_err(message), Err::<(), _>("of a task"));
    let task = smol::spawn(async { panic!("of a task") });
    let seen = smol::block_on(AssertUnwindSafe(task).catch_unwind());
    assert_eq!(seen.map_err(message), Err::<(), _>("of a task"));

    // and if nothing awaits it, only standard error has it.
    for runtime in ["async_std", "smol"] {
        let said = said(case(&[runtime, "panic"]));
        assert!(said[1..].iter().any(|line| line.contains("of a task")));
        assert_eq!(said.last().unwrap(), "another task runs");
    }
}

#[test]
fn a_task_at_the_end_of_main() {
    // It ends with the process, and its destructors do not run.
    for runtime in ["async_std", "smol"] {
        assert_eq!(said(case(&[runtime, "leftover"])), ["begun"]);
    }
}

// 2. Standard input and output, files

#[test]
fn a_dropped_file() {
    for (arguments, expected) in [
        (["async_std", "dropped_file"], "written"),
        (["smol", "dropped_file"], ""),
        (["smol", "flushed_file"], "written"),
    ] {
        let path = no_file(&arguments.join("-"));
        let [runtime, name] = arguments;
        let case = case_on_one_thread(&[runtime, name, path.to_str().unwrap()]);
        assert_eq!(said(case), [""; 0]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, expected, "{arguments:?}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn stdout_at_the_end_of_main() {
    for (arguments, expected) in [
        (["async_std", "stdout"], &["written"][..]),
        (["smol", "stdout"], &[]),
        (["smol", "flushed_stdout"], &["written"]),
    ] {
        let finished = case_on_one_thread(&arguments).finish();
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.stdout, expected, "{arguments:?}");
    }
}

#[test]
fn a_pipe_as_standard_input() {
    for runtime in ["async_std", "smol", "library"] {
        let mut case = case(&[runtime, "stdin"]);
        case.type_in("one\ntwo\nthr");
        assert_eq!(case.next_complaint().text, "one");
        assert_eq!(case.next_complaint().text, "two");
        thread::sleep(100 * MS);
        case.type_in("ee\nfour");
        case.end_input();
        assert_eq!(said(case), ["three", "four", "end"], "{runtime}");
    }
}

#[test]
fn standard_input_that_is_not_utf_8() {
    for runtime in ["async_std", "smol"] {
        let mut case = case(&[runtime, "stdin"]);
        case.type_in(b"\xff\n");
        assert_eq!(case.finish().status.code(), Some(101)); // an error, unwrapped
    }
    let mut case = case(&["library", "stdin"]);
    case.type_in(b"\xff\n");
    case.end_input();
    assert_eq!(said(case), ["\u{fffd}", "end"]);
}

#[test]
#[cfg(unix)]
fn the_end_of_input_on_a_terminal() {
    /// How often `^D` has to be typed.
    fn needed(runtime: &str) -> usize {
        let mut terminal = common::Terminal::open();
        let mut command = Command::new(env!("CARGO_BIN_EXE_case"));
        command.args([runtime, "stdin"]).stdin(terminal.stdin());
        let mut case = start_program(runtime, &mut command);
        terminal.type_in("one\n");
        assert_eq!(case.next_complaint().text, "one");
        for times in 1.. {
            terminal.type_in([4]);
            if case.status_within(3000 * MS).is_some() {
                assert_eq!(said(case), ["end"]);
                return times;
            }
        }
        unreachable!()
    }
    assert_eq!(needed("async_std"), 1);
    assert_eq!(needed("smol"), 2);
    assert_eq!(needed("library"), 1);
}

#[test]
fn a_second_handle_of_standard_input() {
    for (runtime, second) in [("async_std", r#""two\n""#), ("smol", r#""""#)] {
        let mut case = case(&[runtime, "two_stdins"]);
        case.type_in("one\ntwo\nthree\n");
        case.end_input();
        assert_eq!(said(case), [r#""one\n""#, second], "{runtime}");
    }
}

#[test]
fn a_line_of_standard_input_given_up_half_way() {
    for (runtime, error, line) in [
        ("async_std", "timed out", r#""one\n""#),
        ("smol", "timed out", r#""e\n""#), // what was read is lost
        ("library", "time is up", r#""one""#),
    ] {
        let mut case = case(&[runtime, "given_up"]);
        case.type_in("on");
        assert!(case.next_complaint().text.contains(error));
        case.type_in("e\n");
        assert_eq!(said(case), [line], "{runtime}");
    }
}

/// Reads as `on`, then, after a pause, `e\n`.
#[derive(Default)]
struct Halves(u32);

impl AsyncRead for Halves {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0 += 1;
        let part: &[u8] = match self.0 {
            1 => b"on",
            2 => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            3 => b"e\n",
            _ => b"",
        };
        buffer[..part.len()].copy_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }
}

/// The same lines with the traits of either runtime.
macro_rules! lines_given_up_half_way {
    () => {
        let mut reader = BufReader::new(Halves::default());
        let mut line = String::new();
        assert!(poll_once(reader.read_line(&mut line)).await.is_none());
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "e\n");

        let mut reader = BufReader::new(Halves::default());
        let mut bytes = Vec::new();
        assert!(
            poll_once(reader.read_until(b'\n', &mut bytes))
                .await
                .is_none()
        );
        reader.read_until(b'\n', &mut bytes).await.unwrap();
        assert_eq!(bytes, b"one\n");

        let mut lines = BufReader::new(Halves::default()).lines();
        assert!(poll_once(lines.next()).await.is_none());
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
    };
}

#[test]
fn a_line_given_up_half_way() {
    async_std::task::block_on(async {
        use async_std::io::{BufReader, prelude::BufReadExt};
        use async_std::stream::StreamExt;
        lines_given_up_half_way!();
    });
    smol::block_on(async {
        use smol::io::{AsyncBufReadExt, BufReader};
        use smol::stream::StreamExt;
        lines_given_up_half_way!();
    });
}

#[test]
fn a_line_read_into_a_string_with_something_in_it() {
    let input = &b"two\n"[..];
    async_std::task::block_on(async {
        use async_std::io::prelude::BufReadExt;
        let (mut reader, mut line) = (input, String::from("one, "));
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one, two\n");
    });
    smol::block_on(async {
        use smol::io::AsyncBufReadExt;
        let (mut reader, mut line) = (input, String::from("one, "));
        let read = AssertUnwindSafe(reader.read_line(&mut line));
        let panics = read.catch_unwind().await.is_err();
        assert_eq!(panics, cfg!(debug_assertions));
        if !panics {
            assert_eq!(line, "two\n");
        }
    });
}

/// What has been done to a writer, which takes `room` bytes.
#[derive(Clone)]
struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    room: usize,
}

impl Recorder {
    fn new(room: usize) -> Recorder {
        let calls = Arc::default();
        Recorder { calls, room }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn record(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }
}

const NO_SPACE: i32 = 28;

impl AsyncWrite for Recorder {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if bytes.len() > self.room {
            return Poll::Ready(Err(std::io::Error::from_raw_os_error(NO_SPACE)));
        }
        self.record(String::from_utf8_lossy(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.record("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.record("close");
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_dropped_buf_writer() {
    let there = Recorder::new(100);
    async_std::task::block_on(async {
        use async_std::io::{BufWriter, prelude::WriteExt};
        let mut writer = BufWriter::new(there.clone());
        writer.write_all(b"one").await.unwrap();
        drop(writer);
        assert_eq!(there.calls(), [""; 0]);

        let mut writer = BufWriter::new(there.clone());
        writer.write_all(b"two").await.unwrap();
        assert!(writer.into_inner().await.is_ok());
        assert_eq!(there.calls(), ["two", "flush"]);
    });
    let here = Recorder::new(100);
    smol::block_on(async {
        use smol::io::{AsyncWriteExt, BufWriter};
        let mut writer = BufWriter::new(here.clone());
        writer.write_all(b"one").await.unwrap();
        drop(writer);
        assert_eq!(here.calls(), [""; 0]);

        let mut writer = BufWriter::new(here.clone());
        writer.write_all(b"two").await.unwrap();
        writer.into_inner();
        assert_eq!(here.calls(), [""; 0]); // lost: `flush` comes before

        let mut writer = BufWriter::new(here.clone());
        writer.write_all(b"three").await.unwrap();
        writer.flush().await.unwrap();
        writer.into_inner();
        assert_eq!(here.calls(), ["three", "flush"]);
    });
}

#[test]
fn copying() {
    let there = Recorder::new(100);
    let copied = async_std::io::copy(&b"text"[..], there.clone());
    assert_eq!(async_std::task::block_on(copied).unwrap(), 4);
    let here = Recorder::new(100);
    let copied = smol::io::copy(&b"text"[..], here.clone());
    assert_eq!(smol::block_on(copied).unwrap(), 4);
    for recorder in [there, here] {
        assert_eq!(recorder.calls(), ["text", "flush"]); // and not closed
    }

    let error = async_std::io::copy(&b"text"[..], Recorder::new(0));
    let error = async_std::task::block_on(error).unwrap_err();
    assert_eq!(
        (error.raw_os_error(), error.to_string().as_str()),
        (None, "io::copy failed")
    );
    let error = smol::block_on(smol::io::copy(&b"text"[..], Recorder::new(0))).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(NO_SPACE));
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[test]
fn formatting_into_a_writer() {
    let there = Recorder::new(100);
    async_std::task::block_on(async {
        use async_std::io::prelude::WriteExt;
        let mut writer = there.clone();
        write!(writer, "{}", 1).await.unwrap();
    });
    assert_eq!(there.calls(), ["1", "flush"]);
    let here = Recorder::new(100);
    smol::block_on(async {
        use smol::io::AsyncWriteExt;
        let mut writer = here.clone();
        writer.write_all(format!("{}", 1).as_bytes()).await.unwrap();
    });
    assert_eq!(here.calls(), ["1"]);
}

#[test]
fn the_error_of_a_file_that_is_not_there() {
    let path = no_file("missing");
    let there = async_std::task::block_on(async {
        let open = async_std::fs::File::open(&path).await.unwrap_err();
        [open, async_std::fs::read(&path).await.unwrap_err()]
    });
    for error in there {
        assert_eq!(
            (error.kind(), error.raw_os_error()),
            (ErrorKind::NotFound, None)
        );
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
    let here = smol::block_on(async {
        let open = smol::fs::File::open(&path).await.unwrap_err();
        [open, smol::fs::read(&path).await.unwrap_err()]
    });
    for error in here {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.raw_os_error().is_some());
        assert!(!error.to_string().contains(path.to_str().unwrap()));
    }
}

// 3. Connections

#[test]
fn incoming_connections() {
    // An accept that fails is an item, and the stream goes on.
    for runtime in ["async_std", "smol"] {
        let case = case(&[runtime, "incoming"]);
        let address = case.next_complaint().text;
        let connect = || std::net::TcpStream::connect(&address).unwrap();
        let _first = connect();
        assert_eq!(case.next_complaint().text, "none left");
        let _second = connect();
        let too_many = std::io::Error::from_raw_os_error(24).to_string();
        for _ in 0..2 {
            let error = case.next_complaint().text;
            assert!(error.contains(&too_many), "{runtime}: {error}");
        }
        assert_eq!(said(case), ["accepted"], "{runtime}");
    }
}

#[test]
fn closing_a_connection() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let other_side = || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(300 * MS)).unwrap();
        stream
    };
    async_std::task::block_on(async {
        let mut stream = async_std::net::TcpStream::connect(address).await.unwrap();
        let mut other_side = other_side();
        let _clone = stream.clone();
        future::poll_fn(|cx| Pin::new(&mut stream).poll_close(cx))
            .await
            .unwrap();
        let read = other_side.read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::WouldBlock); // open
    });
    smol::block_on(async {
        use smol::io::AsyncWriteExt;
        let mut stream = smol::net::TcpStream::connect(address).await.unwrap();
        let mut other_side = other_side();
        let _clone = stream.clone();
        stream.close().await.unwrap();
        assert_eq!(other_side.read(&mut [0]).unwrap(), 0); // the end
    });
}

#[test]
fn two_halves_of_a_connection() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let echo = thread::spawn(move || {
        for _ in 0..2 {
            let mut stream = listener.accept().unwrap().0;
            let mut line = [0; 4];
            stream.read_exact(&mut line).unwrap();
            stream.write_all(&line).unwrap();
        }
    });
    async_std::task::block_on(async {
        use async_std::io::{BufReader, prelude::*};
        use async_std::net::TcpStream;
        let stream = TcpStream::connect(address).await.unwrap();
        let (reader, mut writer) = (&stream, &stream);
        writer.write_all(b"one\n").await.unwrap();
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\n");
    });
    smol::block_on(async {
        use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        use smol::net::TcpStream;
        let stream = TcpStream::connect(address).await.unwrap();
        let (reader, mut writer) = (stream.clone(), stream);
        writer.write_all(b"one\n").await.unwrap();
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\n");
    });
    echo.join().unwrap();
}

// 4. Time and streams

#[test]
fn an_interval_that_was_not_polled_for_a_while() {
    let period = Duration::from_millis(100);
    let stall = Duration::from_millis(550);
    async_std::task::block_on(async {
        use async_std::prelude::*;
        let mut ticks = async_std::stream::interval(period);
        ticks.next().await;
        thread::sleep(stall);
        ticks.next().await; // at once
        let at = Instant::now();
        assert!(poll_once(ticks.next()).await.is_none());
        ticks.next().await;
        let pause = at.elapsed();
        // Counted from when the last one was taken: the phase has moved.
        assert!(pause >= period - 5 * MS, "{pause:?}");
    });
    smol::block_on(async {
        use smol::stream::StreamExt;
        let mut ticks = smol::Timer::interval(period);
        let mut last = ticks.next().await.unwrap();
        thread::sleep(stall);
        let mut burst = 0;
        while let Some(Some(tick)) = poll_once(ticks.next()).await {
            assert_eq!(tick - last, period); // when it was due: the phase is kept
            last = tick;
            burst += 1;
        }
        assert!(burst >= 5, "{burst}");
    });
    // This library's is in between: one, at once.
    smol::block_on(async {
        use smol::stream::StreamExt;
        let mut ticks = asyncio_to_smol::ticker::Ticker::every(period);
        ticks.next().await;
        thread::sleep(stall);
        ticks.next().await;
        assert!(poll_once(ticks.next()).await.is_none());
    });
}

#[test]
fn when_a_time_limit_begins_to_count() {
    let limit = 200 * MS;
    async_std::task::block_on(async {
        use async_std::prelude::FutureExt;
        // The functions: from the first poll.
        let begin = Instant::now();
        let late = async_std::future::timeout(limit, pending::<()>());
        let io = async_std::io::timeout(limit, pending::<std::io::Result<()>>());
        thread::sleep(limit);
        let (late, mut io) = (pin!(late), pin!(io));
        assert!(late.await.is_err());
        assert!(poll_once(&mut io).await.is_none());
        assert!(begin.elapsed() >= 2 * limit);
        // The method: from the call.
        let late = pending::<()>().timeout(limit);
        thread::sleep(limit);
        assert!(poll_once(late).await.is_some());
        // `sleep`: from the first poll.
        let sleep = async_std::task::sleep(limit);
        thread::sleep(limit);
        assert!(poll_once(sleep).await.is_none());
    });
    smol::block_on(async {
        let late = asyncio_to_smol::timeout(limit, pending::<()>());
        let timer = smol::Timer::after(limit);
        thread::sleep(limit);
        assert!(poll_once(late).await.is_some());
        assert!(poll_once(timer).await.is_some());
    });
}

#[test]
fn the_error_of_a_time_limit() {
    let limit = Duration::from_millis(20);
    async_std::task::block_on(async {
        let error = async_std::future::timeout(limit, pending::<()>()).await;
        assert_eq!(error.unwrap_err().to_string(), "future has timed out");
        let error = async_std::io::timeout(limit, pending::<std::io::Result<()>>()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "future timed out");
    });
    smol::block_on(async {
        use asyncio_to_smol::timeout;
        let error = timeout(limit, pending::<()>()).await.unwrap_err();
        assert_eq!(error.to_string(), "time is up");
        // Plain smol: a second future that fails when its time has come.
        use smol::{Timer, future::FutureExt, io};
        let work = pending::<io::Result<()>>();
        let late = async {
            Timer::after(limit).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let error = work.or(late).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn the_first_of_two_that_are_ready() {
    async fn firsts<F: Future<Output = i32>>(race: impl Fn() -> F) -> i32 {
        let mut firsts = 0;
        for _ in 0..400 {
            firsts += i32::from(race().await == 1);
        }
        firsts
    }
    let there = async_std::prelude::FutureExt::race::<std::future::Ready<i32>>;
    let there = async_std::task::block_on(firsts(|| there(ready(1), ready(2))));
    let race = smol::block_on(firsts(|| smol::future::race(ready(1), ready(2))));
    let or = smol::block_on(firsts(|| smol::future::or(ready(1), ready(2))));
    assert_eq!((there, or), (400, 400));
    assert!((100..300).contains(&race), "{race}");
}

#[test]
fn two_streams_as_one() {
    use futures_lite::stream::{self, StreamExt};
    use std::iter::repeat_n;
    // The second has ended, the first has an item for later.
    let first = || {
        Box::pin(stream::once_future(async {
            smol::Timer::after(50 * MS).await;
            1
        }))
    };
    let second = || stream::iter(repeat_n(2, 3));
    let merged = async_std::stream::StreamExt::merge(first(), second());
    let there: Vec<i32> = async_std::task::block_on(merged.collect());
    assert_eq!(there, [2, 2, 2, 1]);
    let here: Vec<i32> = smol::block_on(futures_util::stream::select(first(), second()).collect());
    assert_eq!(here, [2, 2, 2, 1]);
    // futures-lite's ends too early.
    let here: Vec<i32> = smol::block_on(stream::or(first(), second()).collect());
    assert_eq!(here, [2, 2, 2]);
}

#[test]
fn items_with_a_pause_a_delay_a_limit() {
    let period = Duration::from_millis(50);
    async_std::task::block_on(async {
        use async_std::prelude::*;
        let begin = Instant::now();
        let mut items = async_std::stream::from_iter(1..4).throttle(period);
        while items.next().await.is_some() {}
        assert!(begin.elapsed() >= 2 * period);

        let begin = Instant::now();
        let mut items = async_std::stream::once(1).delay(period);
        assert_eq!(items.next().await, Some(1));
        assert!(begin.elapsed() >= period);

        let mut items = async_std::stream::pending::<()>().timeout(period);
        assert!(items.next().await.unwrap().is_err());
    });
    smol::block_on(async {
        use smol::{Timer, prelude::*, stream};
        let begin = Instant::now();
        let mut items = stream::iter(1..4);
        while items.next().await.is_some() {
            Timer::after(period).await;
        }
        assert!(begin.elapsed() >= 2 * period);

        let begin = Instant::now();
        Timer::after(period).await;
        let mut items = stream::once(1);
        assert_eq!(items.next().await, Some(1));
        assert!(begin.elapsed() >= period);

        use asyncio_to_smol::timeout;
        let mut items = stream::pending::<()>();
        assert!(timeout(period, items.next()).await.is_err());
    });
}

// 5. What has no counterpart of the same name

#[test]
fn results_and_sums_of_a_stream() {
    let words = ["1", "2", "x"];
    async_std::task::block_on(async {
        use async_std::{prelude::*, stream};
        let numbers = stream::from_iter(words).map(|word| word.parse::<u32>());
        let numbers: Result<Vec<u32>, _> = numbers.collect().await;
        assert!(numbers.is_err());
        let sum: u32 = stream::from_iter([1, 2, 3]).sum().await;
        assert_eq!(sum, 6);
    });
    smol::block_on(async {
        use smol::{prelude::*, stream};
        let numbers = stream::iter(words).map(|word| word.parse::<u32>());
        let numbers: Result<Vec<u32>, _> = numbers.try_collect().await;
        assert!(numbers.is_err());
        let sum = stream::iter([1, 2, 3])
            .fold(0, |sum, item| sum + item)
            .await;
        assert_eq!(sum, 6);
    });
}

#[test]
fn waiting_until_a_value_is_as_it_should_be() {
    async_std::task::block_on(async {
        use async_std::sync::{Arc, Condvar, Mutex};
        use async_std::task;
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let waiting = task::spawn({
            let shared = Arc::clone(&shared);
            async move {
                let (is_ready, changed) = &*shared;
                changed
                    .wait_until(is_ready.lock().await, |is_ready| *is_ready)
                    .await;
            }
        });
        task::sleep(20 * MS).await;
        let (is_ready, changed) = &*shared;
        *is_ready.lock().await = true;
        changed.notify_all();
        waiting.await;
    });
    smol::block_on(async {
        use event_listener::Event;
        use smol::lock::Mutex;
        let shared = Arc::new((Mutex::new(false), Event::new()));
        let waiting = smol::spawn({
            let shared = Arc::clone(&shared);
            async move {
                let (is_ready, changed) = &*shared;
                loop {
                    let guard = is_ready.lock().await;
                    if *guard {
                        break;
                    }
                    let listener = changed.listen(); // before the lock is given back
                    drop(guard);
                    listener.await;
                }
            }
        });
        smol::Timer::after(20 * MS).await;
        let (is_ready, changed) = &*shared;
        *is_ready.lock().await = true;
        changed.notify(usize::MAX);
        waiting.await;
    });
}

#[test]
fn the_name_of_a_task() {
    async_std::task::block_on(async {
        use async_std::task;
        let task = task::Builder::new().name("worker".to_string());
        let task = task.spawn(async { task::current().name().map(String::from) });
        assert_eq!(task.unwrap().await.as_deref(), Some("worker"));
    });
    smol::block_on(async {
        async fn work(name: &str) -> String {
            format!("{name} has a name if it is told so")
        }
        let task = smol::spawn(work("worker"));
        assert_eq!(task.await, "worker has a name if it is told so");
    });
}

#[test]
fn what_is_the_same_type_in_both() {
    /// Compiles if the two are one type.
    fn same<T>(_: fn(T), _: fn(T)) {}
    same(
        drop::<async_std::sync::Mutex<()>>,
        drop::<smol::lock::Mutex<()>>,
    );
    same(
        drop::<async_std::sync::RwLock<()>>,
        drop::<smol::lock::RwLock<()>>,
    );
    same(
        drop::<async_std::sync::Barrier>,
        drop::<smol::lock::Barrier>,
    );
    same(
        drop::<async_std::process::Command>,
        drop::<smol::process::Command>,
    );
    same(drop::<async_std::io::Error>, drop::<smol::io::Error>);
    same(
        drop::<async_std::net::SocketAddr>,
        drop::<smol::net::SocketAddr>,
    );
    // Of channels there are two versions.
    use std::any::TypeId;
    let there = TypeId::of::<async_std::channel::Sender<()>>();
    assert_ne!(there, TypeId::of::<smol::channel::Sender<()>>());
    // Both implement the traits of futures-io and futures-core, so that what one has, the other can use.
    fn is_stream<S: smol::stream::Stream>(_: S) {}
    fn is_reader<R: smol::io::AsyncRead>(_: R) {}
    is_stream(async_std::stream::empty::<()>());
    is_reader(async_std::io::empty());
}

#[test]
fn a_runtime_within_the_other() {
    // While crate by crate moves, both run beside each other.
    let sum = async_std::task::block_on(async {
        let task = smol::spawn(async { 1 });
        let timer = smol::Timer::after(MS);
        timer.await;
        task.await + 1
    });
    assert_eq!(sum, 2);
    let sum = smol::block_on(async {
        let task = async_std::task::spawn(async { 1 });
        async_std::task::sleep(MS).await;
        task.await + 1
    });
    assert_eq!(sum, 2);
}

// Chapter 0

#[test]
fn a_future_that_wants_tokio() {
    async fn wants_tokio() -> &'static str {
        tokio::time::sleep(Duration::from_millis(10)).await;
        "slept"
    }
    let message = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        text.unwrap_or_else(|| *panic.downcast::<String>().unwrap())
    };
    let expected =
        "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
    let there = AssertUnwindSafe(wants_tokio()).catch_unwind();
    let there = async_std::task::block_on(there).unwrap_err();
    assert_eq!(message(there), expected);
    let here = smol::block_on(AssertUnwindSafe(wants_tokio()).catch_unwind());
    assert_eq!(message(here.unwrap_err()), expected);

    use async_compat::Compat;
    assert_eq!(smol::block_on(Compat::new(wants_tokio())), "slept");
    assert_eq!(
        async_std::task::block_on(Compat::new(wants_tokio())),
        "slept"
    );
}
