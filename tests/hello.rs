//! The seven hello programs as processes, on every kind of standard input.

mod common;

use common::{
    Finished, PATIENCE, Running, at_the_same_time, example, file_with, is_greeting,
    read_transcript, start, start_on,
};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The last four are about poll(2), which only Unix has.
const PROGRAMS: [&str; 7] = [
    "hello_node",
    "hello_threads",
    "hello_smol",
    "hello_event_loop",
    "hello_callbacks",
    "hello_coroutines",
    "fib_coroutine",
];

/// The others greet after one period.
fn greets_at_once(name: &str) -> bool {
    name != "hello_node"
}

fn greets_during_fib(name: &str) -> bool {
    ["hello_threads", "fib_coroutine", "hello_smol"].contains(&name)
}

/// A period in which no second greeting comes.
const NEVER: &str = "100000";

/// Runs `check` for every program, all at the same time, and says which one failed.
fn with_all(check: impl Fn(&str) + Sync) {
    let check = &check;
    let programs = PROGRAMS.iter().take(if cfg!(unix) { 7 } else { 3 });
    at_the_same_time(programs.map(|name| (*name, move || check(name))));
}

/// What a program writes about a line that is not a number. The line is quoted.
fn complaint(quoted: &str) -> String {
    format!("{quoted}: expected a natural number up to 93 or `exit`")
}

/// One greeting, if the program greets at once, these answers, these complaints, status 0.
fn assert_transcript(
    (name, case): (&str, &str),
    finished: &Finished,
    answers: &[&str],
    complaints: &[String],
) {
    let (greetings, mut got) = read_transcript(&finished.stdout);
    let mut expected = answers.to_vec();
    if name == "hello_smol" {
        // Its workers finish in any order.
        got.sort();
        expected.sort_unstable();
    }
    assert_eq!(got, expected, "{case}");
    assert_eq!(finished.stderr, complaints, "{case}");
    assert_eq!(greetings, usize::from(greets_at_once(name)), "{case}");
    assert_eq!(finished.status.code(), Some(0), "{case}");
}

/// The next answers. Panics if a greeting comes between the two lines of an answer.
fn answers(running: &Running, count: usize) -> Vec<String> {
    let (mut lines, start_time) = (Vec::new(), Instant::now());
    let mut missing = 2 * count;
    while missing > 0 {
        assert!(start_time.elapsed() < PATIENCE, "only greetings come");
        let line = running.next_line().text;
        missing -= usize::from(!is_greeting(&line));
        lines.push(line);
    }
    read_transcript(&lines).1
}

#[test]
fn a_pipe_and_a_file() {
    let input = b"  10 \n\nexitt\n3\r\n-4\n\t\r\n94\n\xff\xfe\n18446744073709551616\n0\nEXIT\nexit now\n+1\n3.5\n\
        1e3\n4 2\n0x10\n\x1b[2J\n\xd9\xa3\n000000000000000000000000000009\n20";
    let answers = [(10, 55), (3, 2), (0, 0), (9, 34), (20, 6765)];
    let answers = answers.map(|(n, value)| format!("fib({n}) = {value}"));
    let answers = answers.each_ref().map(String::as_str);
    let others = "exitt|-4|94|\u{fffd}\u{fffd}|18446744073709551616|EXIT|exit now|+1|3.5|1e3|4 2|0x10|\u{1b}[2J|٣";
    let quoted = others.split('|').map(|line| format!("{line:?}"));
    let complaints: Vec<_> = quoted.map(|line| complaint(&line)).collect();
    let long = "é".repeat(1_000_000).into_bytes();
    let first_40 = |c: &str| complaint(&format!("\"{}\"…", c.repeat(40)));
    type Case<'a> = (&'a str, &'a [u8], &'a [&'a str], &'a [String]);
    let cases: [Case; 5] = [
        ("numbers and other lines", input, &answers, &complaints),
        ("a long line", &long, &[], &[first_40("é")]),
        ("no UTF-8", &[0xff; 100], &[], &[first_40("\u{fffd}")]),
        ("exit", b"exit\n1\nx\n", &[], &[]),
        ("nothing", b"", &[], &[]),
    ];
    with_all(|name| {
        for (case, input, answers, complaints) in cases {
            let mut piped = start(name, &[NEVER]);
            piped.type_in(input);
            piped.end_input();
            assert_transcript((name, case), &piped.finish(), answers, complaints);
            let finished = start_on(name, &[NEVER], file_with(input)).finish();
            assert_transcript((name, case), &finished, answers, complaints);
        }
    });
}

