//! Ctrl-C and SIGTERM: the first one ends the program in order, the second one at once.
//!
//! - asyncio: `KeyboardInterrupt`, `loop.add_signal_handler`
//! - Node: `process.on('SIGINT')`, `process.on('SIGTERM')`
//!
//! ```no_run
//! use asyncio_to_smol::interrupt::run_until_interrupted;
//! use async_io::Timer;
//! use std::process::ExitCode;
//! use std::time::Duration;
//!
//! fn main() -> ExitCode {
//!     let result = run_until_interrupted(async |ex| {
//!         let task = ex.spawn(async { /* … */ });
//!         Timer::after(Duration::from_secs(60)).await;
//!         task.await
//!     });
//!     match result {
//!         Ok(()) => ExitCode::SUCCESS,
//!         // All destructors have run by now. Exit status 130, or 143.
//!         Err(interrupted) => interrupted.into(),
//!     }
//! }
//! ```
//!
//! | | asyncio | Node | here |
//! |---|---|---|---|
//! | the first Ctrl-C | `run` cancels `main`, then the rest, and raises `KeyboardInterrupt` | ends the process | `main` is dropped, then the rest; [`run_until_interrupted`] returns `Err` |
//! | to do something else at that moment | `loop.add_signal_handler` | `process.on('SIGINT', …)` | [`Interrupts`] |
//! | during a call that blocks the loop | as soon as it returns | | as soon as it returns |
//! | a second one | `KeyboardInterrupt` at once, in the middle of the teardown | | ends the process at once, also when the loop is blocked |
//! | SIGTERM | ends the process at once | ends the process at once | like Ctrl-C |
//! | the end | by the signal: a shell shows 130 (SIGINT) or 143 (SIGTERM) | the same | exit status 130 or 143: the same `$?`, but a shell script around it goes on |
//! | afterwards | Ctrl-C raises `KeyboardInterrupt` again | | Ctrl-C ends the process, as it does by default |
//!
//! A destructor cannot await. A program that has something to await at its end waits for
//! [`Interrupts::received`] itself, beside its work.
//!
//! While nobody listens, the two signals end the process, as they do by default. The handlers are
//! installed once, for the whole process, and stay; do not handle these two signals in another way
//! beside them. (A signal that was ignored when the program started, as in a background job of a
//! script, is not ignored any more. Python leaves it ignored.)
//!
//! On Unix the signal wakes the loop through a socket. Elsewhere, and where there are no file
//! descriptors left, the loop looks 20 times a second whether one has come.
//!
//! Sources: asyncio's [Handling Keyboard Interruption](https://docs.python.org/3/library/asyncio-runner.html#handling-keyboard-interruption),
//! [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html), Node's
//! [signal events](https://nodejs.org/api/process.html#signal-events).

use crate::run::{Spawner, run};
use async_io::Timer;
use futures_lite::future::or;
use signal_hook::flag;
use std::fmt;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// [`run`], until `main` ends or the first Ctrl-C or SIGTERM comes.
///
/// Then `main` is dropped, and after it all other tasks. Their destructors have run when this
/// returns. A second signal meanwhile ends the process at once, with the exit status of that signal.
///
/// # Errors
///
/// [`Interrupted`] if a signal has come, also if `main` has ended before it could be cancelled: what it
/// returned is dropped then. Turn it into an `ExitCode`, as above; as an error that `main` returns, it
/// would give exit status 1.
///
/// # Panics
///
/// Like [`run`].
pub fn run_until_interrupted<'a, F>(
    main: impl FnOnce(Spawner<'a>) -> F,
) -> Result<F::Output, Interrupted>
where
    F: Future + 'a,
    F::Output: 'a,
{
    // Until all destructors have run: the second one is to find somebody listening.
    let interrupts = Rc::new(Interrupts::listen());
    let result = run(|ex| {
        let main = main(ex);
        let interrupts = Rc::clone(&interrupts);
        async move {
            let interrupted = async { Err(interrupts.received().await) };
            or(async { Ok(main.await) }, interrupted).await
        }
    });
    // It may have come while the loop was blocked, or during the teardown.
    match interrupts.now() {
        Some(interrupted) => Err(interrupted),
        None => result,
    }
}

/// Which signal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// SIGINT: Ctrl-C in a terminal.
    Sigint,
    /// SIGTERM: what `kill`, `docker stop` and systemd send.
    Sigterm,
}

