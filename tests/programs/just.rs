//! The recipes of `justfile` that run programs, and what a signal does to them.
#![cfg(unix)]

use crate::common::{self, is_greeting, say, without_cargo};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

/// A `just` with these arguments, behind another command if there is one, unless it is not installed.
fn just(before: &[&str], arguments: &[&str]) -> Option<Command> {
    let words = [before, &["just"], arguments].concat();
    for needed in ["just", words[0]] {
        if Command::new(needed).arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "CI has {needed}");
            say(format!("skipped: {needed} is not installed"));
            return None;
        }
    }
    // The first time it says that it compiles something.
    let root = env!("CARGO_MANIFEST_DIR");
    let mut list = Command::new("just");
    let _ = without_cargo(list.arg("list").current_dir(root)).output();
    let mut command = Command::new(words[0]);
    without_cargo(command.args(&words[1..]).current_dir(root));
    Some(command)
}

/// The lines that the program prints, from its first greeting on.
fn start(command: &mut Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| is_greeting(&line.unwrap())));
    (child, output)
}

#[test]
fn just_lists_the_programs() {
    let Some(mut listed) = just(&[], &[]) else {
        return;
    };
    let list = String::from_utf8(listed.output().unwrap().stdout).unwrap();
    for program in crate::programs() {
        let (name, article) = (&program.name, program.article());
        let line = format!("\n  {name:<20} {article:<8} {}\n", program.description);
        assert!(list.contains(&line), "{line} is not in the list:\n{list}");
    }
    for line in ["\nChapter 9: Cancellation\n", "    run "] {
        assert!(list.contains(line), "{list}");
    }
}

#[test]
fn control_c_in_a_program_ends_just_without_a_word() {
    let mut terminal = common::Terminal::open();
    common::example("hello_node"); // `just` would say that it compiles the programs
    // A session of its own, with the pseudo-terminal for its ^C.
    let session = ["setsid", "--ctty", "--wait"];
    let Some(mut just) = just(&session, &["run", "1", "0.2"]) else {
        return;
    };
    // The first program of chapter 1 is running then.
    let (mut child, mut output) = start(just.stdin(terminal.stdin()));
    terminal.type_in("\x03");
    // The second one is not started.
    assert!(output.all(|line| is_greeting(&line.unwrap())));
    let mut complaints = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut complaints).unwrap();
    assert_eq!(complaints, "");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Only `just` gets the signal here, as from `kill` or a supervisor.
#[test]
fn a_sigterm_for_just_ends_the_program() {
    for wanted in ["hello_smol", "1"] {
        let Some(mut just) = just(&[], &["run", wanted, "0.2"]) else {
            return;
        };
        let (mut child, output) = start(just.stdin(Stdio::piped()));
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        // Its output ends when no process has it any more.
        let (running, ended) = mpsc::channel::<()>();
        thread::spawn(move || output.for_each(|_| _ = &running));
        let ended = ended.recv_timeout(common::PATIENCE);
        assert_eq!(
            ended,
            Err(RecvTimeoutError::Disconnected),
            "just run {wanted}"
        );
        assert_eq!(child.wait().unwrap().code(), Some(143), "just run {wanted}");
    }
}
