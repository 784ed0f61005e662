//! How long a program takes from its start to its end, and how much memory.

use measure::{figure, median};
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Prints the figures of a program that prints a line.
pub fn start(command: &mut Command) -> io::Result<()> {
    command.stdout(Stdio::null());
    let mut failed = None;
    let seconds = median(10, || {
        let start = Instant::now();
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => failed = Some(io::Error::other(status.to_string())),
            Err(error) => failed = Some(error),
        }
        start.elapsed().as_secs_f64()
    });
    if let Some(failed) = failed {
        return Err(failed);
    }
    figure("seconds", seconds);
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
