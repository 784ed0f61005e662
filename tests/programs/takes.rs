//! Every module of the library, taken into a package of another name: it compiles there without a warning, its
//! examples pass, and the links of its documentation lead somewhere.

use crate::common::empty_folder;
use crate::tools::{Said, files, fill, lock, said, share_builds, tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A new package with an empty `src/{root}`.
fn package(name: &str, edition: u32, root: &str) -> PathBuf {
    let folder = empty_folder(&format!("take-{name}"));
    fs::create_dir(folder.join("src")).unwrap();
    let text = ["", "fn main() {}\n"][usize::from(root == "main.rs")];
    fs::write(folder.join("src").join(root), text).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"{edition}\"\n\n\
         [lints.rust]\nwarnings = \"deny\"\n\n[dependencies]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    folder
}

fn take(module: &str, package: &Path, place: &[&str]) -> Said {
    tool([&["take", module, package.to_str().unwrap()], place].concat())
}

/// Takes the module, and declares it as the command says. Returns what is then to be done.
fn take_and_declare(module: &str, package: &Path, place: &[&str]) -> String {
    let said = take(module, package, place);
    assert!(said.success && said.stderr.is_empty(), "{module}: {said:?}");
    let lines = said.stdout.lines();
    let to_add = lines.filter_map(|line| line.strip_prefix("add to ")?.split_once(": "));
    for (file, declaration) in to_add {
        let text = fs::read_to_string(file).unwrap_or_default();
        fs::write(file, format!("{text}{declaration}\n")).unwrap();
    }
    said.stdout.lines().last().unwrap().to_string()
}

fn cargo(package: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--quiet", "--offline"]);
    share_builds(&mut cargo, "tmp/takes-target");
    let said = said(cargo.current_dir(package));
    assert!(
        said.success,
        "{arguments:?} in {package:?}:\n{}{}",
        said.stdout, said.stderr
    );
}

fn modules() -> Vec<String> {
    let said = tool(["take", "--help"]);
    let lines = said.stdout.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
    lines.map(|(name, _)| name.to_string()).collect()
}

#[test]
fn every_module_works_alone() {
    let modules = modules();
    assert!(modules.len() > 5, "{modules:?}");
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (workspace, passed) = (tmp.join("taken"), tmp.join("taken-passed"));
    let compiler = said(Command::new("rustc").arg("-V")).stdout;
    let mut taken = Vec::new();
    for (module, in_folder) in modules.iter().zip([true, false].into_iter().cycle()) {
        let name = format!("my-{module}");
        let fresh = package(&name, 2024, "lib.rs");
        let place = if in_folder { &["src/util"][..] } else { &[] };
        let next = take_and_declare(module, &fresh, place);
        let expected = format!("next: cd {} && cargo test --doc {module}", fresh.display());
        assert_eq!(next, expected);
        let source: Vec<u8> = files(&fresh.join("src")).into_values().flatten().collect();
        let source = String::from_utf8(source).unwrap();
        let path = if in_folder { "util::" } else { "" };
        let path = format!("use my_{module}::{path}{module}");
        assert!(source.contains(&path), "{module}: no {path}");
        assert!(!source.contains("asyncio_to_smol"), "{module}");
        assert!(source.contains("// The above copyright notice"), "{module}");
        let copied = files(&fresh);
        fill(&workspace.join(&name), &copied);
        taken.push((name, copied));
    }
    let manifest = "[workspace]\nmembers = [\"my-*\"]\nresolver = \"2\"\n";
    fs::write(workspace.join("Cargo.toml"), manifest).unwrap();
    fs::write(workspace.join("Cargo.lock"), lock()).unwrap();
    cargo(&workspace, &["doc", "--no-deps"]);
    for (name, mut state) in taken {
        // Not with the other packages, whose features it would have.
        cargo(&workspace, &["check", "-p", &name]);
        // Cargo compiles doc examples each time. They run only if anything has changed since they passed.
        state.insert("Cargo.lock".into(), lock());
        state.insert("compiler".into(), compiler.clone().into());
        let passed = passed.join(&name);
        if files(&passed) != state {
            cargo(&workspace, &["test", "--doc", "-p", &name]);
            fill(&passed, &state);
        }
    }
}

/// All modules, in edition 2021, in a program that uses none of them.
#[test]
fn a_program_takes_modules_without_a_warning() {
    let fresh = package("program", 2021, "main.rs");
    for module in modules() {
        let next = take_and_declare(&module, &fresh, &["src/util"]);
        assert!(next.ends_with(" && cargo check"), "{next:?}");
    }
    let manifest = fs::read_to_string(fresh.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("dev-dependencies"), "{manifest}");
    let mut copied = files(&fresh);
    copied.insert("Cargo.lock".into(), lock());
    let package = fresh.with_file_name("taken-program");
    fill(&package, &copied);
    cargo(&package, &["check"]);
}

/// A wrong word, a module that exists already, and a crate that cannot be added (the manifest has it from a folder
/// that does not exist).
#[test]
fn nothing_is_written_if_something_is_wrong() {
    let package = package("mine", 2024, "lib.rs");
    let (folder, manifest) = (package.to_str().unwrap(), package.join("Cargo.toml"));
    let mine = |path: &str| package.join("src/u").join(path);
    fs::create_dir_all(mine("ticker")).unwrap();
    fs::write(mine("timeout.rs"), "mine").unwrap();
    fs::write(mine("ticker/mod.rs"), "mine").unwrap();
    let text = fs::read_to_string(&manifest).unwrap() + "async-io = { path = \"nothing\" }\n";
    fs::write(&manifest, text).unwrap();
    let before = files(&package);
    let usage = "usage: just take MODULE DIR [FOLDER]\n";
    let no_package = "expected a package, with a Cargo.toml; nothing was written\n";
    let no_folder = "expected a folder in PKG/src/ whose name can be a module's";
    let exists = |file: &str| format!("PKG/src/u/{file} already exists; nothing was written\n");
    let modules = modules().join(", ");
    let no_module = format!("there is no module \"x\"; there are {modules}\n");
    for (words, complaint) in [
        ("timeout", usage),
        ("timeout PKG src x", usage),
        ("x PKG", &no_module),
        ("timeout PKG/src", &format!("PKG/src: {no_package}")),
        ("timeout PKG/new", &format!("PKG/new: {no_package}")),
        ("timeout PKG tests", &format!("PKG/tests: {no_folder}")),
        ("timeout PKG src/a-b", &format!("PKG/src/a-b: {no_folder}")),
        ("timeout PKG src/u", &exists("timeout.rs")),
        ("ticker PKG src/u", &exists("ticker/mod.rs")),
        ("timeout PKG", "cargo add "),
    ] {
        let [words, complaint] = [words, complaint].map(|text| text.replace("PKG", folder));
        let said = tool(["take"].into_iter().chain(words.split(' ')));
        assert!(!said.success && said.stdout.is_empty(), "{said:?}");
        assert!(said.stderr.starts_with(&complaint), "{said:?}, {complaint}");
        assert_eq!(files(&package), before);
    }
}
