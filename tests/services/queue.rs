//! Chapter 11: the queue, typed and from Redis.

use crate::common::{Running, at_the_same_time, example, say, start, start_program};
use crate::jobs::{Error, Job, consume, print};
use crate::redis_jobs::Source;
use crate::redis_server::{RedisServer, query};
use rustix::process::{Pid, Signal, kill_process_group};
use smol::Timer;
use smol::channel::Receiver;
use smol::future;
use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, abort, exit};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use std::{env, mem};

const NONE: [&str; 0] = [];
const A_WHILE: Duration = Duration::from_secs(60);
const FORMS: [(&str, &[&str]); 3] = [
    ("queue_workers", &[]),
    ("master_worker", &[]),
    ("master_worker", &["--block"]),
];

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + A_WHILE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {A_WHILE:?}: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits for lines that start like these, in any order.
fn expect_starts(running: &Running, starts: &[&str]) {
    let mut starts = starts.to_vec();
    while !starts.is_empty() {
        let line = running.next_line().text;
        let expected = starts.iter().position(|start| line.starts_with(start));
        starts.remove(expected.unwrap_or_else(|| panic!("{line:?} instead of {starts:?}")));
    }
}

/// Ends it with Ctrl-C, and returns what it complained about, without its name.
fn interrupt(running: Running) -> Vec<String> {
    running.signal(Signal::INT);
    ended(running, 130)
}

fn ended(running: Running, status: i32) -> Vec<String> {
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(status), "{finished:?}");
    let complaints = finished.stderr.iter();
    complaints.map(|line| without_name(line)).collect()
}

fn without_name(complaint: &str) -> String {
    complaint.split_once(": ").unwrap().1.to_string()
}

fn next_complaint(running: &Running) -> String {
    without_name(&running.next_complaint().text)
}

// --------------------------------------------------------------------------------------------- typed

#[test]
fn what_was_accepted_before_the_end_of_input_is_done() {
    for (name, args) in FORMS {
        let mut running = start(name, args);
        running.type_in("1 x\n\n0 -1 1.5 +1\n  1\t0\n18446744073709551616 0");
        running.end_input();
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0), "{name}");
        let done = |line: &&String| line.starts_with("Done ");
        assert_eq!(finished.stdout.iter().filter(done).count(), 5, "{name}");
        let complaints = ["x", "-1", "1.5", "+1", "18446744073709551616"].map(|job| {
            format!("{name}: \"{job}\": expected a natural number of seconds below 2^64")
        });
        assert_eq!(finished.stderr, complaints);
    }
}

/// More than is read ahead, and each of them once.
#[test]
fn two_thousand_short_jobs_typed() {
    for (name, args) in [
        ("queue_workers", "--workers=8"),
        ("master_worker", "--block"),
    ] {
        let mut running = start(name, &[args]);
        running.type_in("0\n".repeat(2000));
        running.end_input();
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(0), "{name}");
        assert_eq!(finished.stderr, NONE, "{name}");
        let done = |line: &&String| line.starts_with("Done 0");
        assert_eq!(finished.stdout.iter().filter(done).count(), 2000, "{name}");
    }
}

/// Jobs that run may end within 5 seconds; what waits does not begin.
#[test]
fn control_c_says_what_is_not_done() {
    let mut running = start("queue_workers", &["--workers", "3"]);
    running.type_in("60 60 2 1 2 3\n");
    let begun = [
        "Start worker",
        "Start worker",
        "Start worker",
        "Wait 60",
        "Wait 60",
        "Wait 2",
    ];
    expect_starts(&running, &begun);
    running.signal(Signal::INT);
    running.type_in("4\n".repeat(10));
    expect_starts(&running, &["Done 2 "]);
    let complaints = ended(running, 130);
    let [left] = &complaints[..] else {
        panic!("{complaints:?}");
    };
    let mut left: Vec<&str> = left
        .strip_prefix("not done: ")
        .unwrap()
        .split(' ')
        .collect();
    left.retain(|number| *number != "4");
    assert_eq!(left, ["1", "2", "3", "60", "60"]);
}

