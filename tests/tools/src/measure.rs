//! `just picture`: measures what programs print and when, and draws it.

use crate::Result;
use crate::picture::{self, Picture};
use crate::play::{hello, play};
use crate::project::{Example, Project};
use crate::recording::{from_text, to_text};
use crate::smoke::{build, program};
use crate::transcript::Transcript;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the hello programs printed, and when.
pub const RECORDING: &str = "examples/hello.txt";
/// The picture of it.
pub const PICTURE: &str = "examples/hello.svg";

/// The time between greetings, in seconds.
const PERIOD: &str = "0.5";
/// Before the number is typed.
const BEFORE: Duration = Duration::from_millis(1700);
/// After the answer.
const AFTER: Duration = Duration::from_millis(1700);

/// Before Ctrl-C, so that one sees what went on until then.
const BEFORE_INTERRUPT: Duration = Duration::from_millis(500);

/// Measures the hello programs one after the other, and draws them. `keep` replaces the picture in README.
pub fn all_hello(project: &Project, keep: bool) -> Result<()> {
    let mut examples = Vec::new();
    for example in &project.examples {
        let transcript = Transcript::of(project, example)?;
        if let Some(number) = transcript.first_typed().filter(|_| transcript.greets()) {
            examples.push((example, number - 2)); // a few seconds
        }
    }
    let built: Vec<&Example> = examples.iter().map(|(example, _)| *example).collect();
    let programs = build(&project.root, &project.target, &built)?;
    let mut events = Vec::new();
    for (example, number) in examples {
        println!("{}: {number} is typed after {BEFORE:?}", example.name);
        let program = program(&programs, example);
        events.extend(hello(example, &program, PERIOD, number, BEFORE, AFTER)?);
    }
    let recording = format!(
        "# What each program printed (<) and what was typed (>), in seconds since it started.\n\
         # A greeting every {PERIOD} s; one program after the other. Made by `just picture`.\n{}",
        to_text(&events)
    );
    let picture = picture::hello(&events);
    println!("\n{}", terminal(&picture));
    let (kept, made) = if keep {
        (project.root.join(RECORDING), project.root.join(PICTURE))
    } else {
        let folder = folder(project)?;
        (folder.join("hello.txt"), folder.join("hello.svg"))
    };
    write(&kept, &recording)?;
    write(&made, &picture.svg())?;
    println!(
        "{}: written, and beside it what was measured",
        made.display()
    );
    Ok(())
}

/// Where pictures are put that are not to be kept.
fn folder(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("pictures");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// The picture for this recording.
pub fn hello_picture(recording: &str) -> Result<String> {
    let events = from_text(recording).map_err(|error| format!("{RECORDING}: {error}"))?;
    Ok(picture::hello(&events).svg())
}

/// Runs one example as its head shows, and draws a row for each kind of line.
pub fn one(project: &Project, name: &str) -> Result<()> {
    let example = project.example(name)?;
    let mut transcript = Transcript::of(project, example)?;
    transcript.before_interrupt = BEFORE_INTERRUPT;
    let programs = build(&project.root, &project.target, &[example])?;
    println!("{name}: runs as its head shows\n");
    let played = play(example, &transcript, &program(&programs, example));
    let picture = picture::by_prefix(&played.events);
    println!("{}", terminal(&picture));
    let file = folder(project)?.join(format!("{name}.svg"));
    write(&file, &picture.svg())?;
    println!("{}: written", file.display());
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
    Ok(fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?)
}
