//! `Stdin` on every kind of standard input, with real descriptors. What works on every system is in `stdin_process.rs`.
//!
//! Each test gives this process another standard input; they take turns.
#![cfg(unix)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/stdin.rs"]
mod replaced;

use asyncio_to_smol::stdin::Stdin;
use common::{Terminal, file_with};
use replaced::{pipe_ends, replace};
use rustix::fs::fcntl_getfl;
use smol::future::{or, poll_once, yield_now};
use smol::stream::StreamExt;
use smol::{Timer, block_on};
use std::fs::File;
use std::hint;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

async fn next(stdin: &mut Stdin) -> String {
    let line = stdin.next().await.expect("not at the end");
    String::from_utf8(line.expect("readable")).expect("UTF-8")
}

/// Polls `next` for a while and drops it.
async fn assert_has_no_line(stdin: &mut Stdin) {
    let timer = Timer::after(Duration::from_millis(50));
    let line = or(async { Some(stdin.next().await) }, async {
        timer.await;
        None
    });
    assert!(line.await.is_none(), "a line came");
}

fn socket_pair() -> (File, File) {
    let (reader, writer) = UnixStream::pair().unwrap();
    (OwnedFd::from(reader).into(), OwnedFd::from(writer).into())
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    for input in [write_only, pipe_ends().1] {
        let _replaced = replace(input);
        let text = "standard input: Bad file descriptor (os error 9)";
        assert_eq!(Stdin::open().unwrap_err().to_string(), text);
    }
    for (path, text) in [
        ("/", "standard input: Is a directory (os error 21)"),
        (
            "/dev/zero",
            "standard input: a line is longer than 134217728 bytes",
        ),
    ] {
        let _replaced = replace(File::open(path).unwrap());
        let mut stdin = Stdin::open().unwrap();
        let error = block_on(stdin.next()).unwrap().unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(block_on(stdin.next()).is_none());
    }
}

#[test]
fn input_that_comes_later() {
    let (no_rights, no_rights_writer) = pipe_ends();
    // It cannot be opened once more, except by root.
    rustix::fs::fchmod(&no_rights, rustix::fs::Mode::empty()).unwrap();
    let (non_blocking, non_blocking_writer) = pipe_ends();
    rustix::io::ioctl_fionbio(&non_blocking, true).unwrap();
    for (reader, mut writer) in [
        pipe_ends(),
        (no_rights, no_rights_writer),
        (non_blocking, non_blocking_writer),
        socket_pair(),
    ] {
        let _replaced = replace(&reader);
        let flags = fcntl_getfl(&reader);
        let mut stdin = Stdin::open().unwrap();
        block_on(async {
            assert_has_no_line(&mut stdin).await;
            writer.write_all(b"one\ntwo\nthr").unwrap();
            assert_eq!(next(&mut stdin).await, "one");
            assert_eq!(next(&mut stdin).await, "two");
            assert_has_no_line(&mut stdin).await;
            writer.write_all(b"ee\n").unwrap();
            assert_eq!(next(&mut stdin).await, "three");

            // The reactor sees input that another reader then takes.
            assert!(poll_once(stdin.next()).await.is_none());
            writer.write_all(b"taken\n").unwrap();
            Timer::after(Duration::from_millis(50)).await;
            assert_eq!(rustix::io::read(&reader, &mut [0; 100]), Ok(6));
            assert_has_no_line(&mut stdin).await;

            writer.write_all(b"end").unwrap();
            assert_has_no_line(&mut stdin).await;
            drop(writer);
            assert_eq!(next(&mut stdin).await, "end");
            assert!(stdin.next().await.is_none());
            assert!(stdin.next().await.is_none());
        });
        assert_eq!(fcntl_getfl(&reader), flags);
    }
}

