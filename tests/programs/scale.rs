//! The programs of chapter 13: what they say of themselves, what they do with numbers they cannot have, and
//! the line on the terminal.

use crate::common::{self, Finished, start};
use std::time::{Duration, Instant};

/// What a program printed of what it used, in seconds, µs and bytes.
#[derive(Debug)]
struct Figures {
    time: f64,
    cpu: f64,
    cpu_of_each: f64,
    /// Peak memory, and bytes of each. Only on Linux.
    memory: Option<(f64, f64)>,
}

impl Figures {
    /// Of these lines, whose figures are of `actions` and of things of these names.
    fn read(lines: &[String], action: &str, thing: &str) -> Figures {
        // The numbers of a line, after checking its words.
        let numbers = |line: &str, words: &str| -> Vec<f64> {
            let is_number = |word: &&str| word.parse::<f64>().is_ok();
            let others: Vec<&str> = line.split(' ').filter(|word| !is_number(word)).collect();
            assert_eq!(others.join(" "), words, "{line}");
            let numbers = line.split(' ').filter_map(|word| word.parse().ok());
            numbers.collect()
        };
        let time = numbers(&lines[0], "time: s");
        let cpu = numbers(&lines[1], &format!("CPU: s, µs a {action}"));
        let memory = lines.get(2).map(|line| {
            let memory = numbers(line, &format!("peak memory: MB, bytes a {thing}"));
            (memory[0] * 1e6, memory[1])
        });
        assert_eq!(memory.is_some(), cfg!(target_os = "linux"), "{lines:?}");
        assert!(lines.len() <= 3, "{lines:?}");
        Figures {
            time: time[0],
            cpu: cpu[0],
            cpu_of_each: cpu[1],
            memory,
        }
    }

    /// They do not contradict each other, nor what was seen from outside.
    fn assert_plausible(&self, actions: f64, things: f64, took: Duration) {
        assert!(
            self.time <= took.as_secs_f64() + 0.01,
            "{self:?} in {took:?}"
        );
        // 0.01 s are rounded to.
        let of_all = self.cpu_of_each * actions / 1e6;
        assert!((of_all - self.cpu).abs() < 0.02, "{self:?}");
        assert!(self.cpu > 0.0, "{self:?}");
        let Some((peak, of_each)) = self.memory else {
            return;
        };
        // The program itself and its libraries are not the tasks'.
        let own = peak - of_each * things;
        assert!((1e6..20e6).contains(&own), "{self:?}");
    }
}

/// Runs the program to its end, without input, and returns the figures after its first line.
fn run(name: &str, number: &str, first: &str, action: &str, thing: &str) -> (Figures, Duration) {
    let program = common::example(name); // built before the clock runs
    let begin = Instant::now();
    let mut running = start(name, &[number]);
    running.end_input();
    let Finished {
        status,
        stdout,
        stderr,
    } = running.finish();
    let took = begin.elapsed();
    // No line on a terminal, since there is none.
    assert_eq!(
        (status.code(), &stderr[..]),
        (Some(0), &[][..]),
        "{program:?}"
    );
    assert_eq!(stdout[0], first);
    (Figures::read(&stdout[1..], action, thing), took)
}

#[test]
fn sleepers_say_what_they_needed() {
    let first = "20000 tasks slept for 1 to 2 s each";
    let (figures, took) = run("million_sleepers", "20000", first, "task", "task");
    figures.assert_plausible(20_000.0, 20_000.0, took);
    // Together, and the last one for nearly 2 s.
    assert!((1.98..6.0).contains(&figures.time), "{figures:?}");
    if let Some((_, bytes)) = figures.memory {
        assert!((100.0..250.0).contains(&bytes), "{figures:?}");
    }

    let first = "1 tasks slept for 1 to 2 s each";
    let (figures, took) = run("million_sleepers", "1", first, "task", "task");
    assert!(
        figures.time >= 1.0 && figures.cpu < 1.0,
        "{figures:?} in {took:?}"
    );
}

