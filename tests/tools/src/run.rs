//! `just run`: one program, or the programs of a chapter one after the other.

use crate::Result;
use crate::runner::head::{Heads, Program};
use crate::smoke::{build, executable, target};
use std::path::Path;
use std::process::{Command, ExitCode};
#[cfg(unix)]
use {
    rustix::process::{Pid, Signal, kill_process},
    signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM},
    signal_hook::iterator::Signals,
    std::os::unix::process::ExitStatusExt,
};

/// `wanted` is the number of a chapter or the name of a program; the arguments are for each program. Ends at
/// the first program that fails, and at a signal. `just` passes SIGTERM on to this process, which passes it on
/// to the program. Ctrl-C reaches the program without that: the terminal sends it to all in the foreground.
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
    #[cfg(unix)]
    let (mut signals, mut is_signalled) = (Signals::new([SIGCHLD, SIGINT, SIGTERM])?, false);
    for program in programs {
        #[cfg(unix)]
        if is_signalled || signals.pending().any(|signal| signal != SIGCHLD) {
            break;
        }
        let (name, article) = (&program.name, program.article());
        if chapter.is_some() {
            println!("\n=== {name} ({article}): {}", program.description);
        }
        let mut command = Command::new(executable(&folder, name));
        let mut child = command.args(arguments).spawn()?;
        #[cfg(unix)]
        while child.try_wait()?.is_none() {
            for signal in signals.wait() {
                is_signalled |= signal != SIGCHLD;
                if signal == SIGTERM {
                    // The child has not been reaped, so its PID cannot belong to another process.
                    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
                }
            }
        }
        let status = child.wait()?;
        let code = status.code();
        #[cfg(unix)]
        let code = code.or(status.signal().map(|signal| 128 + signal));
        if code != Some(0) {
            return Ok(ExitCode::from(u8::try_from(code.unwrap_or(1))?));
        }
    }
    Ok(ExitCode::SUCCESS)
}
