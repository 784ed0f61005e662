//! Chapter 11: the queue, typed and from Redis.

use crate::common::{Running, at_the_same_time, example, say, start, start_program};
use crate::follows_its_head;
use crate::jobs::{Queue, Source, Stop, consume, print};
use crate::redis_server::{self, RedisServer};
use rustix::process::Signal;
use smol::{Timer, future};
use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Stdio, exit};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Starts an example that takes its jobs from the server. Nothing is typed.
fn start_with_redis(name: &str, args: &[&str], server: &RedisServer) -> Running {
    let mut command = Command::new(example(name));
    command.args(args).env("REDIS_URL", server.url());
    start_program(name, command.stdin(Stdio::null()))
}

fn lpush(server: &RedisServer, jobs: &str) {
    let _: u64 = server.command(&format!("LPUSH queue {jobs}"));
}

/// The programs that take jobs, in every form whose transcript is that of its head.
const EVERY_FORM: [(&str, &[&str]); 4] = [
    ("master_worker", &[]),
    ("master_worker", &["--block"]),
    ("queue_workers", &[]),
    ("sms_customer", &[]),
];

fn with_each_program(check: fn(&str)) {
    let programs = ["master_worker", "queue_workers", "sms_customer"];
    at_the_same_time(programs.map(|name| (name, move || check(name))));
}

fn wait_until(what: &str, limit: Duration, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20));
    }
}

const A_WHILE: Duration = Duration::from_secs(60);

/// Waits for lines that start like these, in any order.
fn expect_starts(running: &Running, starts: &[&str]) {
    let mut starts = starts.to_vec();
    while !starts.is_empty() {
        let line = running.next_line().text;
        let expected = starts.iter().position(|start| line.starts_with(start));
        starts.remove(expected.unwrap_or_else(|| panic!("{line:?} instead of {starts:?}")));
    }
}

/// Ends it with Ctrl-C, and returns what it complained about.
fn interrupt(running: Running) -> Vec<String> {
    running.signal(Signal::INT);
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(130), "{finished:?}");
    finished.stderr
}

// --------------------------------------------------------------------------------------------- typed

fn typed(name: &str, args: &[&str]) {
    let mut running = start(name, args);
    follows_its_head(name, &mut running, |running, number| {
        running.type_in(format!("{number}\n"));
    });
    running.end_input();
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(finished.stdout, [""; 0]);
    assert_eq!(finished.stderr, [""; 0]);
}

fn typed_jobs_are_done_as_the_heads_show() {
    at_the_same_time(EVERY_FORM.map(|(name, args)| (name, move || typed(name, args))));
}

#[test]
fn what_was_accepted_before_the_end_of_input_is_done() {
    with_each_program(|name| {
        let mut running = start(name, &[]);
        running.type_in("1 x\n\n0 -1 1.5\n  1\t0\n18446744073709551616 0");
        running.end_input();
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0), "{name}");
        let done = finished
            .stdout
            .iter()
            .filter(|line| line.starts_with("Done "));
        assert_eq!(done.count(), 5, "{name}");
        let expected = "expected a natural number of seconds";
        let complaints = [
            format!("{name}: \"x\": {expected}"),
            format!("{name}: \"-1\": {expected}"),
            format!("{name}: \"1.5\": {expected}"),
            format!("{name}: \"18446744073709551616\": {expected} below 2^64"),
        ];
        assert_eq!(finished.stderr, complaints);
    });
}

/// More than is read ahead, and each of them once.
#[test]
fn two_thousand_short_jobs_typed() {
    with_each_program(|name| {
        let args: &[&str] = if name == "queue_workers" {
            &["--workers", "8"]
        } else {
            &[]
        };
        let mut running = start(name, args);
        running.type_in("0\n".repeat(2000));
        running.end_input();
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0), "{name}");
        assert_eq!(finished.stderr, [""; 0], "{name}");
        let done = finished
            .stdout
            .iter()
            .filter(|line| line.starts_with("Done 0"));
        assert_eq!(done.count(), 2000, "{name}");
    });
}

#[test]
fn control_c_says_what_is_not_done() {
    with_each_program(|name| {
        let mut running = start(name, &[]);
        running.type_in("60 61\n");
        while !running.next_line().text.ends_with(" 61") {}
        let complaints = interrupt(running);
        let [complaint] = complaints.as_slice() else {
            panic!("{name}: {complaints:?}");
        };
        assert!(
            [" 60 61", " 61 60"]
                .map(|jobs| format!("{name}: not done:{jobs}"))
                .contains(complaint),
            "{complaint}"
        );
    });
}