#[test]
fn the_null_device_is_empty_and_a_directory_is_an_error() {
    with_all(|name| {
        let finished = start_on(name, &[NEVER], Stdio::null()).finish();
        assert_transcript((name, "/dev/null"), &finished, &[], &[]);
        if cfg!(not(unix)) {
            return; // it cannot be opened
        }
        let finished = start_on(name, &[NEVER], File::open("/").unwrap()).finish();
        let error = format!("{name}: standard input: Is a directory (os error 21)");
        assert_eq!(finished.stderr, [error]);
        assert_eq!(finished.status.code(), Some(1));
    });
}

#[test]
fn all_lines_of_one_write_are_answered_and_no_greeting_splits_an_answer() {
    with_all(|name| {
        let mut running = start(name, &["0.000000001"]); // shorter than a greeting takes
        // 6 000 bytes: less than std reads at once, more than 4 096. Input stays open: poll(2) does not see what
        // std has read ahead.
        running.type_in("5\n".repeat(3_000));
        assert_eq!(answers(&running, 3_000), vec!["fib(5) = 5"; 3_000]);
        running.type_in("exit\n");
        assert_eq!(running.finish().status.code(), Some(0));
    });
}

#[test]
fn half_a_line_does_not_stop_the_greetings() {
    with_all(|name| {
        let mut running = start(name, &["0.1"]);
        running.type_in("1");
        for _ in 0..5 {
            assert!(is_greeting(&running.next_line().text));
        }
        running.type_in("0\n");
        assert_eq!(answers(&running, 1), ["fib(10) = 55"]);
    });
}

#[test]
#[cfg(unix)]
fn a_terminal() {
    with_all(|name| {
        // ^D at the beginning of a line, ^D twice after half a line, and `exit`.
        for (end, last_answer) in [
            ("\x04", &[][..]),
            ("10\x04\x04", &["fib(10) = 55"]),
            ("exit\n", &[]),
        ] {
            let mut terminal = common::Terminal::open();
            let before = terminal.flags();
            let running = start_on(name, &[NEVER], terminal.stdin());
            terminal.type_in("x\n");
            assert_eq!(running.next_complaint().text, complaint("\"x\""));
            terminal.type_in("5\n".repeat(3_000)); // a paste
            assert_eq!(answers(&running, 3_000), vec!["fib(5) = 5"; 3_000]);
            assert_eq!(terminal.flags(), before, "while it runs");
            terminal.type_in(end);
            let finished = running.finish();
            let (_, answers) = read_transcript(&finished.stdout);
            assert_eq!(answers, last_answer, "{end:?}");
            assert_eq!(finished.status.code(), Some(0), "{end:?}");
            assert_eq!(terminal.flags(), before, "after {end:?}");
        }
    });
}

#[test]
fn exit_does_not_wait_for_a_running_fib_if_the_loop_is_free() {
    for name in &["hello_smol", "fib_coroutine"][..1 + usize::from(cfg!(unix))] {
        let mut running = start(name, &["0.1"]);
        running.type_in("70\n70\n70\n"); // days
        for _ in 0..3 {
            assert!(is_greeting(&running.next_line().text));
        }
        running.type_in("exit\n");
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0));
        assert_eq!(finished.stderr, [""; 0]);
    }
}

#[test]
fn greetings_during_fib_go_on_or_one_comes_late_and_the_others_are_skipped() {
    with_all(|name| {
        let mut running = start(name, &["0.02"]);
        let n = if name == "fib_coroutine" { 25 } else { 37 }; // many periods each
        running.type_in(format!("{n}\n").repeat(3) + &"1\n".repeat(20));
        let greetings_before_answer = [(); 23].map(|()| {
            let mut greetings = 0;
            while is_greeting(&running.next_line().text) {
                greetings += 1;
                assert!(greetings < 2_000, "no answer");
            }
            assert!(running.next_line().text.starts_with("fib("));
            greetings
        });
        if greets_during_fib(name) {
            let during: usize = greetings_before_answer.iter().sum();
            assert!(during > 6, "{during} greetings");
        } else {
            assert_eq!(greetings_before_answer[1..4], [1; 3]);
            // If missed greetings were made up for, there would be one before each of the short answers.
            let after: usize = greetings_before_answer[4..].iter().sum();
            let most = if cfg!(unix) { 5 } else { 10 };
            assert!(after <= most, "{after} greetings");
        }
        assert!(is_greeting(&running.next_line().text));
    });
}

