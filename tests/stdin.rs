//! `Stdin` on every kind of standard input, with real descriptors.
//!
//! Each test gives this process another standard input; they take turns.
#![cfg(unix)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/stdin.rs"]
mod replaced;

use asyncio_to_smol::stdin::Stdin;
use common::{Terminal, file_with};
use smol::future::{or, poll_once, yield_now};
use smol::stream::StreamExt;
use smol::{Async, LocalExecutor, Timer};
use std::cell::Cell;
use std::fs::{self, File};
use std::hint;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What has not come after this long is not going to.
const A_WHILE: Duration = Duration::from_millis(200);

/// All lines until the end.
async fn all(stdin: &mut Stdin) -> Vec<Vec<u8>> {
    stdin.map(|line| line.expect("readable")).collect().await
}

/// The next line as text, or `None` if there is none within a while.
async fn next(stdin: &mut Stdin) -> Option<String> {
    let line = or(async { Some(stdin.next().await) }, async {
        Timer::after(A_WHILE).await;
        None
    });
    let line = line.await?.expect("not at the end").expect("readable");
    Some(String::from_utf8(line).expect("UTF-8"))
}

fn read_all(input: impl AsFd) -> Vec<Vec<u8>> {
    let _replaced = replaced::replace(input);
    smol::block_on(all(&mut Stdin::open().unwrap()))
}

#[test]
fn lines_of_a_file() {
    for (content, lines) in [
        (&b""[..], &[][..]),
        (b"\n", &[&b""[..]]),
        (b"one\ntwo\n", &[b"one", b"two"]),
        (b"no newline", &[b"no newline"]),
        (b"one\n\n\nno newline", &[b"one", b"", b"", b"no newline"]),
        (b"dos\r\n\r\nend\r\n", &[b"dos", b"", b"end"]),
        (
            b"lone \r in it\rand at the end\r",
            &[b"lone \r in it\rand at the end\r"],
        ),
        (b"\xff\xfe\n\0\n", &[b"\xff\xfe", b"\0"]),
    ] {
        assert_eq!(read_all(file_with(content)), lines, "{content:?}");
    }
    assert_eq!(read_all(File::open("/dev/null").unwrap()), [b""; 0]);
}