#[test]
fn there_is_one_at_a_time_and_the_next_gets_the_bytes_that_it_has_read_ahead() {
    let (mut writer, _replaced) = replaced::pipe();
    writer.write_all(b"one\ntwo\nthr").unwrap();
    block_on(async {
        let mut first = Stdin::open().unwrap();
        let error = Stdin::open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let text = "standard input: another Stdin is reading it";
        assert_eq!(error.to_string(), text);
        assert_eq!(next(&mut first).await, "one");
        drop(first);
        let mut second = Stdin::open().unwrap();
        assert_eq!(next(&mut second).await, "two");
        assert_has_no_line(&mut second).await;
        drop(second);
        writer.write_all(b"ee\n").unwrap();
        assert_eq!(next(&mut Stdin::open().unwrap()).await, "three");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn dropping_it_leaves_nothing_open_or_registered() {
    use std::{fs, os::fd::AsRawFd};
    for (reader, _writer) in [pipe_ends(), socket_pair()] {
        let _replaced = replace(&reader);
        let file = |fd: String| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        let same = file(reader.as_raw_fd().to_string());
        let descriptors = || {
            let all = fs::read_dir("/proc/self/fd").unwrap();
            let names = all.map(|fd| fd.unwrap().file_name().into_string().unwrap());
            names.filter(|fd| file(fd.clone()) == same).count()
        };
        let before = descriptors();
        for _ in 0..2 {
            // epoll takes a descriptor once: the second `next` is an error if the first is still registered.
            let mut stdin = Stdin::open().unwrap();
            assert!(block_on(poll_once(stdin.next())).is_none());
        }
        assert_eq!(descriptors(), before);
    }
}

/// The loop writes lines and reads them, and another thread takes each of them just before the loop does,
/// if it can: also between two system calls of `Stdin`. If one of these blocks, the loop stands still.
fn race_for_lines((reader, mut writer): (File, File)) {
    const ROUNDS: usize = 60_000;
    let _replaced = replace(&reader);
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
        block_on(async {
            for n in 1..=ROUNDS {
                writer.write_all(b"x\n").unwrap();
                round.store(n, Ordering::SeqCst);
                let _ = poll_once(stdin.next()).await;
                assert!(!stands_still.load(Ordering::SeqCst), "in round {n}");
                yield_now().await;
            }
        });
        writer.write_all(b"\n").unwrap(); // if the other thread waits for it
    });
    drop((writer, unblocking));
    block_on(stdin.count()); // leaves nothing for the next test
}

#[test]
fn another_reader_of_the_same_input_never_blocks_the_loop() {
    if cfg!(target_os = "linux") {
        race_for_lines(pipe_ends());
    }
    race_for_lines(socket_pair());
}

#[test]
fn a_terminal() {
    let mut terminal = Terminal::open();
    let _replaced = replace(&terminal.slave);
    let before = terminal.flags();
    let mut stdin = Stdin::open().unwrap();
    block_on(async {
        assert_has_no_line(&mut stdin).await;
        terminal.type_in("one\ntwo\nthree\n");
        for line in ["one", "two", "three"] {
            assert_eq!(next(&mut stdin).await, line);
        }
        assert_eq!(terminal.flags(), before);
        terminal.type_in("\x04");
        assert!(stdin.next().await.is_none());
        drop(stdin);
        // The next one reads on after the end of input on a terminal.
        let mut stdin = Stdin::open().unwrap();
        terminal.type_in("half\x04");
        assert_has_no_line(&mut stdin).await;
        terminal.type_in("\x04");
        assert_eq!(next(&mut stdin).await, "half");
        assert!(stdin.next().await.is_none());
    });
    assert_eq!(terminal.flags(), before);
}

#[test]
fn input_that_is_always_there_lets_others_run() {
    let a_long_line = [&vec![b'x'; 64_000_000][..], b"\nshort\n"].concat();
    // A long line, many lines, and lines that the reader works on.
    for (content, work) in [
        (a_long_line, Duration::ZERO),
        (b"1\n".repeat(1_000_000), Duration::ZERO),
        (b"1\n".repeat(20), Duration::from_millis(2)),
    ] {
        let _replaced = replace(file_with(&content));
        let (mut got, mut turns) = (Vec::new(), 0);
        let start = Instant::now();
        let reading = async {
            let mut stdin = Stdin::open().unwrap();
            while let Some(line) = stdin.next().await {
                got.extend(line.unwrap());
                got.push(b'\n');
                thread::sleep(work);
            }
        };
        block_on(or(reading, async {
            loop {
                turns += 1;
                yield_now().await;
            }
        }));
        assert!(got == content);
        assert!(turns > 10, "{turns} turns for others");
        // Searching the long line again at each of its 7812 reads takes minutes.
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
