//! What hyper needs of a connection.
//!
//! The crate `smol-hyper` has this for everything that smol can read from. hyper reads into memory that was
//! never written to, which smol's way of reading does not know. So `smol-hyper` writes zeros to all of it
//! first, 8 KiB or more, each time hyper looks whether something has come. Here it is read into another
//! buffer, and what has come is copied.

use asyncio_to_smol::tcp_stream::TcpStream;
use hyper::rt::{Read, ReadBufCursor, Write};
use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};
use std::cell::RefCell;
use std::io;
use std::net;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

thread_local! {
    /// For all connections of a thread: what one has read is copied before another one reads.
    static BUFFER: RefCell<[u8; 8192]> = const { RefCell::new([0; 8192]) };
}

/// A connection for hyper.
pub struct HyperIo(TcpStream);

impl HyperIo {
    /// Of a `smol::net::TcpStream`, say.
    pub fn new(stream: impl Into<Arc<Async<net::TcpStream>>>) -> HyperIo {
        HyperIo(TcpStream::new(stream))
    }
}

impl Read for HyperIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        BUFFER.with_borrow_mut(|buffer| {
            let room = cursor.remaining().min(buffer.len());
            let length = ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer[..room]))?;
            cursor.put_slice(&buffer[..length]);
            Poll::Ready(Ok(()))
        })
    }
}

impl Write for HyperIo {
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
