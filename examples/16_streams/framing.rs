//! Lines and length prefixes with a limit: a time limit, a limit overrun and a short read lose nothing.
//! Ports: none of the programs. It does what asyncio's `StreamReader` does and smol's traits do not.
//!
//! ```text
//! $ cargo run --example framing
//! line: time is up, kept: Hel
//! line: Hello\n
//! line: over the limit, kept: a line of 21 bytes..\n
//! all the same: a line of 21 bytes..\n
//! frame: time is up, kept: \x00\x00\x00\x05Hel
//! frame: Hello
//! frame: over the limit, kept: \x7f\x00\x00\x00
//! frame: unexpected end of file, kept: \x00\x00\x00\tpart
//! answer: got a part
//! ```
//!
//! `Framed` has its own buffer, like asyncio's `StreamReader`. Reading adds to the buffer, and a line or a frame
//! is taken out of it in one step, without an await. So it does not matter where a time limit drops the future:
//! half a line stays, and the next call goes on with it. smol's `read_exact` and `read_line` keep the bytes inside
//! the future, and a time limit or an error loses them.
//!
//! - `readuntil`: over the limit asyncio raises `LimitOverrunError` and consumes nothing, as here. You can look at
//!   the buffer, read on with another limit, or give up. smol's `read_until` has no limit; with `take(16)` in
//!   front of it a line is cut without an error, and its rest is the next line.
//! - `readexactly`: asyncio's `IncompleteReadError` has the partial bytes; here they are in the buffer. smol's
//!   `read_exact` returns `UnexpectedEof` and loses them.
//! - A prefix that announces 2 GB is an error before its content is read. asyncio's `readexactly` has no limit,
//!   and a `wait_for` around its two calls of `readexactly` can lose the prefix.
//! - `write_eof` is `shutdown(Shutdown::Write)`: the other side reads to the end, and can still answer.
//!
//! Who owns what: `Framed` owns the connection and its buffer. To close a stream, drop it; there is no
//! `wait_closed`, since the system already has the written bytes. An async generator's `aclose` becomes `Drop`,
//! which cannot await. (Dropping a connection with unread bytes resets it, and the peer gets an error after the
//! answer, or instead of it.)
//!
//! asyncio: `StreamReader.readuntil` (`smol::io::AsyncBufReadExt::read_until`, without a limit),
//! `StreamReader.readexactly` (`smol::io::AsyncReadExt::read_exact`, which loses the partial bytes),
//! `StreamReader.readline`, `asyncio.IncompleteReadError` (`std::io::ErrorKind::UnexpectedEof`, and your own
//! buffer), `asyncio.LimitOverrunError` (your own error, and a buffer), `StreamWriter.write_eof`
//! (`smol::net::TcpStream::shutdown`), `StreamWriter.close` (`std::ops::Drop`), `StreamWriter.wait_closed` (none:
//! the system has the written bytes), `agen.aclose` (`std::ops::Drop`), `asyncio.wait_for`.
//! Node: `socket.end` (`smol::net::TcpStream::shutdown`), `socket.destroy` (`std::ops::Drop`).
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncReadExt, AsyncWriteExt, Error, ErrorKind};
use smol::net::{Shutdown, TcpListener, TcpStream};
use smol::{Timer, block_on, future};

const LIMIT: usize = 16;

/// A connection, and the bytes that were read and not taken yet.
struct Framed(TcpStream, Vec<u8>);

impl Framed {
    /// Waits until there are `n` bytes. It takes none, and loses none when it is dropped.
    async fn fill(&mut self, n: usize) -> io::Result<()> {
        while self.1.len() < n {
            let mut chunk = [0; 4096];
            match self.0.read(&mut chunk).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                new => self.1.extend_from_slice(&chunk[..new]),
            }
        }
        Ok(())
    }

    /// Takes `n` bytes, which must be there.
    fn take(&mut self, n: usize) -> Vec<u8> {
        self.1.drain(..n).collect()
    }

    // ANCHOR: excerpt
    /// `readuntil`: at most 16 bytes, and a line feed.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        for end in 0..=LIMIT {
            self.fill(end + 1).await?;
            if self.1[end] == b'\n' {
                return Ok(self.take(end + 1));
            }
        }
        Err(Error::other("over the limit"))
    }

    /// `readexactly` twice: the length, in four bytes, and then the content.
    async fn frame(&mut self) -> io::Result<Vec<u8>> {
        self.fill(4).await?;
        let length = u32::from_be_bytes(self.1[..4].try_into().expect("four")) as usize;
        if length > LIMIT {
            return Err(Error::other("over the limit"));
        }
        self.fill(4 + length).await?;
        self.take(4);
        Ok(self.take(length))
    }
    // ANCHOR_END: excerpt

    /// Reads with a time limit.
    async fn show(&mut self, what: &str, read: impl AsyncFn(&mut Self) -> io::Result<Vec<u8>>) {
        let time_is_up = async {
            Timer::after(std::time::Duration::from_millis(100)).await;
            Err(Error::other("time is up"))
        };
        match future::or(read(self), time_is_up).await {
            Ok(bytes) => println!("{what}: {}", bytes.escape_ascii()),
            Err(error) => println!("{what}: {error}, kept: {}", self.1.escape_ascii()),
        }
    }
}

fn main() -> io::Result<()> {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut peer = TcpStream::connect(listener.local_addr()?).await?;
        let mut framed = Framed(listener.accept().await?.0, Vec::new());

        for bytes in ["Hel", "lo\n", "a line of 21 bytes..\n"] {
            peer.write_all(bytes.as_bytes()).await?;
            framed.show("line", Framed::line).await;
        }
        println!("all the same: {}", framed.take(21).escape_ascii());

        for bytes in ["\0\0\0\x05Hel", "lo", "\x7f\0\0\0"] {
            peer.write_all(bytes.as_bytes()).await?;
            framed.show("frame", Framed::frame).await;
        }
        framed.take(4);

        peer.write_all(b"\0\0\0\x09part").await?;
        peer.shutdown(Shutdown::Write)?;
        framed.show("frame", Framed::frame).await;
        framed.0.write_all(b"got a part").await?;
        drop(framed);
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await?;
        println!("answer: {answer}");
        Ok(())
    })
}
