//! Sleeping for hundreds of thousands of tasks, with a single timer.
//!
//! - asyncio: `asyncio.sleep`
//! - Node: `setTimeout`
//! - Paste: this file; `cargo add async-io slab`.
//!
//! ```
//! use asyncio_to_smol::sleep::sleep;
//! use std::time::{Duration, Instant};
//!
//! # async_io::block_on(async {
//! let start = Instant::now();
//! sleep(Duration::from_millis(20)).await;
//! assert!(start.elapsed() >= Duration::from_millis(20));
//! # });
//! ```
//!
//! For a few tasks, smol's `Timer::after` is as good, and more exact. But each `Timer` deadline that passes alone
//! costs its thread a turn of system calls. Here deadlines are rounded up to the next half millisecond, tasks with
//! the same deadline are woken together, and a single `Timer` is set for the first of them. `just bench sleepers`
//! measures the CPU of 100 000 sleeping tasks. For periodic work, use a [`Ticker`](crate::ticker::Ticker); for a
//! time limit, [`timeout`](crate::timeout::timeout).
//!
//! | | asyncio | Node | tokio | here |
//! |---|---|---|---|---|
//! | the time starts | with the first step | with the call | with the call | with the call, as with `Timer` |
//! | too early | up to the clock's resolution | by less than 1 ms | never | never |
//! | late, on an idle machine | 0.1 ms | 1 ms | 1 to 2 ms | 0.5 ms; 1.5 ms while there are 500 different deadlines or more |
//! | equal deadlines | in no particular order | in the order of the calls | in no particular order | in the order of the first polls; one that reuses the place of a dropped one is woken in its turn |
//! | different deadlines | in order | in order, if the durations are equal | in order, 1 ms apart | in order, 0.5 ms apart |
//! | a duration of 0 | one turn of the loop | 1 ms | ready at once | ready at once, as with `Timer` |
//! | cancelling | `task.cancel()` | `clearTimeout` | drop it | drop it: its memory is free at once |
//! | the clock | monotonic | monotonic | monotonic | monotonic (`Instant`) |
//!
//! It works on every executor and thread. The thread that waits for I/O wakes the tasks.
//!
//! Sources: [`asyncio.sleep`](https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep),
//! [`setTimeout`](https://nodejs.org/api/timers.html#settimeoutcallback-delay-args).

use async_io::Timer;
use slab::Slab;
use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Waits until `duration` has passed; forever if an [`Instant`] cannot hold the deadline.
///
/// For a point in time, see [`sleep_until`]; to repeat without drift, [`Ticker`](crate::ticker::Ticker).
///
/// ```
/// # use {asyncio_to_smol::sleep::sleep, std::time::Duration};
/// async_io::block_on(sleep(Duration::from_millis(3)));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = Instant::now().checked_add(duration);
    deadline.map_or(Sleep::new(NEVER), sleep_until)
}

/// Waits until `deadline`. If it is in the past, the future is ready at once. For a duration, see [`sleep`]; to
/// limit another future, [`timeout_at`](crate::timeout::timeout_at).
///
/// ```
/// # use {asyncio_to_smol::sleep::sleep_until, std::time::{Duration, Instant}};
/// let deadline = Instant::now() + Duration::from_millis(3);
/// async_io::block_on(sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    if deadline <= Instant::now() {
        return Sleep::new(0);
    }
    // The first tick that is not before the deadline.
    let nanos = deadline.saturating_duration_since(*ORIGIN).as_nanos();
    let tick = nanos.div_ceil(TICK.into());
    Sleep::new(u64::try_from(tick).unwrap_or(NEVER))
}

/// The future that [`sleep`] and [`sleep_until`] return, with examples there. It is `Send` and `Sync`.
///
/// Dropping it cancels the sleep. If it is polled after completion, it is ready again.
#[derive(Debug)]
#[must_use = "it waits only if it is awaited"]
pub struct Sleep {
    /// The tick at which it is ready.
    tick: u64,
    /// Its place in the slot of that tick; [`NOWHERE`] until it is polled.
    place: usize,
}

const NOWHERE: usize = usize::MAX;