#[test]
fn a_number_that_cannot_be_is_named() {
    let mut programs = vec![("million_sleepers", "tasks")];
    if cfg!(feature = "http") {
        programs.push(("busy_server", "clients, with two open files each,"));
    }
    for (name, of_what) in programs {
        for wrong in [
            "0",
            "-1",
            "1.5",
            "x",
            "",
            " 1",
            "1e3",
            "999999999999999999999999",
        ] {
            let finished = start(name, &[wrong]).finish();
            let [complaint] = &finished.stderr[..] else {
                panic!("{name}: not one line: {finished:?}");
            };
            let expected = format!("{name}: {wrong:?}: expected a number of {of_what} from 1 to ");
            let most = complaint.strip_prefix(&expected);
            let most = most.unwrap_or_else(|| panic!("{complaint} does not begin with {expected}"));
            assert!(
                most.parse::<u64>().is_ok_and(|most| most > 1),
                "{complaint}"
            );
            assert_eq!(finished.status.code(), Some(2), "{name}");
            assert_eq!(finished.stdout, [""; 0], "{name}");
        }
        let finished = start(name, &["1", "two"]).finish();
        let complaint = format!("{name}: \"two\": expected no second argument");
        assert_eq!(finished.stderr, [complaint]);
        assert_eq!(finished.status.code(), Some(2), "{name}");
    }
}

/// The line is drawn again and again at the same place, and is gone at the end.
#[test]
#[cfg(unix)]
fn how_far_it_is_can_be_seen_on_a_terminal() {
    use std::process::{Command, Stdio};
    let terminal = common::Terminal::open();
    let output = Command::new(common::example("million_sleepers"))
        .arg("3000")
        .stdin(Stdio::null())
        .stderr(terminal.stdin()) // the same file
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("3000 tasks slept"), "{stdout}");

    let screen = terminal.screen_until("woken\x1b[K\r\x1b[K");
    let lines: Vec<&str> = screen.split("\x1b[K").collect();
    let [drawn @ .., wiped, nothing] = &lines[..] else {
        panic!("{screen:?}");
    };
    assert_eq!((*wiped, *nothing), ("\r", ""), "{screen:?}");
    assert!(!screen.contains('\n'), "{screen:?}");
    // Ten times a second, or less often on a busy machine.
    assert!((3..60).contains(&drawn.len()), "{screen:?}");
    let mut woken_before = 0;
    for line in drawn {
        let line = line.strip_prefix('\r').unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let [spawned, "spawned,", asleep, "asleep,", woken, "woken"] = words[..] else {
            panic!("{line:?}");
        };
        let [spawned, asleep, woken] =
            [spawned, asleep, woken].map(|number| number.parse::<usize>().unwrap());
        assert!(asleep + woken <= spawned && spawned <= 3000, "{line:?}");
        assert!(woken >= woken_before, "{screen:?}");
        woken_before = woken;
    }
    // Some were seen asleep, and some woken.
    let is_seen = |what: &str| drawn.iter().any(|line| line.contains(what));
    assert!(is_seen("3000 spawned, 3000 asleep, 0 woken"), "{screen:?}");
    assert!(woken_before > 0, "{screen:?}");
}

/// Whoever reads the output may have gone.
#[test]
#[cfg(unix)]
fn a_closed_output_is_no_reason_to_panic() {
    use std::process::{Command, Stdio};
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let output = Command::new(common::example("million_sleepers"))
        .arg("10")
        .stdin(Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(all(unix, feature = "http"))]
mod busy_server {
    use super::*;
    use std::process::{Command, Stdio};

    /// `serve` gives running requests 5 s when it is told to stop. None is running, and nobody waits for that.
    #[test]
    fn its_clients_are_served_and_it_ends() {
        let first = "200 clients made 2000 requests";
        let (figures, took) = run("busy_server", "200", first, "request", "client");
        figures.assert_plausible(2000.0, 200.0, took);
        assert!(figures.time < 4.0, "{figures:?}");
        if let Some((_, bytes)) = figures.memory {
            // hyper has four buffers of 8 KiB for both ends.
            assert!((32e3..90e3).contains(&bytes), "{figures:?}");
        }
        let first = "1 clients made 10 requests";
        run("busy_server", "1", first, "request", "client");
    }

    fn with_open_files(limit: u32, clients: &str) -> Finished {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {limit} && exec \"$0\" {clients}");
        command.args(["-c", &script]);
        command.arg(common::example("busy_server"));
        common::start_program("busy_server", command.stdin(Stdio::null())).finish()
    }

    /// Both ends of a connection are open files in here. As many as it says are possible, are.
    #[test]
    fn no_more_clients_than_there_can_be_open_files() {
        let finished = with_open_files(224, "101");
        let complaint = "busy_server: \"101\": expected a number of clients, with two open files each, \
                         from 1 to 100";
        assert_eq!(finished.stderr, [complaint]);
        assert_eq!(finished.status.code(), Some(2));

        for clients in ["100", ""] {
            let finished = with_open_files(224, clients);
            assert_eq!(finished.stderr, [""; 0]);
            assert_eq!(finished.stdout[0], "100 clients made 1000 requests");
            assert_eq!(finished.status.code(), Some(0));
        }
    }
}
