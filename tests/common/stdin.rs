//! Another standard input for a while, in this process.

pub mod watchdog;

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Restores the previous standard input when dropped. Only one at a time: other tests of this process
/// wait.
pub struct Replaced {
    before: OwnedFd,
    _only: MutexGuard<'static, ()>,
}

pub fn replace(stdin: impl AsFd) -> Replaced {
    watchdog::end_if_it_hangs();
    static ONLY: Mutex<()> = Mutex::new(());
    let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    let before = rustix::io::dup(std::io::stdin()).unwrap();
    rustix::stdio::dup2_stdin(stdin).unwrap();
    Replaced { before, _only }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        rustix::stdio::dup2_stdin(&self.before).unwrap();
    }
}

/// The end to read and the end to write. No test that uses this starts a process, which would inherit them.
pub fn pipe_ends() -> (File, File) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    (read.into(), write.into())
}

/// Makes a pipe the standard input. Returns the end to write; dropping it is the end of input.
pub fn pipe() -> (File, Replaced) {
    let (read, write) = pipe_ends();
    (write, replace(read))
}
