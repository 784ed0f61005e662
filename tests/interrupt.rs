//! Ctrl-C and SIGTERM: programs as processes, and signals sent to them.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::interrupt::{Interrupted, Interrupts, until_interrupted};
use asyncio_to_smol::run_until_interrupted;
use cases::{Drops, OnDrop};
use common::{PATIENCE, Running, start_program};
use signal_hook::consts::{SIGINT, SIGTERM};
use smol::future::{block_on, pending, poll_once, yield_now};
use std::cell::Cell;
use std::pin::pin;
use std::process::{Command, ExitStatus, Stdio, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use std::{env, io};

/// Programs of this file, and what happens while they run: a line on standard output, a signal or a pause. A
/// signal with `…` is sent again and again until the process ends. The last step is the exit status; if a signal
/// ended the process, it is minus its number, and 3 on Windows.
const CASES: &[&str] = &[
    "until: ready, INT, 130",
    "until: ready, TERM, 143",
    // A second signal.
    "hanging teardown: ready, INT, main dropped, slow, TERM…, 143",
    "hanging teardown: ready, TERM, main dropped, slow, INT…, 130",
    "blocked: ready, TERM, INT…, 130",
    // As from a parent that relays the Ctrl-C that the terminal has sent to both.
    "teardown: ready, INT, slow, INT, pause, TERM, torn down, 130",
    "teardown: ready, TERM, slow, TERM, pause, INT, torn down, 143",
    // In the last turn of the loop, or after it.
    "blocked to the end: ready, INT, 130",
    "teardown after the end: slow, TERM, torn down, 143",
    "foreign waker: ready, INT, 130",
    "four threads: ready, ready, ready, TERM, 143",
    #[cfg(target_os = "linux")]
    "false alarm: idle, TERM, 143",
    // As in a background job of a script, or under `nohup`.
    #[cfg(target_os = "linux")]
    "ignoring INT: ready, INT, pause, TERM, 143",
    #[cfg(target_os = "linux")]
    "ignoring TERM: ready, TERM, pause, INT, 130",
];

#[cfg(not(unix))]
const MORE: &[&str] = &["two runs: ready, INT, SIGINT, ready, TERM, SIGTERM, INT…, 3"];
#[cfg(unix)]
const MORE: &[&str] = &[
    "two runs: ready, INT, SIGINT, ready, TERM, SIGTERM, INT…, -2",
    "two runs: ready, TERM, SIGTERM, ready, INT, SIGINT, TERM…, -15",
    // Two descriptors are needed for a socket, and one more for each signal.
    "0 descriptors: ready, INT, 130",
    "1 descriptors: ready, INT, 130",
    "2 descriptors: ready, INT, 130",
    "3 descriptors: ready, INT, 130",
    "4 descriptors: ready, INT, 130",
];

const PAUSE: Duration = Duration::from_millis(100);
const FOREVER: Duration = Duration::from_secs(3600);

const BOTH: [(i32, i32); 2] = [(SIGINT, 130), (SIGTERM, 143)];

#[test]
fn what_signals_do() {
    thread::scope(|scope| {
        for case in CASES.iter().chain(MORE) {
            let thread = thread::Builder::new().name(case.to_string());
            thread.spawn_scoped(scope, || play(case)).unwrap();
        }
    });
}

fn play(case: &str) {
    let (program, steps) = case.split_once(": ").unwrap();
    let mut running = start(program);
    let (steps, expected) = steps.rsplit_once(", ").unwrap();
    for step in steps.split(", ") {
        let signal = match step.trim_end_matches('…') {
            "INT" => SIGINT,
            "TERM" => SIGTERM,
            "pause" => {
                sleep(PAUSE);
                continue;
            }
            line => {
                // The test harness prints something, too.
                while running.next_line().text != line {}
                continue;
            }
        };
        send(&mut running, signal);
        let start = Instant::now();
        while step.ends_with('…') && running.status_within(PAUSE / 5).is_none() {
            assert!(start.elapsed() < PATIENCE);
            send(&mut running, signal);
        }
    }
    let code = code_or_signal(running.finish().status);
    assert_eq!(code, expected.parse().ok());
}

fn send(running: &mut Running, signal: i32) {
    #[cfg(unix)]
    let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
    running.signal(signal);
}

fn code_or_signal(status: ExitStatus) -> Option<i32> {
    let code = status.code();
    #[cfg(unix)]
    let code = code.or(std::os::unix::process::ExitStatusExt::signal(&status).map(|n| -n));
    code
}

fn start(program: &str) -> Running {
    watchdog::end_if_it_hangs();
    let this_test = env::current_exe().unwrap();
    let mut command = Command::new(&this_test);
    if let Some(ignored) = program.strip_prefix("ignoring ") {
        command = Command::new("sh");
        let script = format!("trap '' {ignored}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(this_test);
    }
    command.args(["--exact", "program", "--nocapture", "--quiet"]);
    command.env(PROGRAM, program).stdin(Stdio::piped());
    start_program(program, &mut command)
}

const PROGRAM: &str = "INTERRUPT_PROGRAM";

/// In a process that `start` starts, the program; otherwise nothing.
#[test]
fn program() {
    let Ok(program) = env::var(PROGRAM) else {
        return;
    };
    if cfg!(not(unix)) {
        thread::spawn(|| {
            for signal in io::stdin().lines() {
                signal_hook::low_level::raise(signal.unwrap().parse().unwrap()).unwrap();
            }
        });
    }
    let words: Vec<_> = program.split(' ').collect();
    let status = match words[..] {
        ["until"] | ["ignoring", _] => status_of(block_on(until_interrupted(ready()))),
        ["hanging", "teardown"] => teardown(false, || sleep(FOREVER)),
        ["teardown"] => teardown(false, || sleep(PAUSE * 3)),
        ["blocked"] => status_of(run_until_interrupted(async |_| {
            println!("ready");
            sleep(FOREVER);
        })),
        ["blocked", "to", "the", "end"] => status_of(run_until_interrupted(async |_| {
            println!("ready");
            block_until_a_signal_comes();
        })),
        ["teardown", "after", "the", "end"] => teardown(true, block_until_a_signal_comes),
        ["two", "runs"] => two_interrupted_runs(),
        ["foreign", "waker"] => foreign_waker(),
        ["four", "threads"] => four_threads(),
        #[cfg(target_os = "linux")]
        ["false", "alarm"] => false_alarm(),
        #[cfg(unix)]
        [left, "descriptors"] => descriptors_left(left.parse().unwrap()),
        ["any", "moment"] => any_moment(),
        _ => panic!("no program {program}"),
    };
    exit(status);
}

fn status_of<T>(result: Result<T, Interrupted>) -> i32 {
    result.map_or_else(|interrupted| interrupted.exit_status().into(), |_| 0)
}

async fn ready() {
    println!("ready");
    pending().await
}

/// The destructors of `main`, which may end first, and of a task, the latter of which takes some time.
fn teardown(main_ends: bool, takes_time: impl Fn()) -> i32 {
    status_of(run_until_interrupted(async |ex| {
        let _main = OnDrop::new(|| println!("main dropped"));
        let task = ex.spawn(async {
            let _slow = OnDrop::new(|| {
                println!("slow");
                takes_time();
                println!("torn down");
            });
            ready().await
        });
        if main_ends {
            task.detach();
            yield_now().await;
        } else {
            task.await;
        }
    }))
}

fn block_until_a_signal_comes() {
    let interrupts = Interrupts::listen();
    while interrupts.now().is_none() {
        thread::yield_now();
    }
}

fn two_interrupted_runs() -> i32 {
    run_until_interrupted(async |_| ()).unwrap();
    for _ in 0..2 {
        let error = run_until_interrupted(async |_| ready().await).unwrap_err();
        println!(
            "{}",
            error.to_string().trim_start_matches("interrupted by ")
        );
    }
    sleep(FOREVER);
    0
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

fn four_threads() -> i32 {
    let interrupts = Interrupts::listen();
    let _between_threads: &(dyn Send + Sync) = &interrupts;
    assert!(block_on(poll_once(interrupts.received())).is_none());
    drop(Interrupts::listen()); // the first one still listens
    let others = [(); 3].map(|()| thread::spawn(|| run_until_interrupted(async |_| ready().await)));
    let here = block_on(interrupts.received());
    assert_eq!(block_on(interrupts.received()), here);
    for other in others {
        assert_eq!(other.join().unwrap(), Err(here));
    }
    here.exit_status().into()
}

/// A process made by `fork` has the descriptors, and when a signal comes to it, it writes to them. Here, the
/// process writes to duplicates of all its sockets, unless the system forbids that.
#[cfg(target_os = "linux")]
fn false_alarm() -> i32 {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    use rustix::time::{ClockId, clock_gettime};
    let interrupts = Interrupts::listen();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
        let link = std::fs::read_link(entry.path()).unwrap_or_default();
        if link.to_string_lossy().starts_with("socket:") {
            let fd = entry.file_name().to_string_lossy().parse().unwrap();
            let duplicate = pidfd_getfd(this, fd, PidfdGetfdFlags::empty());
            let _ = duplicate.map(|socket| rustix::io::write(socket, b"x"));
        }
    }
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let before = cpu();
    let waiting = async {
        smol::Timer::after(PAUSE * 5).await;
        let is_idle = cpu() - before < PAUSE / 20;
        println!("{}", if is_idle { "idle" } else { "it spins" });
        pending().await
    };
    let received = block_on(smol::future::or(interrupts.received(), waiting));
    received.exit_status().into()
}

#[cfg(unix)]
fn descriptors_left(left: usize) -> i32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::{fs::File, iter, os::unix::net::UnixStream};
    // The reactor opens what it needs now, and not on another thread while these are counted.
    drop(smol::Async::<UnixStream>::pair().unwrap());
    let limit = getrlimit(Resource::Nofile);
    let current = Some(256); // quickly used up
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    let mut open: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
    open.truncate(open.len() - left);
    status_of(run_until_interrupted(async |_| ready().await))
}

/// Spawns tasks for 100 ms. At the end, all that began have been dropped.
fn any_moment() -> i32 {
    let (begun, drops) = (Cell::new(0), Drops::default());
    let result = run_until_interrupted(async |ex| {
        println!("listens");
        let start = Instant::now();
        while start.elapsed() < PAUSE {
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
    let interrupted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for (signal, status) in BOTH.into_iter().chain(BOTH) {
            let interrupted = &interrupted;
            scope.spawn(move || {
                for n in 0..15 {
                    let mut running = start("any moment");
                    if n % 3 > 0 {
                        while running.next_line().text != "listens" {}
                    }
                    sleep(Duration::from_millis(fastrand::u64(0..120)));
                    send(&mut running, signal);
                    let finished = running.finish();
                    let all_dropped = finished.stdout.iter().any(|line| line == "all dropped");
                    let code = code_or_signal(finished.status).unwrap();
                    // Otherwise the signal came before the process listened, or afterwards.
                    if code != if cfg!(unix) { -signal } else { 3 } {
                        assert!(all_dropped && [0, status].contains(&code), "{finished:?}");
                        interrupted.fetch_add(usize::from(code > 0), Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert!(interrupted.into_inner() > 5);
}
