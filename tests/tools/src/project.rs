//! The project these commands work on: what `Cargo.toml` and `Cargo.lock` say of it.

use crate::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package, its chapters and its examples.
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Where Cargo puts what it builds.
    pub target: PathBuf,
    pub edition: String,
    pub rust_version: String,
    pub license: String,
    pub chapters: Vec<Chapter>,
    /// In the order of `Cargo.toml`.
    pub examples: Vec<Example>,
    pub dependencies: Vec<Dependency>,
    /// `[package.metadata]`.
    pub metadata: Value,
}

pub struct Chapter {
    pub number: u64,
    pub title: String,
    pub folder: String,
}

pub struct Example {
    pub name: String,
    /// From the root of the project, with `/`.
    pub path: String,
    pub chapter: u64,
    pub article: String,
    pub description: String,
    /// The features it requires, with commas.
    pub features: String,
    /// The names of asyncio that it answers.
    pub asyncio: Vec<String>,
    /// The names of Node.js that it answers.
    pub node: Vec<String>,
}

/// A crate that the project depends on, from all its declarations.
#[derive(Clone, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    pub has_default_features: bool,
    /// All that are asked for anywhere in the project.
    pub features: Vec<String>,
    /// `cfg(unix)`, for one that is needed there only.
    pub target: Option<String>,
}

impl Project {
    /// Reads the project that this tool belongs to.
    pub fn read() -> Result<Project> {
        Project::at(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")))
    }

    /// Reads the project in this folder.
    pub fn at(root: &Path) -> Result<Project> {
        let root = root
            .canonicalize()
            .map_err(|error| format!("{}: {error}", root.display()))?;
        let metadata = cargo_metadata(&root)?;
        let package = &metadata["packages"][0];
        let about = &package["metadata"];
        let chapters = items(&about["chapter"]).map(|(number, chapter)| {
            Ok(Chapter {
                number: number.parse()?,
                title: text(&chapter["title"])?,
                folder: text(&chapter["folder"])?,
            })
        });
        let mut chapters: Vec<Chapter> = chapters.collect::<Result<_>>()?;
        chapters.sort_by_key(|chapter| chapter.number);
        let is_example = |target: &&Value| target["kind"][0] == "example";
        let examples = list(&package["targets"]).filter(is_example);
        let examples = examples.map(|target| {
            let name = text(&target["name"])?;
            let path = PathBuf::from(text(&target["src_path"])?);
            let path = path.strip_prefix(&root)?;
            let about = &about["example"][&name];
            Ok(Example {
                path: path.to_string_lossy().replace('\\', "/"),
                chapter: about["chapter"]
                    .as_u64()
                    .ok_or_else(|| format!("Cargo.toml: {name} has no chapter"))?,
                article: text(&about["article"])?,
                description: text(&about["description"])?,
                features: texts(&target["required-features"])?.join(","),
                asyncio: texts(&about["asyncio"])?,
                node: texts(&about["node"])?,
                name,
            })
        });
        Ok(Project {
            examples: examples.collect::<Result<_>>()?,
            chapters,
            dependencies: dependencies(package)?,
            target: PathBuf::from(text(&metadata["target_directory"])?),
            edition: text(&package["edition"])?,
            rust_version: text(&package["rust_version"])?,
            license: text(&package["license"])?,
            metadata: about.clone(),
            root,
        })
    }

    /// The example with this name.
    pub fn example(&self, name: &str) -> Result<&Example> {
        let example = self.examples.iter().find(|example| example.name == name);
        Ok(example
            .ok_or_else(|| format!("there is no example {name:?}; `just` lists the examples"))?)
    }

    /// The text of a file of the project.
    pub fn text_of(&self, path: &str) -> Result<String> {
        let text = fs::read_to_string(self.root.join(path));
        Ok(text.map_err(|error| format!("{path}: {error}"))?)
    }

    /// The versions in `Cargo.lock`.
    pub fn locked(&self) -> Result<Vec<Locked>> {
        let lock = self.text_of("Cargo.lock")?;
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
}

/// A package in `Cargo.lock`.
pub struct Locked {
    pub name: String,
    pub version: String,
    /// And not from a folder.
    pub is_from_registry: bool,
}

/// What `cargo metadata` says of the package in this folder.
pub fn cargo_metadata(folder: &Path) -> Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: cargo metadata: {}", folder.display(), complaint.trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// One a crate and target, however often it is declared, by name.
fn dependencies(package: &Value) -> Result<Vec<Dependency>> {
    let mut found: BTreeMap<(String, Option<String>), Dependency> = BTreeMap::new();
    for declared in list(&package["dependencies"]) {
        let name = text(&declared["name"])?;
        let target = declared["target"].as_str().map(str::to_string);
        let key = (name.clone(), target.clone());
        let dependency = found.entry(key).or_insert(Dependency {
            name,
            has_default_features: false,
            features: Vec::new(),
            target,
        });
        dependency.has_default_features |= declared["uses_default_features"] == true;
        dependency.features.extend(texts(&declared["features"])?);
    }
    // `rustix/net` in a feature of the project.
    let of_features = items(&package["features"]).map(|(_, asked)| texts(asked));
    for asked in of_features.collect::<Result<Vec<_>>>()?.concat() {
        if let Some((name, feature)) = asked.split_once('/') {
            let of_this_name = found.values_mut().filter(|one| one.name == name);
            of_this_name.for_each(|one| one.features.push(feature.to_string()));
        }
    }
    let mut found: Vec<Dependency> = found.into_values().collect();
    for dependency in &mut found {
        dependency.features.sort();
        dependency.features.dedup();
    }
    Ok(found)
}

/// The text in a value of JSON.
pub fn text(value: &Value) -> Result<String> {
    let text = value.as_str();
    Ok(text
        .ok_or_else(|| format!("{value} in Cargo.toml's metadata: expected a text"))?
        .into())
}

/// The texts in a list, which may be missing.
pub fn texts(value: &Value) -> Result<Vec<String>> {
    list(value).map(text).collect()
}

/// The values in a list, which may be missing.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The entries of a table, which may be missing.
pub fn items(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