#[test]
fn jobs_beyond_the_workers_wait() {
    let mut running = start("queue_workers", &["--workers", "3"]);
    running.type_in("60 60 60 1 2 3");
    running.end_input();
    expect_starts(&running, &["Start worker", "Wait 60"].repeat(3));
    assert_eq!(
        interrupt(running),
        ["queue_workers: not done: 60 60 60 1 2 3"]
    );
}

#[test]
fn a_wrong_command_line_is_told_the_usage() {
    for (name, args, what) in [
        ("queue_workers", &["--workers", "0"][..], "\"0\""),
        ("queue_workers", &["--workers", "x"], "\"x\""),
        ("master_worker", &["--redis"], "'--redis'"),
        ("master_worker", &["--help"], "'--help'"),
        ("master_worker", &["5"], "\"5\""),
        ("sms_customer", &["--server", "ftp://x"], "\"ftp://x\""),
        (
            "sms_customer",
            &["--server", "http://x:99999"],
            "\"http://x:99999\"",
        ),
        ("sms_customer", &["--server", "http://x:"], "\"http://x:\""),
        (
            "sms_customer",
            &["--server", "http://me@x:1"],
            "\"http://me@x:1\"",
        ),
        (
            "sms_customer",
            &["--server", "http://x:1/path"],
            "\"http://x:1/path\"",
        ),
        ("sms_server", &["--listen"], "'--listen'"),
    ] {
        let finished = start(name, args).finish();
        assert_eq!(finished.status.code(), Some(2), "{name} {args:?}");
        let [complaint] = finished.stderr.as_slice() else {
            panic!("{name} {args:?}: {finished:?}");
        };
        assert!(
            complaint.contains(what) && complaint.contains("; usage: "),
            "{complaint}"
        );
    }
}

// --------------------------------------------------------------------------------------------- Redis

#[test]
fn a_server_that_is_not_there_is_named() {
    for name in ["master_worker", "queue_workers", "sms_customer"] {
        // A port that nobody listens on.
        let finished = start(name, &["--redis", "redis://:secret@127.0.0.1:1/3"]).finish();
        assert_eq!(finished.status.code(), Some(1));
        assert_eq!(
            finished.stderr,
            [format!(
                "{name}: Redis at 127.0.0.1:1: Connection refused (os error 111)"
            )]
        );
        let finished = start(name, &["--redis", "http://me:secret@example.org/"]).finish();
        assert_eq!(finished.status.code(), Some(1));
        let [complaint] = finished.stderr.as_slice() else {
            panic!("{finished:?}");
        };
        let start = format!("{name}: --redis: expected redis://HOST:PORT/DB (");
        assert!(complaint.starts_with(&start), "{complaint}");
        assert!(!complaint.contains("secret"));
    }
}

/// All that wait, and those that need a server, most of which do.
pub fn checks() -> Vec<(&'static str, fn())> {
    let typed: (&str, fn()) = ("typed jobs", typed_jobs_are_done_as_the_heads_show);
    if !redis_server::is_installed() {
        return vec![typed];
    }
    vec![
        typed,
        ("the heads", the_heads),
        ("a job that is none", a_job_that_is_none),
        ("Ctrl-C gives back", control_c_gives_back),
        ("the wrong type", the_wrong_type),
        ("a server that refuses", a_server_that_refuses),
        ("a server that was away", a_server_that_was_away_for_long),
        ("a cut connection", a_cut_connection),
        ("an idle worker", an_idle_worker),
        ("silence", silence_between_workers),
        ("a restart", a_restart),
        ("Ctrl-C without a server", control_c_without_a_server),
        ("a server that hangs", a_server_that_hangs),
        ("a worker that is stopped", a_worker_that_is_stopped),
        ("a master that dies", a_master_that_dies),
        ("chaos", chaos),
        ("chaos with RPOP", chaos_with_rpop),
    ]
}

