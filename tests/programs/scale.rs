//! The programs of chapter 13: what they say of themselves, what they do with numbers they cannot have, and
//! the line on the terminal.
#![cfg(target_os = "linux")]

use crate::common::{self, Finished, start};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs the program to its end, and returns what it says that so many `actions` and `things` took: seconds, CPU
/// in all and of each for both halves, peak memory in MB and bytes of each.
fn figures(name: &str, number: &str, actions: f64, things: f64) -> [f64; 7] {
    common::example(name); // built before the clock runs
    let begin = Instant::now();
    let finished = start(name, &[number]).finish();
    let took = begin.elapsed().as_secs_f64();
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    assert_eq!(finished.stderr, [""; 0]); // no line on a terminal, since there is none
    let first = format!("{number} tasks slept for 1 to 2 s each, twice");
    let requests = format!("{number} clients made {number}0 requests, twice");
    assert!([first, requests].contains(&finished.stdout[0]));
    let numbers = finished.stdout[1..].iter().flat_map(|line| line.split(' '));
    let numbers: Vec<f64> = numbers.flat_map(str::parse).collect();
    let figures: [f64; 7] = numbers.try_into().unwrap();
    let [time, cpu, cpu_each, cpu_2, cpu_each_2, peak, bytes_each] = figures;
    assert!(time <= took + 0.01, "{figures:?} in {took} s");
    for (cpu, of_each) in [(cpu, cpu_each), (cpu_2, cpu_each_2)] {
        // 0.01 s are rounded to.
        assert!((of_each * actions / 1e6 - cpu).abs() < 0.02, "{figures:?}");
    }
    // The program itself and its libraries are not the tasks'.
    let own = peak * 1e6 - bytes_each * things;
    assert!((1e6..20e6).contains(&own), "{figures:?}");
    figures
}

/// Each takes four seconds.
#[test]
fn sleepers() {
    common::at_the_same_time([
        ("what they needed", sleepers_say_what_they_needed as fn()),
        ("one", one_sleeper_takes_no_cpu),
        ("terminal", progress_is_shown_on_a_terminal),
        ("closed output", a_closed_output_is_no_reason_to_panic),
    ]);
}

fn sleepers_say_what_they_needed() {
    let figures = figures("million_sleepers", "20000", 2e4, 2e4);
    let [time, with_timer, _, with_sleep, .., bytes] = figures;
    // Together, and the last one for nearly 2 s. Twice.
    assert!((2.0 * 1.98..12.0).contains(&time), "{figures:?}");
    // What chapter 13 is about: 3 times less.
    assert!(0.0 < with_sleep && with_sleep < with_timer, "{figures:?}");
    assert!((150.0..350.0).contains(&bytes), "{figures:?}");
}

fn one_sleeper_takes_no_cpu() {
    let figures = figures("million_sleepers", "1", 1.0, 1.0);
    let [time, with_timer, _, with_sleep, ..] = figures;
    let is_waiting = time >= 2.0 && with_timer.max(with_sleep) < 1.0;
    assert!(is_waiting, "{figures:?}");
}

#[test]
fn a_number_that_cannot_be_is_named() {
    let mut programs = vec![("million_sleepers", "tasks")];
    if cfg!(feature = "http") {
        programs.push(("busy_server", "clients, with two open files each,"));
    }
    let wrong = "0|-1|1.5|x|| 1|1e3|999999999999999999999999";
    for (name, of_what) in programs {
        let expected = format!("expected a number of {of_what} from 1 to ");
        let wrong = wrong.split('|').map(|it| (vec![it], it, &*expected));
        let extra = (vec!["1", "two"], "two", "expected no second argument");
        for (arguments, wrong, expected) in wrong.chain([extra]) {
            let finished = start(name, &arguments).finish();
            let complaint = format!("{name}: {wrong:?}: {expected}");
            let rest = finished.stderr.join("\n");
            let most = rest.strip_prefix(&complaint).map(str::parse::<u64>);
            let is_right = most.is_some_and(|most| most.map_or(wrong == "two", |most| most > 1));
            assert!(is_right, "{rest}, not {complaint}");
            assert_eq!(finished.status.code(), Some(2), "{name}");
            assert_eq!(finished.stdout, [""; 0], "{name}");
        }
    }
}

