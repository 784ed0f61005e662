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
//!
//! # async_io::block_on(async {
//! let listener = Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 0))?;
//! let client = Async::<std::net::TcpStream>::connect(listener.get_ref().local_addr()?).await?;
//! let (mut client, server) = (TcpStream::new(client), listener.accept().await?.0);
//! client.write_all(b"Hello world!").await?;
//! let mut text = [0; 12];
//! TcpStream::new(server).read_exact(&mut text).await?;
//! assert_eq!(&text, b"Hello world!");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! smol's own `TcpStream` reads from the socket whenever it is polled. That is expensive for a caller that polls
//! often: hyper polls for input at every step, four times in vain for each request. This stream remembers when the
//! socket is empty or full, and waits until the system reports that it no longer is.
//!
//! | | asyncio | Node | smol's `TcpStream` | here |
//! |---|---|---|---|---|
//! | the first read | when there is input | when there is input | at once | at once |
//! | the next read, if the last one did not fill its buffer | when there is input | when there is input | at once | when there is input |
//! | polled again meanwhile | (callbacks are not polled) | | reads from the socket | makes no system call |
//! | the peer has closed its end | `eof_received` | `'end'` | a read of no bytes | a read of no bytes |
//! | writing several buffers at once (`write_vectored`) | `writelines` | `cork` | all | only the first |
//!
//! No input is missed: the system also reports bytes that arrived before the registration, and a connection that
//! was closed or reset. The cost: after a read that did not fill its buffer, further input is read one turn of the
//! loop later. For lines of standard input, see [`Stdin`](crate::stdin::Stdin).
//!
//! Sources: [epoll(7)](https://man7.org/linux/man-pages/man7/epoll.7.html) (question 9),
//! [`loop.create_connection`](https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_connection),
//! [`net.Socket`](https://nodejs.org/api/net.html#class-netsocket).

use async_io::{Async, ReadableOwned, WritableOwned};
use futures_lite::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, Shutdown};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A TCP connection, used through [`AsyncRead`] and [`AsyncWrite`].
///
/// An example is [above](self). It is `Send` and `Sync`. Closing it shuts down its writing half: the peer reads
/// everything that was written, then the end, and can still write. Dropping it closes both halves. One task can
/// read while another writes, through `futures_lite::io::split`. To limit a read or write, see
/// [`timeout`](crate::timeout::timeout).
#[derive(Debug)]
pub struct TcpStream {
    stream: Arc<Async<net::TcpStream>>,
    // Not `poll_readable`: it starts again if the reactor takes the wake-up for an old one, and while another
    // thread is in the reactor, every wake-up counts as old. These futures remember when they have started.
    /// Set after a read that did not fill its buffer.
    empty: Option<ReadableOwned<net::TcpStream>>,
    /// Set after a write that did not write all of its bytes.
    full: Option<WritableOwned<net::TcpStream>>,
}

impl TcpStream {
    /// Wraps a connection of smol: a `smol::net::TcpStream`, or an `Async<std::net::TcpStream>`. If you need its
    /// addresses and options later, keep an `Arc` of it and pass a clone.
    ///
    /// ```
    /// # use {asyncio_to_smol::tcp_stream::TcpStream, async_io::Async};
    /// fn without_delay(connection: Async<std::net::TcpStream>) -> std::io::Result<TcpStream> {
    ///     connection.get_ref().set_nodelay(true)?;
    ///     Ok(TcpStream::new(connection))
    /// }
    /// ```
    pub fn new(stream: impl Into<Arc<Async<net::TcpStream>>>) -> TcpStream {
        TcpStream {
            stream: stream.into(),
            empty: None,
            full: None,
        }
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
        return Poll::Ready(Ok(0)); // this does not depend on the socket
    }
    loop {
        if let Some(ready) = waiting {
            let result = ready!(Pin::new(ready).poll(cx));
            *waiting = None;
            result?;
        }
        let result = transfer();
        let is_blocked = matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock);
        // 0 is the end of the stream: the socket is not empty, and each further read returns 0, too.
        if is_blocked || matches!(result, Ok(done) if 0 < done && done < length) {
            *waiting = Some(wait());
        }
        if !is_blocked {
            return Poll::Ready(result);
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let TcpStream { stream, empty, .. } = self.get_mut();
        let wait = || Arc::clone(stream).readable_owned();
        let room = buffer.len();
        poll_with(empty, wait, cx, room, || stream.get_ref().read(buffer))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let TcpStream { stream, full, .. } = self.get_mut();
        let wait = || Arc::clone(stream).writable_owned();
        let length = bytes.len();
        poll_with(full, wait, cx, length, || stream.get_ref().write(bytes))
    }

    /// Ready at once: this stream has no buffer.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }
}
