//! Sleeping by the hundred thousand: one timer for all that sleep.
//!
//! - asyncio: `asyncio.sleep`
//! - Node: `setTimeout`
//! - Paste: this file; `cargo add async-io`.
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
//! For a few, smol's `Timer::after` is as good, and exact to some 0.1 ms. But each deadline that passes
//! alone costs its thread a turn of system calls: 100 000 tasks that sleep spend more than four times
//! as much CPU on `Timer` as on this.
//!
//! Here deadlines are rounded up to half a millisecond, those of the same half are woken together, and
//! one `Timer` is set for the first of them.
//!
//! | | asyncio | Node | tokio | here |
//! |---|---|---|---|---|
//! | too early | up to the clock's resolution | by less than 1 ms | never | never |
//! | late, on an idle machine | 0.1 ms | 1 ms | 1 to 2 ms | 0.5 ms; from 1000 sleepers on 1.5 ms |
//! | equal deadlines | in no particular order | in the order of the calls | in no particular order | in the order in which they were first polled |
//! | others | in order | in order, of the same duration | in order, 1 ms apart | in order, 0.5 ms apart |
//! | no time at all | one turn of the loop | 1 ms | ready at once | ready at once, as with `Timer` |
//! | cancelling | `task.cancel()` | `clearTimeout` | drop it | drop it: its place is free at once |
//! | the clock | monotonic | monotonic | monotonic | monotonic (`Instant`) |
//!
//! It works on every executor and thread, since smol has one reactor for all: the thread that waits
//! for I/O wakes the tasks. As with `Timer`, the time begins with the call, not with the first poll.
//!
//! Sources: [`asyncio.sleep`](https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep),
//! [`setTimeout`](https://nodejs.org/api/timers.html#settimeoutcallback-delay-args).

use async_io::Timer;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Waits for this long: asyncio's `sleep`.
///
/// A duration that ends beyond what an [`Instant`] can hold never ends.
///
/// # Examples
///
/// ```
/// # use asyncio_to_smol::sleep::sleep;
/// # use std::time::Duration;
/// async_io::block_on(sleep(Duration::from_millis(3)));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    match Instant::now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        None => Sleep::new(NEVER),
    }
}

/// Waits until then. If that is in the past, it is ready at once.
///
/// # Examples
///
/// ```
/// # use asyncio_to_smol::sleep::sleep_until;
/// # use std::time::{Duration, Instant};
/// # async_io::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(3);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    let is_past = deadline <= Instant::now();
    Sleep::new(if is_past { 0 } else { tick_of(deadline) })
}

/// The future that [`sleep`] and [`sleep_until`] return.
///
/// Dropping it cancels it. It can be polled again after it was ready, and is ready again. It is `Send`
/// and `Sync`.
#[must_use = "it waits only if it is awaited"]
pub struct Sleep {
    /// When it is to be woken.
    tick: u64,
    /// Its number among those with the same tick, if it has been put into the wheel.
    number: Option<NonZero<u64>>,
}

