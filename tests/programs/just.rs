//! The recipes of `justfile` that run programs, and what a signal does to them.
#![cfg(unix)]

use crate::common::{self, is_greeting, say};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A `just` with these arguments, unless it is not installed, or something else that is needed is not.
fn just(needed: &[&str], arguments: &[&str]) -> Option<Command> {
    let root = env!("CARGO_MANIFEST_DIR");
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let mut needed_here = needed.iter().chain(&["just"]);
    if let Some(program) = needed_here.find(|program| !is_there(program)) {
        assert!(std::env::var_os("CI").is_none(), "CI has {program}");
        say(format!("skipped: {program} is not installed"));
        return None;
    }
    // The first time it says that it compiles something.
    let _ = Command::new("just").arg("list").current_dir(root).output();
    let mut command = Command::new(needed.first().unwrap_or(&"just"));
    if needed == ["setsid"] {
        // A session of its own, with the pseudo-terminal for its ^C.
        command.args(["--ctty", "--wait", "just"]);
    }
    command.args(arguments);
    command.current_dir(root);
    Some(command)
}

/// The lines that the program prints, from its first greeting on.
fn start(command: &mut Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| is_greeting(&line.unwrap())));
    (child, output)
}

#[test]
fn just_lists_the_programs() {
    let Some(mut listed) = just(&[], &[]) else {
        return;
    };
    let listed = listed.output().unwrap();
    let list = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success(), "{list}");
    for program in crate::programs() {
        let line = list
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{} ", program.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not in the list:\n{list}", program.name));
        assert!(
            line.contains(&program.article()) && line.ends_with(&program.description),
            "{line}"
        );
    }
    assert!(
        list.contains("\nChapter 9: Cancellation\n") && list.contains("    run "),
        "{list}"
    );

    let wrong = just(&[], &["run", "nothing"]).unwrap().output().unwrap();
    let complaint = "just run: there is no chapter or program 'nothing'; `just` lists them\n";
    assert_eq!(String::from_utf8(wrong.stderr).unwrap(), complaint);
    assert!(!wrong.status.success());
}

#[test]
fn control_c_in_a_program_ends_just_without_a_word() {
    let mut terminal = common::Terminal::open();
    common::example("hello_node"); // `just` would say that it compiles the programs
    let Some(mut just) = just(&["setsid"], &["run", "1", "0.2"]) else {
        return;
    };
    // The first program of chapter 1 is running then.
    let (mut child, mut output) = start(just.stdin(terminal.stdin()));
    terminal.type_in("\x03");
    // The second one is not started.
    assert!(output.all(|line| is_greeting(&line.unwrap())));
    let mut complaints = String::new();
    let stderr = child.stderr.take().unwrap();
    BufReader::new(stderr)
        .read_to_string(&mut complaints)
        .unwrap();
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
        let ended = thread::spawn(move || output.for_each(drop));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !ended.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(
            ended.is_finished(),
            "just run {wanted}: the program goes on"
        );
        assert_eq!(child.wait().unwrap().code(), Some(143), "just run {wanted}");
    }
}
