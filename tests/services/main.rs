//! Chapters 11 and 12 as processes: a real Redis server, real sockets, real signals.
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

use common::{Finished, PATIENCE, Running, at_the_same_time, example, say, start};
use rustix::process::Signal;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const NONE: [&str; 0] = [];

fn check_all<T: Send, const N: usize>(cases: [T; N], check: impl Fn(T) + Sync) {
    let check = &check;
    at_the_same_time(cases.map(|case| ("a case", move || check(case))));
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it takes too long: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits for the end, with this status. Complaints come without the program's name.
fn ended(running: Running, status: i32) -> Finished {
    let mut finished = running.finish();
    assert_eq!(finished.status.code(), Some(status), "{finished:?}");
    for line in &mut finished.stderr {
        *line = without_name(line);
        assert!(!line.contains("secret"), "{line}");
    }
    finished
}

fn interrupt(running: Running) -> Vec<String> {
    running.signal(Signal::INT);
    ended(running, 130).stderr
}

fn without_name(complaint: &str) -> String {
    complaint.split_once(": ").unwrap().1.to_string()
}

fn count_done(finished: &Finished) -> usize {
    let lines = finished.stdout.iter();
    lines.filter(|line| line.starts_with("Done ")).count()
}

fn complaint(running: Running, status: i32) -> String {
    let mut complaints = ended(running, status).stderr;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints.remove(0)
}

fn failures_at_the_start() {
    const REFUSED: &str = "Redis at 127.0.0.1:1: Connection refused (os error 111)";
    const URL: &str = "--redis: expected redis://HOST:PORT/DB (";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let in_use = format!("{taken}: Address already in use (os error 98)");
    for (line, status, why) in [
        ("queue_workers --workers 0", 2, "\"0\""),
        ("queue_workers --workers x", 2, "\"x\""),
        ("queue_workers --lease 0", 2, "\"0\""),
        ("master_worker --redis", 2, "'--redis'"),
        ("master_worker --help", 2, "'--help'"),
        ("master_worker 5", 2, "\"5\""),
        (
            "queue_workers --redis redis://:secret@127.0.0.1:1",
            1,
            REFUSED,
        ),
        ("queue_workers --redis http://:secret@example.org/", 1, URL),
        (&format!("sms_server --listen {taken}"), 1, &in_use),
        ("sms_server --listen x", 1, "x: invalid socket address"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let told = complaint(start(words[0], &words[1..]), status);
        let is_right = match status {
            1 => told.starts_with(why),
            _ => told.contains(why) && told.contains("; usage: "),
        };
        assert!(is_right, "{line}: {told}");
    }
}

/// All at the same time, since most of them wait.
#[test]
fn services() {
    example("sms_server"); // built before the clock runs
    watchdog::end_if_it_hangs();
    let mut checks = http::checks();
    checks.push(("failures at the start", failures_at_the_start));
    if Command::new("redis-server").arg("-v").output().is_ok() {
        checks.extend(queue::checks());
    } else {
        assert!(std::env::var_os("CI").is_none(), "CI installs redis-server");
        say("skipped: redis-server is not installed");
    }
    at_the_same_time(checks);
}
