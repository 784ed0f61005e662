//! Chapter 11: the queue, typed and from Redis.

use crate::common::{Running, example, say, start, start_program};
use crate::jobs::{Error, Job, consume, print};
use crate::redis_jobs::Source;
use crate::redis_server::{RedisServer, query};
use crate::{NONE, check_all, complaint, count_done, ended, interrupt, wait_until, without_name};
use rustix::process::{Pid, Signal, kill_process_group};
use smol::Timer;
use smol::channel::Receiver;
use smol::future;
use std::collections::BTreeSet;
use std::env;
use std::mem;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NATURAL: &str = "expected a natural number of seconds below 2^64";
const FORMS: [(&str, &[&str]); 3] = [
    ("queue_workers", &[]),
    ("master_worker", &[]),
    ("master_worker", &["--block"]),
];

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

fn next_complaint(running: &Running) -> String {
    without_name(&running.next_complaint().text)
}

// --------------------------------------------------------------------------------------------- typed

#[test]
fn what_was_accepted_before_the_end_of_input_is_done() {
    for (name, args) in FORMS {
        let mut running = start(name, args);
        let many = "0\n".repeat(1996); // more than is read ahead
        running.type_in(many + "1 x\n\n0 -1 1.5 +1\n  1\t0\n18446744073709551616");
        running.end_input();
        let finished = ended(running, 0);
        assert_eq!(count_done(&finished), 2000, "{name}");
        let refused = ["x", "-1", "1.5", "+1", "18446744073709551616"];
        let expected = refused.map(|job| format!("\"{job}\": {NATURAL}"));
        assert_eq!(finished.stderr, expected);
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
    let left = complaint(running, 130).replace(" 4", ""); // if it was read
    assert_eq!(left, "not done: 1 2 3 60 60");
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
        let expected = "standard output: No space left on device";
        assert!(told.contains(expected), "{told}");
        assert!(told.ends_with('1') && !told.contains("panicked"), "{told}");
    }
}

// --------------------------------------------------------------------------------------------- Redis

pub fn checks() -> Vec<(&'static str, fn())> {
    vec![
        ("as typed", it_goes_as_with_typed_jobs),
        ("invalid jobs", invalid_jobs_go_to_the_dead),
        ("Ctrl-C gives back", control_c_gives_back),
        ("claims", claims_are_renewed_or_taken_over),
        ("consumers", consumers_are_removed_with_nothing_pending),
        ("a job that kills", a_job_that_kills_its_worker_is_buried),
        ("refusals", refusals_and_warnings),
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

fn do_another(server: &RedisServer, running: &Running) {
    add(server, [0]);
    expect(running, &["Wait", "Done 0"]);
}

/// What XPENDING says: ids, consumers, milliseconds idle, deliveries.
fn pending(server: &RedisServer) -> Vec<(String, String, u64, u64)> {
    server.command("XPENDING queue workers - + 10000")
}

/// Whether no job waits and none is being worked on.
fn is_all_done(server: &RedisServer) -> bool {
    server.command::<u64>("XLEN queue") == 0 && pending(server).is_empty()
}

/// Whether there is a consumer of this name.
fn is_known(server: &RedisServer, name: &str) -> bool {
    let consumers: Vec<Vec<String>> = server.command("XINFO CONSUMERS queue workers");
    consumers.iter().any(|consumer| consumer[1] == name)
}

fn it_goes_as_with_typed_jobs() {
    check_all(FORMS, |(name, args)| {
        let server = RedisServer::start();
        let running = start_on(&server, name, args);
        add(&server, [3]);
        expect(&running, &["Wait"]);
        let name = pending(&server)[0].1.clone();
        do_another(&server, &running);
        do_another(&server, &running);
        expect(&running, &["Done 3"]);
        wait_until("told that all is done", || is_all_done(&server));
        assert!(name.ends_with(&format!("-{}", running.pid())), "{name}");
        assert_eq!(interrupt(running), NONE);
        assert!(!is_known(&server, &name));
    });
}

/// With names that are on one node of a cluster.
fn invalid_jobs_go_to_the_dead() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let _: () = server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    let info = || server.command::<String>("CLUSTER INFO");
    wait_until("a cluster", || info().contains("cluster_state:ok"));
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
        add.arg("{queue}").arg("*").arg(fields);
        add.exec(&mut server.connect()).unwrap();
    }
    expect(&running, &["Wait 0", "Done 0 "]);
    let quoted = ["x", "-5", "18446744073709551616", "\\xff", ""];
    let mut reasons = quoted.map(|text| format!("\"{text}\": {NATURAL}")).to_vec();
    reasons.push("no field n".to_string());
    let told = interrupt(running);
    assert_eq!(told.len(), 6, "{told:?}");
    let dead: Vec<(String, Vec<Vec<u8>>)> = server.command("XRANGE {queue}:dead - +");
    assert_eq!(dead.len(), 6);
    for (((_, dead), fields), (reason, told)) in
        dead.iter().zip(fields).zip(reasons.iter().zip(told))
    {
        assert_eq!(dead[..], [fields, &[b"reason", reason.as_bytes()]].concat());
        assert_eq!(told, format!("{reason}; goes to \"{{queue}}:dead\""));
    }
    assert_eq!(server.command::<u64>("XLEN {queue}"), 0);
}

