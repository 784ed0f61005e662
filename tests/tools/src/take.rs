//! `just take MODULE DIR [FOLDER]`: a module of the library into a package that is there already, with what
//! its head names under `Paste:`.

use crate::Result;
use crate::runner::head::{Heads, Module, text_of};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const KEPT: &str = "nothing was written";

pub fn help(heads: &Heads) -> String {
    let modules = heads.modules.iter().filter(|one| one.paste.is_some());
    let modules = modules.map(|one| format!("\n  {:<12}  {}", one.name, one.description));
    format!(
        "Copies a module of the library, with the file that it may depend on, into the package in DIR:\n\
         beside its lib.rs or main.rs, or into FOLDER there, such as src/util. Adds the crates that it needs by\n\
         `cargo add`, and prints the next step. Overwrites nothing.\n\nThe modules:{}",
        modules.collect::<String>()
    )
}

pub fn take(root: &Path, heads: &Heads, name: &str, dir: &Path, place: Option<&str>) -> Result<()> {
    let named = |one: &&Module| one.name == name;
    let module = heads.modules.iter().find(named);
    let paste = module.and_then(|one| one.paste.as_ref()).ok_or_else(|| {
        let all = heads.modules.iter().filter(|one| one.paste.is_some());
        let all: Vec<&str> = all.map(|one| one.name.as_str()).collect();
        format!("there is no module {name:?}; there are {}", all.join(", "))
    })?;
    let package = Package::at(dir)?;
    let src = package.root.with_file_name("");
    let folder = match place {
        Some(place) => package.folder.join(place).components().collect(),
        None => src.clone(),
    };
    let parents = modules_between(&src, &folder).ok_or_else(|| {
        let (folder, src) = (folder.display(), src.display());
        format!("{folder}: expected a folder in {src} whose name can be a module's; {KEPT}")
    })?;

    // The paths of the library become those of the package.
    let mut path = format!("{}::", package.name);
    path.extend(parents.iter().flat_map(|parent| [parent, "::"]));
    let taken: Vec<&str> = [name].into_iter().chain(paste.sibling.as_deref()).collect();
    let mut files = Vec::new();
    for one in &taken {
        let file = format!("{one}.rs");
        let source = text_of(root, &format!("src/{file}"))?;
        let text = notice(root, &file)? + &rewritten(&source, &taken, &path);
        let to = folder.join(file);
        if *one != name && fs::read_to_string(&to).is_ok_and(|old| old == text) {
            continue; // another module has brought it
        }
        for path in [&to, &folder.join(one).join("mod.rs")] {
            if path.symlink_metadata().is_ok() {
                return Err(format!("{} already exists; {KEPT}", path.display()).into());
            }
        }
        files.push((to, text));
    }

    package.add(&paste.adds(package.is_library))?;
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (to, text) in files {
        let written = File::create_new(&to).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("{}: {error}", to.display()))?;
        println!("wrote {}", to.display());
    }
    package.say_what_to_declare(&parents, &taken);
    let next = match package.is_library {
        true => format!("test --doc {name}"),
        false => "check".to_string(),
    };
    println!("next: cd {} && cargo {next}", dir.display());
    Ok(())
}

/// The package that is to have the module.
struct Package {
    folder: PathBuf,
    /// The name of its library, or of its program.
    name: String,
    is_library: bool,
    /// Its `lib.rs`, or its `main.rs`.
    root: PathBuf,
}

