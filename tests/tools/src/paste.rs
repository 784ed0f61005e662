//! `just copy NAME DIR` makes a package from one program; `just take MODULE DIR [FOLDER]` copies a module of the
//! library into an existing package. Both add the crates that the heads name under `Paste:`.

use crate::runner::head::{Heads, Program, text_of};
use crate::smoke::locked;
use crate::{Result, cargo, packages};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const KEPT: &str = "nothing was written";

/// The manifest of a copy, before its crates are added. The profile keeps fib as fast as in the example.
const MANIFEST: &str = "version = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.85\"\n\
    license = \"MIT OR Apache-2.0\"\npublish = false\n\n[dependencies]\n\n\
    [profile.dev]\nopt-level = 1\n\n[profile.dev.package.\"*\"]\nopt-level = 0\n";

/// Makes the package. `folder` must be empty or must not exist.
pub fn copy(root: &Path, program: &Program, folder: &Path) -> Result<()> {
    let shown = folder.display();
    let kept = |reason: &str| Err(format!("{shown}: {reason}; nothing was copied").into());
    match fs::read_dir(folder).map(|mut entries| entries.next()) {
        Ok(None) => {}
        Ok(Some(_)) => return kept("expected an empty folder, or none"),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return kept(&error.to_string()),
    }
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        let created = fs::create_dir_all(path.parent().unwrap_or(folder));
        let written = created.and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("{}: {error}", path.display()))
    };
    write("src/main.rs", &text_of(root, &program.path)?)?;
    let own = format!("{}.rs", program.name);
    let chapter = program.path.trim_end_matches(&own);
    for file in &program.files {
        // A file of another chapter keeps its chapter's folder: `#[path]` finds it beside `src`.
        let (from, to) = match file.contains('/') {
            true => ("examples/", ""),
            false => (chapter, "src/"),
        };
        let text = text_of(root, &format!("{from}{file}"))?;
        write(&format!("{to}{file}"), &text)?;
    }
    write(".gitignore", "/target\n")?;
    let (name, description) = (&program.name, toml::Value::from(&*program.description));
    let manifest = format!("[package]\nname = \"{name}\"\ndescription = {description}\n");
    // An outer workspace would refuse the package before all crates are added.
    let alone = "\n[workspace]\n";
    write("Cargo.toml", &[&manifest, MANIFEST, alone].concat())?;
    let locked = locked(root)?;
    for add in &program.adds {
        let (crates, options) = add.split_at(add.find(" --").unwrap_or(add.len()));
        let with_version = |name: &str| match locked.get(name) {
            Some(version) if !options.starts_with(" --path") => format!("{name}@{version}"),
            _ => name.to_string(),
        };
        let crates: Vec<String> = crates.split(' ').map(with_version).collect();
        let add = |option| format!("add {option} {}{options}", crates.join(" "));
        // The network is only needed for a crate that is not downloaded yet.
        cargo(folder, &add("--offline")).or_else(|_| cargo(folder, &add("--quiet")))?;
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    write("Cargo.toml", &manifest.replace(alone, ""))?;
    // The same versions as here. Cargo removes the packages that are not needed, also at each `cargo add`.
    write("Cargo.lock", &text_of(root, "Cargo.lock")?)?;
    // It may be inside a workspace, which must list it as a member.
    match packages(folder) {
        Ok(_) => println!("{shown}: a new package; next: cd {shown} && cargo run"),
        Err(error) => eprintln!("{shown}: copied, but Cargo does not accept it there yet: {error}"),
    }
    Ok(())
}

pub const COPY_HELP: &str =
    "Makes a new Cargo package in DIR from one program. `just` lists the programs.";
pub const TAKE_HELP: &str = "\
Copies a module of the library, and the file that it may depend on, into the package in DIR: beside its
lib.rs or main.rs, or into FOLDER, such as src/util. Adds the crates that it needs with `cargo add`, and
prints the next steps. Overwrites nothing.

The modules:";

