//! Chapter 11: the queue, typed and from Redis.

use crate::common::{Running, example, say, start, start_program};
use crate::jobs::{Error, Job, consume, print};
use crate::redis_jobs::Source;
use crate::redis_server::{RedisServer, query};
use crate::{NONE, check_all, complaint, count_done, ended, interrupt, wait_until, without_name};
use rustix::process::{Pid, Signal, kill_process_group};
use smol::channel::Receiver;
use smol::{Timer, future};
use std::collections::BTreeSet;
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, mem};

const NATURAL: &str = "expected a natural number of seconds below 2^64";
const PROGRAMS: [&str; 3] = ["queue_workers", "master_worker", "master_worker --block"];

pub fn checks() -> Vec<(&'static str, fn())> {
    vec![
        ("end of input", typed_jobs_before_the_end_of_input_are_done),
        ("Ctrl-C, typed", control_c_names_unfinished_jobs),
        ("failing output", a_failing_output_ends_the_program),
        ("invalid jobs", invalid_and_failed_jobs_go_to_the_dead),
        ("Ctrl-C gives back", control_c_gives_back),
        ("claims", claims_are_renewed_or_taken_over),
        ("consumers", consumers_are_removed_with_nothing_pending),
        ("a job that kills", a_job_that_kills_its_worker_is_buried),
        ("refusals", refusals_and_warnings),
        ("a server that is away", a_server_that_is_away),
        ("an end without server", the_program_ends_without_a_server),
        ("a master that dies", a_master_that_dies),
        ("chaos", chaos),
    ]
}

/// Waits for lines that start like these, in any order. Ignores `Start worker`.
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

/// A program and its arguments, as a shell reads them, with this server. Nothing is typed.
fn start_on(server: &RedisServer, line: &str) -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]);
    command.env("REDIS_URL", server.url());
    let command = command.current_dir(example("."));
    start_program(line, command.stdin(Stdio::null()))
}

/// One worker with a lease of a second.
fn start_quick(server: &RedisServer) -> Running {
    let running = start_on(server, "./queue_workers --workers=1 --lease=1");
    assert_eq!(running.next_line().text, "Start worker");
    running
}

fn add(server: &RedisServer, jobs: impl IntoIterator<Item = u64>) {
    let mut pipe = redis::pipe();
    for job in jobs {
        pipe.cmd("XADD").arg(&["queue", "*", "n"]).arg(job);
    }
    pipe.exec(&mut server.connect()).unwrap();
}

fn do_another(server: &RedisServer, running: &Running) {
    add(server, [0]);
    expect(running, &["Wait", "Done 0"]);
}

/// What XPENDING says: ids, consumers, milliseconds idle, deliveries.
fn pending(server: &RedisServer) -> Vec<(String, String, u64, u64)> {
    server.command("XPENDING queue workers - + 10000")
}

fn is_all_done(server: &RedisServer) -> bool {
    server.command::<u64>("XLEN queue") == 0 && pending(server).is_empty()
}

fn is_known(server: &RedisServer, name: &str) -> bool {
    let consumers: Vec<Vec<String>> = server.command("XINFO CONSUMERS queue workers");
    consumers.iter().any(|consumer| consumer[1] == name)
}

fn next_complaint(running: &Running) -> String {
    without_name(&running.next_complaint().text)
}

fn typed_jobs_before_the_end_of_input_are_done() {
    for program in PROGRAMS {
        let words: Vec<&str> = program.split(' ').collect();
        let mut running = start(words[0], &words[1..]);
        let many = "0\n".repeat(196); // more than is read ahead
        running.type_in(many + "1 x\n\n0 -1 1.5 +1\n  1\t0\n18446744073709551616");
        running.end_input();
        let finished = ended(running, 0);
        assert_eq!(count_done(&finished), 200, "{program}");
        let refused = ["x", "-1", "1.5", "+1", "18446744073709551616"];
        let expected = refused.map(|job| format!("\"{job}\": {NATURAL}"));
        assert_eq!(finished.stderr, expected);
    }
}

