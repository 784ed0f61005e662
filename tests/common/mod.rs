//! Runs the examples as processes: on pipes, files and pseudo-terminals.
#![allow(dead_code, reason = "every test file uses a part of this")]

pub mod process;

pub use process::{Line, is_greeting};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
#[cfg(unix)]
use {
    std::io::Read,
    std::sync::{Arc, Mutex},
    std::thread::sleep,
    std::time::Instant,
};

/// Longer than anything here takes on a slow machine: a test that waits so long fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The executable of an example, which this builds: `cargo test --test hello` builds none.
pub fn example(name: &str) -> PathBuf {
    examples().join(name)
}

/// Without the variables that Cargo sets for a test: build scripts that read them would run again.
pub fn without_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds all examples and returns the folder with their executables.
fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        // TARGET_DIR/PROFILE/deps/THIS_TEST
        let this_test = std::env::current_exe().unwrap();
        let profile = this_test.ancestors().nth(2).unwrap();
        let is_release = profile.ends_with("release");
        let profile_name = if is_release { "release" } else { "dev" };
        let status = without_cargo(&mut Command::new(env!("CARGO")))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            // With the features of this test, or everything would be built twice.
            .args(["build", "--quiet", "--examples", "--features", &features()])
            .arg("--target-dir")
            .arg(profile.parent().unwrap())
            .args(["--profile", profile_name])
            .status()
            .unwrap();
        assert!(status.success(), "the examples do not build");
        profile.join("examples")
    })
}

/// The features that this test has been built with.
pub fn features() -> String {
    let features = [
        ("redis", cfg!(feature = "redis")),
        ("http", cfg!(feature = "http")),
        ("tls", cfg!(feature = "tls")),
    ];
    let features = features.into_iter().filter(|(_, is_on)| *is_on);
    features.map(|(name, _)| name).collect::<Vec<_>>().join(",")
}

/// A folder for this test, empty.
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder); // of an earlier run
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Prints a line even if the output of tests that pass is not shown.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs all checks at the same time, and says which one failed.
pub fn at_the_same_time<'a>(checks: impl IntoIterator<Item = (&'a str, impl FnOnce() + Send)>) {
    examples(); // built before the clock of any check runs
    thread::scope(|scope| {
        let checks = checks.into_iter();
        let checks: Vec<_> = checks
            .map(|(name, check)| (name, scope.spawn(check)))
            .collect();
        for (name, check) in checks {
            assert!(check.join().is_ok(), "{name} failed");
        }
    });
}

/// A running example. Its methods panic with its name if something fails.
pub struct Running {
    name: String,
    process: process::Running,
}

/// Starts `name` with a pipe for standard input.
pub fn start(name: &str, args: &[&str]) -> Running {
    start_on(name, args, Stdio::piped())
}

/// Starts `name` with the given standard input.
pub fn start_on(name: &str, args: &[&str], stdin: impl Into<Stdio>) -> Running {
    let mut command = Command::new(example(name));
    // The environment of the tests may set it.
    command.args(args).env_remove("REDIS_URL");
    start_program(name, command.stdin(stdin))
}

