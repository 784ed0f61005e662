//! The page of chapter 20, as far as it shows what these tests can check.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of this package.
pub fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/20_async_std/README.md")
}

pub fn text() -> String {
    fs::read_to_string(path()).expect("the page of chapter 20")
}

/// Checks that the page has this block of code between the comments that name it, or with `WRITE_PAGE=1` in the
/// environment puts it there.
pub fn has_part(name: &str, language: &str, part: &str) {
    let page = text();
    let begin = format!("<!-- {name} (checked by `just async-std`) -->\n");
    let end = "<!-- /checked -->";
    let found = page.split_once(&begin);
    let (before, rest) = found.unwrap_or_else(|| panic!("the page has no line {begin}"));
    let at = rest.find(end).expect("a comment that ends the part");
    let wanted = format!("\n```{language}\n{part}```\n\n");
    if rest[..at] == wanted {
        return;
    }
    if std::env::var_os("WRITE_PAGE").is_some() {
        let page = format!("{before}{begin}{wanted}{}", &rest[at..]);
        fs::write(path(), page).unwrap();
    } else {
        panic!("{name} is not as on the page; `WRITE_PAGE=1 just async-std` repairs it:\n{wanted}");
    }
}

/// The lines that differ, each group with a line before and after it, as `diff -U1` shows them.
pub fn diff(before: &str, after: &str) -> String {
    let [before, after] = [before, after].map(|text| text.lines().collect::<Vec<_>>());
    // The length of the longest common subsequence from these two lines on.
    let mut common = vec![vec![0; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = if before[i] == after[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            lines.push((' ', before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || i < before.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', before[i]));
            i += 1;
        } else {
            lines.push(('+', after[j]));
            j += 1;
        }
    }
    let differs = |at: usize| lines.get(at).is_some_and(|(sign, _)| *sign != ' ');
    let mut shown = String::new();
    let mut last = None;
    for (at, (sign, line)) in lines.iter().enumerate() {
        if differs(at) || differs(at + 1) || at > 0 && differs(at - 1) {
            if last.is_some_and(|last| last + 1 != at) {
                shown += "@@\n";
            }
            last = Some(at);
            shown += format!("{sign}{line}").trim_end();
            shown.push('\n');
        }
    }
    shown
}

/// The blocks of Rust code between the comments that say that they are taken from the tests.
pub fn snippets() -> Vec<String> {
    let page = text();
    let (_, part) = page.split_once("<!-- snippets: ").expect("snippets");
    let (part, _) = part.split_once("<!-- /snippets -->").expect("their end");
    let blocks = part.split("\n```rust,ignore\n").skip(1);
    let block = |block: &str| block.split("```").next().unwrap().to_string();
    blocks.map(block).collect()
}

/// Whether the source has these lines one after another, whatever their indentation.
pub fn contains(source: &str, lines: &str) -> bool {
    let trimmed = |text: &str| -> String {
        let lines = text.lines().map(str::trim);
        lines.flat_map(|line| ["\n", line]).collect()
    };
    let (source, lines) = (trimmed(source) + "\n", trimmed(lines) + "\n");
    source.contains(&lines)
}
