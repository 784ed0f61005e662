//! The seven hello programs as processes, on every kind of standard input.
#![cfg(unix)]

mod common;

use common::{
    Finished, PATIENCE, Running, Terminal, at_the_same_time, example, file_with, is_greeting,
    read_transcript, start, start_on, time_taken,
};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

struct Program {
    name: &'static str,
    /// Greets at once; else after one period.
    greets_at_once: bool,
    /// Goes on greeting while it computes.
    greets_during_fib: bool,
    /// Answers in the order of the questions.
    in_order: bool,
}

const PROGRAMS: [Program; 7] = [
    Program {
        name: "hello_node",
        greets_at_once: false,
        greets_during_fib: false,
        in_order: true,
    },
    Program {
        name: "hello_threads",
        greets_at_once: true,
        greets_during_fib: true,
        in_order: true,
    },
    Program {
        name: "hello_event_loop",
        greets_at_once: true,
        greets_during_fib: false,
        in_order: true,
    },
    Program {
        name: "hello_callbacks",
        greets_at_once: true,
        greets_during_fib: false,
        in_order: true,
    },
    Program {
        name: "hello_coroutines",
        greets_at_once: true,
        greets_during_fib: false,
        in_order: true,
    },
    Program {
        name: "fib_coroutine",
        greets_at_once: true,
        greets_during_fib: true,
        in_order: true,
    },
    Program {
        name: "hello_smol",
        greets_at_once: true,
        greets_during_fib: true,
        in_order: false,
    },
];

/// A time between greetings in which no second one comes.
const NEVER: &str = "100000";

/// Runs `check` for every program, all at the same time, and says which one failed.
fn with_all(check: impl Fn(&Program) + Sync) {
    let check = &check;
    at_the_same_time(
        PROGRAMS
            .iter()
            .map(|program| (program.name, move || check(program))),
    );
}

/// The one greeting, these answers, these complaints, status 0.
fn assert_transcript(
    program: &Program,
    finished: &Finished,
    answers: &[&str],
    complaints: &[&str],
) {
    let (greetings, mut got) = read_transcript(&finished.stdout);
    let mut expected = answers.to_vec();
    if !program.in_order {
        got.sort();
        expected.sort_unstable();
    }
    assert_eq!(got, expected);
    assert_eq!(finished.stderr, complaints);
    assert_eq!(greetings, usize::from(program.greets_at_once));
    if program.greets_at_once {
        assert!(is_greeting(&finished.stdout[0]));
    }
    assert_eq!(finished.status.code(), Some(0));
}

// ------------------------------------------------------------------------------- input rules

const INPUT: &[u8] = b"  10 \n\nexitt\n3\r\n-4\n\t\r\n94\n\xff\xfe\n18446744073709551616\n0\n20";
const ANSWERS: [&str; 4] = ["fib(10) = 55", "fib(3) = 2", "fib(0) = 0", "fib(20) = 6765"];
const COMPLAINTS: [&str; 5] = [
    r#""exitt": expected a natural number up to 93 or `exit`"#,
    r#""-4": expected a natural number up to 93 or `exit`"#,
    r#""94": expected a natural number up to 93 or `exit`"#,
    "\"\u{fffd}\u{fffd}\": expected a natural number up to 93 or `exit`",
    r#""18446744073709551616": expected a natural number up to 93 or `exit`"#,
];

#[test]
fn a_pipe_with_everything_in_one_write() {
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in(INPUT);
        running.end_input();
        assert_transcript(program, &running.finish(), &ANSWERS, &COMPLAINTS);
    });
}

#[test]
fn a_file() {
    with_all(|program| {
        let finished = start_on(program.name, &[NEVER], file_with(INPUT)).finish();
        assert_transcript(program, &finished, &ANSWERS, &COMPLAINTS);
    });
}

#[test]
fn what_is_a_number_and_what_is_not() {
    let good = [
        " 40\t\r".replace("40", "4"),
        "0".repeat(30) + "9",
        "exit".into(),
    ];
    let bad = [
        "-1",
        "+1",
        "3.5",
        "1e3",
        "EXIT",
        "exit now",
        "4 2",
        "٣",
        "0x10",
        "4294967296",
        "\u{1b}[2J",
        "99999999999999999999999999",
    ];
    let mut input: String = bad.iter().map(|line| format!("{line}\n")).collect();
    input += &good.join("\n");
    let complaints: Vec<String> = bad
        .iter()
        .map(|line| format!("{line:?}: expected a natural number up to 93 or `exit`"))
        .collect();
    let complaints: Vec<&str> = complaints.iter().map(String::as_str).collect();
    assert_eq!(
        complaints[10],
        "\"\\u{1b}[2J\": expected a natural number up to 93 or `exit`"
    );
    with_all(|program| {
        let finished = start_on(program.name, &[NEVER], file_with(input.as_bytes())).finish();
        // `exit` comes before the workers of hello_smol have begun.
        if program.name != "hello_smol" && program.name != "fib_coroutine" {
            assert_transcript(
                program,
                &finished,
                &["fib(4) = 3", "fib(9) = 34"],
                &complaints,
            );
        }
        assert_eq!(finished.stderr, complaints);
    });
}

