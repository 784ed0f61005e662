//! Nothing is left over: no task, no thread, no file descriptor, no memory. Counted in `/proc/self`, so this is
//! a process of its own with one test.
#![cfg(target_os = "linux")]

#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::gather;
use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::run::{Spawner, run};
use asyncio_to_smol::run_until_interrupted;
use asyncio_to_smol::task_group::{TaskGroup, task_group};
use rustix::process::{Signal, getpid, kill_process};
use smol::Timer;
use smol::future::{block_on, pending, yield_now};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts the guards that exist.
#[derive(Clone, Default)]
struct Guards(Arc<AtomicUsize>);

struct Guard(Arc<AtomicUsize>);

impl Guards {
    fn guard(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(Arc::clone(&self.0))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Tasks of every kind, and none of them ends by itself.
    fn tasks(&self, ex: &Spawner<'_>) {
        for n in 0..100 {
            let (guard, inner) = (self.guard(), self.guard());
            let child = ex.spawn(async move {
                let _guard = inner;
                Timer::after(Duration::from_secs(3600)).await;
            });
            let parent = async move {
                let _guard = guard;
                match n % 3 {
                    0 => child.await,
                    1 => pending().await,
                    _ => loop {
                        yield_now().await;
                    },
                }
            };
            ex.spawn(parent).detach();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn interrupt_this_process(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

fn end_of_run(guards: &Guards) {
    run(async |ex| {
        guards.tasks(&ex);
        yield_now().await;
    });
}

fn interrupted_run(guards: &Guards) {
    for (signal, interrupted) in [
        (Signal::INT, Interrupted::Sigint),
        (Signal::TERM, Interrupted::Sigterm),
    ] {
        let result = run_until_interrupted(async |ex| {
            guards.tasks(&ex);
            yield_now().await;
            interrupt_this_process(signal);
            pending::<()>().await
        });
        assert_eq!(result, Err(interrupted));
    }
    drop((Interrupts::listen(), Interrupts::listen()));
}

fn failed_group(guards: &Guards) {
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            for _ in 0..100 {
                let guard = guards.guard();
                let child = async {
                    let _guard = guard;
                    pending::<()>().await;
                    Ok(())
                };
                group.spawn(child);
            }
            yield_now().await;
            Err::<(), _>("enough")
        });
        assert!(result.await.is_err());
        assert_eq!(guards.count(), 0);
    });
}

/// The threads and the open descriptors of this process.
fn counts() -> (usize, usize) {
    let count = |folder| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Bytes of memory that this process has had at most.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<usize>().unwrap() * 1024
}

/// One child never ends. The memory of the others is free for those of the next one.
fn memory_of_children_that_have_ended() {
    const N: usize = 1000;
    const SIZE: usize = 16 * 1024;
    async fn child(n: usize) -> Result<usize, ()> {
        let memory = [n as u8; SIZE];
        yield_now().await;
        if n == N / 2 {
            pending::<()>().await;
        }
        Ok(memory[n % SIZE].into())
    }
    run(async |ex| {
        let before = peak_memory();
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let all = gather(&ex, (0..N).map(child));
            let each = as_completed(&ex, (0..N).map(child));
            for _ in 0..5 {
                yield_now().await;
            }
            waiting.push((all, each));
        }
        let grown = peak_memory() - before;
        assert!(grown < 4 * N * SIZE, "{} MB", grown / 1_000_000); // 10 times as much if it is kept
    });
}

#[test]
fn no_task_thread_or_descriptor_is_left_over() {
    watchdog::end_if_it_hangs();
    memory_of_children_that_have_ended();
    let guards = Guards::default();
    // What belongs to the process: the reactor and its thread, the signal handlers.
    block_on(Timer::after(Duration::ZERO));
    drop(Interrupts::listen());
    let before = counts();
    for _ in 0..3 {
        for scenario in [end_of_run, interrupted_run, failed_group] {
            scenario(&guards);
            // What ends by itself, on another thread, does so now. A test that waits here for ever
            // is ended by the watchdog.
            while guards.count() > 0 {
                std::thread::yield_now();
            }
        }
    }
    // A thread that has been joined is in `/proc` for a moment longer.
    while counts() != before {
        std::thread::sleep(Duration::from_millis(10));
    }
}
