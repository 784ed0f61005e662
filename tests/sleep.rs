//! `sleep`: never early, soon enough, in order, and gone when it is dropped.

#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::run::run;
use asyncio_to_smol::sleep::{Sleep, sleep, sleep_until};
use smol::future::{block_on, poll_once, yield_now};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use watchdog::end_if_it_hangs;

const LONG: Duration = Duration::from_secs(3600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sleeps until then, and says how late it is when it goes on.
async fn lateness(deadline: Instant) -> Duration {
    sleep_until(deadline).await;
    let late = Instant::now().checked_duration_since(deadline);
    late.expect("it was woken before its time")
}

fn poll(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
    Pin::new(sleep).poll(&mut Context::from_waker(waker))
}

/// At least half of them are in time, in one of a few attempts: a busy machine may hold up the others.
#[track_caller]
fn assert_in_time(attempt: impl Fn() -> Vec<Duration>) {
    let medians = (0..5).map(|_| {
        let mut late = attempt();
        late.sort();
        late[late.len() / 2]
    });
    let mut medians = medians.inspect(|median| println!("{median:?} late"));
    assert!(medians.any(|median| median <= ms(2)));
}

#[test]
fn a_few_are_never_early_and_half_of_them_not_late() {
    end_if_it_hangs();
    assert_in_time(|| {
        run(async |_| {
            let mut late = Vec::new();
            for i in 0..100 {
                late.push(lateness(Instant::now() + Duration::from_micros(100 + 37 * i)).await);
            }
            late
        })
    });
}

#[test]
fn neither_are_many() {
    end_if_it_hangs();
    assert_in_time(|| {
        run(async |ex| {
            let start = Instant::now() + ms(600);
            let sleeper =
                |i: u64| ex.spawn(lateness(start + Duration::from_micros(i * 7919 % 300_000)));
            let tasks: Vec<_> = (0..20_000).map(sleeper).collect();
            let mut late = Vec::new();
            for task in tasks {
                late.push(task.await);
            }
            late
        })
    });
}

#[test]
fn equal_deadlines_in_the_order_of_the_first_polls_and_others_by_deadline() {
    end_if_it_hangs();
    const EACH: usize = 500;
    let woken = RefCell::new(Vec::new());
    run(async |ex| {
        let woken = &woken;
        let start = Instant::now() + ms(600); // when all have been polled
        let deadlines = [start + ms(2), start, start + ms(1)];
        let mut tasks = Vec::new();
        for i in 0..EACH {
            for (j, deadline) in deadlines.into_iter().enumerate() {
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
fn nothing_and_the_past_are_ready_at_once_and_for_ever_is_never() {
    end_if_it_hangs();
    block_on(async {
        assert_eq!(poll_once(sleep(Duration::ZERO)).await, Some(()));
        assert_eq!(poll_once(sleep_until(Instant::now())).await, Some(()));
        let mut for_ever = sleep(Duration::MAX);
        let mut nearly = sleep(Duration::from_secs(u64::from(u32::MAX) * 1000));
        assert_eq!(poll_once(&mut for_ever).await, None);
        assert_eq!(poll_once(&mut nearly).await, None);
        sleep(ms(5)).await;
        assert_eq!(poll_once(&mut for_ever).await, None);
        assert_eq!(poll_once(&mut nearly).await, None);
    });
}

#[test]
fn the_time_begins_with_the_call_and_it_stays_ready() {
    end_if_it_hangs();
    block_on(async {
        let mut short = sleep(ms(10));
        let _between_threads: &(dyn Send + Sync) = &short;
        sleep(ms(20)).await;
        assert_eq!(poll_once(&mut short).await, Some(()));
        assert_eq!(poll_once(&mut short).await, Some(()));
    });
}

#[test]
fn an_earlier_one_sets_the_alarm_anew() {
    end_if_it_hangs();
    block_on(async {
        let mut long = sleep(LONG);
        assert_eq!(poll_once(&mut long).await, None);
        sleep(ms(10)).await;
        let mut middle = sleep(ms(300));
        assert_eq!(poll_once(&mut middle).await, None);
        sleep(ms(10)).await;
        assert_eq!(poll_once(&mut middle).await, None);
        middle.await;
        assert_eq!(poll_once(&mut long).await, None);
    });
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_last_waker_is_woken_once_and_the_others_are_let_go() {
    end_if_it_hangs();
    let counts = [(); 2].map(|()| Arc::new(Count::default()));
    let [first, second] = [0, 1].map(|i| Waker::from(Arc::clone(&counts[i])));
    let deadline = Instant::now() + ms(300);
    let mut asleep = sleep_until(deadline);
    assert!(poll(&mut asleep, &first).is_pending());
    assert_eq!(Arc::strong_count(&counts[0]), 3);
    assert!(poll(&mut asleep, &second).is_pending());
    assert_eq!(Arc::strong_count(&counts[0]), 2);
    block_on(sleep_until(deadline + ms(1)));
    assert_eq!(counts[0].0.load(Ordering::SeqCst), 0);
    assert_eq!(counts[1].0.load(Ordering::SeqCst), 1);
    assert!(poll(&mut asleep, &first).is_ready());
}

#[test]
fn dropping_it_lets_its_waker_go_and_wakes_nothing() {
    end_if_it_hangs();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let deadline = Instant::now() + ms(300);
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
    assert_eq!(Arc::strong_count(&count), 2 + sleeps.len());
    drop(sleeps);
    assert_eq!(Arc::strong_count(&count), 2);
    block_on(sleep_until(deadline + ms(1)));
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
}

/// A waker that is foreign code: dropping it drops a sleep, waking it panics.
struct Difficult {
    _asleep: Mutex<Sleep>,
}

impl Wake for Difficult {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, in a test");
    }
}

#[test]
fn a_difficult_waker_holds_up_no_other() {
    end_if_it_hangs();
    let difficult = || {
        let mut inner = sleep(LONG);
        assert!(poll(&mut inner, Waker::noop()).is_pending());
        Waker::from(Arc::new(Difficult {
            _asleep: Mutex::new(inner),
        }))
    };
    let deadline = Instant::now() + ms(300);
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

#[test]
fn a_million_can_be_given_up() {
    end_if_it_hangs();
    let start = Instant::now();
    for _ in 0..10 {
        let mut sleeps: Vec<_> = (0..100_000).map(|i| sleep(LONG + ms(i % 1000))).collect();
        for asleep in &mut sleeps {
            assert!(poll(asleep, Waker::noop()).is_pending());
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn on_several_threads_at_once() {
    end_if_it_hangs();
    let sleeper = |thread: u64| async move {
        for i in 0..50 {
            let deadline = Instant::now() + Duration::from_micros(300 * (i % 7) + thread);
            lateness(deadline).await;
        }
    };
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                run(async move |ex| {
                    let tasks: Vec<_> = (0..50).map(|_| ex.spawn(sleeper(thread))).collect();
                    for task in tasks {
                        task.await;
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn with_a_loop_that_is_busy_for_a_while() {
    end_if_it_hangs();
    run(async |ex| {
        let task = ex.spawn(lateness(Instant::now() + ms(10)));
        yield_now().await;
        thread::sleep(ms(50)); // holds up the loop
        assert!(task.await >= ms(35));
        let mut polls = 0;
        let mut short = pin!(sleep(ms(200)));
        poll_fn(|cx| {
            polls += 1;
            short.as_mut().poll(cx)
        })
        .await;
        assert_eq!(polls, 2, "it waits, and does not spin");
    });
}
