//! The step in which both loops wait: for a time, for input, or for another thread.

use crate::stdin::Stdin;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The longest single wait. A loop that has nothing else to do looks up once a day; in return no
/// system call sees a timeout it cannot hold.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

fn time_left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).min(LONGEST)
}

/// The next line of standard input, or `None` at its end, if it is there without waiting. Opens
/// standard input at the first call.
pub(super) fn next_line(stdin: &mut Option<Stdin>) -> io::Result<Poll<Option<Vec<u8>>>> {
    let stdin = match stdin {
        Some(stdin) => stdin,
        none => none.insert(Stdin::open()?),
    };
    match try_next(stdin) {
        Poll::Ready(item) => Ok(Poll::Ready(item.transpose()?)),
        Poll::Pending => Ok(Poll::Pending),
    }
}

#[cfg(unix)]
mod polled {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    pub fn try_next(stdin: &mut Stdin) -> Poll<Option<io::Result<Vec<u8>>>> {
        stdin.try_next()
    }

    /// Waits until there may be input (if `stdin` is set), another thread has called
    /// [`WakeUp::wake`], or the time has come. May also end for no reason.
    pub fn wait(stdin: bool, wake_up: Option<&WakeUp>, until: Option<Instant>) -> io::Result<()> {
        let input = io::stdin();
        let mut fds = Vec::with_capacity(2);
        if stdin {
            fds.push(PollFd::new(&input, PollFlags::IN));
        }
        if let Some(wake_up) = wake_up {
            fds.push(PollFd::new(&wake_up.receiver, PollFlags::IN));
        }
        let timeout = until.map(|until| {
            let left = time_left(until);
            Timespec {
                tv_sec: left.as_secs() as _,
                tv_nsec: left.subsec_nanos() as _,
            }
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(wake_up) = wake_up {
            wake_up.clear();
        }
        Ok(())
    }

    /// What another thread calls to end a [`wait`]: a byte through a pair of sockets, because
    /// poll(2) waits for descriptors only.
    #[derive(Debug)]
    pub struct WakeUp {
        sender: UnixStream,
        receiver: UnixStream,
    }

    impl WakeUp {
        pub fn new() -> io::Result<WakeUp> {
            let (sender, receiver) = UnixStream::pair()?;
            sender.set_nonblocking(true)?;
            receiver.set_nonblocking(true)?;
            Ok(WakeUp { sender, receiver })
        }

        pub fn wake(&self) {
            // It fails only when so many bytes wait already that one more changes nothing.
            let _ = (&self.sender).write(&[1]);
        }

        fn clear(&self) {
            let mut bytes = [0; 64];
            while (&self.receiver)
                .read(&mut bytes)
                .is_ok_and(|len| len == bytes.len())
            {}
        }
    }
}
#[cfg(unix)]
use polled::try_next;
#[cfg(unix)]
pub(super) use polled::{WakeUp, wait};

#[cfg(not(unix))]
mod parked {
    use super::*;
    use futures_lite::Stream;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Wake};
    use std::thread::{self, Thread};

    /// If there is nothing yet, its arrival ends the next [`wait`] of this thread.
    pub fn try_next(stdin: &mut Stdin) -> Poll<Option<io::Result<Vec<u8>>>> {
        let waker = Arc::new(Unpark(thread::current())).into();
        Pin::new(stdin).poll_next(&mut Context::from_waker(&waker))
    }

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Waits until this thread is unparked or the time has come. May also end for no reason.
    pub fn wait(_stdin: bool, _: Option<&WakeUp>, until: Option<Instant>) -> io::Result<()> {
        match until {
            Some(until) => thread::park_timeout(time_left(until)),
            None => thread::park(),
        }
        Ok(())
    }

    /// What another thread calls to end a [`wait`] of the thread that made it.
    #[derive(Debug)]
    pub struct WakeUp(Thread);

    impl WakeUp {
        pub fn new() -> io::Result<WakeUp> {
            Ok(WakeUp(thread::current()))
        }

        pub fn wake(&self) {
            self.0.unpark();
        }
    }
}
#[cfg(not(unix))]
use parked::try_next;
#[cfg(not(unix))]
pub(super) use parked::{WakeUp, wait};
