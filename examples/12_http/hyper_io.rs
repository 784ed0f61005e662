//! What hyper needs of a runtime: a connection and a timer.
//!
//! The crate `smol-hyper` has both for everything that smol can read from, and costs more CPU: 4.1 µs of the
//! server for each request instead of 3.3, and 7.1 µs of the client instead of 4.7. hyper reads into memory that
//! was never written to, which smol's way of reading does not know. So `smol-hyper` writes zeros to all of it first,
//! 8 KiB or more, each time hyper looks for input. Here it is read into a small buffer, and what has come is copied.

use hyper::rt::{self, ReadBufCursor};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// A connection for hyper, on a stream of smol's.
pub struct HyperIo<S>(pub S);

impl<S: AsyncRead + Unpin> rt::Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = [0; 2048];
        let room = cursor.remaining().min(buffer.len());
        let length = ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer[..room]))?;
        cursor.put_slice(&buffer[..length]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> rt::Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// The timer of one connection, for hyper's `header_read_timeout`.
///
/// hyper sets it anew for each request, and a `Timer` of smol's costs system calls. So there is one for the whole
/// connection, which is set again only when it has fired too early.
#[derive(Clone, Default)]
pub struct HyperTimer(Arc<Mutex<Option<Timer>>>);

struct Sleep(Instant, HyperTimer);

impl rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(deadline, self.clone()))
    }
}

impl rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Sleep(deadline, HyperTimer(timer)) = &*self;
        let mut timer = timer.lock().unwrap_or_else(PoisonError::into_inner);
        while Instant::now() < *deadline {
            let timer = timer.get_or_insert_with(|| Timer::at(*deadline));
            ready!(Pin::new(&mut *timer).poll(cx));
            timer.set_at(*deadline);
        }
        Poll::Ready(())
    }
}
