//! The programs of chapters 5 to 10 as processes: what they print is what their heads show.

use crate::common::{self, Line, at_the_same_time, head_of, start, transcript};
use crate::ipify;
use std::thread;
use std::time::{Duration, Instant};

/// The transcript in the head of an example, without the command.
fn shown(name: &str) -> Vec<String> {
    let head = head_of(name);
    transcript(name, &head)
        .lines()
        .map(str::to_string)
        .collect()
}

/// Runs the example to its end, and returns what it printed and when, counted from its start.
fn run(name: &str) -> Vec<(String, Duration)> {
    let begin = Instant::now();
    let mut running = start(name, &[]);
    running.end_input();
    let (finished, lines) = running.finish_with_times();
    assert_eq!(finished.stderr, [""; 0], "{name}");
    assert_eq!(finished.status.code(), Some(0), "{name}");
    let since_begin = |line: Line| (line.text, line.at - begin);
    lines.into_iter().map(since_begin).collect()
}

/// The seconds of the article's last line.
fn time(line: &str) -> Option<f64> {
    line.strip_prefix("TIME: ")?.parse().ok()
}

/// A busy machine may take so long for what takes no time.
const SLACK: f64 = 2.0;

fn assert_prints_what_its_head_shows(name: &str) -> Vec<(String, Duration)> {
    let printed = run(name);
    let shown = shown(name);
    assert_eq!(printed.len(), shown.len(), "{name} prints {printed:#?}");
    for ((printed, _), shown) in printed.iter().zip(&shown) {
        match (time(printed), time(shown)) {
            (Some(took), Some(expected)) => {
                assert!(took >= expected.floor(), "{name} took {took} s");
                assert!(took < expected.floor() + SLACK, "{name} took {took} s");
            }
            _ => assert_eq!(printed, shown, "{name}"),
        }
    }
    printed
}

type Check = fn(&str);

fn prints_what_its_head_shows(name: &str) {
    assert_prints_what_its_head_shows(name);
}

/// Most of the time they sleep: all of them at the same time.
#[test]
fn every_program_prints_what_its_head_shows() {
    let checks: [(&str, Check); 25] = [
        ("throw_into_coroutine", prints_what_its_head_shows),
        ("error_chain", prints_what_its_head_shows),
        ("ipify", ipify_asks_its_stand_in),
        ("gather", gather_gives_results_as_they_come_in_then_in_order),
        ("coroutine", prints_what_its_head_shows),
        ("task_states", prints_what_its_head_shows),
        ("done_callback", prints_what_its_head_shows),
        ("task_result", prints_what_its_head_shows),
        ("await_sleep", prints_what_its_head_shows),
        ("concurrent", prints_all_results_when_the_last_is_there),
        ("nested_wait", prints_what_its_head_shows),
        ("nested_gather", prints_what_its_head_shows),
        ("return_gather", takes_as_long_as_the_longest),
        ("return_wait", takes_as_long_as_the_longest),
        ("as_completed", prints_each_result_when_it_comes),
        (
            "cancel_all",
            prints_what_its_head_shows_and_nothing_to_cancel,
        ),
        ("cancel_main", prints_what_its_head_shows_and_results),
        ("drop_teardown", prints_what_its_head_shows),
        ("async_cleanup", prints_what_its_head_shows),
        ("cancel_blocking", stops_only_with_a_token),
        ("cancel_safety", prints_what_its_head_shows),
        ("shield", prints_what_its_head_shows),
        ("loop_thread_calls", calls_one_after_the_other),
        ("loop_thread_tasks", runs_both_tasks_together),
        ("ipify without an answer", |_| {
            ipify::no_answer_within_ten_seconds()
        }),
    ];
    at_the_same_time(checks.map(|(name, check)| (name, move || check(name))));
}

/// When the first line that starts like this came, in seconds since the first line of all. It is for
/// limits that are not to be exceeded: until then a busy machine may take its time.
fn after_the_first(printed: &[(String, Duration)], start: &str) -> f64 {
    at(printed, start) - printed[0].1.as_secs_f64()
}

/// When the first line that starts like this came, in seconds since the program was started.
fn at(printed: &[(String, Duration)], start: &str) -> f64 {
    let line = printed.iter().find(|(line, _)| line.starts_with(start));
    line.unwrap_or_else(|| panic!("no line {start:?} in {printed:#?}"))
        .1
        .as_secs_f64()
}

fn prints_all_results_when_the_last_is_there(name: &str) {
    let printed = assert_prints_what_its_head_shows(name);
    assert!(after_the_first(&printed, "Waiting: 4") < SLACK);
    assert!(at(&printed, "Task ret: Done after 1s") >= 4.0);
}

