//! `just contents`: writes every list from the heads, or names the files whose lists differ from the heads.

use crate::Result;
use crate::runner::head::{Heads, List, Program, text_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MODULES: &str = "module | what it is | asyncio | Node.js";
const PROGRAMS: &str = "program | article | what it shows | command";
const ANSWERS: &str = "program | article | what it shows | asyncio | Node.js";

/// Writes the files that differ from the heads, or only names them.
pub fn contents(root: &Path, heads: &Heads, only_check: bool) -> Result<()> {
    let mut wrong = String::new();
    for (path, text) in generated(root, heads)? {
        if text_of(root, &path)? == text {
            continue;
        } else if only_check {
            wrong += &format!("  {path}\n");
        } else {
            fs::write(root.join(&path), text).map_err(|error| format!("{path}: {error}"))?;
            println!("{path}: written");
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let what = "not what the heads of the programs and modules say";
    Err(format!("{what}:\n{wrong}`just contents` repairs it").into())
}

/// The files with generated parts, as the heads have them.
fn generated(root: &Path, heads: &Heads) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for chapter in heads.chapters.iter().filter(|one| !one.programs.is_empty()) {
        let folder = format!("examples/{}/", chapter.folder);
        let path = folder.clone() + "README.md";
        let list = list(PROGRAMS, &chapter.programs, &folder);
        let mut page = filled(&path, &text_of(root, &path)?, "programs", &list)?;
        for program in &chapter.programs {
            let begin = format!("```text\n$ {}\n", program.command);
            if let Some([before, _, after]) = between(&page, &begin, "```") {
                page = [before, &program.transcript.text, after].concat();
            }
            let name = format!("excerpt of {}.rs", program.name);
            if page.contains(&format!("contents: {name} ")) {
                page = filled(&path, &page, &name, &excerpt(root, &program.path)?)?;
            }
        }
        files.insert(path, page);
    }
    let library = |from| list(MODULES, &heads.modules, from);
    let asyncio = index(heads, "asyncio", |one| &one.names.asyncio);
    let node = index(heads, "Node.js", |one| &one.names.node);
    let examples = json!({"example": examples(heads, "")});
    let examples = "\n".to_string() + &toml::to_string(&examples)?;
    for (path, name, part) in [
        ("Cargo.toml", "examples", examples),
        ("README.md", "chapters", chapters(heads)),
        ("README.md", "library", library("")),
        ("src/lib.rs", "library", library("src/lib.rs")),
        ("examples/README.md", "chapters", programs(heads)),
        ("examples/README.md", "asyncio", asyncio),
        ("examples/README.md", "Node.js", node),
    ] {
        let text = text_of(root, path)?;
        let text = files.entry(path.to_string()).or_insert(text);
        *text = filled(path, text, name, &part)?;
    }
    Ok(files)
}

/// The text up to and with `open`, the text between, and the text from `close` on.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<[&'a str; 3]> {
    let from = text.find(open)? + open.len();
    let to = from + text[from..].find(close)?;
    Some([&text[..from], &text[from..to], &text[to..]])
}

/// The text with this part between its markers, which are comments: of HTML, in Rust behind `//! `, or of TOML.
fn filled(path: &str, text: &str, name: &str, part: &str) -> Result<String> {
    let (open, close) = (format!("contents: {name} "), "/contents");
    let expected = || format!("{path}: expected comments `{open}…` and `{close}` around the list");
    let [before, old, after] = between(text, &open, close).ok_or_else(expected)?;
    let (opening, old) = old.split_once('\n').ok_or_else(expected)?;
    // The line of the closing marker, up to the marker.
    let begin = old.rsplit('\n').next().unwrap_or(old);
    let prefix = if path.ends_with(".rs") { "//! " } else { "" };
    let line = |line| format!("{prefix}{line}").trim_end().to_string() + "\n";
    let lines: String = part.lines().map(line).collect();
    Ok(format!("{before}{opening}\n{lines}{begin}{after}"))
}

/// The lines between two comments in a program's file, which a page shows to the letter.
fn excerpt(root: &Path, path: &str) -> Result<String> {
    let (open, close) = ("// ANCHOR: excerpt\n", "// ANCHOR_END: excerpt\n");
    let text = text_of(root, path)?;
    let expected = || format!("{path}: expected lines between {open:?} and {close:?}");
    let [_, shown, _] = between(&text, open, close).ok_or_else(expected)?;
    let lines = || shown.trim_end().lines();
    let indentation = |line: &str| line.find(|c| c != ' ');
    let less = lines().filter_map(indentation).min().unwrap_or(0);
    let line = |line: &str| line.get(less..).unwrap_or("").to_string() + "\n";
    let shown: String = lines().map(line).collect();
    Ok(format!("\n```rust,ignore\n{shown}```\n\n"))
}

/// The `[[example]]`s of a `Cargo.toml`; their paths begin with this.
pub fn examples(heads: &Heads, begin: &str) -> Vec<Value> {
    let example = |one: &Program| match (format!("{begin}{}", one.path), one.features()) {
        (path, none) if none.is_empty() => json!({"name": one.name, "path": path}),
        (path, some) => json!({"name": one.name, "path": path, "required-features": some}),
    };
    heads.programs().map(example).collect()
}

/// A table between empty lines, which Markdown requires.
fn table(head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let columns = head.split(" | ").count();
    let mut table = format!("\n| {head} |\n{}|\n", "|---".repeat(columns));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        table += &format!("| {} |\n", cells.join(" | "));
    }
    table + "\n"
}

