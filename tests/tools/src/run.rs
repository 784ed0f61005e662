//! `just run`: one program instead of this process, or the programs of a chapter one after the other.

use crate::Result;
use crate::runner::head::{Heads, Program};
use crate::smoke::{build, executable};
use std::path::Path;
use std::process::{Command, ExitCode};

/// `wanted` is the number of a chapter or the name of a program; the arguments are for each program.
pub fn run(root: &Path, heads: &Heads, wanted: &str, arguments: &[&str]) -> Result<ExitCode> {
    let command = |folder: &Path, program: &Program| {
        let mut command = Command::new(executable(folder, &program.name));
        command.args(arguments);
        command
    };
    if let Some(chapter) = heads
        .chapters
        .iter()
        .find(|chapter| chapter.number.to_string() == wanted)
    {
        if chapter.programs.is_empty() {
            let page = format!("examples/{}/README.md", chapter.folder);
            println!("chapter {wanted} is a page without programs: {page}");
            return Ok(ExitCode::SUCCESS);
        }
        let programs: Vec<&Program> = chapter.programs.iter().collect();
        let folder = build(root, &programs)?;
        return process::one_after_the_other(programs.into_iter().map(|program| {
            let Program {
                name, description, ..
            } = program;
            (
                format!("\n=== {name} ({}): {description}", program.article()),
                command(&folder, program),
            )
        }));
    }
    let Some(program) = heads.programs().find(|program| program.name == wanted) else {
        return Err(format!(
            "just run: there is no chapter or program '{wanted}'; `just` lists them"
        )
        .into());
    };
    process::replace_this_process(command(&build(root, &[program])?, program))
}

#[cfg(unix)]
mod process {
    use crate::Result;
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Command, ExitCode};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;

    /// So that a signal for this process is one for the program.
    pub fn replace_this_process(mut command: Command) -> Result<ExitCode> {
        let error = command.exec();
        let program = command.get_program().to_string_lossy();
        Err(format!("{program}: {error}").into())
    }

    /// Ends at the first program that fails, and at a signal. `just` passes SIGTERM on to this process,
    /// which passes it on to the program. Ctrl-C reaches the program without that: the terminal sends it to
    /// every process in the foreground.
    pub fn one_after_the_other(
        programs: impl Iterator<Item = (String, Command)>,
    ) -> Result<ExitCode> {
        let is_told_to_stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&is_told_to_stop))?;
        }
        let (mut signals, sender) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGTERM, sender)?;
        let running = Arc::new(Mutex::new(None));
        let of_thread = Arc::clone(&running);
        thread::spawn(move || {
            while signals.read_exact(&mut [0]).is_ok() {
                if let Some(pid) = *of_thread.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
        });
        for (title, mut command) in programs {
            let mut child = {
                let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
                if is_told_to_stop.load(Ordering::SeqCst) {
                    break;
                }
                println!("{title}");
                let child = command.spawn()?;
                *running = Some(Pid::from_child(&child));
                child
            };
            // It is not waited for as long as a signal may be sent to it: its id would be another's.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(
                waitid(WaitId::Pid(Pid::from_child(&child)), ended),
                Err(Errno::INTR)
            ) {}
            *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let status = child.wait()?;
            if !status.success() {
                let code = status.code().or(status.signal().map(|signal| 128 + signal));
                return Ok(ExitCode::from(u8::try_from(code.unwrap_or(1)).unwrap_or(1)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(not(unix))]
mod process {
    use crate::Result;
    use std::process::{Command, ExitCode};

    pub fn replace_this_process(command: Command) -> Result<ExitCode> {
        one_after_the_other([(String::new(), command)].into_iter())
    }

    pub fn one_after_the_other(
        programs: impl Iterator<Item = (String, Command)>,
    ) -> Result<ExitCode> {
        for (title, mut command) in programs {
            println!("{title}");
            if !command.status()?.success() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
