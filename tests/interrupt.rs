//! Ctrl-C and SIGTERM: programs as processes, and signals sent to them.
#![cfg(unix)]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::interrupt::{Interrupted, Interrupts, run_until_interrupted};
use cases::OnDrop;
use common::{Running, start_program};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use smol::future::{block_on, pending, poll_once, yield_now};
use smol::{Async, Timer};
use std::cell::Cell;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio, exit};
use std::rc::Rc;
use std::time::Duration;
use std::{env, iter, thread};

// -------------------------------------------------------------------------------------- the examples

// ------------------------------------------------------------------------------ programs of this test

/// Starts one of the programs below, each of which says `ready` when a signal may come.
fn start_here(program: &str) -> Running {
    common::example("cancel_all"); // they are built before the clock runs
    watchdog::end_if_it_hangs();
    let mut command = Command::new(env::current_exe().unwrap());
    let arguments = ["--exact", "program", "--nocapture", "--quiet"];
    command.args(arguments).env(PROGRAM, program);
    let running = start_program(program, command.stdin(Stdio::null()));
    wait_for(&running, "ready");
    running
}

fn wait_for(running: &Running, text: &str) {
    // The test harness prints something, too.
    while running.next_line().text != text {}
}

/// Which of the programs this process is.
const PROGRAM: &str = "INTERRUPT_PROGRAM";

/// In a process started by `start_here`, the program; otherwise nothing.
#[test]
fn program() {
    let status = match env::var(PROGRAM).as_deref() {
        Ok("slow teardown") => slow_teardown(),
        Ok("blocked") => blocked(),
        Ok("again and again") => again_and_again(),
        Ok("listens no more") => listens_no_more(),
        Ok("many tasks") => many_tasks(),
        Ok("blocked to the end") => blocked_to_the_end(),
        Ok("teardown after the end") => teardown_after_the_end(),
        Ok("two threads") => two_threads(),
        Ok(other) => match other.strip_suffix(" descriptors") {
            Some(left) => descriptors_left(left.parse().unwrap()),
            None => panic!("no program {other}"),
        },
        Err(_) => return,
    };
    exit(status);
}

fn status_of<T>(result: Result<T, Interrupted>) -> i32 {
    result.map_or_else(|interrupted| interrupted.exit_status().into(), |_| 0)
}

async fn ready_for_ever() {
    println!("ready");
    pending().await
}

fn sleep_for_long() {
    thread::sleep(Duration::from_secs(3600));
}

fn slow_teardown() -> i32 {
    status_of(run_until_interrupted(async |ex| {
        let task = async {
            let _slow = OnDrop::new(|| {
                println!("slow");
                sleep_for_long();
            });
            ready_for_ever().await
        };
        let _main = OnDrop::new(|| println!("main dropped"));
        ex.spawn(task).await
    }))
}

fn blocked() -> i32 {
    status_of(run_until_interrupted(async |_| {
        println!("ready");
        sleep_for_long();
    }))
}

#[test]
fn a_second_signal_during_the_teardown_ends_the_process_at_once() {
    let both = [(Signal::INT, 130), (Signal::TERM, 143)];
    for (first, _) in both {
        for (second, status) in both {
            let running = start_here("slow teardown");
            running.signal(first);
            wait_for(&running, "main dropped");
            wait_for(&running, "slow");
            running.signal(second);
            let finished = running.finish();
            assert_eq!(finished.status.code(), Some(status));
            assert_eq!(finished.stdout, [""; 0]);
        }
    }
}