#[test]
fn a_long_line_is_quoted_in_part() {
    let long = "é".repeat(1_000_000);
    with_all(|program| {
        let finished = start_on(program.name, &[NEVER], file_with(long.as_bytes())).finish();
        let complaint = format!(
            "\"{}\"…: expected a natural number up to 93 or `exit`",
            "é".repeat(40)
        );
        assert_transcript(program, &finished, &[], &[&complaint]);
        let finished = start_on(program.name, &[NEVER], file_with(&[0xff; 100])).finish();
        assert_eq!(finished.stderr, [complaint.replace('é', "\u{fffd}")]);
    });
}

#[test]
fn nothing_to_read() {
    with_all(|program| {
        let finished = start_on(program.name, &[NEVER], Stdio::null()).finish();
        assert_transcript(program, &finished, &[], &[]);
        // Closed: `<&-`.
        let finished = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$1\" <&-"])
            .arg(example(program.name))
            .arg(NEVER)
            .output()
            .unwrap();
        let greetings = String::from_utf8(finished.stdout).unwrap();
        assert_eq!(
            greetings.lines().count(),
            usize::from(program.greets_at_once)
        );
        assert!(greetings.lines().all(is_greeting));
        assert_eq!(String::from_utf8(finished.stderr).unwrap(), "");
        assert_eq!(finished.status.code(), Some(0));
    });
}

#[test]
fn a_directory_is_an_error() {
    with_all(|program| {
        let finished = start_on(program.name, &[NEVER], File::open("/").unwrap()).finish();
        let complaint = format!(
            "{}: standard input: Is a directory (os error 21)",
            program.name
        );
        assert_eq!(finished.stderr, [complaint]);
        assert_eq!(finished.status.code(), Some(1));
    });
}

#[test]
fn more_lines_than_a_small_chunk_holds_are_all_answered_at_once() {
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in("1\n".repeat(3_000)); // 6 000 bytes: less than std reads at once, more than 4 096
        // Input stays open: what std has read ahead, no poll(2) tells of.
        for _ in 0..2 * 3_000 {
            running.next_answer();
        }
    });
}

/// The next answers are those to 1, 2 and 3, in any order.
fn assert_answers_to_1_2_3(running: &Running) {
    let mut values: Vec<_> = (0..6).map(|_| running.next_answer().text).collect();
    values.retain(|line| time_taken(line).is_none());
    values.sort();
    assert_eq!(values, ["fib(1) = 1", "fib(2) = 1", "fib(3) = 2"]);
}

#[test]
fn several_lines_in_one_write_are_all_answered_at_once() {
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in("1\n2\n3\n");
        // Input stays open: the second and third answer must not wait for more of it.
        assert_answers_to_1_2_3(&running);
    });
}

#[test]
fn half_a_line_holds_up_nothing() {
    with_all(|program| {
        let mut running = start(program.name, &["0.1"]);
        running.type_in("1");
        let meanwhile = running.lines_for(Duration::from_secs(1));
        assert!(meanwhile.len() >= 4, "{meanwhile:?}");
        assert!(
            meanwhile.iter().all(|line| is_greeting(&line.text)),
            "{meanwhile:?}"
        );
        running.type_in("0\n");
        assert!(time_taken(&running.next_answer().text).is_some());
        assert_eq!(running.next_answer().text, "fib(10) = 55");
    });
}

#[test]
fn a_line_of_64_mb() {
    let line = [vec![b'7'; 64_000_000], b"\n5\n".to_vec()].concat();
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in(&line);
        running.end_input();
        let complaint = format!(
            "\"{}\"…: expected a natural number up to 93 or `exit`",
            "7".repeat(40)
        );
        assert_transcript(program, &running.finish(), &["fib(5) = 5"], &[&complaint]);
    });
}

// ---------------------------------------------------------------------------------- terminal

