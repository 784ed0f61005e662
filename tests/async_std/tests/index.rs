//! The index *From async-std* has a row for every public item of async-std, and no row for anything else.
//!
//! rustdoc says what is public: a parser of the source would have to know async-std's `cfg` macros and
//! glob imports. Its pages are read as text, since its JSON is not stable. What only the other system has
//! (`os::unix`, `os::windows`) comes from the source.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whose methods need a row each. Methods of other types may have one.
const METHODS: [&str; 8] = [
    "io::BufReadExt",
    "io::ReadExt",
    "io::SeekExt",
    "io::WriteExt",
    "path::Path",
    "path::PathBuf",
    "prelude::FutureExt",
    "stream::StreamExt",
];

/// The index begins below this line of `examples/README.md`.
const MARK: &str = "<!-- by hand: From async-std -->";

type Names = BTreeSet<String>;

#[test]
fn every_item_of_async_std_has_a_row_and_every_row_an_item() {
    let rows: Names = rows().into_iter().map(|row| row.item).collect();
    let AsyncStd { required, others } = async_std();
    let mut wrong = Vec::new();
    for item in required.difference(&rows) {
        wrong.push(format!("no row: {item}"));
    }
    for item in &rows {
        if !required.contains(item) && !others.contains(item) {
            wrong.push(format!("no such item in async-std: {item}"));
        }
    }
    assert!(wrong.is_empty(), "From async-std:\n{}", wrong.join("\n"));
}

#[test]
fn rows_are_complete_and_in_the_table_of_their_module() {
    let rows = rows();
    let modules: Names = rows.iter().map(|row| row.module.clone()).collect();
    let mut seen = Names::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let item = &row.item;
        let [in_its_place, _] = &row.cells[..] else {
            wrong.push(format!("not three columns: {item}"));
            continue;
        };
        if in_its_place.is_empty() {
            wrong.push(format!("no answer: {item}"));
        }
        if !seen.insert(item.clone()) {
            wrong.push(format!("two rows: {item}"));
        }
        let inside = modules.iter().filter(|module| {
            let rest = item.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest.starts_with("::"))
        });
        let module = inside.max_by_key(|module| module.len());
        if module.map_or("async_std", String::as_str) != row.module {
            wrong.push(format!("in the table of {}: {item}", row.module));
        }
    }
    assert!(wrong.is_empty(), "From async-std:\n{}", wrong.join("\n"));
}

// ---------------------------------------------------------------------------------------------
// The index

struct Row {
    /// The heading above it.
    module: String,
    item: String,
    /// The columns after the first one.
    cells: Vec<String>,
}

fn rows() -> Vec<Row> {
    let mut module = String::new();
    let mut rows = Vec::new();
    for line in index().lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            module = heading.trim_end_matches('`').to_string();
        }
        let Some((item, cells)) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once("` |"))
        else {
            continue;
        };
        // Each cell ends with a bar; one inside a cell has a backslash before it.
        let cells = cells.replace(r"\|", "or");
        let cells = cells.split_terminator('|');
        rows.push(Row {
            module: module.clone(),
            item: item.to_string(),
            cells: cells.map(|cell| cell.trim().to_string()).collect(),
        });
    }
    assert!(!rows.is_empty(), "From async-std: no rows");
    rows
}

fn index() -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let contents = read(&examples.join("README.md"));
    match contents.split_once(&format!("\n{MARK}\n")) {
        Some((_, index)) => index.to_string(),
        None => read(&examples.join("20_async_std/index.part.md")),
    }
}

// ---------------------------------------------------------------------------------------------
// async-std

struct AsyncStd {
    /// What must have a row.
    required: Names,
    /// What may have one: methods of types.
    others: Names,
}

fn async_std() -> AsyncStd {
    let docs = document();
    let (mut required, pages) = items(&docs);
    required.extend(reexports(&docs));
    let mut others = Names::new();
    for (item, page) in pages {
        let kind = page.rsplit('/').next().unwrap_or_default();
        if !["struct.", "enum.", "trait."]
            .map(|of| kind.starts_with(of))
            .contains(&true)
        {
            continue;
        }
        let names = if METHODS.contains(&item.as_str()) {
            &mut required
        } else {
            &mut others
        };
        let methods = methods(&read(&docs.join(page)));
        names.extend(methods.iter().map(|method| format!("{item}::{method}")));
    }
    let other_system = if cfg!(windows) { "unix" } else { "windows" };
    required.extend(of_other_system(other_system));
    AsyncStd { required, others }
}

/// Runs rustdoc, and returns the folder of its pages.
fn document() -> PathBuf {
    // Beside what this test is built from, so that the dependencies are fetched and some of them built.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let target = target.expect("Cargo's tmp is in its target folder");
    let package = ["doc", "--package", "async-std", "--no-deps", "--quiet"];
    cargo(&[&package[..], &["--target-dir", text(target)]].concat());
    target.join("doc/async_std")
}

