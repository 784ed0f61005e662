//! Every example, copied into a package of its own: it compiles there, with exactly the crates that it
//! names, and does the same.

use crate::common::{command_and_transcript, head};
use crate::tools::{Said, empty_folder, said, tool};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The examples that can be built with the features that this test has been built with.
fn examples() -> Vec<String> {
    let mut names = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let chapters = fs::read_dir(folder)
        .unwrap()
        .map(|chapter| chapter.unwrap());
    for chapter in chapters.filter(|chapter| chapter.path().is_dir()) {
        for file in fs::read_dir(chapter.path()).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            if !text.starts_with("//!") || !text.contains("\n//! Ports: ") {
                continue; // a page, or a file that programs share
            }
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            let head = head(&text);
            let (command, _) = command_and_transcript(&name, &head);
            let needs = |feature: &str| command.contains(feature);
            if (cfg!(feature = "redis") || !needs("redis"))
                && (cfg!(feature = "http") || !needs("http"))
            {
                names.push(name);
            }
        }
    }
    names.sort();
    names
}

/// A copy of each of these examples, in a folder of this name. What is the same as in an earlier run is not written, for Cargo
/// would compile it again.
fn copy_all(names: &[String], folder: &str) -> PathBuf {
    let fresh = empty_folder(&format!("{folder}-fresh"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    for name in names {
        let said = tool(["copy".as_ref(), name.as_ref(), fresh.join(name).as_os_str()]);
        assert!(said.success && said.stderr.is_empty(), "{name}: {said:?}");
        let copy = folder.join(name);
        let (old, new) = (files(&copy), files(&fresh.join(name)));
        for path in old.keys().filter(|path| !new.contains_key(*path)) {
            fs::remove_file(copy.join(path)).unwrap();
        }
        for (path, text) in &new {
            if old.get(path) != Some(text) {
                let path = copy.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
    }
    folder
}

/// The files in this folder and in those inside it, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_example_compiles_elsewhere_with_the_crates_it_names_and_does_the_same() {
    let names = examples();
    let copies = copy_all(&names, "copies");
    let target = copies.with_file_name("copies-target");
    for name in &names {
        build(name, &copies.join(name), &target);
    }
    let programs = target.join("debug");
    let arguments = ["smoke", "--programs", programs.to_str().unwrap()];
    let said = tool(
        arguments
            .into_iter()
            .chain(names.iter().map(String::as_str)),
    );
    assert!(said.success, "{}\n{}", said.stdout, said.stderr);
}

/// Builds the copy, without the network, and panics if a crate is missing or not needed, or if there is
/// any warning.
fn build(name: &str, copy: &Path, target: &Path) {
    let Said {
        success, stdout, ..
    } = said(
        Command::new(env!("CARGO"))
            .args([
                "build",
                "--offline",
                "--message-format",
                "json",
                "--target-dir",
            ])
            .arg(target)
            .current_dir(copy)
            // Says of each target which crates it does not use.
            .env("RUSTFLAGS", "-Wunused_crate_dependencies")
            // Nobody will debug these.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0"),
    );
    let messages = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages: Vec<Value> = messages
        .filter(|message| message["reason"] == "compiler-message")
        .collect();
    // The crates that each target (the program, and the library if there is one) does not use.
    let mut unused: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in &messages {
        let text = message["message"]["message"].as_str().unwrap();
        if message["message"]["code"]["code"] == "unused_crate_dependencies" {
            let target = message["target"]["kind"][0].as_str().unwrap().to_string();
            let of_target = unused.entry(target).or_default();
            of_target.extend(text.split('`').nth(1).map(str::to_string));
        } else {
            let whole = message["message"]["rendered"].as_str().unwrap_or(text);
            panic!("the copy of {name} does not compile without a word:\n{whole}");
        }
    }
    assert!(success, "the copy of {name} does not build");
    if !copy.join("src/lib.rs").exists() {
        unused.insert(
            "lib".to_string(),
            unused.get("bin").cloned().unwrap_or_default(),
        );
    }
    let (bin, lib) = (unused.get("bin"), unused.get("lib"));
    if let (Some(bin), Some(lib)) = (bin, lib) {
        let not_needed: Vec<&String> = bin.intersection(lib).collect();
        assert_eq!(
            not_needed, [""; 0],
            "the copy of {name} lists crates that it does not need"
        );
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = empty_folder("not-empty");
    fs::write(folder.join("mine"), "mine").unwrap();
    for (taken, reason) in [
        (folder.clone(), "expected an empty folder, or none"),
        (folder.join("mine"), "Not a directory (os error 20)"),
    ] {
        let said = tool(["copy".as_ref(), "hello_smol".as_ref(), taken.as_os_str()]);
        let complaint = format!("{}: {reason}; nothing was copied\n", taken.display());
        assert_eq!((said.success, said.stderr), (false, complaint));
    }
    assert_eq!(
        files(&folder).into_keys().collect::<Vec<_>>(),
        [Path::new("mine")]
    );

    let said = tool([
        "copy".as_ref(),
        "nothing".as_ref(),
        folder.join("new").as_os_str(),
    ]);
    let complaint = "there is no example \"nothing\"; `just` lists the examples\n";
    assert_eq!((said.success, said.stderr.as_str()), (false, complaint));
    assert!(!folder.join("new").exists());
}

/// Cargo wants to be told of it there.
#[test]
fn a_copy_inside_a_workspace_says_what_is_to_be_done() {
    let workspace = empty_folder("workspace");
    fs::write(workspace.join("Cargo.toml"), "[workspace]\n").unwrap();
    let copy = workspace.join("inside");
    let said = tool(["copy".as_ref(), "coroutine".as_ref(), copy.as_os_str()]);
    assert!(
        said.success && copy.join("src/main.rs").exists(),
        "{said:?}"
    );
    assert!(
        said.stderr
            .starts_with("copied, but Cargo does not take it there yet: "),
        "{said:?}"
    );
    assert!(said.stderr.contains("`workspace.members`"), "{said:?}");
}

/// One that has a part of the library, whose pages link the other parts.
#[test]
fn the_documentation_of_a_copy_has_no_warnings() {
    let copy = copy_all(&["gather".to_string()], "documented").join("gather");
    let said = said(
        Command::new(env!("CARGO"))
            .args(["doc", "--quiet", "--offline", "--no-deps", "--lib"])
            .arg("--target-dir")
            .arg(copy.with_file_name("target"))
            .current_dir(&copy)
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    );
    assert!(said.success && said.stderr.is_empty(), "{}", said.stderr);
}
