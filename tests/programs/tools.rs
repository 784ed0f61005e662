//! The commands of `tests/tools`, which `just` runs: smoke tests, pictures, lists.

use crate::common;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is in files, by their paths.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files in this folder and in those inside it.
pub fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Has these files in the folder, and no others. What is the same as in an earlier run is not written,
/// for Cargo would compile it again.
pub fn fill(folder: &Path, new: &Files) {
    let old = files(folder);
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, text) in new {
        if old.get(path) != Some(text) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

/// What a command printed, and whether it succeeded.
#[derive(Debug)]
pub struct Said {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

pub fn said(command: &mut Command) -> Said {
    let output = common::without_cargo(command).output().unwrap();
    Said {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The versions that are tested here.
pub fn lock() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap()
}

/// Where Cargo builds the tests, and `just` its commands.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("")
}

/// Has this Cargo, in another package, share what is built with the tests (since Rust 1.91).
pub fn share_builds(cargo: &mut Command, folder: &str) {
    cargo.env("CARGO_BUILD_BUILD_DIR", target());
    cargo.arg("--target-dir").arg(target().join(folder));
}

/// Runs a command of `tests/tools`, which is built if need be. What it needs is here: it does without the network.
pub fn tool(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Said {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--manifest-path"]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/Cargo.toml"));
        let said = said(cargo.arg("--target-dir").arg(target()));
        assert!(said.success, "tests/tools: {}", said.stderr);
        target().join("debug/tools")
    });
    let mut command = Command::new(program);
    said(command.args(arguments).env("CARGO_NET_OFFLINE", "true"))
}

#[test]
fn what_is_generated_is_up_to_date() {
    let said = tool(["contents", "--check"]);
    assert!(said.success, "{}", said.stderr);
}

/// Words, and what is said of them.
const WRONG: &str = "\
| usage: just list, run, copy, take, picture, smoke or contents
x | usage: just list, run, copy, take, picture, smoke or contents
copy hello_smol | usage: just copy NAME DIR
copy nothing a | there is no program \"nothing\"; `just` lists the programs
copy hello_smol a b | usage: just copy NAME DIR
copy hello_smol '' | usage: just copy NAME DIR
run nothing | just run: there is no chapter or program 'nothing'; `just` lists them
picture -x | usage: just picture [--keep]
contents x | usage: just contents [--check]
smoke nothing | there is no program \"nothing\"; `just` lists the programs
smoke -x | \"-x\" is not expected; usage: just smoke
smoke --patch | usage: just smoke
smoke --patch smol | --patch smol: expected CRATE=DIR
smoke --patch smol= | --patch smol=: expected CRATE=DIR
smoke --patch smol=/nothing | --patch smol=/nothing: No such file
smoke --patch smol=/ --patch smol=/ | --patch smol: given twice
smoke --patch nothing=/ | --patch nothing: no program uses this crate
smoke --patch smol=tests/tools | tests/tools: expected the crate smol";

#[test]
fn a_wrong_command_line_is_an_error() {
    for line in WRONG.lines() {
        let (words, complaint) = line.split_once("| ").unwrap();
        let words = words.split_whitespace();
        let said = tool(words.map(|word| word.trim_matches('\'')));
        assert!(!said.success && said.stdout.is_empty(), "{said:?}");
        let is_expected = said.stderr.contains(complaint);
        assert!(is_expected, "{said:?}, not {complaint}");
    }
}

/// Scripts in the place of programs, and what is said of them: nothing if they do what is shown.
#[cfg(unix)]
const PROGRAMS: &str = r#"
error_chain | say 'C got exception: Something went wrong in A!' |
done_callback | say 'Waiting: 3' | expected "Waiting: 2", it printed "Waiting: 3"
return_gather | say 'Waiting: 1'; exit 3 | expected "Waiting: 2", the program has ended
coroutine | say 'Waiting: 2' 'TIME: 0.0'; say oops >&2 | expected nothing on standard error; its standard error: oops
await_sleep | say 'Waiting: 2' 'Task ret: Done after 2s' 'TIME: 4.2' | it printed "TIME: 4.2"
throw_into_coroutine | say Starting 'Got an exception: Have an exceptional day!'; exit 3 | got exit status: 3
cancel_safety | say oops >&2; exit 1 | the program has ended; its standard error: oops
drop_teardown | | No such file or directory (os error 2)
hello_node | say "$g"; read n; say "$g" "$g" "$g" "$g" "$g" | it printed "1795306631 - Hello world!"
hello_threads | say "$g" "$g"; read n; say 'Executing fib took 1.00 seconds.' | "Executing fib took 1.00 seconds."
task_result | say 'Waiting: 2' 'Task ret: Done after 2s' 'TIME: 0.1' more | expected nothing more
cancel_blocking | say 'fib(43), its task cancelled: back after 2.5 s, the thread worked on for 3.4 s' | it printed
loop_thread_calls | say 'TIME: 0' | it printed "TIME: 0"
concurrent | say 'Waiting: 1 s' | expected "Waiting: 1", it printed "Waiting: 1 s"
sms_server | say 'Listening on http://127.0.0.2:5000' | it printed "Listening on http://127.0.0.2:5000"
million_sleepers | say "SLEEPERS" |
"#;