impl Package {
    fn at(dir: &Path) -> Result<Package> {
        let shown = dir.display();
        let expected = || format!("{shown}: expected a package, with a Cargo.toml; {KEPT}");
        let folder = dir.canonicalize().map_err(|_| expected())?;
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(expected().into());
        }
        let metadata = ["metadata", "--no-deps", "--format-version", "1"];
        let metadata = cargo(&metadata, &manifest).map_err(|error| format!("{shown}: {error}"))?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default()).canonicalize();
        // A workspace has a Cargo.toml, too.
        let is_it = |one: &Value| path(&one["manifest_path"]).is_ok_and(|path| path == manifest);
        let package = list(&metadata["packages"]).into_iter().find(is_it);
        let targets = list(&package.ok_or_else(expected)?["targets"]);
        let library = |one: &&Value| {
            list(&one["kind"])
                .iter()
                .any(|kind| kind == "lib" || kind == "rlib")
        };
        let library = targets.iter().find(library);
        let program = || targets.iter().find(|one| one["kind"][0] == "bin");
        let target = library.or_else(program).ok_or_else(expected)?;
        Ok(Package {
            name: target["name"]
                .as_str()
                .unwrap_or_default()
                .replace('-', "_"),
            is_library: library.is_some(),
            root: path(&target["src_path"])?,
            folder,
        })
    }

    /// Adds these crates, or leaves the `Cargo.toml` as it was.
    fn add(&self, commands: &[&[String]]) -> Result<()> {
        let manifest = self.folder.join("Cargo.toml");
        let before = fs::read(&manifest)?;
        for arguments in commands {
            let words = ["add", "--quiet"]
                .into_iter()
                .chain(arguments.iter().map(String::as_str));
            let command = format!("cargo add {}", arguments.join(" "));
            if let Err(error) = cargo(&words.collect::<Vec<_>>(), &manifest) {
                fs::write(&manifest, before)?;
                return Err(format!("{command}: {error}").into());
            }
            println!("{command}");
        }
        Ok(())
    }

    /// The lines that declare the modules, except for those that are there.
    fn say_what_to_declare(&self, parents: &[&str], taken: &[&str]) {
        let public = if self.is_library { "pub mod" } else { "mod" };
        let declare = |file: &Path, line: String| {
            let text = fs::read_to_string(file).unwrap_or_default();
            if !text.lines().any(|old| old.trim() == line) {
                println!("add to {}: {line}", file.display());
            }
        };
        let mut file = self.root.clone();
        let mut folder = self.root.with_file_name("");
        for parent in parents {
            declare(&file, format!("{public} {parent};"));
            folder.push(parent);
            file = folder.with_extension("rs");
            if !file.exists() {
                file = folder.join("mod.rs");
            }
        }
        for (n, one) in taken.iter().enumerate() {
            declare(
                &file,
                match (n, self.is_library) {
                    (0, true) => format!("pub mod {one};"),
                    // A part of it may be unused: in a program, or of a sibling that two modules share.
                    _ => format!("#[allow(unused)] mod {one};"),
                },
            );
        }
    }
}

/// Runs Cargo for this manifest, and gives what it printed.
fn cargo(arguments: &[&str], manifest: &Path) -> Result<Vec<u8>> {
    let mut cargo = Command::new("cargo");
    let output = cargo
        .args(arguments)
        .arg("--manifest-path")
        .arg(manifest)
        .output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}; {KEPT}", complaint.trim()).into());
    }
    Ok(output.stdout)
}

/// The modules that lead from this folder to that one inside it.
fn modules_between<'a>(from: &Path, to: &'a Path) -> Option<Vec<&'a str>> {
    let is_name = |name: &&str| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        name.chars().all(is_part) && !name.starts_with(|c: char| c.is_numeric())
    };
    let parts = to.strip_prefix(from).ok()?.iter();
    parts.map(|part| part.to_str().filter(is_name)).collect()
}

/// What the license wants at the top of every copy.
fn notice(root: &Path, file: &str) -> Result<String> {
    let mut notice = format!("// From asyncio-to-smol, src/{file}\n//\n");
    for line in text_of(root, "LICENSE-MIT")?.lines() {
        notice += format!("// {line}").trim_end();
        notice.push('\n');
    }
    Ok(notice + "\n")
}

/// The source with `path` before the names of the modules. A link to one that is not taken becomes text.
fn rewritten(source: &str, taken: &[&str], path: &str) -> String {
    let mut text = String::new();
    let mut parts = source.split("](crate::");
    text += parts.next().unwrap_or_default();
    for part in parts {
        let module = part.split([':', ')']).next().unwrap_or_default();
        match (text.rfind('['), part.split_once(')')) {
            (Some(open), Some((_, after))) if !taken.contains(&module) => {
                text.remove(open);
                text += after;
            }
            _ => text += &format!("](crate::{part}"),
        }
    }
    text.replace("crate::", "super::")
        .replace("asyncio_to_smol::", path)
}
