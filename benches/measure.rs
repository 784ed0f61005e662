//! What the contenders in Rust measure themselves with: time, CPU time, memory, and the line that
//! tells the command a figure.

use rustix::time::{ClockId, clock_gettime};
use std::env;
use std::fmt::Display;
use std::process;
use std::str::FromStr;
use std::time::Instant;

/// Tells the command a figure. In seconds or bytes, never in parts of them.
pub fn figure(name: impl Display, value: f64) {
    println!("{name} {value:e}");
}

/// Time from here on, of the clock and of the CPU.
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

    /// Seconds that have passed.
    pub fn seconds(&self) -> f64 {
        self.time.elapsed().as_secs_f64()
    }

    /// Seconds of CPU that all threads of this process have used.
    pub fn cpu(&self) -> f64 {
        cpu() - self.cpu
    }
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// How many bytes of memory this process has had at most; 0 where the system does not say.
pub fn peak_memory() -> f64 {
    peak_memory_of(process::id())
}

/// The same of another process.
pub fn peak_memory_of(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kilobytes
        .and_then(|number| number.parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes * 1024.0)
}

/// The median of so many runs of something that measures itself.
pub fn median(runs: usize, mut run: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..runs).map(|_| run()).collect();
    values.sort_by(f64::total_cmp);
    values[runs / 2]
}

/// The n-th argument of this program; 1 is the job.
pub fn argument<T: FromStr>(n: usize) -> T {
    let argument = env::args().nth(n).unwrap_or_default();
    argument.parse().unwrap_or_else(|_| unknown(n))
}

/// For an argument that is none of those there are: says so and ends the program.
pub fn unknown(n: usize) -> ! {
    let argument = env::args().nth(n).unwrap_or_default();
    eprintln!("argument {n}: not '{argument}'");
    process::exit(2)
}
