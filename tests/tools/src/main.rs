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
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const COPY: &str = "just copy NAME DIR";
const PICTURE: &str = "just picture [NAME | --keep]";
const SMOKE: &str = "just smoke [NAME…] [--patch CRATE=DIR]…";
const CONTENTS: &str = "just contents [--check]";

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
    let command = words.next()?;
    match command {
        Some(Value(command)) if command == "copy" => {
            let [name, folder] = [value(&mut words, COPY)?, value(&mut words, COPY)?];
            end(words, COPY)?;
            if folder.is_empty() {
                return Err(format!("the folder has no name; usage: {COPY}").into());
            }
            copy::copy(&project, &name.string()?, &from.join(folder))?;
        }
        Some(Value(command)) if command == "picture" => {
            let name = words.next()?;
            let keep = match name {
                None => false,
                Some(Long("keep")) => true,
                Some(Value(name)) => {
                    end(words, PICTURE)?;
                    return measure::one(&project, &name.string()?).map(|()| true);
                }
                Some(other) => return Err(wrong(&other, PICTURE)),
            };
            end(words, PICTURE)?;
            measure::all_hello(&project, keep)?;
        }
        Some(Value(command)) if command == "contents" => {
            match words.next()? {
                None => contents::write(&project)?,
                Some(Long("check")) => contents::check(&project)?,
                Some(other) => return Err(wrong(&other, CONTENTS)),
            }
            end(words, CONTENTS)?;
        }
        Some(Value(command)) if command == "smoke" => {
            return smoke_from(words, &from)?.run(&project);
        }
        _ => {
            return Err(format!("usage: {COPY} or {PICTURE} or {SMOKE} or {CONTENTS}").into());
        }
    }
    Ok(true)
}

fn smoke_from(mut words: lexopt::Parser, from: &Path) -> Result<Smoke> {
    let mut smoke = Smoke::default();
    while let Some(word) = words.next()? {
        match word {
            Value(name) => smoke.names.push(name.string()?),
            Long("patch") => {
                let patch = words.value()?.string()?;
                let parts = patch.split_once('=');
                let (name, folder) = parts
                    .filter(|(name, folder)| !name.is_empty() && !folder.is_empty())
                    .ok_or_else(|| format!("--patch {patch}: expected CRATE=DIR"))?;
                if smoke.patches.iter().any(|(other, _)| other == name) {
                    return Err(format!("--patch {name}: given twice").into());
                }
                let folder = (from.join(folder).canonicalize())
                    .map_err(|error| format!("--patch {patch}: {error}"))?;
                smoke.patches.push((name.to_string(), folder));
            }
            Long("programs") => smoke.programs = Some(from.join(words.value()?)),
            other => return Err(wrong(&other, SMOKE)),
        }
    }
    Ok(smoke)
}

fn value(words: &mut lexopt::Parser, usage: &str) -> Result<OsString> {
    match words.next()? {
        Some(Value(value)) => Ok(value),
        Some(other) => Err(wrong(&other, usage)),
        None => Err(format!("usage: {usage}").into()),
    }
}

fn end(mut words: lexopt::Parser, usage: &str) -> Result<()> {
    match words.next()? {
        None => Ok(()),
        Some(other) => Err(wrong(&other, usage)),
    }
}

fn wrong(word: &lexopt::Arg<'_>, usage: &str) -> Box<dyn std::error::Error> {
    let word = match word {
        Short(letter) => format!("-{letter}"),
        Long(name) => format!("--{name}"),
        Value(value) => value.to_string_lossy().into_owned(),
    };
    format!("{word:?} is not expected; usage: {usage}").into()
}
