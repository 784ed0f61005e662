//! `just take MODULE DIR [FOLDER]`: a module of the library into a package that is there already, with what
//! its head names under `Paste:`.

use crate::Result;
use crate::runner::head::{Heads, Module, text_of};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// How the library is named in the examples of its documentation.
const HERE: &str = "asyncio_to_smol";

pub fn help(heads: &Heads) -> String {
    let modules = heads.modules.iter().filter(|one| one.paste.is_some());
    let modules = modules.map(|one| format!("\n  {:<12}  {}", one.name, one.description));
    format!(
        "Copies a module of the library, and the one file that it may need beside it, into the package in DIR:\n\
         beside its lib.rs or main.rs, or into FOLDER there, such as src/util. Adds the crates that it needs by\n\
         `cargo add`, and says what to do next. Overwrites nothing.\n\nThe modules:{}",
        modules.collect::<String>()
    )
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

pub fn take(root: &Path, heads: &Heads, name: &str, dir: &Path, place: Option<&str>) -> Result<()> {
    let module = module(heads, name)?;
    let package = Package::at(dir)?;
    let mut folder = package.root.with_file_name("");
    let beside_root = folder.clone();
    if let Some(place) = place {
        folder = package.folder.join(place).components().collect();
    }
    let modules = modules_between(&beside_root, &folder).ok_or_else(|| {
        let (place, src) = (folder.display(), beside_root.display());
        format!(
            "{place}: expected a folder in {src} whose name can be a module's; nothing was written"
        )
    })?;

    // The paths of the library become those of the package.
    let path = [&[package.name.clone()], modules.as_slice()].concat();
    let path = path.join("::");
    let mut files = Vec::new();
    let taken = [Some(name), module.sibling.as_deref()];
    for one in taken.into_iter().flatten() {
        let file = format!("{one}.rs");
        let source = text_of(root, &format!("src/{file}"))?;
        let text = notice(root, &file)? + &rewritten(&source, &taken, &path);
        let to = folder.join(file);
        // Another module may have brought the same sibling.
        let is_there = one != name && fs::read_to_string(&to).is_ok_and(|old| old == text);
        if !is_there {
            for path in [&to, &folder.join(one).join("mod.rs")] {
                if path.symlink_metadata().is_ok() {
                    let path = path.display();
                    return Err(format!("{path} is there already; nothing was written").into());
                }
            }
        }
        files.push((one, to, text, is_there));
    }

    package.add(module.adds(package.is_library))?;
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (_, to, text, is_there) in &files {
        let shown = to.display();
        if *is_there {
            println!("{shown} is there already, the same");
            continue;
        }
        let written = File::create_new(to).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("{shown}: {error}"))?;
        println!("wrote {shown}");
    }
    let added = files.iter().map(|(one, ..)| *one);
    let lines = package.declarations(&modules, added, name);
    if !lines.is_empty() {
        println!("now add{lines}");
    }
    let (shown, library) = (dir.display(), format!("test --doc {name}"));
    let next = if package.is_library {
        &library
    } else {
        "check"
    };
    println!("next: cd {shown} && cargo {next}");
    Ok(())
}

fn module<'a>(heads: &'a Heads, name: &str) -> Result<&'a crate::runner::head::Paste> {
    let found = heads.modules.iter().find(|module| module.name == name);
    if let Some(paste) = found.and_then(|module| module.paste.as_ref()) {
        return Ok(paste);
    }
    let takeable = heads.modules.iter().filter(|module| module.paste.is_some());
    let names: Vec<&str> = takeable
        .map(|module: &Module| module.name.as_str())
        .collect();
    Err(format!(
        "there is no module {name:?}; there are {}",
        names.join(", ")
    )
    .into())
}

