//! Ctrl-C and SIGTERM: programs as processes, and signals sent to them.
#![cfg(unix)]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::interrupt::{Interrupted, Interrupts, until_interrupted};
use asyncio_to_smol::run_until_interrupted;
use cases::{Drops, OnDrop};
use common::{Running, start_program};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, Signal};
use rustix::process::{getpid, getrlimit, pidfd_getfd, pidfd_open, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use smol::future::{block_on, or, pending, poll_once, yield_now};
use smol::{Async, Timer};
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{Command, Stdio, exit};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{env, iter, thread};

/// Starts one of the programs below, each of which says `ready` when a signal may come.
fn start_here(program: &str) -> Running {
    start_by(Command::new(env::current_exe().unwrap()), program)
}

fn start_by(command: Command, program: &str) -> Running {
    let running = start_without_waiting(command, program);
    wait_for(&running, "ready");
    running
}

fn start_without_waiting(mut command: Command, program: &str) -> Running {
    watchdog::end_if_it_hangs();
    let arguments = ["--exact", "program", "--nocapture", "--quiet"];
    command.args(arguments).env(PROGRAM, program);
    start_program(program, command.stdin(Stdio::null()))
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
        Ok("ready for ever") => status_of(block_on(until_interrupted(ready_for_ever()))),
        Ok("slow teardown") => interrupted_teardown(sleep_for_long),
        Ok("teardown") => interrupted_teardown(|| thread::sleep(Duration::from_millis(200))),
        Ok("any moment") => any_moment(),
        Ok("false alarm") => false_alarm(),
        Ok("blocked") => blocked(),
        Ok("again and again") => again_and_again(),
        Ok("listens no more") => listens_no_more(),
        Ok("foreign waker") => foreign_waker(),
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

/// After this time, a signal is the second one.
const SECOND: Duration = Duration::from_millis(600);

fn sleep_for_long() {
    thread::sleep(Duration::from_secs(3600));
}

/// The destructors of `main` and of a task, the latter of which takes some time.
fn interrupted_teardown(takes_time: fn()) -> i32 {
    status_of(run_until_interrupted(async |ex| {
        let task = async {
            let _slow = OnDrop::new(|| {
                println!("slow");
                takes_time();
                println!("torn down");
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

const BOTH: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn a_second_signal_during_the_teardown_ends_the_process_at_once() {
    for (first, _) in BOTH {
        for (second, status) in BOTH {
            let running = start_here("slow teardown");
            running.signal(first);
            wait_for(&running, "main dropped");
            wait_for(&running, "slow");
            thread::sleep(SECOND);
            running.signal(second);
            let finished = running.finish();
            assert_eq!(finished.status.code(), Some(status));
            assert_eq!(finished.stdout, [""; 0]);
        }
    }
}

/// As from a parent that relays the Ctrl-C that the terminal has sent to both.
#[test]
fn signals_that_come_together_are_one() {
    for ((first, status), (other, _)) in BOTH.into_iter().zip(BOTH.into_iter().rev()) {
        let running = start_here("teardown");
        running.signal(first);
        wait_for(&running, "slow");
        for signal in [first, other] {
            thread::sleep(Duration::from_millis(10));
            running.signal(signal);
        }
        let finished = running.finish();
        assert_eq!(finished.stdout, ["torn down"]);
        assert_eq!(finished.status.code(), Some(status));
    }
}

#[test]
fn a_second_signal_ends_a_loop_that_is_blocked() {
    let mut running = start_here("blocked");
    let start = Instant::now();
    let status = loop {
        running.signal(Signal::INT);
        if let Some(status) = running.status_within(Duration::from_millis(20)) {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[test]
fn without_run_or_an_executor() {
    for (signal, status) in BOTH {
        let running = start_here("ready for ever");
        running.signal(signal);
        assert_eq!(running.finish().status.code(), Some(status));
    }
}

/// As in a background job of a script, or under `nohup`.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for (ignored, signal, other, status) in [
        ("INT", Signal::INT, Signal::TERM, 143),
        ("TERM", Signal::TERM, Signal::INT, 130),
    ] {
        let mut shell = Command::new("sh");
        let script = format!("trap '' {ignored}; exec \"$@\"");
        shell.args(["-c", &script, "sh"]);
        shell.arg(env::current_exe().unwrap());
        let mut running = start_by(shell, "ready for ever");
        running.signal(signal);
        assert_eq!(running.status_within(Duration::from_millis(200)), None);
        running.signal(other);
        assert_eq!(running.finish().status.code(), Some(status));
    }
}

/// A process made by `fork` has the descriptors, and when a signal comes to it, it writes to them.
/// Here, all sockets of this process are written to by way of duplicates.
fn false_alarm() -> i32 {
    let interrupts = Interrupts::listen();
    assert!(block_on(poll_once(interrupts.received())).is_none());
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let mut written = 0;
    for entry in fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let link = fs::read_link(entry.path()).unwrap_or_default();
        if link.to_string_lossy().starts_with("socket:") {
            let fd = entry.file_name().to_string_lossy().parse().unwrap();
            let Ok(duplicate) = pidfd_getfd(&this, fd, PidfdGetfdFlags::empty()) else {
                println!("ready");
                println!("cannot be tested here");
                return 0;
            };
            written += rustix::io::write(duplicate, b"x").unwrap_or(0);
        }
    }
    assert!(written > 1);
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let before = cpu();
    let waiting = async {
        Timer::after(Duration::from_millis(500)).await;
        println!("ready");
        println!("{}", cpu() - before < Duration::from_millis(100));
        pending().await
    };
    let received = block_on(or(interrupts.received(), waiting));
    received.exit_status().into()
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_to_a_forked_process_is_none_of_this_one() {
    let running = start_here("false alarm");
    let line = running.next_line().text;
    if line == "cannot be tested here" {
        return;
    }
    assert_eq!(line, "true", "it spins");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().status.code(), Some(143));
}

/// Spawns tasks for 100 ms. At the end, all that began have been dropped.
fn any_moment() -> i32 {
    let (begun, drops) = (Cell::new(0), Drops::default());
    let result = run_until_interrupted(async |ex| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(100) {
            begun.set(begun.get() + 2);
            ex.spawn(drops.forever::<()>()).detach();
            let guard = drops.guard();
            ex.spawn(async move { drop(guard) }).detach();
            yield_now().await;
        }
    });
    assert_eq!(drops.count(), begun.get());
    println!("all dropped");
    status_of(result)
}

#[test]
fn a_signal_at_any_moment() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut interrupted = 0;
    for n in 0..100 {
        let (signal, status) = BOTH[n % 2];
        let program = Command::new(env::current_exe().unwrap());
        let running = start_without_waiting(program, "any moment");
        thread::sleep(Duration::from_millis(random.u64(0..120)));
        running.signal(signal);
        let finished = running.finish();
        let all_dropped = finished.stdout.iter().any(|line| line == "all dropped");
        match (finished.status.code(), finished.status.signal()) {
            (Some(0), None) => assert!(all_dropped, "{finished:?}"),
            (Some(code), None) if code == status => {
                assert!(all_dropped, "{finished:?}");
                interrupted += 1;
            }
            // Before it listens, and afterwards.
            (None, Some(number)) if number == signal.as_raw() => {}
            _ => panic!("{finished:?}"),
        }
    }
    assert!(interrupted > 30, "only {interrupted} were interrupted");
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
        for (signal, status) in BOTH {
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
fn after_the_last_listener_a_signal_is_not_swallowed() {
    for (signal, _) in BOTH {
        let running = start_here("listens no more");
        running.signal(Signal::INT);
        wait_for(&running, "no more");
        thread::sleep(SECOND);
        running.signal(signal);
        assert_eq!(running.finish().status.signal(), Some(signal.as_raw()));
    }
}

/// A waker that asks which signal it is: it must not be woken while that is locked.
struct Asks(thread::Thread);

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        assert_eq!(Interrupts::listen().now(), Some(Interrupted::Sigint));
        self.0.unpark();
    }
}

fn foreign_waker() -> i32 {
    let interrupts = Interrupts::listen();
    let waker = Waker::from(Arc::new(Asks(thread::current())));
    let mut received = pin!(interrupts.received());
    let mut poll = || received.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    println!("ready");
    loop {
        thread::park();
        if let Poll::Ready(interrupted) = poll() {
            return interrupted.exit_status().into();
        }
    }
}

#[test]
fn a_waker_may_ask_which_signal_it_is() {
    let running = start_here("foreign waker");
    running.signal(Signal::INT);
    assert_eq!(running.finish().status.code(), Some(130));
}

fn two_threads() -> i32 {
    let interrupts = Interrupts::listen();
    let _between_threads: &(dyn Send + Sync) = &interrupts;
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