#[test]
fn lines_longer_and_shorter_than_one_read() {
    // Around 8 KiB, what one read takes.
    for len in [8190, 8191, 8192, 8193, 100_000] {
        let long = vec![b'x'; len];
        let content = [&long[..], b"\r\nshort\n", &long, b"\n", &long].concat();
        assert_eq!(
            read_all(file_with(&content)),
            [&long, &b"short"[..], &long, &long],
            "{len}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    for input in [write_only, io_pipe().1] {
        let _replaced = replaced::replace(input);
        let text = "standard input: Bad file descriptor (os error 9)";
        assert_eq!(Stdin::open().unwrap_err().to_string(), text);
    }
    let _replaced = replaced::replace(File::open("/").unwrap());
    let mut stdin = Stdin::open().unwrap();
    let error = smol::block_on(stdin.next()).unwrap().unwrap_err();
    let text = "standard input: Is a directory (os error 21)";
    assert_eq!(error.to_string(), text);
    assert!(smol::block_on(stdin.next()).is_none());
}

#[test]
fn a_line_that_is_too_long_is_an_error_and_then_the_end() {
    // At the limit, over it, over it without an end, and over it at the end of input.
    for (content, lines, is_too_long) in [
        (&b"12345\n12345\r\n12345"[..], 3, false),
        (b"12345\n123456\n1\n", 1, true),
        (&[b'x'; 100_000], 0, true),
        (b"12345\n123456", 1, true),
        (b"123456\r\n", 0, true),
    ] {
        let _replaced = replaced::replace(file_with(content));
        let mut stdin = Stdin::open().unwrap();
        stdin.set_line_limit(5);
        let items: Vec<_> = smol::block_on(stdin.collect());
        assert_eq!(items.len(), lines + usize::from(is_too_long), "{items:?}");
        assert!(items[..lines].iter().all(Result::is_ok), "{items:?}");
        if is_too_long {
            let error = items[lines].as_ref().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let text = "standard input: a line is longer than 5 bytes";
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn a_line_without_end_stops_at_128_mib() {
    let _replaced = replaced::replace(File::open("/dev/zero").unwrap());
    let mut stdin = Stdin::open().unwrap();
    let error = smol::block_on(stdin.next()).unwrap().unwrap_err();
    let text = "standard input: a line is longer than 134217728 bytes";
    assert_eq!(error.to_string(), text);
    assert!(smol::block_on(stdin.next()).is_none());
}

fn io_pipe() -> (File, File) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    (read.into(), write.into())
}

#[test]
fn a_pipe_gives_all_lines_of_one_write_and_waits_for_the_rest_of_a_half() {
    let (mut writer, _replaced) = replaced::pipe();
    let mut stdin = Stdin::open().unwrap();
    smol::block_on(async {
        writer.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(next(&mut stdin).await.as_deref(), Some("one"));
        assert_eq!(next(&mut stdin).await.as_deref(), Some("two"));
        // `next` drops the future when the time is over: nothing is lost by that.
        assert_eq!(next(&mut stdin).await, None);
        writer.write_all(b"ee\n").unwrap();
        assert_eq!(next(&mut stdin).await.as_deref(), Some("three"));
        writer.write_all(b"end").unwrap();
        assert_eq!(next(&mut stdin).await, None);
        drop(writer);
        assert_eq!(next(&mut stdin).await.as_deref(), Some("end"));
        assert!(stdin.next().await.is_none());
        assert!(stdin.next().await.is_none());
    });
}

#[test]
fn a_dropped_next_loses_nothing_wherever_it_is_dropped() {
    let (mut writer, _replaced) = replaced::pipe();
    let mut stdin = Stdin::open().unwrap();
    let lines: Vec<String> = (0..2000).map(|n| format!("line {n}")).collect();
    let text = lines.join("\n");
    // In pieces that end in the middle of lines and of reads.
    let writing = thread::spawn(move || {
        for piece in text.as_bytes().chunks(777) {
            writer.write_all(piece).unwrap();
            thread::yield_now();
        }
    });
    let mut got = Vec::new();
    let mut dropped = 0;
    smol::block_on(async {
        loop {
            // Polled once and dropped, again and again.
            match poll_once(stdin.next()).await {
                Some(Some(line)) => got.push(String::from_utf8(line.unwrap()).unwrap()),
                Some(None) => break,
                None => {
                    dropped += 1;
                    yield_now().await;
                }
            }
        }
    });
    writing.join().unwrap();
    assert_eq!(got, lines);
    assert!(dropped > 0);
}

#[test]
fn there_is_one_at_a_time_and_what_it_read_ahead_goes_to_the_next() {
    let (mut writer, _replaced) = replaced::pipe();
    writer.write_all(b"one\ntwo\nthr").unwrap();
    smol::block_on(async {
        let mut first = Stdin::open().unwrap();
        let error = Stdin::open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let text = "standard input: another Stdin is reading it";
        assert_eq!(error.to_string(), text);
        assert_eq!(next(&mut first).await.as_deref(), Some("one"));
        drop(first);
        let mut second = Stdin::open().unwrap();
        assert_eq!(next(&mut second).await.as_deref(), Some("two"));
        assert_eq!(next(&mut second).await, None);
        drop(second);
        writer.write_all(b"ee\n").unwrap();
        assert_eq!(
            next(&mut Stdin::open().unwrap()).await.as_deref(),
            Some("three")
        );
    });
}

/// How many descriptors of this process are open on the same file as this one.
fn descriptors_of(file: &File) -> usize {
    let link = |fd: PathBuf| fs::read_link(fd).ok();
    let same = link(format!("/proc/self/fd/{}", file.as_raw_fd()).into());
    let all = fs::read_dir("/proc/self/fd").unwrap();
    all.filter(|fd| link(fd.as_ref().unwrap().path()) == same)
        .count()
}

#[test]
fn dropping_it_leaves_nothing_open_or_registered() {
    let (reader, _writer) = io_pipe();
    let _replaced = replaced::replace(&reader);
    smol::block_on(async {
        let before = descriptors_of(&reader);
        for _ in 0..2 {
            let mut stdin = Stdin::open().unwrap();
            assert!(poll_once(stdin.next()).await.is_none());
            drop(stdin);
        }
        assert_eq!(descriptors_of(&reader), before);
        // epoll takes a descriptor once.
        assert!(Async::new_nonblocking(io::stdin()).is_ok());
    });
}

#[test]
fn input_that_another_reader_has_taken_does_not_block() {
    let (reader, mut writer) = io_pipe();
    let _replaced = replaced::replace(&reader);
    let mut stdin = Stdin::open().unwrap();
    smol::block_on(async {
        assert!(poll_once(stdin.next()).await.is_none());
        writer.write_all(b"taken\n").unwrap();
        // The reactor hears of it, then another reader of the same pipe is faster.
        Timer::after(A_WHILE).await;
        assert_eq!(rustix::io::read(&reader, &mut [0; 100]), Ok(6));
        assert_eq!(next(&mut stdin).await, None);
        writer.write_all(b"mine\n").unwrap();
        assert_eq!(next(&mut stdin).await.as_deref(), Some("mine"));
    });
}

/// The loop writes lines and reads them, and another thread takes each of them just before the loop does,
/// if it can: also between two system calls of `Stdin`. If one of these blocks, the loop stands still.
fn race_for_lines(reader: impl AsFd + Sync, mut writer: File) {
    const ROUNDS: usize = 60_000;
    let _replaced = replaced::replace(&reader);
    let (round, stands_still) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut unblocking = writer.try_clone().unwrap();
    let mut stdin = Stdin::open().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut seen, mut since, mut delay) = (0, Instant::now(), 0_u32);
            while seen < ROUNDS {
                let now = round.load(Ordering::SeqCst);
                if now != seen {
                    (seen, since) = (now, Instant::now());
                    (0..delay).for_each(|_| hint::spin_loop());
                    // Later and later, until the loop has been faster.
                    if rustix::io::ioctl_fionread(&reader).unwrap() > 0 {
                        rustix::io::read(&reader, &mut [0; 100]).unwrap();
                        delay += 1;
                    } else {
                        delay = delay.saturating_sub(1);
                    }
                } else if since.elapsed() > Duration::from_secs(5) {
                    stands_still.store(true, Ordering::SeqCst);
                    unblocking.write_all(b"\n").unwrap();
                    return;
                }
            }
        });
        smol::block_on(async {
            for n in 1..=ROUNDS {
                writer.write_all(b"x\n").unwrap();
                round.store(n, Ordering::SeqCst);
                let _ = poll_once(stdin.next()).await;
                assert!(!stands_still.load(Ordering::SeqCst), "in round {n}");
                yield_now().await;
            }
        });
        writer.write_all(b"\n").unwrap(); // if the other one waits for it
    });
    drop((writer, unblocking));
    smol::block_on(all(&mut stdin)); // nothing is left over for the next test
}

