//! Ctrl-C and SIGTERM: the first one ends the program in order, the second one at once.
//!
//! - asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`
//! - Node: `process.on('SIGINT')`, `process.on('SIGTERM')`
//! - Paste: this file; `cargo add async-channel async-io futures-lite`,
//!   `cargo add signal-hook --no-default-features`.
//!
//! ```no_run
//! use asyncio_to_smol::interrupt::until_interrupted;
//! use async_io::Timer;
//! use std::process::ExitCode;
//! use std::time::Duration;
//!
//! fn main() -> ExitCode {
//!     let work = Timer::after(Duration::from_secs(60));
//!     match async_io::block_on(until_interrupted(work)) {
//!         Ok(_) => ExitCode::SUCCESS,
//!         // All destructors have run by now. Exit status 130, or 143.
//!         Err(interrupted) => interrupted.into(),
//!     }
//! }
//! ```
//!
//! Inside this library's `run`, which tears down the other tasks when `main` has ended, it is
//! `run(|ex| until_interrupted(main(ex)))`. (A first signal that comes during that teardown ends the
//! process; keep an [`Interrupts`] around the call if it is not to, as `run_until_interrupted` does.)
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first Ctrl-C | `run` cancels `main`, then the rest, and raises `KeyboardInterrupt` | ends the process | the future is dropped; [`until_interrupted`] returns `Err` |
//! | to do something else at that moment | `loop.add_signal_handler` | `process.on('SIGINT', …)` | [`Interrupts`] |
//! | during a call that blocks the loop | as soon as it returns | | as soon as it returns |
//! | a second one, half a second after the first or later | `KeyboardInterrupt` at once, in the middle of the teardown | | ends the process at once, also when the loop is blocked |
//! | several within half a second | as above | | one: a parent that relays its own Ctrl-C (GNU `timeout`, `concurrently`) sends two or three |
//! | SIGTERM | ends the process at once | ends the process at once | like Ctrl-C |
//! | any other signal | `loop.add_signal_handler` | `process.on` | the crate `async-signal`, which smol uses itself |
//! | the end | by the signal: a shell shows 130 (SIGINT) or 143 (SIGTERM) | the same | exit status 130 or 143: the same `$?`, but a shell script around it goes on |
//! | afterwards | Ctrl-C raises `KeyboardInterrupt` again | | Ctrl-C ends the process, as it does by default |
//! | a signal that was ignored at the start (a background job of a script, `nohup`) | SIGINT stays ignored | | stays ignored on Linux; elsewhere it is handled like any other |
//!
//! A destructor cannot await. A program that has something to await at its end waits for
//! [`Interrupts::received`] itself, beside its work.
//!
//! While there is no [`Interrupts`], the two signals end the process, as they do by default. The
//! handlers are installed once, for the whole process, and stay; do not handle these two signals in
//! another way beside them. A process made by `fork` without `exec` has the handlers, but not the
//! thread that runs smol's reactor: it must set both signals back to their default itself.
//!
//! On Unix the signal wakes the loop through a socket. Elsewhere, and as long as there are no file
//! descriptors left, smol's reactor looks 20 times a second whether one has come.
//!
//! Sources: asyncio's [Handling Keyboard Interruption](https://docs.python.org/3/library/asyncio-runner.html#handling-keyboard-interruption),
//! [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html), Node's
//! [signal events](https://nodejs.org/api/process.html#signal-events).

use async_channel::{Receiver, Sender};
use async_io::Timer;
use futures_lite::future::or;
use signal_hook::flag;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Waits for `future`, or for the first Ctrl-C or SIGTERM from now on; then `future` is dropped.
///
/// A second signal ends the process at once, with the exit status of that signal, until what this
/// returns is done. It needs no executor of its own. Dropping it drops `future`.
///
/// # Errors
///
/// [`Interrupted`] if a signal has come, also if `future` has ended before it could be dropped: its
/// value is dropped then. Turn it into an `ExitCode`, as [above](self); as an error that `main`
/// returns, it would give exit status 1.
///
/// # Examples
///
/// ```
/// use asyncio_to_smol::interrupt::until_interrupted;
/// assert_eq!(async_io::block_on(until_interrupted(async { 5 })), Ok(5));
/// ```
pub fn until_interrupted<F: Future>(
    future: F,
) -> impl Future<Output = Result<F::Output, Interrupted>> {
    let interrupts = Interrupts::listen();
    async move {
        let interrupted = async { Err(interrupts.received().await) };
        let result = or(async { Ok(future.await) }, interrupted).await;
        // It may have come while the loop was blocked.
        interrupts.now().map_or(result, Err)
    }
}

/// Which signal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interrupted {
    /// SIGINT: Ctrl-C in a terminal.
    Sigint,
    /// SIGTERM: what `kill`, `docker stop` and systemd send.
    Sigterm,
}

