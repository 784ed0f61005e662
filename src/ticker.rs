//! An interval that neither drifts nor replays what it missed.
//!
//! - asyncio: `asyncio.sleep`
//! - Node: `setInterval`
//! - Paste: this file; `cargo add async-io futures-lite`.
//!
//! ```
//! use asyncio_to_smol::ticker::Ticker;
//! use std::time::Duration;
//!
//! # async_io::block_on(async {
//! let mut ticker = Ticker::now_and_every(Duration::from_millis(300));
//! for _ in 0..3 {
//!     ticker.tick().await;
//!     println!("Hello world!"); // at once, after 300 ms, after 600 ms
//! }
//! # });
//! ```
//!
//! asyncio has no interval; one writes `while True: …; await asyncio.sleep(3)`. What that does, and
//! Node's `setInterval`:
//!
//! | 200 ticks of 10 ms, 3 ms of work in each | after a stall of five periods and a half |
//! |---|---|
//! | asyncio's loop, or `Timer::after` in a loop: the work is added to every period, 2.6 s in all | one late tick, then every period |
//! | `smol::Timer::interval`: 2.0 s | five ticks in one burst, for the ones it missed |
//! | Node's `setInterval`: each period starts when the last tick ran | one late tick, then every period |
//! | [`Ticker`]: 2.0 s | one late tick, then every period |
//!
//! A tick that is late by less than a period does not move the next one: that is what keeps the
//! interval from drifting. Once a whole tick was missed there is one tick at once, and the periods
//! are counted from there.

use async_io::Timer;
use futures_lite::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// An interval timer. See the [module's page](self) for what it does after a stall.
///
/// It is a [`Stream`] of the instants at which its ticks were due, and never ends. Dropping it
/// cancels it. It is `Send` and `Sync`.
#[derive(Debug)]
#[must_use = "it ticks only if it is polled"]
pub struct Ticker {
    timer: Timer,
    /// When the next tick is due; `None` if that is beyond what an `Instant` can hold.
    due: Option<Instant>,
    period: Duration,
    /// Whether other tasks have had a turn since the last tick.
    gave_turn: bool,
}

impl Ticker {
    /// Ticks after one period, and then every period: Node's `setInterval`.
    ///
    /// A period of zero ticks at every turn of the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// # use asyncio_to_smol::ticker::Ticker;
    /// # use std::time::{Duration, Instant};
    /// # async_io::block_on(async {
    /// let start = Instant::now();
    /// Ticker::every(Duration::from_millis(3)).tick().await;
    /// assert!(start.elapsed() >= Duration::from_millis(3));
    /// # });
    /// ```
    pub fn every(period: Duration) -> Ticker {
        Ticker::starting(Instant::now().checked_add(period), period)
    }

    /// Ticks at once, and then every period.
    ///
    /// A period of zero ticks at every turn of the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// # use asyncio_to_smol::ticker::Ticker;
    /// # use futures_lite::{future::block_on, StreamExt};
    /// # use std::time::Duration;
    /// let ticks = Ticker::now_and_every(Duration::ZERO).take(2);
    /// assert_eq!(block_on(ticks.count()), 2);
    /// ```
    pub fn now_and_every(period: Duration) -> Ticker {
        // The first tick is to come without a turn for others: `gave_turn` is true from the start.
        Ticker::starting(Some(Instant::now()), period)
    }

    fn starting(due: Option<Instant>, period: Duration) -> Ticker {
        Ticker {
            timer: timer_at(due),
            due,
            period,
            gave_turn: true,
        }
    }

    /// Waits for the next tick and returns the instant at which it was due.
    ///
    /// Cancel-safe: dropping the future before it is ready loses no tick.
    ///
    /// # Examples
    ///
    /// The [module's page](self) has one.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        // A timer that is already due is ready without waiting. Were that passed on as it is, work
        // that takes longer than the period would keep every other task from running.
        if !self.gave_turn {
            self.gave_turn = true;
            if self.due.is_some_and(|due| due <= Instant::now()) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let due = ready!(Pin::new(&mut self.timer).poll_next(cx)).unwrap_or_else(Instant::now);
        let now = Instant::now();
        self.due = match due.checked_add(self.period) {
            Some(next) if next <= now => now.checked_add(self.period),
            next => next,
        };
        self.timer = timer_at(self.due);
        self.gave_turn = false;
        Poll::Ready(due)
    }
}

impl Stream for Ticker {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

fn timer_at(due: Option<Instant>) -> Timer {
    due.map_or_else(Timer::never, Timer::at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, or, poll_once, yield_now};
    use futures_lite::{StreamExt, pin};
    use std::thread::sleep;

    const PERIOD: Duration = Duration::from_millis(40);

    #[test]
    fn first_tick_at_once_or_after_one_period() {
        let start = Instant::now();
        let (at_once, after_one) = async_io::block_on(async {
            (
                Ticker::now_and_every(PERIOD).tick().await,
                Ticker::every(PERIOD).tick().await,
            )
        });
        assert!(at_once < start + PERIOD);
        assert!(after_one >= start + PERIOD);
    }

    #[test]
    fn work_that_fits_in_the_period_does_not_make_it_drift() {
        let ticks: Vec<Instant> = async_io::block_on(async {
            let worked = Ticker::every(PERIOD).inspect(|_| sleep(PERIOD / 2));
            worked.take(10).collect().await
        });
        assert_eq!(ticks[9] - ticks[0], PERIOD * 9);
    }

    #[test]
    fn a_stall_gives_one_tick_and_then_whole_periods() {
        async_io::block_on(async {
            let mut ticker = Ticker::every(PERIOD);
            ticker.tick().await;
            sleep(PERIOD * 11 / 2);
            let end_of_stall = Instant::now();
            // The one that fell due first, late; not the four that followed it.
            assert!(ticker.tick().await < end_of_stall);
            assert!(ticker.tick().await >= end_of_stall + PERIOD);
        });
    }

    #[test]
    fn a_dropped_tick_is_not_lost() {
        async_io::block_on(async {
            let mut ticker = Ticker::every(PERIOD);
            let due = ticker.due.unwrap();
            assert!(poll_once(ticker.tick()).await.is_none());
            sleep(PERIOD);
            assert_eq!(ticker.tick().await, due);
        });
    }

    #[test]
    fn a_ticker_that_is_always_late_lets_others_run() {
        block_on(async {
            let mut turns = 0;
            let late = async {
                let mut ticker = Ticker::now_and_every(Duration::ZERO);
                for _ in 0..1000 {
                    ticker.tick().await;
                }
            };
            let other = async {
                while turns < 100 {
                    yield_now().await;
                    turns += 1;
                }
            };
            pin!(late, other);
            or(late, other).await;
            assert_eq!(turns, 100);
        });
    }

    #[test]
    fn between_threads() {
        fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<Ticker>();
    }

    #[test]
    fn a_period_beyond_the_clock_never_ticks() {
        block_on(async {
            let mut ticker = Ticker::now_and_every(Duration::MAX);
            ticker.tick().await;
            assert!(poll_once(ticker.tick()).await.is_none());
        });
    }
}
