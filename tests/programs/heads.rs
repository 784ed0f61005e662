//! The programs do what their heads show; for some, more than their lines can say is checked.

use crate::common::{self, at_the_same_time};
use crate::runner::play::{Event, Transcript, play};
use crate::{ipify, programs};

/// A busy machine may be late by this many seconds. 4 s still differ from 7 s.
const SLACK: f64 = 2.0;

/// What one run printed and when.
struct Printed(Vec<Event>);

impl Printed {
    fn lines(&self) -> impl Iterator<Item = &str> {
        let printed = self.0.iter().filter(|event| !event.typed);
        printed.map(|event| event.text.as_str())
    }

    /// When the first line that starts like this came, in seconds since the program was started.
    fn at(&self, start: &str) -> f64 {
        let event = self.0.iter().find(|event| event.text.starts_with(start));
        let event = event.unwrap_or_else(|| panic!("no line {start:?} in {:#?}", self.0));
        event.at.as_secs_f64()
    }

    /// The same since its first line. It is for limits that are not to be exceeded: until then a busy
    /// machine may take its time.
    fn after_the_first(&self, start: &str) -> f64 {
        self.at(start) - self.0[0].at.as_secs_f64()
    }

    /// That the line comes after so many seconds, and not much later.
    fn comes_after(&self, start: &str, seconds: f64) {
        let (at, after) = (self.at(start), self.after_the_first(start));
        assert!(
            at >= seconds && after < seconds + SLACK,
            "{start:?} came after {at} s"
        );
    }
}

/// Plays this transcript, without Ctrl-C if there is one in the head.
fn printed(name: &str, transcript: &Transcript) -> Printed {
    let (events, result) = play(transcript, &common::example(name));
    if let Err(difference) = result {
        panic!("{name}: {difference}\n{events:#?}");
    }
    Printed(events)
}

type Check = fn(&Printed);
type Run<'a> = Box<dyn FnOnce() + Send + 'a>;

/// What is checked beside the transcript.
const MORE: [(&str, Check); 8] = [
    // All results are there at once, when the last one is.
    ("concurrent", |run| {
        run.comes_after("Waiting: 4", 0.0);
        run.comes_after("Task ret: Done after 1s", 4.0);
    }),
    // Each is there when it comes.
    ("as_completed", |run| {
        for n in [1, 2, 4] {
            run.comes_after(&format!("Task ret: Done after {n}s"), n.into());
        }
    }),
    // These two do not print their time. They take as long as the longest sleep.
    ("return_gather", |run| run.comes_after("Task ret: ", 2.0)),
    ("return_wait", |run| run.comes_after("Task ret: ", 4.0)),
    ("gather", gives_results_as_they_come_in_then_in_order),
    ("cancel_blocking", stops_only_with_a_token),
    // One after the other.
    ("loop_thread_calls", |run| {
        run.comes_after("More work 6", 0.0);
        run.comes_after("More work 3", 6.0);
        run.comes_after("Finished more work 3", 9.0);
    }),
    // Together.
    ("loop_thread_tasks", |run| {
        run.comes_after("Done after 4s", 4.0);
        run.comes_after("Done after 6s", 6.0);
    }),
];

/// What these print when they are not interrupted: their tasks are done after 2 s.
const WITHOUT_CTRL_C: [(&str, &str); 2] = [
    (
        "cancel_all",
        "Finally: 1\nFinally: 2\nFinally: 2\nTIME: 2.0",
    ),
    (
        "cancel_main",
        "Finally: 1\nFinally: 2\nFinally: 2\n\
         Task ret: Done after 1s\nTask ret: Done after 2s\nTask ret: Done after 2s",
    ),
];

/// Most of the time they sleep: all of them at the same time.
#[test]
fn programs_do_what_their_heads_show() {
    let programs = programs();
    let mut checks: Vec<(&str, Run)> = Vec::new();
    for program in &programs {
        let name = program.name.as_str();
        let transcript = Transcript::for_tests(program);
        if transcript.greets() {
            // These compute for seconds. Their copies are played (copies.rs), and tests/hello.rs has more.
            continue;
        }
        let more = MORE.iter().find(|(of, _)| *of == name);
        // Whether the order is that of the input cannot be told from a run in which the URLs happen to
        // come in that order.
        let runs = if name == "gather" { 8 } else { 1 };
        for _ in 0..runs {
            let transcript = transcript.clone();
            checks.push((
                name,
                Box::new(move || {
                    let run = printed(name, &transcript);
                    if let Some((_, check)) = more {
                        check(&run);
                    }
                }),
            ));
        }
    }
    for (name, _) in MORE {
        assert!(
            programs.iter().any(|program| program.name == name),
            "there is no {name}"
        );
    }
    for (name, lines) in WITHOUT_CTRL_C {
        let transcript = Transcript {
            text: format!("Waiting: 1\nWaiting: 2\nWaiting: 2\n{lines}"),
            ..Transcript::default()
        };
        checks.push((name, Box::new(move || drop(printed(name, &transcript)))));
    }
    checks.push(("ipify", Box::new(ipify::no_answer_within_ten_seconds)));
    at_the_same_time(checks);
}

