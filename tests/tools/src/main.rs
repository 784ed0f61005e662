//! The commands behind the justfile: list, run, copy, take, picture, contents and smoke.

mod contents;
mod paste;
mod picture;
mod run;
mod runner;
mod smoke;
mod svg;

use runner::head::Heads;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The folder of the project.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const COPY: &str = "usage: just copy NAME DIR";
const TAKE: &str = "usage: just take MODULE DIR [FOLDER]";

fn main() -> ExitCode {
    let lossy = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
    let words: Vec<String> = std::env::args_os().skip(1).map(lossy).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    command(&words).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn command(words: &[&str]) -> Result<ExitCode> {
    let root = &Path::new(ROOT).canonicalize()?;
    let heads = &Heads::read(root)?;
    // A relative path is relative to the folder in which `just` was called, not to that of the justfile.
    let from = std::env::var_os("FROM").map_or_else(PathBuf::new, PathBuf::from);
    match words {
        ["list"] => list(heads),
        ["run", wanted, arguments @ ..] => return run::run(root, heads, wanted, arguments),
        ["copy", "--help"] => println!("{COPY}\n{}", paste::COPY_HELP),
        ["copy", name, dir] if !dir.is_empty() => {
            paste::copy(root, heads.program(name)?, &from.join(dir))?;
        }
        ["copy", ..] => return Err(COPY.into()),
        ["take", "--help"] => {
            println!("{TAKE}\n{}", paste::TAKE_HELP);
            let modules = heads.modules.iter();
            modules.for_each(|one| println!("  {:<12}  {}", one.name, one.description));
        }
        ["take", name, dir, place @ ..] if !dir.is_empty() && place.len() < 2 => {
            paste::take(root, heads, name, &from.join(dir), place)?;
        }
        ["take", ..] => return Err(TAKE.into()),
        ["picture"] => picture::picture(root, heads, &smoke::target(root))?,
        ["picture", "--keep"] => picture::picture(root, heads, &root.join("examples"))?,
        ["picture", ..] => return Err("usage: just picture [--keep]".into()),
        ["contents"] => contents::contents(root, heads, false)?,
        ["contents", "--check"] => contents::contents(root, heads, true)?,
        ["contents", ..] => return Err("usage: just contents [--check]".into()),
        ["smoke", "--help"] => println!("{}", smoke::USAGE),
        ["smoke", words @ ..] => return smoke::smoke(root, heads, &from, words),
        _ => return Err("usage: just list, run, copy, take, picture, smoke or contents".into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(heads: &Heads) {
    for chapter in &heads.chapters {
        println!("Chapter {}: {}", chapter.number, chapter.title);
        for one in &chapter.programs {
            let (name, article) = (&one.name, one.article());
            println!("  {name:<20} {article:<8} {}", one.description);
        }
    }
}

/// The packages in this folder, from `cargo metadata`.
fn packages(folder: &Path) -> Result<Vec<Value>> {
    let metadata = cargo(folder, "metadata --no-deps --format-version 1")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    Ok(metadata["packages"].as_array().cloned().unwrap_or_default())
}

/// Runs Cargo in this folder. Returns its standard output; the error is its standard error.
fn cargo(folder: &Path, words: &str) -> Result<String> {
    let mut cargo = Command::new("cargo");
    // The heads' name for the folder of this project.
    let words = words.split(' ');
    let words = words.map(|word| word.replace("../asyncio-to-smol", ROOT));
    cargo.env("RUSTC_BOOTSTRAP", "1"); // for `-Z…` with a stable compiler
    let output = cargo.args(words).current_dir(folder).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().into()),
    }
}
