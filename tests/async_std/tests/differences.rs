//! The differences between async-std and smol on the page of chapter 20, each run on both, and the page's code.
//! Cases that need a process each are in `src/bin/case.rs`.

#[path = "../../common/mod.rs"]
mod common;

use common::{PATIENCE, Running, start_program};
use futures_lite::future::{self, FutureExt as _, poll_once};
use std::fs;
use std::future::{pending, ready};
use std::io::{ErrorKind, Read};
use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// A case as a process with one thread for blocking work.
fn case(arguments: &[&str]) -> Running {
    case_on("", arguments)
}

/// The same with this number of threads behind `spawn`.
fn case_on(threads: &str, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_case"));
    command.args(arguments).env("BLOCKING_MAX_THREADS", "1");
    for variable in ["SMOL_THREADS", "ASYNC_STD_THREAD_COUNT"] {
        if threads.is_empty() {
            command.env_remove(variable);
        } else {
            command.env(variable, threads);
        }
    }
    start_program(&arguments.join(" "), command.stdin(Stdio::piped()))
}

/// All lines on standard error of a case that succeeds.
fn said(case: Running) -> Vec<String> {
    let finished = case.finish();
    assert!(finished.status.success(), "{finished:?}");
    finished.stderr
}

/// A path without a file.
fn no_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_file(&path);
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

#[test]
fn a_dropped_handle_of_blocking_work() {
    assert_eq!(said(case(&["async_std", "dropped_blocking"])), ["run"]);
    assert_eq!(said(case(&["smol", "dropped_blocking"])), [""; 0]);
}

#[test]
fn threads_behind_spawn() {
    let cores = thread::available_parallelism().unwrap().to_string();
    let cases = [
        ("async_std", "", cores.as_str()),
        ("smol", "", "1"),
        ("async_std", "3", "3"),
        ("smol", "3", "3"),
    ]
    .map(|(runtime, threads, expected)| (case_on(threads, &[runtime, "threads"]), expected));
    for (case, expected) in cases {
        assert_eq!(said(case), [expected]);
    }
}

#[test]
fn an_own_executor_on_several_threads() {
    use smol::{Executor, block_on, channel};
    let running = AtomicU32::new(0);
    let work = async || {
        running.fetch_add(1, Ordering::Relaxed);
        let begin = Instant::now();
        // Each keeps its thread until there are four.
        while running.load(Ordering::Relaxed) < 4 {
            assert!(begin.elapsed() < PATIENCE);
            thread::sleep(MS);
        }
    };
    let executor = Executor::new();
    let (stop, stopped) = channel::unbounded::<()>();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| block_on(executor.run(stopped.recv())));
        }
        let tasks: Vec<_> = (0..4).map(|_| executor.spawn(work())).collect();
        tasks.into_iter().for_each(block_on);
        drop(stop); // the threads end
    });
}

#[test]
fn a_task_that_stays_on_its_thread() {
    let value = std::rc::Rc::new(1);
    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(async move { *value + 1 });
    assert_eq!(smol::block_on(executor.run(task)), 2);
}

#[test]
fn a_nested_block_on() {
    let case = |(threads, runtime)| case_on(threads, &[runtime, "nested_block_on"]);
    for case in [("2", "async_std"), ("2", "smol")].map(case) {
        assert_eq!(said(case), ["3"]);
    }
    for mut case in [("1", "async_std"), ("", "smol")].map(case) {
        assert_eq!(case.status_within(500 * MS), None); // it hangs
    }
}

// 2. Standard input and output, files

#[test]
fn bytes_that_are_not_flushed() {
    let cases = [
        ("async_std", "file", "written"),
        ("smol", "file", ""),
        ("smol", "flushed_file", "written"),
        ("async_std", "stdout", "written"),
        ("smol", "stdout", ""),
        ("smol", "flushed_stdout", "written"),
    ];
    let cases = cases.map(|(runtime, name, expected)| {
        let path = no_file(&format!("{runtime}-{name}"));
        let case = case(&[runtime, name, path.to_str().unwrap()]);
        (case, path, expected)
    });
    for (case, path, expected) in cases {
        let finished = case.finish();
        assert!(finished.status.success(), "{finished:?}");
        let in_file = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(&path);
        let written = in_file + &finished.stdout.concat();
        assert_eq!(written, expected, "{}", path.display());
    }
}

#[test]
fn a_second_handle_of_standard_input() {
    for (runtime, second) in [("async_std", "two"), ("smol", "")] {
        let mut case = case(&[runtime, "two_stdins"]);
        case.type_in("one\ntwo\nthree\n");
        case.end_input();
        assert_eq!(said(case), ["one", second], "{runtime}");
    }
}

#[test]
fn a_line_of_standard_input_that_is_cancelled_half_way() {
    for (runtime, line) in [("async_std", "one"), ("smol", "e")] {
        let mut case = case(&[runtime, "cancelled_stdin"]);
        case.type_in("on");
        assert_eq!(case.next_complaint().text, "cancelled");
        case.type_in("e\n");
        assert_eq!(said(case), [line], "{runtime}");
    }
}

