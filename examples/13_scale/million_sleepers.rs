//! A million sleeping tasks, first with a `Timer` each, then with `sleep`: their CPU time and memory.
//!
//! Ports: none of the programs. It asks smol what the web has asked of many runtimes: *How much memory do
//! you need to run 1 million concurrent tasks?*
//!
//! ```text
//! $ cargo run --example million_sleepers
//! 1000000 tasks slept for 1 to 2 s each, twice
//! time: 19.06 s
//! CPU with Timer: 9.35 s, 9.4 µs a task
//! CPU with sleep: 4.71 s, 4.7 µs a task
//! peak memory: 191.0 MB, 188.3 bytes a task
//! ```
//!
//! `Timer::after` is smol's, and right for some thousand tasks. `sleep` is the library's: one `Timer` for
//! all. The peak is that of the first half, since it never goes down; with `sleep` alone it is lower. The
//! chapter's page says why, and where the bytes go.
//!
//! Another number is the argument: `million_sleepers 100000`. Built with `--release` it takes less than half the
//! CPU. On a terminal a line shows how many have been spawned, are asleep, and have woken.
//!
//! Who owns what: `tasks` owns every task, and `counts` is lent to them. Awaiting a task gives back its memory.
//!
//! asyncio: `asyncio.sleep`, `asyncio.create_task`, `time.process_time` (`rustix::time::clock_gettime`),
//! `resource.getrusage` (`VmHWM` in `/proc/self/status`).
//! Node: `setTimeout`, `process.cpuUsage` (`rustix::time::clock_gettime`),
//! `process.resourceUsage` (`VmHWM` in `/proc/self/status`).
//! Paste: `cargo add fastrand smol`, `cargo add rustix --features time`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`; `scale.rs` beside it.

mod scale;

use asyncio_to_smol::sleep::sleep;
use scale::{Error, Meter, Range, count};
use smol::future::yield_now;
use smol::{LocalExecutor, Timer};
use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

const RANGE: Range = Range {
    of_what: "tasks",
    default: 1_000_000,
    most: 100_000_000,
};
/// How many are spawned before the tasks get a turn. New tasks wait in a queue, whose buffer never shrinks: with
/// all of them in it, that is 16 bytes more for each.
const BATCH: usize = 100;

/// How many tasks have reached each stage.
#[derive(Default)]
struct Counts {
    spawned: Cell<usize>,
    begun: Cell<usize>,
    woken: Cell<usize>,
}

impl Counts {
    fn line(&self) -> String {
        let (spawned, begun, woken) = (self.spawned.get(), self.begun.get(), self.woken.get());
        format!("{spawned} spawned, {} asleep, {woken} woken", begun - woken)
    }
}

async fn sleeper<F: Future>(counts: &Counts, pause: impl Fn(Duration) -> F) {
    count(&counts.begun);
    let micros = fastrand::u64(1_000_000..=2_000_000);
    pause(Duration::from_micros(micros)).await;
    count(&counts.woken);
}

/// Lets all tasks sleep, and returns a line about the CPU time.
async fn all_sleep<F: Future>(n: usize, how: &str, pause: impl Fn(Duration) -> F + Copy) -> String {
    let counts = Counts::default();
    let meter = Meter::start();
    let ex = LocalExecutor::new();
    let work = ex.run(async {
        let mut tasks = Vec::with_capacity(n);
        while tasks.len() < n {
            tasks.push(ex.spawn(sleeper(&counts, pause)));
            count(&counts.spawned);
            if tasks.len() % BATCH == 0 {
                yield_now().await; // they begin to sleep while others are spawned
            }
        }
        for task in tasks {
            task.await;
        }
    });
    scale::with_progress(|| format!("{how}: {}", counts.line()), work).await;
    meter.cpu(&format!("CPU with {how}"), n, "task")
}

async fn run(n: usize) -> Result<String, Error> {
    let meter = Meter::start();
    let mut cpu = all_sleep(n, "Timer", Timer::after).await;
    cpu += &all_sleep(n, "sleep", sleep).await;
    let (time, memory) = (meter.time(), meter.memory(n, "task"));
    Ok(format!(
        "{n} tasks slept for 1 to 2 s each, twice\n{time}{cpu}{memory}"
    ))
}

fn main() -> ExitCode {
    scale::main(&RANGE, |n| smol::block_on(run(n)))
}
