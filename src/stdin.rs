//! Standard input as a stream of lines that never blocks the loop.
//!
//! - asyncio: `loop.add_reader`
//! - Node: `process.stdin.on`, `readline.createInterface`
//! - Paste: this file; `cargo add async-io futures-lite`, for Unix
//!   `cargo add rustix --features event,fs,net`, elsewhere `cargo add blocking`.
//!
//! ```
//! use asyncio_to_smol::stdin::Stdin;
//! use futures_lite::StreamExt;
//!
//! # async_io::block_on(async {
//! let mut lines = Stdin::open()?;
//! while let Some(line) = lines.next().await {
//!     println!("{}", String::from_utf8_lossy(&line?));
//! }
//! # std::io::Result::Ok(())
//! # })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! It is what `Async<Stdin>` would have to be. `Async` is made for sockets; on standard input the obvious
//! ways to use it are wrong, and the usual ways around it are right in most rows only:
//! | | mechanism | symptom |
//! |---|---|---|
//! | `Async::new(stdin())` and `lines()` | sets `O_NONBLOCK`, not on your descriptor but on the open file behind it, which your terminal's shell and every program started from it share | after your program `cat` fails with "Resource temporarily unavailable"; so does a large `println!` of your own, which panics |
//! | `Async::new_nonblocking(stdin())`, `readable()`, then std's `read_line` | reads ahead into a buffer of which `readable()` knows nothing, and waits for the rest of a line inside `read_line` | the second of two pasted lines comes when a third is typed; half a line stops every task |
//! | the same with exactly one read(2) | another process that reads the same pipe or terminal can be faster | now and then, every task stops until the next input |
//! | `Unblock::new(stdin())` | reads on another thread | `^D` must be typed twice |
//! | the first three, on a file or `/dev/null` | epoll does not take such a descriptor | "Operation not permitted" |
//! | `lines()` on any of them | wants UTF-8 | a line that is not is lost |
//! | standard input is | result |
//! |---|---|
//! | a pipe or a terminal, several lines in one write | every line, at once |
//! | half a line, the rest later | the line when the rest is there; other tasks run |
//! | a pipe, terminal or socket that other processes read, too | what they leave; other tasks run |
//! | the last line without a newline | that line, then the end |
//! | `^D` on a terminal | the end, at once (after a half-typed line it takes a second one: so does `cat`) |
//! | a file, `/dev/null`, closed (`<&-`) | its lines, then the end; these never block |
//! | `\r\n` | the line without either |
//! | not UTF-8 | the bytes |
//! | one line of 64 MB | that line, in time linear in its length; other tasks run meanwhile |
//! | a line longer than 128 MiB, or than [`set_line_limit`](Stdin::set_line_limit) says | an error that says so, then the end |
//! | something that cannot be read, say a directory | an error, then the end; of [`open`](Stdin::open) if it is open for writing only |
//! | a console on Windows, which cannot be polled | the same, read by a thread of the `blocking` crate; what that has read but not handed over is lost with the [`Stdin`] |
//! | for another descriptor: `add_reader`, `add_writer` | `readable`, `writable` of smol's `Async` |
//!
//! The flags of the terminal and of the open file stay as they are. On Linux, a pipe or a terminal is
//! opened once more by way of `/proc/self/fd/0`, which gives an open file that is shared with no other
//! process, and that one is non-blocking; a socket is read with `MSG_DONTWAIT`. Where that cannot be
//! done (other systems than Linux, no `/proc`, a terminal that belongs to another user, as under
//! `sudo -u`), poll(2) is asked right before each read(2), and another reader of the same input that
//! comes between the two blocks the loop until the next input. A line that has to be waited for takes three
//! system calls (read, epoll_ctl, read) beside the reactor's own; lines that come together share them.

use futures_lite::{AsyncRead, Stream};
use std::io::{self, BufRead, Cursor, ErrorKind, Read};
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// The lines of standard input as bytes, without their `\n` or `\r\n`, until its end or an error.
///
/// Cancel-safe: dropping the future of `next()` loses nothing. Dropping the `Stdin` closes the files that it has
/// opened and registered, and keeps unread bytes for the next `Stdin`. std's `stdin()` has a separate buffer: do
/// not mix the two. It is `Send` and `Sync`.
#[derive(Debug)]
#[must_use = "it reads nothing unless it is polled, and keeps others from opening it"]
pub struct Stdin {
    /// `None` at the end, and after an error.
    source: Option<Source>,
    /// The bytes read last; its position is the end of those already taken.
    chunk: Cursor<Vec<u8>>,
    /// The line that ends in the next chunk or later. So a long line is searched once, not at every read.
    line: Vec<u8>,
    line_limit: usize,
    /// Since when lines have come without a turn for other tasks.
    slice: Option<Instant>,
}

/// Bytes read but not taken, between one [`Stdin`] and the next; `None` while a `Stdin` exists.
static LEFT_OVER: Mutex<Option<Vec<u8>>> = Mutex::new(Some(Vec::new()));