impl Interrupted {
    /// What a shell reports of a program that a signal has ended: 128 and the signal's number.
    ///
    /// # Examples
    ///
    /// ```
    /// use asyncio_to_smol::interrupt::Interrupted;
    /// assert_eq!(Interrupted::Sigint.exit_status(), 130);
    /// assert_eq!(Interrupted::Sigterm.exit_status(), 143);
    /// ```
    pub fn exit_status(self) -> u8 {
        128 + self.number()
    }

    /// The same on every system.
    fn number(self) -> u8 {
        match self {
            Interrupted::Sigint => 2,
            Interrupted::Sigterm => 15,
        }
    }
}

/// What is listened for.
const SIGNALS: [Interrupted; 2] = [Interrupted::Sigint, Interrupted::Sigterm];

/// Like `interrupted by SIGINT`.
impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Interrupted::Sigint => "interrupted by SIGINT",
            Interrupted::Sigterm => "interrupted by SIGTERM",
        })
    }
}

impl std::error::Error for Interrupted {}

/// Its [`exit_status`](Interrupted::exit_status).
impl From<Interrupted> for ExitCode {
    fn from(interrupted: Interrupted) -> ExitCode {
        ExitCode::from(interrupted.exit_status())
    }
}

/// As long as one of these exists, the first Ctrl-C or SIGTERM does not end the process.
///
/// The second one does, at once, if it comes half a second after the first or later. So keep this until
/// everything is torn down, and then drop it: from then on the first one ends the process again.
/// It is `Send` and `Sync`.
#[derive(Debug)]
#[must_use = "it listens only as long as it is kept"]
pub struct Interrupts {
    /// Closed when a signal has come.
    arrival: Receiver<()>,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// If there is another one already, this one counts as listening since then.
    ///
    /// # Examples
    ///
    /// Tells the work to stop instead of dropping it:
    ///
    /// ```no_run
    /// # use asyncio_to_smol::interrupt::Interrupts;
    /// # async fn serve(stop: impl std::future::Future) {}
    /// let interrupts = Interrupts::listen();
    /// async_io::block_on(serve(interrupts.received()));
    /// if let Some(interrupted) = interrupts.now() {
    ///     eprintln!("{interrupted}");
    /// }
    /// ```
    pub fn listen() -> Interrupts {
        let handlers = Handlers::get();
        Watch::start();
        let mut state = handlers.lock();
        if state.listeners == 0 {
            *state = State::default();
            for number in [&handlers.latest, &handlers.first] {
                number.store(0, SeqCst);
            }
            handlers.again.store(false, SeqCst);
            handlers.default.store(false, SeqCst);
        }
        state.listeners += 1;
        let arrival = state.arrival.1.clone();
        drop(state);
        Interrupts { arrival }
    }

    /// Which signal has come, if one has. Ask before dropping this: the signal is forgotten then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use asyncio_to_smol::interrupt::Interrupts;
    /// assert_eq!(Interrupts::listen().now(), None);
    /// ```
    pub fn now(&self) -> Option<Interrupted> {
        Handlers::get().first()
    }

    /// Waits until a signal has come, and says which. Ready at once when asked again.
    ///
    /// Any number of tasks can wait. Dropping the future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use asyncio_to_smol::interrupt::Interrupts;
    /// # use futures_lite::future::{block_on, poll_once};
    /// let interrupts = Interrupts::listen();
    /// assert_eq!(block_on(poll_once(interrupts.received())), None);
    /// ```
    pub async fn received(&self) -> Interrupted {
        loop {
            if let Some(interrupted) = self.now() {
                return interrupted;
            }
            let _closed = self.arrival.recv().await;
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        let handlers = Handlers::get();
        let mut state = handlers.lock();
        state.listeners -= 1;
        // What still comes of the first signal ends nothing: `look` sets it half a second later then.
        let wait_for_rest = handlers.first().is_some() && !handlers.again.load(SeqCst);
        if state.listeners == 0 && !wait_for_rest {
            handlers.default.store(true, SeqCst);
        }
    }
}

/// Signals that come within this time of the first one are the first one.
const FIRST: Duration = Duration::from_millis(500);

/// How often it is looked whether a signal has come, where a signal cannot wake the reactor.
const LOOK: Duration = Duration::from_millis(50);

/// What the signal handlers look at and write. They are installed once, and stay: a handler cannot
/// be uninstalled, it could only be made to do nothing, and the signal would be swallowed.
struct Handlers {
    /// Those that were not ignored at the start.
    signals: Vec<Interrupted>,
    /// There is no listener: do what is done by default.
    default: Arc<AtomicBool>,
    /// The first signal has come, and its time is over: exit.
    again: Arc<AtomicBool>,
    /// The number of the latest signal, or 0.
    latest: Arc<AtomicUsize>,
    /// The number of the first one, or 0: the latest when it was asked for first.
    first: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    listeners: usize,
    first_until: Option<Instant>,
    /// Closed when a signal has come: that wakes all tasks that receive.
    arrival: (Sender<()>, Receiver<()>),
}

impl Default for State {
    fn default() -> State {
        State {
            listeners: 0,
            first_until: None,
            arrival: async_channel::bounded(1),
        }
    }
}

impl Handlers {
    fn get() -> &'static Handlers {
        static HANDLERS: OnceLock<Handlers> = OnceLock::new();
        HANDLERS.get_or_init(|| {
            let ignored = ignored();
            let is_handled = |signal: &Interrupted| ignored >> (signal.number() - 1) & 1 == 0;
            let handlers = Handlers {
                signals: SIGNALS.into_iter().filter(is_handled).collect(),
                default: Arc::new(AtomicBool::new(true)),
                again: Arc::default(),
                latest: Arc::default(),
                first: AtomicUsize::new(0),
                state: Mutex::default(),
            };
            for signal in &handlers.signals {
                let installed = handlers.install(*signal);
                installed.expect("every system lets SIGINT and SIGTERM be handled");
            }
            handlers
        })
    }

