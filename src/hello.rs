//! What the seven hello programs have in common: command line, input rules, messages.
//!
//! - asyncio: no name for it
//! - Node: no name for it
//! - Examples: [`hello_node`](crate::examples::hello_node),
//!   [`hello_threads`](crate::examples::hello_threads),
//!   [`hello_event_loop`](crate::examples::hello_event_loop),
//!   [`hello_callbacks`](crate::examples::hello_callbacks),
//!   [`hello_coroutines`](crate::examples::hello_coroutines),
//!   [`fib_coroutine`](crate::examples::fib_coroutine), [`hello_smol`](crate::examples::hello_smol)
//!
//! All of them print a greeting every few seconds and answer every natural number typed with its
//! Fibonacci number. They differ in what waits for the two, and that is what is left in the
//! example files. Neither asyncio nor Node has a counterpart.
//!
//! - An optional argument is the time between greetings in seconds: `hello_smol 0.5`.
//! - A line is trimmed. A natural number is answered, `exit` ends the program at once, a blank line
//!   is skipped, and anything else gets one line on standard error that quotes it.
//! - End of input ends the program when every number has been answered.
//!
//! A program that cannot write to standard output ends: without a word where the reader has gone
//! (`hello_smol | head -3`), with an error and status 1 otherwise.

use crate::fib::{self, Timed, TooLarge};
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time between greetings where the command line names none.
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(3);

/// Reads the command line, calls `run` with the time between greetings, and reports its error.
///
/// The exit code is 0 if `run` succeeds or the reader of standard output has gone, 1 for any other
/// error, and 2 for a command line that is not understood.
pub fn main(run: impl FnOnce(Duration) -> io::Result<()>) -> ExitCode {
    let program = program_name();
    match period_from(std::env::args_os().skip(1)) {
        Ok(period) => ExitCode::from(run(period).map_or_else(|error| report(&error), |()| 0)),
        Err(wrong) => {
            let default = DEFAULT_PERIOD.as_secs();
            complain(format_args!(
                "usage: {program} [SECONDS]: the time between greetings, a number above 0 \
                 (default {default}), not {wrong}"
            ));
            ExitCode::from(2)
        }
    }
}

/// Ends the process as [`main`] does for an error: for a thread of which `main` does not hear.
pub fn exit_with(error: &io::Error) -> ! {
    std::process::exit(report(error).into())
}

/// Prints the error, unless it is nobody's business, and returns the exit status for it.
fn report(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return 0;
    }
    complain(format_args!("{}: {error}", program_name()));
    1
}

fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    Path::new(&path)
        .file_stem()
        .unwrap_or(&path)
        .to_string_lossy()
        .into_owned()
}

/// The time between greetings, or what stands there instead of it.
fn period_from(mut args: impl Iterator<Item = OsString>) -> Result<Duration, String> {
    let Some(first) = args.next() else {
        return Ok(DEFAULT_PERIOD);
    };
    if let Some(second) = args.next() {
        return Err(format!(
            "{} and {}",
            quote(first.as_encoded_bytes()),
            quote(second.as_encoded_bytes())
        ));
    }
    let text = first.to_string_lossy();
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|seconds| !seconds.is_zero())
        .ok_or_else(|| quote(first.as_encoded_bytes()))
}

/// Prints `{unix seconds} - Hello world!`.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn greet() -> io::Result<()> {
    // A clock before 1970 reads as 1970: a greeting is no place to fail for it.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    print(format_args!("{} - Hello world!", now.as_secs()))
}

/// What a line of input asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A natural number, at most [`fib::MAX`]: compute its Fibonacci number.
    Fib(u32),
    /// `exit`: end the program at once.
    Exit,
    /// Nothing: the line is blank, or was complained about.
    Skip,
}

/// Reads one line of input. If it makes no sense, says so on standard error and returns
/// [`Command::Skip`].
pub fn command(line: &[u8]) -> Command {
    parse(line).unwrap_or_else(|complaint| {
        complain(complaint);
        Command::Skip
    })
}

fn parse(line: &[u8]) -> Result<Command, String> {
    let line = line.trim_ascii();
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let expected = || format!("expected a natural number up to {} or `exit`", fib::MAX);
    if text.is_empty() {
        Ok(Command::Skip)
    } else if text == "exit" {
        Ok(Command::Exit)
    } else if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(format!("{}: {}", quote(line), expected()))
    } else {
        match text.parse() {
            Ok(n) if n <= fib::MAX => Ok(Command::Fib(n)),
            _ => Err(format!("{}: {TooLarge}; {}", quote(line), expected())),
        }
    }
}

/// The input in quotes, with control characters escaped, and only its beginning if it is long.
fn quote(input: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(input);
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], input.len()),
    }
}

