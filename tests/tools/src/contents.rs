//! `just contents`: writes every list from the heads, or says which one is not as the heads have it.

use crate::Result;
use crate::runner::head::{Heads, Name, Names, Program, text_of};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files that have generated parts, and what is to be in them.
fn generated(root: &Path, heads: &Heads) -> Result<Vec<(String, String)>> {
    let with = |path: &str, parts: &[(&str, String)]| -> Result<(String, String)> {
        let mut text = text_of(root, path)?;
        for (name, part) in parts {
            text = filled(path, &text, name, part)?;
        }
        Ok((path.to_string(), text))
    };
    let mut files = vec![
        with("Cargo.toml", &[("examples", declarations(heads))])?,
        with(
            "README.md",
            &[
                ("chapters", chapters(heads)),
                ("library", library(heads, false)),
            ],
        )?,
        with("src/lib.rs", &[("library", library(heads, true))])?,
        (
            "examples/README.md".to_string(),
            page(heads) + &by_hand(&text_of(root, "examples/README.md")?),
        ),
    ];
    for chapter in &heads.chapters {
        let path = format!("examples/{}/README.md", chapter.folder);
        if chapter.programs.is_empty() {
            continue; // chapter 0
        }
        let (path, mut text) = with(&path, &[("programs", chapter_table(&chapter.programs))])?;
        for program in &chapter.programs {
            text = with_transcript(text, program);
            let name = format!("excerpt of {}.rs", program.name);
            if text.contains(&format!("contents: {name} ")) {
                text = filled(&path, &text, &name, &excerpt(root, program)?)?;
            }
        }
        files.push((path, text));
    }
    Ok(files)
}

/// Those of them that are not as they should be.
fn wrong(root: &Path, heads: &Heads) -> Result<Vec<(String, String)>> {
    let mut files = generated(root, heads)?;
    files.retain(|(path, text)| text_of(root, path).ok().as_ref() != Some(text));
    Ok(files)
}

/// Writes the files that are not as they should be.
pub fn write(root: &Path, heads: &Heads) -> Result<()> {
    for (path, text) in wrong(root, heads)? {
        fs::write(root.join(&path), text).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}: written");
    }
    Ok(())
}

/// An error that names the files that are not as they should be, and how to repair them.
pub fn check(root: &Path, heads: &Heads) -> Result<()> {
    let wrong = wrong(root, heads)?;
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong: Vec<&str> = wrong.iter().map(|(path, _)| path.as_str()).collect();
    let wrong = wrong.join("\n  ");
    Err(format!(
        "not what the heads of the programs and modules say:\n  {wrong}\n`just contents` repairs it"
    )
    .into())
}

/// The text with this part between its markers, which are comments of HTML, in Rust behind `//! `, or of
/// TOML.
fn filled(path: &str, text: &str, name: &str, part: &str) -> Result<String> {
    let (open, close) = (format!("contents: {name} "), "/contents");
    let expected = || format!("{path}: expected comments `{open}…` and `{close}` around the list");
    let mut lines = text.split_inclusive('\n');
    let mut filled = String::new();
    let mut opening = "";
    while !opening.contains(&open) {
        opening = lines.next().ok_or_else(expected)?;
        filled += opening;
    }
    let prefix = if opening.starts_with("//!") {
        "//! "
    } else {
        ""
    };
    for line in part.lines() {
        filled += format!("{prefix}{line}").trim_end();
        filled.push('\n');
    }
    filled += lines
        .find(|line| line.contains(close))
        .ok_or_else(expected)?;
    filled.extend(lines);
    Ok(filled)
}

/// The rest of the contents page, which no head has: it stays as it is.
fn by_hand(page: &str) -> String {
    let at = page.find("\n<!-- by hand: ");
    at.map_or(String::new(), |at| page[at..].to_string())
}

/// What a page shows of a program's file, to the letter: the lines between two comments.
fn excerpt(root: &Path, program: &Program) -> Result<String> {
    const BEGIN: &str = "// ANCHOR: excerpt";
    const END: &str = "// ANCHOR_END: excerpt";
    let path = &program.path;
    let text = text_of(root, path)?;
    let mut lines = text.lines().skip_while(|line| line.trim() != BEGIN).skip(1);
    let shown: Vec<&str> = lines
        .by_ref()
        .take_while(|line| line.trim() != END)
        .collect();
    if shown.is_empty() || !text.lines().any(|line| line.trim() == END) {
        return Err(format!("{path}: expected lines between `{BEGIN}` and `{END}`").into());
    }
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let not_empty = shown.iter().filter(|line| !line.is_empty());
    let less = not_empty.map(indentation).min().unwrap_or(0);
    let shown: Vec<&str> = shown
        .iter()
        .map(|line| line.get(less..).unwrap_or(""))
        .collect();
    Ok(format!("\n```rust,ignore\n{}\n```\n\n", shown.join("\n")))
}

/// The page with the transcript of this program, where it shows one, as it is in the head.
fn with_transcript(page: String, program: &Program) -> String {
    let begin = format!("```text\n$ {}\n", program.command());
    let parts = page.split_once(&begin);
    let Some((before, (_, after))) =
        parts.and_then(|(before, shown)| Some((before, shown.split_once("```")?)))
    else {
        return page;
    };
    let lines = program
        .transcript
        .iter()
        .flat_map(|line| [line.as_str(), "\n"]);
    format!("{before}{begin}{}```{after}", lines.collect::<String>())
}

