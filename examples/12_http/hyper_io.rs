//! Adapts a connection of smol's to hyper.
//!
//! The crate `smol-hyper` does this for every stream of smol, and costs more CPU (the chapter's page has the
//! figures). hyper reads into uninitialized memory, which smol's `AsyncRead` cannot do. So `smol-hyper` writes
//! zeros to all of it first, 8 KiB or more, each time hyper polls for input. This adapter reads into a small
//! buffer, and copies from it. (The timer for hyper is that of `smol-hyper`.)

use hyper::rt::{self, ReadBufCursor};
use smol::io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What is read and written: smol's `TcpStream`, or the library's.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A connection for hyper.
pub struct HyperIo<S>(pub S);

impl<S: Stream> rt::Read for HyperIo<S> {
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

impl<S: Stream> rt::Write for HyperIo<S> {
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
