//! What works on all programs at once: lists, running, copies, pictures, and the smoke test.

mod axis;
mod contents;
mod copy;
mod measure;
mod picture;
mod run;
mod runner;
mod smoke;
mod svg;
mod take;
mod terminal;

use runner::head::Heads;
use smoke::Smoke;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const COPY: &str = "just copy NAME DIR";
const TAKE: &str = "just take MODULE DIR [FOLDER]";
const PICTURE: &str = "just picture [NAME | --keep]";
const SMOKE: &str = "just smoke [NAME…] [--patch CRATE=DIR]…";
const CONTENTS: &str = "just contents [--check]";

fn main() -> ExitCode {
    let words = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Result<ExitCode> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
    let root = &root;
    let heads = &Heads::read(root)?;
    // A folder is named from where `just` was called, which is not where it runs this.
    let from = std::env::var_os("FROM").map_or_else(PathBuf::new, PathBuf::from);
    match words {
        ["list"] => list(heads),
        ["run", wanted, arguments @ ..] => return run::run(root, heads, wanted, arguments),
        ["copy", "--help"] => println!(
            "usage: {COPY}\nMakes a new Cargo package in DIR from one program. `just` lists them."
        ),
        ["take", "--help"] => println!("usage: {TAKE}\n{}", take::help(heads)),
        ["take", name, dir, place @ ..] if !dir.is_empty() && place.len() < 2 => {
            take::take(root, heads, name, &from.join(dir), place.first().copied())?;
        }
        ["take", ..] => return Err(format!("usage: {TAKE}").into()),
        ["copy", name, folder] if !folder.is_empty() => {
            copy::copy(root, heads.program(name)?, &from.join(folder))?;
        }
        ["copy", ..] => return Err(format!("usage: {COPY}").into()),
        ["picture"] => measure::all_hello(root, heads, false)?,
        ["picture", "--keep"] => measure::all_hello(root, heads, true)?,
        ["picture", name] if !name.starts_with('-') => measure::one(root, heads.program(name)?)?,
        ["picture", ..] => return Err(format!("usage: {PICTURE}").into()),
        ["contents"] => contents::write(root, heads)?,
        ["contents", "--check"] => contents::check(root, heads)?,
        ["contents", ..] => return Err(format!("usage: {CONTENTS}").into()),
        ["smoke", words @ ..] => {
            let is_as_shown = smoke_from(words, &from)?.run(root, heads)?;
            return Ok(if is_as_shown {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        _ => {
            return Err(
                format!("usage: {COPY} or {TAKE} or {PICTURE} or {SMOKE} or {CONTENTS}").into(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The chapters and their programs.
fn list(heads: &Heads) {
    for chapter in &heads.chapters {
        println!("Chapter {}: {}", chapter.number, chapter.title);
        for program in &chapter.programs {
            println!(
                "  {:<20} {:<8} {}",
                program.name,
                program.article(),
                program.description
            );
        }
    }
}

fn smoke_from(words: &[&str], from: &Path) -> Result<Smoke> {
    let mut smoke = Smoke::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--patch" => {
                let patch = words.next().ok_or_else(|| format!("usage: {SMOKE}"))?;
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
            // The folder with the executables, for the tests.
            "--programs" => smoke.programs = words.next().map(|folder| from.join(folder)),
            word if word.starts_with('-') => {
                return Err(format!("{word:?} is not expected; usage: {SMOKE}").into());
            }
            name => smoke.names.push(name.to_string()),
        }
    }
    Ok(smoke)
}
