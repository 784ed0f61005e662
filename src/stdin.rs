//! Standard input as a stream of lines that never blocks the loop.
//!
//! - asyncio: `loop.add_reader`
//! - Node: `process.stdin.on`, `readline.createInterface`
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
//! over chunks as they come. Here it is a stream of whole lines.
//!
//! This is what `Async<Stdin>` would have to be. `Async` is made for sockets; on standard input both
//! obvious ways to use it are wrong, and the usual way around it is right in most rows only:
//!
//! | | what it does | what you see |
//! |---|---|---|
//! | `Async::new(stdin())` and `lines()` | sets `O_NONBLOCK`, not on your descriptor but on the open file behind it, which your terminal's shell and every program started from it share | after your program `cat` fails with "Resource temporarily unavailable"; so does a large `println!` of your own, which panics |
//! | `Async::new_nonblocking(stdin())`, `readable()`, then std's `read_line` | reads ahead into a buffer of which `readable()` knows nothing, and waits for the rest of a line inside `read_line` | the second of two pasted lines comes when a third is typed; half a line stops every task |
//! | `Unblock::new(stdin())` | reads on another thread | `^D` must be typed twice |
//! | the first two, on a file or `/dev/null` | epoll does not take such a descriptor | "Operation not permitted" |
//! | `lines()` on any of them | wants UTF-8 | a line that is not is lost |
//!
//! [`Stdin`] waits for readiness, asks poll(2) once more, makes exactly one read(2), and splits the
//! lines itself:
//!
//! | standard input is | what comes out |
//! |---|---|
//! | a pipe or a terminal, several lines in one write | every line, at once |
//! | half a line, the rest later | nothing until the rest is there; other tasks run |
//! | the last line without a newline | that line, then the end |
//! | `^D` on a terminal | the end, at once (after a half-typed line it takes a second one: so does `cat`) |
//! | a file, `/dev/null`, closed (`<&-`) | its lines, then the end; these never block |
//! | `\r\n` | the line without either |
//! | not UTF-8 | the bytes |
//! | one line of 64 MB | that line, in time linear in its length; other tasks run meanwhile |
//! | something that cannot be read, say a directory | an error, then the end |
//!
//! The flags of the terminal and of the open file stay as they are.
//!
//! The cost: a line that has to be waited for takes four system calls of this module (poll,
//! epoll_ctl, poll, read) beside the reactor's own. Lines that come together share them, and lines
//! of a file take no epoll_ctl. Lines that are there already come one after another for a millisecond
//! at most before other tasks get a turn. A line takes memory in proportion to its length, without a
//! limit.
//!
//! On Windows a console cannot be polled: there a thread of the `blocking` crate reads, the third
//! way above but for the bytes, which are kept. What that thread has read but not handed over is
//! lost when [`Stdin`] is dropped.

use futures_lite::Stream;
use std::io;
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
/// Cancel-safe: dropping the future of `next()` loses nothing. Dropping the `Stdin` deregisters
/// standard input from smol's reactor and keeps what was read but not yet taken for the next
/// `Stdin`. std's own `stdin()` has a buffer of its own: use one or the other.
#[derive(Debug)]
pub struct Stdin {
    lines: Lines,
    source: Source,
    state: State,
    /// Since when lines have come without a turn for other tasks; `None` after a turn.
    slice: Option<Instant>,
}

