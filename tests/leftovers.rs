//! Nothing is left over: no thread, no file descriptor, no memory. Counted in `/proc/self`, so this is a process
//! of its own with one test.
#![cfg(target_os = "linux")]

#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::gather;
use asyncio_to_smol::interrupt::{Interrupted, Interrupts};
use asyncio_to_smol::run::run;
use asyncio_to_smol::run_until_interrupted;
use rustix::process::{Signal, getpid, kill_process};
use smol::Timer;
use smol::future::{block_on, pending, yield_now};
use std::fs;
use std::time::Duration;

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
fn no_thread_descriptor_or_memory_is_left_over() {
    watchdog::end_if_it_hangs();
    memory_of_children_that_have_ended();
    // What belongs to the process: the reactor and its thread, the signal handlers.
    block_on(Timer::after(Duration::from_millis(1))); // zero would not need the reactor
    drop(Interrupts::listen());
    let before = counts();
    for _ in 0..3 {
        let result = run_until_interrupted(async |ex| {
            ex.spawn(Timer::after(Duration::from_secs(3600))).detach();
            yield_now().await;
            kill_process(getpid(), Signal::TERM).unwrap();
            pending::<()>().await
        });
        assert_eq!(result, Err(Interrupted::Sigterm));
        drop((Interrupts::listen(), Interrupts::listen()));
    }
    // A thread that has been joined is in `/proc` for a moment longer. (The watchdog ends a test that hangs.)
    while counts() != before {
        std::thread::sleep(Duration::from_millis(10));
    }
}
