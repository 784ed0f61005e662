//! Every example, copied into a package of its own: it compiles there, with exactly the crates that it
//! names, and does the same.

use crate::common::{features, package};
use crate::tools::{Said, empty_folder, files, fill, said, tool};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The examples that can be built with the features that this test has been built with.
fn examples() -> Vec<String> {
    let features = features();
    let has = |feature: &Value| features.split(',').any(|one| *feature == one);
    let package = package();
    let targets = package["targets"].as_array().unwrap().iter();
    let examples = targets.filter(|target| {
        let mut required = target["required-features"].as_array().into_iter().flatten();
        target["kind"][0] == "example" && required.all(has)
    });
    examples
        .map(|example| example["name"].as_str().unwrap().to_string())
        .collect()
}

/// A copy of each of these examples, in a folder of this name.
fn copy_all(names: &[String], folder: &str) -> PathBuf {
    let fresh = empty_folder(&format!("{folder}-fresh"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    for name in names {
        let said = tool(["copy".as_ref(), name.as_ref(), fresh.join(name).as_os_str()]);
        assert!(said.success && said.stderr.is_empty(), "{name}: {said:?}");
        fill(&folder.join(name), &files(&fresh.join(name)));
    }
    folder
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
    // In how many targets (the program, and the library if there is one) each crate is not used.
    let mut unused: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &messages {
        let text = message["message"]["message"].as_str().unwrap();
        if message["message"]["code"]["code"] == "unused_crate_dependencies" {
            *unused.entry(text.split('`').nth(1).unwrap()).or_default() += 1;
        } else {
            let whole = message["message"]["rendered"].as_str().unwrap_or(text);
            panic!("the copy of {name} does not compile without a word:\n{whole}");
        }
    }
    assert!(success, "the copy of {name} does not build");
    let targets = 1 + usize::from(copy.join("src/lib.rs").exists());
    unused.retain(|_, count| *count == targets);
    let not_needed: Vec<&str> = unused.into_keys().collect();
    assert_eq!(
        not_needed, [""; 0],
        "the copy of {name} lists crates that it does not need"
    );
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
