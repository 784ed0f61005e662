//! How the contenders in Rust measure themselves: time, CPU time, memory, and the line that reports a figure to the
//! command.

use rustix::time::{ClockId, clock_gettime};
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, io, process, thread};

/// Reports a figure to the command, in seconds or bytes.
pub fn figure(name: impl Display, value: f64) {
    println!("{name} {value:e}");
}

/// A clock for elapsed time and CPU time.
pub struct Start {
    time: Instant,
    cpu: f64,
}

impl Start {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Start {
        Start {
            cpu: cpu(),
            time: Instant::now(),
        }
    }

    /// Elapsed seconds.
    pub fn seconds(&self) -> f64 {
        self.time.elapsed().as_secs_f64()
    }

    /// Seconds of CPU time of all threads of this process.
    pub fn cpu(&self) -> f64 {
        cpu() - self.cpu
    }
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The peak memory of this process in bytes; 0 where the system does not report it.
pub fn peak_memory() -> f64 {
    peak_memory_of(process::id())
}

/// The peak memory of another process.
pub fn peak_memory_of(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kilobytes
        .and_then(|number| number.parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes * 1024.0)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The n-th argument of this program; 1 is the job.
pub fn argument<T: FromStr>(n: usize) -> T {
    let argument = env::args().nth(n).unwrap_or_default();
    argument.parse().unwrap_or_else(|_| unknown(n))
}

/// Reports an invalid argument and ends the program.
pub fn unknown(n: usize) -> ! {
    let argument = env::args().nth(n).unwrap_or_default();
    eprintln!("argument {n}: not '{argument}'");
    process::exit(2)
}

/// The sum of all numbers below `n`: the expected sum of the values of `n` tasks.
pub fn sum_below(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

/// Waits for a few children and for many, whose numbers are the arguments from `first` on, and reports the time
/// per child.
///
/// `sum` returns the sum of their values. It is called several times, and the median counts.
pub async fn waiting(name: &str, first: usize, sum: impl AsyncFn(u64) -> u64) {
    for (argument, of, times) in [(first, "few", 11), (first + 1, "many", 3)] {
        let n: u64 = self::argument(argument);
        let mut seconds = Vec::new();
        for _ in 0..times {
            let start = Start::new();
            assert_eq!(sum(n).await, sum_below(n));
            seconds.push(start.seconds() / n as f64);
        }
        figure(format_args!("{name}_{of}"), median(seconds));
    }
}

/// Counts the guards that have been dropped.
#[derive(Clone)]
pub struct Dropped {
    n: usize,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    started: AtomicUsize,
    dropped: AtomicUsize,
}

/// A value with a destructor, which a task holds.
pub struct Guard(Arc<Counts>);

impl Dropped {
    pub fn new(n: usize) -> Dropped {
        Dropped {
            n,
            counts: Arc::default(),
        }
    }

    pub fn guards(&self) -> impl Iterator<Item = Guard> {
        (0..self.n).map(|_| Guard(Arc::clone(&self.counts)))
    }

    /// Whether all tasks have begun to sleep.
    pub fn all_started(&self) -> bool {
        self.counts.started.load(Ordering::Relaxed) == self.n
    }

    /// The time until all were dropped, in seconds per task.
    pub fn all_since(&self, start: Start) -> f64 {
        let seconds = start.seconds();
        assert!(self.all_started(), "some have not begun");
        assert_eq!(self.counts.dropped.load(Ordering::Relaxed), self.n);
        seconds / self.n as f64
    }
}

impl Guard {
    /// Records that the task begins to sleep.
    pub fn started(&self) {
        self.0.started.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Calls into another thread, as many as the arguments from `first` on say: sequentially, and all at once.
///
/// `call` starts a call, and `wait` waits for its value.
pub fn calls<H>(first: usize, call: impl Fn(u64) -> H, wait: impl Fn(H) -> u64) {
    let n: u64 = argument(first);
    let start = Start::new();
    let sum: u64 = (0..n).map(|i| wait(call(i))).sum();
    figure("latency", start.seconds() / n as f64);
    assert_eq!(sum, sum_below(n));

    let n: u64 = argument(first + 1);
    let start = Start::new();
    let begun: Vec<H> = (0..n).map(call).collect();
    let sum: u64 = begun.into_iter().map(wait).sum();
    figure("rate", start.seconds() / n as f64);
    assert_eq!(sum, sum_below(n));
}

/// Many sleepers, each with its own time of 1 to 2 s.
pub struct Sleepers {
    n: u64,
    memory: f64,
    start: Start,
}

impl Sleepers {
    /// Starts the measurement.
    pub fn new(n: u64) -> Sleepers {
        Sleepers {
            n,
            memory: peak_memory(),
            start: Start::new(),
        }
    }

    /// How long each sleeps.
    pub fn times(&self) -> impl Iterator<Item = Duration> + use<> {
        (0..self.n).map(|i| Duration::from_micros(1_000_000 + i * 2_654_435_761 % 1_000_000))
    }

    /// Reports their cost after all have slept.
    pub fn end(&self) {
        let (seconds, cpu) = (self.start.seconds(), self.start.cpu());
        let longest = self.times().max().unwrap_or_default().as_secs_f64();
        assert!(seconds >= longest, "woken too early");
        figure("cpu", cpu);
        figure("late", seconds - longest);
        figure("bytes", (peak_memory() - self.memory) / self.n as f64);
    }
}

/// The names of the figures for three numbers of children.
pub const SIZES: [&str; 3] = ["few", "more", "many"];

/// Reports the cost of a child for each number of children in the arguments from `first` on.
pub fn growth(kind: &str, first: usize, cost: impl Fn(u64) -> f64) {
    for (size, argument) in SIZES.into_iter().zip(first..) {
        let n: u64 = self::argument(argument);
        // The fewer children, the more a disturbance would matter.
        let times = (100_000 / n.max(1)).clamp(1, 9);
        let cost = median((0..times).map(|_| cost(n)).collect());
        figure(format_args!("{kind}_{size}"), cost);
    }
}

/// Prints the address of a server; then, for each line of input, the CPU time that this process has used since.
/// The end of input ends the process.
///
/// It runs on its own thread, which sleeps while the server is measured.
pub fn report(address: SocketAddr) {
    println!("listening {address}");
    let start = Start::new();
    thread::spawn(move || {
        for _ in io::stdin().lines() {
            figure("cpu", start.cpu());
        }
        process::exit(0)
    });
}

/// F(n) by the naive recursion, whose exponential cost is the point.
pub fn fib(n: u32) -> u64 {
    if n < 2 {
        n.into()
    } else {
        fib(n - 1) + fib(n - 2)
    }
}