/// All items with their pages.
fn items(docs: &Path) -> (Names, BTreeMap<String, String>) {
    let page = read(&docs.join("all.html"));
    let mut pages = BTreeMap::new();
    for link in page.split("<li><a href=\"").skip(1) {
        let (page, rest) = link.split_once("\">").expect("a link ends");
        let (item, _) = rest.split_once("</a>").expect("a link ends");
        // The others lead to the headings of this page.
        if page.ends_with(".html") {
            pages.insert(item.to_string(), page.to_string());
        }
    }
    assert!(pages.len() > 200, "all.html is not as expected: {pages:?}");
    (pages.keys().cloned().collect(), pages)
}

/// What a module re-exports without a page of its own, as `prelude` does.
fn reexports(docs: &Path) -> Names {
    let mut names = Names::new();
    for page in files(docs).filter(|path| path.ends_with("index.html")) {
        let module = page
            .parent()
            .and_then(|folder| folder.strip_prefix(docs).ok());
        let module = text(module.expect("files are in the folder")).replace(['/', '\\'], "::");
        let page = read(&page);
        let Some((_, list)) = page.split_once("id=\"reexports\"") else {
            continue;
        };
        let list = list.split("<h2").next().unwrap_or_default();
        for statement in without_tags(list).split("pub use ").skip(1) {
            let (path, _) = statement.split_once(';').expect("a statement ends");
            let path = path.trim_end_matches(" as _");
            let name = path.rsplit("::").next().unwrap_or_default();
            names.insert(format!("{module}::{}", name.trim()));
        }
    }
    assert!(
        names.contains("prelude::Stream"),
        "index.html is not as expected: {names:?}"
    );
    names
}

/// The methods of a type itself, or that a trait declares.
fn methods(page: &str) -> Names {
    // What comes from `Deref`, from traits, and from implementors is not its own.
    let not_its_own = [
        "deref-methods",
        "trait-implementations",
        "foreign-impls",
        "implementors",
    ];
    let ends = not_its_own.map(|id| page.find(&format!("id=\"{id}")).unwrap_or(page.len()));
    let own = &page[..ends.into_iter().min().unwrap_or(page.len())];
    let mut names = Names::new();
    for id in ["<section id=\"method.", "<section id=\"tymethod."] {
        for section in own.split(id).skip(1) {
            let (name, _) = section.split_once('"').expect("an attribute ends");
            // The second method of a name has a number: `method.new-1`.
            names.insert(name.split('-').next().unwrap_or(name).to_string());
        }
    }
    names
}

/// What is below `os::unix` or `os::windows`, for a system where rustdoc does not see it. Where these are
/// std's, async-std has stand-ins for its documentation.
fn of_other_system(system: &str) -> Names {
    let folder = source().join("src/os").join(system);
    let mut names = Names::new();
    for path in
        files(&folder).filter(|path| !path.ends_with("mod.rs") || path.parent() != Some(&folder))
    {
        let module = path.strip_prefix(&folder).expect("files are in the folder");
        let module = text(module)
            .split(['/', '\\', '.'])
            .next()
            .unwrap_or_default();
        for line in read(&path).lines() {
            let item = ["pub trait ", "pub type ", "pub struct "];
            let item = item
                .iter()
                .find_map(|of| line.trim_start().strip_prefix(of));
            // An indented function is a method.
            if let Some(item) = item.or_else(|| line.strip_prefix("pub async fn ")) {
                let end = item.find(|c: char| !c.is_alphanumeric() && c != '_');
                let name = &item[..end.unwrap_or(item.len())];
                names.insert(format!("os::{system}::{module}::{name}"));
            }
        }
    }
    // async-process's module as a whole.
    names.insert(format!("os::{system}::process::CommandExt"));
    names
}

/// The folder of async-std's source, where Cargo has it.
fn source() -> PathBuf {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.expect("cargo -vV names the host");
    // Without the filter Cargo wants the packages of all systems.
    let metadata = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ]);
    let (_, package) = metadata
        .split_once("{\"name\":\"async-std\",\"version\":\"1.13.")
        .expect("cargo metadata names async-std 1.13");
    let (_, path) = package
        .split_once("\"manifest_path\":\"")
        .expect("a package has a manifest");
    let (path, _) = path.split_once('"').expect("a string ends");
    let manifest = PathBuf::from(path.replace(r"\\", r"\"));
    manifest.parent().expect("a manifest is in a folder").into()
}

// ---------------------------------------------------------------------------------------------
// Files and commands

fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).env_remove("RUSTDOCFLAGS");
    if arguments != ["-vV"] {
        command.arg("--offline");
    }
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{errors}");
    String::from_utf8(output.stdout).expect("Cargo writes UTF-8")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                &mut folders
            } else {
                &mut found
            }
            .push(path);
        }
    }
    found.into_iter()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are UTF-8")
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text
}
