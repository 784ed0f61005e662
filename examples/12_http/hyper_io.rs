//! What hyper needs of a runtime: a connection and a timer.
//!
//! The crate `smol-hyper` has both for everything that smol can read from, and costs more CPU: 4.1 µs of the
//! server for each request instead of 3.3, and 7.1 µs of the client instead of 4.7. hyper reads into memory that
//! was never written to, which smol's way of reading does not know. So `smol-hyper` writes zeros to all of it first,
//! 8 KiB or more, each time hyper looks for input. Here one buffer serves all connections of a thread, and what
//! has come is copied. The library's `tcp_stream`, below it, asks the socket only when there is something.

use asyncio_to_smol::tcp_stream;
use hyper::rt::{self, ReadBufCursor};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// How long the peer may leave a connection waiting, for what it sends or for room to write.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

thread_local! {
    static BUFFER: RefCell<[u8; 8192]> = const { RefCell::new([0; 8192]) };
}

/// A connection for hyper. A write fails that finds no room for 10 s.
pub struct HyperIo<S = tcp_stream::TcpStream> {
    stream: S,
    no_room: Option<Timer>,
}

impl HyperIo {
    /// On the library's `tcp_stream`.
    pub fn new(stream: TcpStream) -> HyperIo {
        HyperIo::on(tcp_stream::TcpStream::new(stream))
    }
}

impl<S> HyperIo<S> {
    pub fn on(stream: S) -> HyperIo<S> {
        let no_room = None;
        HyperIo { stream, no_room }
    }
}

impl<S: AsyncRead + Unpin> rt::Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        BUFFER.with_borrow_mut(|buffer| {
            let room = cursor.remaining().min(buffer.len());
            let length = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer[..room]))?;
            cursor.put_slice(&buffer[..length]);
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: AsyncWrite + Unpin> rt::Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            self.no_room = None;
            return Poll::Ready(result);
        }
        let no_room = self.no_room.get_or_insert_with(|| Timer::after(TIME_LIMIT));
        ready!(Pin::new(no_room).poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// The timer of one connection, for hyper's `header_read_timeout`.
///
/// hyper sets it anew for each request, and a `Timer` of smol's costs system calls. So there is one for the whole
/// connection, which is set again only when it has fired too early.
#[derive(Default)]
pub struct HyperTimer(Arc<Mutex<Option<Timer>>>);

struct Sleep {
    deadline: Instant,
    timer: Arc<Mutex<Option<Timer>>>,
}

impl rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        let timer = Arc::clone(&self.0);
        Box::pin(Sleep { deadline, timer })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        while Instant::now() < self.deadline {
            let timer = timer.get_or_insert_with(|| Timer::at(self.deadline));
            ready!(Pin::new(&mut *timer).poll(cx));
            timer.set_at(self.deadline);
        }
        Poll::Ready(())
    }
}

impl rt::Sleep for Sleep {}