fn the_heads() {
    at_the_same_time(EVERY_FORM.map(|(name, args)| {
        let check = move || {
            let server = RedisServer::start();
            let mut running = start_with_redis(name, args, &server);
            follows_its_head(name, &mut running, |_, number| lpush(&server, number));
            assert_eq!(interrupt(running), [""; 0], "{name}");
            assert_eq!(server.being_worked_on(), [""; 0], "{name}");
            assert_eq!(server.list("queue"), [""; 0], "{name}");
            // Of lists that a job may still get to: those of the consumers that were waiting.
            let remembered: usize = server.command("ZCARD queue:working");
            assert!(remembered <= 2, "{name}: {remembered}");
        };
        (name, check)
    }));
}

/// It waits on the connections that it has.
fn an_idle_worker() {
    let server = RedisServer::start();
    let running = start_with_redis("queue_workers", &[], &server);
    expect_starts(&running, &["Start worker", "Start worker"]);
    let before = server.connections_received();
    sleep(Duration::from_secs(6)); // it asks again after 5
    // Two of its own, if they were not made before, and two of this test.
    let made = server.connections_received() - before;
    assert!(made <= 4, "{made} connections");
    assert_eq!(interrupt(running), [""; 0]);
}

/// The time in which nobody is heard of does not count, and the time before that does.
fn silence_between_workers() {
    let server = RedisServer::start();
    lpush(&server, "60");
    let one = ["--workers", "1"];
    let first = start_with_redis("queue_workers", &one, &server);
    expect_starts(&first, &["Start worker", "Wait 60"]);
    first.kill();
    let second = start_with_redis("queue_workers", &one, &server);
    expect_starts(&second, &["Start worker"]);
    sleep(Duration::from_secs(7)); // the point: most of the 10
    second.kill();
    // As if nobody had been heard of for 20 s.
    let lists: Vec<String> = server.command("ZRANGE queue:working 0 -1");
    for list in lists {
        let _: f64 = server.command(&format!("ZINCRBY queue:working -20 {list}"));
    }
    let third = start_with_redis("queue_workers", &one, &server);
    expect_starts(&third, &["Start worker"]);
    let start = Instant::now();
    expect_starts(&third, &["Wait 60"]);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}: all 10 again");
    interrupt(third);
}

fn a_job_that_is_none() {
    let server = RedisServer::start();
    let other_queue = ["--queue", "other", "--workers", "1"];
    let running = start_with_redis("queue_workers", &other_queue, &server);
    let _: u64 = server.command("LPUSH other x 0 -5 18446744073709551616 0");
    // Not valid UTF-8, and nothing at all.
    let mut pushing = redis::cmd("LPUSH");
    pushing.arg("other").arg(b"\xff\n").arg("");
    let client = redis::Client::open(server.url()).unwrap();
    let _: u64 = pushing
        .query(&mut client.get_connection().unwrap())
        .unwrap();
    lpush(&server, "60"); // not this one's
    let expected = "expected a natural number of seconds";
    for quoted in ["x", "-5", "18446744073709551616", "\\xff", ""] {
        let complaint = running.next_complaint().text;
        let below = if quoted.len() > 10 { " below 2^64" } else { "" };
        let expected =
            format!("queue_workers: \"{quoted}\": {expected}{below}; goes to \"other:dead\"");
        assert_eq!(complaint, expected);
    }
    assert_eq!(running.next_line().text, "Start worker");
    for _ in 0..2 {
        assert_eq!(running.next_line().text, "Wait 0");
        assert!(running.next_line().text.starts_with("Done 0 "));
    }
    assert_eq!(interrupt(running), [""; 0]);
    let dead: u64 = server.command("LLEN other:dead");
    assert_eq!(dead, 5);
    assert_eq!(server.list("queue"), ["60"]);
    let left: u64 = server.command("LLEN other");
    assert_eq!(left, 0);
    assert_eq!(server.being_worked_on(), [""; 0]);
}

fn control_c_gives_back() {
    with_each_program(|name| {
        let server = RedisServer::start();
        lpush(&server, "60 61 62");
        let running = start_with_redis(name, &[], &server);
        let (n, begun): (u32, &[&str]) = match name {
            "queue_workers" => (2, &["Start worker", "Start worker", "Wait 60", "Wait 61"]),
            _ => (3, &["Waiting 60", "Waiting 61", "Waiting 62"]),
        };
        expect_starts(&running, begun);
        assert_eq!(
            interrupt(running),
            [format!("{name}: gave back {n} jobs to \"queue\"")]
        );
        let mut jobs = server.list("queue");
        jobs.sort_unstable();
        assert_eq!(jobs, ["60", "61", "62"]);
        assert_eq!(server.being_worked_on(), [""; 0]);
    });
}

