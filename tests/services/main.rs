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

use common::{at_the_same_time, example};

/// What takes seconds.
fn together(checks: Vec<(&'static str, fn())>) {
    example("sms_server"); // built before the clock runs
    watchdog::end_if_it_hangs();
    at_the_same_time(checks);
}

#[test]
fn what_waits_for_http() {
    together(http::checks());
}

#[test]
fn what_waits_for_redis() {
    if redis_server::is_installed() {
        together(queue::checks());
    }
}
