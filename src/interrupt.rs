//! Ctrl-C and SIGTERM: a graceful shutdown at the first signal, an immediate end at the second.
//!
//! - asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`
//! - Node: `process.on('SIGINT')`, `process.on('SIGTERM')`
//! - Paste: this file; `cargo add async-channel futures-lite`,
//!   `cargo add signal-hook --no-default-features`.
//!
//! ```no_run
//! use asyncio_to_smol::interrupt::until_interrupted;
//! use futures_lite::future::{block_on, pending};
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     let result = block_on(until_interrupted(pending::<()>()));
//!     // All destructors have run by now. Exit status 130, or 143.
//!     result.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
//! }
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first Ctrl-C | `run` cancels `main`, then the rest, and raises `KeyboardInterrupt` | ends the process | the future is dropped; [`until_interrupted`] returns `Err`. With [`run`](crate::run::run): [`run_until_interrupted`](crate::run_until_interrupted) |
//! | doing something else then, or awaiting something | `loop.add_signal_handler` | `process.on('SIGINT', …)` | wait for [`Interrupts::received`] beside the work |
//! | during a call that blocks the loop | as soon as it returns | | as soon as it returns |
//! | a second one | `KeyboardInterrupt` at once, in the middle of the teardown | | ends the process at once, even if the loop is blocked |
//! | repetitions within the time that [`Interrupts`] names | as above | | count as the first: a parent that relays its own Ctrl-C (GNU `timeout`, `concurrently`) sends two or three |
//! | SIGTERM | ends the process at once | ends the process at once | like Ctrl-C |
//! | any other signal | `loop.add_signal_handler` | `process.on` | the crate `async-signal`, which smol itself uses |
//! | exit status | ended by the signal: a shell shows 130 (SIGINT) or 143 (SIGTERM) | the same | exits with 130 or 143: the same `$?`, but the calling shell script goes on |
//! | afterwards | Ctrl-C raises `KeyboardInterrupt` again | | Ctrl-C ends the process, as by default |
//! | a signal that was ignored at the start (a background job of a script, `nohup`) | SIGINT stays ignored | | stays ignored on Linux; elsewhere it is handled like any other |
//!
//! While there is no [`Interrupts`], the two signals end the process, as by default. The handlers stay installed,
//! and so does a thread that they wake through a socket: do not also handle these two signals in another way.
//! Without sockets (on Windows, or with no file descriptors left at the start) the thread checks 20 times a
//! second. A process made by `fork` without `exec` has no such thread: it must reset both signals itself.
//!
//! Sources: [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html), asyncio's [Handling Keyboard
//! Interruption](https://docs.python.org/3/library/asyncio-runner.html#handling-keyboard-interruption), Node's
//! [signal events](https://nodejs.org/api/process.html#signal-events).

use async_channel::{Receiver, Sender};
use futures_lite::future::or;
use signal_hook::flag;
use std::fmt;
use std::future::Future;
use std::io::{self, Read};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Waits for `future`, or for the first Ctrl-C or SIGTERM from now on. At the signal, `future` is dropped.
///
/// Until the returned future is ready, a second signal ends the process at once, with the exit status of that
/// signal. It needs no executor. Dropping it drops `future`. To go on working after the signal, see
/// [`Interrupts`]; to drop all tasks as well, [`run_until_interrupted`](crate::run_until_interrupted).
///
/// # Errors
///
/// [`Interrupted`] if a signal has arrived, even if `future` ended before it could be dropped. Turn it into an
/// `ExitCode`, as [above](self): if `main` returns it as an error, the exit status is 1.
///
/// ```
/// use asyncio_to_smol::interrupt::until_interrupted;
/// use futures_lite::future::block_on;
/// assert_eq!(block_on(until_interrupted(async { 5 })), Ok(5));
/// ```
pub fn until_interrupted<F: Future>(
    future: F,
) -> impl Future<Output = Result<F::Output, Interrupted>> {
    let interrupts = Interrupts::listen();
    async move {
        let interrupted = async { Err(interrupts.received().await) };
        let result = or(async { Ok(future.await) }, interrupted).await;
        // A signal may have arrived while the loop was blocked.
        interrupts.now().map_or(result, Err)
    }
}