#[test]
fn another_reader_of_the_same_input_never_blocks_the_loop() {
    let (reader, writer) = io_pipe();
    race_for_lines(reader, writer);
    let (reader, writer) = UnixStream::pair().unwrap();
    race_for_lines(reader, OwnedFd::from(writer).into());
}

#[test]
fn a_pipe_that_cannot_be_opened_once_more_one_that_is_non_blocking_and_a_socket() {
    let (no_rights, no_rights_writer) = io_pipe();
    // For others than root.
    rustix::fs::fchmod(&no_rights, rustix::fs::Mode::empty()).unwrap();
    let (non_blocking, non_blocking_writer) = io_pipe();
    rustix::io::ioctl_fionbio(&non_blocking, true).unwrap();
    let (socket, socket_writer) = UnixStream::pair().unwrap();
    for (reader, mut writer) in [
        (no_rights, no_rights_writer),
        (non_blocking, non_blocking_writer),
        (
            OwnedFd::from(socket).into(),
            OwnedFd::from(socket_writer).into(),
        ),
    ] {
        let _replaced = replaced::replace(reader);
        let mut stdin = Stdin::open().unwrap();
        smol::block_on(async {
            assert_eq!(next(&mut stdin).await, None);
            writer.write_all(b"one\ntwo\nend").unwrap();
            assert_eq!(next(&mut stdin).await.as_deref(), Some("one"));
            assert_eq!(next(&mut stdin).await.as_deref(), Some("two"));
            assert_eq!(next(&mut stdin).await, None);
            drop(writer);
            assert_eq!(next(&mut stdin).await.as_deref(), Some("end"));
            assert!(stdin.next().await.is_none());
        });
    }
}

