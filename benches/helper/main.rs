//! `helper JOB [NUMBER…] PROGRAM [ARGUMENT…]` measures a program from outside, or is the peer of its sockets.

mod hello;
mod network;
mod smallest;
mod start;

use std::env;
use std::io::{self, ErrorKind};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // The status that a shell returns.
        Err(error) if error.kind() == ErrorKind::NotFound => ExitCode::from(127),
        Err(error) => {
            eprintln!("helper: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    match measure::argument::<String>(1).as_str() {
        "server" => network::load(&mut command(5)),
        "client" => network::serve(&mut command(3)),
        "start" => start::start(&mut command(2)),
        "greeting" => hello::greeting(&mut command(4)),
        "idle" => hello::idle(&mut command(3)),
        "flood" => hello::flood(&mut command(3)),
        "smallest" => smallest::build(&measure::argument::<String>(2)),
        _ => measure::unknown(1),
    }
}

/// The measured program, whose name is the n-th argument.
fn command(n: usize) -> Command {
    let mut arguments = env::args_os().skip(n);
    let Some(program) = arguments.next() else {
        measure::unknown(n)
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
