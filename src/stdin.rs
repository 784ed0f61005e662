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
//! asyncio calls a function when there is something to read, and leaves the reading to it. Node hands
//! over chunks as they come. Here it is a stream of whole lines. (For other descriptors than standard
//! input, `add_reader` and `add_writer` are `readable` and `writable` of smol's `Async`.)
//!
//! This is what `Async<Stdin>` would have to be. `Async` is made for sockets; on standard input the
//! obvious ways to use it are wrong, and the usual ways around it are right in most rows only:
//!
//! | | what it does | what you see |
//! |---|---|---|
//! | `Async::new(stdin())` and `lines()` | sets `O_NONBLOCK`, not on your descriptor but on the open file behind it, which your terminal's shell and every program started from it share | after your program `cat` fails with "Resource temporarily unavailable"; so does a large `println!` of your own, which panics |
//! | `Async::new_nonblocking(stdin())`, `readable()`, then std's `read_line` | reads ahead into a buffer of which `readable()` knows nothing, and waits for the rest of a line inside `read_line` | the second of two pasted lines comes when a third is typed; half a line stops every task |
//! | the same with exactly one read(2) | another process that reads the same pipe or terminal can be faster | now and then, every task stops until the next input |
//! | `Unblock::new(stdin())` | reads on another thread | `^D` must be typed twice |
//! | the first three, on a file or `/dev/null` | epoll does not take such a descriptor | "Operation not permitted" |
//! | `lines()` on any of them | wants UTF-8 | a line that is not is lost |
//!
//! [`Stdin`] reads without waiting, waits for readiness if there is nothing, and splits the lines itself:
//!
//! | standard input is | what comes out |
//! |---|---|
//! | a pipe or a terminal, several lines in one write | every line, at once |
//! | half a line, the rest later | nothing until the rest is there; other tasks run |
//! | a pipe, terminal or socket that other processes read, too | what they leave; other tasks run |
//! | the last line without a newline | that line, then the end |
//! | `^D` on a terminal | the end, at once (after a half-typed line it takes a second one: so does `cat`) |
//! | a file, `/dev/null`, closed (`<&-`) | its lines, then the end; these never block |
//! | `\r\n` | the line without either |
//! | not UTF-8 | the bytes |
//! | one line of 64 MB | that line, in time linear in its length; other tasks run meanwhile |
//! | a line longer than 128 MiB, or than [`set_line_limit`](Stdin::set_line_limit) says | an error that says so, then the end |
//! | something that cannot be read, say a directory | an error, then the end |
//!
//! The flags of the terminal and of the open file stay as they are. On Linux, a pipe or a terminal is
//! opened once more by way of `/proc/self/fd/0`, which gives an open file that is shared with no other
//! process, and that one is non-blocking; a socket is read with `MSG_DONTWAIT`. Where that cannot be
//! done (other systems than Linux, no `/proc`, a terminal that belongs to another user, as under
//! `sudo -u`), poll(2) is asked right before each read(2), and another reader of the same input that
//! comes between the two blocks the loop until the next input.
//!
//! The cost: a line that has to be waited for takes three system calls of this module (read,
//! epoll_ctl, read) beside the reactor's own. Lines that come together share them, and lines
//! of a file take no epoll_ctl. Lines that are there already come one after another for a millisecond
//! at most before other tasks get a turn.
//!
//! On Windows a console cannot be polled: there a thread of the `blocking` crate reads, as `Unblock`
//! does, but bytes are kept. What that thread has read but not handed over is lost when [`Stdin`] is
//! dropped.