fn the_wrong_type() {
    let server = RedisServer::start();
    let _: () = server.command("SET queue 5");
    let finished = start_with_redis("queue_workers", &[], &server).finish();
    assert_eq!(finished.status.code(), Some(1));
    let [complaint] = finished.stderr.as_slice() else {
        panic!("{finished:?}");
    };
    let start = format!("queue_workers: Redis at {}: ", server.address());
    assert!(
        complaint.starts_with(&start) && complaint.contains("WRONGTYPE"),
        "{complaint}"
    );

    // The same while it runs.
    let _: () = server.command("DEL queue");
    let running = start_with_redis("master_worker", &["--block"], &server);
    lpush(&server, "0 60");
    while running.next_line().text != "Waiting 60" {}
    wait_until("told of the first job", A_WHILE, || {
        server.being_worked_on().len() == 1
    });
    let _: () = server.command("SET queue 5");
    let mut running = running;
    let status = running.status_within(A_WHILE).expect("it ends");
    assert_eq!(status.code(), Some(1));
    let complaint = running.next_complaint().text;
    assert!(
        complaint.contains("was not told what became of 1 job"),
        "{complaint}"
    );
    let complaint = running.next_complaint().text;
    let expected = format!("master_worker: Redis at {}: WRONGTYPE", server.address());
    assert!(complaint.starts_with(&expected), "{complaint}");
    let kept: Vec<String> = server.being_worked_on();
    assert_eq!(kept.len(), 1, "it cannot go back, and stays");
    assert_eq!(server.list(&kept[0]), ["60"]);

    // It is not forgotten.
    let _: () = server.command("DEL queue");
    let running = start_with_redis("master_worker", &[], &server);
    assert_eq!(running.next_line().text, "Waiting 60");
    running.kill();

    // A list of the dead that is none: nor is what should go there.
    let server = RedisServer::start();
    let _: () = server.command("SET queue:dead 5");
    lpush(&server, "x");
    let finished = start_with_redis("queue_workers", &["--workers", "1"], &server).finish();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let kept = server.being_worked_on();
    assert_eq!(server.list(&kept[0]), ["x"]);
    let known: Option<f64> = server.command(&format!("ZSCORE queue:working {}", kept[0]));
    assert!(known.is_some(), "somebody will look for it");
}

/// A server that answers, but takes nothing: said once, tried again less and less often, and nothing is
/// lost. Out of memory, a replica, too few replicas: none of these is for ever.
fn a_server_that_refuses() {
    let refusals: [(&str, &str, &str); 3] = [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY"),
        (
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
            "NOREPLICAS",
        ),
    ];
    at_the_same_time(refusals.map(|(refuse, accept, code)| {
        let check = move || {
            let server = RedisServer::start();
            lpush(&server, "4");
            let running = start_with_redis("queue_workers", &["--workers", "3"], &server);
            expect_starts(
                &running,
                &["Start worker", "Start worker", "Start worker", "Wait 4"],
            );
            let _: () = server.command(refuse);
            let complaint = running.next_complaint().text;
            let start = format!("queue_workers: Redis at {}: {code} ", server.address());
            assert!(complaint.starts_with(&start), "{complaint}");
            assert!(complaint.ends_with("; trying again"), "{complaint}");
            expect_starts(&running, &["Done 4 "]);
            let before = server.connections_received();
            sleep(Duration::from_secs(3)); // the point: not 40 a second
            let made = server.connections_received() - before;
            assert!(made < 40, "{code}: {made} connections in 3 s");
            let _: () = server.command(accept);
            let back = running.next_complaint().text;
            assert_eq!(
                back,
                format!("queue_workers: Redis at {} is back", server.address())
            );
            lpush(&server, "0");
            expect_starts(&running, &["Wait 0", "Done 0 "]);
            wait_until("told that all is done", A_WHILE, || server.is_all_done());
            assert_eq!(interrupt(running), [""; 0], "said once");
        };
        (code, check)
    }));
}

