//! What the pages show beside the Rust: Python and JavaScript print what the program's transcript says.

use crate::common;
use crate::runner::head::Heads;
use crate::runner::transcript::is_same;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A block of a page, and the program whose transcript is the last one above it.
struct Side<'a> {
    program: &'a str,
    language: &'a str,
    code: String,
}

/// The blocks that can be run: those of Redis, Flask and aiohttp begin with ```` ```python not-run ````.
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
            let code = code.map(|line| format!("{line}\n")).collect();
            sides.push(Side {
                program,
                language,
                code,
            });
        }
    }
    sides
}

/// Whether the interpreter is on this machine, and not older than the pages say.
fn is_there(command: &str) -> bool {
    let oldest = if command == "node" { (20, 0) } else { (3, 11) };
    let output = Command::new(command).arg("--version").output();
    let version = output.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        let mut numbers = text
            .split(|c: char| !c.is_ascii_digit())
            .flat_map(str::parse::<u32>);
        Some((numbers.next()?, numbers.next()?))
    });
    let is_there = version.is_some_and(|version| version >= oldest);
    if !is_there {
        eprintln!(
            "{command} {}.{} is not here: what the pages show of it is not run",
            oldest.0, oldest.1
        );
    }
    is_there
}

/// Which lines the transcript does not have, in this order.
fn strange<'a>(printed: &'a str, transcript: &[String]) -> Vec<&'a str> {
    let mut shown = transcript.iter();
    let is_strange =
        |line: &&str| !shown.any(|shown| is_same(shown.trim_start_matches("^C"), line));
    printed.lines().filter(is_strange).collect()
}

#[test]
fn python_and_javascript_print_what_the_transcript_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let heads = Heads::read(root).unwrap_or_else(|error| panic!("{error}"));
    let pages = heads.chapters.iter().map(|chapter| {
        let path = root
            .join("examples")
            .join(&chapter.folder)
            .join("README.md");
        fs::read_to_string(path).unwrap()
    });
    let pages: Vec<String> = pages.collect();
    let sides = pages.iter().flat_map(|page| sides(page));
    let there = ["python3", "node"].map(is_there);
    let sides = sides.filter(|side| there[usize::from(side.language == "js")]);
    let checks = sides.map(|side| {
        let program = heads
            .program(side.program)
            .unwrap_or_else(|error| panic!("{error}"));
        let check = move || {
            let mut command = match side.language {
                "python" => Command::new("python3"),
                _ => Command::new("node"),
            };
            command.args(match side.language {
                "python" => &["-c"][..],
                _ => &["--input-type=module", "-e"],
            });
            let output = command
                .arg(&side.code)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            let strange = strange(&printed, &program.transcript);
            assert!(
                output.status.success() && !printed.is_empty() && strange.is_empty(),
                "{}: {} prints what the transcript of {} does not show: {strange:#?}\n{printed}{}",
                side.language,
                side.program,
                side.program,
                String::from_utf8_lossy(&output.stderr),
            );
        };
        (side.program, check)
    });
    common::at_the_same_time(checks.collect::<Vec<_>>());
}
