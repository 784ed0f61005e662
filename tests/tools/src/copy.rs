//! `just copy NAME DIR`: a package of its own out of one program, with what its head names under `Paste:`.

use crate::Result;
use crate::runner::head::{Crate, Program, text_of};
use crate::smoke::locked;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the package. `folder` must be empty, or not there.
pub fn copy(root: &Path, program: &Program, folder: &Path) -> Result<()> {
    let files = package(root, program)?;
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
        let written = fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    // It may be inside a workspace, which has to be told.
    let metadata = ["metadata", "--no-deps", "--format-version", "1"];
    let checked = Command::new("cargo")
        .args(metadata)
        .current_dir(folder)
        .output()?;
    if checked.status.success() {
        println!("{shown}: a new package; next: cd {shown} && cargo run");
    } else {
        let complaint = String::from_utf8_lossy(&checked.stderr);
        eprintln!(
            "{shown}: copied, but Cargo does not accept it there yet: {}",
            complaint.trim()
        );
    }
    Ok(())
}

/// The files of the package, and what is in them.
fn package(root: &Path, program: &Program) -> Result<Vec<(PathBuf, String)>> {
    let mut files = vec![
        (PathBuf::from("Cargo.toml"), manifest(root, program)?),
        (PathBuf::from(".gitignore"), "/target\n".to_string()),
        // The same versions as here. Cargo takes out what is not needed.
        (PathBuf::from("Cargo.lock"), text_of(root, "Cargo.lock")?),
        (PathBuf::from("src/main.rs"), text_of(root, &program.path)?),
    ];
    for file in &program.files {
        // One of another chapter is in that chapter's folder, here as there: `#[path]` finds it beside `src`.
        let (from, to) = match file.contains('/') {
            true => (format!("examples/{file}"), PathBuf::from(file)),
            false => (
                program.path.replace(&format!("{}.rs", program.name), file),
                Path::new("src").join(file),
            ),
        };
        files.push((to, text_of(root, &from)?));
    }
    Ok(files)
}

fn manifest(root: &Path, program: &Program) -> Result<String> {
    let Program {
        name, description, ..
    } = program;
    let mut text = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.85\"\n\
         description = {description:?}\nlicense = \"MIT OR Apache-2.0\"\npublish = false\n\n[dependencies]\n"
    );
    let locked = locked(root)?;
    for added in &program.crates {
        let Crate {
            name,
            features,
            no_default_features,
            is_by_path,
        } = added;
        let source = if *is_by_path {
            format!("path = {:?}", root.display().to_string())
        } else {
            // The newest, should there be several.
            let package = locked.iter().rfind(|package| package.name == *name);
            let package = package.ok_or_else(|| {
                format!(
                    "Cargo.lock: there is no {name}, which {} names",
                    program.path
                )
            })?;
            format!("version = {:?}", package.version)
        };
        let mut declaration = format!("{name} = {{ {source}");
        if *no_default_features {
            declaration += ", default-features = false";
        }
        if !features.is_empty() {
            declaration += &format!(", features = {features:?}");
        }
        text += &format!("{declaration} }}\n");
    }
    // fib must not be ten times slower than in the example.
    text += "\n[profile.dev]\nopt-level = 1\n\n[profile.dev.package.\"*\"]\nopt-level = 0\n";
    Ok(text)
}
