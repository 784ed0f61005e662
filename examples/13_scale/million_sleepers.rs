//! A million tasks that sleep: what they need of memory and CPU.
//!
//! Ports: none of the programs. It asks smol what the web has asked of many runtimes: *How much memory do
//! you need to run 1 million concurrent tasks?*
//!
//! ```text
//! $ cargo run --example million_sleepers
//! 1000000 tasks slept for 1 to 2 s each
//! time: 2.85 s
//! CPU: 2.03 s, 2.0 µs a task
//! peak memory: 170.5 MB, 168.2 bytes a task
//! ```
//!
//! Another number is the argument: `million_sleepers 100000`. Built with `--release` it takes half the CPU.
//! On a terminal a line says meanwhile how many have been spawned, are asleep, and have woken.
//!
//! `sleep` is the library's, and stands here for `Timer::after`: a timer for each task would cost more than
//! twice the CPU. The chapter's page says why, and where the bytes go.
//!
//! Who owns what: `tasks` owns every task, and `counts` is lent to them. Awaiting a task gives back its memory.
//!
//! asyncio: `asyncio.sleep`, `asyncio.create_task`, `time.process_time`, `resource.getrusage`.
//! Node: `setTimeout`, `process.cpuUsage`, `process.resourceUsage`.
//! Paste: `cargo add fastrand smol`; `scale.rs` beside it; the library's `sleep.rs` and `usage.rs` with
//! `cargo add async-io`, on Unix `cargo add rustix --features time`. `just copy million_sleepers DIR`
//! does it.

mod scale;

use asyncio_to_smol::sleep::sleep;
use scale::{Error, Meter, Range, count};
use smol::LocalExecutor;
use smol::future::yield_now;
use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

const RANGE: Range = Range {
    of_what: "tasks",
    default: 1_000_000,
    most: 100_000_000,
};
/// So many are spawned before the others have a turn. Those that have had none yet stand in a queue, and
/// it never becomes smaller: with all of them in it, that is 16 bytes more for each.
const BATCH: usize = 100;

/// How many tasks have got how far.
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

async fn sleeper(counts: &Counts) {
    count(&counts.begun);
    let micros = fastrand::u64(1_000_000..=2_000_000);
    sleep(Duration::from_micros(micros)).await;
    count(&counts.woken);
}

async fn run(n: usize) -> Result<String, Error> {
    let counts = Counts::default();
    let meter = Meter::start();
    let ex = LocalExecutor::new();
    let work = ex.run(async {
        let mut tasks = Vec::with_capacity(n);
        while tasks.len() < n {
            tasks.push(ex.spawn(sleeper(&counts)));
            count(&counts.spawned);
            if tasks.len() % BATCH == 0 {
                yield_now().await; // they begin to sleep while others are spawned
            }
        }
        let mut joined = 0;
        for task in tasks {
            task.await;
            joined += 1;
        }
        joined
    });
    let joined = scale::with_progress(|| counts.line(), work).await;
    let figures = meter.figures((n, "task"), (n, "task"));
    Ok(format!("{joined} tasks slept for 1 to 2 s each\n{figures}"))
}

fn main() -> ExitCode {
    scale::main(&RANGE, |n| smol::block_on(run(n)))
}
