//! The slow function of the articles, and the wrapper that says how slow it was.
//!
//! - asyncio: no name for it
//! - Node: no name for it
//! - Examples: [`cancel_blocking`](crate::examples::cancel_blocking),
//!   [`fib_coroutine`](crate::examples::fib_coroutine)
//!
//! [`fib`] computes Fibonacci numbers by the recursion `F(n) = F(n-1) + F(n-2)`, on purpose: its
//! exponential cost is what holds up an event loop. [`timed`] is the articles'
//! `log_execution_time`. Neither asyncio nor Node has a counterpart.
//!
//! ```
//! use asyncio_to_smol::fib::{fib, timed};
//!
//! let value = timed("fib", || fib(30)); // prints: Executing fib took 0.00 seconds.
//! assert_eq!(value, Ok(832_040));
//! ```

use std::fmt;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The largest n that [`fib`] takes: F(93) is the last Fibonacci number that fits in a `u64`.
pub const MAX: u32 = 93;

/// The Fibonacci number F(n) by the naive recursion, with F(0) = 0 and F(1) = 1.
///
/// It takes about 2 × F(n + 1) calls: some 0.15 s for n = 40, and 1.6 times as long for every one
/// more, so that n = 93 would take hundreds of years.
///
/// # Errors
///
/// [`TooLarge`] for n above [`MAX`].
///
/// ```
/// use asyncio_to_smol::fib::{TooLarge, fib};
///
/// assert_eq!(fib(0), Ok(0));
/// assert_eq!(fib(20), Ok(6765));
/// assert_eq!(fib(94), Err(TooLarge));
/// assert_eq!(TooLarge.to_string(), "a Fibonacci number beyond F(93) does not fit in 64 bits");
/// ```
#[inline] // So that `naive` is compiled for every n. Made for n up to 93 it comes out slower.
pub fn fib(n: u32) -> Result<u64, TooLarge> {
    if n > MAX { Err(TooLarge) } else { Ok(naive(n)) }
}

/// The recursion, six levels of it in one function.
///
/// gcc -O2 does the same to the C function, rustc does not, and without it this takes twice as
/// long as C (`just bench fib` compares them).
fn naive(n: u32) -> u64 {
    // Makes a call something that is not to be left out. Else rustc sees that fib(n - 1) and
    // fib(n - 2) both need fib(n - 3), and computes that once: the cost would not be the naive one.
    black_box(());
    step(n, |n| {
        step(n, |n| step(n, |n| step(n, |n| step(n, |n| step(n, naive)))))
    })
}

#[inline(always)]
fn step(n: u32, fib: impl Fn(u32) -> u64) -> u64 {
    if n < 2 {
        u64::from(n)
    } else {
        fib(n - 1) + fib(n - 2)
    }
}

/// Why [`fib`] refused its argument: the value would not fit in a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a Fibonacci number beyond F({MAX}) does not fit in 64 bits"
        )
    }
}

impl std::error::Error for TooLarge {}

impl From<TooLarge> for io::Error {
    fn from(error: TooLarge) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Calls `f`, prints how long that took on standard output, and returns what `f` returned.
///
/// The line is `Executing fib took 8.96 seconds.` for the name `fib`. It is lost if standard output
/// cannot be written to. Where another thread prints too, use [`measure`] and print this line
/// together with the one that belongs to it.
///
/// Python: the article's decorator `log_execution_time`. Node: `console.time` and `timeEnd`.
pub fn timed<T>(name: &'static str, f: impl FnOnce() -> T) -> T {
    timed_to(&mut io::stdout(), name, f)
}

fn timed_to<T>(out: &mut impl Write, name: &'static str, f: impl FnOnce() -> T) -> T {
    let timed = measure(name, f);
    // The caller wants the value, whether the line can be written or not.
    let _ = writeln!(out, "{timed}");
    timed.value
}

/// Calls `f` and measures it, as [`timed`] does, but leaves the printing to the caller.
///
/// ```
/// use asyncio_to_smol::fib::measure;
///
/// let answer = measure("addition", || 2 + 3);
/// assert_eq!(answer.value, 5);
/// assert_eq!(answer.to_string(), "Executing addition took 0.00 seconds.");
/// ```
pub fn measure<T>(name: &'static str, f: impl FnOnce() -> T) -> Timed<T> {
    let start = Instant::now();
    let value = f();
    Timed {
        name,
        value,
        took: start.elapsed(),
    }
}

/// A value and the time it took. Displays as the line that [`timed`] prints.
#[derive(Clone, Copy, Debug)]
pub struct Timed<T> {
    /// What was computed, as the line names it.
    pub name: &'static str,
    /// The result.
    pub value: T,
    /// Wall-clock time.
    pub took: Duration,
}

impl<T> fmt::Display for Timed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Executing {} took {:.2} seconds.",
            self.name,
            self.took.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_up_to_30_follow_the_definition() {
        let mut expected = (0, 1);
        for n in 0..=30 {
            assert_eq!(fib(n), Ok(expected.0), "F({n})");
            expected = (expected.1, expected.0 + expected.1);
        }
    }

    #[test]
    fn the_articles_value() {
        assert_eq!(fib(37), Ok(24_157_817));
    }

    #[test]
    fn the_limit_is_the_last_number_that_fits() {
        let mut pair = (0_u64, 1_u64);
        let mut n = 0;
        while let Some(next) = pair.0.checked_add(pair.1) {
            pair = (pair.1, next);
            n += 1;
        }
        // The loop ends with F(n) and F(n + 1) in `pair`, and F(n + 2) too large.
        assert_eq!(MAX, n + 1);
        assert_eq!(fib(MAX + 1), Err(TooLarge));
        assert_eq!(fib(u32::MAX), Err(TooLarge));
    }

    #[test]
    fn timed_prints_the_articles_line_after_the_call() {
        let mut out = Vec::new();
        assert_eq!(timed_to(&mut out, "nothing", || 5), 5);
        assert_eq!(out, b"Executing nothing took 0.00 seconds.\n");
    }

    #[test]
    fn the_line_is_the_articles() {
        let timed = Timed {
            name: "fib",
            value: (),
            took: Duration::from_millis(8_956),
        };
        assert_eq!(timed.to_string(), "Executing fib took 8.96 seconds.");
    }
}
