//! `just picture`: measures what programs print and when, and draws it.

use crate::Result;
use crate::picture::{self, Picture};
use crate::runner::head::{Heads, Program};
use crate::runner::play::play;
use crate::runner::transcript::{Step, Transcript};
use crate::smoke::{build, executable, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// README's picture.
const PICTURE: &str = "examples/hello.svg";

/// The time between greetings, in seconds.
const PERIOD: &str = "0.5";
/// Before the number is typed.
const BEFORE: Duration = Duration::from_millis(1700);
/// After the answer.
const AFTER: Duration = Duration::from_millis(1700);

/// Before Ctrl-C, so that one sees what went on until then.
const BEFORE_INTERRUPT: Duration = Duration::from_millis(500);

/// Measures the hello programs one after the other, and draws them. `keep` replaces the picture in README.
pub fn all_hello(root: &Path, heads: &Heads, keep: bool) -> Result<()> {
    let mut hello = Vec::new();
    for program in heads.programs() {
        let transcript = Transcript::of(program);
        if let Some(number) = transcript.first_typed().filter(|_| transcript.greets()) {
            hello.push((program, number - 2)); // a few seconds
        }
    }
    let programs: Vec<&Program> = hello.iter().map(|(program, _)| *program).collect();
    let programs = build(root, &programs)?;
    let mut events = Vec::new();
    for (Program { name, .. }, number) in hello {
        println!("{name}: {number} is typed after {BEFORE:?}");
        let typed = Step::Typed(number.to_string());
        let transcript = Transcript {
            arguments: vec![PERIOD.to_string()],
            steps: vec![
                Step::Pause(BEFORE),
                typed,
                Step::Until("fib("),
                Step::Pause(AFTER),
                Step::Greetings(0),
            ],
            ..Transcript::default()
        };
        let played = play(name, &transcript, &executable(&programs, name));
        if let Some(difference) = played.difference {
            return Err(format!("{name}: {difference}").into());
        }
        events.extend(played.events);
    }
    let picture = picture::hello(&events);
    println!("\n{}", terminal(&picture));
    let file = if keep {
        root.join(PICTURE)
    } else {
        folder(root)?.join("hello.svg")
    };
    write(&file, &picture.svg())
}

/// Where pictures are put that are not to be kept.
fn folder(root: &Path) -> Result<PathBuf> {
    let folder = target(root).join("pictures");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Runs one program as its head shows, and draws a row for each kind of line.
pub fn one(root: &Path, program: &Program) -> Result<()> {
    let name = &program.name;
    let mut transcript = Transcript::of(program);
    let is_interrupt = |step: &Step| matches!(step, Step::Interrupt);
    if let Some(at) = transcript.steps.iter().position(is_interrupt) {
        transcript.steps.insert(at, Step::Pause(BEFORE_INTERRUPT));
    }
    let programs = build(root, &[program])?;
    println!("{name}: runs as its head shows\n");
    let played = play(name, &transcript, &executable(&programs, name));
    let picture = picture::by_prefix(&played.events);
    println!("{}", terminal(&picture));
    let file = folder(root)?.join(format!("{name}.svg"));
    write(&file, &picture.svg())?;
    match played.difference {
        None => Ok(()),
        Some(difference) => Err(format!("{name}: {difference}").into()),
    }
}

fn terminal(picture: &Picture) -> String {
    picture.terminal(columns().unwrap_or(100))
}

/// The width of the terminal, if standard output is one.
#[cfg(unix)]
fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

#[cfg(not(unix))]
fn columns() -> Option<usize> {
    None
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("{}: written", file.display());
    Ok(())
}
