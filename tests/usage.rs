//! `usage`: what a process has used, asked of this one.

use asyncio_to_smol::usage::{cpu_time, peak_memory};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// What this costs of CPU time and of time, on one thread.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn cost(work: impl FnOnce()) -> (Duration, Duration) {
    let (cpu, begin) = (cpu_time().unwrap(), Instant::now());
    work();
    let took = begin.elapsed();
    (cpu_time().unwrap() - cpu, took)
}

#[test]
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn cpu_time_is_that_of_computing_and_not_of_waiting() {
    let (cpu, took) = cost(|| thread::sleep(Duration::from_millis(500)));
    // The other tests of this file run meanwhile.
    assert!(
        took >= Duration::from_millis(500) && cpu < took / 2,
        "{cpu:?} in {took:?}"
    );

    // Computes until it has had so much: it may wait for a CPU meanwhile, but not get more than there is.
    const ENOUGH: Duration = Duration::from_millis(300);
    let compute = || {
        let begin = cpu_time().unwrap();
        while cpu_time().unwrap() - begin < ENOUGH {
            black_box((0..10_000_u64).sum::<u64>());
        }
    };
    let (cpu, took) = cost(compute);
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    assert!(cpu >= ENOUGH, "{cpu:?}");
    assert!(
        cpu <= took * cores as u32 + ENOUGH / 10,
        "{cpu:?} in {took:?}"
    );

    // Of another thread, too, also when that has ended.
    let (cpu, _) = cost(|| thread::spawn(compute).join().unwrap());
    assert!(cpu >= ENOUGH, "{cpu:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_peak_grows_with_what_is_used_and_stays() {
    const USED: usize = 64 << 20;
    let before = peak_memory().unwrap();
    let used = vec![1_u8; USED];
    assert_eq!(black_box(&used)[USED - 1], 1);
    let with = peak_memory().unwrap();
    drop(used);
    let after = peak_memory().unwrap();
    // The system's count lags behind by some pages.
    let expected = before + USED as u64 / 10 * 9..before + USED as u64 / 10 * 11;
    assert!(
        expected.contains(&with),
        "{before} before, {with} with 64 MiB"
    );
    assert!(expected.contains(&after), "{before} before, {after} after");
}

#[test]
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn none_where_the_system_is_not_asked() {
    assert_eq!((cpu_time(), peak_memory()), (None, None));
}
