//! The lists agree: `Cargo.toml`, the files in `examples/`, README, the chapter pages, `just`, and what
//! `cargo doc` makes of `src/`.

mod common;

use common::package;
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
    /// The names that it answers.
    names: Names,
}

/// The names that an example or a module answers: what somebody would search for.
#[derive(Debug)]
struct Names {
    asyncio: Vec<String>,
    node: Vec<String>,
}

/// A public module of the library as `Cargo.toml` declares it.
#[derive(Debug)]
struct Module {
    name: String,
    description: String,
    names: Names,
    /// The examples that use it.
    examples: Vec<String>,
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

fn text(table: &Value, key: &str) -> String {
    let text = table[key].as_str();
    text.unwrap_or_else(|| panic!("`{key}` is not a text in {table}"))
        .to_string()
}

fn texts(table: &Value, key: &str) -> Vec<String> {
    let texts = table[key].as_array();
    let texts = texts.unwrap_or_else(|| panic!("`{key}` is not a list in {table}"));
    texts
        .iter()
        .map(|text| text.as_str().expect("a list of texts").to_string())
        .collect()
}

fn names(table: &Value) -> Names {
    Names {
        asyncio: texts(table, "asyncio"),
        node: texts(table, "node"),
    }
}

/// The library's modules, from `[package.metadata.module]`.
fn modules() -> Vec<Module> {
    let package = package();
    let modules = package["metadata"]["module"].as_object().unwrap();
    modules
        .iter()
        .map(|(name, about)| Module {
            name: name.clone(),
            description: text(about, "description"),
            names: names(about),
            examples: texts(about, "examples"),
        })
        .collect()
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
                names: names(about),
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

/// All Markdown pages.
fn pages() -> Vec<String> {
    let (chapters, _) = declared();
    let folders = chapters.values().map(|(_, folder)| folder);
    let of_chapters = folders.map(|folder| format!("examples/{folder}/README.md"));
    let others = ["README.md", "examples/README.md"].map(str::to_string);
    of_chapters.chain(others).collect()
}

#[test]
fn links_in_the_pages_lead_somewhere() {
    for page in pages() {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap();
        for link in read(&page).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            // A place in the same page is GitHub's to find.
            if !target.starts_with("https://") && !target.starts_with('#') {
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

/// A `|` in a cell is `\\|`, or it ends the cell.
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

/// What Rust source text says outside of comments.
fn code(source: &str) -> String {
    let lines = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The source text of a program: its own file, and those of the modules beside it that it names.
fn program(path: &Path) -> String {
    let source = code(&fs::read_to_string(path).unwrap());
    let mut modules = String::new();
    let mut named_path = None;
    for line in source.lines() {
        let quoted = line.strip_prefix("#[path = \"");
        if let Some(path) = quoted.and_then(|line| line.strip_suffix("\"]")) {
            named_path = Some(path.to_string());
        }
        let module = line.strip_prefix("mod ");
        if let Some(module) = module.and_then(|line| line.strip_suffix(';')) {
            let file = named_path.take().unwrap_or(format!("{module}.rs"));
            modules += &program(&path.with_file_name(file));
        }
    }
    source + &modules
}

/// The library's modules that a program imports.
fn imports(example: &Example) -> BTreeSet<String> {
    let source = program(&root().join(&example.path));
    let paths = source.split("asyncio_to_smol::").skip(1);
    let imports = paths.map(|path| {
        let module: String = path
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        assert!(
            !module.is_empty(),
            "{}: one `use asyncio_to_smol::MODULE::…` a module, please; this test reads no lists",
            example.path
        );
        module
    });
    imports.collect()
}

#[test]
fn every_public_module_is_declared() {
    let in_lib: BTreeSet<String> = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|module| *module != "examples") // for the documentation only
        .map(str::to_string)
        .collect();
    let declared: BTreeSet<String> = modules().into_iter().map(|module| module.name).collect();
    assert_eq!(
        in_lib, declared,
        "`pub mod` in src/lib.rs (left) and [package.metadata.module] in Cargo.toml (right)"
    );
}

#[test]
fn every_module_page_begins_with_its_names_and_its_examples() {
    let quoted = |names: &[String]| match names {
        [] => "no name for it".to_string(),
        names => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        }
    };
    for module in modules() {
        let path = format!("src/{}.rs", module.name);
        let page: Vec<String> = (read(&path).lines())
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.trim().to_string())
            .collect();
        // However the lines are wrapped.
        let page = page.join(" ");
        let mut expected = format!(
            "- asyncio: {} - Node: {} - Example",
            quoted(&module.names.asyncio),
            quoted(&module.names.node)
        );
        let links: Vec<_> = (module.examples.iter())
            .map(|name| format!("[`{name}`](crate::examples::{name})"))
            .collect();
        expected += match links.len() {
            0 => "", // the page says in words where there is one
            1 => ": ",
            _ => "s: ",
        };
        expected += &links.join(", ");
        if !links.is_empty() {
            expected += "  "; // the end of the list
        }
        assert!(
            page.contains(&expected),
            "the page of {path} differs from [package.metadata.module.{}] in Cargo.toml; it has to \
             begin, after its first paragraph, with these three items:\n{}",
            module.name,
            expected.replace(" - ", "\n- ")
        );
    }
}

#[test]
fn every_module_lists_the_examples_that_import_it() {
    let (_, examples) = declared();
    for module in modules() {
        let users: BTreeSet<&str> = (examples.iter())
            .filter(|example| imports(example).contains(&module.name))
            .map(|example| example.name.as_str())
            .collect();
        let listed: BTreeSet<&str> = module.examples.iter().map(String::as_str).collect();
        assert_eq!(
            listed, users,
            "`examples` in [package.metadata.module.{}], and the examples that import it",
            module.name
        );
        assert_eq!(
            listed.len(),
            module.examples.len(),
            "[package.metadata.module.{}] lists an example twice",
            module.name
        );
    }
}

#[test]
fn the_library_tables_list_every_module() {
    let modules = modules();
    for path in ["README.md", "src/lib.rs"] {
        // In lib.rs the names are links, such as [`mod@gather`].
        let page = read(path).replace("//! |", "|");
        let page = page
            .replace("[`mod@", "`")
            .replace("[`", "`")
            .replace("`]", "`");
        let rows = rows(&page);
        for module in &modules {
            let name = format!("`{}`", module.name);
            let descriptions: Vec<&str> = (rows.iter())
                .filter(|row| row[0] == name)
                .map(|row| row[1].as_str())
                .collect();
            assert_eq!(
                descriptions,
                [module.description.as_str()],
                "what the table in {path} says of {name}, and [package.metadata.module.{}] in \
                 Cargo.toml",
                module.name
            );
        }
    }
}

/// An example imports what its article's program imported, or what its chapter is about.
#[test]
fn every_chapter_names_what_its_examples_import() {
    let package = package();
    let (_, examples) = declared();
    for (number, chapter) in package["metadata"]["chapter"].as_object().unwrap() {
        let allowed: BTreeSet<String> = texts(chapter, "library").into_iter().collect();
        let mut imported = BTreeSet::new();
        for example in (examples.iter()).filter(|example| example.chapter.to_string() == *number) {
            let imports = imports(example);
            let more: Vec<_> = imports.difference(&allowed).collect();
            assert!(
                more.is_empty(),
                "{} imports {more:?}, which is not in `library` of chapter {number} in Cargo.toml: \
                 do without, or add it if the chapter is about it",
                example.path
            );
            imported.extend(imports);
        }
        let unused: Vec<_> = allowed.difference(&imported).collect();
        assert!(
            unused.is_empty(),
            "`library` of chapter {number} in Cargo.toml has {unused:?}, which none of its examples \
             imports"
        );
    }
}

#[test]
fn every_name_has_an_answer() {
    let (_, examples) = declared();
    let modules = modules();
    let package = package();
    let by_smol = package["metadata"]["smol"].as_object().unwrap();

    let of_examples = (examples.iter()).map(|example| (&example.name, &example.names));
    let of_modules = (modules.iter()).map(|module| (&module.name, &module.names));
    let mut wanted = BTreeSet::new();
    let mut answered: BTreeSet<&String> = by_smol.keys().collect();
    for (owner, names) in of_examples.chain(of_modules.clone()) {
        for list in [&names.asyncio, &names.node] {
            let different: BTreeSet<_> = list.iter().collect();
            assert_eq!(
                different.len(),
                list.len(),
                "a name stands twice in one list of `{owner}` in Cargo.toml: {list:?}"
            );
            wanted.extend(different);
        }
    }
    for (_, names) in of_modules {
        answered.extend(names.asyncio.iter().chain(&names.node));
    }
    let unanswered: Vec<_> = wanted.difference(&answered).collect();
    assert!(
        unanswered.is_empty(),
        "examples name these, but no module and no line of [package.metadata.smol] answers them: \
         {unanswered:?}"
    );
    let unused: Vec<_> = answered.difference(&wanted).collect();
    assert!(
        unused.is_empty(),
        "[package.metadata.smol] answers these, but no example and no module names them: {unused:?}"
    );
    for (name, answer) in by_smol {
        let answer = answer.as_str().expect("an answer is a text");
        assert!(!answer.is_empty(), "the answer to {name} is empty");
    }

    // What is not smol's to answer is a module's, and the example is to show how that one does it.
    for example in &examples {
        let imports = imports(example);
        let imported = modules
            .iter()
            .filter(|module| imports.contains(&module.name));
        let answered: BTreeSet<&String> = imported
            .flat_map(|module| module.names.asyncio.iter().chain(&module.names.node))
            .chain(by_smol.keys())
            .collect();
        let names = example.names.asyncio.iter().chain(&example.names.node);
        let unanswered: Vec<_> = names.filter(|name| !answered.contains(name)).collect();
        assert!(
            unanswered.is_empty(),
            "the example {} names these, but no module that it imports answers them, and no line of \
             [package.metadata.smol]: {unanswered:?}",
            example.name
        );
    }

    // Two spellings of one name would be two lines where a reader looks for one.
    let mut spellings: BTreeMap<String, &String> = BTreeMap::new();
    for name in wanted {
        let plain = name.to_lowercase().replace(['(', ')', '_', ' '], "");
        if let Some(other) = spellings.insert(plain, name) {
            panic!("`{other}` and `{name}` in Cargo.toml: choose one spelling");
        }
    }
}

#[test]
fn every_chapter_page_links_the_next() {
    let (chapters, _) = declared();
    for (number, (_, folder)) in &chapters {
        let path = format!("examples/{folder}/README.md");
        let page = read(&path);
        let last = page.lines().last().unwrap_or_default();
        let expected = match chapters.get(&(number + 1)) {
            Some((_, next)) => {
                let next = format!("{next}/README.md");
                let next_page = read(&format!("examples/{next}"));
                let title = next_page.lines().next().unwrap().trim_start_matches("# ");
                format!("Next: [{title}](../{next}).")
            }
            None => "Back to the [contents](../README.md).".to_string(),
        };
        assert_eq!(last, expected, "the last line of {path}");
    }
}

/// Words a minute, of somebody who reads about what is new to them.
const READING_SPEED: usize = 200;

#[test]
fn every_chapter_page_begins_with_what_one_learns_and_how_long_it_takes() {
    let (chapters, _) = declared();
    let mut in_all = 0;
    for (_, folder) in chapters.values() {
        let path = format!("examples/{folder}/README.md");
        let page = read(&path);
        let first = page.split("\n\n").nth(1).unwrap().replace('\n', " ");
        assert!(
            first.starts_with("You learn "),
            "the first paragraph of {path} does not say what one learns: {first}"
        );
        let minutes = first
            .split_once(". About ")
            .and_then(|(_, rest)| rest.split_once(" minutes"));
        let minutes: usize = minutes
            .and_then(|(minutes, _)| minutes.parse().ok())
            .unwrap_or_else(|| panic!("the first paragraph of {path} lacks `About N minutes`"));
        let reading = page.split_whitespace().count().div_ceil(READING_SPEED);
        assert!(
            (reading..reading + 5).contains(&minutes),
            "{path} says that it takes {minutes} minutes; reading it takes {reading}, and running \
             its programs a few more"
        );
        in_all += minutes;
    }
    assert!(
        (60..=75).contains(&in_all),
        "the chapters take {in_all} minutes together, and were to take about an hour"
    );
}

#[test]
fn the_documentation_shows_every_example() {
    let (chapters, examples) = declared();
    let page = read("src/examples.rs");
    let (_, invoked) = page.split_once("\nexamples! {\n").unwrap();
    let listed: Vec<&str> = (invoked.lines())
        .map_while(|line| line.strip_prefix("    "))
        .map(str::trim)
        .collect();
    let expected: Vec<String> = (examples.iter())
        .flat_map(|example| {
            let path = example.path.strip_prefix("examples/").unwrap();
            let description = &example.description;
            [
                format!("{} \"{path}\"", example.name),
                format!("\"{description}\""),
            ]
        })
        .collect();
    assert_eq!(
        listed, expected,
        "src/examples.rs (left) and the examples in Cargo.toml (right)"
    );

    for (number, (title, _)) in &chapters {
        let links: Vec<_> = (examples.iter())
            .filter(|example| example.chapter == *number)
            .map(|example| format!("[`{}`]", example.name))
            .collect();
        let row = format!("//! | {number}: {title} | {} |", links.join(", "));
        assert!(
            page.lines().any(|line| line == row),
            "src/examples.rs lacks this row:\n{row}"
        );
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