/// Also through GNU timeout, which relays the signal that it and the program get from the terminal: it comes twice.
fn control_c_gives_back() {
    let programs = [
        "./queue_workers",
        "./master_worker --block",
        "timeout 60 ./queue_workers",
    ];
    check_all(programs, |program| {
        let server = RedisServer::start();
        add(&server, [60, 2]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {program}")]);
        command.current_dir(example(".")).process_group(0);
        command.env("REDIS_URL", server.url());
        let running = start_program(program, command.stdin(Stdio::null()));
        expect(&running, &["Wait", "Wait"]);
        let begin = Instant::now();
        let group = Pid::from_raw(running.pid().try_into().unwrap()).unwrap();
        kill_process_group(group, Signal::INT).unwrap();
        let finished = ended(running, 130);
        assert!(begin.elapsed() < Duration::from_secs(9));
        assert_eq!(count_done(&finished), 1, "{finished:?}");
        assert_eq!(finished.stderr, ["jobs given back to \"queue\": 1"]);
        // That was no delivery, and its consumer is there as long as something is pending.
        let [(_, first, _, 0)] = &pending(&server)[..] else {
            panic!("{:?}", pending(&server));
        };
        assert!(is_known(&server, first));
        let begin = Instant::now();
        let _second = start_on(&server, "queue_workers", &[]);
        wait_until("taken again", || {
            let (_, consumer, _, deliveries) = &pending(&server)[0];
            consumer != first && *deliveries == 1
        });
        assert!(begin.elapsed() < Duration::from_secs(4));
    });
}

fn claims_are_renewed_or_taken_over() {
    let server = RedisServer::start();
    add(&server, [4]); // four times the lease
    let first = start_quick(&server);
    expect(&first, &["Wait 4"]);
    let second = start_quick(&server);
    let connections = || server.command::<u64>("CLIENT ID"); // so far
    let before = connections();
    expect(&first, &["Done 4 "]);
    let made = connections() - before;
    assert!(made < 5, "{made} connections");

    // One that is stopped is taken for dead, and works on when it can. The job stays with the other one.
    assert_eq!(interrupt(second), NONE);
    add(&server, [3]);
    expect(&first, &["Wait 3"]);
    first.signal(Signal::STOP);
    let other = start_quick(&server);
    expect(&other, &["Wait 3"]);
    let consumer = &pending(&server)[0].1;
    first.signal(Signal::CONT);
    sleep(Duration::from_millis(700)); // two renewals
    assert_eq!(pending(&server)[0].1, *consumer);
    expect(&first, &["Done 3 "]);
    expect(&other, &["Done 3 "]);
    wait_until("told that it is done", || is_all_done(&server));
    assert_eq!((interrupt(first), interrupt(other)), (vec![], vec![]));
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

/// Here it is the test that kills.
fn a_job_that_kills_its_worker_is_buried() {
    let server = RedisServer::start();
    add(&server, [60]);
    for _ in 0..5 {
        let running = start_quick(&server);
        expect(&running, &["Wait 60"]);
        running.kill();
    }
    let running = start_quick(&server);
    wait_until("buried", || is_all_done(&server));
    let expected = "delivered 5 times and not done; goes to \"queue:dead\"";
    assert_eq!(interrupt(running), [expected]);
    assert_eq!(server.command::<u64>("XLEN queue:dead"), 1);
}

/// What trying again does not cure, and what is only told.
fn refusals_and_warnings() {
    let server = RedisServer::start_with(&["--rename-command", "XPENDING", ""]);
    let told = complaint(start_on(&server, "queue_workers", &[]), 1);
    let is_right = told.contains("unknown command") && told.ends_with("; expected Redis 6.2");
    assert!(is_right, "{told}");

    let server = RedisServer::start();
    for (policy, is_told) in [("volatile-lru", false), ("allkeys-lru", true)] {
        let _: () = server.command(&format!("CONFIG SET maxmemory-policy {policy}"));
        let told = interrupt(start_quick(&server));
        let expected = "Redis: maxmemory-policy lets it delete jobs: expected noeviction";
        assert_eq!(told, [expected; 1][..usize::from(is_told)]);
    }
    let _: () = server.command("SET text 5");
    let _: () = server.command("ACL SETUSER idle on >secret ~* +@all -info -xreadgroup");
    let _: () = server.command("ACL SETUSER worker on >secret ~* +@all -@dangerous -eval");
    let start = |login: &str, queue: &str| {
        let url = server.url().replace("//", &format!("//{login}"));
        start("queue_workers", &["--redis", &url, "--queue", queue])
    };
    // This one may not ask for the policy, nor remove consumers, and works.
    let running = start("worker:secret@", "queue");
    do_another(&server, &running);
    assert_eq!(interrupt(running), NONE);
    let _: () = server.command("CONFIG SET requirepass secret");
    for (login, queue, reason) in [
        ("worker:secret@", "text", "Operation against a key"),
        ("idle:secret@", "queue", "this user has no permissions"),
        ("idle:wrong-secret@", "queue", "Password authentication"),
        ("", "queue", "Authentication required"),
    ] {
        let told = complaint(start(login, queue), 1);
        let expected = format!("Redis at {}: {reason}", server.address());
        assert!(told.starts_with(&expected), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

/// One of its two connections is back at once, and the other one is not.
fn too_many_clients() {
    let server = RedisServer::start();
    // With a password the crate takes the refusal for that of the password.
    let _: () = server.command("ACL SETUSER me on >secret ~* +@all");
    let url = server.url().replace("//", "//me:secret@");
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
    do_another(&server, &running);
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
        match &told[..] {
            [] => {}
            [line] if line.contains("Too many open files") => {
                trying += usize::from(line.ends_with("; trying again"));
            }
            _ => panic!("{told:?}"),
        }
    }
    assert!(trying > 0);
}

/// Says that it is gone, and that it is back, once each. What is being worked on goes on.
fn a_server_that_is_away() {
    type Way = (&'static str, fn(&mut RedisServer), fn(&mut RedisServer));
    let ways: [Way; 3] = [
        ("Connection", RedisServer::kill, RedisServer::start_again),
        (
            "You can't write against a read only replica",
            |server| server.command("REPLICAOF 127.0.0.1 1"),
            |server| server.command("REPLICAOF NO ONE"),
        ),
        (
            "timed out", // later than any answer is waited for
            |server| server.running.signal(Signal::STOP),
            |server| server.running.signal(Signal::CONT),
        ),
    ];
    check_all(ways, |(reason, goes, comes)| {
        let mut server = RedisServer::start();
        add(&server, [2]);
        let running = start_on(&server, "queue_workers", &["--lease=1"]);
        expect(&running, &["Wait 2"]);
        goes(&mut server);
        let told = next_complaint(&running);
        let start = format!("Redis at {}: {reason}", server.address());
        let is_right = told.starts_with(&start) && told.ends_with("; trying again");
        assert!(is_right, "{told}");
        expect(&running, &["Done 2 "]);
        comes(&mut server);
        assert_eq!(next_complaint(&running), "Redis is back");
        // Neither a lost connection is worth a word, nor a stream that is deleted with its group.
        for command in ["CLIENT KILL TYPE normal SKIPME yes", "DEL queue", "PING"] {
            do_another(&server, &running);
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
    });
}

/// With 100 jobs under way.
fn a_master_that_dies() {
    // The article's master takes all there is, and nothing is left for another one.
    let server = RedisServer::start();
    let _: u64 = server.command(&format!("LPUSH queue {}", ["60"; 100].join(" ")));
    let lost: Vec<u64> = server.command("RPOP queue 100");
    assert_eq!((lost.len(), server.command("DBSIZE")), (100, 0));

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
    let mut workers = [(); 4].map(|()| start_here(&server));
    let mut printed = Vec::new();
    for kill in 0..KILLS {
        sleep(Duration::from_millis(fastrand::u64(100..300)));
        if kill == KILLS / 2 {
            server.kill();
            sleep(Duration::from_millis(500));
            server.start_again();
        }
        let victim = &mut workers[fastrand::usize(..4)];
        printed.extend(mem::replace(victim, start_here(&server)).kill());
    }
    assert!(!is_all_done(&server), "done before the killing ended");
    wait_until("all jobs are done", || is_all_done(&server));
    for worker in workers {
        worker.signal(Signal::INT);
        printed.extend(worker.finish().stdout);
    }
    let numbers = printed.iter().filter_map(|line| line.strip_prefix("done "));
    let times = numbers.clone().count();
    let done = numbers.collect::<BTreeSet<_>>().len();
    let (lost, twice) = (JOBS - done as u64, times - done);
    let took = begin.elapsed().as_secs_f64();
    say(format_args!(
        "{JOBS} jobs, 4 processes, {KILLS} times one was killed, the server restarted once: {lost} lost, \
         {twice} done twice, {took:.1} s"
    ));
    assert_eq!(lost, 0);
    assert_eq!(server.command::<u64>("XLEN queue:dead"), 0);
}

/// In the environment of a process that is to be the worker below.
const WORKER: &str = "SERVICES_WORKER";

/// Starts this test file again, as a worker.
fn start_here(server: &RedisServer) -> Running {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "queue::worker", "--nocapture", "--quiet"]);
    command.env(WORKER, "").env("REDIS_URL", server.url());
    start_program("worker", command.stdin(Stdio::null()))
}

/// Two at once, whose jobs are numbers to be printed. Otherwise like `queue_workers`.
#[test]
fn worker() {
    if env::var_os(WORKER).is_none() {
        return; // it is no such process
    }
    let work = async |jobs: &Receiver<Job>| {
        let worker = || async {
            while let Ok(job) = jobs.recv().await {
                Timer::after(Duration::from_millis(fastrand::u64(10..80))).await;
                print(format_args!("done {}", job.seconds))?;
                job.done();
            }
            Ok::<(), Error>(())
        };
        future::try_zip(worker(), worker()).await.map(drop)
    };
    let lease = NonZero::new(1);
    let source = Source {
        lease,
        ..Source::default()
    };
    let ended = smol::block_on(consume(source, 2, work)).unwrap();
    exit(ended.map_or(0, |interrupted| interrupted.exit_status().into()));
}
