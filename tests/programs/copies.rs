//! Every program, copied into a package of its own: it compiles there, with exactly the crates that it
//! names, and does the same.

use crate::programs;
use crate::runner::head::Program;
use crate::tools::{Said, empty_folder, files, fill, said, tool};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of each of these programs, in a folder of this name.
fn copy_all(programs: &[Program], folder: &str) -> PathBuf {
    let fresh = empty_folder(&format!("{folder}-fresh"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    for Program { name, .. } in programs {
        let copy = fresh.join(name);
        let said = tool(["copy".as_ref(), name.as_ref(), copy.as_os_str()]);
        assert!(said.success && said.stderr.is_empty(), "{name}: {said:?}");
        assert!(said.stdout.contains("next: cd "), "{name}: {said:?}");
        fill(&folder.join(name), &files(&copy));
    }
    folder
}

#[test]
fn every_program_compiles_elsewhere_with_the_crates_it_names_and_does_the_same() {
    let programs = programs();
    let copies = copy_all(&programs, "copies");
    let target = copies.with_file_name("copies-target");
    for program in &programs {
        build(program, &copies.join(&program.name), &target);
    }
    let executables = target.join("debug");
    let arguments = ["smoke", "--programs", executables.to_str().unwrap()];
    let names = programs.iter().map(|program| program.name.as_str());
    let said = tool(arguments.into_iter().chain(names));
    assert!(said.success, "{}\n{}", said.stdout, said.stderr);
}

/// Builds the copy, without the network, and panics if a crate or a file is missing or not needed, or if
/// there is any warning.
fn build(program: &Program, copy: &Path, target: &Path) {
    let name = &program.name;
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
            // Says which crates are not used.
            .env("RUSTFLAGS", "-Wunused_crate_dependencies")
            // They are not debugged.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0"),
    );
    for message in stdout.lines() {
        let message: Value = serde_json::from_str(message).unwrap();
        // Not those of the library, which a program may depend on by its path.
        if message["reason"] == "compiler-message" && message["target"]["kind"][0] == "bin" {
            panic!("the copy of {name}:\n{}", message["message"]["rendered"]);
        }
    }
    assert!(success, "the copy of {name} does not build");
    let sources = files(copy).into_values().map(String::from_utf8);
    let sources: String = sources.map(Result::unwrap).collect();
    for file in &program.files {
        let module = Path::new(file).file_stem().unwrap().to_str().unwrap();
        assert!(
            sources.contains(&format!("\nmod {module};")),
            "{name} does not need {file}"
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
    let complaint = "there is no program \"nothing\"; `just` lists the programs\n";
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
            .contains(": copied, but Cargo does not accept it there yet: "),
        "{said:?}"
    );
    assert!(said.stderr.contains("`workspace.members`"), "{said:?}");
}
