//! An interval that neither drifts nor replays what it missed.
//!
//! - asyncio: `asyncio.sleep`
//! - Node: `setInterval`
//! - Paste: this file; `cargo add async-io futures-lite`.
//!
//! ```
//! use asyncio_to_smol::ticker::Ticker;
//! use futures_lite::StreamExt;
//! use std::time::Duration;
//!
//! let ticks = Ticker::now_and_every(Duration::from_millis(300)).take(3);
//! // At once, after 300 ms, after 600 ms.
//! async_io::block_on(ticks.for_each(|_due| println!("Hello world!")));
//! ```
//!
//! | | a period | after a stall of several periods |
//! |---|---|---|
//! | asyncio's `sleep` or `Timer::after` in a loop | is longer by the work | one late tick, then every period |
//! | `smol::Timer::interval` | starts when the last tick was due | all missed ticks in one burst |
//! | Node's `setInterval` | starts when the last tick ran | one late tick, then every period |
//! | [`Ticker`] | starts when the last tick was due; after a missed tick, when the late tick ran | one late tick, then every period |
//!
//! For a single delay, see [`sleep`](crate::sleep::sleep). Figures are on the page of chapter 1. Source: Node's
//! [`setInterval`](https://nodejs.org/api/timers.html#setintervalcallback-delay-args).

use async_io::Timer;
use futures_lite::Stream;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// An endless [`Stream`] of the instants at which its ticks were due, used like `Timer::interval`.
///
/// A period of zero ticks at every turn of the loop. Dropping the future of `next()` loses no tick; dropping the
/// `Ticker` cancels it. It is `Send` and `Sync`. An example is [above](self).
#[derive(Debug)]
#[must_use = "it ticks only if it is polled"]
pub struct Ticker {
    timer: Timer,
    /// When the next tick is due.
    due: Instant,
    period: Duration,
    /// Whether other tasks have had a turn since the last tick.
    gave_turn: bool,
}

impl Ticker {
    /// Ticks after one period, and then every period: Node's `setInterval`. To tick at once, too, see
    /// [`now_and_every`](Ticker::now_and_every).
    ///
    /// ```
    /// # use {asyncio_to_smol::ticker::Ticker, futures_lite::StreamExt, std::time::{Duration, Instant}};
    /// let (start, period) = (Instant::now(), Duration::from_millis(3));
    /// async_io::block_on(Ticker::every(period).next());
    /// assert!(start.elapsed() >= period);
    /// ```
    pub fn every(period: Duration) -> Ticker {
        Ticker::starting(period, period)
    }

    /// Ticks at once, and then every period. Without the first tick, [`every`](Ticker::every).
    ///
    /// ```
    /// # use {asyncio_to_smol::ticker::Ticker, futures_lite::StreamExt, std::time::Duration};
    /// let ticks = Ticker::now_and_every(Duration::ZERO).take(2);
    /// assert_eq!(async_io::block_on(ticks.count()), 2);
    /// ```
    pub fn now_and_every(period: Duration) -> Ticker {
        Ticker::starting(Duration::ZERO, period)
    }

    fn starting(after: Duration, period: Duration) -> Ticker {
        // An `Instant` can hold this, and it is too far away to matter.
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        let due = Instant::now() + after.min(century);
        Ticker {
            timer: Timer::at(due),
            due,
            period: period.min(century),
            gave_turn: true,
        }
    }
}

impl Stream for Ticker {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        // A timer that is already due is ready without waiting. Without this turn for others, work that takes
        // longer than the period would keep every other task from running.
        if !mem::replace(&mut self.gave_turn, true) && self.due <= Instant::now() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let due = ready!(Pin::new(&mut self.timer).poll(cx));
        let (next, now) = (due + self.period, Instant::now());
        self.due = if next > now { next } else { now + self.period };
        self.timer = Timer::at(self.due);
        self.gave_turn = false;
        Poll::Ready(Some(due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::StreamExt;
    use futures_lite::future::{block_on, poll_once};
    use std::thread::sleep;

    const PERIOD: Duration = Duration::from_millis(40);

    #[test]
    fn work_that_fits_in_the_period_does_not_make_it_drift() {
        let start = Instant::now();
        let worked = Ticker::now_and_every(PERIOD).inspect(|_| sleep(PERIOD / 2));
        let ticks: Vec<Instant> = async_io::block_on(worked.take(10).collect());
        assert!(ticks[0] < start + PERIOD);
        assert_eq!(ticks[9] - ticks[0], PERIOD * 9);
    }

    #[test]
    fn a_stall_gives_one_tick_and_then_whole_periods_and_a_dropped_next_loses_none() {
        async_io::block_on(async {
            let mut ticker = Ticker::every(PERIOD);
            let due = ticker.due;
            assert!(poll_once(ticker.next()).await.is_none());
            sleep(PERIOD * 13 / 2);
            let end_of_stall = Instant::now();
            // The first missed tick, late; the five after it are skipped.
            assert_eq!(ticker.next().await, Some(due));
            assert!(ticker.next().await >= Some(end_of_stall + PERIOD));
        });
    }

    #[test]
    fn a_ticker_that_is_always_late_lets_others_run_after_every_tick() {
        let mut ticker = Ticker::now_and_every(Duration::ZERO);
        let polls = (0..100).map(|_| block_on(poll_once(ticker.next())).is_some());
        let polls: Vec<bool> = polls.collect();
        assert!(polls.chunks(2).all(|pair| pair == [true, false]));
    }

    #[test]
    fn a_period_beyond_the_clock_never_ticks_again() {
        let mut ticker = Ticker::now_and_every(Duration::MAX);
        let _between_threads: &(dyn Send + Sync) = &ticker;
        assert!(block_on(ticker.next()).is_some());
        assert!(block_on(poll_once(ticker.next())).is_none());
    }
}