#[test]
fn a_terminal() {
    with_all(|program| {
        let mut terminal = Terminal::open();
        let before = terminal.flags();
        let running = start_on(program.name, &[NEVER], terminal.stdin());
        terminal.type_in("10\n");
        assert!(time_taken(&running.next_answer().text).is_some());
        assert_eq!(running.next_answer().text, "fib(10) = 55");
        assert_eq!(terminal.flags(), before, "while it runs");

        terminal.type_in("1\n2\n3\n"); // a paste
        assert_answers_to_1_2_3(&running);

        terminal.type_in("x\n");
        assert_eq!(
            running.next_complaint().text,
            COMPLAINTS[0].replace("exitt", "x")
        );

        terminal.type_in("\x04"); // ^D at the beginning of a line, once
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0));
        assert_eq!(terminal.flags(), before, "when it has ended");
    });
}

#[test]
fn control_d_after_half_a_line() {
    with_all(|program| {
        let mut terminal = Terminal::open();
        let running = start_on(program.name, &[NEVER], terminal.stdin());
        terminal.type_in("10\x04"); // hands over what was typed
        terminal.type_in("\x04"); // the end
        assert_transcript(program, &running.finish(), &["fib(10) = 55"], &[]);
    });
}

#[test]
fn exit_on_a_terminal() {
    with_all(|program| {
        let mut terminal = Terminal::open();
        let before = terminal.flags();
        let running = start_on(program.name, &[NEVER], terminal.stdin());
        terminal.type_in("exit\n");
        assert_transcript(program, &running.finish(), &[], &[]);
        assert_eq!(terminal.flags(), before);
    });
}

// -------------------------------------------------------------------------------------- exit

#[test]
fn nothing_after_exit_is_answered() {
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in("exit\n1\nx\n");
        assert_transcript(program, &running.finish(), &[], &[]);
    });
}