#[test]
fn a_line_read_into_a_string_that_is_not_empty() {
    let (mut reader, mut line) = (&b"two\n"[..], String::from("one, "));
    let read = async_std::io::prelude::BufReadExt::read_line(&mut reader, &mut line);
    async_std::task::block_on(read).unwrap();
    assert_eq!(line, "one, two\n");

    let (mut reader, mut line) = (&b"two\n"[..], String::from("one, "));
    let read = smol::io::AsyncBufReadExt::read_line(&mut reader, &mut line);
    let read = smol::block_on(AssertUnwindSafe(read).catch_unwind());
    assert_eq!(read.is_err(), cfg!(debug_assertions));
    if read.is_ok() {
        assert_eq!(line, "two\n");
    }
}

#[test]
fn a_buf_writer_that_is_not_flushed() {
    let (mut formatted, mut dropped) = (Vec::new(), Vec::new());
    let there = async_std::task::block_on(async {
        use async_std::io::{BufWriter, prelude::WriteExt};
        let mut writer = BufWriter::new(&mut formatted);
        write!(writer, "{}", 1).await.unwrap();
        let mut writer = BufWriter::new(Vec::new());
        writer.write_all(b"written").await.unwrap();
        writer.into_inner().await.unwrap()
    });
    let here = smol::block_on(async {
        use smol::io::{AsyncWriteExt, BufWriter};
        let mut writer = BufWriter::new(&mut dropped);
        writer.write_all(format!("{}", 1).as_bytes()).await.unwrap();
        let mut writer = BufWriter::new(Vec::new());
        writer.write_all(b"written").await.unwrap();
        writer.into_inner()
    });
    assert_eq!([formatted, there], [&b"1"[..], b"written"]);
    assert_eq!([dropped, here], [b"", b""]);
}

