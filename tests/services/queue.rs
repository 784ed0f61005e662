//! Chapter 11: the queue, typed and from Redis.

use crate::common::{Finished, Running, at_the_same_time, example, say, start, start_program};
use crate::jobs::{Error, Job, consume, print};
use crate::redis_jobs::Source;
use crate::redis_server::{RedisServer, query};
use rustix::process::{Pid, Signal, kill_process_group};
use smol::Timer;
use smol::channel::Receiver;
use smol::future;
use std::collections::BTreeMap;
use std::env;
use std::mem;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, abort, exit};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NONE: [&str; 0] = [];
const NATURAL: &str = "expected a natural number of seconds below 2^64";
const FORMS: [(&str, &[&str]); 3] = [
    ("queue_workers", &[]),
    ("master_worker", &[]),
    ("master_worker", &["--block"]),
];

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 60 s: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits for lines that start like these, in any order. `Start worker` is not looked at.
fn expect(running: &Running, starts: &[&str]) {
    let mut starts = starts.to_vec();
    while !starts.is_empty() {
        let line = running.next_line().text;
        if line == "Start worker" {
            continue;
        }
        let expected = starts.iter().position(|start| line.starts_with(start));
        starts.remove(expected.unwrap_or_else(|| panic!("{line:?} instead of {starts:?}")));
    }
}

/// Ends it with Ctrl-C, and returns what it complained about.
fn interrupt(running: Running) -> Vec<String> {
    running.signal(Signal::INT);
    ended(running, 130).1
}

fn ended(running: Running, status: i32) -> (Finished, Vec<String>) {
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(status), "{finished:?}");
    let complaints = finished.stderr.iter().map(|line| without_name(line));
    let complaints = complaints.collect();
    (finished, complaints)
}

/// The one line of a program that has failed.
fn complaint(running: Running, status: i32) -> String {
    let (_, mut complaints) = ended(running, status);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints.remove(0)
}

fn next_complaint(running: &Running) -> String {
    without_name(&running.next_complaint().text)
}

fn without_name(complaint: &str) -> String {
    complaint.split_once(": ").unwrap().1.to_string()
}

fn count_done(finished: &Finished) -> usize {
    let lines = finished.stdout.iter();
    lines.filter(|line| line.starts_with("Done ")).count()
}

// --------------------------------------------------------------------------------------------- typed

#[test]
fn what_was_accepted_before_the_end_of_input_is_done() {
    for (name, args) in FORMS {
        let mut running = start(name, args);
        let many = "0\n".repeat(1996); // more than is read ahead
        running.type_in(many + "1 x\n\n0 -1 1.5 +1\n  1\t0\n18446744073709551616");
        running.end_input();
        let (finished, complaints) = ended(running, 0);
        assert_eq!(count_done(&finished), 2000, "{name}");
        let expected = ["x", "-1", "1.5", "+1", "18446744073709551616"];
        assert_eq!(
            complaints,
            expected.map(|job| format!("\"{job}\": {NATURAL}"))
        );
    }
}

/// Jobs that run may end within 5 seconds; what waits does not begin.
#[test]
fn control_c_says_what_is_not_done() {
    let mut running = start("queue_workers", &["--workers", "3"]);
    running.type_in("60 60 2 1 2 3\n");
    expect(&running, &["Wait 60", "Wait 60", "Wait 2"]);
    running.signal(Signal::INT);
    running.type_in("4\n".repeat(10));
    expect(&running, &["Done 2 "]);
    let complaint = complaint(running, 130);
    let left = complaint.strip_prefix("not done: ").unwrap();
    let mut left: Vec<&str> = left.split(' ').collect();
    left.retain(|number| *number != "4");
    assert_eq!(left, ["1", "2", "3", "60", "60"]);
}

/// Also from the other thread.
#[test]
fn an_output_that_fails_ends_the_program() {
    for (name, args) in FORMS {
        let script = "echo 60 | \"$0\" $1 2>&1 > /dev/full; echo $?";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(example(name)).args(args);
        let finished = start_program(name, command.env_remove("REDIS_URL")).finish();
        let told = finished.stdout.concat();
        assert!(
            told.contains("standard output: No space left on device"),
            "{told}"
        );
        assert!(told.ends_with('1') && !told.contains("panicked"), "{told}");
    }
}