/// A table between empty lines, which Markdown wants around it.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| cell.to_string()).collect();
    let mut table = format!("\n{}{}|\n", line(&head), "|---".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        table += &line(&cells);
    }
    table + "\n"
}

/// `[[example]]` for each program.
fn declarations(heads: &Heads) -> String {
    let declaration = |program: &Program| {
        let Program {
            name,
            path,
            features,
            ..
        } = program;
        let mut text = format!("\n[[example]]\nname = {name:?}\npath = {path:?}\n");
        if !features.is_empty() {
            text += &format!("required-features = {features:?}\n");
        }
        text
    };
    heads.programs().map(declaration).collect()
}

fn chapters(heads: &Heads) -> String {
    let rows = heads.chapters.iter().map(|chapter| {
        let page = format!("examples/{}/README.md", chapter.folder);
        let programs = chapter.programs.iter();
        let programs = programs.map(|program| format!("[`{}`]({})", program.name, program.path));
        let title = format!("[{}]({page})", chapter.title);
        vec![
            chapter.number.to_string(),
            title,
            programs.collect::<Vec<_>>().join(", "),
        ]
    });
    table(&["", "chapter", "programs"], rows)
}

/// In the documentation the names are links; a function may have the same name as its module.
fn library(heads: &Heads, is_documentation: bool) -> String {
    let rows = heads.modules.iter().map(|module| {
        let name = match is_documentation {
            true => format!("[`mod@{}`]", module.name),
            false => format!("[`{0}`](src/{0}.rs)", module.name),
        };
        let (asyncio, node) = (codes(&module.names.asyncio), codes(&module.names.node));
        vec![name, module.description.clone(), asyncio, node]
    });
    table(&["module", "what it is", "asyncio", "Node.js"], rows)
}

fn chapter_table(programs: &[Program]) -> String {
    let rows = programs.iter().map(|program| {
        let link = format!("[`{0}`]({0}.rs)", program.name);
        let command = format!("`{}`", program.command());
        let description = program.description.clone();
        vec![link, program.article(), description, command]
    });
    table(&["program", "article", "what it shows", "command"], rows)
}

/// The contents page, all of it.
fn page(heads: &Heads) -> String {
    let mut page = "\
<!-- contents: written by `just contents` from the heads of the programs. Changes here are lost. -->
# Contents

Chapters 0 to 14 in order are a tutorial of an hour and a half: [start here](00_walls/README.md). The later
chapters are for reference. `just run 1` runs chapter 1, `just run NAME` one program, and `just copy NAME DIR`
makes a new package from it. The second column is the program's number in article A or B, which the
[README](../README.md) names, or *new*. Without `just`, use the command in the head of each program.

To look up a name you know, see [asyncio's names](#from-asyncio), [Node's](#from-nodejs), and
[async-std's items](#from-async-std).
"
    .to_string();
    for chapter in &heads.chapters {
        let (number, title, folder) = (chapter.number, &chapter.title, &chapter.folder);
        page += &format!("\n## [Chapter {number}: {title}]({folder}/README.md)\n");
        let rows = chapter.programs.iter().map(|program| {
            let (link, description) = (link(program), program.description.clone());
            let (asyncio, node) = (codes(&program.names.asyncio), codes(&program.names.node));
            vec![link, program.article(), description, asyncio, node]
        });
        if chapter.programs.is_empty() {
            continue;
        }
        page += table(
            &["program", "article", "what it shows", "asyncio", "Node.js"],
            rows,
        )
        .trim_end();
        page += "\n";
    }
    for (world, names) in [
        ("asyncio", asyncio as fn(&Names) -> &[Name]),
        ("Node.js", node),
    ] {
        page += &format!(
            "\n## From {world}\n\n\
             What you would write there, the programs that show what to write instead, and the module of \
             this\nlibrary or the item of smol (or of std, or another crate) that does it.\n"
        );
        let rows = index(heads, names).into_iter();
        let rows = rows.map(|(name, [programs, modules, answers])| {
            vec![
                format!("`{name}`"),
                programs.join(", "),
                modules.join(", "),
                answers.join(", "),
            ]
        });
        page += table(
            &[world, "programs", "this library", "smol and others"],
            rows,
        )
        .trim_end();
        page += "\n";
    }
    page
}

fn asyncio(names: &Names) -> &[Name] {
    &names.asyncio
}

fn node(names: &Names) -> &[Name] {
    &names.node
}

/// For each name the programs and the modules that answer it, and what else does.
fn index(heads: &Heads, names: fn(&Names) -> &[Name]) -> BTreeMap<&str, [Vec<String>; 3]> {
    let mut index = BTreeMap::<&str, [Vec<String>; 3]>::new();
    let programs = heads.programs().map(|one| (&one.names, 0, link(one)));
    let modules = heads
        .modules
        .iter()
        .map(|one| (&one.names, 1, format!("[`{0}`](../src/{0}.rs)", one.name)));
    for (all, column, link) in programs.chain(modules) {
        for name in names(all) {
            let row = index.entry(&name.name).or_default();
            row[column].push(link.clone());
            row[2].extend(
                name.answer
                    .clone()
                    .filter(|answer| !row[2].contains(answer)),
            );
        }
    }
    index
}

/// As seen from `examples/`.
fn link(program: &Program) -> String {
    let path = program.path.trim_start_matches("examples/");
    format!("[`{}`]({path})", program.name)
}

fn codes(names: &[Name]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.name))
        .collect();
    names.join(", ")
}
