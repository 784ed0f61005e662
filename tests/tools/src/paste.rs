//! The paragraph `Paste: …` in the head of an example: what `just copy` does, to do it by hand.

use crate::Result;
use crate::project::{Dependency, Example, Project};
use crate::uses::{Module, Uses};
use std::path::Path;

const WIDTH: usize = 105;

/// The text of the example's file, with the right paragraph.
pub fn with_paste(project: &Project, example: &Example) -> Result<String> {
    let text = project.text_of(&example.path)?;
    let (before, rest) = text
        .split_once("//! Paste: ")
        .ok_or_else(|| format!("{}: the head has no paragraph `Paste: …`", example.path))?;
    // The paragraph ends with an empty line, or with the head.
    let paragraph = rest.lines().skip(1);
    let paragraph = paragraph.take_while(|line| line.len() > 3 && line.starts_with("//!"));
    let rest = rest.lines().skip(1 + paragraph.count());
    let rest: String = rest.flat_map(|line| [line, "\n"]).collect();
    let paragraph = wrapped(&paragraph_for(example, &Uses::of(project, example)?)?);
    Ok(format!("{before}{paragraph}{rest}"))
}

fn paragraph_for(example: &Example, uses: &Uses) -> Result<String> {
    let mut parts = Vec::new();
    if !uses.own_dependencies.is_empty() {
        parts.push(crates(&uses.own_dependencies)?);
    }
    let (beside_main, elsewhere): (Vec<_>, Vec<_>) = uses
        .chapter_files
        .iter()
        .partition(|(_, to)| to.starts_with("src"));
    if !beside_main.is_empty() {
        let files = beside_main.iter().filter_map(|(_, to)| to.file_name());
        let files = files.map(|file| Path::new(file).display().to_string());
        parts.push(format!("{} beside it", list(files)));
    }
    if !elsewhere.is_empty() {
        let files = elsewhere.iter().map(|(_, to)| to.display().to_string());
        parts.push(format!("{} beside `src`", list(files)));
    }
    if !uses.modules.is_empty() {
        let files = uses.modules.iter().flat_map(files_of);
        let mut part = format!("the library's {}", list(files));
        let is_new = |one: &&Dependency| !uses.own_dependencies.contains(one);
        let more = uses.library_dependencies.iter().filter(is_new).cloned();
        let more: Vec<Dependency> = more.collect();
        if !more.is_empty() {
            part.push_str(&format!(" with {}", crates(&more)?));
        }
        parts.push(part);
    }
    let name = &example.name;
    Ok(format!(
        "Paste: {}. `just copy {name} DIR` does it.",
        parts.join("; ")
    ))
}

fn files_of(module: &Module) -> impl Iterator<Item = String> + '_ {
    let inside = (module.files.len() > 1).then(|| format!("{}/", module.name));
    [format!("{}.rs", module.name)].into_iter().chain(inside)
}

/// The commands that add these crates.
fn crates(dependencies: &[Dependency]) -> Result<String> {
    let is_plain = |one: &&Dependency| {
        one.has_default_features && one.features.is_empty() && one.target.is_none()
    };
    let plain: Vec<&str> = dependencies
        .iter()
        .filter(is_plain)
        .map(|one| one.name.as_str())
        .collect();
    let mut commands = Vec::new();
    if !plain.is_empty() {
        commands.push(format!("`cargo add {}`", plain.join(" ")));
    }
    // Those for all systems first, and what is not Unix after Unix.
    let mut special: Vec<&Dependency> = dependencies.iter().filter(|one| !is_plain(one)).collect();
    special.sort_by_key(|one| one.target.as_ref().map(std::cmp::Reverse));
    for Dependency {
        name,
        features,
        target,
        has_default_features,
    } in special
    {
        let place = match target.as_deref() {
            None => "",
            Some("cfg(unix)") => "on Unix ",
            Some("cfg(not(unix))") => "elsewhere ",
            Some(other) => return Err(format!("{name}: no words for the target {other}").into()),
        };
        let no_default = if *has_default_features {
            ""
        } else {
            " --no-default-features"
        };
        let features = match features.as_slice() {
            [] => String::new(),
            features => format!(" --features {}", features.join(",")),
        };
        commands.push(format!("{place}`cargo add {name}{no_default}{features}`"));
    }
    Ok(commands.join(", "))
}

/// `a`, `b` and `c`
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.map(|item| format!("`{item}`")).collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// As lines of a head. No command is broken.
fn wrapped(text: &str) -> String {
    let mut words = vec![String::new()];
    let mut is_command = false;
    for c in text.chars() {
        is_command ^= c == '`';
        match words.last_mut() {
            Some(word) if c != ' ' || is_command => word.push(c),
            _ => words.push(String::new()),
        }
    }
    let mut lines = String::new();
    let mut line = "//!".to_string();
    for word in words {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &line;
            lines += "\n";
            line = "//!".to_string();
        }
        line += " ";
        line += &word;
    }
    lines + &line + "\n"
}
