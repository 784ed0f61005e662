//! What the figures depend on: the machine, and the versions.

use std::env;
use std::fs;
use std::process::Command;
use std::thread;

/// Names and values.
pub fn describe() -> Vec<(&'static str, String)> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let command = ["just bench", &arguments.join(" ")].join(" ");
    vec![
        ("command", command.trim_end().to_string()),
        ("date", output("date", &["+%F"])),
        ("machine", machine()),
        ("rustc", output("rustc", &["--version"])),
        ("tokio", locked("tokio")),
        ("asyncio", output("python3", &["--version"])),
        ("Node", output("node", &["--version"])),
        ("C", output("cc", &["--version"])),
    ]
}

fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find(|line| line.starts_with("model name"));
    let model = match model.and_then(|line| line.split_once(": ")) {
        Some((_, model)) => model.to_string(),
        None => output("uname", &["-m"]),
    };
    format!("{cores} cores, {model}, {}", output("uname", &["-sr"]))
}

/// The version in this package's lock file.
fn locked(name: &str) -> String {
    let name = format!("name = \"{name}\"");
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == name);
    let version = lines.next().and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_string()
}

/// The first line that a program prints.
fn output(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let output = String::from_utf8_lossy(&output.stdout);
            output.lines().next().unwrap_or_default().to_string()
        }
        Err(_) => "not installed".to_string(),
    }
}