#[derive(Debug)]
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
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) while there is another `Stdin`: each would
    /// get some of the lines.
    pub fn open() -> io::Result<Stdin> {
        let lines = left_over().take().ok_or_else(|| {
            named(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "another Stdin is reading it",
            ))
        })?;
        Ok(Stdin {
            lines,
            source: Source::new(),
            state: State::Open,
            slice: None,
        })
    }

    /// The next item, or the end, if no read is needed for it.
    fn buffered(&mut self) -> Option<Option<io::Result<Vec<u8>>>> {
        if let Some(line) = self.lines.pop() {
            return Some(Some(Ok(line)));
        }
        match self.state {
            State::Open => None,
            State::Ended => Some(self.lines.pop_rest().map(Ok)),
            State::Failed => Some(None),
        }
    }

    fn take_in(&mut self, read: io::Result<usize>, chunk: &[u8]) -> io::Result<()> {
        match read {
            Ok(0) => self.state = State::Ended,
            Ok(len) => self.lines.push(&chunk[..len]),
            Err(error) => {
                self.state = State::Failed;
                return Err(named(error));
            }
        }
        Ok(())
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
            if let Some(end_or_item) = this.buffered() {
                return Poll::Ready(end_or_item);
            }
            let mut chunk = [0; CHUNK];
            let Poll::Ready(read) = this.source.poll_read(cx, &mut chunk) else {
                this.slice = None;
                return Poll::Pending;
            };
            if let Err(error) = this.take_in(read, &chunk) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // Deregister first: the next `Stdin` may be opened, on another thread, as soon as the lines
        // are there for it.
        self.source = Source::new();
        *left_over() = Some(mem::take(&mut self.lines));
    }
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard input: {error}"))
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
    use rustix::io::{Errno, read, retry_on_intr};
    use std::io;
    use std::task::{Context, Poll, ready};

    #[derive(Debug)]
    pub struct Source {
        /// Set at the first wait. What is always ready, a file, never waits and could not register.
        registered: Option<Async<io::Stdin>>,
    }

    impl Source {
        pub fn new() -> Source {
            Source { registered: None }
        }

        /// One read(2) if it will not block, else [`Poll::Pending`] without anyone to wake.
        ///
        /// The descriptor may well be a blocking one, and must stay it; so poll(2) is asked right
        /// before. The reactor's word would not do: it can be about input that has been read since.
        pub fn try_read(chunk: &mut [u8]) -> Poll<io::Result<usize>> {
            let stdin = io::stdin();
            let at_once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            match retry_on_intr(|| poll(&mut fds, Some(&at_once))) {
                Ok(0) => return Poll::Pending,
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            match retry_on_intr(|| read(&stdin, &mut *chunk)) {
                // Somebody else had made the open file non-blocking, and another reader was faster.
                Err(Errno::AGAIN) => Poll::Pending,
                result => Poll::Ready(result.map_err(io::Error::from)),
            }
        }

        pub fn poll_read(
            &mut self,
            cx: &mut Context<'_>,
            chunk: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            loop {
                if let Poll::Ready(result) = Source::try_read(chunk) {
                    return Poll::Ready(result);
                }
                if self.registered.is_none() {
                    // Not `Async::new`, which would make the open file non-blocking for everyone.
                    self.registered = Some(Async::new_nonblocking(io::stdin())?);
                }
                if let Some(registered) = &self.registered {
                    ready!(registered.poll_readable(cx))?;
                }
            }
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
    pub struct Source(Unblock<io::Stdin>);

    impl Source {
        pub fn new() -> Source {
            Source(Unblock::new(io::stdin()))
        }

        pub fn poll_read(
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
        let is_last = newline + 1 == self.bytes.len();
        let mut line = if is_last && self.start == 0 {
            // All there is: a long line is not copied.
            let mut line = mem::take(self).bytes;
            line.truncate(newline);
            line
        } else {
            let line = self.bytes[self.start..newline].to_vec();
            self.start = newline + 1;
            self.searched = self.start;
            if is_last {
                *self = Lines::new();
            }
            line
        };
        if line.ends_with(b"\r") {
            line.pop();
        }
        Some(line)
    }

    /// What stands after the last newline, if anything.
    fn pop_rest(&mut self) -> Option<Vec<u8>> {
        let Lines {
            mut bytes, start, ..
        } = mem::take(self);
        bytes.drain(..start);
        (!bytes.is_empty()).then_some(bytes)
    }
}