/// Who could not be heard of because the server was away is not taken for dead, also by somebody who has
/// just come.
fn a_server_that_was_away_for_long() {
    let mut server = RedisServer::start();
    lpush(&server, "60");
    let one = ["--workers", "1"];
    let first = start_with_redis("queue_workers", &one, &server);
    expect_starts(&first, &["Start worker", "Wait 60"]);
    server.kill();
    sleep(Duration::from_secs(11));
    server.start_again();
    let second = start_with_redis("queue_workers", &one, &server);
    expect_starts(&second, &["Start worker"]);
    // The first one will have been heard of by then.
    let address = server.address();
    assert!(first.next_complaint().text.ends_with("; trying again"));
    assert_eq!(
        first.next_complaint().text,
        format!("queue_workers: Redis at {address} is back")
    );
    sleep(Duration::from_secs(4));
    assert_eq!(interrupt(second), [""; 0], "it has not taken the job");
    assert_eq!(
        interrupt(first),
        ["queue_workers: gave back 1 job to \"queue\""]
    );
}

/// Not worth a word: the next attempt succeeds.
fn a_cut_connection() {
    let server = RedisServer::start();
    let running = start_with_redis("master_worker", &["--block"], &server);
    for cut in [true, false] {
        lpush(&server, "0");
        assert_eq!(running.next_line().text, "Waiting 0");
        assert_eq!(running.next_line().text, "Done 0");
        wait_until("told that it is done", A_WHILE, || server.is_all_done());
        if cut {
            let _: u64 = server.command("CLIENT KILL TYPE normal SKIPME yes");
        }
    }
    assert_eq!(interrupt(running), [""; 0]);
    assert_eq!(server.being_worked_on(), [""; 0]);
}

/// Says that it is gone, and that it is back, once each. What was being worked on goes on.
fn a_restart() {
    let mut server = RedisServer::start();
    lpush(&server, "3 0");
    let running = start_with_redis("queue_workers", &[], &server);
    expect_starts(
        &running,
        &[
            "Start worker",
            "Start worker",
            "Wait 3",
            "Wait 0",
            "Done 0 ",
        ],
    );
    server.kill();
    let gone = running.next_complaint().text;
    let address = server.address();
    assert!(
        gone.starts_with(&format!("queue_workers: Redis at {address}: ")),
        "{gone}"
    );
    assert!(gone.ends_with("; trying again"), "{gone}");
    // It has tried several times by then.
    expect_starts(&running, &["Done 3 "]);
    server.start_again();
    let back = running.next_complaint().text;
    assert_eq!(back, format!("queue_workers: Redis at {address} is back"));
    lpush(&server, "0 0");
    expect_starts(&running, &["Wait 0", "Wait 0", "Done 0 ", "Done 0 "]);
    wait_until("told that all is done", A_WHILE, || {
        server.being_worked_on().is_empty()
    });
    assert_eq!(interrupt(running), [""; 0]);
    assert_eq!(server.list("queue"), [""; 0]);
}

/// The program ends all the same, and its job is done by the next one.
fn control_c_without_a_server() {
    let mut server = RedisServer::start();
    lpush(&server, "60");
    let running = start_with_redis("master_worker", &["--block"], &server);
    assert_eq!(running.next_line().text, "Waiting 60");
    server.kill();
    assert!(running.next_complaint().text.ends_with("; trying again"));
    let complaints = interrupt(running);
    let [complaint] = complaints.as_slice() else {
        panic!("{complaints:?}");
    };
    let expected =
        "was not told what became of 1 job: to be done again, by another worker (no answer)";
    assert_eq!(
        *complaint,
        format!("master_worker: Redis at {} {expected}", server.address())
    );

    server.start_again();
    assert_eq!(server.being_worked_on().len(), 1);
    let running = start_with_redis("master_worker", &["--block"], &server);
    assert_eq!(running.next_line().text, "Waiting 60");
    let expected = "master_worker: 1 job of workers that have gone: back in \"queue\"";
    assert_eq!(running.next_complaint().text, expected);
    assert_eq!(
        interrupt(running),
        ["master_worker: gave back 1 job to \"queue\""]
    );
    assert_eq!(server.list("queue"), ["60"]);
}

/// Longer than any answer is waited for. What the server does with the commands it finds when it goes on,
/// whose connections have been given up, loses nothing.
fn a_server_that_hangs() {
    let server = RedisServer::start();
    push_numbered(&server, 300);
    let running = start_here("worker", &server);
    let mut done = Done::default();
    while done.jobs() < 50 {
        done.take(&running.next_line().text);
    }
    server.signal(Signal::STOP);
    let gone = running.next_complaint().text;
    assert!(gone.ends_with("timed out; trying again"), "{gone}");
    sleep(Duration::from_secs(6)); // taking a job is given up, too
    server.signal(Signal::CONT);
    assert!(running.next_complaint().text.ends_with(" is back"));
    while done.jobs() < 300 {
        done.take(&running.next_line().text);
    }
    wait_until("told that all is done", A_WHILE, || server.is_all_done());
    interrupt(running);
}