impl Stdin {
    /// Opens standard input for reading by lines. Nothing is read before the first `next()`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) while there is another `Stdin`: each would get some
    /// of the lines. Another error if it cannot be read at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use asyncio_to_smol::stdin::Stdin;
    /// let first = Stdin::open()?;
    /// assert!(Stdin::open().is_err());
    /// drop(first);
    /// assert!(Stdin::open().is_ok());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open() -> io::Result<Stdin> {
        let source = open().map_err(named)?;
        let mut left_over = LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner);
        let another = || io::Error::new(ErrorKind::AlreadyExists, "another Stdin is reading it");
        let left_over = left_over.take().ok_or_else(another).map_err(named)?;
        Ok(Stdin {
            source: Some(source),
            chunk: Cursor::new(left_over),
            line: Vec::new(),
            line_limit: 128 * 1024 * 1024,
            slice: None,
        })
    }

    /// Sets how many bytes a line may have, without its end: 128 MiB unless this says otherwise.
    ///
    /// A longer line is dropped: an error of the kind [`InvalidData`](ErrorKind::InvalidData), then the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use asyncio_to_smol::stdin::Stdin;
    /// let mut lines = Stdin::open()?;
    /// lines.set_line_limit(1000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_line_limit(&mut self, bytes: usize) {
        self.line_limit = bytes;
    }

    /// The next line, or `None` at the end.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        let slice = self.slice.take().unwrap_or_else(Instant::now);
        while slice.elapsed() < Duration::from_millis(1) {
            self.chunk.read_until(b'\n', &mut self.line)?;
            let content = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            // The last byte may be the `\r` of a line's end.
            let len = content.strip_suffix(b"\r").unwrap_or(content).len();
            if len > self.line_limit {
                (self.chunk, self.line) = Default::default();
                let error = format!("a line is longer than {} bytes", self.line_limit);
                return Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, error)));
            }
            if self.line.ends_with(b"\n") {
                self.slice = Some(slice);
                self.line.truncate(len);
                return Poll::Ready(Ok(Some(mem::take(&mut self.line))));
            }
            let Some(source) = &mut self.source else {
                return Poll::Ready(Ok(None));
            };
            let mut chunk = [0; 8 * 1024];
            let len = ready!(Pin::new(source).poll_read(cx, &mut chunk))?;
            if len == 0 {
                self.source = None;
                let rest = mem::take(&mut self.line);
                return Poll::Ready(Ok((!rest.is_empty()).then_some(rest)));
            }
            self.chunk = Cursor::new(chunk[..len].to_vec());
        }
        // A pasted line, a file or a busy pipe is always ready. A loop over such lines would not let
        // any other task run if it were not for this.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Stream for Stdin {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let result = ready!(self.poll_line(cx));
        if result.is_err() {
            self.source = None;
        }
        Poll::Ready(result.map_err(named).transpose())
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // Deregister first: another `Stdin` may be opened as soon as the bytes are there for it.
        self.source = None;
        let _ = self.chunk.read_to_end(&mut self.line); // from memory: it cannot fail
        *LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner) = Some(mem::take(&mut self.line));
    }
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard input: {error}"))
}

#[cfg(unix)]
use polled::{Source, open};

/// Where it cannot be polled, another thread reads.
#[cfg(not(unix))]
type Source = blocking::Unblock<io::Stdin>;

#[cfg(not(unix))]
fn open() -> io::Result<Source> {
    Ok(Source::new(io::stdin()))
}

#[cfg(unix)]
mod polled {
    use async_io::Async;
    use futures_lite::AsyncRead;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{Mode, OFlags, fcntl_getfl};
    use rustix::io::Errno;
    use rustix::net::{RecvFlags, recv};
    use std::fs::File;
    use std::io::{self, ErrorKind, IsTerminal, Read};
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, ready};

    #[derive(Debug)]
    pub(super) struct Source {
        file: Arc<File>,
        /// A pipe or a terminal, reopened, so with its own `O_NONBLOCK`.
        is_own: bool,
        /// Set at the first wait. A file is always ready, so it never waits; it could not register.
        registered: Option<Async<Arc<File>>>,
    }

    pub(super) fn open() -> io::Result<Source> {
        let shared = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        // What can only be written might well be opened for reading.
        if fcntl_getfl(&shared)?.contains(OFlags::WRONLY) {
            return Err(Errno::BADF.into());
        }
        let is_fifo = shared.metadata()?.file_type().is_fifo();
        // Elsewhere there is no such path, or it gives a duplicate that shares the flags.
        let can_be_own = cfg!(target_os = "linux") && (is_fifo || shared.is_terminal());
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let again = || rustix::fs::open("/proc/self/fd/0", flags, Mode::empty()).ok();
        let own = can_be_own.then(again).flatten();
        Ok(Source {
            is_own: own.is_some(),
            file: Arc::new(own.map_or(shared, File::from)),
            registered: None,
        })
    }

    impl Source {
        /// One read(2) if it will not block. A shared descriptor may well be blocking, and must stay it.
        fn read(&self, chunk: &mut [u8]) -> io::Result<usize> {
            let mut file = &*self.file;
            if self.is_own {
                return file.read(chunk);
            }
            match recv(file, &mut *chunk, RecvFlags::DONTWAIT) {
                Err(Errno::NOTSOCK) => {}
                received => return Ok(received?.1),
            }
            // The reactor's word would not do: it can be about input that has been read since.
            let mut fds = [PollFd::new(file, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec::default()))? {
                0 => Err(ErrorKind::WouldBlock.into()),
                _ => file.read(chunk),
            }
        }
    }

    impl AsyncRead for Source {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            chunk: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            loop {
                match this.read(chunk) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
                let registered = match &this.registered {
                    Some(registered) => registered,
                    // Not `Async::new`: it would make the open file non-blocking for every process.
                    None => (this.registered).insert(Async::new_nonblocking(this.file.clone())?),
                };
                ready!(registered.poll_readable(cx))?;
            }
        }
    }
}
