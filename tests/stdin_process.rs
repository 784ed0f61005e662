//! `Stdin` in a process of its own, on every system: files and pipes as its standard input.

mod common;

use asyncio_to_smol::stdin::Stdin;
use common::{Running, file_with, start_program};
use smol::future::poll_once;
use smol::stream::StreamExt;
use smol::{Timer, block_on};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, iter};

const LIMIT: &str = "STDIN_LIMIT";

/// In a process that `start` starts, prints the lines and the error; otherwise nothing.
#[test]
fn program() {
    let Ok(limit) = env::var(LIMIT) else {
        return;
    };
    block_on(async {
        'input: loop {
            // Opened and dropped, again and again, after a `next` that is polled once and dropped, and another.
            let mut stdin = Stdin::open().unwrap();
            stdin.set_line_limit(limit.parse().unwrap());
            for _ in 0..2 {
                match poll_once(stdin.next()).await {
                    None => _ = Timer::after(Duration::from_millis(1)).await,
                    Some(Some(Ok(line))) => println!("line {}", line.escape_ascii()),
                    Some(Some(Err(error))) => break 'input println!("{error}"),
                    Some(None) => break 'input,
                }
            }
        }
    });
    println!("end");
}

fn start(limit: usize, stdin: impl Into<Stdio>) -> Running {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "program", "--nocapture", "--quiet"]);
    command.env(LIMIT, limit.to_string()).stdin(stdin);
    start_program("program", &mut command)
}

/// The next line that `program` prints; the test harness prints something, too.
fn next(running: &Running) -> String {
    let mut lines = iter::from_fn(|| Some(running.next_line().text));
    let is_own = |line: &String| line.starts_with("line ") || line.starts_with("standard input: ");
    lines.find(|line| is_own(line) || line == "end").unwrap()
}

/// Checks that these are the lines of a file and of a pipe with this content, and whether an error follows.
fn check(limit: usize, content: &[u8], lines: &[&[u8]], is_too_long: bool) {
    let lines = lines
        .iter()
        .map(|line| format!("line {}", line.escape_ascii()));
    let error = || format!("standard input: a line is longer than {limit} bytes");
    let lines = lines.chain(is_too_long.then(error));
    let expected: Vec<_> = lines.chain(["end".to_string()]).collect();
    let mut piped = start(limit, Stdio::piped());
    piped.type_in(content);
    piped.end_input();
    for running in [piped, start(limit, file_with(content))] {
        let printed: Vec<_> = expected.iter().map(|_| next(&running)).collect();
        assert!(printed == expected, "limit {limit}: printed {printed:.80?}");
    }
}

#[test]
fn input_that_is_there() {
    for (content, lines, is_too_long) in [
        (&b""[..], &[][..], false),
        (b"\n", &[&b""[..]], false),
        (b"one\ntwo\n", &[b"one", b"two"], false),
        (b"no end", &[b"no end"], false),
        (b"1\n\n\nno end", &[b"1", b"", b"", b"no end"], false),
        (b"dos\r\n\r\nend\r\n", &[b"dos", b"", b"end"], false),
        (b"a\rb\rc\r", &[b"a\rb\rc\r"], false),
        (b"\xff\xfe\n\0\n", &[b"\xff\xfe", b"\0"], false),
        // Over the limit of a line, without an end, and at the end of input.
        (b"12345\n1234567\n1\n", &[b"12345"], true),
        (&[b'x'; 10_000], &[], true),
        (b"12345\n1234567", &[b"12345"], true),
        (b"1234567\r\n", &[], true),
    ] {
        check(6, content, lines, is_too_long);
    }
    // Around 8 KiB, which is one read.
    for len in [8190, 8191, 8192, 8193, 100_000] {
        let long = vec![b'x'; len];
        let content = [&long[..], b"\r\nshort\n", &long, b"\n", &long].concat();
        check(len, &content, &[&long, b"short", &long, &long], false);
    }
    // A read ends in the middle of a line, also of `\r\n`.
    let lines: Vec<&[u8]> = [b'x'; 20_000].chunks(7).collect();
    check(7, &lines.join(&b"\r\n"[..]), &lines, false);
    assert_eq!(next(&start(1, Stdio::null())), "end");
}

#[test]
fn input_that_comes_later() {
    let mut running = start(10, Stdio::piped());
    for (typed, line) in [("one\ntw", "line one"), ("o\r", ""), ("\nend", "line two")] {
        running.type_in(typed);
        assert!(line.is_empty() || next(&running) == line, "{line}");
    }
    running.end_input();
    assert_eq!([next(&running), next(&running)], ["line end", "end"]);
}
