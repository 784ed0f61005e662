//! `sleep`: never early, soon enough, in order, and cancelled when it is dropped.

#[path = "common/wakes.rs"]
mod wakes;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::gather::gather_all;
use asyncio_to_smol::run::run;
use asyncio_to_smol::sleep::{Sleep, sleep, sleep_until};
use smol::Timer;
use smol::future::{self, block_on, poll_once};
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use wakes::Wakes;
use watchdog::end_if_it_hangs;

const LONG: Duration = Duration::from_secs(3600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How much later than a `Timer` a sleep until `deadline` ends: a busy machine delays both.
async fn lateness(deadline: Instant) -> Duration {
    let slept = async {
        sleep_until(deadline).await;
        Instant::now()
    };
    let timed = async { Timer::at(deadline).await.max(Instant::now()) };
    let (slept, timed) = future::zip(slept, timed).await;
    assert!(slept >= deadline, "it was woken before its time");
    slept.saturating_duration_since(timed)
}

fn poll(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
    Pin::new(sleep).poll(&mut Context::from_waker(waker))
}

/// At least half of a hundred, alone or among many others, in one of a few attempts.
#[test]
fn they_are_never_early_and_half_of_them_not_late() {
    end_if_it_hangs();
    for n in [100, 20_000] {
        let mut medians = (0..5).map(|_| {
            let mut late = run(async |ex| {
                let start = Instant::now() + ms(n / 33);
                let deadline = |i| start + Duration::from_micros(i * 7919 % 300_000);
                let asleep = |i| ex.spawn(sleep_until(deadline(i)));
                let _others: Vec<_> = (100..n).map(asleep).collect();
                gather_all(&ex, (0..100).map(|i| lateness(deadline(i)))).await
            });
            late.sort();
            println!("{:?} late, of {n}", late[50]);
            late[50]
        });
        assert!(medians.any(|median| median <= ms(2)));
    }
}

#[test]
fn equal_deadlines_in_the_order_of_the_first_polls_and_others_by_deadline() {
    end_if_it_hangs();
    const EACH: usize = 500;
    let woken = RefCell::new(Vec::new());
    run(async |ex| {
        let start = Instant::now() + ms(600); // when all have been polled
        let deadlines = [start + ms(2), start, start + ms(1)];
        let mut tasks = Vec::new();
        for i in 0..EACH {
            for (j, deadline) in deadlines.into_iter().enumerate() {
                let woken = &woken;
                tasks.push(ex.spawn(async move {
                    sleep_until(deadline).await;
                    woken.borrow_mut().push((j, i));
                }));
            }
        }
        for task in tasks {
            task.await;
        }
    });
    let expected = [1, 2, 0].map(|j| (0..EACH).map(move |i| (j, i)));
    assert!(woken.take().into_iter().eq(expected.into_iter().flatten()));
}

#[test]
fn the_past_is_ready_at_once_and_stays_ready_and_the_far_future_is_not() {
    end_if_it_hangs();
    block_on(async {
        assert_eq!(poll_once(sleep(Duration::ZERO)).await, Some(()));
        let nearly_forever = Duration::from_secs(u64::from(u32::MAX) * 1000);
        let mut far = [Duration::MAX, nearly_forever, LONG].map(sleep);
        let mut short = sleep(ms(10)); // its time begins here
        let _between_threads: &(dyn Send + Sync) = &short;
        for _ in 0..2 {
            for asleep in &mut far {
                assert_eq!(poll_once(asleep).await, None);
            }
            sleep(ms(20)).await;
            assert_eq!(poll_once(&mut short).await, Some(()));
        }
    });
}

#[test]
fn the_last_waker_is_woken_once_and_the_others_are_dropped() {
    end_if_it_hangs();
    let counts = [(); 2].map(|()| Arc::new(Wakes::default()));
    let [first, second] = [0, 1].map(|i| Waker::from(Arc::clone(&counts[i])));
    let deadline = Instant::now() + ms(600);
    let mut asleep = sleep_until(deadline);
    assert!(poll(&mut asleep, &first).is_pending());
    assert_eq!(Arc::strong_count(&counts[0]), 3);
    assert!(poll(&mut asleep, &second).is_pending());
    assert_eq!(Arc::strong_count(&counts[0]), 2);
    while counts[1].count() == 0 {
        block_on(sleep(ms(1)));
    }
    assert_eq!(counts[0].count(), 0);
    assert_eq!(counts[1].count(), 1);
    assert!(poll(&mut asleep, &first).is_ready());
}

#[test]
fn dropping_it_drops_its_waker_and_wakes_nothing() {
    end_if_it_hangs();
    let count = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&count));
    let deadline = Instant::now() + ms(600);
    let mut sleeps: Vec<_> = (0..10_000).map(|_| sleep_until(deadline)).collect();
    for asleep in &mut sleeps {
        assert!(poll(asleep, &waker).is_pending());
    }
    assert_eq!(Arc::strong_count(&count), 10_002);
    // Also some out of the middle.
    let mut i = 0;
    sleeps.retain(|_| {
        i += 1;
        i % 3 == 0
    });
    assert_eq!(Arc::strong_count(&count), 3_335);
    drop(sleeps);
    assert_eq!(Arc::strong_count(&count), 2);
    block_on(sleep_until(deadline + ms(1)));
    assert_eq!(count.count(), 0);
}

/// Dropping this waker drops a sleep. Waking it panics.
struct Difficult {
    _asleep: Mutex<Sleep>,
}

impl Wake for Difficult {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, in a test");
    }
}

#[test]
fn a_difficult_waker_delays_no_other() {
    end_if_it_hangs();
    let difficult = || {
        let mut inner = sleep(LONG);
        assert!(poll(&mut inner, Waker::noop()).is_pending());
        let _asleep = Mutex::new(inner);
        Waker::from(Arc::new(Difficult { _asleep }))
    };
    let deadline = Instant::now() + ms(600);
    // Dropped with its sleep, in exchange for another one, and after it has panicked.
    let mut dropped = sleep_until(deadline);
    assert!(poll(&mut dropped, &difficult()).is_pending());
    drop(dropped);
    let mut asleep = sleep_until(deadline);
    assert!(poll(&mut asleep, &difficult()).is_pending());
    assert!(poll(&mut asleep, &difficult()).is_pending());
    block_on(sleep_until(deadline));
    block_on(sleep(ms(1)));
}
