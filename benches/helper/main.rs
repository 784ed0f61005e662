//! What helps to measure a program: `helper JOB PROGRAM [ARGUMENT…]`. It is the other end of an HTTP server or
//! client, or measures from outside.

mod http;
mod smallest;
mod start;

use std::env;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // As a shell does it.
        Err(error) if error.kind() == ErrorKind::NotFound => ExitCode::from(127),
        Err(error) => {
            eprintln!("helper: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    match measure::argument::<String>(1).as_str() {
        "http_server" => http::load(&mut command()),
        "http_client" => http::serve(&mut command()),
        "start" => start::start(&mut command()),
        "smallest" => smallest::build(&measure::argument::<PathBuf>(2)),
        _ => measure::unknown(1),
    }
}

/// The program that is to be measured.
fn command() -> Command {
    let mut arguments = env::args_os().skip(2);
    let Some(program) = arguments.next() else {
        measure::unknown(2)
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
