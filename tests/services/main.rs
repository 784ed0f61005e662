//! Chapters 11 and 12 as processes: a real Redis server, real sockets, real signals.
//!
//! One test file, since most of it waits, and can do so at the same time.
#![cfg(all(unix, feature = "redis", feature = "http"))]

#[path = "../common/mod.rs"]
mod common;
mod http;
#[path = "../../examples/11_queue/jobs.rs"]
mod jobs;
mod queue;
#[path = "../../examples/11_queue/redis_jobs.rs"]
mod redis_jobs;
mod redis_server;
#[path = "../common/watchdog.rs"]
mod watchdog;

use common::{Running, at_the_same_time, example, head_of, transcript};

/// What takes seconds.
#[test]
fn what_waits() {
    example("sms_server"); // built before the clock runs
    watchdog::end_if_it_hangs();
    at_the_same_time(http::checks().into_iter().chain(queue::checks()));
}

/// Runs what the head of an example shows: `put_in` gets the lines that are numbers, the others are
/// printed.
///
/// With larger numbers, which have more room between them for a machine that is busy: the order is the
/// point, and stays the same.
fn follows_its_head(name: &str, running: &mut Running, put_in: impl Fn(&mut Running, &str)) {
    let head = head_of(name);
    let shown = transcript(name, &head).replace('5', "9");
    let shown = match name {
        "sms_customer" => shown.replace('1', "4"), // two of them at the same time
        _ => shown,
    };
    let mut put_in_some = false;
    for line in shown.lines() {
        // `200` is an answer.
        if line.len() == 1 {
            put_in(running, line);
            put_in_some = true;
            continue;
        }
        let printed = running.next_line().text;
        match (seconds_at_the_end(&printed), seconds_at_the_end(line)) {
            (Some((text, took)), Some((expected, at_least))) => {
                assert_eq!(text, expected, "{name}");
                let range = at_least.floor()..at_least + 20.0;
                assert!(range.contains(&took), "{name} took {took} s: {line}");
            }
            _ => assert_eq!(printed, line, "{name}"),
        }
    }
    assert!(put_in_some, "{name}");
}

/// `Done 1 1.000267` is `Done 1` and the rest.
fn seconds_at_the_end(line: &str) -> Option<(&str, f64)> {
    let (text, seconds) = line.rsplit_once(' ')?;
    seconds.contains('.').then_some(())?;
    Some((text, seconds.parse().ok()?))
}
