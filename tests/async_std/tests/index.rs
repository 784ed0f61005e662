//! The index *From async-std* has a row for every public item of async-std, and no row for anything else.
//!
//! rustdoc says what is public: a parser of the source would have to know async-std's `cfg` macros and
//! glob imports. Its pages are read as text, since its JSON is not stable. Rows of `os::windows` are checked on
//! Windows only, and those of `os::unix` elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Types whose methods need a row each. Methods of other types may have one.
const METHODS: &str = "io::BufReadExt io::ReadExt io::SeekExt io::WriteExt path::Path path::PathBuf \
                       prelude::FutureExt stream::StreamExt";

/// The index begins below this line of `examples/README.md`.
const MARK: &str = "\n<!-- by hand: From async-std -->\n";

const OTHER_SYSTEM: &str = if cfg!(windows) {
    "os::unix"
} else {
    "os::windows"
};

#[test]
fn every_item_of_async_std_has_a_row_and_every_row_an_item() {
    let items = items(&document());
    let contents = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/README.md"));
    let (_, index) = contents.split_once(MARK).expect("the index");
    let mut rows = BTreeSet::new();
    let mut wrong = Vec::new();
    for table in index.split("\n### `").skip(1) {
        let (module, table) = table.split_once("`\n").expect("a heading ends");
        let prefix = if module == "async_std" {
            String::new()
        } else {
            format!("{module}::")
        };
        for row in table.lines().filter_map(|line| line.strip_prefix("| `")) {
            // Each cell ends with a bar; a bar inside a cell has a backslash before it.
            let row = row.replace(r"\|", "or");
            let cells: Vec<&str> = row.split_terminator('|').map(str::trim).collect();
            let item = cells[0].trim_end_matches('`');
            if cells.len() != 3 || cells[1].is_empty() {
                wrong.push(format!("not complete: {item}"));
            }
            let name = item.strip_prefix(&prefix);
            let in_module =
                |name: &str| name.contains("::") && name.starts_with(char::is_lowercase);
            if name.is_none_or(in_module) {
                wrong.push(format!("in the table of {module}: {item}"));
            }
            if !rows.insert(item.to_string()) {
                wrong.push(format!("two rows: {item}"));
            }
            if !items.contains_key(item) && !module.starts_with(OTHER_SYSTEM) {
                wrong.push(format!("no such item in async-std: {item}"));
            }
        }
    }
    let required = items.iter().filter(|(_, is_required)| **is_required);
    for (item, _) in required.filter(|(item, _)| !rows.contains(*item)) {
        wrong.push(format!("no row: {item}"));
    }
    assert!(wrong.is_empty(), "From async-std:\n{}", wrong.join("\n"));
}

/// Runs rustdoc, and returns the folder of its pages.
fn document() -> PathBuf {
    // In the target folder of this test, where the dependencies are built.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let words = "doc --package async-std --no-deps --offline --target-dir";
    cargo.args(words.split(' '));
    cargo.arg(target).env_remove("RUSTDOCFLAGS");
    let output = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cargo:?}:\n{errors}");
    target.join("doc/async_std")
}

/// All items, and whether they must have a row.
fn items(docs: &Path) -> BTreeMap<String, bool> {
    let mut items = BTreeMap::new();
    for link in read(&docs.join("all.html")).split("<li><a href=\"").skip(1) {
        let (page, rest) = link.split_once("\">").expect("a link ends");
        let (item, _) = rest.split_once("</a>").expect("a link ends");
        // The others lead to the headings of this page.
        if page.ends_with(".html") {
            items.insert(item.to_string(), true);
            let is_required = METHODS.split(' ').any(|one| one == item);
            for method in methods(&read(&docs.join(page))) {
                items.insert(format!("{item}::{method}"), is_required);
            }
        }
    }
    assert!(items.len() > 200, "all.html is not as expected: {items:?}");
    // Items that are re-exported without an own page.
    for module in ["prelude", "io/prelude"] {
        let page = read(&docs.join(module).join("index.html"));
        let mut reexports = page.split("<dt id=\"reexport.").skip(1).peekable();
        assert!(reexports.peek().is_some(), "{module} is not as expected");
        for reexport in reexports {
            let (link, _) = reexport.split_once("</a>").expect("a link ends");
            let (_, name) = link.rsplit_once('>').expect("a link begins");
            items.insert(format!("{}::{name}", module.replace('/', "::")), true);
        }
    }
    items
}

/// The methods that a type itself has or that a trait declares.
fn methods(page: &str) -> BTreeSet<&str> {
    // After these come methods of other traits and types.
    let end = "deref-methods trait-implementations foreign-impls implementors"
        .split(' ')
        .filter_map(|id| page.find(&format!("id=\"{id}")))
        .min();
    let sections = page[..end.unwrap_or(page.len())].split("<section id=\"");
    let methods = sections.filter_map(|section| {
        let id = section.strip_prefix("ty").unwrap_or(section);
        let (name, _) = id.strip_prefix("method.")?.split_once('"')?;
        name.split('-').next() // the second method of a name has a number: `method.new-1`
    });
    methods.collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