/// A table with these columns of the heads; links are relative to `from`.
fn list(columns: &str, heads: &[Program], from: &str) -> String {
    let cell = |one: &Program, column| match column {
        "program" | "module" => link(one, from),
        "article" => one.article(),
        "asyncio" => codes(&one.names.asyncio),
        "Node.js" => codes(&one.names.node),
        "command" => format!("`{}`", one.command),
        _ => one.description.clone(),
    };
    let columns_of = |one| columns.split(" | ").map(move |column| cell(one, column));
    table(columns, heads.iter().map(|one| columns_of(one).collect()))
}

fn chapters(heads: &Heads) -> String {
    let rows = heads.chapters.iter().map(|chapter| {
        let title = format!("[{}](examples/{}/README.md)", chapter.title, chapter.folder);
        let programs: Vec<String> = chapter.programs.iter().map(|one| link(one, "")).collect();
        vec![chapter.number.to_string(), title, programs.join(", ")]
    });
    table(" | chapter | programs", rows)
}

/// All programs by chapter, with the names that they answer.
fn programs(heads: &Heads) -> String {
    let mut text = String::new();
    for chapter in &heads.chapters {
        let (number, title, folder) = (chapter.number, &chapter.title, &chapter.folder);
        text += &format!("\n## [Chapter {number}: {title}]({folder}/README.md)\n");
        if !chapter.programs.is_empty() {
            let list = list(ANSWERS, &chapter.programs, "examples/");
            text += &list[..list.len() - 1];
        }
    }
    text + "\n"
}

/// A row for each name of that world: the programs, the modules and other crates that answer it.
fn index(heads: &Heads, world: &str, names: fn(&Program) -> &List) -> String {
    let mut index = BTreeMap::<&str, [Vec<String>; 3]>::new();
    let programs = heads.programs().map(|one| (one, 0));
    for (one, column) in programs.chain(heads.modules.iter().map(|one| (one, 1))) {
        for (name, answer) in names(one) {
            let row = index.entry(name).or_default();
            row[column].push(link(one, "examples/"));
            let answer = answer.clone().filter(|answer| !row[2].contains(answer));
            row[2].extend(answer);
        }
    }
    let rows = index.into_iter().map(|(name, columns)| {
        let columns = columns.map(|column| column.join(", "));
        [vec![format!("`{name}`")], columns.to_vec()].concat()
    });
    let head = format!("{world} | programs | this library | smol and others");
    table(&head, rows)
}

/// In rustdoc, `mod@` tells a module from the function of the same name.
fn link(one: &Program, from: &str) -> String {
    let (name, path) = (&one.name, &one.path);
    match path.strip_prefix(from) {
        _ if from == "src/lib.rs" => format!("[`mod@{name}`]"),
        Some(path) => format!("[`{name}`]({path})"),
        None => format!("[`{name}`](../{path})"),
    }
}

fn codes(names: &List) -> String {
    let names = names.iter().map(|(name, _)| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}