/// Also from the other thread.
#[test]
fn an_output_that_fails_ends_the_program() {
    for (name, args) in FORMS {
        let mut command = Command::new(example(name));
        command
            .args(args)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child = command
            .stdout(full)
            .env_remove("REDIS_URL")
            .spawn()
            .unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"60\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains("standard output: No space left on device"),
            "{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{stderr}");
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
        let complaints = ended(start(name, args), 2);
        let [complaint] = &complaints[..] else {
            panic!("{name} {args:?}: {complaints:?}");
        };
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
        assert_eq!(ended(running, 1), [expected]);
        let running = start(name, &["--redis", "http://me:secret@example.org/"]);
        let complaint = ended(running, 1).concat();
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
        ("the transcripts", the_transcripts),
        ("invalid jobs", invalid_jobs_go_to_the_dead),
        ("Ctrl-C gives back", control_c_gives_back),
        ("Ctrl-C through timeout", one_control_c_through_timeout),
        ("a long job", a_long_job_stays_with_its_worker),
        ("consumers", consumers_are_removed_with_nothing_pending),
        ("a job that kills", a_job_that_kills_its_worker_is_buried),
        ("a stopped worker", a_worker_that_is_stopped),
        ("refusals", refusals_end_the_program),
        ("eviction", a_policy_that_evicts_is_told),
        ("maxclients", too_many_clients),
        ("ulimit", too_few_files),
        ("a restart", a_restart),
        ("no server at the end", control_c_without_a_server),
        ("a replica", a_server_that_takes_nothing),
        ("a server that hangs", a_server_that_hangs),
        ("a master that dies", a_master_that_dies),
        ("chaos", chaos),
        ("chaos with RPOP", chaos_with_rpop),
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
    expect_starts(&running, &["Start worker"]);
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
    let _: redis::RedisResult<()> = redis::cmd("XGROUP")
        .arg(&["CREATE", "queue", "workers", "0", "MKSTREAM"])
        .query(&mut server.connect());
    server.command("XPENDING queue workers - + 10000")
}

/// Whether no job waits and none is being worked on.
fn is_all_done(server: &RedisServer) -> bool {
    let left: u64 = server.command("XLEN queue");
    left == 0 && pending(server).is_empty()
}

/// The names of the consumers.
fn consumers(server: &RedisServer) -> Vec<String> {
    let consumers: Vec<BTreeMap<String, redis::Value>> =
        server.command("XINFO CONSUMERS queue workers");
    let names = consumers
        .into_iter()
        .map(|mut consumer| consumer.remove("name").unwrap());
    names
        .map(|name| redis::from_redis_value(name).unwrap())
        .collect()
}

/// The fields of what is in `queue:dead`.
fn dead(server: &RedisServer, key: &str) -> Vec<Vec<Vec<u8>>> {
    let entries: Vec<(String, Vec<Vec<u8>>)> = server.command(&format!("XRANGE {key} - +"));
    entries.into_iter().map(|(_, fields)| fields).collect()
}

fn the_transcripts() {
    at_the_same_time(FORMS.map(|(name, args)| {
        (name, move || {
            let server = RedisServer::start();
            let running = start_on(&server, name, args);
            let [start, wait] = match name {
                "queue_workers" => ["Start worker", "Wait"],
                _ => ["", "Waiting"],
            };
            let begun = |n| format!("{wait} {n}");
            expect_starts(
                &running,
                &[start; 2][..if start.is_empty() { 0 } else { 2 }],
            );
            add(&server, [3]);
            expect_starts(&running, &[&begun(3)]);
            for _ in 0..2 {
                add(&server, [0]);
                expect_starts(&running, &[&begun(0), "Done 0"]);
            }
            expect_starts(&running, &["Done 3"]);
            wait_until("told that all is done", || is_all_done(&server));
            assert_eq!(interrupt(running), NONE, "{name}");
            assert_eq!(consumers(&server), NONE, "{name}");
        })
    }));
}

