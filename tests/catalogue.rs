//! The lists agree: `Cargo.toml`, the files in `examples/`, README, the chapter pages and `just`.

mod common;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// An example as `Cargo.toml` declares it.
#[derive(Debug)]
struct Example {
    name: String,
    path: String,
    chapter: u32,
    article: String,
    description: String,
    /// What `--features` has to say, or nothing.
    features: String,
}

/// Instead of the program of an article: what the articles needed and did not have.
const NEW: &str = "new";

/// A chapter: its title and its folder.
type Chapters = BTreeMap<u32, (String, String)>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What Cargo makes of `Cargo.toml`. The chapters and examples are under `metadata`.
fn package() -> Value {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"][0].take()
}

fn text(table: &Value, key: &str) -> String {
    let text = table[key].as_str();
    text.unwrap_or_else(|| panic!("`{key}` is not a text in {table}"))
        .to_string()
}

/// The features that a target requires.
fn features(target: &Value) -> String {
    let features = target["required-features"].as_array();
    let features = features
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap());
    features.collect::<Vec<_>>().join(",")
}

fn declared() -> (Chapters, Vec<Example>) {
    let package = package();
    let chapters = package["metadata"]["chapter"].as_object().unwrap();
    let chapters = chapters
        .iter()
        .map(|(number, chapter)| {
            let number = number.parse().expect("a chapter's key is its number");
            (number, (text(chapter, "title"), text(chapter, "folder")))
        })
        .collect();

    let about = &package["metadata"]["example"];
    let targets = package["targets"].as_array().unwrap();
    let examples: Vec<Example> = targets
        .iter()
        .filter(|target| target["kind"][0] == "example")
        .map(|target| {
            let name = text(target, "name");
            let about = &about[&name];
            let path = text(target, "src_path");
            let path = Path::new(&path).strip_prefix(root()).unwrap();
            Example {
                path: path.to_str().unwrap().replace('\\', "/"),
                chapter: about["chapter"].as_u64().expect("a chapter") as u32,
                article: text(about, "article"),
                description: text(about, "description"),
                features: features(target),
                name,
            }
        })
        .collect();
    let described = about.as_object().unwrap().keys().cloned();
    let named = examples.iter().map(|example| example.name.clone());
    assert_eq!(
        BTreeSet::from_iter(described),
        BTreeSet::from_iter(named),
        "[package.metadata.example] and [[example]] differ"
    );
    (chapters, examples)
}

/// Whether a file is no program, but a module of the programs beside it.
fn is_shared(folder: &str, file: &str) -> bool {
    let module = format!("mod {};", file.strip_suffix(".rs").unwrap());
    let neighbours = fs::read_dir(root().join("examples").join(folder)).unwrap();
    neighbours.map(|file| file.unwrap().path()).any(|path| {
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        is_code
            && fs::read_to_string(path)
                .unwrap()
                .lines()
                .any(|line| line == module)
    })
}

#[test]
fn every_file_is_declared_and_every_declaration_has_its_file() {
    let (chapters, examples) = declared();
    let mut files = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for folder in fs::read_dir(root().join("examples")).unwrap() {
        let folder = folder.unwrap();
        if !folder.file_type().unwrap().is_dir() {
            continue;
        }
        let folder_name = folder.file_name().into_string().unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".rs") && !is_shared(&folder_name, &name) {
                files.insert(format!("examples/{folder_name}/{name}"));
            }
        }
        folders.insert(folder_name);
    }
    let declared: BTreeSet<String> = examples
        .iter()
        .map(|example| example.path.clone())
        .collect();
    assert_eq!(
        files, declared,
        "files in examples/ (left) and [[example]] in Cargo.toml (right)"
    );

    let chapter_folders: BTreeSet<String> = chapters
        .values()
        .map(|(_, folder)| folder.clone())
        .collect();
    assert_eq!(
        folders, chapter_folders,
        "folders in examples/ and [package.metadata.chapter]"
    );
    for example in &examples {
        let (_, folder) = &chapters[&example.chapter];
        assert_eq!(
            example.path,
            format!("examples/{folder}/{}.rs", example.name)
        );
        assert!(
            folder.starts_with(&format!("{:02}_", example.chapter)),
            "{folder}"
        );
    }
}

#[test]
fn every_head_says_what_it_ports_how_to_run_it_and_what_to_paste() {
    for example in declared().1 {
        let head = common::head(&read(&example.path));
        let expect = |what: &str| {
            assert!(
                head.contains(what),
                "the head of {} lacks {what:?}",
                example.path
            );
        };
        expect("\nPorts: ");
        let (command, _) = common::command_and_transcript(&example.name, &head);
        let features = match example.features.as_str() {
            "" => String::new(),
            features => format!(" --features {features}"),
        };
        assert_eq!(
            command,
            format!("$ cargo run --example {}{features}", example.name)
        );
        expect("\nPaste: ");
        if example.article == NEW {
            continue;
        }
        expect("\nPorts: article ");
        for program in example.article.split(", ") {
            assert!(
                head.contains(&format!("({program})"))
                    || head.contains(&format!("({program},"))
                    || head.contains(&format!(", {program})")),
                "the head of {} does not say that it ports {program}",
                example.path
            );
        }
    }
}

/// The cells of the table rows of a Markdown page.
fn rows(page: &str) -> Vec<Vec<String>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").map(str::to_string).collect())
        .collect()
}