/// Computes F(n) on this thread and takes the time: the article's `timed_fib`.
///
/// # Errors
///
/// [`TooLarge`] for n above [`fib::MAX`], which [`command`] does not let through.
pub fn timed_fib(n: u32) -> Result<Answer, TooLarge> {
    let Timed { name, value, took } = fib::measure("fib", || fib::fib(n));
    Ok(Answer {
        n,
        timed: Timed {
            name,
            value: value?,
            took,
        },
    })
}

/// F(n) and the time it took.
///
/// Displays as the two lines the programs print for it; [`print`](print()) keeps them together.
///
/// ```
/// use asyncio_to_smol::hello::timed_fib;
///
/// let answer = timed_fib(10)?.to_string();
/// assert_eq!(answer, "Executing fib took 0.00 seconds.\nfib(10) = 55");
/// # Ok::<(), asyncio_to_smol::fib::TooLarge>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The number that was typed.
    pub n: u32,
    /// F(n), and how long it took.
    pub timed: Timed<u64>,
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nfib({}) = {}", self.timed, self.n, self.timed.value)
    }
}

/// Prints `message` and a newline on standard output, with nothing of another thread in between.
///
/// # Errors
///
/// If standard output cannot be written to. (`println!` panics there.)
pub fn print(message: impl Display) -> io::Result<()> {
    // In one piece, so that a pipe's reader never sees half of it either.
    let message = format!("{message}\n");
    io::stdout()
        .write_all(message.as_bytes())
        .map_err(|error| named("standard output", &error))
}

/// Prints one line on standard error. There is nobody left to tell if that fails.
fn complain(message: impl Display) {
    let _ = io::stderr().write_all(format!("{message}\n").as_bytes());
}

/// The same error, saying that it came from standard input.
///
/// For the programs that read it with std or by hand; [`Stdin`](crate::stdin::Stdin) says so itself.
pub fn input_error(error: impl Into<io::Error>) -> io::Error {
    named("standard input", &error.into())
}

fn named(place: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(args: &[&str]) -> Result<Duration, String> {
        period_from(args.iter().map(OsString::from))
    }

    #[test]
    fn the_period_is_any_number_above_zero() {
        assert_eq!(period(&[]), Ok(Duration::from_secs(3)));
        assert_eq!(period(&["3"]), Ok(Duration::from_secs(3)));
        assert_eq!(period(&["0.25"]), Ok(Duration::from_millis(250)));
        assert_eq!(period(&["1e3"]), Ok(Duration::from_secs(1000)));
    }

    #[test]
    fn anything_else_is_named() {
        for wrong in [
            "0", "-1", "", "x", "nan", "inf", "1e300", "1e-300", "3s", "--help",
        ] {
            assert_eq!(period(&[wrong]), Err(format!("{wrong:?}")));
        }
        assert_eq!(period(&["1", "2"]), Err("\"1\" and \"2\"".to_string()));
    }

    #[test]
    fn commands() {
        for (line, command) in [
            ("0", Command::Fib(0)),
            (" 40\t\r", Command::Fib(40)),
            ("0000000000000000000000093", Command::Fib(93)),
            ("exit", Command::Exit),
            ("", Command::Skip),
            (" \t\r", Command::Skip),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_quoted_with_what_was_expected() {
        for line in [
            "-1", "+1", "3.5", "1e3", "EXIT", "exit now", "4 2", "٣", "0x10",
        ] {
            let complaint = parse(line.as_bytes()).unwrap_err();
            assert_eq!(
                complaint,
                format!("{line:?}: expected a natural number up to 93 or `exit`")
            );
        }
        assert_eq!(
            parse(b"\xff\x1b[2J").unwrap_err(),
            "\"\u{fffd}\\u{1b}[2J\": expected a natural number up to 93 or `exit`"
        );
    }

    #[test]
    fn a_number_above_93_is_told_why() {
        for line in ["94", "4294967296", "99999999999999999999999999"] {
            let complaint = parse(line.as_bytes()).unwrap_err();
            assert_eq!(
                complaint,
                format!(
                    "{line:?}: a Fibonacci number beyond F(93) does not fit in 64 bits; \
                     expected a natural number up to 93 or `exit`"
                )
            );
        }
    }

    #[test]
    fn a_long_line_is_quoted_in_part() {
        let complaint = parse("é".repeat(1_000_000).as_bytes()).unwrap_err();
        assert_eq!(
            complaint,
            format!(
                "\"{}\"… (2000000 bytes): expected a natural number up to 93 or `exit`",
                "é".repeat(40)
            )
        );
        let complaint = parse(&[0xff; 100]).unwrap_err();
        assert!(complaint.contains("… (100 bytes): "), "{complaint}");
    }
}
