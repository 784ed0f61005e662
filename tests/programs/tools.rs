//! The commands of `tests/tools`, which `just` runs: smoke tests, pictures, lists.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder for this test, empty.
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The files in this folder and in those inside it, with what is in them.
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

/// What is in files, by their paths.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Has these files in the folder, and no others. What is the same as in an earlier run is not written,
/// for Cargo would compile it again.
pub fn fill(folder: &Path, new: &Files) {
    let old = files(folder);
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, text) in new
        .iter()
        .filter(|(path, text)| old.get(*path) != Some(*text))
    {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What a command printed, and whether it succeeded.
#[derive(Debug)]
pub struct Said {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command of `tests/tools`, which is built if need be.
pub fn tool(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Said {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let status = cargo(["build", "--quiet"]).status();
        assert!(status.unwrap().success(), "tests/tools does not build");
        target().join("debug/tools")
    });
    said(
        Command::new(program)
            .args(arguments)
            // What it needs is here: the tests do without the network.
            .env("CARGO_NET_OFFLINE", "true"),
    )
}

/// Cargo, for the package of the tools.
fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).arg("--manifest-path");
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/Cargo.toml"));
    cargo.arg("--target-dir").arg(target());
    cargo
}

/// Where `just` builds it, too.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools")
}

pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn their_own_tests() {
    let said = said(&mut cargo(["test", "--quiet"]));
    assert!(said.success, "{}\n{}", said.stdout, said.stderr);
}

/// Then they need no crates but those that are here for the examples.
#[test]
fn they_are_built_from_crates_that_the_project_has() {
    let packages = |path: &str| {
        let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let packages = lock.split("[[package]]\n").skip(1);
        let packages = packages.filter(|package| package.contains("\nsource = "));
        let name_and_version =
            |package: &str| package.lines().take(2).collect::<Vec<_>>().join(" ");
        packages.map(name_and_version).collect::<BTreeSet<String>>()
    };
    let (tools, project) = (packages("tests/tools/Cargo.lock"), packages("Cargo.lock"));
    let missing: Vec<_> = tools.difference(&project).collect();
    assert_eq!(
        missing, [""; 0],
        "in tests/tools/Cargo.lock, but not in Cargo.lock"
    );
}

#[test]
fn what_is_generated_is_up_to_date() {
    let said = tool(["contents", "--check"]);
    assert!(said.success, "{}", said.stderr);
}

#[test]
fn a_wrong_command_line_is_told_the_usage() {
    let nothing = "there is no program \"nothing\"; `just` lists the programs\n";
    for (arguments, complaint) in [
        (
            &[][..],
            "usage: just list, run, copy, take, picture, smoke or contents\n",
        ),
        (
            &["x"],
            "usage: just list, run, copy, take, picture, smoke or contents\n",
        ),
        (&["copy", "hello_smol"], "usage: just copy NAME DIR\n"),
        (
            &["copy", "hello_smol", "a", "b"],
            "usage: just copy NAME DIR\n",
        ),
        (&["copy", "hello_smol", ""], "usage: just copy NAME DIR\n"),
        (&["picture", "-x"], "usage: just picture [--keep]\n"),
        (&["contents", "x"], "usage: just contents [--check]\n"),
        (&["smoke", "nothing"], nothing),
        (
            &["smoke", "-x"],
            "\"-x\" is not expected; usage: just smoke",
        ),
        (&["smoke", "--patch"], "usage: just smoke"),
        (
            &["smoke", "--patch", "smol"],
            "--patch smol: expected CRATE=DIR\n",
        ),
        (
            &["smoke", "--patch", "smol="],
            "--patch smol=: expected CRATE=DIR\n",
        ),
        (
            &["smoke", "--patch", "smol=/nothing"],
            "--patch smol=/nothing: No such file",
        ),
        (
            &["smoke", "--patch", "smol=/", "--patch", "smol=/"],
            "--patch smol: given twice\n",
        ),
        (
            &["smoke", "--patch", "nothing=/"],
            "--patch nothing: no program uses this crate\n",
        ),
    ] {
        let said = tool(arguments);
        assert!(!said.success && said.stdout.is_empty(), "{said:?}");
        assert!(said.stderr.starts_with(complaint), "{said:?}");
    }
}