#[cfg(unix)]
const SCRIPT: &str = r#"#!/bin/sh
g='1795306631 - Hello world!'
say() { printf '%s\n' "$@"; }
"#;

#[test]
#[cfg(unix)]
fn smoke_says_what_is_not_as_shown() {
    let folder = common::empty_folder("wrong-programs");
    // As in its head, but with fewer tasks, as its argument says, and other figures.
    let programs = crate::programs();
    let mut programs = programs.iter();
    let sleepers = programs.find(|program| program.name == "million_sleepers");
    let sleepers = sleepers.unwrap().transcript.text.trim_end();
    let sleepers = sleepers.replace("1000000", "$1").replace('.', "9.9");
    let cases = PROGRAMS.trim().lines().map(|line| {
        let [name, script, complaint] = line.split(" |").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let script = script.replace("SLEEPERS", &sleepers);
        (name, script, complaint.trim())
    });
    let cases: Vec<_> = cases.collect();
    for (name, script, _) in cases.iter().filter(|(_, script, _)| !script.is_empty()) {
        // By a shell: what this process writes cannot be run as long as a process that another test is
        // starting has it open, too.
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf %s \"$2\" > \"$1\" && chmod +x \"$1\"", "sh"]);
        let script = format!("{SCRIPT}{script}");
        let status = shell.arg(folder.join(name)).arg(script).status();
        assert!(status.unwrap().success());
    }
    let arguments = ["smoke", "--programs", folder.to_str().unwrap()];
    let names = cases.iter().map(|(name, ..)| *name);
    let said = tool(arguments.into_iter().chain(names));
    assert!(!said.success, "{said:?}");
    for (name, _, complaint) in &cases {
        let line = said.stdout.lines().find(|line| line[8..].starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no line for {name}: {said:?}"));
        let is_as_expected = line.starts_with("ok ") == complaint.is_empty();
        let is_as_expected = is_as_expected && line.contains(complaint);
        assert!(is_as_expected, "{line}, not {complaint}");
    }
    let summary = "\n2 of 16 programs do what their heads show, in ";
    assert!(said.stdout.contains(summary), "{said:?}");
}

/// The sources of a crate of this name, as Cargo has them.
fn sources_of(name: &str) -> PathBuf {
    let host = said(Command::new("rustc").args(["--print", "host-tuple"]));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["metadata", "--offline", "--format-version", "1"]);
    // Those of other systems need not be there.
    cargo.args(["--filter-platform", host.stdout.trim()]);
    let metadata: Value = serde_json::from_str(&said(&mut cargo).stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == name).unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("")
}

/// A crate whose timers are early by half: those examples fail whose point is a time.
#[test]
fn smoke_notices_a_crate_that_breaks_what_an_example_shows() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("async-io");
    let mut sources = files(&sources_of("async-io"));
    let timer = sources.get_mut(Path::new("src/lib.rs")).unwrap();
    let text = String::from_utf8(timer.clone()).unwrap();
    let early = text.replace("checked_add(duration)", "checked_add(duration / 2)");
    assert_ne!(text, early);
    *timer = early.into_bytes();
    fill(&folder, &sources);
    let before = lock();
    let patch = format!("async-io={}", folder.display());
    let said = tool(["smoke", "await_sleep", "error_chain", "--patch", &patch]);
    assert!(!said.success, "{said:?}");
    for line in [
        "ok      error_chain ",
        "FAILED  await_sleep ",
        "  expected \"TIME: 2.001126\", it printed \"TIME: 1.0",
        &format!("from {}\n", folder.display()),
    ] {
        assert!(said.stdout.contains(line), "{said:?}\nlacks {line}");
    }
    assert_eq!(before, lock(), "the checkout was touched");
}