impl Package {
    fn at(dir: &Path) -> Result<Package> {
        let shown = dir.display();
        let expected =
            format!("{shown}: expected a package, with a Cargo.toml; nothing was written");
        let folder = dir.canonicalize().map_err(|_| expected.as_str())?;
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(expected.into());
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = cargo.arg("--manifest-path").arg(&manifest).output()?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{shown}: {}; nothing was written", complaint.trim()).into());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default()).canonicalize();
        let is_it = |one: &&Value| path(&one["manifest_path"]).is_ok_and(|path| path == manifest);
        // A workspace has a Cargo.toml, too.
        let package = metadata["packages"]
            .as_array()
            .and_then(|all| all.iter().find(is_it));
        let targets = package.and_then(|package| package["targets"].as_array());
        let targets = targets.ok_or(expected.as_str())?;
        let of_kind = |kinds: &[&str]| {
            let is_one = |kind: &Value| kind.as_str().is_some_and(|kind| kinds.contains(&kind));
            let kinds_of = |target: &&Value| target["kind"].as_array().cloned().unwrap_or_default();
            targets
                .iter()
                .find(|target| kinds_of(target).iter().any(is_one))
        };
        let library = of_kind(&["lib", "rlib", "dylib", "cdylib", "staticlib"]);
        let target = library.or_else(|| of_kind(&["bin"])).ok_or(expected)?;
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
    fn add(&self, commands: Vec<&[String]>) -> Result<()> {
        let manifest = self.folder.join("Cargo.toml");
        let before = fs::read(&manifest)?;
        for arguments in &commands {
            let mut cargo = Command::new("cargo");
            cargo
                .args(["add", "--quiet", "--manifest-path"])
                .arg(&manifest);
            let output = cargo.args(*arguments).output()?;
            if !output.status.success() {
                fs::write(&manifest, before)?;
                let complaint = String::from_utf8_lossy(&output.stderr).trim().to_string();
                let command = arguments.join(" ");
                return Err(
                    format!("cargo add {command}: {complaint}; nothing was written").into(),
                );
            }
        }
        for arguments in commands {
            println!("cargo add {}", arguments.join(" "));
        }
        Ok(())
    }

    /// The lines that declare the modules, except for those that are there.
    fn declarations<'a>(
        &self,
        path: &[String],
        files: impl Iterator<Item = &'a str>,
        taken: &str,
    ) -> String {
        let public = if self.is_library { "pub mod" } else { "mod" };
        let mut lines = String::new();
        let mut declare = |file: &Path, comment: &str, line: String| {
            let text = fs::read_to_string(file).unwrap_or_default();
            if !text.lines().any(|old| old.trim().ends_with(&line)) {
                lines += &format!("\n  to {}: {comment}{line}", file.display());
            }
        };
        let mut file = self.root.clone();
        let mut folder = self.root.with_file_name("");
        for module in path {
            declare(&file, "", format!("{public} {module};"));
            folder.push(module);
            let by_name = folder.with_extension("rs");
            file = if by_name.exists() {
                by_name
            } else {
                folder.join("mod.rs")
            };
        }
        for one in files {
            // Of a sibling there may be a part that only another module uses; of a module in a program, too.
            let unused = if self.is_library && one == taken {
                ""
            } else {
                "#[allow(unused)] "
            };
            let public = if one == taken { public } else { "mod" };
            declare(&file, unused, format!("{public} {one};"));
        }
        lines
    }
}

/// The modules that lead from this folder to that one inside it.
fn modules_between(from: &Path, to: &Path) -> Option<Vec<String>> {
    let is_name = |name: &str| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        name.chars().all(is_part) && !name.starts_with(|c: char| c.is_numeric())
    };
    let name = |part: Component| match part {
        Component::Normal(name) => name
            .to_str()
            .filter(|name| is_name(name))
            .map(str::to_string),
        _ => None,
    };
    to.strip_prefix(from).ok()?.components().map(name).collect()
}

/// What the license wants at the top of every copy.
fn notice(root: &Path, file: &str) -> Result<String> {
    let manifest = text_of(root, "Cargo.toml")?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "));
    let version = version
        .ok_or("Cargo.toml: expected a version")?
        .trim_matches('"');
    let mut notice = format!("// From asyncio-to-smol {version}, src/{file}\n//\n");
    for line in text_of(root, "LICENSE-MIT")?.lines() {
        notice += format!("// {line}").trim_end();
        notice.push('\n');
    }
    Ok(notice + "\n")
}

/// The source with its paths as they are in the module at `path`. A link to a module that is not taken is
/// text.
fn rewritten(source: &str, taken: &[Option<&str>], path: &str) -> String {
    let mut text = String::new();
    let mut parts = source.split("](crate::");
    text += parts.next().unwrap_or_default();
    for part in parts {
        let module = part.split([':', ')']).next();
        match (text.rfind('['), part.split_once(')')) {
            (Some(open), Some((_, after))) if !taken.contains(&module) => {
                text.remove(open);
                text += after;
            }
            _ => text += &format!("](crate::{part}"),
        }
    }
    text.replace("crate::", "super::")
        .replace(&format!("{HERE}::"), &format!("{path}::"))
}
