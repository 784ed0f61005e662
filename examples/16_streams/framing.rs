//! Lines and length prefixes with a limit: a time limit, a limit overrun and a short read lose nothing.
//!
//! Ports: none of the programs. What asyncio's `StreamReader` does, and smol's traits do not.
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
//! `Framed` has what asyncio's `StreamReader` has: a buffer of its own. Reading adds to the buffer, and a
//! line or a frame is taken out of it in one step, without an await. So it does not matter where a time
//! limit drops the future: half a line stays, and the next call goes on with it. smol's `read_exact` and
//! `read_line` keep what they have taken inside the future, and a time limit or an error loses it.
//!
//! - `readuntil`: over the limit it is `LimitOverrunError` there, and nothing is consumed, here too. One
//!   can look, read on with another limit, or give up. smol's `read_until` has no limit; with `take(16)` in
//!   front of it a line is cut, without an error, and its rest is the next line.
//! - `readexactly`: asyncio's `IncompleteReadError` has the partial bytes, here they are in the buffer.
//!   smol's `read_exact` says `UnexpectedEof`, and they are lost.
//! - A prefix that announces 2 GB is an error before anything of it is read. asyncio's `readexactly` knows
//!   no limit. And asyncio's prefix is lost when a `wait_for` is around the two calls of `readexactly`.
//! - `write_eof` is `shutdown(Shutdown::Write)`: the other side reads to the end, and can still answer.
//!
//! Who owns what: `Framed` owns the connection and what has come of it. To close a stream is to drop it;
//! there is no `wait_closed`, since what was written is with the system. What an async generator does in
//! `aclose` is done in `Drop`, which cannot await. (A connection that is dropped before all that has come
//! was read is reset, and then the other side gets an error behind the answer, or instead of it.)
//!
//! asyncio: `StreamReader.readuntil` (`smol::io::AsyncBufReadExt::read_until`, without a limit),
//! `StreamReader.readexactly` (`smol::io::AsyncReadExt::read_exact`, which loses the partial bytes),
//! `StreamReader.readline`, `asyncio.IncompleteReadError` (`std::io::ErrorKind::UnexpectedEof`, and a
//! buffer of one's own), `asyncio.LimitOverrunError` (an error of one's own, and a buffer),
//! `StreamWriter.write_eof` (`smol::net::TcpStream::shutdown`), `StreamWriter.close` (`std::ops::Drop`),
//! `StreamWriter.wait_closed` (none: what was written is with the system), `agen.aclose`
//! (`std::ops::Drop`), `asyncio.wait_for`.
//! Node: `socket.end` (`smol::net::TcpStream::shutdown`), `socket.destroy` (`std::ops::Drop`).
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncReadExt, AsyncWriteExt, Error, ErrorKind};
use smol::net::{Shutdown, TcpListener, TcpStream};
use smol::{Timer, block_on, future};

const LIMIT: usize = 16;

/// A connection, and what has come of it and was not taken yet.
struct Framed(TcpStream, Vec<u8>);

impl Framed {
    /// Waits until there are `n` bytes. It takes none, and when it is dropped it loses none.
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

    /// Takes so many bytes, which are there.
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

    /// `readexactly` twice: the length, in four bytes, and then so many.
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