#[test]
fn a_terminal() {
    let mut terminal = Terminal::open();
    let _replaced = replaced::replace(&terminal.slave);
    let before = terminal.flags();
    let mut stdin = Stdin::open().unwrap();
    smol::block_on(async {
        assert_eq!(next(&mut stdin).await, None);
        terminal.type_in("one\n");
        assert_eq!(next(&mut stdin).await.as_deref(), Some("one"));
        terminal.type_in("two\nthree\nfour\n");
        for line in ["two", "three", "four"] {
            assert_eq!(next(&mut stdin).await.as_deref(), Some(line));
        }
        assert_eq!(terminal.flags(), before);
        terminal.type_in("\x04");
        assert!(stdin.next().await.is_none());
        drop(stdin);
        // The end of input on a terminal is not for ever.
        let mut stdin = Stdin::open().unwrap();
        terminal.type_in("half\x04");
        assert_eq!(next(&mut stdin).await, None);
        terminal.type_in("\x04");
        assert_eq!(next(&mut stdin).await.as_deref(), Some("half"));
        assert!(stdin.next().await.is_none());
    });
    assert_eq!(terminal.flags(), before);
}

#[test]
fn a_line_of_64_mb_takes_linear_time_and_lets_others_run() {
    let mut content = vec![b'x'; 64_000_000];
    content.extend_from_slice(b"\nshort\n");
    let _replaced = replaced::replace(file_with(&content));
    let mut turns = 0;
    let start = Instant::now();
    let lines = smol::block_on(or(
        async { all(&mut Stdin::open().unwrap()).await },
        async {
            loop {
                turns += 1;
                yield_now().await;
            }
        },
    ));
    // Searching the line anew at each of its 7812 reads would take minutes.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(lines.len(), 2);
    assert!(lines[0] == content[..64_000_000]);
    assert_eq!(lines[1], b"short");
    assert!(turns > 10, "{turns} turns for others");
}

#[test]
fn input_that_is_always_there_lets_others_run() {
    let _replaced = replaced::replace(file_with("1\n".repeat(1_000_000).as_bytes()));
    let executor = LocalExecutor::new();
    let reading = executor.spawn(async { all(&mut Stdin::open().unwrap()).await.len() });
    let others = executor.spawn(async {
        let mut turns = 0;
        while !reading.is_finished() {
            turns += 1;
            yield_now().await;
        }
        assert_eq!(reading.await, 1_000_000);
        turns
    });
    let turns: u32 = smol::block_on(executor.run(others));
    assert!(turns > 10, "{turns} turns for others");
}

#[test]
fn work_between_lines_that_are_there_already_lets_others_run() {
    let _replaced = replaced::replace(file_with("1\n".repeat(10).as_bytes()));
    let mut turns_between = Vec::new();
    let turns = Cell::new(0);
    smol::block_on(or(
        async {
            let mut stdin = Stdin::open().unwrap();
            while stdin.next().await.is_some() {
                turns_between.push(turns.get());
                thread::sleep(Duration::from_millis(2));
            }
        },
        async {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        },
    ));
    assert_eq!(turns_between.len(), 10);
    assert!(
        turns_between.windows(2).all(|pair| pair[0] < pair[1]),
        "{turns_between:?}"
    );
}

#[test]
fn between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Stdin>();
}
