//! `just smoke`: every program to its end, against its transcript; also with other sources of crates.

use crate::Result;
use crate::runner::head::{Heads, Program, text_of};
use crate::runner::play::play;
use crate::runner::transcript::Transcript;
use serde_json::Value;
use std::env::consts::EXE_SUFFIX;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// The crates of smol-rs, whose versions are printed.
const SMOL_RS: &str = "smol async-channel async-executor async-fs async-io async-lock async-net \
    async-process async-signal async-task blocking event-listener event-listener-strategy fastrand \
    futures-lite polling";

/// What the command line asks for.
#[derive(Default)]
pub struct Smoke {
    /// The programs, all if none is named.
    pub names: Vec<String>,
    /// Crates to take from a folder.
    pub patches: Vec<(String, PathBuf)>,
    /// The folder with the executables, which are built if there is none.
    pub programs: Option<PathBuf>,
}

impl Smoke {
    /// Runs them, prints a line for each, and returns whether all were as shown.
    pub fn run(&self, root: &Path, heads: &Heads) -> Result<bool> {
        let programs: Vec<&Program> = if self.names.is_empty() {
            heads.programs().collect()
        } else {
            let names = self.names.iter().map(|name| heads.program(name));
            names.collect::<std::result::Result<_, _>>()?
        };
        let mut _alone;
        let (built, folder) = match &self.programs {
            Some(folder) => (root.to_path_buf(), folder.clone()),
            None if self.patches.is_empty() => (root.to_path_buf(), build(root, &programs)?),
            None => {
                let target = target(root).join("smoke");
                let checkout = target.join("checkout");
                fs::create_dir_all(&checkout)?;
                // Until the end: another one would run what this one builds, and the other way round.
                _alone = lock(&target.join("lock"))?;
                write_patched(root, &checkout, &self.patches)?;
                let folder = build_in(&checkout, &target, &programs)?;
                (checkout, folder)
            }
        };
        let is_as_shown = run_all(&programs, &folder);
        print_versions(&built, &self.patches)?;
        Ok(is_as_shown)
    }
}

/// Waits until no other process holds the lock, which is held until the file is closed.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    #[cfg(unix)]
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Where Cargo puts what it builds here.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Builds these programs. Returns the folder with the executables.
pub fn build(root: &Path, programs: &[&Program]) -> Result<PathBuf> {
    build_in(root, &target(root), programs)
}

fn build_in(root: &Path, target: &Path, programs: &[&Program]) -> Result<PathBuf> {
    let features = programs.iter().flat_map(|program| &program.features);
    let features: Vec<&str> = features.map(String::as_str).collect();
    let folder = target.join("debug/examples");
    let is_new = |program: &&&Program| !executable(&folder, &program.name).exists();
    match programs.iter().filter(is_new).count() {
        0 => {}
        new => eprintln!("compiling {new} of the programs, with their dependencies"),
    }
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--features", &features.join(",")])
        .args(
            programs
                .iter()
                .flat_map(|program| ["--example", &program.name]),
        )
        .arg("--target-dir")
        .arg(target)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() {
        return Ok(folder);
    }
    Err("the programs do not build".into())
}

/// The executable of a program.
pub fn executable(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{EXE_SUFFIX}"))
}

/// Runs them at the same time, prints a line for each, and returns whether all were as shown.
fn run_all(programs: &[&Program], folder: &Path) -> bool {
    let begin = Instant::now();
    let mut failed = 0;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for program in programs {
            let (sender, name) = (sender.clone(), &program.name);
            scope.spawn(move || {
                let transcript = Transcript::for_tests(program);
                sender.send((name, play(name, &transcript, &executable(folder, name))))
            });
        }
        drop(sender);
        for (name, played) in receiver {
            let took = played.took.as_secs_f64();
            match played.difference {
                None => println!("ok      {name:<20} {took:5.1} s"),
                Some(difference) => {
                    failed += 1;
                    println!("FAILED  {name:<20} {took:5.1} s  {difference}");
                }
            }
        }
    });
    let (all, took) = (programs.len(), begin.elapsed().as_secs_f64());
    let good = all - failed;
    println!("\n{good} of {all} programs do what their heads show, in {took:.1} s");
    failed == 0
}