impl Sleep {
    fn new(tick: u64) -> Sleep {
        Sleep {
            tick,
            place: NOWHERE,
        }
    }

    fn has_passed(&self) -> bool {
        self.tick <= PASSED.load(Ordering::Acquire)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_passed() {
            return Poll::Ready(());
        }
        // Wakers are foreign code: they are cloned and dropped while the wheel is unlocked.
        let waker = cx.waker().clone();
        let mut wheel = lock();
        if self.has_passed() {
            return Poll::Ready(());
        }
        let old = if self.place == NOWHERE {
            self.place = wheel.add(self.tick, waker);
            None
        } else {
            let slot = wheel.slots.get_mut(&self.tick);
            let place = slot.and_then(|slot| slot.get_mut(self.place));
            place.map(|place| mem::replace(place, waker))
        };
        drop(wheel);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.place != NOWHERE && !self.has_passed() {
            let waker = lock().remove(self);
            drop(waker);
        }
    }
}

/// The time of tick 0.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The length of a tick in nanoseconds.
const TICK: u64 = 500_000;

const NEVER: u64 = u64::MAX;

/// The last tick that has passed. It is written while the wheel is locked.
static PASSED: AtomicU64 = AtomicU64::new(0);

/// The wakers of all sleeping tasks.
struct Wheel {
    slots: BTreeMap<u64, Slab<Waker>>, // by tick
    /// Polled once: it keeps its waker.
    timer: Timer,
    /// The tick for which the timer is set, or [`NEVER`].
    alarm_at: u64,
}

static WHEEL: LazyLock<Mutex<Wheel>> = LazyLock::new(|| {
    let mut timer = Timer::after(Duration::from_secs(3600));
    let alarm = Waker::from(Arc::new(Alarm));
    let _pending = Pin::new(&mut timer).poll(&mut Context::from_waker(&alarm));
    Mutex::new(Wheel {
        slots: BTreeMap::new(),
        timer,
        alarm_at: NEVER,
    })
});

fn lock() -> MutexGuard<'static, Wheel> {
    // No panic leaves it half changed.
    WHEEL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wheel {
    fn add(&mut self, tick: u64, waker: Waker) -> usize {
        let place = self.slots.entry(tick).or_default().insert(waker);
        if self.alarm_for(tick) < self.alarm_at {
            self.set_alarm(tick);
        }
        place
    }

    fn remove(&mut self, sleep: &Sleep) -> Option<Waker> {
        let slot = self.slots.get_mut(&sleep.tick)?;
        let waker = slot.try_remove(sleep.place);
        if slot.is_empty() {
            self.slots.remove(&sleep.tick);
        }
        waker
    }

    /// Takes the wakers that are due, and sets the alarm for the others.
    fn turn(&mut self) -> BTreeMap<u64, Slab<Waker>> {
        let now = ORIGIN.elapsed().as_nanos() / u128::from(TICK);
        let now = u64::try_from(now).unwrap_or(NEVER - 1);
        let later = self.slots.split_off(&(now + 1));
        let due = mem::replace(&mut self.slots, later);
        PASSED.store(now, Ordering::Release);
        self.alarm_at = NEVER;
        if let Some((&tick, _)) = self.slots.first_key_value() {
            self.set_alarm(tick);
        }
        due
    }

    /// The tick of the alarm if `tick` is the first slot. With many slots, waking three ticks together saves CPU.
    fn alarm_for(&self, tick: u64) -> u64 {
        tick.saturating_add(if self.slots.len() < 500 { 0 } else { 2 })
    }

    fn set_alarm(&mut self, tick: u64) {
        self.alarm_at = self.alarm_for(tick);
        let nanos = self.alarm_at.checked_mul(TICK);
        match nanos.and_then(|nanos| ORIGIN.checked_add(Duration::from_nanos(nanos))) {
            // If that has just passed, the reactor calls the waker. It is not called here: the wheel is locked.
            Some(instant) => self.timer.set_at(instant),
            None => self.timer.clear(),
        }
    }
}

/// The waker of the timer: it wakes the tasks that are due.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let due = lock().turn();
        for (_, waker) in due.into_values().flatten() {
            // The panic hook reports a panic. The others are still woken.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
