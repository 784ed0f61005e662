//! What the pages show beside the Rust: Python and JavaScript print what the program's transcript says.

use crate::common;
use crate::runner::head::{Heads, Program};
use crate::runner::play::{is_greeting, is_same, is_typed};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A block of a page, and the program whose transcript is the last one above it.
struct Side<'a> {
    program: &'a str,
    language: &'a str,
    code: String,
}

/// The blocks that can be run. Those that need Redis, Flask or aiohttp have another word on their fence.
fn sides(page: &str) -> Vec<Side<'_>> {
    let mut sides = Vec::new();
    let mut program = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("$ cargo run --example ") {
            program = rest.split(' ').next().unwrap_or_default();
        }
        if let Some(language @ ("python" | "js")) = line.strip_prefix("```") {
            let code = lines.by_ref().take_while(|line| *line != "```");
            sides.push(Side {
                program,
                language,
                code: code.map(|line| format!("{line}\n")).collect(),
            });
        }
    }
    sides
}

/// Whether this is on the machine, and not older than the pages say.
fn is_there((command, oldest): (&str, (u32, u32))) -> bool {
    let argument = if command == "openssl" {
        "version"
    } else {
        "--version"
    };
    let output = Command::new(command).arg(argument).output();
    let version = output.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        let numbers = text.split(|c: char| !c.is_ascii_digit());
        let mut numbers = numbers.flat_map(str::parse::<u32>);
        Some((numbers.next()?, numbers.next()?))
    });
    let is_there = version.is_some_and(|version| version >= oldest);
    if !is_there {
        let (major, minor) = oldest;
        eprintln!("no {command} {major}.{minor}: what the pages show of it is not run");
    }
    is_there
}

/// Which lines the transcript does not have, in this order. The number that is typed is 20, since Python
/// takes minutes for the other.
fn strange<'a>(printed: &'a str, program: &Program) -> Vec<&'a str> {
    let mut shown = program.transcript.text.lines().map(|line| {
        let line = line.trim_start_matches("^C");
        if line.starts_with("fib(") {
            "fib(20) = 6765"
        } else {
            line
        }
    });
    let is_strange = |line: &&str| {
        !shown.any(|shown| is_same(shown, line) || is_greeting(shown) && is_greeting(line))
    };
    printed.lines().filter(is_strange).collect()
}

fn check(side: &Side, program: &Program) {
    let (interpreter, options) = match side.language {
        "python" => ("python3", &["-c"][..]),
        _ => ("node", &["--input-type=module", "-e"][..]),
    };
    let mut command = Command::new(interpreter);
    command.args(options).arg(&side.code).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = program.transcript.text.lines();
    let typed = lines.filter(|line| is_typed(line));
    let input = "20\n".repeat(typed.count());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let strange = strange(&printed, program);
    assert!(
        output.status.success() && !printed.is_empty() && strange.is_empty(),
        "the {} beside {} prints what its transcript does not show: {strange:#?}\n{printed}{}",
        side.language,
        side.program,
        String::from_utf8_lossy(&output.stderr),
    );
}

#[test]
fn python_and_javascript_print_what_the_transcript_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let heads = Heads::read(root).unwrap_or_else(|error| panic!("{error}"));
    let pages = heads.chapters.iter().map(|chapter| {
        let page = Path::new("examples")
            .join(&chapter.folder)
            .join("README.md");
        fs::read_to_string(root.join(page)).unwrap()
    });
    let pages: Vec<String> = pages.collect();
    let needed = [("python3", (3, 11)), ("node", (20, 0)), ("openssl", (1, 1))];
    let [python, node, openssl] = needed.map(is_there);
    let sides = pages.iter().flat_map(|page| sides(page));
    let checks = sides.filter(|side| match side.language {
        "python" => python,
        _ => node && (openssl || !side.code.contains("openssl")),
    });
    let checks = checks.map(|side| {
        let program = heads.program(side.program);
        let program = program.unwrap_or_else(|error| panic!("{error}"));
        (side.program, move || check(&side, program))
    });
    common::at_the_same_time(checks);
}