/// It is taken for dead, and works on when it can: the job is done twice, and nobody minds.
fn a_worker_that_is_stopped() {
    let server = RedisServer::start();
    lpush(&server, "8");
    let one = ["--workers", "1"];
    let stopped = start_with_redis("queue_workers", &one, &server);
    expect_starts(&stopped, &["Start worker", "Wait 8"]);
    stopped.signal(Signal::STOP);
    let other = start_with_redis("queue_workers", &one, &server);
    expect_starts(&other, &["Start worker", "Wait 8"]);
    stopped.signal(Signal::CONT);
    expect_starts(&stopped, &["Done 8 "]);
    expect_starts(&other, &["Done 8 "]);
    wait_until("told that it is done", A_WHILE, || server.is_all_done());
    lpush(&server, "60 60");
    expect_starts(&stopped, &["Wait 60"]);
    expect_starts(&other, &["Wait 60"]);
    for running in [stopped, other] {
        let complaints = interrupt(running);
        assert_eq!(
            complaints.last().unwrap(),
            "queue_workers: gave back 1 job to \"queue\""
        );
    }
    assert_eq!(server.list("queue"), ["60", "60"]);
}

/// With 100 jobs under way.
fn a_master_that_dies() {
    let jobs = ["60"; 100].join(" ");

    // As in the article.
    let server = RedisServer::start();
    lpush(&server, &jobs);
    let running = start_here("RPOP master", &server);
    for _ in 0..100 {
        while running.next_line().text != "Waiting 60" {}
    }
    running.kill();
    let left: Vec<String> = server.command("KEYS *");
    assert_eq!(left, [""; 0], "all of them are lost");

    let server = RedisServer::start();
    lpush(&server, &jobs);
    let running = start_with_redis("master_worker", &["--block"], &server);
    for _ in 0..100 {
        assert_eq!(running.next_line().text, "Waiting 60");
    }
    assert_eq!(server.being_worked_on().len(), 100);
    running.kill();
    let killed = Instant::now();
    assert_eq!(server.being_worked_on().len(), 100);
    let running = start_with_redis("master_worker", &["--block"], &server);
    for _ in 0..100 {
        assert_eq!(running.next_line().text, "Waiting 60");
    }
    let took = killed.elapsed().as_secs_f64();
    assert!(
        took > 4.0,
        "its last heartbeat was at most 3 s old: {took} s"
    );
    assert!(took < 40.0, "{took} s");
    let complaints = interrupt(running);
    assert_eq!(
        complaints.last().unwrap(),
        "master_worker: gave back 100 jobs to \"queue\""
    );
    assert_eq!(server.list("queue").len(), 100);
    say(format_args!(
        "a master killed with 100 jobs under way: with RPOP 100 are lost; here 0, back after {took:.1} s"
    ));
}

// --------------------------------------------------------------------------------------------- chaos

const JOBS: u64 = 2000;

/// How often a job was done, by its number.
#[derive(Default)]
struct Done(BTreeMap<u64, u32>);

impl Done {
    /// The test harness prints something, too.
    fn take(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("done ") {
            *self.0.entry(number.parse().unwrap()).or_default() += 1;
        }
    }

    fn jobs(&self) -> u64 {
        self.0.len() as u64
    }

    fn twice(&self) -> u32 {
        self.0.values().map(|n| n - 1).sum()
    }
}

/// Jobs that can be told from each other.
fn push_numbered(server: &RedisServer, jobs: u64) {
    let numbers: Vec<String> = (0..jobs).map(|n| n.to_string()).collect();
    lpush(server, &numbers.join(" "));
}

