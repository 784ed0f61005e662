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
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! smol's `Async` is made for sockets. On standard input, the usual ways to use it, and to avoid it, have faults:
//!
//! | | mechanism | symptom |
//! |---|---|---|
//! | `Async::new(stdin())` and `lines()` | sets `O_NONBLOCK` not on your descriptor but on the open file behind it, which is shared with the shell and all programs started from it | after your program, `cat` fails with "Resource temporarily unavailable"; in your program, a large `println!` panics with it |
//! | `Async::new_nonblocking(stdin())`, `readable()`, then std's `read_line` | reads ahead into a buffer that `readable()` does not see, and blocks inside `read_line` until the line is complete | the second of two pasted lines arrives when a third is typed; half a line stops every task |
//! | the same with exactly one read(2) | another process that reads the same pipe or terminal can be faster | sometimes, every task stops until the next input |
//! | `Unblock::new(stdin())` | reads on another thread | `^D` must be typed twice |
//! | the first three, on a file or `/dev/null` | epoll does not take such a descriptor | "Operation not permitted" |
//! | `lines()` on any of them | requires UTF-8 | a line that is not UTF-8 is lost |
//!
//! | standard input of this module | result |
//! |---|---|
//! | a pipe or a terminal, several lines in one write | every line, at once |
//! | half a line, the rest later | the line when the rest has arrived; other tasks run |
//! | a pipe, terminal or socket that other processes read, too | the input that they leave; other tasks run |
//! | the last line without a newline | that line, then the end |
//! | `^D` on a terminal | the end, at once (after a half-typed line, at the second `^D`, as with `cat`) |
//! | a file, `/dev/null`, closed (`<&-`) | its lines, then the end; these never block |
//! | `\r\n` | the line without either |
//! | not UTF-8 | the bytes |
//! | a very long line | that line, in time linear in its length; other tasks run meanwhile |
//! | a line longer than the [limit](Stdin::set_line_limit) | an error, then the end |
//! | something that cannot be read, such as a directory | an error, then the end; if it is open for writing only, an error of [`open`](Stdin::open) |
//! | a terminal that the reactor refuses (kqueue on macOS can) | its lines, at most 20 ms late |
//! | any input on Windows, which cannot poll it | as above; a thread of the `blocking` crate reads it, also for the next [`Stdin`] |
//!
//! The flags of the terminal and of the open file are not changed. On Linux, a pipe or a terminal is reopened
//! through `/proc/self/fd/0`. That gives a separate open file, which can be non-blocking. A socket is read with
//! `MSG_DONTWAIT`. Where that is impossible (on other systems, without `/proc`, or if the terminal belongs to
//! another user, as under `sudo -u`), poll(2) is called right before each read(2). If another reader takes the
//! input between the two calls, the loop is blocked until the next input. Waiting takes three system calls.
//! For other descriptors, use smol's `Async`; for a connection, a [`TcpStream`](crate::tcp_stream::TcpStream).
//!
//! Sources: [open(2)](https://man7.org/linux/man-pages/man2/open.2.html) on `O_NONBLOCK` and open files,
//! [`loop.add_reader`](https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_reader),
//! Node's [`readline`](https://nodejs.org/api/readline.html).

use futures_lite::{AsyncRead, Stream};
use std::io::{self, BufRead, Cursor, ErrorKind, Read};
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// The lines of standard input as bytes, without their `\n` or `\r\n`, until its end or an error: a [`Stream`].
///
/// An example is [above](self). It is `Send` and `Sync`. Cancel-safe: dropping the future of `next()` loses no
/// input. Dropping the `Stdin` closes the file that it has opened, and keeps unread bytes for the next `Stdin`.
/// std's `stdin()` has a separate buffer: do not use both.
#[derive(Debug)]
#[must_use = "it reads nothing unless it is polled, and keeps others from opening it"]
pub struct Stdin {
    /// `None` at the end, and after an error.
    source: Option<Source>,
    /// The bytes of the last read. The position is after those already taken.
    chunk: Cursor<Vec<u8>>,
    /// The start of a line that ends in a later chunk. So a long line is searched only once.
    line: Vec<u8>,
    line_limit: usize,
    /// The time since which lines have been ready without a turn for other tasks.
    slice: Option<Instant>,
}