impl Interrupted {
    /// What a shell reports of a program that a signal has ended: 128 and the signal's number.
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
/// The second one does, at once. So keep this until everything is torn down, and then drop it: from
/// then on the first one ends the process again.
#[derive(Debug)]
pub struct Interrupts {
    wakeup: wakeup::Wakeup,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// If there is another one already, this one counts as listening since then.
    pub fn listen() -> Interrupts {
        let handlers = Handlers::get();
        let mut listeners = handlers.lock_listeners();
        if *listeners == 0 {
            handlers.received.store(0, Ordering::SeqCst);
            handlers.again.store(false, Ordering::SeqCst);
            handlers.default.store(false, Ordering::SeqCst);
        }
        *listeners += 1;
        drop(listeners);
        Interrupts {
            wakeup: wakeup::Wakeup::new(),
        }
    }

    /// Which signal has come, if one has. Ask before dropping this: a signal that nobody has asked for
    /// is lost then.
    pub fn now(&self) -> Option<Interrupted> {
        let number = Handlers::get().received.load(Ordering::SeqCst);
        let mut signals = SIGNALS.into_iter();
        signals.find(|signal| usize::from(signal.number()) == number)
    }

    /// Waits until a signal has come, and says which. Ready at once when asked again.
    ///
    /// Any number of tasks can wait. Dropping the future loses nothing.
    pub async fn received(&self) -> Interrupted {
        loop {
            match self.now() {
                Some(interrupted) => return interrupted,
                None => self.wakeup.wait().await,
            }
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        let handlers = Handlers::get();
        let mut listeners = handlers.lock_listeners();
        *listeners -= 1;
        if *listeners == 0 {
            handlers.default.store(true, Ordering::SeqCst);
        }
    }
}

/// What the signal handlers look at and write. They are installed once, and stay: a handler cannot
/// be uninstalled, it could only be made to do nothing, and the signal would be swallowed.
struct Handlers {
    /// Nobody listens: do what is done by default.
    default: Arc<AtomicBool>,
    /// One has come already: exit.
    again: Arc<AtomicBool>,
    /// Which one has come, or 0.
    received: Arc<AtomicUsize>,
    listeners: Mutex<usize>,
}

impl Handlers {
    fn get() -> &'static Handlers {
        static HANDLERS: OnceLock<Handlers> = OnceLock::new();
        HANDLERS.get_or_init(|| {
            let handlers = Handlers {
                default: Arc::new(AtomicBool::new(true)),
                again: Arc::new(AtomicBool::new(false)),
                received: Arc::new(AtomicUsize::new(0)),
                listeners: Mutex::new(0),
            };
            for signal in SIGNALS {
                let installed = handlers.install(signal);
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
        flag::register(number.into(), Arc::clone(again))?;
        flag::register_usize(number.into(), Arc::clone(&self.received), number.into())?;
        Ok(())
    }

    fn lock_listeners(&self) -> std::sync::MutexGuard<'_, usize> {
        // No one panics while holding it.
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often it is looked whether a signal has come, where a signal cannot wake anybody.
const LOOK: Duration = Duration::from_millis(50);

#[cfg(unix)]
mod wakeup {
    //! A socket to which the signal handler writes.

    use super::{LOOK, SIGNALS, Timer};
    use async_io::Async;
    use signal_hook::SigId;
    use signal_hook::low_level::{pipe, unregister};
    use std::io;
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(super) struct Wakeup {
        /// Never read from: once readable it stays so. `None` if there are no descriptors left.
        socket: Option<Async<UnixStream>>,
        writers: Vec<SigId>,
    }

    impl Wakeup {
        pub(super) fn new() -> Wakeup {
            let mut writers = Vec::new();
            let socket = connect(&mut writers).ok();
            Wakeup { socket, writers }
        }

        pub(super) async fn wait(&self) {
            let waited = match &self.socket {
                Some(socket) => socket.readable().await.is_ok(),
                None => false,
            };
            if !waited {
                Timer::after(LOOK).await;
            }
        }
    }

    fn connect(writers: &mut Vec<SigId>) -> io::Result<Async<UnixStream>> {
        let (reader, writer) = UnixStream::pair()?;
        for signal in SIGNALS {
            let number = signal.number().into();
            writers.push(pipe::register(number, writer.try_clone()?)?);
        }
        Async::new(reader)
    }

    impl Drop for Wakeup {
        fn drop(&mut self) {
            for writer in &self.writers {
                unregister(*writer); // and close
            }
        }
    }
}

#[cfg(not(unix))]
mod wakeup {
    //! Nothing: the flag is looked at again and again.

    use super::{LOOK, Timer};

    #[derive(Debug)]
    pub(super) struct Wakeup;

    impl Wakeup {
        pub(super) fn new() -> Wakeup {
            Wakeup
        }

        pub(super) async fn wait(&self) {
            Timer::after(LOOK).await;
        }
    }
}
