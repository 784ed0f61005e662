//! Every module of the library, taken alone into a package of another name: it compiles there without a
//! warning, its examples pass, and the links of its documentation lead somewhere.

use crate::tools::{Said, empty_folder, files, fill, said, tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A new package with an empty `src/{root}`.
fn package(name: &str, edition: u32, root: &str) -> PathBuf {
    let folder = empty_folder(&format!("take-{name}"));
    fs::create_dir(folder.join("src")).unwrap();
    let text = if root == "main.rs" {
        "fn main() {}\n"
    } else {
        ""
    };
    fs::write(folder.join("src").join(root), text).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"{edition}\"\n\n[dependencies]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    folder
}

fn take(module: &str, package: &Path, place: &[&str]) -> Said {
    let words = ["take", module, package.to_str().unwrap()];
    tool(words.iter().chain(place))
}

/// Takes the module, and does what the command says is to be done.
fn take_and_declare(module: &str, package: &Path, place: &[&str]) -> Said {
    let said = take(module, package, place);
    assert!(said.success && said.stderr.is_empty(), "{module}: {said:?}");
    for line in said.stdout.lines() {
        let Some((file, declaration)) = line
            .strip_prefix("add to ")
            .and_then(|to| to.split_once(": "))
        else {
            continue;
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        fs::write(file, format!("{text}{declaration}\n")).unwrap();
    }
    said
}

/// Runs Cargo there, without the network, and with the versions that are tested here.
fn cargo(package: &Path, arguments: &[&str]) {
    let lock = package.join("Cargo.lock");
    if !lock.exists() {
        fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"),
            lock,
        )
        .unwrap();
    }
    let said = said(
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--quiet", "--offline", "--target-dir"])
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("takes-target"))
            .current_dir(package)
            .env("RUSTFLAGS", "-Dwarnings")
            .env("RUSTDOCFLAGS", "-Dwarnings")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0"),
    );
    let shown = package.display();
    assert!(
        said.success,
        "cargo {arguments:?} in {shown}:\n{}{}",
        said.stdout, said.stderr
    );
}

/// The modules that `just take --help` lists.
fn modules() -> Vec<String> {
    let said = tool(["take", "--help"]);
    assert!(said.success, "{said:?}");
    let lines = said
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  "));
    let names = lines.map(|line| line.split(' ').next().unwrap().to_string());
    names.collect()
}

#[test]
fn every_module_works_alone_in_a_package_of_each_edition() {
    let modules = modules();
    assert!(modules.len() > 5, "{modules:?}");
    for (edition, place, path) in [(2021, &["src/util"][..], "util::"), (2024, &[][..], "")] {
        let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("taken-{edition}"));
        for module in &modules {
            let name = format!("my-{module}-{edition}");
            let fresh = package(&name, edition, "lib.rs");
            let said = take_and_declare(module, &fresh, place);
            let next = format!(
                "next: cd {} && cargo test --doc {module}\n",
                fresh.display()
            );
            assert!(said.stdout.ends_with(&next), "{said:?}");
            let source = files(&fresh.join("src")).into_values().flatten();
            let source = String::from_utf8(source.collect()).unwrap();
            let path = format!("use {}::{path}{module}", name.replace('-', "_"));
            assert!(source.contains(&path), "{module}: no {path}");
            assert!(!source.contains("asyncio_to_smol"), "{module}");
            assert!(source.contains("// The above copyright notice"), "{module}");

            fill(&workspace.join(&name), &files(&fresh));
        }
        // One after the other: together they would have each other's features.
        let manifest = "[workspace]\nmembers = [\"my-*\"]\nresolver = \"2\"\n";
        fs::write(workspace.join("Cargo.toml"), manifest).unwrap();
        for module in &modules {
            cargo(
                &workspace,
                &["check", "-p", &format!("my-{module}-{edition}")],
            );
        }
        cargo(&workspace, &["test", "--doc"]);
        cargo(&workspace, &["doc", "--no-deps"]);
    }
}

/// Where not all of it is used.
#[test]
fn a_program_takes_modules_without_a_warning() {
    let package = package("program", 2024, "main.rs");
    for module in modules() {
        let said = take_and_declare(&module, &package, &[]);
        assert!(said.stdout.ends_with(" && cargo check\n"), "{said:?}");
    }
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("dev-dependencies"), "{manifest}");
    cargo(&package, &["check"]);
}

#[test]
fn what_is_there_already_stays_as_it_is() {
    let package = package("mine", 2024, "lib.rs");
    let util = package.join("src/util");
    fs::create_dir_all(util.join("ticker")).unwrap();
    fs::write(util.join("timeout.rs"), "mine").unwrap();
    fs::write(util.join("ticker/mod.rs"), "mine").unwrap();
    let before = files(&package);
    for (module, in_the_way) in [("timeout", "timeout.rs"), ("ticker", "ticker/mod.rs")] {
        let said = take(module, &package, &["src/util"]);
        let in_the_way = util.join(in_the_way);
        let expected = format!(
            "{} already exists; nothing was written\n",
            in_the_way.display()
        );
        assert_eq!((said.success, said.stderr), (false, expected));
        assert_eq!(files(&package), before);
    }
}

#[test]
fn a_wrong_word_is_told_what_was_expected() {
    let package = package("wrong", 2024, "lib.rs");
    let folder = package.to_str().unwrap();
    let (src, nothing) = (format!("{folder}/src"), format!("{folder}/nothing"));
    let no_package = "expected a package, with a Cargo.toml; nothing was written\n";
    let no_module = format!(
        "there is no module \"x\"; there are {}\n",
        modules().join(", ")
    );
    let before = files(&package);
    for (words, complaint) in [
        (&["timeout"][..], "usage: just take MODULE DIR [FOLDER]\n"),
        (
            &["timeout", folder, "src", "x"],
            "usage: just take MODULE DIR [FOLDER]\n",
        ),
        (&["x", folder], &no_module),
        (&["timeout", &src], &format!("{src}: {no_package}")),
        (&["timeout", &nothing], &format!("{nothing}: {no_package}")),
        (
            &["timeout", folder, "tests"],
            &format!("{folder}/tests: expected a folder in {src}/ whose name can be a module's"),
        ),
        (
            &["timeout", folder, "src/a-b"],
            &format!("{src}/a-b: expected a folder in {src}/ whose name can be a module's"),
        ),
    ] {
        let said = tool([&["take"], words].concat());
        assert!(!said.success && said.stdout.is_empty(), "{said:?}");
        assert!(
            said.stderr.starts_with(complaint),
            "{said:?}\nexpected: {complaint}"
        );
        assert_eq!(files(&package), before);
    }
}

/// A crate that cannot be added, here since the manifest has it from a folder that is not there.
#[test]
fn without_its_crates_a_module_is_not_written() {
    let package = package("without", 2024, "lib.rs");
    let manifest = package.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap() + "async-io = { path = \"nothing\" }\n";
    fs::write(&manifest, text).unwrap();
    let before = files(&package);
    let said = take("timeout", &package, &[]);
    assert!(
        !said.success && said.stderr.starts_with("cargo add "),
        "{said:?}"
    );
    assert!(said.stderr.ends_with("; nothing was written\n"), "{said:?}");
    assert_eq!(files(&package), before);
}