#[test]
fn the_readme_lists_every_example_and_every_program_of_the_articles() {
    let (chapters, examples) = declared();
    let readme = read("README.md");
    let rows = rows(&readme);
    for example in &examples {
        let (_, folder) = &chapters[&example.chapter];
        let row = format!(
            "| [{}](examples/{folder}/README.md) | {} | [`{}`]({}) | {} |",
            example.chapter, example.article, example.name, example.path, example.description
        );
        assert!(
            readme.lines().any(|line| line == row),
            "README.md lacks this row:\n{row}"
        );
    }

    // The table of programs: four cells, the first a chapter.
    let programs: Vec<_> = rows
        .iter()
        .filter(|row| {
            row.len() == 4 && row[0].trim_start_matches('[').starts_with(char::is_numeric)
        })
        .collect();
    let planned = programs.iter().filter(|row| row[3] == "planned").count();
    assert_eq!(
        planned + examples.len(),
        programs.len(),
        "a row is neither declared nor planned"
    );

    let mut listed: Vec<&str> = (programs.iter().flat_map(|row| row[1].split(", ")))
        .filter(|program| *program != NEW)
        .collect();
    listed.extend(["A2", "A3"]); // the library's `fib`
    listed.sort_unstable();
    let mut all: Vec<String> = (1..=14).map(|n| format!("A{n}")).collect();
    all.extend(
        (1..=15)
            .filter(|n| ![7, 8].contains(n))
            .map(|n| format!("B{n}")),
    );
    all.extend(["B7a", "B7b", "B7c", "B7d", "B7e", "B8a", "B8b"].map(str::to_string));
    all.sort_unstable();
    assert_eq!(all.len(), 34);
    assert_eq!(
        listed, all,
        "the programs in README.md, and those in the articles"
    );
}

#[test]
fn every_chapter_page_lists_its_examples() {
    let (chapters, examples) = declared();
    for (number, (_, folder)) in &chapters {
        let path = format!("examples/{folder}/README.md");
        let page = read(&path);
        assert!(page.starts_with(&format!("# Chapter {number}: ")), "{path}");
        let in_order: Vec<Vec<String>> = examples
            .iter()
            .filter(|example| example.chapter == *number)
            .map(|example| {
                let link = format!("[`{0}`]({0}.rs)", example.name);
                vec![link, example.article.clone(), example.description.clone()]
            })
            .collect();
        let listed: Vec<_> = rows(&page)
            .into_iter()
            .filter(|row| row[0].ends_with(".rs)"))
            .collect();
        assert_eq!(listed, in_order, "the table in {path}, and Cargo.toml");
    }
}

#[test]
fn links_in_the_pages_lead_somewhere() {
    let (chapters, _) = declared();
    let pages = chapters
        .values()
        .map(|(_, folder)| format!("examples/{folder}/README.md"));
    for page in pages.chain(["README.md".to_string()]) {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap();
        for link in read(&page).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if !target.starts_with("https://") {
                assert!(folder.join(target).exists(), "{page} links to {target}");
            }
        }
    }
}

#[test]
fn the_heads_and_the_chapter_pages_show_the_same_transcripts() {
    let (chapters, examples) = declared();
    for example in examples {
        let head = common::head(&read(&example.path));
        let page = read(&format!(
            "examples/{}/README.md",
            chapters[&example.chapter].1
        ));
        let transcript = |text| common::transcript(&example.name, text);
        assert_eq!(transcript(&head), transcript(&page), "{}", example.name);
    }
}

#[test]
fn just_lists_and_runs_what_is_declared() {
    let just = |args: &[&str]| {
        let output = Command::new("just")
            .current_dir(root())
            .args(args)
            .output()?;
        std::io::Result::Ok((
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        ))
    };
    let Ok((listed, list, complaints)) = just(&[]) else {
        assert!(std::env::var_os("CI").is_none(), "CI installs just");
        println!("skipped: just is not installed");
        return;
    };
    assert!(listed, "{complaints}");

    let (chapters, examples) = declared();
    let mut expected = Vec::new();
    for (number, (title, _)) in &chapters {
        expected.push(format!("Chapter {number}: {title}"));
        for example in examples.iter().filter(|example| example.chapter == *number) {
            let Example {
                name,
                article,
                description,
                ..
            } = example;
            expected.push(format!("  {name:<20} {article:<7} {description}"));
        }
    }
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[..expected.len()], expected);

    let (ran, _, complaint) = just(&["run", "nothing"]).unwrap();
    assert!(!ran);
    assert_eq!(
        complaint,
        "just run: there is no chapter or example 'nothing'; `just` lists them\n"
    );
}

#[test]
#[cfg(unix)]
fn control_c_in_an_example_ends_just_without_a_word() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("just") || !is_there("setsid") {
        assert!(std::env::var_os("CI").is_none(), "CI has just and setsid");
        println!("skipped: just or setsid is not installed");
        return;
    }
    let mut terminal = common::Terminal::open();
    // A session of its own, with the pseudo-terminal for its ^C.
    let mut child = Command::new("setsid")
        .args(["--ctty", "--wait", "just", "run", "1", "0.2"])
        .current_dir(root())
        .stdin(terminal.stdin())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first program of chapter 1 is running now.
    assert!(output.any(|line| common::is_greeting(&line.unwrap())));
    terminal.type_in("\x03");
    // The second one is not started.
    assert!(output.all(|line| common::is_greeting(&line.unwrap())));
    let mut complaints = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaints)
        .unwrap();
    assert_eq!(complaints, "");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