/// Copies the module. `place` is the folder, if one is given.
pub fn take(root: &Path, heads: &Heads, name: &str, dir: &Path, place: &[&str]) -> Result<()> {
    let Some(module) = heads.modules.iter().find(|one| one.name == name) else {
        let all: Vec<&str> = heads.modules.iter().map(|one| &*one.name).collect();
        return Err(format!("there is no module {name:?}; there are {}", all.join(", ")).into());
    };
    let (package, is_library, file) = target(dir)?;
    let src = file.with_file_name("");
    let mut folder = src.clone();
    if let [place] = place {
        folder = dir.canonicalize()?.join(place).components().collect();
    }
    let parents = modules_between(&src, &folder).ok_or_else(|| {
        let (folder, src) = (folder.display(), src.display());
        format!("{folder}: expected a folder in {src} whose name can be a module's; {KEPT}")
    })?;
    // The paths of the library become those of the package.
    let path = [&[&*package], &*parents, &[""]].concat().join("::");
    let siblings = module.files.iter().map(|file| file.trim_end_matches(".rs"));
    let taken: Vec<&str> = [name].into_iter().chain(siblings).collect();
    let mut files = Vec::new();
    for one in &taken {
        let (from, to) = (format!("src/{one}.rs"), folder.join(format!("{one}.rs")));
        let text = notice(root, &from)? + &rewritten(&text_of(root, &from)?, &taken, &path);
        if *one != name && fs::read_to_string(&to).is_ok_and(|old| old == text) {
            continue; // copied earlier, with another module
        }
        for path in [&to, &folder.join(one).join("mod.rs")] {
            if path.symlink_metadata().is_ok() {
                return Err(format!("{} already exists; {KEPT}", path.display()).into());
            }
        }
        files.push((to, text));
    }
    let manifest = dir.join("Cargo.toml");
    let before = fs::read(&manifest)?;
    // The doc examples of a module run only in a library.
    let is_needed = |add: &&String| is_library || !add.contains("--dev ");
    for add in module.adds.iter().filter(is_needed) {
        if let Err(error) = cargo(dir, &format!("add --quiet {add}")) {
            fs::write(&manifest, before)?;
            return Err(format!("cargo add {add}: {error}; {KEPT}").into());
        }
        println!("cargo add {add}");
    }
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (to, text) in files {
        let written = File::create_new(&to).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("{}: {error}", to.display()))?;
        println!("wrote {}", to.display());
    }
    say_what_to_declare(file, is_library, &parents, &taken);
    let test = format!("test --doc {name}");
    let next = if is_library { &test } else { "check" };
    println!("next: cd {} && cargo {next}", dir.display());
    Ok(())
}

/// The name of the package in paths, whether it is a library, and its `lib.rs` or `main.rs`.
fn target(dir: &Path) -> Result<(String, bool, PathBuf)> {
    let shown = dir.display();
    let expected = || format!("{shown}: expected a package, with a Cargo.toml; {KEPT}");
    let manifest = dir.join("Cargo.toml").canonicalize();
    let manifest = manifest.map_err(|_| expected())?;
    let packages = packages(dir).map_err(|error| format!("{shown}: {error}; {KEPT}"))?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
    let path = |value: &Value, key: &str| Path::new(&text(value, key)).canonicalize();
    // A workspace has a Cargo.toml, too.
    let is_it = |one: &&Value| path(one, "manifest_path").is_ok_and(|path| path == manifest);
    let targets = &packages.iter().find(is_it).ok_or_else(expected)?["targets"];
    let kind = |one: &&Value| match one["kind"][0].as_str() {
        Some("bin") => 1,
        Some("example" | "test" | "bench" | "custom-build") | None => 2,
        _ => 0,
    };
    let target = targets.as_array().into_iter().flatten().min_by_key(kind);
    let target = target.filter(|one| kind(one) < 2).ok_or_else(expected)?;
    let (name, file) = (text(target, "name"), path(target, "src_path")?);
    Ok((name.replace('-', "_"), kind(&target) == 0, file))
}

/// Prints the lines that declare the modules, except for those that exist already.
fn say_what_to_declare(mut file: PathBuf, is_library: bool, parents: &[&str], taken: &[&str]) {
    let say = |file: &Path, line: String| {
        let text = fs::read_to_string(file).unwrap_or_default();
        if !text.lines().any(|old| old.trim() == line) {
            println!("add to {}: {line}", file.display());
        }
    };
    let public = if is_library { "pub mod" } else { "mod" };
    let mut folder = file.with_file_name("");
    for parent in parents {
        say(&file, format!("{public} {parent};"));
        folder.push(parent);
        file = folder.with_extension("rs");
        if !file.exists() {
            file = folder.join("mod.rs");
        }
    }
    // Part of it may be unused: in a program, or in a sibling that two modules share.
    let private = "#[allow(unused)] mod";
    for (n, one) in taken.iter().enumerate() {
        let module = [private, public][usize::from(n == 0 && is_library)];
        say(&file, format!("{module} {one};"));
    }
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

/// The notice that the license requires at the top of every copy.
fn notice(root: &Path, file: &str) -> Result<String> {
    let license = text_of(root, "LICENSE-MIT")?;
    let notice = format!("\nFrom asyncio-to-smol, {file}\n\n{license}");
    let notice = notice.trim_end().replace('\n', "\n// ");
    let notice = notice.replace("// \n", "//\n");
    Ok(notice[1..].to_string() + "\n\n")
}

/// The source with `path` before the names of the modules. A link to one that is not taken becomes text.
fn rewritten(source: &str, taken: &[&str], path: &str) -> String {
    let mut parts = source.split("](crate::");
    let mut text = parts.next().unwrap_or_default().to_string();
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
    text = text.replace("crate::", "super::");
    text.replace("asyncio_to_smol::", path)
}