fn prints_each_result_when_it_comes(name: &str) {
    let printed = assert_prints_what_its_head_shows(name);
    let [one, two, four] = [1, 2, 4].map(|n| at(&printed, &format!("Task ret: Done after {n}s")));
    assert!(one >= 1.0 && two >= 2.0 && four >= 4.0);
    let [one, two] =
        [1, 2].map(|n| after_the_first(&printed, &format!("Task ret: Done after {n}s")));
    assert!(one < 1.0 + SLACK && two < 2.0 + SLACK);
}

/// The two that return out of `main` do not print their time; it is taken here.
fn takes_as_long_as_the_longest(name: &str) {
    let printed = assert_prints_what_its_head_shows(name);
    let seconds = printed.iter().filter_map(|(line, _)| {
        let seconds = line.strip_prefix("Waiting: ")?;
        Some(seconds.parse::<f64>().unwrap())
    });
    let seconds: Vec<f64> = seconds.collect();
    let end = at(&printed, "Task ret: ");
    assert!(end >= *seconds.last().unwrap(), "{name} took {end} s");
    let end = after_the_first(&printed, "Task ret: ");
    assert!(end < seconds.iter().sum(), "{name} took {end} s");
}

fn ipify_asks_its_stand_in(name: &str) {
    let mut printed: Vec<_> = run(name).into_iter().map(|(line, _)| line).collect();
    let mut shown = shown(name);
    for first in [&mut printed[0], &mut shown[0]] {
        let (text, port) = first.rsplit_once(':').unwrap();
        assert!(port.parse::<u16>().is_ok(), "{first}");
        *first = text.to_string();
    }
    assert_eq!(printed, shown);
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

/// Whether the order is that of the input cannot be told from a run in which the URLs happen to come
/// in that order: eight runs at the same time.
fn gather_gives_results_as_they_come_in_then_in_order(name: &str) {
    let times: Vec<u64> = thread::scope(|scope| {
        let runs = [(); 8].map(|()| scope.spawn(|| one_run_of_gather(name)));
        runs.into_iter()
            .flat_map(|run| run.join().expect("one of the runs failed"))
            .collect()
    });
    assert_eq!(times.len(), 48);
    assert!(times.iter().any(|time| *time != times[0]), "not random");
}

/// Returns the seconds that each of the six URLs took.
fn one_run_of_gather(name: &str) -> Vec<u64> {
    let printed = run(name);
    let lines: Vec<&str> = printed.iter().map(|(line, _)| line.as_str()).collect();
    let halves: Vec<_> = lines.split(|line| line.is_empty()).collect();
    let [first, second] = halves.as_slice() else {
        panic!("not two halves: {lines:#?}");
    };

    assert_eq!(first[0], "First, process results as they come in:");
    let (mut got, mut dealt_with) = (Vec::new(), Vec::new());
    for line in &first[1..] {
        match line.strip_prefix("Coroutine for ") {
            Some(rest) => dealt_with.push(rest.strip_suffix(" is done").unwrap()),
            None => got.push(done(line)),
        }
        // No result is dealt with before it is there.
        assert!(dealt_with.len() <= got.len(), "{first:#?}");
    }
    assert_eq!(
        dealt_with,
        got.iter().map(|(url, _)| *url).collect::<Vec<_>>()
    );
    assert_urls_and_times(&got);
    let mut times: Vec<u64> = got.iter().map(|(_, seconds)| *seconds).collect();

    assert_eq!(second[0], "Now, process results once they are all ready:");
    let got: Vec<_> = second[1..4].iter().map(|line| done(line)).collect();
    assert_urls_and_times(&got);
    times.extend(got.iter().map(|(_, seconds)| seconds));
    let mut in_order = got.clone();
    in_order.sort_unstable();
    let shown: Vec<_> = in_order
        .iter()
        .map(|(url, n)| format!("('{url}', {n})"))
        .collect();
    assert_eq!(second[4..], [format!("[{}]", shown.join(", "))]);

    // Each result is dealt with when it comes, and each half takes as long as its slowest.
    for (line, when) in &printed {
        if let Some(url) = line.strip_prefix("Coroutine for ") {
            let url = url.split(' ').next().unwrap();
            let got = at(&printed, &format!("Done: URL {url} "));
            assert!(when.as_secs_f64() < got + 0.9, "{printed:#?}");
        }
    }
    times
}

/// Three URLs, 1 to 4 seconds each, in the order of the seconds.
fn assert_urls_and_times(got: &[(&str, u64)]) {
    let mut urls: Vec<_> = got.iter().map(|(url, _)| *url).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["URL1", "URL2", "URL3"]);
    assert!(got.iter().all(|(_, seconds)| (1..=4).contains(seconds)));
    assert!(got.is_sorted_by_key(|(_, seconds)| *seconds), "{got:?}");
}