/// Running jobs may end within 5 seconds; waiting jobs do not begin.
fn control_c_names_unfinished_jobs() {
    let mut running = start("queue_workers", &["--workers", "3"]);
    running.type_in("60 60 2 1 2 3\n");
    expect(&running, &["Wait 60", "Wait 60", "Wait 2"]);
    running.signal(Signal::INT);
    running.type_in("4\n".repeat(10));
    expect(&running, &["Done 2 "]);
    let left = complaint(running, 130).replace(" 4", ""); // if it was read
    assert_eq!(left, "not done: 1 2 3 60 60");
}

/// Also the output of the other thread.
fn a_failing_output_ends_the_program() {
    for program in PROGRAMS {
        let script = format!("echo 60 | ./{program} 2>&1 > /dev/full; echo $?");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(example("."));
        let finished = start_program(program, command.env_remove("REDIS_URL")).finish();
        let told = finished.stdout.concat();
        let expected = "standard output: No space left on device";
        assert!(told.contains(expected), "{told}");
        assert!(told.ends_with('1') && !told.contains("panicked"), "{told}");
    }
}

/// With names that are on one node of a cluster.
fn invalid_and_failed_jobs_go_to_the_dead() {
    let server = RedisServer::start(&["--cluster-enabled", "yes"]);
    let _: () = server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    let info = || server.command::<String>("CLUSTER INFO");
    wait_until("a cluster", || info().contains("cluster_state:ok"));
    let running = start_on(&server, "./queue_workers --queue '{queue}' --workers 1");
    let cases: [&[&[u8]]; 6] = [
        &[b"n", b"x"],
        &[b"n", b"-5", b"note", b"kept"],
        &[b"\xff", b"\xff", b"n", b"\xff\n"],
        &[b"n", b""],
        &[b"m", b"5"],
        &[b"m", b"x", b"n", b"0"], // valid
    ];
    for fields in cases {
        let mut add = redis::cmd("XADD");
        add.arg("{queue}").arg("*").arg(fields);
        add.exec(&mut server.connect()).unwrap();
    }
    expect(&running, &["Wait 0", "Done 0 "]);
    let told = interrupt(running);
    let dead = || server.command::<Vec<(String, Vec<Vec<u8>>)>>("XRANGE {queue}:dead - +");
    let quoted = ["x", "-5", "\\xff", ""];
    let mut reasons = quoted.map(|text| format!("\"{text}\": {NATURAL}")).to_vec();
    reasons.push("no field n".to_string());
    assert_eq!((dead().len(), told.len()), (5, 5));
    let dead_and_told = dead().into_iter().zip(told);
    for ((fields, reason), ((_, dead), told)) in cases.iter().zip(reasons).zip(dead_and_told) {
        assert_eq!(dead, [fields, &[b"reason", reason.as_bytes()][..]].concat());
        assert_eq!(told, format!("{reason}; goes to \"{{queue}}:dead\""));
    }
    // A request that fails.
    let customer = "./sms_customer --queue '{queue}' --server http://127.0.0.1:1";
    let running = start_on(&server, customer);
    let _: String = server.command("XADD {queue} * n 0");
    expect(&running, &["Waiting 0", "Failed 0"]);
    let jobs = || server.command::<u64>("XLEN {queue}");
    wait_until("it is with the dead", || (dead().len(), jobs()) == (6, 0));
    let reason = "127.0.0.1:1: Connection refused (os error 111)";
    assert_eq!(dead()[5].1, ["n", "0", "reason", reason].map(Vec::from));
}