impl Sleep {
    fn new(tick: u64) -> Sleep {
        Sleep { tick, number: None }
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
        // Cloned, and dropped, with the wheel unlocked: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut wheel = lock();
        if self.has_passed() {
            return Poll::Ready(());
        }
        let old = match self.number {
            Some(number) => wheel.replace(self.tick, number, waker),
            None => {
                self.number = Some(wheel.add(self.tick, waker));
                None
            }
        };
        drop(wheel);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let (Some(number), false) = (self.number, self.has_passed()) {
            let waker = lock().remove(self.tick, number);
            drop(waker);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("has_passed", &self.has_passed())
            .finish_non_exhaustive()
    }
}

/// Ticks are counted from here.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

const TICK: Duration = Duration::from_micros(500);

const NEVER: u64 = u64::MAX;

/// The last tick that has passed. Written with the wheel locked.
static PASSED: AtomicU64 = AtomicU64::new(0);

/// The first tick that is not before the deadline. Not 0, which has passed.
fn tick_of(deadline: Instant) -> u64 {
    let nanos = deadline.saturating_duration_since(*ORIGIN).as_nanos();
    let tick = nanos.div_ceil(TICK.as_nanos()).max(1);
    u64::try_from(tick).unwrap_or(NEVER)
}

fn instant_of(tick: u64) -> Option<Instant> {
    let nanos = u128::from(tick) * TICK.as_nanos();
    ORIGIN.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

/// All that sleep.
struct Wheel {
    /// By tick.
    slots: BTreeMap<u64, Slot>,
    sleepers: usize,
    timer: Timer,
    /// The timer's waker.
    alarm: Waker,
    /// The tick for which the timer is set, or [`NEVER`].
    alarm_at: u64,
}

static WHEEL: LazyLock<Mutex<Wheel>> = LazyLock::new(|| {
    Mutex::new(Wheel {
        slots: BTreeMap::new(),
        sleepers: 0,
        timer: Timer::never(),
        alarm: Waker::from(Arc::new(Alarm)),
        alarm_at: NEVER,
    })
});

fn lock() -> MutexGuard<'static, Wheel> {
    // Nothing in here leaves it half changed.
    WHEEL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wheel {
    fn add(&mut self, tick: u64, waker: Waker) -> NonZero<u64> {
        self.sleepers += 1;
        let number = self.slots.entry(tick).or_default().add(waker);
        let alarm_at = tick.saturating_add(self.patience());
        if alarm_at < self.alarm_at {
            self.set_alarm(alarm_at);
        }
        number
    }

    fn replace(&mut self, tick: u64, number: NonZero<u64>, waker: Waker) -> Option<Waker> {
        let place = self.slots.get_mut(&tick)?.place(number)?;
        place.replace(waker)
    }

    fn remove(&mut self, tick: u64, number: NonZero<u64>) -> Option<Waker> {
        let slot = self.slots.get_mut(&tick)?;
        let waker = slot.remove(number)?;
        self.sleepers -= 1;
        if slot.left == 0 {
            self.slots.remove(&tick);
        }
        Some(waker)
    }

    /// Takes out all that are to be woken, and sets the alarm for the others.
    fn turn(&mut self) -> BTreeMap<u64, Slot> {
        let now = ORIGIN.elapsed().as_nanos() / TICK.as_nanos();
        let now = u64::try_from(now).unwrap_or(NEVER - 1);
        let later = self.slots.split_off(&(now + 1));
        let due = mem::replace(&mut self.slots, later);
        self.sleepers -= due.values().map(|slot| slot.left).sum::<usize>();
        PASSED.fetch_max(now, Ordering::Release);
        self.alarm_at = NEVER;
        if let Some((&tick, _)) = self.slots.first_key_value() {
            self.set_alarm(tick.saturating_add(self.patience()));
        }
        due
    }

    /// How many ticks the alarm may come after the first that is to be woken. With many asleep there is
    /// nearly always one, and to wake three times as many at a time saves CPU.
    fn patience(&self) -> u64 {
        const MANY: usize = 1000;
        if self.sleepers < MANY { 0 } else { 2 }
    }

    fn set_alarm(&mut self, mut tick: u64) {
        loop {
            self.alarm_at = tick;
            let Some(instant) = instant_of(tick) else {
                self.timer = Timer::never();
                return;
            };
            self.timer.set_at(instant);
            let timer = Pin::new(&mut self.timer);
            if timer
                .poll(&mut Context::from_waker(&self.alarm))
                .is_pending()
            {
                return;
            }
            // Its time has come just now. It is not to be sounded from in here.
            tick = tick_of(Instant::now()) + 1;
        }
    }
}

/// What is to be woken at the same tick, in the order of their numbers.
#[derive(Default)]
struct Slot {
    places: Vec<(NonZero<u64>, Option<Waker>)>,
    /// How many of the places are taken.
    left: usize,
}

impl Slot {
    fn add(&mut self, waker: Waker) -> NonZero<u64> {
        let first = NonZero::<u64>::MIN;
        let number = (self.places.last()).map_or(first, |(last, _)| last.saturating_add(1));
        self.places.push((number, Some(waker)));
        self.left += 1;
        number
    }

    fn place(&mut self, number: NonZero<u64>) -> Option<&mut Option<Waker>> {
        let index = self.places.binary_search_by_key(&number, |place| place.0);
        Some(&mut self.places[index.ok()?].1)
    }

    fn remove(&mut self, number: NonZero<u64>) -> Option<Waker> {
        let waker = self.place(number)?.take()?;
        self.left -= 1;
        // Or else a task that sleeps anew again and again, until the same instant, would fill it.
        if self.left < self.places.len() / 2 {
            self.places.retain(|(_, waker)| waker.is_some());
        }
        Some(waker)
    }
}

/// Wakes all that are to be woken.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let due = lock().turn();
        for slot in due.into_values() {
            for waker in slot.places.into_iter().filter_map(|place| place.1) {
                // The panic hook reports it. The others are to be woken all the same.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(slot: &Slot) -> Vec<u64> {
        let waiting = slot.places.iter().filter(|place| place.1.is_some());
        waiting.map(|place| place.0.get()).collect()
    }

    #[test]
    fn a_slot_keeps_the_order_and_does_not_grow_with_what_has_left() {
        let mut slot = Slot::default();
        let first = slot.add(Waker::noop().clone());
        let mut last = slot.add(Waker::noop().clone());
        for _ in 0..1000 {
            let next = slot.add(Waker::noop().clone());
            assert!(slot.remove(last).is_some());
            assert!(slot.remove(last).is_none(), "it has left");
            last = next;
            assert!(slot.places.len() <= 5);
            assert_eq!(numbers(&slot), [first.get(), last.get()]);
            assert_eq!(slot.left, 2);
        }
        assert!(slot.place(first).is_some());
    }

    #[test]
    fn ticks_are_never_before_the_deadline_and_less_than_one_after() {
        for nanos in [1, 499_999, 500_000, 500_001, 123_456_789] {
            let deadline = *ORIGIN + Duration::from_nanos(nanos);
            let instant = instant_of(tick_of(deadline)).unwrap();
            assert!(instant >= deadline && instant < deadline + TICK);
        }
        assert_eq!(tick_of(*ORIGIN), 1, "0 has passed");
    }
}