/// Starts a program that is not an example.
pub fn start_program(name: &str, command: &mut Command) -> Running {
    let process = process::Running::start(command);
    Running {
        name: name.to_string(),
        process: process.unwrap_or_else(|error| panic!("{name}: {error}")),
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    pub fn cpu(&self) -> Duration {
        self.process.cpu().expect("its CPU time in /proc")
    }

    /// Sends a signal to the program, if it has not ended.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        self.process.signal(signal).unwrap();
    }

    /// Writes the number to the program, which raises that signal: Windows has no safe function to send one.
    #[cfg(not(unix))]
    pub fn signal(&mut self, signal: i32) {
        let _ = writeln!(self.process.stdin.as_mut().unwrap(), "{signal}");
    }

    pub fn type_in(&mut self, input: impl AsRef<[u8]>) {
        let stdin = self.process.stdin.as_mut();
        let stdin = stdin.expect("standard input is a pipe and open");
        stdin.write_all(input.as_ref()).unwrap();
    }

    pub fn end_input(&mut self) {
        self.process.stdin = None;
    }

    /// The next line on standard output.
    pub fn next_line(&self) -> Line {
        self.process
            .stdout
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("{}: no further output: {error}", self.name))
    }

    pub fn next_complaint(&self) -> Line {
        self.process
            .stderr
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("{}: no complaint: {error}", self.name))
    }

    /// Kills it, and returns the unread lines of standard output.
    pub fn kill(mut self) -> Vec<String> {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.process.stdout.iter().map(|line| line.text).collect()
    }

    /// Waits for the end of the program and returns what it has printed since.
    pub fn finish(mut self) -> Finished {
        let status = self.status_within(PATIENCE);
        let status = status.unwrap_or_else(|| panic!("{} does not end", self.name));
        Finished {
            status,
            stdout: self.process.stdout.iter().map(|line| line.text).collect(),
            stderr: self.process.stderr.iter().map(|line| line.text).collect(),
        }
    }

    /// The exit status, if the program ends within this time.
    pub fn status_within(&mut self, time: Duration) -> Option<ExitStatus> {
        self.process.status_within(time).unwrap()
    }
}

#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
}

/// A whole transcript of a hello program: the number of greetings, and the answers.
///
/// Panics unless every line but the greetings belongs to an answer: two adjacent lines, the time and the value.
pub fn read_transcript(stdout: &[String]) -> (usize, Vec<String>) {
    let (mut greetings, mut answers) = (0, Vec::new());
    let mut lines = stdout.iter();
    while let Some(line) = lines.next() {
        if is_greeting(line) {
            greetings += 1;
        } else {
            assert!(
                line.contains(" took ") && line.contains(" seconds"),
                "{line:?}"
            );
            let value = lines.next().expect("a value after the time");
            assert!(value.starts_with("fib("), "{value:?}");
            answers.push(value.clone());
        }
    }
    (greetings, answers)
}

/// A file with this content, opened for reading. Its name is removed.
pub fn file_with(content: &[u8]) -> File {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("input-{}-{number}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

/// A pseudo-terminal.
#[cfg(unix)]
pub struct Terminal {
    /// The keyboard and the screen.
    pub master: File,
    /// A program's standard input. Clones share its flags.
    pub slave: File,
    /// Everything that has been on the screen so far.
    screen: Arc<Mutex<Vec<u8>>>,
}

#[cfg(unix)]
impl Terminal {
    pub fn open() -> Terminal {
        use rustix::fs::{Mode, OFlags, open};
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let terminal = Terminal {
            master: master.into(),
            slave: slave.into(),
            screen: Arc::default(),
        };
        // The screen must be read: a terminal whose echo goes nowhere stops taking input.
        let mut master = terminal.master.try_clone().unwrap();
        let screen = Arc::clone(&terminal.screen);
        thread::spawn(move || {
            let mut part = [0; 4096];
            // It fails when the slave is closed.
            while let Ok(length @ 1..) = master.read(&mut part) {
                screen.lock().unwrap().extend_from_slice(&part[..length]);
            }
        });
        terminal
    }

    /// Waits until what was on the screen so far ends like this, and returns it.
    pub fn screen_until(&self, end: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
            if screen.ends_with(end) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "{screen:?} does not end with {end:?}"
            );
            sleep(Duration::from_millis(5));
        }
    }

    pub fn stdin(&self) -> Stdio {
        self.slave.try_clone().unwrap().into()
    }

    pub fn type_in(&mut self, input: impl AsRef<[u8]>) {
        self.master.write_all(input.as_ref()).unwrap();
    }

    /// What a program could change: the terminal's modes and the open file's flags.
    pub fn flags(&self) -> String {
        let modes = rustix::termios::tcgetattr(&self.slave).unwrap();
        let flags = rustix::fs::fcntl_getfl(&self.slave).unwrap();
        format!("{modes:?} {flags:?}")
    }
}