/// Also through GNU timeout, which relays the signal that it and the program get from the terminal: it comes twice.
fn control_c_gives_back() {
    let programs = [
        "setsid ./queue_workers",
        "setsid ./master_worker",
        "setsid ./master_worker --block",
        "setsid timeout 60 ./queue_workers",
    ];
    check_all(programs, |program| {
        let server = RedisServer::start(&[]);
        add(&server, [60]);
        let running = start_on(&server, program);
        expect(&running, &["Wait"]);
        do_another(&server, &running); // meanwhile
        do_another(&server, &running);
        add(&server, [2]);
        expect(&running, &["Wait"]);
        let begin = Instant::now();
        let group = Pid::from_raw(running.pid().try_into().unwrap()).unwrap();
        kill_process_group(group, Signal::INT).unwrap();
        let finished = ended(running, 130);
        assert!(begin.elapsed() < Duration::from_secs(9));
        assert_eq!(count_done(&finished), 1, "{finished:?}");
        assert_eq!(finished.stderr, ["jobs given back to \"queue\": 1"]);
        // That was no delivery, and its consumer is there as long as something is pending.
        let claims = pending(&server);
        let [(_, first, _, 0)] = &claims[..] else {
            panic!("{claims:?}");
        };
        assert!(is_known(&server, first));
        let begin = Instant::now();
        let _second = start_on(&server, "./queue_workers");
        wait_until("taken again", || {
            let (_, consumer, _, deliveries) = &pending(&server)[0];
            consumer != first && *deliveries == 1
        });
        assert!(begin.elapsed() < Duration::from_secs(4));
    });
}

fn claims_are_renewed_or_taken_over() {
    let server = RedisServer::start(&[]);
    add(&server, [3]); // three times the lease
    let first = start_quick(&server);
    expect(&first, &["Wait 3"]);
    let name = &pending(&server)[0].1;
    assert!(name.ends_with(&format!("-{}", first.pid())), "{name}");
    let second = start_quick(&server);
    expect(&first, &["Done 3 "]);
    second.signal(Signal::INT);
    assert_eq!(ended(second, 130).stdout, NONE); // it had nothing to do

    // A worker that is stopped counts as dead, and works on when it can. The job stays with the other one.
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
    assert!(!is_known(&server, name) && !is_known(&server, consumer));
}

fn consumers_are_removed_with_nothing_pending() {
    let server = RedisServer::start(&[]);
    add(&server, [60]);
    let dies = start_quick(&server);
    expect(&dies, &["Wait 60"]);
    let dead = &pending(&server)[0].1;
    dies.kill();
    let _: u64 = server.command("XGROUP CREATECONSUMER queue workers idle");
    add(&server, [61]);
    // It has no time for the other job.
    let busy = start_on(&server, "./queue_workers --workers=1 --lease=2");
    expect(&busy, &["Wait 61"]);
    wait_until("the idle one is removed", || !is_known(&server, "idle"));
    sleep(Duration::from_secs(1)); // a renewal
    assert!(is_known(&server, dead), "what is pending was dropped");
    let free = start_quick(&server);
    expect(&free, &["Wait 60"]);
    wait_until("it is removed", || !is_known(&server, dead));
}

/// Here the test kills it.
fn a_job_that_kills_its_worker_is_buried() {
    let server = RedisServer::start(&[]);
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

/// Permanent errors, and warnings.
fn refusals_and_warnings() {
    let server = RedisServer::start(&["--rename-command", "XPENDING", ""]);
    let told = complaint(start_on(&server, "./queue_workers"), 1);
    let is_right = told.contains("unknown command") && told.ends_with("; expected Redis 6.2");
    assert!(is_right, "{told}");

    let server = RedisServer::start(&[]);
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
        let url = server.url().replace(":secret@", login);
        start("queue_workers", &["--redis", &url, "--queue", queue])
    };
    // This user may neither ask for the policy nor remove consumers, and works.
    let running = start("worker:secret@", "queue");
    do_another(&server, &running);
    assert_eq!(interrupt(running), NONE);
    for (login, queue, reason) in [
        ("worker:secret@", "text", "Operation against a key"),
        ("idle:secret@", "queue", "this user has no permissions"),
        ("idle:wrong-secret@", "queue", "Password authentication"),
        ("", "queue", "Authentication required"),
    ] {
        let told = complaint(start(login, queue), 1);
        let expected = format!("Redis at {}: {reason}", server.address);
        assert!(told.starts_with(&expected), "{told}");
    }
}