/// Runs the example, sends Ctrl-C when this line has come for the `nth` time, and checks that the
/// lines and the exit status are those of its head.
#[cfg(unix)]
fn prints_what_its_head_shows_at_ctrl_c(name: &str, line: &str, nth: usize) {
    let mut running = start(name, &[]);
    running.end_input();
    let mut printed = Vec::new();
    while printed.iter().filter(|printed| *printed == line).count() < nth {
        printed.push(running.next_line().text);
    }
    running.signal(rustix::process::Signal::INT);
    let finished = running.finish();
    printed.extend(finished.stdout);
    assert_eq!(finished.stderr, [""; 0], "{name}");
    assert_eq!(finished.status.code(), Some(130), "{name}");
    let shown = shown(name).join("\n").replace("^C", "");
    let shown: Vec<&str> = shown.lines().collect();
    for (printed, shown) in printed.iter_mut().zip(&shown) {
        if let (Some(took), Some(_)) = (time(printed), time(shown)) {
            assert!(took < SLACK, "{name} took {took} s");
            *printed = shown.to_string();
        }
    }
    assert_eq!(printed, shown, "{name}");
}

#[cfg(not(unix))]
fn prints_what_its_head_shows_at_ctrl_c(_: &str, _: &str, _: usize) {}

fn prints_what_its_head_shows_and_nothing_to_cancel(name: &str) {
    prints_what_its_head_shows_at_ctrl_c(name, "Waiting: 2", 2);
    let printed = run(name);
    let (last, rest) = printed.split_last().unwrap();
    let took = time(&last.0).unwrap();
    assert!((2.0..2.0 + SLACK).contains(&took), "{name} took {took} s");
    let rest: Vec<&str> = rest.iter().map(|(line, _)| line.as_str()).collect();
    let expected = [
        "Waiting: 1",
        "Waiting: 2",
        "Waiting: 2",
        "Finally: 1",
        "Finally: 2",
        "Finally: 2",
    ];
    assert_eq!(rest, expected, "{name}");
}

fn prints_what_its_head_shows_and_results(name: &str) {
    prints_what_its_head_shows_at_ctrl_c(name, "Finally: 1", 1);
    let printed: Vec<String> = run(name).into_iter().map(|(line, _)| line).collect();
    let results = [1, 2, 2].map(|n| format!("Task ret: Done after {n}s"));
    assert_eq!(printed[6..], results, "{name}");
}

fn stops_only_with_a_token(name: &str) {
    let printed: Vec<String> = run(name).into_iter().map(|(line, _)| line).collect();
    // The seconds vary, the rest does not.
    let number = |word: &str| word.parse::<f64>().ok();
    let words = |lines: &[String]| -> Vec<String> {
        let words = lines.iter().flat_map(|line| line.split(' '));
        words
            .filter(|word| number(word).is_none())
            .map(str::to_string)
            .collect()
    };
    assert_eq!(words(&printed), words(&shown(name)), "{name}");
    let seconds: Vec<f64> = printed
        .iter()
        .flat_map(|line| line.split(' '))
        .filter_map(number)
        .collect();
    let [back, worked_on, back_from_unblock, back_with_token, stopped] = seconds[..] else {
        panic!("{name}: {printed:#?}");
    };
    // It takes a second or so, and has run for 0.1 s by then.
    assert!(back < worked_on / 2.0, "{name}: {printed:#?}");
    assert!(back_from_unblock > worked_on / 4.0, "{name}: {printed:#?}");
    assert!(
        back_with_token < SLACK && stopped < SLACK,
        "{name}: {printed:#?}"
    );
}

fn calls_one_after_the_other(name: &str) {
    let printed = assert_prints_what_its_head_shows(name);
    assert!(after_the_first(&printed, "More work 6") < SLACK);
    assert!(at(&printed, "More work 3") >= 6.0);
    assert!(at(&printed, "Finished more work 3") >= 9.0);
    let end = after_the_first(&printed, "Finished more work 3");
    assert!(end < 9.0 + SLACK, "{name} took {end} s");
}

fn runs_both_tasks_together(name: &str) {
    let printed = assert_prints_what_its_head_shows(name);
    assert!(at(&printed, "Done after 4s") >= 4.0 && at(&printed, "Done after 6s") >= 6.0);
    assert!(after_the_first(&printed, "Done after 4s") < 4.0 + SLACK);
    let end = after_the_first(&printed, "Done after 6s");
    assert!(end < 6.0 + SLACK, "{name} took {end} s");
}

/// Programs whose destructors print: when nobody reads that, they fail, but are not aborted.
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
            assert_eq!(status.code(), Some(101), "{name}: {status}"); // a panic in `main`
        };
        (name, check)
    }));
}
