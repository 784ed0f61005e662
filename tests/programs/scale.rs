//! The programs of chapter 13: what they say of themselves, what they do with numbers they cannot have, and
//! the line on the terminal.

#[path = "../../examples/13_scale/scale.rs"]
#[allow(dead_code, reason = "the programs use the rest")]
mod sibling;

use crate::common::{self, Finished, start};
use std::time::{Duration, Instant};

/// The numbers of a line, after checking its words.
fn numbers(line: &str, words: &str) -> Vec<f64> {
    let is_number = |word: &&str| word.parse::<f64>().is_ok();
    let others: Vec<&str> = line.split(' ').filter(|word| !is_number(word)).collect();
    assert_eq!(others.join(" "), words, "{line}");
    line.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// What a program printed of what it used, in seconds, µs and bytes.
#[derive(Debug)]
struct Figures {
    time: f64,
    /// CPU of all and of each, for each part of the program.
    cpu: Vec<(f64, f64)>,
    /// Peak memory, and bytes of each. Only on Linux.
    memory: Option<(f64, f64)>,
}

/// Linux and macOS have a clock of CPU time, Linux a peak of memory.
const HAS_CPU: bool = cfg!(any(target_os = "linux", target_os = "macos"));
const HAS_MEMORY: bool = cfg!(target_os = "linux");

impl Figures {
    /// Of these lines, whose figures are of `actions` and of things of these names.
    fn read(lines: &[String], parts: &[&str], action: &str, thing: &str) -> Figures {
        let parts = if HAS_CPU { parts } else { &[] };
        assert_eq!(
            lines.len(),
            1 + parts.len() + usize::from(HAS_MEMORY),
            "{lines:?}"
        );
        let time = numbers(&lines[0], "time: s");
        let cpu = parts.iter().zip(&lines[1..]).map(|(part, line)| {
            let cpu = numbers(line, &format!("{part}: s, µs a {action}"));
            (cpu[0], cpu[1])
        });
        let memory = lines[1 + parts.len()..].first().map(|line| {
            let memory = numbers(line, &format!("peak memory: MB, bytes a {thing}"));
            (memory[0] * 1e6, memory[1])
        });
        Figures {
            time: time[0],
            cpu: cpu.collect(),
            memory,
        }
    }

    /// They do not contradict each other, nor what was seen from outside.
    fn assert_plausible(&self, actions: f64, things: f64, took: Duration) {
        assert!(
            self.time <= took.as_secs_f64() + 0.01,
            "{self:?} in {took:?}"
        );
        for (cpu, cpu_of_each) in &self.cpu {
            // 0.01 s are rounded to.
            let of_all = cpu_of_each * actions / 1e6;
            assert!((of_all - cpu).abs() < 0.02, "{self:?}");
            assert!(*cpu > 0.0, "{self:?}");
        }
        let Some((peak, of_each)) = self.memory else {
            return;
        };
        // The program itself and its libraries are not the tasks'.
        let own = peak - of_each * things;
        assert!((1e6..20e6).contains(&own), "{self:?}");
    }
}

/// Runs the program to its end, without input, and returns the figures after its first line.
fn run(
    name: &str,
    number: &str,
    first: &str,
    parts: &[&str],
    (action, thing): (&str, &str),
) -> (Figures, Duration) {
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
    (Figures::read(&stdout[1..], parts, action, thing), took)
}

#[test]
fn sleepers_say_what_they_needed() {
    let parts = ["CPU with Timer", "CPU with sleep"];
    let run = |number, first| run("million_sleepers", number, first, &parts, ("task", "task"));

    let (figures, took) = run("20000", "20000 tasks slept for 1 to 2 s each, twice");
    figures.assert_plausible(20_000.0, 20_000.0, took);
    // Together, and the last one for nearly 2 s. Twice.
    assert!((2.0 * 1.98..12.0).contains(&figures.time), "{figures:?}");
    if let [(with_timer, _), (with_sleep, _)] = figures.cpu[..] {
        assert!(with_sleep < with_timer, "{figures:?}"); // what chapter 13 is about: 3 times less
    }
    if let Some((_, bytes)) = figures.memory {
        assert!((150.0..350.0).contains(&bytes), "{figures:?}");
    }

    let (figures, took) = run("1", "1 tasks slept for 1 to 2 s each, twice");
    assert!(
        figures.time >= 2.0 && figures.cpu.iter().all(|(cpu, _)| *cpu < 1.0),
        "{figures:?} in {took:?}"
    );
}

/// What the programs ask of the system, asked of this process.
mod meter {
    use super::sibling::{cpu_time, peak_in, peak_memory};
    use std::hint::black_box;
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn cpu_time_is_that_of_computing_and_not_of_waiting() {
        let (cpu, begin) = (cpu_time().unwrap(), Instant::now());
        thread::sleep(Duration::from_millis(500));
        let (cpu, took) = (cpu_time().unwrap() - cpu, begin.elapsed());
        // The other tests of this file run meanwhile. Mostly they wait.
        assert!(cpu < took / 2, "{cpu:?} in {took:?}");

        // As much as it takes 300 ms to compute without interruption, and not by the other tests.
        let compute = || {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(300) {
                black_box((0..10_000_u64).sum::<u64>());
            }
        };
        // A busy machine may have something else to do: then once more.
        let counts = |work: &dyn Fn()| {
            let cpu = cpu_time().unwrap();
            work();
            cpu_time().unwrap() - cpu >= Duration::from_millis(100)
        };
        assert!((0..10).any(|_| counts(&compute)));
        // Of another thread, too, also when that has ended.
        assert!((0..10).any(|_| counts(&|| thread::spawn(compute).join().unwrap())));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_grows_with_what_is_used_and_stays() {
        const USED: usize = 64 << 20;
        let before = peak_memory().unwrap();
        let used = vec![1_u8; USED];
        assert_eq!(black_box(&used)[USED - 1], 1);
        let with = peak_memory().unwrap();
        drop(used);
        let after = peak_memory().unwrap();
        // The system's count lags behind by some pages.
        let expected = before + USED as u64 / 10 * 9..before + USED as u64 / 10 * 11;
        assert!(expected.contains(&with), "{before} before, {with} with it");
        assert!(expected.contains(&after), "{before} before, {after} after");
    }

    #[test]
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn none_where_the_system_is_not_asked() {
        assert_eq!((cpu_time(), peak_memory()), (None, None));
    }

    #[test]
    fn the_peak_is_read_in_bytes() {
        let status = "Name:\tx\nVmPeak:\t    9999 kB\nVmHWM:\t    1234 kB\nVmRSS:\t     567 kB\n";
        assert_eq!(peak_in(status), Some(1234 * 1024));
        // No guess instead of what is not there, or not as it should be.
        for status in [
            "",
            "VmRSS:\t567 kB\n",
            "VmHWM:\t1234\n",
            "VmHWM:\t1234 MB\n",
            "VmHWM:\t-1 kB\n",
            "VmHWM:\t18446744073709551615 kB\n",
        ] {
            assert_eq!(peak_in(status), None, "{status:?}");
        }
    }
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
    use std::io::Write;
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

    (&terminal.slave).write_all(b"END").unwrap();
    let screen = terminal.screen_until("END");
    assert!(!screen.contains('\n'), "{screen:?}");
    // Each half draws, and wipes at its end.
    let halves: Vec<&str> = screen.split("\r\x1b[K").collect();
    let [with_timer, with_sleep, "END"] = halves[..] else {
        panic!("{screen:?}");
    };
    for (half, how) in [(with_timer, "Timer"), (with_sleep, "sleep")] {
        let drawn: Vec<&str> = half.split_terminator("\x1b[K").collect();
        // Ten times a second, or less often on a busy machine.
        assert!((3..60).contains(&drawn.len()), "{screen:?}");
        let mut woken_before = 0;
        for line in &drawn {
            let line = line.strip_prefix('\r').unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let [part, spawned, "spawned,", asleep, "asleep,", woken, "woken"] = words[..] else {
                panic!("{line:?}");
            };
            assert_eq!(part.strip_suffix(':'), Some(how));
            let [spawned, asleep, woken] =
                [spawned, asleep, woken].map(|number| number.parse::<usize>().unwrap());
            assert!(asleep + woken <= spawned && spawned <= 3000, "{line:?}");
            assert!(woken >= woken_before, "{screen:?}");
            woken_before = woken;
        }
        // Some were seen asleep, and some woken.
        assert!(
            half.contains("3000 spawned, 3000 asleep, 0 woken"),
            "{screen:?}"
        );
        assert!(woken_before > 0, "{screen:?}");
    }
}

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

    /// `serve` gives running requests 5 s when it is told to stop. None is running, so it does not wait.
    #[test]
    fn its_clients_are_served_and_it_ends() {
        let first = "200 clients made 2000 requests, twice";
        let run = |number, first| {
            run(
                "busy_server",
                number,
                first,
                &["CPU with TcpStream", "CPU with tcp_stream"],
                ("request", "client"),
            )
        };
        let (figures, took) = run("200", first);
        // Of each client's ten requests, the first is not counted.
        figures.assert_plausible(1800.0, 200.0, took);
        assert!(figures.time < 4.0, "{figures:?}");
        if let Some((_, bytes)) = figures.memory {
            // hyper has four buffers of 8 KiB for both ends.
            assert!((32e3..90e3).contains(&bytes), "{figures:?}");
        }
        let first = "1 clients made 10 requests, twice";
        run("1", first);
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
            assert_eq!(finished.stdout[0], "100 clients made 1000 requests, twice");
            assert_eq!(finished.status.code(), Some(0));
        }
    }
}