#[test]
fn exit_does_not_wait_for_a_running_fib_where_the_loop_is_free() {
    for name in ["hello_smol", "fib_coroutine"] {
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

// --------------------------------------------------------------------------------- greetings

/// A computation that takes at least 0.8 s, seen from outside.
struct Computation {
    n: u32,
    greetings_before_it_ended: Vec<Instant>,
    started: Instant,
    took: Duration,
    ended: Instant,
}

/// Types numbers from 18 up until one takes that long.
fn long_computation(running: &mut Running) -> Computation {
    let mut n = 18;
    loop {
        running.type_in(format!("{n}\n"));
        let mut greetings_before_it_ended = Vec::new();
        loop {
            let line = running.next_line();
            if is_greeting(&line.text) {
                greetings_before_it_ended.push(line.at);
                continue;
            }
            let took = time_taken(&line.text).expect("a time");
            assert!(
                running
                    .next_line()
                    .text
                    .starts_with(&format!("fib({n}) = "))
            );
            if took < Duration::from_millis(800) {
                // Each takes 1.618 times as long as the one before. Short times are not exact.
                n += match took.as_secs_f64() {
                    took if took < 0.02 => 1,
                    took => (0.9 / took).log(1.618).ceil() as u32,
                };
                break;
            }
            let ended = line.at;
            return Computation {
                n,
                greetings_before_it_ended,
                started: ended - took,
                took,
                ended,
            };
        }
    }
}

#[test]
fn which_programs_greet_while_fib_runs() {
    // One after another: each keeps a core busy.
    for program in &PROGRAMS {
        let mut running = start(program.name, &["0.05"]);
        let computation = long_computation(&mut running);
        let room = Duration::from_millis(150);
        let during = (computation.greetings_before_it_ended.iter())
            .filter(|&&at| at > computation.started + room && at < computation.ended - room)
            .count();
        let (name, took) = (program.name, computation.took);
        if program.greets_during_fib {
            assert!(during >= 2, "{name} greeted {during} times in {took:?}");
        } else {
            assert_eq!(during, 0, "{name} greeted in {took:?}");
        }
        // And every program goes on greeting afterwards.
        assert!(is_greeting(&running.next_line().text), "{name}");
    }
}

#[test]
fn missed_greetings_are_skipped_and_then_come_every_period_again() {
    let period = Duration::from_millis(250);
    for name in ["hello_node", "hello_callbacks", "hello_coroutines"] {
        let mut running = start(name, &["0.25"]);
        let computation = long_computation(&mut running);
        let after: Vec<_> = (0..3).map(|_| running.next_line().at).collect();
        assert!(
            after[0] < computation.ended + period / 2,
            "{name}: one comes at once"
        );
        // Three or more were missed. Were they made up for, they would come all together.
        for pair in after.windows(2) {
            let distance = pair[1] - pair[0];
            assert!(distance > period / 2, "{name}: {distance:?} after the last");
        }
    }
}

#[test]
fn a_greeting_comes_between_two_pasted_numbers() {
    for program in PROGRAMS.iter().filter(|program| !program.greets_during_fib) {
        let mut running = start(program.name, &["0.25"]);
        let n = long_computation(&mut running).n;
        running.type_in(format!("{n}\n{n}\n"));
        let answer = format!("fib({n}) = ");
        while !running.next_line().text.starts_with(&answer) {}
        let next = running.next_line().text;
        assert!(is_greeting(&next), "{}: {next}", program.name);
    }
}

#[test]
fn a_period_shorter_than_a_greeting_does_not_keep_input_out() {
    with_all(|program| {
        let mut running = start(program.name, &["0.000000001"]);
        running.type_in("5\n");
        assert!(time_taken(&running.next_answer().text).is_some());
        assert_eq!(running.next_answer().text, "fib(5) = 5");
        running.type_in("exit\n");
        assert_eq!(running.finish().status.code(), Some(0));
    });
}

#[test]
fn the_first_greeting_comes_at_once_but_in_hello_node_after_one_period() {
    with_all(|program| {
        let start_time = Instant::now();
        let running = start(program.name, &["1"]);
        let first = running.next_line();
        assert!(is_greeting(&first.text));
        let second = running.next_line();
        if program.greets_at_once {
            assert!(second.at >= first.at + Duration::from_millis(900));
        } else {
            assert!(first.at >= start_time + Duration::from_secs(1));
        }
    });
}

#[test]
fn answers_stay_in_one_piece_between_greetings() {
    with_all(|program| {
        let mut running = start(program.name, &["0.0005"]);
        running.type_in("15\n".repeat(500));
        running.end_input();
        // Panics if a greeting stands between the two lines of an answer.
        let (_, answers) = read_transcript(&running.finish().stdout);
        assert_eq!(answers, vec!["fib(15) = 610"; 500]);
    });
}

// -------------------------------------------------------------------------------- hello_smol

fn cores() -> usize {
    thread::available_parallelism().unwrap().get()
}

#[test]
fn with_smol_a_small_number_overtakes_a_big_one() {
    if cores() == 1 {
        println!("skipped: with one core there is one computation at a time");
        return;
    }
    let mut running = start("hello_smol", &[NEVER]);
    running.type_in("42\n1\n");
    running.end_input();
    let (_, answers) = read_transcript(&running.finish().stdout);
    assert_eq!(answers, ["fib(1) = 1", "fib(42) = 267914296"]);
}

#[test]
fn with_smol_there_is_one_computation_per_core_at_a_time() {
    let mut running = start("hello_smol", &[NEVER]);
    let numbers = 3 * cores();
    running.type_in("41\n".repeat(numbers));
    running.end_input();
    assert!(is_greeting(&running.next_line().text));
    let mut events = Vec::new();
    for _ in 0..numbers {
        let time = running.next_line();
        let took = time_taken(&time.text).unwrap();
        assert_eq!(running.next_line().text, "fib(41) = 165580141");
        // Shortened at both ends, by more than the printed time is rounded.
        let room = took / 4;
        events.push((time.at - took + room, 1));
        events.push((time.at - room, -1));
    }
    events.sort();
    let at_once = events.iter().scan(0, |running, (_, change)| {
        *running += change;
        Some(*running)
    });
    let most = at_once.max().unwrap();
    assert!(most <= i32::try_from(cores()).unwrap(), "{most} at a time");
}

#[test]
fn ten_thousand_numbers_are_all_answered() {
    let numbers: Vec<u32> = (0..10_000).map(|i| i % 10).collect();
    let input: String = numbers.iter().map(|n| format!("{n}\n")).collect();
    let values = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34];
    let expected: Vec<String> = numbers
        .iter()
        .map(|&n| format!("fib({n}) = {}", values[n as usize]))
        .collect();
    let mut sorted = expected.clone();
    sorted.sort();
    with_all(|program| {
        let mut running = start(program.name, &[NEVER]);
        running.type_in(&input);
        running.end_input();
        let (_, mut answers) = read_transcript(&running.finish().stdout);
        if program.in_order {
            assert!(answers == expected);
        } else {
            answers.sort();
            assert!(answers == sorted);
        }
    });

    // The same as a paste into a terminal.
    let mut terminal = Terminal::open();
    let running = start_on("hello_smol", &[NEVER], terminal.stdin());
    terminal.type_in(&input);
    terminal.type_in("\x04");
    let (_, mut answers) = read_transcript(&running.finish().stdout);
    answers.sort();
    assert!(answers == sorted);
}

// ------------------------------------------------------------------------------ everything else

#[test]
fn a_wrong_command_line_is_told_the_usage() {
    with_all(|program| {
        for (args, wrong) in [
            (&["abc"][..], r#""abc""#),
            (&["0"], r#""0""#),
            (&["-1"], r#""-1""#),
            (&["1e999"], r#""1e999""#),
            (&["1e-300"], r#""1e-300""#),
            (&["nan"], r#""nan""#),
            (&["3s"], r#""3s""#),
            (&[""], r#""""#),
            (&["--help"], r#""--help""#),
            (&["1", "2"], r#""1 2""#),
        ] {
            let finished = start(program.name, args).finish();
            let usage = format!(
                "usage: {} [SECONDS]: the time between greetings, above 0 (default 3), not {wrong}",
                program.name
            );
            assert_eq!(finished.stderr, [usage]);
            assert_eq!(finished.stdout, [""; 0]);
            assert_eq!(finished.status.code(), Some(2));
        }
    });
}

/// Starts the program with an output of its own, for a test that takes it away.
fn spawn(program: &Program, period: &str, stdout: impl Into<Stdio>) -> Child {
    Command::new(example(program.name))
        .arg(period)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_end_of_the_reader_is_the_end_of_the_program_without_a_word() {
    with_all(|program| {
        let mut child = spawn(program, "0.05", Stdio::piped());
        drop(child.stdout.take());
        let stdin = child.stdin.take(); // stays open
        let finished = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(finished.stderr).unwrap(), "");
        assert_eq!(finished.status.code(), Some(0));
        drop(stdin);
    });
}

#[test]
fn a_closed_standard_output_ends_the_program_too() {
    with_all(|program| {
        let mut child = spawn(program, NEVER, Stdio::piped());
        let mut stdin = child.stdin.take().unwrap(); // stays open
        let mut stdout = child.stdout.take().unwrap();
        if program.greets_at_once {
            stdout.read_exact(&mut [0; 26]).unwrap();
        }
        drop(stdout);
        // Until it has ended. The first answer may still find a reader: a child that another test is
        // just starting has this pipe open until it runs its program.
        let start_time = Instant::now();
        while stdin.write_all(b"5\n").is_ok() {
            assert!(start_time.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(10));
        }
        let finished = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(finished.stderr).unwrap(), "");
        assert_eq!(finished.status.code(), Some(0));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    with_all(|program| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child = spawn(program, "0.05", full);
        let stdin = child.stdin.take(); // stays open
        let finished = child.wait_with_output().unwrap();
        let complaint = format!(
            "{}: standard output: No space left on device (os error 28)\n",
            program.name
        );
        assert_eq!(String::from_utf8(finished.stderr).unwrap(), complaint);
        assert_eq!(finished.status.code(), Some(1));
        drop(stdin);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn with_smol_no_more_is_read_than_is_computed() {
    let mut child = spawn(&PROGRAMS[6], NEVER, Stdio::null());
    let mut stdin = child.stdin.take().unwrap();
    let (sender, written) = mpsc::channel();
    let writing = thread::spawn(move || {
        // Fails when the program has been killed.
        while stdin.write_all(&b"93\n".repeat(1_000)).is_ok() {
            let _ = sender.send(3_000);
        }
    });
    sleep(Duration::from_secs(2));
    let bytes: usize = written.try_iter().sum();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(written);
    writing.join().unwrap();
    // The pipe itself holds 64 kB.
    assert!((3_000..100_000).contains(&bytes), "{bytes} bytes were read");
}

#[test]
#[cfg(target_os = "linux")]
fn with_smol_endless_input_takes_little_memory() {
    let mut yes = Command::new("yes")
        .arg("40")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let running = start_on("hello_smol", &[NEVER], yes.stdout.take().unwrap());
    running.lines_for(Duration::from_secs(2)); // fails if the program ends
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    drop(running);
    yes.wait().unwrap(); // it ends with its reader
    assert!(kilobytes.parse::<u32>().unwrap() < 10_000, "{kilobytes} kB");
}

#[test]
#[cfg(target_os = "linux")]
fn no_cpu_while_idle() {
    with_all(|program| {
        let running = start(program.name, &[NEVER]);
        running.lines_for(Duration::from_secs(3)); // fails if the program ends
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap();
        // Fields 14 and 15, user and system time in ticks of 10 ms; the second field may hold spaces.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
        let ticks: u64 = fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap();
        assert!(ticks <= 10, "{} ms of CPU in 3 s", ticks * 10);
    });
}