#[test]
fn a_second_signal_ends_a_loop_that_is_blocked() {
    let mut running = start_here("blocked");
    // As often as needed: signals that come before the last one is handled are one.
    let mut signals = 0;
    let status = loop {
        running.signal(Signal::INT);
        signals += 1;
        if let Some(status) = running.status_within(Duration::from_millis(20)) {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
    assert!(signals > 1, "the first one is no reason to end");
}

/// Waits until a signal has come, without awaiting.
fn block_until_a_signal_comes() {
    let interrupts = Interrupts::listen();
    while block_on(poll_once(interrupts.received())).is_none() {
        thread::yield_now();
    }
}

fn blocked_to_the_end() -> i32 {
    status_of(run_until_interrupted(async |_| {
        println!("ready");
        block_until_a_signal_comes();
        "all is well"
    }))
}

fn teardown_after_the_end() -> i32 {
    status_of(run_until_interrupted(async |ex| {
        let slow = async {
            let _slow = OnDrop::new(|| {
                println!("ready");
                block_until_a_signal_comes();
            });
            pending().await
        };
        ex.spawn::<()>(slow).detach();
        yield_now().await;
    }))
}

#[test]
fn a_signal_in_the_last_turn_or_during_the_teardown_is_not_lost() {
    for program in ["blocked to the end", "teardown after the end"] {
        for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let running = start_here(program);
            running.signal(signal);
            assert_eq!(running.finish().status.code(), Some(status), "{program}");
        }
    }
}

/// Three runs, each of them interrupted.
fn again_and_again() -> i32 {
    for n in 0..3 {
        let result = run_until_interrupted(async |_| ready_for_ever().await);
        println!("{n}: {}", result.unwrap_err());
    }
    0
}

#[test]
fn every_run_can_be_interrupted() {
    let running = start_here("again and again");
    running.signal(Signal::INT);
    wait_for(&running, "0: interrupted by SIGINT");
    wait_for(&running, "ready");
    running.signal(Signal::TERM);
    wait_for(&running, "1: interrupted by SIGTERM");
    wait_for(&running, "ready");
    running.signal(Signal::INT);
    wait_for(&running, "2: interrupted by SIGINT");
    assert_eq!(running.finish().status.code(), Some(0));
}

/// Two runs, one of which is interrupted, and then none.
fn listens_no_more() -> i32 {
    run_until_interrupted(async |_| ()).unwrap();
    run_until_interrupted(async |_| ready_for_ever().await).unwrap_err();
    println!("no more");
    sleep_for_long();
    0
}

#[test]
fn when_nobody_listens_any_more_a_signal_is_not_swallowed() {
    for signal in [Signal::INT, Signal::TERM] {
        let running = start_here("listens no more");
        running.signal(Signal::INT);
        wait_for(&running, "no more");
        running.signal(signal);
        assert_eq!(running.finish().status.signal(), Some(signal.as_raw()));
    }
}

/// Tasks that sleep, wait for each other, and go round and round.
fn many_tasks() -> i32 {
    let dropped = Rc::new(Cell::new(0));
    let guard = || {
        let dropped = Rc::clone(&dropped);
        OnDrop::new(move || dropped.set(dropped.get() + 1))
    };
    let result = run_until_interrupted(async |ex| {
        let _guard = guard();
        let mut last = ex.spawn(pending::<()>());
        for _ in 0..1000 {
            let (one, two, three) = (guard(), guard(), guard());
            let before = last;
            last = ex.spawn(async move {
                let _guard = one;
                before.await;
            });
            let sleeps = async move {
                let _guard = two;
                Timer::after(Duration::from_secs(3600)).await;
            };
            ex.spawn(sleeps).detach();
            let yields = async move {
                let _guard = three;
                loop {
                    yield_now().await;
                }
            };
            ex.spawn(yields).detach();
        }
        ready_for_ever().await
    });
    println!("{} dropped", dropped.get());
    status_of(result)
}

#[test]
fn all_destructors_have_run_before_the_program_ends() {
    let running = start_here("many tasks");
    running.signal(Signal::INT);
    wait_for(&running, "3001 dropped");
    assert_eq!(running.finish().status.code(), Some(130));
}

fn two_threads() -> i32 {
    let interrupts = Interrupts::listen();
    assert!(block_on(poll_once(interrupts.received())).is_none());
    drop(Interrupts::listen()); // no reason for the first one not to listen any more
    let other = thread::spawn(|| run_until_interrupted(async |_| pending::<()>().await));
    // By now it listens, too, or it will find that a signal has come.
    println!("ready");
    let here = block_on(interrupts.received());
    assert_eq!(block_on(interrupts.received()), here);
    assert_eq!(other.join().unwrap(), Err(here));
    here.exit_status().into()
}

#[test]
fn every_listener_hears_of_it() {
    let running = start_here("two threads");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().status.code(), Some(143));
}

fn descriptors_left(left: usize) -> i32 {
    // The reactor opens what it needs now, and not on another thread while these are counted.
    drop(Async::<UnixStream>::pair().unwrap());
    let limit = getrlimit(Resource::Nofile);
    let current = Some(256); // quickly used up
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    let mut open: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
    open.truncate(open.len() - left);
    status_of(run_until_interrupted(async |_| ready_for_ever().await))
}

/// It needs two for a socket and one more for each signal.
#[test]
fn it_works_without_the_descriptors_that_it_needs() {
    for left in 0..=4 {
        let running = start_here(&format!("{left} descriptors"));
        running.signal(Signal::INT);
        assert_eq!(running.finish().status.code(), Some(130), "{left} left");
    }
}
