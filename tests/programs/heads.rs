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

    /// That the line comes after so many seconds, and not much later. A busy machine may take its time until the
    /// first line.
    fn comes_after(&self, start: &str, seconds: f64) {
        let at = self.at(start);
        let limit = self.0[0].at.as_secs_f64() + seconds + SLACK;
        let is_in_time = at >= seconds && at < limit;
        assert!(is_in_time, "{start:?} came after {at} s");
    }
}

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

/// Most of the time they sleep: all of them at the same time. Those that compute for seconds come afterwards.
#[test]
fn programs_do_what_their_heads_show() {
    let programs = programs();
    let mut checks: Vec<(&str, Run)> = Vec::new();
    let mut computing: Vec<(&str, Run)> = Vec::new();
    for program in &programs {
        let name = program.name.as_str();
        let transcript = Transcript::for_tests(program);
        let more = MORE.iter().find(|(of, _)| *of == name);
        // The order of the input cannot be tested in a run in which the URLs happen to
        // complete in that order.
        let runs = if name == "gather" { 8 } else { 1 };
        let greets = transcript.greets();
        let checks = if greets { &mut computing } else { &mut checks };
        for _ in 0..runs {
            let transcript = transcript.clone();
            let check = move || {
                let run = printed(name, &transcript);
                more.iter().for_each(|(_, check)| check(&run));
            };
            checks.push((name, Box::new(check)));
        }
    }
    for (name, _) in MORE {
        let is_there = programs.iter().any(|program| program.name == name);
        assert!(is_there, "there is no {name}");
    }
    // What these print when they are not interrupted: their tasks are done after 2 s.
    let begin = "Waiting: 1\nWaiting: 2\nWaiting: 2\nFinally: 1\nFinally: 2\nFinally: 2\n";
    let results = "Task ret: Done after 1s\nTask ret: Done after 2s\nTask ret: Done after 2s";
    for (name, end) in [("cancel_all", "TIME: 2.0"), ("cancel_main", results)] {
        let (text, empty) = (begin.to_string() + end, Transcript::default());
        let transcript = Transcript { text, ..empty };
        checks.push((name, Box::new(move || drop(printed(name, &transcript)))));
    }
    checks.push(("ipify", Box::new(ipify::no_answer_within_ten_seconds)));
    at_the_same_time(checks);
    at_the_same_time(computing);
}

fn gives_results_as_they_come_in_then_in_order(run: &Printed) {
    let lines: Vec<&str> = run.lines().collect();
    let mut halves = lines.split(|line| line.is_empty());
    let [first, second] = [(); 2].map(|()| halves.next().unwrap());
    let [mut as_they_come, mut together] = [first, second].map(|half| {
        // URL and seconds of `Done: URL {url} took {n}s to get!`.
        let done = half.iter().filter_map(|line| {
            let (url, rest) = line.strip_prefix("Done: URL ")?.split_once(" took ")?;
            Some((url, rest.split('s').next()?.parse::<u64>().ok()?))
        });
        let done: Vec<_> = done.collect();
        assert!(done.is_sorted_by_key(|(_, seconds)| *seconds), "{half:?}");
        done
    });
    // Each result is processed when it comes.
    let processed = first.iter().filter(|line| line.starts_with("Coroutine "));
    for (line, (url, _)) in processed.zip(&as_they_come) {
        assert_eq!(*line, format!("Coroutine for {url} is done"), "{first:#?}");
        let later = run.at(line) - run.at(&format!("Done: URL {url} "));
        assert!((0.0..0.9).contains(&later), "{:#?}", run.0);
    }
    for done in [&mut as_they_come, &mut together] {
        done.sort_unstable();
        assert!(
            done.iter()
                .map(|(url, _)| *url)
                .eq(["URL1", "URL2", "URL3"])
        );
    }
    let shown = together.iter().map(|(url, n)| format!("('{url}', {n})"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    assert_eq!(second[4..], [format!("[{shown}]")]);
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
