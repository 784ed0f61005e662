//! What works on all examples at once: copies, pictures, lists, and the smoke test.

mod axis;
mod contents;
mod copy;
mod measure;
mod paste;
mod picture;
mod play;
mod project;
mod recording;
mod smoke;
mod svg;
mod terminal;
mod transcript;
mod uses;

use lexopt::prelude::*;
use project::Project;
use smoke::Smoke;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: just copy NAME DIR
       just smoke [NAME…] [--patch CRATE=DIR]…
       just picture [NAME]
       just contents [--check]";

fn main() -> ExitCode {
    match run(lexopt::Parser::from_env()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all is as it should be.
fn run(mut words: lexopt::Parser) -> Result<bool> {
    let project = Project::read()?;
    // A folder is named from where `just` was called, which is not where it runs this.
    let from = std::env::var_os("FROM").map_or_else(PathBuf::new, PathBuf::from);
    let command = words.value().map_err(|_| USAGE)?.string()?;
    match command.as_str() {
        "copy" => {
            let name = words.value().map_err(|_| USAGE)?.string()?;
            let folder = from.join(words.value().map_err(|_| USAGE)?);
            end(words)?;
            copy::copy(&project, &name, &folder)?;
            Ok(true)
        }
        "contents" => {
            match words.next()? {
                None => contents::write(&project)?,
                Some(Long("check")) => contents::check(&project)?,
                Some(other) => return Err(wrong(&other)),
            }
            end(words)?;
            Ok(true)
        }
        "picture" => {
            let name = words.next()?.map(|word| match word {
                Value(name) => Ok(name.string()?),
                other => Err(wrong(&other)),
            });
            end(words)?;
            match name.transpose()? {
                None => measure::all_hello(&project)?,
                Some(name) => measure::one(&project, &name)?,
            }
            Ok(true)
        }
        "smoke" => smoke_from(words, &from)?.run(&project),
        other => Err(format!("there is no command {other:?}; {USAGE}").into()),
    }
}

fn smoke_from(mut words: lexopt::Parser, from: &Path) -> Result<Smoke> {
    let mut smoke = Smoke::default();
    while let Some(word) = words.next()? {
        match word {
            Value(name) => smoke.names.push(name.string()?),
            Long("patch") => {
                let patch = words.value()?.string()?;
                let (name, folder) = patch
                    .split_once('=')
                    .ok_or_else(|| format!("--patch {patch}: expected CRATE=DIR"))?;
                let folder = from.join(folder);
                let folder = (folder.canonicalize())
                    .map_err(|error| format!("--patch {name}={}: {error}", folder.display()))?;
                smoke.patches.push((name.to_string(), folder));
            }
            Long("programs") => smoke.programs = Some(from.join(words.value()?)),
            other => return Err(wrong(&other)),
        }
    }
    Ok(smoke)
}

fn end(mut words: lexopt::Parser) -> Result<()> {
    match words.next()? {
        None => Ok(()),
        Some(other) => Err(wrong(&other)),
    }
}

fn wrong(word: &lexopt::Arg<'_>) -> Box<dyn std::error::Error> {
    let word = match word {
        Short(letter) => format!("-{letter}"),
        Long(name) => format!("--{name}"),
        Value(value) => value.to_string_lossy().into_owned(),
    };
    format!("{word}: not expected; {USAGE}").into()
}
