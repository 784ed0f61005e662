//! `just smoke`: runs every program to its end and compares it with its transcript, also with patched crates.

use crate::runner::head::{Heads, Program, text_of};
use crate::runner::play::{Transcript, play};
use crate::runner::process::Running;
use crate::{Result, cargo, contents::examples, packages};
use serde_json::json;
use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

pub const USAGE: &str = "\
usage: just smoke [NAME…] [--patch CRATE=DIR]… [--update | --minimal]
  --patch CRATE=DIR  uses the crate in this folder
  --update           uses the newest compatible version of every crate
  --minimal          uses the lowest version of each crate in Cargo.toml that it allows";

/// It sleeps for 2 s, and needs no CPU meanwhile.
const IDLE: &str = "await_sleep";

/// The crates of smol-rs, whose versions are printed.
const SMOL_RS: &str = "smol async-channel async-executor async-fs async-io async-lock async-net \
    async-process async-signal async-task blocking event-listener event-listener-strategy fastrand \
    futures-lite polling";

/// Runs the programs that are named, or all, prints a line for each, and fails if one is not as shown.
pub fn smoke(root: &Path, heads: &Heads, from: &Path, words: &[&str]) -> Result<ExitCode> {
    let (mut programs, mut patches, mut folder) = (Vec::new(), BTreeMap::new(), None);
    let mut versions = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--patch" => {
                let patch = words.next().ok_or(USAGE)?;
                let (name, folder) = patch.split_once('=').unwrap_or_default();
                if name.is_empty() || folder.is_empty() {
                    return Err(format!("--patch {patch}: expected CRATE=DIR").into());
                }
                let folder = from.join(folder).canonicalize();
                let folder = folder.map_err(|error| format!("--patch {patch}: {error}"))?;
                if patches.insert(name, folder).is_some() {
                    return Err(format!("--patch {name}: given twice").into());
                }
            }
            "--update" => versions = Some("update --quiet"),
            "--minimal" => versions = Some("generate-lockfile --quiet -Zdirect-minimal-versions"),
            // The folder of the executables, for the tests.
            "--programs" => folder = words.next().map(|folder| from.join(folder)),
            word if word.starts_with('-') => {
                return Err(format!("{word:?} is not expected; {USAGE}").into());
            }
            name => programs.push(heads.program(name)?),
        }
    }
    if programs.is_empty() {
        programs = heads.programs().filter(|one| one.is_played).collect();
    }
    let (mut checkout, mut _alone) = (root.to_path_buf(), None);
    let folder = match folder {
        Some(folder) => folder,
        None if patches.is_empty() && versions.is_none() => build(root, &target(root), &programs)?,
        None => {
            let target = target(root).join("smoke");
            checkout = target.join("checkout");
            fs::create_dir_all(checkout.join(".cargo"))?;
            // Held until the end: two such runs share one folder, and would run each other's builds.
            let lock = File::create(target.join("lock"))?;
            #[cfg(unix)]
            rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
            _alone = Some(lock);
            write_patched(root, heads, &checkout, &patches, versions)?;
            build(&checkout, &target, &programs)?
        }
    };
    let mut is_good = run_all(&programs, &folder);
    if programs.iter().any(|program| program.name == IDLE) {
        is_good &= is_idle(&executable(&folder, IDLE))?;
    }
    println!("with these crates of smol-rs:");
    for (name, version) in locked(&checkout)? {
        let place = patches.get(&*name);
        let place = place.map(|folder| format!("  from {}", folder.display()));
        if place.is_some() || SMOL_RS.split_whitespace().any(|one| one == name) {
            println!("  {name:<24} {version}{}", place.unwrap_or_default());
        }
    }
    Ok(ExitCode::from(u8::from(!is_good)))
}