/// Has four processes work on the jobs. Kills one after the other, at random moments, and starts another
/// one instead. Returns what was done until the processes ended by themselves or all jobs were done.
fn kill_at_random(program: &str, server: &mut RedisServer, restart: bool) -> (Done, u32) {
    let start = |server: &RedisServer| start_here(program, server);
    let mut workers = [(); 4].map(|()| start(server));
    let mut done = Done::default();
    let kills = 24;
    for kill in 0..kills {
        sleep(Duration::from_millis(fastrand::u64(100..300)));
        if restart && kill == kills / 2 {
            server.kill();
            sleep(Duration::from_millis(500));
            server.start_again();
        }
        let victim = &mut workers[fastrand::usize(..4)];
        let victim = std::mem::replace(victim, start(server));
        victim.kill().iter().for_each(|line| done.take(line));
    }
    assert!(
        !server.list("queue").is_empty(),
        "the jobs were done before the killing ended"
    );
    wait_until("all jobs are done", A_WHILE, || server.is_all_done());
    for worker in workers {
        // The others end by themselves when the queue is empty.
        if program == "worker" {
            worker.signal(Signal::INT);
        }
        worker
            .finish()
            .stdout
            .iter()
            .for_each(|line| done.take(line));
    }
    (done, kills)
}

fn chaos() {
    let mut server = RedisServer::start();
    push_numbered(&server, JOBS);
    let begin = Instant::now();
    let (done, kills) = kill_at_random("worker", &mut server, true);
    say(format_args!(
        "{JOBS} jobs, 4 processes, {kills} times one was killed, the server restarted once: {} lost, {} \
         done twice, {:.1} s",
        JOBS - done.jobs(),
        done.twice(),
        begin.elapsed().as_secs_f64(),
    ));
    assert_eq!(done.jobs(), JOBS, "some are lost");
    let dead: u64 = server.command("LLEN queue:dead");
    assert_eq!(dead, 0);
}

fn chaos_with_rpop() {
    let mut server = RedisServer::start();
    push_numbered(&server, JOBS);
    let (done, kills) = kill_at_random("RPOP worker", &mut server, false);
    let lost = JOBS - done.jobs();
    say(format_args!(
        "{JOBS} jobs, 4 processes that take with RPOP, {kills} times one was killed: {lost} lost"
    ));
    assert_ne!(lost, 0, "what all this is for");
}

// ------------------------------------------------------------------------------------------ programs

/// In the environment: which program this process is.
const PROGRAM: &str = "SERVICES_PROGRAM";

/// Starts this test file again, as one of the programs below.
fn start_here(program: &str, server: &RedisServer) -> Running {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "queue::program", "--nocapture", "--quiet"]);
    command.env(PROGRAM, program).env("REDIS_URL", server.url());
    start_program(program, command.stdin(Stdio::null()))
}

/// In a process started by `start_here`, the program; otherwise nothing.
#[test]
fn program() {
    match env::var(PROGRAM).as_deref() {
        Ok("worker") => worker(),
        Ok("RPOP worker") => rpop_worker(),
        Ok("RPOP master") => rpop_master(),
        Ok(other) => panic!("no program {other}"),
        Err(_) => {}
    }
}

fn a_short_time() -> Duration {
    Duration::from_millis(fastrand::u64(10..80))
}

/// Two consumers, whose jobs are numbers to be printed. Otherwise like `queue_workers`.
fn worker() {
    let consumer = async |queue: &Queue| {
        let mut jobs = queue.jobs();
        while let Some(job) = jobs.take().await? {
            Timer::after(a_short_time()).await;
            print(format_args!("done {}", job.seconds))?;
            job.done();
        }
        Ok(())
    };
    let work = async |queue: &Queue| {
        future::try_zip(consumer(queue), consumer(queue))
            .await
            .map(drop)
    };
    exit(match smol::block_on(consume(&Source::from_env(), work)) {
        Ok(()) => 0,
        Err(Stop::Interrupted(interrupted)) => interrupted.exit_status().into(),
        Err(Stop::Failed(error)) => panic!("{error}"),
    });
}

fn rpop(connection: &mut redis::Connection) -> Option<u64> {
    redis::cmd("RPOP").arg("queue").query(connection).unwrap()
}

fn connect() -> redis::Connection {
    let client = redis::Client::open(env::var("REDIS_URL").unwrap()).unwrap();
    client.get_connection().unwrap()
}

/// Two consumers as in the article, but for the end.
fn rpop_worker() {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut connection = connect();
                while let Some(number) = rpop(&mut connection) {
                    sleep(a_short_time());
                    print(format_args!("done {number}")).unwrap();
                }
            });
        }
    });
}

/// The article's master: takes all there is.
fn rpop_master() {
    let mut connection = connect();
    while let Some(number) = rpop(&mut connection) {
        print(format_args!("Waiting {number}")).unwrap();
    }
    sleep(Duration::from_secs(3600));
}
