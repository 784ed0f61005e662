//! A TCP connection that is not read when there is nothing to read.
//!
//! - asyncio: `loop.create_connection`
//! - Node: `net.Socket`
//! - Paste: this file; `cargo add async-io futures-lite`.
//!
//! ```
//! use asyncio_to_smol::tcp_stream::TcpStream;
//! use async_io::Async;
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//! use std::net;
//!
//! # async_io::block_on(async {
//! let listener = Async::<net::TcpListener>::bind(([127, 0, 0, 1], 0))?;
//! let client = Async::<net::TcpStream>::connect(listener.get_ref().local_addr()?).await?;
//! let (server, _) = listener.accept().await?;
//!
//! let (mut client, mut server) = (TcpStream::new(client), TcpStream::new(server));
//! client.write_all(b"Hello world!").await?;
//! client.close().await?;
//! let mut text = String::new();
//! server.read_to_string(&mut text).await?;
//! assert_eq!(text, "Hello world!");
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```
//!
//! smol's own `TcpStream` reads from the socket whenever it is polled, and registers for readiness only
//! when it has found nothing. That costs a caller that polls often: hyper looks for input at every step,
//! four times in vain for each request. This one remembers. Once a read has found nothing, or less than
//! there was room for, the socket is empty, and is not read again before the system reports that it is
//! readable; and a full one is not written to before the system reports that it is writable.
//!
//! | | asyncio | Node | smol's `TcpStream` | here |
//! |---|---|---|---|---|
//! | the first read | when there is something | when there is something | at once | at once |
//! | after a read that found less than there was room for | when there is more | when there is more | at once | when there is more |
//! | polled again meanwhile | (callbacks are not polled) | | reads from the socket | makes no system call |
//! | the peer has closed its end | `eof_received` | `'end'` | a read of no bytes | a read of no bytes |
//!
//! Nothing is missed: the system also reports what was there before the registration, and that the peer
//! has closed the connection or reset it. What it costs: a task that has read less than there was room
//! for gets what arrives after that a turn of the loop later. A task that reads again only when something
//! has come makes as many system calls as with smol's, or one less.
//!
//! One task may read while another one writes, through `futures_lite::io::split`.

use async_io::{Async, ReadableOwned, WritableOwned};
use futures_lite::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A TCP connection, to be used through [`AsyncRead`] and [`AsyncWrite`]. See the [module's page](self) for
/// what it spares.
///
/// Closing it shuts down its writing half: the peer reads to the end of what was written, and can go
/// on writing. Dropping it closes both. It is `Send` and `Sync`.
#[derive(Debug)]
pub struct TcpStream {
    stream: Arc<Async<net::TcpStream>>,
    // Not `poll_readable`: polled after a wake-up that the reactor takes for an old one, it begins anew,
    // and while another thread sits in the reactor all wake-ups are old. These remember since when.
    /// After a read that found nothing, or less than there was room for.
    empty: Option<ReadableOwned<net::TcpStream>>,
    /// After a write that found no room, or less than it needed.
    full: Option<WritableOwned<net::TcpStream>>,
}

impl TcpStream {
    /// Makes one of a connection of smol's: a `smol::net::TcpStream`, or an `Async<std::net::TcpStream>`.
    ///
    /// # Examples
    ///
    /// The [module's page](self) has one.
    pub fn new(stream: impl Into<Arc<Async<net::TcpStream>>>) -> TcpStream {
        TcpStream {
            stream: stream.into(),
            empty: None,
            full: None,
        }
    }

    /// The connection itself: its addresses and options.
    ///
    /// # Examples
    ///
    /// ```
    /// # use asyncio_to_smol::tcp_stream::TcpStream;
    /// fn send_at_once(stream: &TcpStream) -> std::io::Result<()> {
    ///     stream.get_ref().get_ref().set_nodelay(true)
    /// }
    /// ```
    pub fn get_ref(&self) -> &Async<net::TcpStream> {
        &self.stream
    }

    fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut read: impl FnMut(&net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let stream = &self.stream;
        let wait = || Arc::clone(stream).readable_owned();
        poll_with(&mut self.empty, wait, cx, room, || read(stream.get_ref()))
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        length: usize,
        mut write: impl FnMut(&net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let stream = &self.stream;
        let wait = || Arc::clone(stream).writable_owned();
        poll_with(&mut self.full, wait, cx, length, || write(stream.get_ref()))
    }
}

/// Reads or writes up to `length` bytes, once the socket is no longer empty or full.
fn poll_with<W: Future<Output = io::Result<()>> + Unpin>(
    waiting: &mut Option<W>,
    wait: impl Fn() -> W,
    cx: &mut Context<'_>,
    length: usize,
    mut transfer: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    if length == 0 {
        return Poll::Ready(Ok(0)); // which says nothing about the socket
    }
    loop {
        if let Some(ready) = waiting {
            let result = ready!(Pin::new(ready).poll(cx));
            *waiting = None;
            result?;
        }
        match transfer() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => *waiting = Some(wait()),
            result => {
                // At the end of the stream, 0, it is not empty: each further read says so again.
                if matches!(result, Ok(done) if 0 < done && done < length) {
                    *waiting = Some(wait());
                }
                return Poll::Ready(result);
            }
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let room = buffer.len();
        self.poll_read_with(cx, room, |mut stream| stream.read(buffer))
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        self.poll_read_with(cx, room, |mut stream| stream.read_vectored(buffers))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, bytes.len(), |mut stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.poll_write_with(cx, length, |mut stream| stream.write_vectored(pieces))
    }

    /// Ready: what was written is with the system already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }
}
