//! A dropped handler swallows the second Ctrl-C; `until_interrupted` lets it end the process.
//!
//! Ports: none of the programs. It shows why the library has the module `interrupt`.
//!
//! ```text
//! $ cargo run --example lib_interrupt
//! plain smol: first SIGINT, teardown begins
//! plain smol: second SIGINT
//! plain smol: teardown has ended after 1.00 s
//! until_interrupted: first SIGINT, teardown begins
//! until_interrupted: second SIGINT
//! $ echo $?
//! 130
//! ```
//!
//! The program sends both signals to itself, the second one in the middle of a teardown that blocks for a second.
//! A signal handler stays when the `Signals` that it belongs to is dropped: it just has no effect. So a second
//! Ctrl-C does not end the program, however long its teardown takes.
//!
//! With [`until_interrupted`](../../src/interrupt.rs) the first signal drops the work, and the second
//! ends the process at once, with the exit status that a shell reports of Ctrl-C: the line "teardown has
//! ended" is missing. Signals within half a second of the first are taken for the first, since parents
//! such as GNU `timeout` relay a Ctrl-C that the terminal has sent already.
//!
//! Who owns what: the work owns its `Teardown`, and is dropped at the first signal. The two ways of
//! handling SIGINT come one after the other: they do not go together.
//!
//! Unix only: it runs `sh`, which sends the signals.
//!
//! asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`.
//! Node: `process.on('SIGINT')`.
//! Paste: `cargo add smol async-signal`,
//! `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use async_signal::{Signal, Signals};
use asyncio_to_smol::until_interrupted;
use smol::future::{self, FutureExt, block_on};
use smol::stream::StreamExt;
use std::io::{self, Write};
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};

/// Sends SIGINT to this process, as Ctrl-C in a terminal does.
fn ctrl_c() {
    let kill = format!("kill -INT {}", process::id());
    if let Err(error) = Command::new("sh").args(["-c", &kill]).status() {
        eprintln!("sh: {error}");
        process::exit(1);
    }
}

/// Its destructor takes a second.
struct Teardown(&'static str);

impl Drop for Teardown {
    fn drop(&mut self) {
        let (way, start) = (self.0, Instant::now());
        // A destructor must not panic, as `println!` does when standard output is closed.
        let print = |text: &str| _ = writeln!(io::stdout(), "{way}: {text}");
        print("first SIGINT, teardown begins");
        thread::sleep(Duration::from_millis(800));
        print("second SIGINT");
        ctrl_c();
        thread::sleep(Duration::from_millis(200));
        let took = start.elapsed().as_secs_f64();
        print(&format!("teardown has ended after {took:.2} s"));
    }
}

async fn work(way: &'static str) {
    let _teardown = Teardown(way);
    ctrl_c();
    future::pending().await
}

fn main() -> io::Result<()> {
    let mut signals = Signals::new([Signal::Int])?;
    block_on(async { _ = signals.next().await }.or(work("plain smol")));
    drop(signals);

    let _ = block_on(until_interrupted(work("until_interrupted")));
    Ok(())
}