/// URL and seconds of `Done: URL {url} took {n}s to get!`.
fn done(line: &str) -> (&str, u64) {
    let (url, seconds) = line
        .strip_prefix("Done: URL ")
        .and_then(|rest| rest.strip_suffix("s to get!"))
        .and_then(|rest| rest.split_once(" took "))
        .unwrap_or_else(|| panic!("not a Done line: {line}"));
    (url, seconds.parse().unwrap())
}

fn gives_results_as_they_come_in_then_in_order(run: &Printed) {
    let lines: Vec<&str> = run.lines().collect();
    let halves: Vec<_> = lines.split(|line| line.is_empty()).collect();
    let [first, second] = halves.as_slice() else {
        panic!("not two halves: {lines:#?}");
    };

    assert_eq!(first[0], "First, process results as they come in:");
    let (mut got, mut processed) = (Vec::new(), Vec::new());
    for line in &first[1..] {
        match line.strip_prefix("Coroutine for ") {
            Some(rest) => {
                let url = rest.strip_suffix(" is done").unwrap();
                processed.push(url);
                // Each result is processed when it comes.
                let got = run.at(&format!("Done: URL {url} "));
                assert!(run.at(line) < got + 0.9, "{:#?}", run.0);
            }
            None => got.push(done(line)),
        }
        // No result is processed before it is there.
        assert!(processed.len() <= got.len(), "{first:#?}");
    }
    let in_order: Vec<&str> = got.iter().map(|(url, _)| *url).collect();
    assert_eq!(processed, in_order);
    assert_urls_and_times(&got);

    assert_eq!(second[0], "Now, process results once they are all ready:");
    let mut got: Vec<_> = second[1..4].iter().map(|line| done(line)).collect();
    assert_urls_and_times(&got);
    got.sort_unstable();
    let shown = got.iter().map(|(url, n)| format!("('{url}', {n})"));
    let shown: Vec<String> = shown.collect();
    assert_eq!(second[4..], [format!("[{}]", shown.join(", "))]);
}

/// Three URLs, 1 to 4 seconds each, in the order of the seconds.
fn assert_urls_and_times(got: &[(&str, u64)]) {
    let mut urls: Vec<_> = got.iter().map(|(url, _)| *url).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["URL1", "URL2", "URL3"]);
    assert!(got.iter().all(|(_, seconds)| (1..=4).contains(seconds)));
    assert!(got.is_sorted_by_key(|(_, seconds)| *seconds), "{got:?}");
}

fn stops_only_with_a_token(run: &Printed) {
    let seconds = run.lines().flat_map(|line| line.split(' '));
    let seconds: Vec<f64> = seconds.filter_map(|word| word.parse().ok()).collect();
    let [back, worked_on, back_from_unblock, back_with_token, stopped] = seconds[..] else {
        panic!("{:#?}", run.0);
    };
    // It takes a second or so, and has run for 0.1 s by then.
    assert!(back < worked_on / 2.0, "{:#?}", run.0);
    assert!(back_from_unblock > worked_on / 4.0, "{:#?}", run.0);
    assert!(back_with_token < SLACK && stopped < SLACK, "{:#?}", run.0);
}

/// Programs whose destructors print: when the output is closed, they fail, but are not aborted.
#[test]
#[cfg(unix)]
fn a_destructor_that_cannot_print_does_not_abort() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    at_the_same_time(["cancel_all", "cancel_main"].map(|name| {
        let check = move || {
            let mut child = Command::new(common::example(name))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let stdout = BufReader::new(child.stdout.take().unwrap());
            // The three tasks have begun. The reader goes before the first one ends.
            assert_eq!(stdout.lines().take(3).count(), 3);
            let status = child.wait().unwrap();
            // Not by a signal, which SIGABRT would be.
            assert!(
                status.code().is_some_and(|code| code != 0),
                "{name}: {status}"
            );
        };
        (name, check)
    }));
}