/// The signal that has arrived: the error of [`until_interrupted`]. It converts into an `ExitCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interrupted {
    /// SIGINT: Ctrl-C in a terminal.
    Sigint = 2,
    /// SIGTERM, as sent by `kill`, `docker stop` and systemd.
    Sigterm = 15,
}

const BOTH: [Interrupted; 2] = [Interrupted::Sigint, Interrupted::Sigterm];

impl Interrupted {
    /// The exit status that a shell reports for a program ended by this signal: 128 plus the signal's number.
    ///
    /// ```
    /// # use asyncio_to_smol::interrupt::Interrupted;
    /// assert_eq!(Interrupted::Sigint.exit_status(), 130);
    /// ```
    pub fn exit_status(self) -> u8 {
        128 + self as u8
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}").to_uppercase();
        write!(f, "interrupted by {name}")
    }
}

impl std::error::Error for Interrupted {}

/// Its [`exit_status`](Interrupted::exit_status).
impl From<Interrupted> for ExitCode {
    fn from(interrupted: Interrupted) -> ExitCode {
        ExitCode::from(interrupted.exit_status())
    }
}

/// A listener for the two signals. While one exists, the first Ctrl-C or SIGTERM does not end the process.
///
/// A second signal does, at once, if it arrives at least half a second after the first. Keep the listener until
/// the teardown is done: without it, a signal ends the process. It is `Send` and `Sync`.
/// [`listen`](Interrupts::listen) has an example; to drop a future at the signal, [`until_interrupted`] is enough.
#[derive(Debug)]
#[must_use = "it listens only as long as it is kept"]
pub struct Interrupts(());

impl Interrupts {
    /// Listens from now on. If there already is a listener, this one also sees the signal that the other has seen.
    ///
    /// ```no_run
    /// # use asyncio_to_smol::interrupt::Interrupts;
    /// # async fn serve(stop: impl std::future::Future) {}
    /// let interrupts = Interrupts::listen();
    /// // It shuts down by itself, instead of being dropped.
    /// futures_lite::future::block_on(serve(interrupts.received()));
    /// println!("{:?}", interrupts.now());
    /// ```
    pub fn listen() -> Interrupts {
        let mut signals = lock();
        if signals.listeners == 0 {
            signals.first = None;
            signals.latest.store(0, SeqCst);
            signals.exit.store(false, SeqCst);
            signals.default.store(false, SeqCst);
        }
        signals.listeners += 1;
        Interrupts(())
    }

    /// The first signal that has arrived, if any; [`received`](Interrupts::received) waits for it. Call it before
    /// you drop the last listener, which discards the signal.
    ///
    /// ```
    /// # use asyncio_to_smol::interrupt::Interrupts;
    /// assert_eq!(Interrupts::listen().now(), None);
    /// ```
    pub fn now(&self) -> Option<Interrupted> {
        lock().first().map(|(interrupted, _)| interrupted)
    }