use futures_lite::Stream;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The lines of standard input. See the [module's page](self) for how it behaves on what.
///
/// The stream's items are lines as bytes, without their `\n` or `\r\n`. It ends at the end of input
/// and after an error.
///
/// Cancel-safe: dropping the future of `next()` loses nothing. Dropping the `Stdin` closes what it has
/// opened and registered, and keeps what was read but not yet taken for the next `Stdin`. std's own
/// `stdin()` has a buffer of its own: use one or the other. It is `Send` and `Sync`.
#[derive(Debug)]
#[must_use = "it reads nothing unless it is polled, and keeps others from opening it"]
pub struct Stdin {
    lines: Lines,
    line_limit: usize,
    source: Source,
    state: State,
    /// Since when lines have come without a turn for other tasks; `None` after a turn.
    slice: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    /// At the end of input: what is left of the last line is a line.
    Ended,
    /// After an error: what is left of the last line is not.
    Failed,
}

/// What was read but not taken, between one [`Stdin`] and the next; `None` while there is one.
static LEFT_OVER: Mutex<Option<Lines>> = Mutex::new(Some(Lines::new()));

fn left_over() -> MutexGuard<'static, Option<Lines>> {
    LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one read(2) takes at most.
const CHUNK: usize = 8 * 1024;

/// How long lines that are there already come one after another before other tasks get a turn.
const SLICE: Duration = Duration::from_millis(1);

impl Stdin {
    /// Opens standard input for reading by lines. Nothing is read before the first `next()`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) while there is another `Stdin`: each would get some
    /// of the lines.
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
        let lines = left_over().take();
        let another = || named(ErrorKind::AlreadyExists, "another Stdin is reading it");
        Ok(Stdin {
            lines: lines.ok_or_else(another)?,
            line_limit: 128 * 1024 * 1024,
            source: Source::default(),
            state: State::Open,
            slice: None,
        })
    }

    /// Sets how many bytes a line may have, without its end: 128 MiB unless this says otherwise.
    ///
    /// A longer line is an error of the kind [`InvalidData`](ErrorKind::InvalidData), after which the
    /// stream ends. What has been read of it is dropped.
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

    /// The next item, or the end, if no read is needed for it.
    fn poll_buffered(&mut self) -> Poll<Option<io::Result<Vec<u8>>>> {
        let mut line = self.lines.pop();
        if line.is_none() && self.state == State::Ended {
            line = self.lines.pop_rest();
        }
        let len = match &line {
            Some(line) => line.len(),
            // The last byte may be the `\r` of a line's end.
            None => self.lines.rest_len().saturating_sub(1),
        };
        if len > self.line_limit {
            self.lines = Lines::new();
            let error = format!("a line is longer than {} bytes", self.line_limit);
            return self.fail(ErrorKind::InvalidData, error);
        }
        match (line, self.state) {
            (None, State::Open) => Poll::Pending,
            (line, _) => Poll::Ready(line.map(Ok)),
        }
    }

    fn fail<T>(&mut self, kind: ErrorKind, error: impl Display) -> Poll<Option<io::Result<T>>> {
        self.state = State::Failed;
        Poll::Ready(Some(Err(named(kind, error))))
    }
}

impl Stream for Stdin {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let slice = *this.slice.get_or_insert_with(Instant::now);
        loop {
            // A pasted line, a file or a busy pipe is always ready. A loop over such lines would not
            // let any other task run if it were not for this.
            if slice.elapsed() >= SLICE {
                this.slice = None;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let item @ Poll::Ready(_) = this.poll_buffered() {
                return item;
            }
            let mut chunk = [0; CHUNK];
            match this.source.poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(0)) => this.state = State::Ended,
                Poll::Ready(Ok(len)) => this.lines.push(&chunk[..len]),
                Poll::Ready(Err(error)) => return this.fail(error.kind(), error),
                Poll::Pending => {
                    this.slice = None;
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // Deregister first: the next `Stdin` may be opened, on another thread, as soon as the lines
        // are there for it.
        self.source = Source::default();
        *left_over() = Some(mem::take(&mut self.lines));
    }
}

fn named(kind: ErrorKind, error: impl Display) -> io::Error {
    io::Error::new(kind, format!("standard input: {error}"))
}

#[cfg(unix)]
use polled::Source;
#[cfg(not(unix))]
use threaded::Source;

/// Standard input where it can be polled.
#[cfg(unix)]
mod polled {
    use async_io::Async;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{OFlags, fcntl_getfl};
    use rustix::io::{Errno, read, retry_on_intr};
    use rustix::net::{RecvFlags, recv};
    use std::fs::{File, metadata};
    use std::io::{self, IsTerminal};
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    use std::task::{Context, Poll, ready};

    #[derive(Debug, Default)]
    pub(super) struct Source {
        is_open: bool,
        /// A pipe or a terminal, opened once more.
        own: Option<Async<File>>,
        /// Set at the first wait. What is always ready, a file, never waits and could not register.
        shared: Option<Async<io::Stdin>>,
    }

