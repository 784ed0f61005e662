//! Another standard input for a while, in this process.

pub mod watchdog;

use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Puts back the standard input there was before when dropped. Only one at a time: other tests of
/// this process wait.
pub struct Replaced {
    before: rustix::fd::OwnedFd,
    _only: MutexGuard<'static, ()>,
}

pub fn replace(stdin: impl AsFd) -> Replaced {
    watchdog::end_if_it_hangs();
    static ONLY: Mutex<()> = Mutex::new(());
    let only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    let before = rustix::io::dup(std::io::stdin()).unwrap();
    rustix::stdio::dup2_stdin(stdin).unwrap();
    Replaced {
        before,
        _only: only,
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        rustix::stdio::dup2_stdin(&self.before).unwrap();
    }
}

/// Makes a pipe the standard input. Returns what to write to; dropping that is the end of input.
pub fn pipe() -> (std::fs::File, Replaced) {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (write.into(), replace(read))
}