    /// Waits until a signal has arrived, and returns the first. Any number of tasks can wait, any number of times.
    /// Dropping the future does not lose the signal. [`now`](Interrupts::now) does not wait.
    ///
    /// ```
    /// # use {asyncio_to_smol::interrupt::Interrupts, futures_lite::future::{block_on, poll_once}};
    /// let interrupts = Interrupts::listen();
    /// assert_eq!(block_on(poll_once(interrupts.received())), None);
    /// ```
    pub async fn received(&self) -> Interrupted {
        loop {
            if let Some(interrupted) = self.now() {
                let _ = ARRIVAL.0.try_send(()); // for the next waiting task
                return interrupted;
            }
            let _ = ARRIVAL.1.recv().await;
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        let mut signals = lock();
        signals.listeners -= 1;
        // Repetitions of the first signal must not end the process: `watch` sets `default` after `REPEATS`.
        if signals.listeners == 0 && (signals.first().is_none() || signals.exit.load(SeqCst)) {
            signals.default.store(true, SeqCst);
        }
    }
}

/// Signals that arrive within this time after the first count as the first.
const REPEATS: Duration = Duration::from_millis(500);

/// The state that the signal handlers read and write. The handlers are installed once and stay: an uninstalled
/// handler would do nothing, and swallow the signal.
#[derive(Default)]
struct Signals {
    /// Take the default action: there is no listener.
    default: Arc<AtomicBool>,
    /// Exit: the first signal has arrived, and `REPEATS` has passed.
    exit: Arc<AtomicBool>,
    /// The number of the latest signal, or 0.
    latest: Arc<AtomicUsize>,
    /// The first signal (the value of `latest` when it was first seen to be set), and the time of that.
    first: Option<(Interrupted, Instant)>,
    listeners: usize,
}

/// Carries a message when a signal has arrived. The receiver that takes it sends it on.
static ARRIVAL: LazyLock<(Sender<()>, Receiver<()>)> = LazyLock::new(|| async_channel::bounded(1));

fn lock() -> MutexGuard<'static, Signals> {
    static SIGNALS: LazyLock<Mutex<Signals>> = LazyLock::new(|| {
        let signals = Signals::install();
        Mutex::new(signals.expect("SIGINT and SIGTERM can be handled on every system"))
    });
    SIGNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signals {
    fn install() -> io::Result<Signals> {
        let signals = Signals::default();
        signals.default.store(true, SeqCst);
        let (ignored, mut handled) = (ignored(), BOTH.to_vec());
        handled.retain(|signal| ignored >> (*signal as u8 - 1) & 1 == 0);
        for signal in &handled {
            let (number, status) = (*signal as i32, signal.exit_status().into());
            // The actions at a signal, in this order.
            flag::register_conditional_default(number, Arc::clone(&signals.default))?;
            flag::register_conditional_shutdown(number, status, Arc::clone(&signals.exit))?;
            flag::register_usize(number, Arc::clone(&signals.latest), *signal as usize)?;
        }
        let socket = socket(&handled);
        thread::spawn(move || watch(socket));
        Ok(signals)
    }

    fn first(&mut self) -> Option<(Interrupted, Instant)> {
        let number = self.latest.load(SeqCst);
        let latest = BOTH.into_iter().find(|signal| *signal as usize == number);
        self.first = self.first.or_else(|| Some((latest?, Instant::now())));
        self.first
    }
}

/// The signals that this process ignores, where `/proc` lists them: bit n - 1 stands for signal n.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.map_or(0, |bits| u64::from_str_radix(bits.trim(), 16).unwrap_or(0))
}

#[cfg(not(unix))]
use std::net::TcpStream as Socket;
#[cfg(unix)]
use std::os::unix::net::UnixStream as Socket;

/// A socket to which the signal handlers write.
#[cfg(unix)]
fn socket(signals: &[Interrupted]) -> io::Result<Socket> {
    let (reader, writer) = Socket::pair()?;
    // Everything that can fail comes first: a registered handler stays.
    let writers = [writer.try_clone()?, writer];
    for (signal, writer) in signals.iter().zip(writers) {
        signal_hook::low_level::pipe::register(*signal as i32, writer)?;
    }
    Ok(reader)
}

#[cfg(not(unix))]
fn socket(_: &[Interrupted]) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Wakes the waiting tasks, and sets `exit` when `REPEATS` has passed, even if every loop is blocked.
fn watch(mut socket: io::Result<Socket>) {
    loop {
        let mut signals = lock();
        let first = signals.first();
        let rest = first.and_then(|(_, since)| REPEATS.checked_sub(since.elapsed()));
        if first.is_some() && rest.is_none() {
            signals.exit.store(true, SeqCst);
            signals.default.store(signals.listeners == 0, SeqCst);
        }
        drop(signals); // a waker is foreign code
        let _ = first.map(|_| catch_unwind(|| ARRIVAL.0.try_send(())));
        let Ok(socket) = &mut socket else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        // Not 0, which would be an error.
        let _ = socket.set_read_timeout(rest.map(|rest| rest + Duration::from_millis(1)));
        // A process made by `fork` shares the socket, and may wake this thread without need.
        let _ = socket.read(&mut [0; 64]);
    }
}