/// Programs that are not as they should be, in the place of those of the project.
#[test]
#[cfg(unix)]
fn smoke_says_what_is_not_as_shown() {
    let programs = empty_folder("wrong-programs");
    // As in its head, but with fewer tasks, as it is told, and other figures.
    let programs_here = crate::programs();
    let sleepers = programs_here
        .iter()
        .find(|program| program.name == "million_sleepers");
    let sleepers: String = (sleepers.unwrap().transcript.text.lines())
        .map(|line| {
            format!(
                "echo \"{}\"\n",
                line.replace("1000000", "$1").replace('.', "9.9")
            )
        })
        .collect();
    // What each prints, and what is to be said of it: nothing if it is right.
    let cases = [
        (
            "error_chain",
            "echo 'C got exception: Something went wrong in A!'",
            "",
        ),
        (
            "await_sleep",
            "echo Waiting: 3",
            r#"expected "Waiting: 2", it printed "Waiting: 3""#,
        ),
        (
            "return_gather",
            "echo Waiting: 1; exit 3",
            r#"expected "Waiting: 2", it has ended"#,
        ),
        (
            "coroutine",
            "echo Waiting: 2; echo TIME: 0.0; echo oops >&2",
            "expected nothing on standard error; it complained: oops",
        ),
        (
            "task_result",
            "echo Waiting: 2; echo Task ret: Done after 2s; echo TIME: 3.5",
            r#", it printed "TIME: 3.5""#,
        ),
        (
            "throw_into_coroutine",
            "echo Starting; echo Got an exception: Have an exceptional day!; exit 3",
            "expected exit status 0, got exit status: 3",
        ),
        (
            "cancel_safety",
            "echo oops >&2; exit 1",
            "it has ended; it complained: oops",
        ),
        ("drop_teardown", "", "No such file or directory"),
        (
            "hello_node", // greets while it computes
            "g='1795306631 - Hello world!'; echo $g; read n; for i in 1 2 3 4 5; do echo $g; done",
            r#"seconds", it printed "1795306631 - Hello world!""#,
        ),
        (
            "hello_threads", // does not
            "g='1795306631 - Hello world!'; echo $g; echo $g; read n; echo Executing fib took 1.00 seconds.",
            r#", it printed "Executing fib took 1.00 seconds.""#,
        ),
        (
            "done_callback",
            "echo Waiting: 2; echo Callback: Done after 2s; echo Callback: 2 Done after 2s; echo TIME: 0.1; echo more",
            r#"expected nothing more, it printed "more""#,
        ),
        (
            "cancel_blocking", // later than at once
            "echo 'fib(43), its task cancelled: back after 2.50 s, the thread worked on for 3.41 s'",
            r#", it printed "fib(43), its task cancelled: back after 2.50 s"#,
        ),
        (
            "loop_thread_calls", // not measured
            "echo TIME: 0",
            r#", it printed "TIME: 0""#,
        ),
        (
            "concurrent", // with a word more
            "echo Waiting: 1 s",
            r#"expected "Waiting: 1", it printed "Waiting: 1 s""#,
        ),
        (
            "sms_server", // on another host
            "echo Listening on http://127.0.0.2:5000",
            r#", it printed "Listening on http://127.0.0.2:5000""#,
        ),
        ("million_sleepers", &sleepers, ""),
        (
            "busy_server", // with fewer answers
            "echo 1000 clients made 9999 requests, twice",
            r#"expected "1000 clients made 10000 requests, twice", it printed "1000 clients made 9999 requests, twice""#,
        ),
    ];
    for (name, script, _) in cases.iter().filter(|(_, script, _)| !script.is_empty()) {
        // By a shell: what this process writes cannot be run as long as a process that another test is
        // starting has it open, too.
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod +x "$1""#;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", write, "sh"])
            .arg(programs.join(name))
            .arg(script);
        assert!(shell.status().unwrap().success());
    }
    let mut arguments = vec!["smoke", "--programs", programs.to_str().unwrap()];
    arguments.extend(cases.map(|(name, _, _)| name));
    let said = tool(arguments);
    assert!(!said.success, "{said:?}");
    for (name, _, complaint) in cases {
        let line = said.stdout.lines().find(|line| line[8..].starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no line for {name}: {said:?}"));
        let (is_ok, ok) = (line.starts_with("ok "), complaint.is_empty());
        assert!(
            is_ok == ok && line.contains(complaint),
            "{line}\nexpected: {complaint}"
        );
    }
    let summary = "\n2 of 17 programs do what their heads show, in ";
    assert!(said.stdout.contains(summary), "{said:?}");
}

/// The sources of a crate of this name, as Cargo has them.
fn sources_of(name: &str) -> PathBuf {
    let host = said(Command::new("rustc").args(["--print", "host-tuple"]));
    let metadata = said(
        Command::new(env!("CARGO"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["metadata", "--offline", "--format-version", "1"])
            // Those of other systems need not be there.
            .args(["--filter-platform", host.stdout.trim()]),
    );
    let metadata: Value = serde_json::from_str(&metadata.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == name).unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().to_path_buf()
}

/// A crate whose timers are early by half: those examples fail whose point is a time.
#[test]
fn smoke_notices_a_crate_that_breaks_what_an_example_shows() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("async-io");
    let sources = files(&sources_of("async-io"));
    let early = |text: &Vec<u8>| {
        let text = String::from_utf8(text.clone()).unwrap();
        let early = text.replace("checked_add(duration)", "checked_add(duration / 2)");
        early.into_bytes()
    };
    let changed: Files = (sources.iter())
        .map(|(path, text)| (path.clone(), early(text)))
        .collect();
    assert_ne!(
        changed, sources,
        "async-io has no `checked_add(duration)` any more"
    );
    fill(&folder, &changed);
    let lock = || fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let before = lock();
    let patch = format!("async-io={}", folder.display());
    let said = tool(["smoke", "await_sleep", "error_chain", "--patch", &patch]);
    assert!(!said.success, "{said:?}");
    let has = |what: &str| assert!(said.stdout.contains(what), "{said:?}\nlacks {what}");
    has("ok      error_chain ");
    has("FAILED  await_sleep ");
    has("  expected \"TIME: 2.001126\", it printed \"TIME: 1.0");
    has(&format!("from {}\n", folder.display()));
    assert_eq!(before, lock(), "the checkout was touched");

    let patch = format!("smol={}", folder.display());
    let said = tool(["smoke", "error_chain", "--patch", &patch]);
    assert!(
        !said.success && said.stderr.ends_with("expected the crate smol\n"),
        "{said:?}"
    );
}
