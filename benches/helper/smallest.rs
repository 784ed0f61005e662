//! The cost of the smallest programs: crates, build time and bytes.

use measure::{Start, figure};
use std::process::Command;
use std::{env, fs, io};

/// Builds one of the programs in `smallest/` in a new package, as a newcomer would: nothing is built yet, and the
/// settings are Cargo's defaults. The versions are those of this package.
pub fn build(name: &str) -> io::Result<()> {
    let here = env!("CARGO_MANIFEST_DIR");
    let name = name.trim_start_matches("smallest_");
    let dependencies = match name {
        "async_io" => "async-io = '2.6'".to_string(),
        "async_std" => "async-std = '1.13'".to_string(),
        "smol" => "smol = '2.0.2'".to_string(),
        "library" => format!("asyncio-to-smol = {{ path = '{here}/..' }}\nfutures-lite = '2.6'"),
        "tokio_current_thread" => {
            "tokio = { version = '1.54', features = ['rt', 'time'] }".to_string()
        }
        _ => measure::unknown(2),
    };
    let manifest = format!(
        "[package]\nname = 'smallest'\nedition = '2024'\n[workspace]\n[dependencies]\n{dependencies}\n"
    );
    let folder = env::current_exe()?.with_file_name("smallest").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(format!("{here}/Cargo.lock"), folder.join("Cargo.lock"))?;
    fs::copy(
        format!("{here}/smallest/{name}.rs"),
        folder.join("src/main.rs"),
    )?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--offline", "--target-dir", "target"])
        .current_dir(&folder)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS");
    let start = Start::new();
    let output = cargo.output()?;
    let seconds = start.seconds();
    let messages = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let compiled = messages
            .lines()
            .filter(|line| line.trim_start().starts_with("Compiling "));
        figure("crates", compiled.count() as f64 - 1.0); // but for itself
        figure("seconds", seconds);
        let program = folder
            .join("target/release")
            .join(format!("smallest{}", env::consts::EXE_SUFFIX));
        figure("bytes", fs::metadata(program)?.len() as f64);
    }
    fs::remove_dir_all(&folder)?;
    if !output.status.success() {
        return Err(io::Error::other(format!("cargo: {messages}")));
    }
    Ok(())
}