    /// What happens when the signal comes, in this order.
    fn install(&self, signal: Interrupted) -> std::io::Result<()> {
        let (number, status) = (signal.number(), signal.exit_status());
        let (default, again) = (&self.default, &self.again);
        flag::register_conditional_default(number.into(), Arc::clone(default))?;
        flag::register_conditional_shutdown(number.into(), status.into(), Arc::clone(again))?;
        flag::register_usize(number.into(), Arc::clone(&self.latest), number.into())?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first(&self) -> Option<Interrupted> {
        let latest = self.latest.load(SeqCst);
        let first = self.first.compare_exchange(0, latest, SeqCst, SeqCst);
        let number = first.map_or_else(|first| first, |_none| latest);
        let mut signals = SIGNALS.into_iter();
        signals.find(|signal| usize::from(signal.number()) == number)
    }

    /// Ends the time of the first signal when it is over; returns until when it lasts.
    fn look(&self) -> Option<Instant> {
        let mut state = self.lock();
        self.first()?;
        let now = Instant::now();
        let until = *state.first_until.get_or_insert(now + FIRST);
        if now < until {
            return Some(until);
        }
        self.again.store(true, SeqCst);
        self.default.store(state.listeners == 0, SeqCst);
        None
    }

    /// Wakes the tasks that wait for a signal, if one has come.
    fn tell(&self) {
        let state = self.lock();
        let arrival = self.first().map(|_| state.arrival.0.clone());
        drop(state); // a waker is foreign code
        if let Some(arrival) = arrival {
            arrival.close();
        }
    }
}

/// The signals that this process ignores, as bits from 1 on, where the system says so.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.map_or(0, |bits| u64::from_str_radix(bits.trim(), 16).unwrap_or(0))
}

/// The one task that looks after the signals: the reactor polls it, also when every loop is blocked.
struct Watch(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Watch {
    fn start() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| Arc::new(Watch(Mutex::new(Box::pin(watch())))).wake());
    }
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _pending = watch.as_mut().poll(&mut Context::from_waker(&waker));
        drop(watch);
        Handlers::get().tell();
    }
}

async fn watch() {
    let mut wakeup = wakeup::Wakeup::default();
    loop {
        let until = Handlers::get().look();
        let timer = until.map_or_else(Timer::never, Timer::at);
        let over = async {
            timer.await;
        };
        or(wakeup.wait(), over).await;
    }
}

#[cfg(unix)]
mod wakeup {
    //! A socket to which the signal handler writes.

    use super::{Handlers, LOOK, Timer};
    use async_io::Async;
    use signal_hook::low_level::pipe;
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;

    /// `None` if there are no descriptors left.
    #[derive(Default)]
    pub(super) struct Wakeup(Option<Async<UnixStream>>);

    impl Wakeup {
        /// Returns when something may have come.
        pub(super) async fn wait(&mut self) {
            let Some(socket) = &self.0 else {
                match connect() {
                    Ok(socket) => self.0 = Some(socket),
                    Err(_) => {
                        Timer::after(LOOK).await;
                    }
                }
                return;
            };
            if socket.readable().await.is_err() {
                Timer::after(LOOK).await;
            }
            // What a process made by `fork` writes is nothing of ours: read it, or it is there for ever.
            let mut stream = socket.get_ref();
            while stream.read(&mut [0; 64]).is_ok_and(|len| len > 0) {}
        }
    }

    fn connect() -> io::Result<Async<UnixStream>> {
        let (reader, writer) = UnixStream::pair()?;
        // All that can fail comes first: what is registered stays.
        let (reader, writers) = (Async::new(reader)?, [writer.try_clone()?, writer]);
        for (signal, writer) in Handlers::get().signals.iter().zip(writers) {
            pipe::register(signal.number().into(), writer)?;
        }
        Ok(reader)
    }
}

#[cfg(not(unix))]
mod wakeup {
    //! Nothing: it is looked again and again.

    use super::{LOOK, Timer};

    #[derive(Default)]
    pub(super) struct Wakeup;

    impl Wakeup {
        pub(super) async fn wait(&mut self) {
            Timer::after(LOOK).await;
        }
    }
}