/// Cargo's target folder for this project.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// Builds these programs. Returns the folder with the executables.
pub fn build(root: &Path, target: &Path, programs: &[&Program]) -> Result<PathBuf> {
    let folder = target.join("debug/examples");
    let is_new = |one: &&&Program| !executable(&folder, &one.name).exists();
    let new = programs.iter().filter(is_new).count();
    if new > 0 {
        eprintln!("compiling {new} of the programs, with their dependencies");
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--target-dir"]).arg(target);
    for program in programs {
        cargo.args(["--example", &program.name]);
        cargo.args(["--features", &program.features().join(",")]);
    }
    let status = cargo.current_dir(root).status();
    match status.map_err(|error| format!("cargo: {error}"))?.success() {
        true => Ok(folder),
        false => Err("the programs do not build".into()),
    }
}

pub fn executable(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{EXE_SUFFIX}"))
}

/// Runs them concurrently, prints a line for each, and returns whether all were as shown.
fn run_all(programs: &[&Program], folder: &Path) -> bool {
    let (begin, good) = (Instant::now(), AtomicUsize::new(0));
    let run = |program: &Program| {
        let (name, begin) = (&program.name, Instant::now());
        let (_, result) = play(&Transcript::for_tests(program), &executable(folder, name));
        let took = begin.elapsed().as_secs_f64();
        if let Err(difference) = result {
            return println!("FAILED  {name:<20} {took:5.1} s  {difference}");
        }
        good.fetch_add(1, Ordering::Relaxed);
        println!("ok      {name:<20} {took:5.1} s");
    };
    thread::scope(|scope| {
        for program in programs {
            scope.spawn(|| run(program));
        }
    });
    let (all, good) = (programs.len(), good.load(Ordering::Relaxed));
    let took = begin.elapsed().as_secs_f64();
    println!("\n{good} of {all} programs do what their heads show, in {took:.1} s");
    good == all
}

/// Whether the program leaves the CPU to others while it sleeps, as far as Linux reports it.
fn is_idle(program: &Path) -> Result<bool> {
    let mut running = Running::start(Command::new(program).stdin(Stdio::null()))?;
    while running.stdout.recv().is_ok() {}
    let seconds = running.begin.elapsed().as_secs_f64();
    // It has printed its last line, and is not reaped yet.
    let cpu = running.cpu().unwrap_or_default().as_secs_f64();
    running.child.wait()?;
    let is_idle = cpu < seconds / 10.0;
    let word = if is_idle { "ok    " } else { "FAILED" };
    println!("{word}  {IDLE:<20} used {cpu:.2} s of CPU in {seconds:.1} s, most of them asleep");
    Ok(is_idle)
}

/// The versions of the packages in `Cargo.lock`; of several with one name, the newest.
pub fn locked(root: &Path) -> Result<BTreeMap<String, String>> {
    let lock = text_of(root, "Cargo.lock")?;
    let packages = lock.split("[[package]]\nname = \"").skip(1);
    let packages = packages.filter_map(|package| {
        let mut parts = package.split('"');
        Some((parts.next()?.to_string(), parts.nth(1)?.to_string()))
    });
    Ok(packages.collect())
}

/// Writes a package of the same sources with these crates patched, and with the versions that this command of
/// Cargo chooses. It is a copy, since Cargo writes to its `Cargo.lock`.
fn write_patched(
    root: &Path,
    heads: &Heads,
    checkout: &Path,
    patches: &BTreeMap<&str, PathBuf>,
    choose: Option<&str>,
) -> Result<()> {
    let begin = format!("{}/", root.display());
    let library = json!({"path": format!("{begin}src/lib.rs")});
    let mut rest = json!({"example": examples(heads, &begin), "lib": library});
    let locked = locked(root)?;
    let mut versions = Vec::new();
    for (name, folder) in patches {
        if !locked.contains_key(*name) {
            return Err(format!("--patch {name}: no program uses this crate").into());
        }
        let shown = folder.display();
        let packages = packages(folder).map_err(|error| format!("{shown}: {error}"))?;
        // The folder may be a workspace.
        let package = packages.iter().find(|package| package["name"] == **name);
        let package = package.ok_or_else(|| format!("{shown}: expected the crate {name}"))?;
        let text = |key| package[key].as_str().unwrap_or_default();
        let folder = Path::new(text("manifest_path")).with_file_name("");
        rest["patch"]["crates-io"][name] = json!({"path": folder.to_string_lossy()});
        versions.push((name, text("version").to_string(), folder));
    }
    let text = text_of(root, "Cargo.toml")?;
    let (own, _) = text.split_once("[[example]]").unwrap_or((&text, ""));
    let manifest = own.to_string() + &toml::to_string(&rest)?;
    fs::write(checkout.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), checkout.join("Cargo.lock"))?;
    // What is not patched is not built again (since Rust 1.91).
    let config = toml::to_string(&json!({"build": {"build-dir": target(root).to_string_lossy()}}))?;
    fs::write(checkout.join(".cargo/config.toml"), config)?;
    if let Some(command) = choose {
        cargo(checkout, command)?;
    }
    for (name, version, folder) in versions {
        // Without this, Cargo keeps the locked version and ignores the patch.
        let update = |option| format!("update {option} {name} --precise {version}");
        // The network is only needed for a dependency that is not downloaded yet.
        let updated = cargo(checkout, &update("--offline"));
        let updated = updated.or_else(|_| cargo(checkout, &update("--quiet")));
        let folder = folder.display();
        updated.map_err(|error| format!("{name} {version} from {folder}: Cargo says {error}"))?;
    }
    Ok(())
}
