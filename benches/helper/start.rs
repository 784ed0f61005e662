//! How long a program takes from its start to its end, and how much memory.

use measure::{Start, figure, median};
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Prints the figures of a program that prints a line.
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

/// The program is held up where it prints its line, which does not fit into a pipe that is full, and looked at.
///
/// (`wait4` tells the peak, too, but not one below this process' own.)
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