/// The line is drawn again and again at the same place, and is gone at the end.
fn progress_is_shown_on_a_terminal() {
    let terminal = common::Terminal::open();
    let output = Command::new(common::example("million_sleepers"))
        .arg("3000")
        .stdin(Stdio::null())
        .stderr(terminal.stdin()) // the same file
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"3000 tasks slept"), "{output:?}");

    (&terminal.slave).write_all(b"END").unwrap();
    let screen = terminal.screen_until("END");
    assert!(!screen.contains('\n'), "{screen:?}");
    // Each half draws, and wipes at its end.
    let halves: Vec<&str> = screen.split("\r\x1b[K").collect();
    let [with_timer, with_sleep, "END"] = halves[..] else {
        panic!("{screen:?}");
    };
    for (half, how) in [(with_timer, "Timer"), (with_sleep, "sleep")] {
        let mut counts = Vec::new();
        for line in half.split_terminator("\x1b[K") {
            let numbers = line.split(' ').flat_map(str::parse::<usize>);
            let [spawned, asleep, woken] = numbers.collect::<Vec<_>>()[..] else {
                panic!("{line:?}");
            };
            let shown = format!("\r{how}: {spawned} spawned, {asleep} asleep, {woken} woken");
            assert_eq!(line, shown);
            assert!(asleep + woken <= spawned && spawned <= 3000, "{line:?}");
            counts.push(woken);
        }
        // Ten times a second, or less often on a busy machine.
        assert!((3..60).contains(&counts.len()), "{screen:?}");
        assert!(counts.is_sorted() && counts.last() > Some(&0), "{screen:?}");
        let all_asleep = "3000 spawned, 3000 asleep, 0 woken";
        assert!(half.contains(all_asleep), "{screen:?}");
    }
}

fn a_closed_output_is_no_reason_to_panic() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let mut program = Command::new(common::example("million_sleepers"));
    program.arg("10").stdin(Stdio::null()).stdout(writer);
    let output = program.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

/// `serve` gives running requests 5 s when it is stopped. None is running, so it does not wait.
#[test]
#[cfg(feature = "http")]
fn the_clients_are_served_and_the_server_ends() {
    // Of each client's ten requests, the first is not counted.
    let figures = figures("busy_server", "200", 1800.0, 200.0);
    let [time, .., bytes] = figures;
    assert!(time < 10.0, "{figures:?}");
    // hyper has four buffers of 8 KiB for both ends.
    assert!((32e3..90e3).contains(&bytes), "{figures:?}");
}

/// Both ends of a connection are open files of the program. As many as it says are possible, are.
#[test]
#[cfg(feature = "http")]
fn no_more_clients_than_there_can_be_open_files() {
    let with_224_files = |clients: &str| -> Finished {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n 224 && exec \"$0\" {clients}");
        command.args(["-c", &script]);
        command.arg(common::example("busy_server"));
        common::start_program("busy_server", command.stdin(Stdio::null())).finish()
    };
    let finished = with_224_files("101");
    let complaint = "busy_server: \"101\": expected a number of clients, with two open files each, \
                     from 1 to 100";
    assert_eq!(finished.stderr, [complaint]);
    assert_eq!(finished.status.code(), Some(2));
    for clients in ["100", ""] {
        let finished = with_224_files(clients);
        assert_eq!(finished.stderr, [""; 0]);
        assert_eq!(finished.stdout[0], "100 clients made 1000 requests, twice");
        assert_eq!(finished.status.code(), Some(0));
    }
}