#[test]
fn errors_of_files() {
    let path = no_file("missing");
    let name = path.to_str().unwrap();
    let unreadable = no_file("unreadable");
    let there = async_std::task::block_on(async {
        use async_std::{fs, io};
        let file = fs::File::create(&unreadable).await.unwrap();
        [
            (io::copy(file, io::sink()).await.err(), "io::copy failed"),
            (fs::File::open(&path).await.err(), name),
            (fs::read(&path).await.err(), name),
        ]
    });
    for (error, text) in there {
        let error = error.expect(text);
        assert_eq!(error.raw_os_error(), None, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    let here = smol::block_on(async {
        use smol::{fs, io};
        let file = fs::File::create(&unreadable).await.unwrap();
        [
            io::copy(file, io::sink()).await.unwrap_err(),
            fs::File::open(&path).await.unwrap_err(),
            fs::read(&path).await.unwrap_err(),
        ]
    });
    for error in here {
        let system = std::io::Error::from_raw_os_error(error.raw_os_error().unwrap());
        assert_eq!(error.to_string(), system.to_string());
    }
    fs::remove_file(&unreadable).unwrap();
}

#[test]
fn closing_a_connection() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let peer_reads = || {
        let mut peer = listener.accept().unwrap().0;
        peer.set_read_timeout(Some(300 * MS)).unwrap();
        peer.read(&mut [0]).map_err(|error| error.kind())
    };
    use smol::io::AsyncWriteExt;
    smol::block_on(async {
        let mut stream = async_std::net::TcpStream::connect(address).await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(peer_reads(), Err(ErrorKind::WouldBlock)); // open

        let mut stream = smol::net::TcpStream::connect(address).await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(peer_reads(), Ok(0));
        drop(stream);
    });
}

// 3. Time and streams

#[test]
fn an_interval_that_was_not_polled_for_a_while() {
    let period = Duration::from_millis(100);
    let stall = Duration::from_millis(550);
    async_std::task::block_on(async {
        use async_std::prelude::*;
        let mut ticks = async_std::stream::interval(period);
        ticks.next().await;
        thread::sleep(stall);
        let begin = Instant::now();
        assert!(poll_once(ticks.next()).await.is_some());
        ticks.next().await; // a period later: the phase has moved
        assert!(begin.elapsed() >= period, "{:?}", begin.elapsed());
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
}

#[test]
fn when_a_time_limit_begins_to_count() {
    let limit = 100 * MS;
    async_std::task::block_on(async {
        use async_std::prelude::FutureExt;
        // The functions: from the first poll.
        let late = async_std::future::timeout(limit, pending::<()>());
        let io = async_std::io::timeout(limit, pending::<std::io::Result<()>>());
        let sleep = async_std::task::sleep(limit);
        // The method: from the call.
        let method = pending::<()>().timeout(limit);
        thread::sleep(limit);
        assert!(poll_once(late).await.is_none());
        assert!(poll_once(io).await.is_none());
        assert!(poll_once(sleep).await.is_none());
        assert!(poll_once(method).await.is_some());
    });
    smol::block_on(async {
        use smol::{Timer, future::FutureExt, io};
        let timer = Timer::after(limit);
        thread::sleep(limit);
        assert!(poll_once(timer).await.is_some()); // from the call
        let begin = Instant::now();
        let work = async {
            thread::sleep(limit);
            pending::<io::Result<()>>().await
        };
        let late = async {
            Timer::after(limit).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let error = work.or(late).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() >= 2 * limit); // inside `async`: from the first poll
    });
}

#[test]
fn the_first_of_two_that_are_ready() {
    /// In how many of 400 races the first wins.
    fn wins<F: Future<Output = i32>>(race: impl Fn() -> F) -> usize {
        let winner = |_: &_| smol::block_on(race()) == 1;
        (0..400).filter(winner).count()
    }
    let there = async_std::prelude::FutureExt::race::<std::future::Ready<i32>>;
    assert_eq!(wins(|| there(ready(1), ready(2))), 400);
    assert_eq!(wins(|| future::or(ready(1), ready(2))), 400);
    let random = wins(|| future::race(ready(1), ready(2)));
    assert!((100..300).contains(&random), "{random}");
}

#[test]
fn two_streams_as_one() {
    use futures_lite::stream::{self, Stream, StreamExt};
    /// The items, and whether there is an end after them.
    fn items(mut merged: impl Stream<Item = i32> + Unpin) -> (Vec<i32>, bool) {
        smol::block_on(async {
            let items: Vec<i32> = (&mut merged).take(4).collect().await;
            (items, poll_once(merged.next()).await.is_some())
        })
    }
    // One at each second poll.
    let first = || {
        let item = async |item| {
            future::yield_now().await;
            item
        };
        Box::pin(stream::iter([1, 2, 3]).then(item))
    };
    let second = || stream::once(10);
    let all = vec![10, 1, 2, 3];
    let merged = async_std::stream::StreamExt::merge(first(), second());
    assert_eq!(items(merged), (all.clone(), true));
    let selected = futures_util::stream::select(first(), second());
    assert_eq!(items(selected), (all.clone(), true));
    assert_eq!(items(stream::or(first(), second())), (vec![10, 1], true));
    assert_eq!(items(stream::race(first(), second())), (all, false));
}

// 4. Code on the page that has no counterpart of the same name, and both in one program

#[test]
fn results_and_sums_of_a_stream() {
    smol::block_on(async {
        use smol::{prelude::*, stream};
        let numbers = stream::iter(["1", "2", "x"]).map(|word| word.parse::<u32>());
        let numbers: Result<Vec<u32>, _> = numbers.try_collect().await;
        assert!(numbers.is_err());
        let sum = stream::iter([1, 2, 3])
            .fold(0, |sum, item| sum + item)
            .await;
        assert_eq!(sum, 6);
    });
}

#[test]
fn waiting_until_a_value_has_changed() {
    let is_ready = smol::lock::Mutex::new(false);
    let changed = event_listener::Event::new();
    let mut waiting = pin!(async {
        loop {
            let guard = is_ready.lock().await;
            if *guard {
                break;
            }
            let listener = changed.listen(); // before the lock is given back
            drop(guard);
            listener.await;
        }
    });
    smol::block_on(async {
        assert!(poll_once(&mut waiting).await.is_none());
        *is_ready.try_lock().unwrap() = true;
        changed.notify(usize::MAX);
        assert!(poll_once(&mut waiting).await.is_some());
    });
}

#[test]
fn types_that_are_the_same() {
    // Each compiles only if the two are one type.
    let _ = |there: async_std::sync::Mutex<()>| -> smol::lock::Mutex<()> { there };
    let _ = |there: async_std::sync::RwLock<()>| -> smol::lock::RwLock<()> { there };
    let _ = |there: async_std::sync::Barrier| -> smol::lock::Barrier { there };
    let _ = |there: async_std::process::Command| -> smol::process::Command { there };
}

#[test]
fn each_runtime_inside_the_other() {
    let one = async_std::task::block_on(async {
        smol::Timer::after(MS).await;
        smol::spawn(async { 1 }).await
    });
    let two = smol::block_on(async {
        async_std::task::sleep(MS).await;
        async_std::task::spawn(async { 2 }).await
    });
    assert_eq!((one, two), (1, 2));
}

#[test]
fn a_future_that_needs_tokio() {
    let slept = || tokio::time::sleep(MS);
    let panic = smol::block_on(AssertUnwindSafe(async { slept().await }).catch_unwind());
    let panic = panic.unwrap_err();
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    let text = text.unwrap_or_else(|| *panic.downcast::<String>().unwrap());
    let expected =
        "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
    assert_eq!(text, expected);
    smol::block_on(async_compat::Compat::new(async { slept().await }));
}
