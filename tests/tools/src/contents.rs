//! `just contents`: writes what is generated, or says what is not as it should be.

use crate::Result;
use crate::measure::{PICTURE, RECORDING, hello_picture};
use crate::paste;
use crate::project::{Example, Project, items, text, texts};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// The generated files, and what is to be in them.
fn generated(project: &Project) -> Result<Vec<(String, String)>> {
    let mut files = vec![("examples/README.md".to_string(), page(project)?)];
    // The programs are not run for this: what they printed when somebody last did is drawn.
    let recording = project.text_of(RECORDING)?;
    files.push((PICTURE.to_string(), hello_picture(&recording)?));
    for example in &project.examples {
        files.push((example.path.clone(), paste::with_paste(project, example)?));
    }
    Ok(files)
}

/// Those of them that are not as they should be.
fn wrong(project: &Project) -> Result<Vec<(String, String)>> {
    let mut files = generated(project)?;
    files.retain(|(path, text)| project.text_of(path).ok().as_ref() != Some(text));
    Ok(files)
}

/// Writes the files that are not as they should be.
pub fn write(project: &Project) -> Result<()> {
    for (path, text) in wrong(project)? {
        fs::write(project.root.join(&path), text).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}: written");
    }
    Ok(())
}

/// An error that names the files that are not as they should be, and how to repair them.
pub fn check(project: &Project) -> Result<()> {
    let wrong = wrong(project)?;
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong: Vec<&str> = wrong.iter().map(|(path, _)| path.as_str()).collect();
    Err(format!(
        "not what is generated from Cargo.toml and the code:\n  {}\n`just contents` repairs it",
        wrong.join("\n  ")
    )
    .into())
}

/// What answers a name of asyncio or Node.js.
#[derive(Default)]
struct Answer<'a> {
    examples: Vec<&'a Example>,
    /// Of the library.
    modules: Vec<String>,
}

type Index<'a> = BTreeMap<String, Answer<'a>>;

/// The contents page.
fn page(project: &Project) -> Result<String> {
    let mut page = "\
<!-- Written by `just contents` from Cargo.toml. Changes here are lost. -->
# Contents

The chapters in order are a tutorial of about an hour: [start here](01_hello/README.md). `just run 1` runs
chapter 1, `just run NAME` one example, and `just copy NAME DIR` makes a package of its own out of it. The
second column is the program's number in article A or B, which the [README](../README.md) names, or *new*.
Without `just` the command is in the head of each example.

Coming from the other side? Here are [asyncio's names](#from-asyncio) and [Node's](#from-nodejs).
"
    .to_string();
    for chapter in &project.chapters {
        let (number, title, folder) = (chapter.number, &chapter.title, &chapter.folder);
        write!(
            page,
            "\n## [Chapter {number}: {title}]({folder}/README.md)\n\n\
             | example | program | what it shows | asyncio | Node.js |\n\
             |---|---|---|---|---|\n"
        )?;
        let of_it = (project.examples.iter()).filter(|example| example.chapter == number);
        for example in of_it {
            writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                link(example),
                example.article,
                example.description,
                codes(&example.asyncio),
                codes(&example.node)
            )?;
        }
    }
    page.push_str(
        "\nA2 and A3, the timing wrapper and the Fibonacci function, are the library's module `fib`.\n",
    );
    let (asyncio, node) = indexes(project)?;
    for (title, index) in [("asyncio", asyncio), ("Node.js", node)] {
        write!(
            page,
            "\n## From {title}\n\n\
             What you would write there, the examples that show what to write instead, and the module of \
             this\nlibrary or the item of smol (or of std, or another crate) that does it.\n\n\
             | {title} | examples | this library | smol and others |\n\
             |---|---|---|---|\n"
        )?;
        for (name, answer) in &index {
            let examples: Vec<String> = answer.examples.iter().map(|one| link(one)).collect();
            writeln!(
                page,
                "| `{name}` | {} | {} | {} |",
                examples.join(", "),
                answer.modules.join(", "),
                of_smol(project, name)?
            )?;
        }
    }
    Ok(page)
}

/// What answers each name: of asyncio, and of Node.js.
fn indexes(project: &Project) -> Result<(Index<'_>, Index<'_>)> {
    let (mut asyncio, mut node) = (Index::new(), Index::new());
    for example in &project.examples {
        for (names, index) in [(&example.asyncio, &mut asyncio), (&example.node, &mut node)] {
            for name in names {
                index
                    .entry(name.clone())
                    .or_default()
                    .examples
                    .push(example);
            }
        }
    }
    for (module, about) in items(&project.metadata["module"]) {
        for (key, index) in [("asyncio", &mut asyncio), ("node", &mut node)] {
            for name in texts(&about[key])? {
                let answer = index.entry(name).or_default();
                answer
                    .modules
                    .push(format!("[`{module}`](../src/{module}.rs)"));
            }
        }
    }
    Ok((asyncio, node))
}

/// The item of smol, or what else answers the name.
fn of_smol(project: &Project, name: &str) -> Result<String> {
    let Some(answer) = project.metadata["smol"].get(name) else {
        return Ok(String::new());
    };
    let answer = text(answer)?;
    let is_item = |answer: &str| {
        answer
            .chars()
            .all(|c| c.is_alphanumeric() || "_:".contains(c))
    };
    Ok(match answer.as_str() {
        _ if !is_item(&answer) => answer,
        item if ["std::", "rustix::"]
            .iter()
            .any(|other| item.starts_with(other)) =>
        {
            format!("`{item}`")
        }
        item => format!("`smol::{item}`"),
    })
}

/// As seen from `examples/`.
fn link(example: &Example) -> String {
    let path = example.path.trim_start_matches("examples/");
    format!("[`{}`]({path})", example.name)
}

fn codes(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