#[test]
fn a_wrong_command_line_is_told_the_usage() {
    for (name, args, what) in [
        ("queue_workers", &["--workers", "0"][..], "\"0\""),
        ("queue_workers", &["--workers", "x"], "\"x\""),
        ("queue_workers", &["--lease", "0"], "\"0\""),
        ("master_worker", &["--redis"], "'--redis'"),
        ("master_worker", &["--help"], "'--help'"),
        ("master_worker", &["5"], "\"5\""),
    ] {
        let complaint = complaint(start(name, args), 2);
        assert!(
            complaint.contains(what) && complaint.contains("; usage: "),
            "{complaint}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    for (name, _) in FORMS {
        // A port without a server.
        let running = start(name, &["--redis", "redis://me:secret@127.0.0.1:1/3"]);
        let expected = "Redis at 127.0.0.1:1: Connection refused (os error 111)";
        assert_eq!(complaint(running, 1), expected);
        let running = start(name, &["--redis", "http://me:secret@example.org/"]);
        let complaint = complaint(running, 1);
        assert!(
            complaint.starts_with("--redis: expected redis://HOST:PORT/DB ("),
            "{complaint}"
        );
        assert!(!complaint.contains("secret"));
    }
}

// --------------------------------------------------------------------------------------------- Redis

pub fn checks() -> Vec<(&'static str, fn())> {
    vec![
        ("as typed", it_goes_as_with_typed_jobs),
        ("invalid jobs", invalid_jobs_go_to_the_dead),
        ("Ctrl-C gives back", control_c_gives_back),
        ("Ctrl-C through timeout", one_control_c_through_timeout),
        ("claims", claims_are_renewed_or_taken_over),
        ("consumers", consumers_are_removed_with_nothing_pending),
        ("a job that kills", a_job_that_kills_its_worker_is_buried),
        ("refusals", refusals_end_the_program),
        ("eviction", a_policy_that_evicts_is_told),
        ("maxclients", too_many_clients),
        ("ulimit", too_few_files),
        ("a server that is away", a_server_that_is_away),
        ("a master that dies", a_master_that_dies),
        ("chaos", chaos),
    ]
}

/// Starts an example that takes its jobs from the server. Nothing is typed.
fn start_on(server: &RedisServer, name: &str, args: &[&str]) -> Running {
    let mut command = Command::new(example(name));
    command.args(args).env("REDIS_URL", server.url());
    start_program(name, command.stdin(Stdio::null()))
}

/// One worker with a lease of a second.
fn start_quick(server: &RedisServer) -> Running {
    let running = start_on(server, "queue_workers", &["--workers=1", "--lease=1"]);
    assert_eq!(running.next_line().text, "Start worker");
    running
}

fn add(server: &RedisServer, jobs: impl IntoIterator<Item = u64>) {
    let mut connection = server.connect();
    for job in jobs {
        let _: String = query(&mut connection, &format!("XADD queue * n {job}"));
    }
}

/// What XPENDING says: the id, the consumer, milliseconds idle, deliveries.
type Claim = (String, String, u64, u64);

fn pending(server: &RedisServer) -> Vec<Claim> {
    let mut create = redis::cmd("XGROUP");
    create.arg(&["CREATE", "queue", "workers", "0", "MKSTREAM"]);
    let _ = create.exec(&mut server.connect()); // it may be there
    server.command("XPENDING queue workers - + 10000")
}

/// Whether no job waits and none is being worked on.
fn is_all_done(server: &RedisServer) -> bool {
    server.command::<u64>("XLEN queue") == 0 && pending(server).is_empty()
}

/// Whether there is a consumer of this name.
fn is_known(server: &RedisServer, name: &str) -> bool {
    let consumers: Vec<BTreeMap<String, redis::Value>> =
        server.command("XINFO CONSUMERS queue workers");
    let name = redis::Value::BulkString(name.into());
    consumers.iter().any(|consumer| consumer["name"] == name)
}

fn it_goes_as_with_typed_jobs() {
    at_the_same_time(FORMS.map(|(name, args)| {
        let check = move || {
            let server = RedisServer::start();
            let running = start_on(&server, name, args);
            add(&server, [3]);
            expect(&running, &["Wait"]);
            let name = pending(&server)[0].1.clone();
            for _ in 0..2 {
                add(&server, [0]);
                expect(&running, &["Wait", "Done 0"]);
            }
            expect(&running, &["Done 3"]);
            wait_until("told that all is done", || is_all_done(&server));
            assert!(name.ends_with(&format!("-{}", running.pid())), "{name}");
            assert_eq!(interrupt(running), NONE);
            assert!(!is_known(&server, &name));
        };
        (name, check)
    }));
}

/// With names that are on one node of a cluster.
fn invalid_jobs_go_to_the_dead() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let _: () = server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until("the cluster is ready", || {
        server
            .command::<String>("CLUSTER INFO")
            .contains("cluster_state:ok")
    });
    let args = ["--queue", "{queue}", "--workers", "1"];
    let running = start_on(&server, "queue_workers", &args);
    let fields: [&[&[u8]]; 7] = [
        &[b"n", b"x"],
        &[b"n", b"-5", b"note", b"kept"],
        &[b"n", b"18446744073709551616"],
        &[b"\xff", b"\xff", b"n", b"\xff\n"],
        &[b"n", b""],
        &[b"m", b"5"],
        &[b"m", b"x", b"n", b"0"], // valid
    ];
    for fields in fields {
        let mut add = redis::cmd("XADD");
        add.arg("{queue}")
            .arg("*")
            .arg(fields)
            .exec(&mut server.connect())
            .unwrap();
    }
    expect(&running, &["Wait 0", "Done 0 "]);
    let quoted = ["x", "-5", "18446744073709551616", "\\xff", ""];
    let mut reasons = quoted.map(|text| format!("\"{text}\": {NATURAL}")).to_vec();
    reasons.push("no field n".to_string());
    let expected = reasons
        .iter()
        .map(|reason| format!("{reason}; goes to \"{{queue}}:dead\""));
    assert_eq!(interrupt(running), expected.collect::<Vec<_>>());
    let dead: Vec<(String, Vec<Vec<u8>>)> = server.command("XRANGE {queue}:dead - +");
    assert_eq!(dead.len(), 6);
    for (((_, dead), fields), reason) in dead.iter().zip(fields).zip(reasons) {
        assert_eq!(dead[..], [fields, &[b"reason", reason.as_bytes()]].concat());
    }
    assert_eq!(server.command::<u64>("XLEN {queue}"), 0);
}

