//! `just run`: one program, or the programs of a chapter one after the other.

use crate::Result;
use crate::runner::head::{Heads, Program};
use crate::smoke::{build, executable, target};
use std::path::Path;
use std::process::{Command, ExitCode};

/// What is printed before a program of a chapter, and the program.
type Titled = (Option<String>, Command);

/// `wanted` is the number of a chapter or the name of a program; the arguments are for each program. Ends at
/// the first program that fails, and at a signal.
pub fn run(root: &Path, heads: &Heads, wanted: &str, arguments: &[&str]) -> Result<ExitCode> {
    let mut chapters = heads.chapters.iter();
    let chapter = chapters.find(|chapter| chapter.number.to_string() == wanted);
    let programs: Vec<&Program> = match chapter {
        Some(chapter) => chapter.programs.iter().collect(),
        None => heads.programs().filter(|one| one.name == wanted).collect(),
    };
    if programs.is_empty() {
        let Some(chapter) = chapter else {
            let wrong = format!("there is no chapter or program '{wanted}'; `just` lists them");
            return Err(format!("just run: {wrong}").into());
        };
        let page = format!("examples/{}/README.md", chapter.folder);
        println!("chapter {wanted} is a page without programs: {page}");
        return Ok(ExitCode::SUCCESS);
    }
    let folder = build(root, &target(root), &programs)?;
    let titled = programs.into_iter().map(|program| {
        let (name, article) = (&program.name, program.article());
        let title = format!("\n=== {name} ({article}): {}", program.description);
        let mut command = Command::new(executable(&folder, name));
        command.args(arguments);
        (chapter.map(|_| title), command)
    });
    one_after_the_other(titled.collect())
}

/// `just` passes SIGTERM on to this process, which passes it on to the program. Ctrl-C reaches the program
/// without that: the terminal sends it to every process in the foreground.
#[cfg(unix)]
fn one_after_the_other(programs: Vec<Titled>) -> Result<ExitCode> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
    use std::os::unix::process::ExitStatusExt;
    let mut signals = signal_hook::iterator::Signals::new([SIGCHLD, SIGINT, SIGTERM])?;
    let mut is_told_to_stop = false;
    for (title, mut command) in programs {
        is_told_to_stop |= signals.pending().any(|signal| signal != SIGCHLD);
        if is_told_to_stop {
            break;
        }
        title.iter().for_each(|title| println!("{title}"));
        let mut child = command.spawn()?;
        let status = loop {
            for signal in signals.wait() {
                is_told_to_stop |= signal != SIGCHLD;
                if signal == SIGTERM {
                    // It has not been waited for, so that this is no other process.
                    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
                }
            }
            if let Some(status) = child.try_wait()? {
                break status;
            }
        };
        if !status.success() {
            let code = status.code().or(status.signal().map(|signal| 128 + signal));
            return Ok(ExitCode::from(u8::try_from(code.unwrap_or(1))?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(unix))]
fn one_after_the_other(programs: Vec<Titled>) -> Result<ExitCode> {
    for (title, mut command) in programs {
        title.iter().for_each(|title| println!("{title}"));
        if !command.status()?.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