/// What one [`Stdin`] leaves to the next: bytes, and on Windows the thread that reads. `None` while one exists.
static LEFT_OVER: Mutex<Option<(Vec<u8>, Option<Source>)>> = Mutex::new(Some((Vec::new(), None)));

impl Stdin {
    /// Opens standard input for reading by lines. Nothing is read before the first `next()`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) while there is another `Stdin`: each would get only some of the
    /// lines. Another error if standard input cannot be read at all.
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
        let source = open().map_err(with_context)?;
        let mut left_over = LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner);
        let another = || io::Error::new(ErrorKind::AlreadyExists, "another Stdin is reading it");
        let (bytes, kept) = left_over.take().ok_or_else(another).map_err(with_context)?;
        Ok(Stdin {
            source: kept.or(Some(source)),
            chunk: Cursor::new(bytes),
            line: Vec::new(),
            line_limit: 128 * 1024 * 1024,
            slice: None,
        })
    }

    /// Sets the maximum length of a line, in bytes without its `\n` or `\r\n`. By default it is 128 MiB.
    ///
    /// A longer line is dropped: an error of the kind [`InvalidData`](ErrorKind::InvalidData), then the end.
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
            // The last byte may be the `\r` of a `\r\n`.
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
        // Pasted lines, a file or a busy pipe are always ready. Without this, no other task would run meanwhile.
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
        Poll::Ready(result.map_err(with_context).transpose())
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // On Unix, deregister first: another `Stdin` can be opened as soon as `LEFT_OVER` is set.
        let kept = self.source.take().filter(|_| cfg!(not(unix)));
        let _ = self.chunk.read_to_end(&mut self.line); // from memory: it cannot fail
        let left_over = Some((mem::take(&mut self.line), kept));
        *LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner) = left_over;
    }
}

fn with_context(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard input: {error}"))
}

#[cfg(unix)]
use polled::{Source, open};

/// Standard input cannot be polled here: another thread reads it.
#[cfg(not(unix))]
type Source = blocking::Unblock<io::Stdin>;

#[cfg(not(unix))]
fn open() -> io::Result<Source> {
    Ok(Source::new(io::stdin()))
}

#[cfg(unix)]
mod polled {
    use async_io::{Async, Timer};
    use futures_lite::{AsyncRead, Stream};
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
        /// Whether it is a reopened pipe or terminal, with a separate `O_NONBLOCK`.
        is_reopened: bool,
        /// Set at the first wait. A file never waits. Where registering fails, an interval takes its place.
        registered: Option<Result<Async<Arc<File>>, Timer>>,
    }

    pub(super) fn open() -> io::Result<Source> {
        let shared = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        // Without this check, a descriptor that is open for writing only could be reopened for reading.
        if fcntl_getfl(&shared)?.contains(OFlags::WRONLY) {
            return Err(Errno::BADF.into());
        }
        let is_fifo = shared.metadata()?.file_type().is_fifo();
        // Other systems have no such path, or it gives a duplicate that shares the flags.
        let can_be_reopened = cfg!(target_os = "linux") && (is_fifo || shared.is_terminal());
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let reopen = || rustix::fs::open("/proc/self/fd/0", flags, Mode::empty()).ok();
        let reopened = can_be_reopened.then(reopen).flatten();
        Ok(Source {
            is_reopened: reopened.is_some(),
            file: Arc::new(reopened.map_or(shared, File::from)),
            registered: None,
        })
    }

    impl Source {
        /// One read(2) if it does not block. A shared open file may be in blocking mode, and must stay so.
        fn read(&self, chunk: &mut [u8]) -> io::Result<usize> {
            let mut file = &*self.file;
            if self.is_reopened {
                return file.read(chunk);
            }
            match recv(file, &mut *chunk, RecvFlags::DONTWAIT) {
                Err(Errno::NOTSOCK) => {}
                received => return Ok(received?.1),
            }
            // The reactor's report is not enough: that input may have been read since.
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
                let registered = this.registered.get_or_insert_with(|| {
                    // Not `Async::new`: it would make the open file non-blocking for every process.
                    Async::new_nonblocking(this.file.clone())
                        .map_err(|_| Timer::interval(super::Duration::from_millis(20)))
                });
                match registered {
                    Ok(registered) => ready!(registered.poll_readable(cx))?,
                    Err(interval) => _ = ready!(Pin::new(interval).poll_next(cx)),
                }
            }
        }
    }
}
