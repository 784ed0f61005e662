//! What the pages show beside the Rust: Python and JavaScript print what the program's transcript says.

use crate::common;
use crate::runner::head::{Heads, Program};
use crate::runner::play::{is_greeting, is_same, is_typed};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The blocks of a page that can be run: the program whose transcript is the last one above it, the language, and
/// the code. Those that need Redis, Flask or aiohttp have another word on their fence.
fn sides(page: &str) -> Vec<(&str, &str, String)> {
    let (mut sides, mut program) = (Vec::new(), "");
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("$ cargo run --example ") {
            program = rest.split(' ').next().unwrap_or_default();
        }
        if let Some(language @ ("python" | "js")) = line.strip_prefix("```") {
            let code = lines.by_ref().take_while(|line| *line != "```");
            let code: Vec<&str> = code.collect();
            sides.push((program, language, code.join("\n")));
        }
    }
    sides
}

/// Whether this is on the machine, and not older than the pages say.
fn is_there(command: &str, argument: &str, oldest: (u32, u32)) -> bool {
    let output = Command::new(command).arg(argument).output();
    let text = output.map_or(Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.flat_map(str::parse::<u32>);
    let version = numbers.next().zip(numbers.next());
    let is_there = version.is_some_and(|version| version >= oldest);
    if !is_there {
        eprintln!("no {command} {oldest:?}: what the pages show of it is not run");
    }
    is_there
}

/// Which lines the transcript does not have, in this order. The number that is typed is 20, since Python
/// takes minutes for the other.
fn strange<'a>(printed: &'a str, program: &Program) -> Vec<&'a str> {
    let shown = program.transcript.text.lines();
    let mut shown = shown.map(|line| match line.trim_start_matches("^C") {
        line if line.starts_with("fib(") => "fib(20) = 6765",
        line => line,
    });
    let is_strange = |line: &&str| {
        !shown.any(|shown| is_same(shown, line) || is_greeting(shown) && is_greeting(line))
    };
    printed.lines().filter(is_strange).collect()
}

fn check(program: &Program, language: &str, code: &str) {
    let (interpreter, options) = match language {
        "python" => ("python3", &["-c"][..]),
        _ => ("node", &["--input-type=module", "-e"][..]),
    };
    let mut command = Command::new(interpreter);
    command.args(options).arg(code).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = program.transcript.text.lines();
    let input = "20\n".repeat(lines.filter(|line| is_typed(line)).count());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let strange = strange(&printed, program);
    let is_right = output.status.success() && !printed.is_empty() && strange.is_empty();
    let (name, errors) = (&program.name, String::from_utf8_lossy(&output.stderr));
    assert!(
        is_right,
        "the {language} beside {name} prints what its transcript does not show: {strange:#?}\n{printed}{errors}"
    );
}

#[test]
fn python_and_javascript_print_what_the_transcript_shows() {
    let heads = Heads::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let pages = heads.chapters.iter().map(|chapter| {
        let page = format!("examples/{}/README.md", chapter.folder);
        fs::read_to_string(page).unwrap()
    });
    let pages: Vec<String> = pages.collect();
    let python = is_there("python3", "--version", (3, 11));
    let node = is_there("node", "--version", (20, 0));
    let openssl = is_there("openssl", "version", (1, 1));
    let sides = pages.iter().flat_map(|page| sides(page));
    let sides = sides.filter(|(_, language, code)| match *language {
        "python" => python,
        _ => node && (openssl || !code.contains("openssl")),
    });
    let checks = sides.map(|(name, language, code)| {
        let program = heads.program(name).unwrap();
        (name, move || check(program, language, &code))
    });
    common::at_the_same_time(checks);
}
