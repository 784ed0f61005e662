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
use smol::{LocalExecutor, Timer};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
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
fn dev_null() {
    assert_eq!(read_all(File::open("/dev/null").unwrap()), [b""; 0]);
}

#[test]
fn a_directory_is_an_error_and_then_the_end() {
    let _replaced = replaced::replace(File::open("/").unwrap());
    let mut stdin = Stdin::open().unwrap();
    smol::block_on(async {
        let error = stdin.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert_eq!(
            error.to_string(),
            "standard input: Is a directory (os error 21)"
        );
        assert!(stdin.next().await.is_none());
    });
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    let _replaced = replaced::replace(write_only);
    let error = smol::block_on(Stdin::open().unwrap().next())
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "standard input: Bad file descriptor (os error 9)"
    );
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
fn what_was_read_ahead_goes_to_the_next_stdin() {
    let (mut writer, _replaced) = replaced::pipe();
    writer.write_all(b"one\ntwo\nthr").unwrap();
    smol::block_on(async {
        let mut first = Stdin::open().unwrap();
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

#[test]
fn there_is_one_at_a_time() {
    let (_writer, _replaced) = replaced::pipe();
    let first = Stdin::open().unwrap();
    let error = Stdin::open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        error.to_string(),
        "standard input: another Stdin is reading it"
    );
    drop(first);
    Stdin::open().unwrap();
}

#[test]
fn dropping_it_deregisters() {
    let (_writer, _replaced) = replaced::pipe();
    smol::block_on(async {
        let mut stdin = Stdin::open().unwrap();
        assert!(poll_once(stdin.next()).await.is_none());
        // Registered now: epoll takes a descriptor once.
        assert!(smol::Async::new_nonblocking(io::stdin()).is_err());
        drop(stdin);
        assert!(smol::Async::new_nonblocking(io::stdin()).is_ok());
    });
}

#[test]
fn input_that_somebody_else_has_taken_does_not_block() {
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

#[test]
fn a_non_blocking_descriptor_is_as_good() {
    let (reader, mut writer) = io_pipe();
    rustix::io::ioctl_fionbio(&reader, true).unwrap();
    let _replaced = replaced::replace(&reader);
    let mut stdin = Stdin::open().unwrap();
    smol::block_on(async {
        assert_eq!(next(&mut stdin).await, None);
        writer.write_all(b"line\n").unwrap();
        assert_eq!(next(&mut stdin).await.as_deref(), Some("line"));
    });
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
