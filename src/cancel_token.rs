//! Asking running code to stop that cannot be dropped: a closure inside `unblock`.
//!
//! - asyncio: `threading.Event`
//! - Node: `AbortController`, `worker.terminate`
//! - Example: [`cancel_blocking`](crate::examples::cancel_blocking)
//!
//! Dropping a future stops it where it awaits. A closure on another thread never awaits, so nobody
//! can stop it; it has to look, now and then, whether it is to stop.
//!
//! ```
//! use asyncio_to_smol::cancel_token::{Cancelled, cancel_token};
//! use std::thread;
//!
//! let (guard, token) = cancel_token();
//! let worker = thread::spawn(move || {
//!     let mut steps = 0_u64;
//!     loop {
//!         token.check()?;
//!         steps += 1; // some milliseconds of work, at most
//!         if steps == u64::MAX {
//!             return Ok(steps);
//!         }
//!     }
//! });
//! drop(guard); // as happens when the task that holds it is cancelled
//! assert_eq!(worker.join().unwrap(), Err(Cancelled));
//! ```
//!
//! The guard stays with whoever awaits the work; the token goes into the closure. When the task that
//! awaits is cancelled, the guard is dropped with it.
//!
//! | asyncio | Node | here |
//! |---|---|---|
//! | a `threading.Event` of one's own; `to_thread` cannot be cancelled | `AbortController` | [`CancelGuard`] |
//! | `event.is_set()` | `signal.aborted` | [`CancelToken::is_cancelled`] |
//! | | `signal.throwIfAborted()` | [`CancelToken::check`] |
//!
//! In Node a worker that computes does not hear of an `abort`; `worker.terminate()` ends it. A Rust
//! thread cannot be ended from outside.
//!
//! Sources: [`AbortSignal`](https://nodejs.org/api/globals.html#class-abortsignal),
//! [`asyncio.to_thread`](https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A guard, and the token that it cancels when it is dropped.
pub fn cancel_token() -> (CancelGuard, CancelToken) {
    let cancelled = Arc::new(AtomicBool::new(false));
    let token = CancelToken(Arc::clone(&cancelled));
    (CancelGuard(cancelled), token)
}

/// Cancels its token, and all clones of it, when it is dropped.
///
/// Bind it to a name: `let (_, token)` drops the guard at once.
#[derive(Debug)]
#[must_use = "dropping it cancels the token"]
pub struct CancelGuard(Arc<AtomicBool>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What the work looks at. Clones are cheap and belong to the same guard.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Whether the guard has been dropped.
    ///
    /// It costs a nanosecond or so: look every few milliseconds of work, or more often.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// [`is_cancelled`](CancelToken::is_cancelled) as an error, for `?`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the guard has been dropped.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}

/// The work was cancelled before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        io::Error::other(cancelled)
    }
}