/// With names that are on one node of a cluster.
fn invalid_jobs_go_to_the_dead() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let _: () = server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until("the cluster is ready", || {
        let info: String = server.command("CLUSTER INFO");
        info.contains("cluster_state:ok")
    });
    let args = ["--queue", "{queue}", "--workers", "1"];
    let running = start_on(&server, "queue_workers", &args);
    let fields: [&[&[u8]]; 6] = [
        &[b"n", b"x"],
        &[b"n", b"-5", b"note", b"kept"],
        &[b"n", b"18446744073709551616"],
        &[b"\xff", b"\xff", b"n", b"\xff\n"],
        &[b"n", b""],
        &[b"m", b"5"],
    ];
    for fields in fields {
        let mut command = redis::cmd("XADD");
        let command = command.arg("{queue}").arg("*").arg(fields);
        let _: String = command.query(&mut server.connect()).unwrap();
    }
    let _: String = server.command("XADD {queue} * m x n 0");
    expect_starts(&running, &["Start worker", "Wait 0", "Done 0 "]);
    let quoted = ["x", "-5", "18446744073709551616", "\\xff", ""];
    let natural = "expected a natural number of seconds below 2^64";
    let mut reasons = quoted.map(|text| format!("\"{text}\": {natural}")).to_vec();
    reasons.push("no field n".to_string());
    let complaints = reasons
        .iter()
        .map(|reason| format!("{reason}; goes to \"{{queue}}:dead\""));
    assert_eq!(interrupt(running), complaints.collect::<Vec<_>>());
    for ((dead, fields), reason) in dead(&server, "{queue}:dead")
        .iter()
        .zip(fields)
        .zip(reasons)
    {
        let expected = fields
            .iter()
            .copied()
            .chain([&b"reason"[..], reason.as_bytes()]);
        assert_eq!(dead[..], expected.collect::<Vec<_>>()[..]);
    }
    let left: (u64, u64) = (
        server.command("XLEN {queue}"),
        server.command("XLEN {queue}:dead"),
    );
    assert_eq!(left, (0, 6));
}

fn control_c_gives_back() {
    for (name, args) in [FORMS[0], FORMS[2]] {
        let server = RedisServer::start();
        add(&server, [60, 2]);
        let running = start_on(&server, name, args);
        wait_until("both run", || pending(&server).len() == 2);
        let begin = Instant::now();
        running.signal(Signal::INT);
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(130));
        let done = |line: &&String| line.starts_with("Done ");
        assert_eq!(
            finished.stdout.iter().filter(done).count(),
            1,
            "{finished:?}"
        );
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(9), "{took:?}");
        let expected = format!("{name}: jobs given back to \"queue\": 1");
        assert_eq!(finished.stderr, [expected]);
        // That was no delivery, and its consumer is there as long as something is pending.
        let [(_, consumer, _, 0)] = &pending(&server)[..] else {
            panic!("{:?}", pending(&server));
        };
        assert_eq!(consumers(&server), [consumer.clone()]);
        let second = start_on(&server, name, args);
        let begin = Instant::now();
        wait_until("taken again", || {
            pending(&server)
                .iter()
                .any(|claim| claim.3 == 1 && claim.1 != *consumer)
        });
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(4), "{took:?}");
        second.kill();
    }
}