    impl Source {
        pub(super) fn poll_read(
            &mut self,
            cx: &mut Context<'_>,
            chunk: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if !self.is_open {
                self.own = open_once_more()?.map(Async::new_nonblocking).transpose()?;
                self.is_open = true;
            }
            loop {
                let result = match &self.own {
                    Some(own) => retry_on_intr(|| read(own, &mut *chunk)),
                    None => read_shared(chunk),
                };
                if result != Err(Errno::AGAIN) {
                    return Poll::Ready(result.map_err(io::Error::from));
                }
                if let Some(own) = &self.own {
                    ready!(own.poll_readable(cx))?;
                    continue;
                }
                if self.shared.is_none() {
                    // Not `Async::new`: it would make the open file non-blocking for every process.
                    self.shared = Some(Async::new_nonblocking(io::stdin())?);
                }
                if let Some(shared) = &self.shared {
                    ready!(shared.poll_readable(cx))?;
                }
            }
        }
    }

    /// A pipe or a terminal with an open file, and so with an `O_NONBLOCK`, of its own. `None` if it
    /// is something else, or cannot be opened in this way.
    fn open_once_more() -> io::Result<Option<File>> {
        const PATH: &str = "/proc/self/fd/0";
        let stdin = io::stdin();
        // What can only be written might well be opened for reading.
        if fcntl_getfl(&stdin)?.contains(OFlags::WRONLY) {
            return Err(Errno::BADF.into());
        }
        let is_fifo = || metadata(PATH).is_ok_and(|stdin| stdin.file_type().is_fifo());
        // Elsewhere there is no such path, or it gives a duplicate that shares the flags.
        if !cfg!(target_os = "linux") || !(stdin.is_terminal() || is_fifo()) {
            return Ok(None);
        }
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
        let mut options = File::options();
        Ok(options.read(true).custom_flags(flags).open(PATH).ok())
    }

    /// One read(2) if it will not block, else [`Errno::AGAIN`]. The descriptor may well be a blocking
    /// one, and must stay it.
    fn read_shared(chunk: &mut [u8]) -> Result<usize, Errno> {
        let stdin = io::stdin();
        match retry_on_intr(|| recv(&stdin, &mut *chunk, RecvFlags::DONTWAIT)) {
            Err(Errno::NOTSOCK) => {}
            received => return received.map(|(_, len)| len),
        }
        // The reactor's word would not do: it can be about input that has been read since.
        let at_once = Timespec::default();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match retry_on_intr(|| poll(&mut fds, Some(&at_once)))? {
            0 => Err(Errno::AGAIN),
            _ => retry_on_intr(|| read(&stdin, &mut *chunk)),
        }
    }
}

/// Standard input where it cannot be polled: another thread reads.
#[cfg(not(unix))]
mod threaded {
    use blocking::Unblock;
    use futures_lite::AsyncRead;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[derive(Debug)]
    pub(super) struct Source(Unblock<io::Stdin>);

    impl Default for Source {
        fn default() -> Source {
            Source(Unblock::new(io::stdin()))
        }
    }

    impl Source {
        pub(super) fn poll_read(
            &mut self,
            cx: &mut Context<'_>,
            chunk: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_read(cx, chunk)
        }
    }
}

/// Bytes as they were read, and the lines in them.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// The bytes before this one were taken.
    start: usize,
    /// There is no newline from `start` to here: a long line is searched once, not at every read.
    searched: usize,
}

impl Lines {
    const fn new() -> Lines {
        Lines {
            bytes: Vec::new(),
            start: 0,
            searched: 0,
        }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next whole line, without its end.
    fn pop(&mut self) -> Option<Vec<u8>> {
        let Some(at) = self.bytes[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n')
        else {
            self.searched = self.bytes.len();
            return None;
        };
        let newline = self.searched + at;
        let mut line = self.bytes[self.start..newline].to_vec();
        self.start = newline + 1;
        self.searched = self.start;
        if self.start == self.bytes.len() {
            *self = Lines::new(); // the memory of a long line, too
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        Some(line)
    }

    fn rest_len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// What stands after the last newline, if anything.
    fn pop_rest(&mut self) -> Option<Vec<u8>> {
        let start = self.start;
        let rest = mem::take(self).bytes.split_off(start);
        (!rest.is_empty()).then_some(rest)
    }
}
