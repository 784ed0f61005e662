//! `just smoke`: every example to its end, against its transcript; also with other sources of crates.

use crate::Result;
use crate::play::play;
use crate::project::{Example, Project, cargo_metadata, text};
use crate::transcript::Transcript;
use std::env::consts::EXE_SUFFIX;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// The crates of smol-rs, whose versions are printed.
const SMOL_RS: [&str; 16] = [
    "smol",
    "async-channel",
    "async-executor",
    "async-fs",
    "async-io",
    "async-lock",
    "async-net",
    "async-process",
    "async-signal",
    "async-task",
    "blocking",
    "event-listener",
    "event-listener-strategy",
    "fastrand",
    "futures-lite",
    "polling",
];

/// What the command line asks for.
#[derive(Default)]
pub struct Smoke {
    /// The examples, all if none is named.
    pub names: Vec<String>,
    /// Crates to take from a folder.
    pub patches: Vec<(String, PathBuf)>,
    /// The folder with the executables, which are built if there is none.
    pub programs: Option<PathBuf>,
}

impl Smoke {
    /// Runs them, prints a line for each, and returns whether all were as shown.
    pub fn run(&self, project: &Project) -> Result<bool> {
        let examples: Vec<&Example> = if self.names.is_empty() {
            project.examples.iter().collect()
        } else {
            let names = self.names.iter().map(|name| project.example(name));
            names.collect::<Result<_>>()?
        };
        let (patched, _alone);
        let (built, programs) = match &self.programs {
            Some(folder) => (project, folder.clone()),
            None if self.patches.is_empty() => {
                let programs = build(&project.root, &project.target, &examples)?;
                (project, programs)
            }
            None => {
                let target = project.target.join("smoke");
                let root = target.join("checkout");
                fs::create_dir_all(&root)?;
                // Until the end: another one would run what this one builds, and the other way round.
                _alone = lock(&target.join("lock"))?;
                write_patched(project, &root, &self.patches)?;
                let programs = build(&root, &target, &examples)?;
                patched = Project::at(&root)?;
                (&patched, programs)
            }
        };
        let failed = run_all(project, &examples, &programs)?;
        print_versions(built, &self.patches)?;
        Ok(failed == 0)
    }
}

/// Waits until nobody else holds the lock, which is held until the file is closed.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    #[cfg(unix)]
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Builds these examples of the package in `root`. Returns the folder with the executables.
pub fn build(root: &Path, target: &Path, examples: &[&Example]) -> Result<PathBuf> {
    let mut features: Vec<&str> = examples
        .iter()
        .flat_map(|example| example.features.split(','))
        .filter(|feature| !feature.is_empty())
        .collect();
    features.sort_unstable();
    features.dedup();
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--features", &features.join(",")])
        .args(
            examples
                .iter()
                .flat_map(|example| ["--example", &example.name]),
        )
        .arg("--target-dir")
        .arg(target)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() {
        return Ok(target.join("debug/examples"));
    }
    Err("the examples do not build".into())
}

/// The executable of an example.
pub fn program(programs: &Path, example: &Example) -> PathBuf {
    programs.join(format!("{}{EXE_SUFFIX}", example.name))
}

/// Runs them at the same time, prints a line for each, and returns how many have failed.
fn run_all(project: &Project, examples: &[&Example], programs: &Path) -> Result<usize> {
    let mut parts = Vec::new();
    for example in examples {
        let mut transcript = Transcript::of(project, example)?;
        if transcript.greets() {
            // The same with numbers that take a second or two instead of ten, and faster greetings.
            transcript = transcript.paced("0.1", |n| n.saturating_sub(4));
        }
        if example.name == "million_sleepers" {
            // It would take the CPU from the others, whose times are compared.
            transcript = transcript.with_number("1000000", "100000");
        }
        parts.push((*example, transcript, program(programs, example)));
    }
    let begin = Instant::now();
    let mut failed = 0;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for (example, transcript, program) in &parts {
            let sender = sender.clone();
            scope.spawn(move || sender.send((example, play(example, transcript, program))));
        }
        drop(sender);
        for (example, played) in receiver {
            let (name, took) = (&example.name, played.took.as_secs_f64());
            match played.difference {
                None => println!("ok      {name:<20} {took:5.1} s"),
                Some(difference) => {
                    failed += 1;
                    println!("FAILED  {name:<20} {took:5.1} s  {difference}");
                }
            }
        }
    });
    let (all, took) = (parts.len(), begin.elapsed().as_secs_f64());
    println!(
        "\n{} of {all} examples do what their heads show, in {took:.1} s",
        all - failed
    );
    Ok(failed)
}

fn print_versions(project: &Project, patches: &[(String, PathBuf)]) -> Result<()> {
    println!("with these crates of smol-rs:");
    for package in project.locked()? {
        let patch = patches.iter().find(|(name, _)| *name == package.name);
        if patch.is_none() && !SMOL_RS.contains(&package.name.as_str()) {
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

/// A copy of what is built, with these crates from other places: Cargo writes to `Cargo.lock` for that.
fn write_patched(project: &Project, root: &Path, patches: &[(String, PathBuf)]) -> Result<()> {
    for folder in ["src", "examples"] {
        // What is not there any more must not stay.
        sync(&project.root.join(folder), &root.join(folder))?;
    }
    let mut manifest = project.text_of("Cargo.toml")?;
    manifest.push_str("\n[patch.crates-io]\n");
    let locked = project.locked()?;
    let mut versions = Vec::new();
    for (name, path) in patches {
        if !locked.iter().any(|package| package.name == *name) {
            return Err(format!("--patch {name}: no example uses this crate").into());
        }
        let (version, path) = version_and_folder_of(name, path)?;
        versions.push(version);
        manifest.push_str(&format!(
            "{name} = {{ path = {:?} }}\n",
            path.display().to_string()
        ));
    }
    fs::write(root.join("Cargo.toml"), manifest)?;
    fs::write(root.join("Cargo.lock"), project.text_of("Cargo.lock")?)?;
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
    let metadata = cargo_metadata(folder)?;
    let packages = metadata["packages"].as_array();
    let mut packages = packages.into_iter().flatten();
    let package = packages.find(|package| package["name"] == name);
    let package =
        package.ok_or_else(|| format!("{}: expected the crate {name}", folder.display()))?;
    let manifest = PathBuf::from(text(&package["manifest_path"])?);
    let folder = manifest.parent().unwrap_or(folder);
    Ok((text(&package["version"])?, folder.to_path_buf()))
}

/// Makes `to` the same as `from`. What is the same already is not written, for Cargo would compile it
/// again.
fn sync(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            sync(&entry.path(), &to)?;
        } else {
            let content = fs::read(entry.path())?;
            if fs::read(&to).ok().as_ref() != Some(&content) {
                fs::write(&to, content)?;
            }
        }
    }
    Ok(())
}