fn control_c_gives_back() {
    at_the_same_time([FORMS[0], FORMS[2]].map(|(name, args)| {
        let check = move || {
            let server = RedisServer::start();
            add(&server, [60, 2]);
            let running = start_on(&server, name, args);
            expect(&running, &["Wait", "Wait"]);
            let begin = Instant::now();
            running.signal(Signal::INT);
            let (finished, complaints) = ended(running, 130);
            assert!(begin.elapsed() < Duration::from_secs(9));
            assert_eq!(count_done(&finished), 1, "{finished:?}");
            assert_eq!(complaints, ["jobs given back to \"queue\": 1"]);
            // That was no delivery, and its consumer is there as long as something is pending.
            let [(_, first, _, 0)] = &pending(&server)[..] else {
                panic!("{:?}", pending(&server));
            };
            assert!(is_known(&server, first));
            let begin = Instant::now();
            let second = start_on(&server, name, args);
            wait_until("taken again", || {
                let [(_, consumer, _, deliveries)] = &pending(&server)[..] else {
                    return false;
                };
                consumer != first && *deliveries == 1
            });
            assert!(begin.elapsed() < Duration::from_secs(4));
            second.kill();
        };
        (name, check)
    }));
}

/// GNU timeout relays the signal that the terminal sends to it and to the program: it comes twice.
fn one_control_c_through_timeout() {
    let server = RedisServer::start();
    add(&server, [60]);
    let mut command = Command::new("timeout");
    command.arg("60").arg(example("queue_workers"));
    command.env("REDIS_URL", server.url()).process_group(0);
    let running = start_program("timeout", command.stdin(Stdio::null()));
    expect(&running, &["Wait 60"]);
    let group = Pid::from_raw(running.pid().try_into().unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    let complaints = running.finish().stderr;
    assert_eq!(
        complaints,
        ["queue_workers: jobs given back to \"queue\": 1"]
    );
}

fn claims_are_renewed_or_taken_over() {
    let server = RedisServer::start();
    add(&server, [4]); // four times the lease
    let first = start_quick(&server);
    expect(&first, &["Wait 4"]);
    let second = start_quick(&server);
    let before = server.connections_received();
    expect(&first, &["Done 4 "]);
    let made = server.connections_received() - before;
    assert!(made < 5, "{made} connections");

    // One that is stopped is taken for dead, and works on when it can. The job stays with the second.
    add(&server, [3]);
    let (stopped, other) = match pending(&server) {
        claims if claims[0].1.ends_with(&format!("-{}", first.pid())) => (first, second),
        _ => (second, first),
    };
    expect(&stopped, &["Wait 3"]);
    stopped.signal(Signal::STOP);
    expect(&other, &["Wait 3"]);
    let consumer = &pending(&server)[0].1;
    stopped.signal(Signal::CONT);
    sleep(Duration::from_millis(700)); // two renewals
    assert_eq!(pending(&server)[0].1, *consumer);
    expect(&stopped, &["Done 3 "]);
    expect(&other, &["Done 3 "]);
    wait_until("told that it is done", || is_all_done(&server));
    assert_eq!((interrupt(stopped), interrupt(other)), (vec![], vec![]));
}

fn consumers_are_removed_with_nothing_pending() {
    let server = RedisServer::start();
    add(&server, [60]);
    let dies = start_quick(&server);
    expect(&dies, &["Wait 60"]);
    let dead = &pending(&server)[0].1;
    dies.kill();
    let _: u64 = server.command("XGROUP CREATECONSUMER queue workers idle");
    // Has no time for the other job.
    add(&server, [61]);
    let busy = start_on(&server, "queue_workers", &["--workers=1", "--lease=2"]);
    expect(&busy, &["Wait 61"]);
    wait_until("the idle one is removed", || !is_known(&server, "idle"));
    sleep(Duration::from_secs(1));
    assert!(is_known(&server, dead), "what is pending was dropped");
    let free = start_quick(&server);
    expect(&free, &["Wait 60"]);
    wait_until("it is removed", || !is_known(&server, dead));
}

fn a_job_that_kills_its_worker_is_buried() {
    let server = RedisServer::start();
    add(&server, [7]);
    let mut killed = 0;
    let buried = || server.command::<u64>("XLEN queue:dead") > 0 && is_all_done(&server);
    loop {
        let mut running = start_here("killer", &server);
        while running.status_within(Duration::from_millis(20)).is_none() {
            if buried() {
                let expected = "delivered 5 times and not done; goes to \"queue:dead\"";
                assert_eq!(interrupt(running), [expected]);
                assert_eq!(killed, 5);
                return;
            }
        }
        killed += 1;
    }
}

/// What trying again does not cure, each in one line.
fn refusals_end_the_program() {
    let server = RedisServer::start_with(&["--rename-command", "XPENDING", ""]);
    let told = complaint(start_on(&server, "queue_workers", &[]), 1);
    assert!(
        told.contains("unknown command") && told.ends_with("; expected Redis 6.2"),
        "{told}"
    );

    let server = RedisServer::start();
    for (name, rights) in [("idle", "-xreadgroup"), ("worker", "-@dangerous -eval")] {
        let user = format!("ACL SETUSER {name} on >secret ~* +@all {rights}");
        let _: () = server.command(&user);
    }
    let _: () = server.command("SET text 5");
    let refused = |login: &str, queue: &str, reason: &str| {
        let url = server.url_for(login);
        let running = start("queue_workers", &["--redis", &url, "--queue", queue]);
        let told = complaint(running, 1);
        assert!(
            told.starts_with(&format!("Redis at {}: {reason}", server.address())),
            "{told}"
        );
        assert!(!told.contains("secret"), "{told}");
    };
    refused(
        "",
        "text",
        "Operation against a key holding the wrong kind of value",
    );
    refused(
        "idle:secret@",
        "queue",
        "this user has no permissions to run",
    );
    refused(
        "idle:wrong-secret@",
        "queue",
        "Password authentication failed",
    );
    // This one may not ask for the policy, nor remove consumers, and works.
    let url = server.url_for("worker:secret@");
    let running = start("queue_workers", &["--redis", &url, "--workers=1"]);
    add(&server, [0]);
    expect(&running, &["Wait 0", "Done 0 "]);
    assert_eq!(interrupt(running), NONE);
    let _: () = server.command("CONFIG SET requirepass secret");
    refused("", "queue", "Authentication required");
}

fn a_policy_that_evicts_is_told() {
    let server = RedisServer::start();
    for (policy, is_told) in [("allkeys-lru", true), ("volatile-lru", false)] {
        let _: () = server.command(&format!("CONFIG SET maxmemory-policy {policy}"));
        let told = interrupt(start_quick(&server));
        let expected = "Redis: maxmemory-policy lets it delete jobs: expected noeviction";
        assert_eq!(told, [expected; 1][..usize::from(is_told)]);
    }
}

/// One of its two connections is back at once, and the other one is not.
fn too_many_clients() {
    let server = RedisServer::start();
    // With a password the crate takes the refusal for that of the password.
    let _: () = server.command("ACL SETUSER me on >secret ~* +@all");
    let url = server.url_for("me:secret@");
    let running = start("queue_workers", &["--redis", &url, "--workers=1"]);
    assert_eq!(running.next_line().text, "Start worker");
    let mut connection = server.connect();
    let _: () = query(&mut connection, "CONFIG SET maxclients 2");
    let _: u64 = query(&mut connection, "CLIENT KILL TYPE normal SKIPME yes");
    let reason = "-ERR max number of clients reached; trying again";
    let expected = format!("Redis at {}: {reason}", server.address());
    assert_eq!(next_complaint(&running), expected);
    sleep(Duration::from_secs(3)); // nothing else is said
    let _: () = query(&mut connection, "CONFIG SET maxclients 100");
    assert_eq!(next_complaint(&running), "Redis is back");
    add(&server, [0]);
    expect(&running, &["Wait 0", "Done 0 "]);
    assert_eq!(interrupt(running), NONE);
}

/// With every limit from too few to enough.
fn too_few_files() {
    let server = RedisServer::start();
    let start = |limit: u32| {
        let script = format!("ulimit -n {limit} && exec \"$0\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(example("queue_workers"));
        start_program("sh", command.env("REDIS_URL", server.url()))
    };
    let running: Vec<Running> = (8..20).map(start).collect();
    sleep(Duration::from_secs(2));
    let mut trying = 0;
    for running in running {
        running.signal(Signal::INT);
        let mut told = running.finish().stderr;
        told.retain(|line| line.contains(": Redis at ")); // a dependency panics, too
        assert!(told.len() <= 1, "{told:?}");
        assert!(
            told.iter().all(|line| line.contains("Too many open files")),
            "{told:?}"
        );
        trying += told
            .iter()
            .filter(|line| line.ends_with("; trying again"))
            .count();
    }
    assert!(trying > 0);
}

/// Says that it is gone, and that it is back, once each. What is being worked on goes on.
fn a_server_that_is_away() {
    type Way = (&'static str, fn(&mut RedisServer), fn(&mut RedisServer));
    let ways: [Way; 3] = [
        (
            "Connection refused",
            RedisServer::kill,
            RedisServer::start_again,
        ),
        (
            "You can't write against a read only replica",
            |server| server.command("REPLICAOF 127.0.0.1 1"),
            |server| server.command("REPLICAOF NO ONE"),
        ),
        (
            "timed out", // later than any answer is waited for
            |server| server.signal(Signal::STOP),
            |server| server.signal(Signal::CONT),
        ),
    ];
    at_the_same_time(ways.map(|(reason, goes, comes)| {
        let check = move || {
            let mut server = RedisServer::start();
            add(&server, [2]);
            let running = start_on(&server, "queue_workers", &["--lease=1"]);
            expect(&running, &["Wait 2"]);
            goes(&mut server);
            let told = next_complaint(&running);
            assert!(
                told.starts_with(&format!("Redis at {}: {reason}", server.address())),
                "{told}"
            );
            assert!(told.ends_with("; trying again"), "{told}");
            expect(&running, &["Done 2 "]);
            comes(&mut server);
            assert_eq!(next_complaint(&running), "Redis is back");
            // Neither a lost connection is worth a word, nor a stream that is deleted with its group.
            for command in ["CLIENT KILL TYPE normal SKIPME yes", "DEL queue", "PING"] {
                add(&server, [0]);
                expect(&running, &["Wait 0", "Done 0 "]);
                wait_until("told that all is done", || is_all_done(&server));
                let _: redis::Value = server.command(command);
            }
            // The program ends also without a server, and its job is done by the next one.
            add(&server, [60]);
            expect(&running, &["Wait 60"]);
            server.kill();
            assert!(next_complaint(&running).ends_with("; trying again"));
            assert_eq!(interrupt(running), NONE);
            server.start_again();
            expect(&start_quick(&server), &["Wait 60"]);
        };
        (reason, check)
    }));
}

/// With 100 jobs under way.
fn a_master_that_dies() {
    // As in the article.
    let server = RedisServer::start();
    let _: u64 = server.command(&format!("LPUSH queue {}", ["60"; 100].join(" ")));
    let running = start_here("RPOP master", &server);
    for _ in 0..100 {
        while running.next_line().text != "Waiting 60" {}
    }
    running.kill();
    let left: u64 = server.command("DBSIZE");
    assert_eq!(left, 0, "all of them are lost");

    let server = RedisServer::start();
    add(&server, [60; 100]);
    let begun = ["Waiting 60"; 100];
    let running = start_on(&server, "master_worker", &["--block"]);
    expect(&running, &begun);
    running.kill();
    let killed = Instant::now();
    let running = start_on(&server, "master_worker", &["--block"]);
    expect(&running, &begun);
    let took = killed.elapsed().as_secs_f64();
    assert!((6.0..18.0).contains(&took), "{took} s");
    assert!(pending(&server).iter().all(|claim| claim.3 == 2));
    assert_eq!(interrupt(running), ["jobs given back to \"queue\": 100"]);
    assert!(pending(&server).iter().all(|claim| claim.3 == 1));
    say(format_args!(
        "a master killed with 100 jobs under way: with RPOP 100 are lost; here 0, back after {took:.1} s"
    ));
}

/// Four processes work on the jobs. One after the other is killed, at random moments, and another one started
/// instead; after half of that, the server.
fn chaos() {
    const JOBS: u64 = 2000;
    const KILLS: usize = 24;
    let mut server = RedisServer::start();
    add(&server, 0..JOBS);
    let begin = Instant::now();
    let mut workers = [(); 4].map(|()| start_here("worker", &server));
    let mut printed = Vec::new();
    for kill in 0..KILLS {
        sleep(Duration::from_millis(fastrand::u64(100..300)));
        if kill == KILLS / 2 {
            server.kill();
            sleep(Duration::from_millis(500));
            server.start_again();
        }
        let victim = &mut workers[fastrand::usize(..4)];
        printed.extend(mem::replace(victim, start_here("worker", &server)).kill());
    }
    assert!(
        !is_all_done(&server),
        "the jobs were done before the killing ended"
    );
    wait_until("all jobs are done", || is_all_done(&server));
    for worker in workers {
        worker.signal(Signal::INT);
        printed.extend(worker.finish().stdout);
    }
    let numbers = printed.iter().filter_map(|line| line.strip_prefix("done "));
    let mut done: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    let times = done.len();
    done.sort_unstable();
    done.dedup();
    let (lost, twice) = (JOBS - done.len() as u64, times - done.len());
    let took = begin.elapsed().as_secs_f64();
    say(format_args!(
        "{JOBS} jobs, 4 processes, {KILLS} times one was killed, the server restarted once: {lost} lost, \
         {twice} done twice, {took:.1} s"
    ));
    assert_eq!(lost, 0);
    assert_eq!(server.command::<u64>("XLEN queue:dead"), 0);
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
        Ok("worker") => consumer(2, worker),
        Ok("killer") => consumer(1, async |jobs| {
            jobs.recv().await.map_or(Ok(()), |_| abort())
        }),
        Ok("RPOP master") => rpop_master(),
        Ok(other) => panic!("no program {other}"),
        Err(_) => {}
    }
}

fn consumer(at_once: usize, work: impl AsyncFnOnce(&Receiver<Job>) -> Result<(), Error>) {
    let source = Source {
        lease: NonZero::new(1),
        ..Source::default()
    };
    let ended = smol::block_on(consume(source, at_once, work)).unwrap();
    exit(ended.map_or(0, |interrupted| interrupted.exit_status().into()));
}

/// Two workers, whose jobs are numbers to be printed. Otherwise like `queue_workers`.
async fn worker(jobs: &Receiver<Job>) -> Result<(), Error> {
    let worker = || async {
        while let Ok(job) = jobs.recv().await {
            Timer::after(Duration::from_millis(fastrand::u64(10..80))).await;
            print(format_args!("done {}", job.seconds))?;
            job.done();
        }
        Ok(())
    };
    future::try_zip(worker(), worker()).await.map(drop)
}

/// The article's master: takes all there is.
fn rpop_master() {
    let client = redis::Client::open(env::var("REDIS_URL").unwrap()).unwrap();
    let mut connection = client.get_connection().unwrap();
    while let Some(number) = query::<Option<u64>>(&mut connection, "RPOP queue") {
        print(format_args!("Waiting {number}")).unwrap();
    }
    sleep(Duration::from_secs(60));
}
