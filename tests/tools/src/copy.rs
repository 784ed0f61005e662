//! `just copy NAME DIR`: a package of its own out of one example.

use crate::Result;
use crate::project::{Dependency, Example, Locked, Project, cargo_metadata};
use crate::uses::{LIBRARY, Module, Uses};
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Makes the package. `folder` must be empty, or not there.
pub fn copy(project: &Project, name: &str, folder: &Path) -> Result<()> {
    let files = package(project, project.example(name)?)?;
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                let expected = "expected an empty folder, or none";
                return Err(format!("{shown}: {expected}; nothing was copied").into());
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{shown}: {error}; nothing was copied").into()),
    }
    for (path, text) in files {
        let path = folder.join(path);
        write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Err(error) = cargo_metadata(folder) {
        // Such as a workspace around it, which has to be told.
        eprintln!("copied, but Cargo does not take it there yet: {error}");
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// The files of the package, and what is in them.
fn package(project: &Project, example: &Example) -> Result<Vec<(PathBuf, String)>> {
    let uses = Uses::of(project, example)?;
    let mut files = vec![
        (
            PathBuf::from("Cargo.toml"),
            manifest(project, example, &uses)?,
        ),
        (PathBuf::from(".gitignore"), "/target\n".to_string()),
        // The same versions as here. Cargo takes out what is not needed.
        (PathBuf::from("Cargo.lock"), project.text_of("Cargo.lock")?),
        (
            PathBuf::from("src/main.rs"),
            project.text_of(&example.path)?,
        ),
    ];
    for (from, to) in uses.chapter_files {
        files.push((to, project.text_of(&from)?));
    }
    if !uses.modules.is_empty() {
        files.push((PathBuf::from("src/lib.rs"), library(example, &uses.modules)));
    }
    for file in uses.modules.iter().flat_map(|module| &module.files) {
        files.push((PathBuf::from(file), project.text_of(file)?));
    }
    let mut paths: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    paths.sort_unstable();
    if let Some(twice) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
        let path = twice[0].display();
        return Err(format!("{}: two files of it would be {path}", example.name).into());
    }
    Ok(files)
}

fn library(example: &Example, modules: &[Module]) -> String {
    let name = &example.name;
    let mut text = format!(
        "//! What `{name}` uses of asyncio-to-smol.\n\
         #![forbid(unsafe_code)]\n\
         // Modules that use a part of these, and pages that they link, are not here.\n\
         #![allow(dead_code, rustdoc::broken_intra_doc_links)]\n\n"
    );
    for Module {
        name, is_public, ..
    } in modules
    {
        let public = if *is_public { "pub " } else { "" };
        text.push_str(&format!("{public}mod {name};\n"));
    }
    text
}

fn manifest(project: &Project, example: &Example, uses: &Uses) -> Result<String> {
    let Project {
        edition,
        rust_version,
        license,
        ..
    } = project;
    let Example {
        name, description, ..
    } = example;
    let mut text = format!(
        "[package]\n\
         name = \"{name}\"\n\
         version = \"0.1.0\"\n\
         edition = \"{edition}\"\n\
         rust-version = \"{rust_version}\"\n\
         description = {description:?}\n\
         license = \"{license}\"\n\
         publish = false\n"
    );
    if !uses.modules.is_empty() {
        write!(
            text,
            "\n# The modules beside main.rs, under the name by which it imports them.\n\
             [lib]\n\
             name = \"{LIBRARY}\"\n"
        )?;
    }
    let locked = project.locked()?;
    let mut tables = uses
        .dependencies
        .iter()
        .map(|one| &one.target)
        .collect::<Vec<_>>();
    tables.sort_unstable();
    tables.dedup();
    for target in tables {
        match target {
            None => text.push_str("\n[dependencies]\n"),
            Some(target) => write!(text, "\n[target.'{target}'.dependencies]\n")?,
        }
        let of_it = uses.dependencies.iter().filter(|one| one.target == *target);
        for dependency in of_it {
            writeln!(text, "{}", declaration(&locked, dependency)?)?;
        }
    }
    // fib must not be ten times slower than in the example.
    text.push_str("\n[profile.dev]\nopt-level = 1\n\n[profile.dev.package.\"*\"]\nopt-level = 0\n");
    Ok(text)
}

/// The line for `Cargo.toml`, with the version that is tested here.
fn declaration(locked: &[Locked], dependency: &Dependency) -> Result<String> {
    let Dependency { name, features, .. } = dependency;
    let mut locked = locked.iter().filter(|package| package.name == *name);
    let version = &locked
        .next_back() // the newest, should there be several
        .ok_or_else(|| format!("Cargo.lock: there is no {name}"))?
        .version;
    let mut more = String::new();
    if !dependency.has_default_features {
        more.push_str(", default-features = false");
    }
    if !features.is_empty() {
        write!(more, ", features = {features:?}")?;
    }
    Ok(match more.as_str() {
        "" => format!("{name} = \"{version}\""),
        more => format!("{name} = {{ version = \"{version}\"{more} }}"),
    })
}
