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
fn chapter_pages() -> Vec<String> {
    let chapters = heads().chapters.into_iter();
    chapters
        .map(|chapter| format!("examples/{}/README.md", chapter.folder))
        .collect()
}

fn pages() -> Vec<String> {
    let others = ["README.md", "examples/README.md", "benches/README.md"].map(str::to_string);
    chapter_pages().into_iter().chain(others).collect()
}

#[test]
fn every_program_of_the_articles_is_ported() {
    let mut ported = BTreeSet::new();
    for program in heads().programs() {
        for id in &program.articles {
            assert!(
                ported.insert(id.clone()),
                "{}: {id} is ported twice",
                program.path
            );
        }
    }
    let mut all: BTreeSet<String> = (1..=14).map(|n| format!("A{n}")).collect();
    all.extend(
        (1..=15)
            .filter(|n| ![7, 8].contains(n))
            .map(|n| format!("B{n}")),
    );
    all.extend(["B7a", "B7b", "B7c", "B7d", "B7e", "B8a", "B8b"].map(str::to_string));
    assert_eq!(all.len(), 34);
    // The timing wrapper and the Fibonacci function are a part of other programs.
    let readme = read("README.md");
    for contained in ["A2", "A3"] {
        ported.insert(contained.to_string());
        assert!(
            readme.contains(contained),
            "README.md does not say where {contained} is"
        );
    }
    assert_eq!(
        ported, all,
        "in the heads (left) and in the articles (right)"
    );
}

#[test]
fn every_name_has_an_answer_and_one_spelling() {
    let heads = heads();
    let programs = heads.programs().map(|one| (&one.path, &one.names, false));
    let modules = (heads.modules.iter()).map(|one| (&one.name, &one.names, true));
    let mut wanted = Vec::new();
    let mut answered = BTreeSet::new();
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
    for (owner, name) in wanted {
        assert!(
            answered.contains(name),
            "{owner}: expected an answer in parentheses behind `{name}`, here or in another head, or a \
             module of the library that has the name"
        );
        // Two spellings of one name would be two lines where a reader looks for one.
        let plain = name.to_lowercase().replace(['(', ')', '_', ' '], "");
        let other = spellings.entry(plain).or_insert(name);
        assert_eq!(*other, name, "two spellings, one of them in {owner}");
    }
}

/// `tests/vocabulary.txt` has what people bring with them, a line for each thing and its other names.
#[test]
fn the_indexes_answer_the_vocabulary_of_asyncio_and_node() {
    let heads = heads();
    let names = heads.programs().map(|program| &program.names);
    let names = names.chain(heads.modules.iter().map(|module| &module.names));
    let names = names.flat_map(|names| names.asyncio.iter().chain(&names.node));
    let names: BTreeSet<&str> = names.map(|(name, _)| name.as_str()).collect();
    let vocabulary = read("tests/vocabulary.txt");
    let wanted = vocabulary.lines().flat_map(|line| line.split(", "));
    let missing: Vec<&str> = wanted.filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "no head has these names: {missing:#?}");
}

#[test]
fn every_public_module_says_what_it_answers() {
    let lib = read("src/lib.rs");
    let public = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    // This one is there for the documentation only.
    let public: BTreeSet<String> = public
        .filter(|name| *name != "examples")
        .map(str::to_string)
        .collect();
    let listed = heads()
        .modules
        .into_iter()
        .map(|module| module.name)
        .collect();
    assert_eq!(
        public, listed,
        "`pub mod` in src/lib.rs, and modules whose heads have `asyncio:` and `Node:`"
    );
}

#[test]
fn every_file_of_a_chapter_belongs_to_a_program() {
    for chapter in heads().chapters {
        let folder = root().join("examples").join(&chapter.folder);
        let sources: String = chapter
            .programs
            .iter()
            .map(|program| read(&program.path))
            .collect();
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(stem) = name.strip_suffix(".rs") else {
                continue;
            };
            let is_program = chapter.programs.iter().any(|program| program.name == stem);
            let is_module = sources.lines().any(|line| line == format!("mod {stem};"));
            assert!(
                is_program || is_module,
                "examples/{}/{name}: no program uses it",
                chapter.folder
            );
        }
    }
}

#[test]
fn links_in_the_pages_lead_somewhere() {
    for page in pages() {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap();
        for link in read(&page).split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            // A place in the same page is GitHub's to find.
            if !target.starts_with("https://") {
                assert!(folder.join(target).exists(), "{page} links to {target}");
            }
        }
    }
}

/// A `|` in a cell is `\|`, or it ends the cell.
#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    for page in pages() {
        let mut cells_in_head = None;
        for line in read(&page).lines() {
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
    for (index, chapter) in chapters.iter().enumerate() {
        let path = format!("examples/{}/README.md", chapter.folder);
        let page = read(&path);
        for program in &chapter.programs {
            let shown = format!("```text\n$ {}\n", program.command);
            assert!(
                page.contains(&shown),
                "{path} does not show the transcript of {}",
                program.name
            );
        }
        let expected = match chapters.get(index + 1) {
            Some(next) => format!(
                "Next: [Chapter {}: {}](../{}/README.md).",
                next.number, next.title, next.folder
            ),
            None => "Back to the [contents](../README.md).".to_string(),
        };
        assert_eq!(
            page.lines().last(),
            Some(expected.as_str()),
            "the last line of {path}"
        );
    }
}

/// The chapters 0 to 14. Those after them are for looking things up.
const CHAPTERS_OF_THE_TUTORIAL: usize = 15;

/// Words a minute, of a reader to whom it is new.
const READING_SPEED: usize = 200;

#[test]
fn every_chapter_page_begins_with_what_one_learns_and_how_long_it_takes() {
    let mut in_all = 0;
    for (chapter, path) in chapter_pages().into_iter().enumerate() {
        let page = read(&path);
        let first = page.split("\n\n").nth(1).unwrap().replace('\n', " ");
        assert!(first.starts_with("You learn "), "{path}: {first}");
        let minutes = first.split_once(". About ");
        let minutes = minutes.and_then(|(_, rest)| rest.split_once(" minutes")?.0.parse().ok());
        let minutes: usize = minutes.unwrap_or_else(|| {
            panic!("{path}: expected `. About N minutes` in the first paragraph")
        });
        let (before, table) = page.split_once("<!-- contents").unwrap_or((&page, ""));
        let (_, after) = table.split_once("<!-- /contents -->").unwrap_or_default();
        // Code is not read word by word: looking at it is a part of running the programs.
        let prose = [before, after].map(|part| part.split("```").step_by(2));
        let words = prose.into_iter().flatten().flat_map(str::split_whitespace);
        let reading = words.count().div_ceil(READING_SPEED);
        assert!(
            (reading..reading + 5).contains(&minutes),
            "{path} says that it takes {minutes} minutes; reading it takes {reading}, and running \
             its programs a few more"
        );
        if chapter < CHAPTERS_OF_THE_TUTORIAL {
            in_all += minutes;
        }
    }
    assert!(
        (75..=100).contains(&in_all),
        "the tutorial: {in_all} minutes"
    );
}
