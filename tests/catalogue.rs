//! What is not generated: that the heads are complete, and that the pages around the lists are right.

#[path = "tools/src/runner/mod.rs"]
#[allow(dead_code, reason = "no program is run here")]
mod runner;

use runner::head::Heads;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn heads() -> Heads {
    Heads::read(root()).unwrap_or_else(|error| panic!("{error}"))
}

/// The paths of the chapters' pages.
fn chapter_pages() -> impl Iterator<Item = String> {
    let chapters = heads().chapters.into_iter();
    chapters.map(|chapter| format!("examples/{}/README.md", chapter.folder))
}

#[test]
fn every_program_of_the_articles_is_ported_once() {
    let heads = heads();
    let ported = heads.programs().flat_map(|program| &program.articles);
    let mut ported: Vec<&str> = ported.map(String::as_str).collect();
    // The timing wrapper and the Fibonacci function are a part of other programs.
    for contained in ["A2", "A3"] {
        ported.push(contained);
        assert!(read("README.md").contains(contained), "{contained}");
    }
    ported.sort_unstable();
    let all = "A1 A10 A11 A12 A13 A14 A2 A3 A4 A5 A6 A7 A8 A9 B1 B10 B11 B12 B13 B14 B15 \
               B2 B3 B4 B5 B6 B7a B7b B7c B7d B7e B8a B8b B9";
    assert_eq!(ported.join(" "), all);
}

#[test]
fn every_name_has_an_answer_and_one_spelling() {
    let heads = heads();
    let programs = heads.programs().map(|one| (&one.path, &one.names, false));
    let modules = (heads.modules.iter()).map(|one| (&one.name, &one.names, true));
    let (mut wanted, mut answered) = (Vec::new(), BTreeSet::new());
    for (owner, names, is_module) in programs.chain(modules) {
        for list in [&names.asyncio, &names.node] {
            let mut in_list = BTreeSet::new();
            for (name, answer) in list {
                assert!(in_list.insert(name), "{owner} has `{name}` twice");
                wanted.push((owner, name));
                if is_module || answer.is_some() {
                    answered.insert(name);
                }
            }
        }
    }
    let mut spellings = BTreeMap::new();
    for (owner, name) in &wanted {
        let is_answered = answered.contains(name);
        assert!(is_answered, "{owner}: no head has an answer to `{name}`");
        // Two spellings of one name would be two lines where a reader looks for one.
        let plain = name.to_lowercase().replace(['(', ')', '_', ' '], "");
        let other = spellings.entry(plain).or_insert(name);
        assert_eq!(other, &name, "two spellings, one of them in {owner}");
    }
    // `tests/vocabulary.txt` has the names that people know, a line for each thing and its other names.
    let names: BTreeSet<&str> = wanted.iter().map(|(_, name)| name.as_str()).collect();
    let vocabulary = read("tests/vocabulary.txt");
    let vocabulary = vocabulary.lines().flat_map(|line| line.split(", "));
    let missing: Vec<&str> = vocabulary.filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "no head has these names: {missing:#?}");
}

#[test]
fn every_public_module_says_what_it_answers() {
    let lib = read("src/lib.rs");
    let public = lib.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let public: BTreeSet<String> = public.map(str::to_string).collect();
    let modules = heads().modules.into_iter();
    let with_names = modules.map(|module| module.name + ";").collect();
    assert_eq!(public, with_names, "in src/lib.rs, and with names in heads");
}

#[test]
fn links_lead_somewhere_and_tables_are_whole() {
    let others = ["README.md", "examples/README.md", "benches/README.md"];
    for page in chapter_pages().chain(others.map(str::to_string)) {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap();
        let text = read(&page);
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            // A place in the same page is GitHub's to find.
            let is_there = target.starts_with("https://") || folder.join(target).exists();
            assert!(is_there, "{page} links to {target}");
        }
        let mut cells_in_head = None;
        for line in text.lines() {
            // A `|` in a cell is `\|`, or it ends the cell.
            let cells = line.replace("\\|", "").matches('|').count();
            match cells_in_head {
                _ if !line.starts_with('|') => cells_in_head = None,
                None => cells_in_head = Some(cells),
                Some(expected) => assert_eq!(cells, expected, "{page}: {line}"),
            }
        }
    }
}

/// `just contents` keeps a transcript on a page as it is in the head, but it cannot know where one belongs.
#[test]
fn every_chapter_page_shows_every_program_and_links_the_next() {
    let chapters = heads().chapters;
    let link = |next: &runner::head::Chapter| {
        let (number, title, folder) = (next.number, &next.title, &next.folder);
        format!("Next: [Chapter {number}: {title}](../{folder}/README.md).")
    };
    let next = chapters.iter().skip(1).map(link);
    let next = next.chain(["Back to the [contents](../README.md).".to_string()]);
    for ((chapter, path), last) in chapters.iter().zip(chapter_pages()).zip(next) {
        let page = read(&path);
        for program in &chapter.programs {
            let shown = format!("```text\n$ {}\n", program.command);
            let name = &program.name;
            assert!(page.contains(&shown), "{path}: no transcript of {name}");
        }
        assert_eq!(page.lines().last(), Some(&*last), "the last line of {path}");
    }
}

/// The chapters 0 to 14. Those after them are for looking things up.
const CHAPTERS_OF_THE_TUTORIAL: usize = 15;

/// Words a minute, of a reader to whom it is new.
const READING_SPEED: usize = 200;

#[test]
fn every_chapter_page_begins_with_what_one_learns_and_how_long_it_takes() {
    let times = chapter_pages().map(|path| {
        let page = read(&path);
        let first = page.split("\n\n").nth(1).unwrap().replace('\n', " ");
        assert!(first.starts_with("You learn "), "{path}: {first}");
        let minutes = first.split_once(". About ");
        let minutes = minutes.and_then(|(_, rest)| rest.split_once(" minutes")?.0.parse().ok());
        let minutes: usize = minutes.unwrap_or_else(|| panic!("{path}: no `. About N minutes`"));
        let (before, table) = page.split_once("<!-- contents").unwrap_or((&page, ""));
        let (_, after) = table.split_once("<!-- /contents -->").unwrap_or_default();
        // Code is not read word by word: looking at it is a part of running the programs.
        let prose = [before, after].map(|part| part.split("```").step_by(2));
        let words = prose.into_iter().flatten().flat_map(str::split_whitespace);
        let reading = words.count().div_ceil(READING_SPEED);
        let possible = reading..reading + 5;
        assert!(possible.contains(&minutes), "{path}: {possible:?} minutes");
        minutes
    });
    let times: Vec<usize> = times.collect();
    let in_all: usize = times[..CHAPTERS_OF_THE_TUTORIAL].iter().sum();
    assert!((75..=100).contains(&in_all), "{in_all} minutes in all");
}