/// A package in `Cargo.lock`.
pub struct Locked {
    pub name: String,
    pub version: String,
    /// And not from a folder.
    is_from_registry: bool,
}

/// The packages in `Cargo.lock`.
pub fn locked(root: &Path) -> Result<Vec<Locked>> {
    let lock = text_of(root, "Cargo.lock")?;
    let packages = lock.split("[[package]]").skip(1);
    let packages = packages.map(|package| {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim_matches('"').to_string())
        };
        Ok(Locked {
            name: value("name = ").ok_or("Cargo.lock: a package without a name")?,
            version: value("version = ").ok_or("Cargo.lock: a package without a version")?,
            is_from_registry: value("source = ").is_some(),
        })
    });
    packages.collect()
}

fn print_versions(root: &Path, patches: &[(String, PathBuf)]) -> Result<()> {
    println!("with these crates of smol-rs:");
    for package in locked(root)? {
        let patch = patches.iter().find(|(name, _)| *name == package.name);
        if patch.is_none() && !SMOL_RS.split_whitespace().any(|name| name == package.name) {
            continue;
        }
        let place = patch.filter(|_| !package.is_from_registry);
        let place = place.map_or(String::new(), |(_, path)| {
            format!("  from {}", path.display())
        });
        println!("  {:<24} {}{place}", package.name, package.version);
    }
    Ok(())
}

/// A package of the same sources, with these crates from other places: Cargo writes to `Cargo.lock` for that.
fn write_patched(from: &Path, root: &Path, patches: &[(String, PathBuf)]) -> Result<()> {
    let folder = |name: &str| format!("path = {:?}", from.join(name).display().to_string());
    let library = folder("src/lib.rs");
    let examples = folder("examples/");
    let mut manifest = text_of(from, "Cargo.toml")?
        .replace("path = \"examples/", examples.trim_end_matches('"'))
        .replacen(
            "
[dependencies]
",
            &format!(
                "
[lib]
{library}

[dependencies]
"
            ),
            1,
        );
    manifest.push_str("\n[patch.crates-io]\n");
    let locked = locked(from)?;
    let mut versions = Vec::new();
    for (name, path) in patches {
        if !locked.iter().any(|package| package.name == *name) {
            return Err(format!("--patch {name}: no program uses this crate").into());
        }
        let (version, path) = version_and_folder_of(name, path)?;
        versions.push(version);
        manifest.push_str(&format!(
            "{name} = {{ path = {:?} }}\n",
            path.display().to_string()
        ));
    }
    fs::write(root.join("Cargo.toml"), manifest)?;
    fs::write(root.join("Cargo.lock"), text_of(from, "Cargo.lock")?)?;
    for ((name, path), version) in patches.iter().zip(versions) {
        // Cargo does not take another version than the one it knows by itself.
        let update = |more: &[&str]| {
            let mut cargo = Command::new("cargo");
            cargo.args(["update", "--quiet", name, "--precise", &version]);
            cargo.args(more).current_dir(root).output()
        };
        // The network is for a crate that needs one which is not here yet.
        let mut output = update(&["--offline"]);
        if !output.as_ref().is_ok_and(|output| output.status.success()) {
            output = update(&[]);
        }
        let output = output.map_err(|error| format!("cargo: {error}"))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let path = path.display();
            return Err(format!("{name} {version} from {path}: Cargo says {complaint}").into());
        }
    }
    Ok(())
}

/// The version of the crate with this name, and its folder: this one, or one of the workspace in it.
fn version_and_folder_of(name: &str, folder: &Path) -> Result<(String, PathBuf)> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == name);
    let text = |key: &str| package.and_then(|package| package[key].as_str());
    let (Some(version), Some(manifest)) = (text("version"), text("manifest_path")) else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{}{}: expected the crate {name}",
            complaint,
            folder.display()
        )
        .into());
    };
    Ok((version.to_string(), Path::new(manifest).with_file_name("")))
}
