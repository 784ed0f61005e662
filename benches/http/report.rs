//! What every HTTP server here tells the helper that loads it.

use measure::{Start, figure};
use std::net::SocketAddr;
use std::{io, process, thread};

/// Says where it listens; then, for every line of input, how much CPU this process has used since. The end
/// of input ends the process.
///
/// In a thread of its own, which sleeps while the server is measured.
pub fn report(address: SocketAddr) {
    println!("listening {address}");
    let start = Start::new();
    thread::spawn(move || {
        for _ in io::stdin().lines() {
            figure("cpu", start.cpu());
        }
        process::exit(0)
    });
}