/// The program reports the loss and the return, once each. Running jobs go on.
fn a_server_that_is_away() {
    const CUT: &str = "CLIENT KILL TYPE normal SKIPME yes";
    let ways = [
        ("killed", "Connection"),
        ("replica", "You can't write against a read only replica"),
        ("stopped", "timed out"), // later than any answer is waited for
        // One of its two connections is back at once, and the other one is not.
        ("clients", "-ERR max number of clients reached"),
        ("files", "Too many open files (os error 24)"),
    ];
    check_all(ways, |(way, reason)| {
        let mut server = RedisServer::start(&[]);
        add(&server, [2]);
        let running = start_quick(&server);
        expect(&running, &["Wait 2"]);
        let mut admin = server.connect(); // later there may be no room for it
        let mut ask = |command: &str| _ = query::<redis::Value>(&mut admin, command);
        let limit_files = |n: u32| {
            let line = format!("prlimit --pid {} --nofile={n}:", running.pid());
            let status = Command::new("sh").args(["-c", &line]).status();
            assert!(status.unwrap().success());
        };
        match way {
            "killed" => server.kill(),
            "replica" => ask("REPLICAOF 127.0.0.1 1"),
            "stopped" => server.running.signal(Signal::STOP),
            "clients" => ask("CONFIG SET maxclients 2"),
            _ => limit_files(3),
        }
        if ["clients", "files"].contains(&way) {
            ask(CUT);
        }
        let told = next_complaint(&running);
        let start = format!("Redis at {}: {reason}", server.address);
        let is_right = told.starts_with(&start) && told.ends_with("; trying again");
        assert!(is_right, "{told}");
        expect(&running, &["Done 2 "]);
        match way {
            "killed" => server.start_again(),
            "replica" => ask("REPLICAOF NO ONE"),
            "stopped" => server.running.signal(Signal::CONT),
            "clients" => ask("CONFIG SET maxclients 100"),
            _ => limit_files(100),
        }
        assert_eq!(next_complaint(&running), "Redis is back");
        // Neither a lost connection is reported, nor a stream that is deleted with its group.
        for command in [CUT, "DEL queue", "PING"] {
            do_another(&server, &running);
            wait_until("told that all is done", || is_all_done(&server));
            let _: redis::Value = server.command(command);
        }
        assert_eq!(interrupt(running), NONE);
    });
}

/// The next program does its job.
fn the_program_ends_without_a_server() {
    let mut server = RedisServer::start(&[]);
    add(&server, [60]);
    let running = start_quick(&server);
    expect(&running, &["Wait 60"]);
    server.kill();
    assert!(next_complaint(&running).ends_with("; trying again"));
    assert_eq!(interrupt(running), NONE);
    server.start_again();
    expect(&start_quick(&server), &["Wait 60"]);
}

fn a_master_that_dies() {
    let server = RedisServer::start(&[]);
    add(&server, [60; 100]);
    let begun = ["Waiting 60"; 100];
    let running = start_on(&server, "./master_worker --block");
    expect(&running, &begun);
    running.kill();
    let killed = Instant::now();
    let running = start_on(&server, "./master_worker --block");
    expect(&running, &begun);
    let took = killed.elapsed().as_secs_f64();
    assert!((6.0..30.0).contains(&took), "{took} s");
    let deliveries = || pending(&server).into_iter().map(|claim| claim.3);
    assert_eq!(deliveries().collect::<Vec<_>>(), [2; 100]);
    assert_eq!(interrupt(running), ["jobs given back to \"queue\": 100"]);
    assert_eq!(deliveries().collect::<Vec<_>>(), [1; 100]);
    say(format_args!(
        "a master killed with 100 jobs running: 0 are lost, back after {took:.1} s"
    ));
}

/// Four processes work on the jobs. At random moments one is killed and another one started; after half of that,
/// the server is killed.
fn chaos() {
    const JOBS: u64 = 2000;
    const KILLS: usize = 24;
    let mut server = RedisServer::start(&[]);
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
    assert_eq!((lost, server.command("XLEN queue:dead")), (0, 0));
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
    let source = Source {
        lease: std::num::NonZero::new(1),
        ..Source::default()
    };
    let ended = smol::block_on(consume(source, 2, work)).unwrap();
    exit(ended.map_or(0, |interrupted| interrupted.exit_status().into()));
}
