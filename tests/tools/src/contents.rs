//! `just contents`: writes what is generated, or says what is not as it should be.

use crate::Result;
use crate::paste;
use crate::project::Project;
use std::fs;

/// The generated files, and what is to be in them.
fn generated(project: &Project) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for example in &project.examples {
        files.push((example.path.clone(), paste::with_paste(project, example)?));
    }
    Ok(files)
}

/// Writes the files that are not as they should be.
pub fn write(project: &Project) -> Result<()> {
    for (path, text) in generated(project)? {
        if project.text_of(&path).ok().as_ref() != Some(&text) {
            fs::write(project.root.join(&path), text)
                .map_err(|error| format!("{path}: {error}"))?;
            println!("{path}: written");
        }
    }
    Ok(())
}

/// An error that names the files that are not as they should be, and how to repair them.
pub fn check(project: &Project) -> Result<()> {
    let generated = generated(project)?;
    let wrong = generated
        .iter()
        .filter(|(path, text)| project.text_of(path).ok().as_ref() != Some(text));
    let wrong: Vec<&str> = wrong.map(|(path, _)| path.as_str()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join("\n  ");
    Err(format!(
        "not what is generated from Cargo.toml and the code:\n  {wrong}\n`just contents` repairs it"
    )
    .into())
}
