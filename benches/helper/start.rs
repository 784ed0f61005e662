//! The time that a program takes from start to end, and its memory.

use measure::{Start, figure, median};
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Measures a program that prints a line.
pub fn start(command: &mut Command) -> io::Result<()> {
    command.stdout(Stdio::null());
    let once = |_| {
        let start = Start::new();
        let status = command.status()?;
        if !status.success() {
            return Err(io::Error::other(format!("the program: {status}")));
        }
        Ok(start.seconds())
    };
    let seconds = (0..10).map(once).collect::<io::Result<_>>()?;
    figure("seconds", median(seconds));
    #[cfg(target_os = "linux")]
    figure("bytes", peak_memory(command)?);
    Ok(())
}

/// Its output pipe is full, so that it blocks where it prints its line, and its memory can be read.
///
/// (`wait4` reports a peak, too, but never one below that of this process.)
#[cfg(target_os = "linux")]
fn peak_memory(command: &mut Command) -> io::Result<f64> {
    use std::thread;
    use std::time::Duration;

    let (reader, mut writer) = io::pipe()?;
    let size = rustix::pipe::fcntl_getpipe_size(&writer)?;
    writer.write_all(&vec![0; size])?;
    let mut child = command.stdout(writer).spawn()?;
    thread::sleep(Duration::from_millis(300));
    let bytes = measure::peak_memory_of(child.id());
    child.kill()?;
    child.wait()?;
    drop(reader); // not before: writing to a pipe without a reader ends a program
    Ok(bytes)
}
