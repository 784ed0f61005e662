//! What the process has used so far: CPU time, and memory at its peak.
//!
//! - asyncio: `time.process_time`, `resource.getrusage`
//! - Node: `process.cpuUsage`, `process.resourceUsage`
//! - Examples: [`million_sleepers`](crate::examples::million_sleepers),
//!   [`busy_server`](crate::examples::busy_server)
//!
//! ```
//! use asyncio_to_smol::usage::{cpu_time, peak_memory};
//!
//! let before = cpu_time();
//! let sum: u64 = (0..1_000_000).sum();
//! println!("{sum}");
//! if let (Some(before), Some(after)) = (before, cpu_time()) {
//!     println!("{} µs of CPU", (after - before).as_micros());
//! }
//! if let Some(bytes) = peak_memory() {
//!     println!("{:.1} MB at most", bytes as f64 / 1e6);
//! }
//! ```
//!
//! | | Python | Node | here |
//! |---|---|---|---|
//! | CPU time, of all threads | `time.process_time()`, seconds | `process.cpuUsage()`, microseconds of `user` and `system` | [`cpu_time`], the sum of both |
//! | the most memory it ever had | `resource.getrusage(RUSAGE_SELF).ru_maxrss`, KiB (bytes on macOS) | `process.resourceUsage().maxRSS`, KiB | [`peak_memory`], bytes |
//! | where the system is not asked for it | no module `resource` on Windows | | `None` |
//!
//! The peak is of what lies in the machine's memory, the program itself and its libraries among it. It never
//! goes down: what a part of a program takes is the difference before and after only if nothing earlier was
//! given back. The system keeps the count in pages, and not to the last one.
//!
//! Sources: [`time.process_time`](https://docs.python.org/3/library/time.html#time.process_time),
//! [`resource.getrusage`](https://docs.python.org/3/library/resource.html#resource.getrusage),
//! [`/proc/self/status`](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html).

use std::time::Duration;

/// The CPU time of this process since its start: of all its threads, in user mode and in the kernel.
///
/// `None` except on Linux and macOS.
#[must_use]
pub fn cpu_time() -> Option<Duration> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::time::{ClockId, clock_gettime};
        clock_gettime(ClockId::ProcessCPUTime).try_into().ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    None
}

/// The most memory that this process has had at any time so far, in bytes.
///
/// `None` except on Linux, and there if `/proc` cannot be read.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    if cfg!(target_os = "linux") {
        peak_in(&std::fs::read_to_string("/proc/self/status").ok()?)
    } else {
        None
    }
}

/// The peak in the text of `/proc/self/status`, whose `kB` are 1024 bytes.
fn peak_in(status: &str) -> Option<u64> {
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        let status = "Name:\tx\nVmPeak:\t    9999 kB\nVmHWM:\t    1234 kB\nVmRSS:\t     567 kB\n";
        assert_eq!(peak_in(status), Some(1234 * 1024));
        // No guess instead of what is not there, or not as it should be.
        for status in [
            "",
            "VmRSS:\t567 kB\n",
            "VmHWM:\t1234\n",
            "VmHWM:\t1234 MB\n",
            "VmHWM:\t-1 kB\n",
            "VmHWM:\t18446744073709551615 kB\n",
        ] {
            assert_eq!(peak_in(status), None, "{status:?}");
        }
    }
}
