//! Every program compiles in a package of its own, with exactly the crates that its head names. What it does
//! is the same there: heads.rs plays it.

use crate::common::empty_folder;
use crate::programs;
use crate::runner::head::Program;
use crate::tools::{files, fill, lock, said, share_builds, tool};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Denied in a copy, but not in the library, on which a copy may depend by its path.
const LINTS: &[u8] = b"\n[lints.rust]\nwarnings = \"deny\"\nunused_crate_dependencies = \"deny\"\n";

#[test]
fn every_program_compiles_elsewhere_with_the_crates_it_names() {
    // Programs of one file that need the same crates share the copy of the first one.
    let mut copies = BTreeMap::<_, Vec<Program>>::new();
    for program in programs() {
        let alone = (!program.files.is_empty()).then(|| program.name.clone());
        let copy = copies.entry((alone, program.adds.clone()));
        copy.or_default().push(program);
    }
    for programs in copies.values() {
        check_copy(&programs[0], &programs[1..]);
    }
}

fn check_copy(program: &Program, others: &[Program]) {
    let name = &program.name;
    let fresh = empty_folder("copy");
    let copy = tool(["copy", name, fresh.to_str().unwrap()]);
    assert!(copy.success && copy.stderr.is_empty(), "{name}: {copy:?}");
    assert!(copy.stdout.contains("next: cd "), "{copy:?}");
    let mut copied = files(&fresh);
    let manifest = copied.get_mut(Path::new("Cargo.toml")).unwrap();
    manifest.extend(LINTS);
    let lock = String::from_utf8(lock()).unwrap();
    let own = String::from_utf8_lossy(&copied[Path::new("Cargo.lock")]);
    for package in own.split("[[package]]\n").skip(1) {
        let is_same = package
            .split_once("\nsource")
            .is_none_or(|(it, _)| lock.contains(it));
        assert!(is_same, "{name}: {package}");
    }
    for Program { name, path, .. } in others {
        let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        copied.insert(format!("src/bin/{name}.rs").into(), text);
    }
    let folder = fresh.with_file_name(format!("copy-{name}"));
    fill(&folder, &copied);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--quiet", "--offline"]);
    share_builds(&mut cargo, "tmp/copies-target");
    let said = said(cargo.current_dir(folder));
    assert!(said.success, "the copy of {name}:\n{}", said.stderr);
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = empty_folder("not-empty");
    fs::write(folder.join("mine"), "mine").unwrap();
    let before = files(&folder);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    for (program, taken, reason) in [
        ("hello_smol", path(""), "expected an empty folder, or none"),
        ("hello_smol", path("mine"), "Not a directory (os error 20)"),
    ] {
        let said = tool(["copy", program, &taken]);
        let complaint = format!("{taken}: {reason}; nothing was copied\n");
        assert_eq!((said.success, said.stderr), (false, complaint));
        assert_eq!(files(&folder), before);
    }
}

/// Cargo must know of it there.
#[test]
fn a_copy_inside_a_workspace_says_what_is_to_be_done() {
    let workspace = empty_folder("workspace");
    fs::write(workspace.join("Cargo.toml"), "[workspace]\n").unwrap();
    let copy = workspace.join("inside");
    let said = tool(["copy", "coroutine", copy.to_str().unwrap()]);
    assert!(
        said.success && copy.join("src/main.rs").exists(),
        "{said:?}"
    );
    let complaint = ": copied, but Cargo does not accept it there yet: ";
    assert!(said.stderr.contains(complaint), "{said:?}");
    assert!(said.stderr.contains("`workspace.members`"), "{said:?}");
}