#[test]
fn a_wrong_command_line_prints_the_usage() {
    with_all(|name| {
        for wrong in [
            "abc", "0", "-1", "1e999", "1e-300", "nan", "3s", "", "--help", "1 2",
        ] {
            let arguments: Vec<&str> = wrong.split(' ').collect();
            let finished = start(name, &arguments).finish();
            let usage = format!(
                "usage: {name} [SECONDS]: the time between greetings, above 0 (default 3), not {wrong:?}"
            );
            assert_eq!(finished.stderr, [usage]);
            assert_eq!(finished.stdout, [""; 0]);
            assert_eq!(finished.status.code(), Some(2));
        }
    });
}

/// Starts the program with this standard output.
fn spawn(name: &str, period: &str, stdout: impl Into<Stdio>) -> Child {
    Command::new(example(name))
        .arg(period)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// That the program ends with this on standard error, although its input stays open.
fn assert_ends(mut child: Child, complaint: &str, status: i32) {
    let _stdin = child.stdin.take();
    let finished = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(finished.stderr).unwrap(), complaint);
    assert_eq!(finished.status.code(), Some(status));
}

#[test]
fn a_closed_output_ends_the_program_silently() {
    with_all(|name| {
        // At a greeting.
        let mut child = spawn(name, "0.05", Stdio::piped());
        drop(child.stdout.take());
        assert_ends(child, "", 0);
        // At an answer.
        let mut child = spawn(name, NEVER, Stdio::piped());
        let mut stdout = child.stdout.take().unwrap();
        if greets_at_once(name) {
            stdout.read_exact(&mut [0; 26]).unwrap();
        }
        drop(stdout);
        // The first answer may still find a reader: a process that another test starts has this pipe open
        // until it runs its program.
        let start_time = Instant::now();
        while child.stdin.as_ref().unwrap().write_all(b"5\n").is_ok() {
            assert!(start_time.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
        assert_ends(child, "", 0);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    with_all(|name| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = format!("{name}: standard output: No space left on device (os error 28)\n");
        assert_ends(spawn(name, "0.05", full), &error, 1);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn hello_smol_computes_on_one_thread_per_core_and_reads_no_more_than_it_computes() {
    let mut child = spawn("hello_smol", NEVER, Stdio::null());
    let process = format!("/proc/{}", child.id());
    let mut stdin = child.stdin.take().unwrap();
    let (sender, written) = std::sync::mpsc::channel();
    let writing = thread::spawn(move || {
        // Fails when the program has been killed.
        while stdin.write_all(&b"93\n".repeat(1_000)).is_ok() {
            let _ = sender.send(3_000);
        }
    });
    let computing_threads = || {
        let threads = std::fs::read_dir(format!("{process}/task")).unwrap();
        let names =
            threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")));
        names
            .filter(|name| name.as_ref().unwrap().starts_with("blocking"))
            .count()
    };
    let cores = thread::available_parallelism().unwrap().get();
    while computing_threads() < cores {
        thread::sleep(Duration::from_millis(10));
    }
    // Until it has read nothing for a while, or too much.
    let mut bytes = 0;
    while let Ok(more) = written.recv_timeout(Duration::from_millis(500)) {
        bytes += more;
        if bytes > 100_000 {
            break;
        }
    }
    let threads = computing_threads();
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    writing.join().unwrap();
    assert!(bytes < 100_000, "the pipe holds 64 kB");
    assert_eq!(threads, cores);
    let peak = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = peak.unwrap().split_whitespace().nth(1).unwrap();
    assert!(kilobytes.parse::<u32>().unwrap() < 10_000, "{kilobytes} kB");
}

#[test]
#[cfg(target_os = "linux")]
fn no_cpu_while_idle() {
    with_all(|name| {
        let mut running = start(name, &[NEVER]);
        thread::sleep(Duration::from_secs(1));
        let cpu = running.cpu();
        assert!(cpu <= Duration::from_millis(30), "{cpu:?} of CPU in 1 s");
        running.type_in("exit\n"); // fails if it has ended
    });
}

/// kqueue can refuse terminals. Here a filter makes `epoll_ctl` refuse standard input, and the `Stdin` of the library.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "redis"))]
fn a_terminal_that_the_reactor_refuses() {
    let refuse = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/refuse.py");
    for (name, typed, answer) in [
        ("hello_node", "20\n", "fib(20) = 6765"),
        ("hello_smol", "20\n", "fib(20) = 6765"),
        ("queue_workers", "1\n", "Wait 1"),
    ] {
        let mut terminal = common::Terminal::open();
        let mut command = Command::new("python3");
        command.args([refuse, "0,3"]).arg(example(name));
        let running = common::start_program(name, command.stdin(terminal.stdin()));
        terminal.type_in(typed);
        while running.next_line().text != answer {}
        running.kill();
    }
}