/// GNU timeout relays the signal that the terminal sends to it and to the program: it comes twice.
fn one_control_c_through_timeout() {
    let server = RedisServer::start();
    add(&server, [60]);
    let mut command = Command::new("timeout");
    command.arg("60").arg(example("queue_workers"));
    command.env("REDIS_URL", server.url()).process_group(0);
    let running = start_program("timeout", command.stdin(Stdio::null()));
    expect_starts(&running, &["Start worker", "Start worker", "Wait 60"]);
    let group = Pid::from_raw(running.pid().try_into().unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    assert_eq!(
        running.finish().stderr,
        ["queue_workers: jobs given back to \"queue\": 1"]
    );
}

/// Four times the lease. And it takes no new connections for waiting.
fn a_long_job_stays_with_its_worker() {
    let server = RedisServer::start();
    add(&server, [4]);
    let first = start_quick(&server);
    expect_starts(&first, &["Wait 4"]);
    let second = start_quick(&server);
    let before = server.connections_received();
    expect_starts(&first, &["Done 4 "]);
    wait_until("told that it is done", || is_all_done(&server));
    let made = server.connections_received() - before;
    assert!(made < 10, "{made} connections");
    assert_eq!(interrupt(first), NONE);
    let finished = second;
    finished.signal(Signal::INT);
    assert_eq!(finished.finish().stdout, NONE);
}

fn consumers_are_removed_with_nothing_pending() {
    let server = RedisServer::start();
    add(&server, [60]);
    let dies = start_quick(&server);
    expect_starts(&dies, &["Wait 60"]);
    let dead = consumers(&server)[0].clone();
    dies.kill();
    let _: u64 = server.command("XGROUP CREATECONSUMER queue workers idle");
    // Has no time for the other job, and the one who does nothing is removed.
    add(&server, [61]);
    let busy = start_on(&server, "queue_workers", &["--workers=1", "--lease=2"]);
    expect_starts(&busy, &["Start worker", "Wait 61"]);
    wait_until("the idle one is removed", || {
        !consumers(&server).contains(&"idle".to_string())
    });
    sleep(Duration::from_secs(1));
    assert!(
        consumers(&server).contains(&dead),
        "what is pending was dropped"
    );
    let free = start_quick(&server);
    expect_starts(&free, &["Wait 60"]);
    wait_until("it is removed", || !consumers(&server).contains(&dead));
    for running in [busy, free] {
        running.kill();
    }
}

fn a_job_that_kills_its_worker_is_buried() {
    let server = RedisServer::start();
    add(&server, [7]);
    let mut killed = 0;
    loop {
        let mut running = start_here("killer", &server);
        let buried = || server.command::<u64>("XLEN queue:dead") > 0;
        while running.status_within(Duration::from_millis(20)).is_none() {
            if buried() {
                assert_eq!(killed, 5);
                let expected = "delivered 5 times and not done; goes to \"queue:dead\"";
                assert_eq!(interrupt(running), [expected]);
                assert_eq!(dead(&server, "queue:dead")[0][..2], [b"n", b"7"]);
                assert!(is_all_done(&server));
                return;
            }
        }
        killed += 1;
    }
}

/// It is taken for dead, and works on when it can. The job is done twice, and stays with the second.
fn a_worker_that_is_stopped() {
    let server = RedisServer::start();
    add(&server, [3]);
    let stopped = start_quick(&server);
    expect_starts(&stopped, &["Wait 3"]);
    stopped.signal(Signal::STOP);
    let other = start_quick(&server);
    expect_starts(&other, &["Wait 3"]);
    let [(_, consumer, ..)] = &pending(&server)[..] else {
        panic!("{:?}", pending(&server));
    };
    stopped.signal(Signal::CONT);
    sleep(Duration::from_millis(700)); // two renewals
    assert_eq!(pending(&server)[0].1, *consumer);
    expect_starts(&stopped, &["Done 3 "]);
    expect_starts(&other, &["Done 3 "]);
    wait_until("told that it is done", || is_all_done(&server));
    assert_eq!((interrupt(stopped), interrupt(other)), (vec![], vec![]));
}

/// What trying again does not cure, each in one line.
fn refusals_end_the_program() {
    let server = RedisServer::start_with(&["--rename-command", "XPENDING", ""]);
    let complaint = ended(start_on(&server, "queue_workers", &[]), 1).concat();
    assert!(complaint.contains("unknown command"), "{complaint}");
    assert!(complaint.ends_with("; expected Redis 6.2"), "{complaint}");

    let server = RedisServer::start();
    let at = format!("Redis at {}: ", server.address());
    let user = |name: &str, rights: &str| {
        let _: () = server.command(&format!("ACL SETUSER {name} on >secret ~* {rights}"));
    };
    user("reader", "+@all -xreadgroup");
    user("worker", "+@all -@dangerous -eval");
    let _: () = server.command("SET text 5");
    for (login, queue, expected) in [
        ("reader:secret@", "queue", "this user has no permissions to run"),
        ("reader:wrong-secret@", "queue", ""),
        (
            "",
            "text",
            "Operation against a key holding the wrong kind of value",
        ),
    ] {
        let url = server.url_for(login);
        let running = start("queue_workers", &["--redis", &url, "--queue", queue]);
        let complaints = ended(running, 1);
        let [complaint] = &complaints[..] else {
            panic!("{complaints:?}");
        };
        assert!(
            complaint.starts_with(&format!("{at}{expected}")),
            "{complaint}"
        );
        assert!(!complaint.contains("secret"), "{complaint}");
    }
    // It may not ask for the policy, nor remove consumers, and works.
    let url = server.url_for("worker:secret@");
    let running = start("queue_workers", &["--redis", &url, "--workers=1"]);
    add(&server, [0]);
    expect_starts(&running, &["Start worker", "Wait 0", "Done 0 "]);
    assert_eq!(interrupt(running), NONE);

    let _: () = server.command("CONFIG SET requirepass secret");
    let complaint = ended(start_on(&server, "queue_workers", &[]), 1).concat();
    assert!(
        complaint.starts_with(&format!("{at}Authentication required")),
        "{complaint}"
    );
}

fn a_policy_that_evicts_is_told() {
    let server = RedisServer::start();
    for (policy, complaints) in [("allkeys-lru", 1), ("volatile-lru", 0), ("noeviction", 0)] {
        let _: () = server.command(&format!("CONFIG SET maxmemory-policy {policy}"));
        let told = interrupt(start_quick(&server));
        assert_eq!(told.len(), complaints, "{policy}: {told:?}");
        let expected = "Redis: maxmemory-policy lets it delete jobs: expected noeviction";
        assert!(told.iter().all(|told| told.ends_with(expected)), "{told:?}");
    }
}

/// One of its two connections is back at once, and the other one is not.
fn too_many_clients() {
    let server = RedisServer::start();
    let running = start_quick(&server);
    let mut connection = server.connect();
    let _: () = query(&mut connection, "CONFIG SET maxclients 2");
    let _: u64 = query(&mut connection, "CLIENT KILL TYPE normal SKIPME yes");
    let at = format!("Redis at {}: ", server.address());
    let expected = format!("{at}-ERR max number of clients reached; trying again");
    assert_eq!(next_complaint(&running), expected);
    sleep(Duration::from_secs(3)); // nothing else is said
    let _: () = query(&mut connection, "CONFIG SET maxclients 100");
    assert_eq!(next_complaint(&running), "Redis is back");
    add(&server, [0]);
    expect_starts(&running, &["Wait 0", "Done 0 "]);
    assert_eq!(interrupt(running), NONE);
}

/// With every limit from too few to enough.
fn too_few_files() {
    let server = RedisServer::start();
    let start = |limit: u32| {
        let script = format!("ulimit -n {limit} && exec \"$0\" --lease 1");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(example("queue_workers"));
        start_program("sh", command.env("REDIS_URL", server.url()))
    };
    let running: Vec<Running> = (8..20).map(start).collect();
    sleep(Duration::from_secs(2));
    let mut trying = 0;
    for running in running {
        running.signal(Signal::INT);
        let complaints = running.finish().stderr;
        let of_redis = complaints
            .iter()
            .filter(|line| line.contains(": Redis at "));
        let of_redis: Vec<_> = of_redis.collect();
        assert!(of_redis.len() <= 1, "{complaints:?}");
        assert!(
            of_redis
                .iter()
                .all(|line| line.contains("Too many open files")),
            "{complaints:?}"
        );
        trying += of_redis
            .iter()
            .filter(|line| line.ends_with("; trying again"))
            .count();
    }
    assert!(trying > 0);
}

/// Says that it is gone, and that it is back, once each. What is being worked on goes on.
fn a_restart() {
    let mut server = RedisServer::start();
    add(&server, [3]);
    let running = start_on(&server, "queue_workers", &[]);
    expect_starts(&running, &["Start worker", "Start worker", "Wait 3"]);
    server.kill();
    let at = format!("Redis at {}: ", server.address());
    let gone = next_complaint(&running);
    assert!(
        gone.starts_with(&at) && gone.ends_with("; trying again"),
        "{gone}"
    );
    // It has tried several times by then.
    expect_starts(&running, &["Done 3 "]);
    server.start_again();
    assert_eq!(next_complaint(&running), "Redis is back");
    add(&server, [0]);
    expect_starts(&running, &["Wait 0", "Done 0 "]);
    wait_until("told that all is done", || is_all_done(&server));

    // A lost connection is not worth a word.
    let _: u64 = server.command("CLIENT KILL TYPE normal SKIPME yes");
    add(&server, [0]);
    expect_starts(&running, &["Wait 0", "Done 0 "]);
    wait_until("told that all is done", || is_all_done(&server));

    // Nor is a stream that is deleted, with its group.
    let _: () = server.command("DEL queue");
    add(&server, [0]);
    expect_starts(&running, &["Wait 0", "Done 0 "]);
    assert_eq!(interrupt(running), NONE);
}

/// The program ends all the same, and its job is done by the next one.
fn control_c_without_a_server() {
    let mut server = RedisServer::start();
    add(&server, [60]);
    let running = start_on(&server, "master_worker", &["--block"]);
    expect_starts(&running, &["Waiting 60"]);
    server.kill();
    assert!(next_complaint(&running).ends_with("; trying again"));
    assert_eq!(interrupt(running), NONE);
    server.start_again();
    let running = start_on(&server, "master_worker", &["--block"]);
    expect_starts(&running, &["Waiting 60"]);
    running.kill();
}

/// It answers, and refuses. Said once, tried again less and less often, and nothing is lost.
fn a_server_that_takes_nothing() {
    let server = RedisServer::start();
    add(&server, [2]);
    let running = start_on(&server, "queue_workers", &[]);
    expect_starts(&running, &["Start worker", "Start worker", "Wait 2"]);
    let _: () = server.command("REPLICAOF 127.0.0.1 1");
    let at = format!("Redis at {}: ", server.address());
    let complaint = next_complaint(&running);
    assert!(
        complaint.starts_with(&format!("{at}You can't write against a read only replica")),
        "{complaint}"
    );
    assert!(complaint.ends_with("; trying again"), "{complaint}");
    expect_starts(&running, &["Done 2 "]);
    let before = server.connections_received();
    sleep(Duration::from_secs(2));
    let made = server.connections_received() - before;
    assert!(made < 20, "{made} connections in 2 s");
    let _: () = server.command("REPLICAOF NO ONE");
    assert_eq!(next_complaint(&running), "Redis is back");
    add(&server, [0]);
    expect_starts(&running, &["Wait 0", "Done 0 "]);
    wait_until("told that all is done", || is_all_done(&server));
    assert_eq!(interrupt(running), NONE);
}

/// Longer than any answer is waited for.
fn a_server_that_hangs() {
    let server = RedisServer::start();
    let running = start_quick(&server);
    server.signal(Signal::STOP);
    let complaint = next_complaint(&running);
    assert!(
        complaint.ends_with("timed out; trying again"),
        "{complaint}"
    );
    server.signal(Signal::CONT);
    assert!(next_complaint(&running).ends_with("Redis is back"));
    add(&server, [0, 0]);
    expect_starts(&running, &["Wait 0", "Done 0 ", "Wait 0", "Done 0 "]);
    wait_until("told that all is done", || is_all_done(&server));
    assert_eq!(interrupt(running), NONE);
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
    let left: Vec<String> = server.command("KEYS *");
    assert_eq!(left, NONE, "all of them are lost");

    let server = RedisServer::start();
    add(&server, [60; 100]);
    let begun = ["Waiting 60"; 100];
    let running = start_on(&server, "master_worker", &["--block"]);
    expect_starts(&running, &begun);
    running.kill();
    let killed = Instant::now();
    let running = start_on(&server, "master_worker", &["--block"]);
    expect_starts(&running, &begun);
    let took = killed.elapsed().as_secs_f64();
    assert!((6.0..15.0).contains(&took), "{took} s");
    assert!(pending(&server).iter().all(|claim| claim.3 == 2));
    assert_eq!(interrupt(running), ["jobs given back to \"queue\": 100"]);
    assert!(pending(&server).iter().all(|claim| claim.3 == 1));
    say(format_args!(
        "a master killed with 100 jobs under way: with RPOP 100 are lost; here 0, back after {took:.1} s"
    ));
}

// --------------------------------------------------------------------------------------------- chaos

const JOBS: u64 = 2000;
const KILLS: usize = 24;

/// How often a job was done, by its number.
#[derive(Default)]
struct Done(BTreeMap<u64, u64>);

impl Done {
    /// The test harness prints something, too.
    fn take(&mut self, lines: &[String]) {
        for number in lines.iter().filter_map(|line| line.strip_prefix("done ")) {
            *self.0.entry(number.parse().unwrap()).or_default() += 1;
        }
    }
}

/// Has four processes work on the jobs. Kills one after the other, at random moments, and starts another one
/// instead. `middle` happens after half of that. Returns what was done when all is `over`.
fn kill_at_random(
    program: &str,
    server: &mut RedisServer,
    middle: fn(&mut RedisServer),
    over: impl Fn(&RedisServer) -> bool,
) -> Done {
    let mut workers = [(); 4].map(|()| start_here(program, server));
    let mut done = Done::default();
    for kill in 0..KILLS {
        sleep(Duration::from_millis(fastrand::u64(100..300)));
        if kill == KILLS / 2 {
            middle(server);
        }
        let victim = &mut workers[fastrand::usize(..4)];
        done.take(&mem::replace(victim, start_here(program, server)).kill());
    }
    assert!(!over(server), "the jobs were done before the killing ended");
    wait_until("all jobs are done", || over(server));
    for worker in workers {
        worker.signal(Signal::INT);
        done.take(&worker.finish().stdout);
    }
    done
}

fn chaos() {
    let mut server = RedisServer::start();
    add(&server, 0..JOBS);
    let begin = Instant::now();
    let restart = |server: &mut RedisServer| {
        server.kill();
        sleep(Duration::from_millis(500));
        server.start_again();
    };
    let done = kill_at_random("worker", &mut server, restart, is_all_done);
    let lost = JOBS - done.0.len() as u64;
    let twice = done.0.values().sum::<u64>() - done.0.len() as u64;
    let took = begin.elapsed().as_secs_f64();
    say(format_args!(
        "{JOBS} jobs, 4 processes, {KILLS} times one was killed, the server restarted once: {lost} lost, \
         {twice} done twice, {took:.1} s"
    ));
    assert_eq!(lost, 0);
    assert_eq!(server.command::<u64>("XLEN queue:dead"), 0);
}

fn chaos_with_rpop() {
    let mut server = RedisServer::start();
    let numbers: Vec<String> = (0..JOBS).map(|n| n.to_string()).collect();
    let _: u64 = server.command(&format!("LPUSH queue {}", numbers.join(" ")));
    let over = |server: &RedisServer| server.command::<u64>("LLEN queue") == 0;
    let done = kill_at_random("RPOP worker", &mut server, |_| {}, over);
    let lost = JOBS - done.0.len() as u64;
    say(format_args!(
        "{JOBS} jobs, 4 processes that take with RPOP, {KILLS} times one was killed: {lost} lost"
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
        Ok("worker") => consumer(2, worker),
        Ok("killer") => consumer(1, killer),
        Ok("RPOP worker") => rpop_worker(),
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
    let ended = smol::block_on(consume(source, at_once, work));
    exit(
        ended
            .unwrap()
            .map_or(0, |interrupted| interrupted.exit_status().into()),
    );
}

fn a_short_time() -> Duration {
    Duration::from_millis(fastrand::u64(10..80))
}

/// Two workers, whose jobs are numbers to be printed. Otherwise like `queue_workers`.
async fn worker(jobs: &Receiver<Job>) -> Result<(), Error> {
    let worker = || async {
        while let Ok(job) = jobs.recv().await {
            Timer::after(a_short_time()).await;
            print(format_args!("done {}", job.seconds))?;
            job.done();
        }
        Ok(())
    };
    future::try_zip(worker(), worker()).await.map(drop)
}

async fn killer(jobs: &Receiver<Job>) -> Result<(), Error> {
    match jobs.recv().await {
        Ok(_job) => abort(),
        Err(_) => Ok(()),
    }
}

fn rpop(connection: &mut redis::Connection) -> Option<u64> {
    query(connection, "RPOP queue")
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
