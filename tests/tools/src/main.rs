//! What works on all examples at once: copies, pictures, lists, and the smoke test.

mod contents;
mod copy;
mod paste;
mod project;
mod uses;

use lexopt::prelude::*;
use project::Project;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: just copy NAME DIR";

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut words = lexopt::Parser::from_env();
    let mut arguments: Vec<OsString> = Vec::new();
    while let Some(word) = words.next()? {
        match word {
            Value(value) => arguments.push(value),
            other => return Err(format!("{}; {USAGE}", other.unexpected()).into()),
        }
    }
    let project = Project::read()?;
    let mut arguments = arguments.into_iter();
    let command = arguments.next().ok_or(USAGE)?;
    match command.to_str() {
        Some("copy") => {
            let name = arguments.next().ok_or(USAGE)?.string()?;
            let folder = PathBuf::from(arguments.next().ok_or(USAGE)?);
            copy::copy(&project, &name, &folder)?;
        }
        Some("contents") => match arguments.next() {
            None => contents::write(&project)?,
            Some(check) if check == "check" => contents::check(&project)?,
            Some(other) => return Err(format!("{other:?}: {USAGE}").into()),
        },
        _ => return Err(format!("{command:?}: no such command; {USAGE}").into()),
    }
    Ok(ExitCode::SUCCESS)
}
