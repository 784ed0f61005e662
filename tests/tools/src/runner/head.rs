//! The heads of the programs and of the library's modules. They are the only list of both.

use super::Result;
use std::fs;
use std::path::Path;

/// All that the heads say.
pub struct Heads {
    /// In their order, each with its programs.
    pub chapters: Vec<Chapter>,
    /// The public ones, by name.
    pub modules: Vec<Module>,
}

pub struct Chapter {
    pub number: u32,
    pub title: String,
    /// In `examples/`.
    pub folder: String,
    /// Those of the articles in their order, then those of our own as the chapter's page shows them.
    pub programs: Vec<Program>,
}

pub struct Program {
    pub name: String,
    /// From the root of the project, with `/`.
    pub path: String,
    pub description: String,
    /// The programs of the articles that it ports, such as `A7`.
    pub articles: Vec<String>,
    pub names: Names,
    /// The crates that `Paste: …` names.
    pub crates: Vec<Crate>,
    /// The files that it names: `scale.rs` is beside the program, `12_http/client.rs` in another chapter.
    pub files: Vec<String>,
    /// What `--features` says in the transcript.
    pub features: Vec<String>,
    /// What is behind `--` there.
    pub arguments: Vec<String>,
    /// The lines behind the command.
    pub transcript: Vec<String>,
    /// Whether the order of the lines and the numbers in them are random.
    pub any_order: bool,
}

pub struct Module {
    pub name: String,
    pub description: String,
    pub names: Names,
    /// What a package needs that takes it: every module says so.
    pub paste: Option<Paste>,
}

/// What `Paste: …` says of a module.
pub struct Paste {
    /// The private module that comes with it.
    pub sibling: Option<String>,
    /// The arguments of each `cargo add`.
    adds: Vec<Vec<String>>,
}

impl Paste {
    fn parse(text: &str) -> Paste {
        let mut paste = Paste {
            sibling: None,
            adds: Vec::new(),
        };
        let mut parts = text.split('`');
        while let (Some(before), Some(quoted)) = (parts.next(), parts.next()) {
            if let Some(file) = quoted.strip_suffix(".rs") {
                paste.sibling = Some(file.to_string());
            }
            let Some(arguments) = quoted.strip_prefix("cargo add ") else {
                continue;
            };
            let mut words: Vec<String> = arguments.split(' ').map(str::to_string).collect();
            for (system, condition) in [("for Unix", "cfg(unix)"), ("elsewhere", "cfg(not(unix))")]
            {
                if before.trim_end().ends_with(system) {
                    words.extend(["--target", condition].map(str::to_string));
                }
            }
            paste.adds.push(words);
        }
        paste
    }

    /// The arguments of each `cargo add` that is needed: those for examples only where examples are run.
    pub fn adds(&self, with_examples: bool) -> Vec<&[String]> {
        let is_for_examples = |words: &[String]| words.iter().any(|word| word == "--dev");
        let adds = self.adds.iter().map(Vec::as_slice);
        adds.filter(|words| with_examples || !is_for_examples(words))
            .collect()
    }
}

/// The names that a program or a module answers: what a reader would search for.
pub struct Names {
    pub asyncio: Vec<Name>,
    pub node: Vec<Name>,
}

pub struct Name {
    pub name: String,
    /// What of smol, or of another crate, takes its place, as Markdown.
    pub answer: Option<String>,
}

/// One crate of a `cargo add` command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crate {
    pub name: String,
    pub features: Vec<String>,
    pub no_default_features: bool,
    /// Whether it is this project, which has no version to ask for.
    pub is_by_path: bool,
}

impl Heads {
    /// Reads the heads of the project in this folder.
    pub fn read(root: &Path) -> Result<Heads> {
        let examples = entries(&root.join("examples"))?;
        let folders = examples.iter().filter(|name| !name.contains('.'));
        let chapters = folders.map(|folder| Chapter::read(root, folder));
        let mut modules = Vec::new();
        for name in entries(&root.join("src"))? {
            if let Some(stem) = name.strip_suffix(".rs") {
                let text = text_of(root, &format!("src/{name}"))?;
                modules.extend(Module::parse(stem, &text)?);
            }
        }
        Ok(Heads {
            chapters: chapters.collect::<Result<_>>()?,
            modules,
        })
    }

    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.chapters.iter().flat_map(|chapter| &chapter.programs)
    }

    pub fn program(&self, name: &str) -> Result<&Program> {
        let found = self.programs().find(|program| program.name == name);
        found.ok_or_else(|| format!("there is no program {name:?}; `just` lists the programs"))
    }
}

impl Chapter {
    fn read(root: &Path, folder: &str) -> Result<Chapter> {
        let path = format!("examples/{folder}/README.md");
        let page = text_of(root, &path)?;
        let number: u32 = (folder.split('_').next())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| format!("examples/{folder}: expected a folder such as 04_smol"))?;
        let heading = format!("# Chapter {number}: ");
        let title = page
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(&heading));
        let title = title.ok_or_else(|| format!("{path}: expected the first line `{heading}…`"))?;
        let mut programs = Vec::new();
        for name in entries(&root.join("examples").join(folder))? {
            if let Some(stem) = name.strip_suffix(".rs") {
                let path = format!("examples/{folder}/{name}");
                let text = text_of(root, &path)?;
                programs.extend(Program::parse(stem, &path, &text)?);
            }
        }
        programs.sort_by_cached_key(|program| {
            let command = format!("$ cargo run --example {}", program.name);
            let article = program.articles.first().map(|id| article_key(id));
            (
                article.is_none(),
                article,
                page.find(&command),
                program.name.clone(),
            )
        });
        Ok(Chapter {
            number,
            title: title.to_string(),
            folder: folder.to_string(),
            programs,
        })
    }
}

impl Program {
    /// Reads the head in this text; `None` if the file is no program, but a module of those beside it.
    pub fn parse(name: &str, path: &str, text: &str) -> Result<Option<Program>> {
        let head = head(text);
        let expected = |what: &str| format!("{path}: expected {what} in the head");
        let Some(ports) = field(&head, "Ports") else {
            if text.lines().any(|line| line.starts_with("fn main()")) {
                return Err(expected("`Ports: …`, since it has a `main`,"));
            }
            return Ok(None);
        };
        let articles = articles(&ports);
        if articles.is_empty() && !ports.starts_with("none of the programs.") {
            return Err(expected(
                "`Ports: … (A1).` or `Ports: none of the programs. …`",
            ));
        }
        let description = description(&head).ok_or_else(|| expected(DESCRIPTION))?;
        let paste = field(&head, "Paste").ok_or_else(|| expected("`Paste: …`"))?;
        let quoted = || paste.split('`').skip(1).step_by(2);
        let mut crates = Vec::new();
        for arguments in quoted().filter_map(|quoted| quoted.strip_prefix("cargo add ")) {
            crates.extend(added(arguments).map_err(|error| format!("{path}: {error}"))?);
        }
        let command = format!("$ cargo run --example {name}");
        let is_command = |line: &&str| {
            let rest = line.strip_prefix(&command);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" --"))
        };
        let at = head.iter().position(is_command);
        let fence = at.and_then(|at| head.get(at.checked_sub(1)?));
        let (Some(at), Some(fence)) = (at, fence.and_then(|line| line.strip_prefix("```text")))
        else {
            return Err(expected(&format!(
                "a block of text that begins with `{command}`"
            )));
        };
        let (options, arguments) = match head[at].split_once(" -- ") {
            Some((options, arguments)) => (options, arguments),
            None => (head[at], ""),
        };
        let features = options
            .split_once(" --features ")
            .map_or("", |(_, list)| list);
        let shown = head[at + 1..]
            .iter()
            .take_while(|line| !line.starts_with("```"));
        Ok(Some(Program {
            name: name.to_string(),
            path: path.to_string(),
            description,
            articles,
            names: Names::of(&head).map_err(|error| format!("{path}: {error}"))?,
            files: quoted()
                .filter(|quoted| quoted.ends_with(".rs"))
                .map(str::to_string)
                .collect(),
            crates,
            features: features
                .split(',')
                .filter(|one| !one.is_empty())
                .map(str::to_string)
                .collect(),
            arguments: arguments.split_whitespace().map(str::to_string).collect(),
            transcript: shown.map(|line| line.to_string()).collect(),
            any_order: fence.trim() == "any-order",
        }))
    }

    /// `A7, A8`, or *new*.
    pub fn article(&self) -> String {
        if self.articles.is_empty() {
            return "new".to_string();
        }
        self.articles.join(", ")
    }

    /// How to run it without `just`.
    pub fn command(&self) -> String {
        let mut command = format!("cargo run --example {}", self.name);
        if !self.features.is_empty() {
            command += &format!(" --features {}", self.features.join(","));
        }
        if !self.arguments.is_empty() {
            command += &format!(" -- {}", self.arguments.join(" "));
        }
        command
    }
}

impl Module {
    /// `None` for a private module, whose head has no names.
    fn parse(name: &str, text: &str) -> Result<Option<Module>> {
        let path = format!("src/{name}.rs");
        let head = head(text);
        if field(&head, "asyncio").is_none() && field(&head, "Node").is_none() {
            return Ok(None);
        }
        let paste = field(&head, "Paste").map(|text| Paste::parse(&text));
        if paste.is_none() {
            let expected = "`- Paste: this file; `cargo add …``";
            return Err(format!("{path}: expected {expected} in the head"));
        }
        let description = description(&head);
        Ok(Some(Module {
            name: name.to_string(),
            description: description.ok_or_else(|| format!("{path}: expected {DESCRIPTION}"))?,
            names: Names::of(&head).map_err(|error| format!("{path}: {error}"))?,
            paste,
        }))
    }
}

impl Names {
    fn of(head: &[&str]) -> Result<Names> {
        let names = |field_name: &str| match field(head, field_name) {
            Some(text) if !text.starts_with("no name for it") => names(&text).ok_or_else(|| {
                format!("expected `{field_name}:` and then `` `NAME` (ANSWER), … ``")
            }),
            _ => Ok(Vec::new()),
        };
        Ok(Names {
            asyncio: names("asyncio")?,
            node: names("Node")?,
        })
    }
}

/// The lines at the top of the file, without their `//! `.
fn head(text: &str) -> Vec<&str> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

const DESCRIPTION: &str = "a description that ends with a full stop in the first line";

fn description(head: &[&str]) -> Option<String> {
    let first = head.first().filter(|line| line.ends_with('.'))?;
    // A link of rustdoc leads nowhere on a page.
    let mut parts = first.split("](crate::");
    let mut text = parts.next()?.to_string();
    for part in parts {
        text += part.split_once(')')?.1;
    }
    Some(text.replace("[`", "`").replace("`]", "`"))
}

/// The text of a field, which goes on until the next field or an empty line. It may be an item of a list.
fn field(head: &[&str], name: &str) -> Option<String> {
    const FIELDS: [&str; 6] = ["Ports", "asyncio", "Node", "Paste", "Example", "Examples"];
    let named = |line: &str| {
        let (name, text) = line.strip_prefix("- ").unwrap_or(line).split_once(':')?;
        let name = FIELDS.iter().find(|field| **field == name)?;
        Some((*name, text.trim().to_string()))
    };
    let (at, mut text) = head.iter().enumerate().find_map(|(at, line)| {
        let (found, text) = named(line)?;
        (found == name).then_some((at, text))
    })?;
    let more = head[at + 1..]
        .iter()
        .take_while(|line| !line.is_empty() && named(line).is_none());
    for line in more {
        text.push(' ');
        text.push_str(line.trim());
    }
    Some(text)
}

/// `` `a` (its answer), `b`. ``
fn names(text: &str) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    let mut rest = text.strip_suffix('.').unwrap_or(text);
    while !rest.is_empty() {
        let (name, after) = rest.strip_prefix('`')?.split_once('`')?;
        let mut answer = None;
        rest = after;
        if let Some(after) = after.strip_prefix(" (") {
            let end = closing(after)?;
            answer = Some(after[..end].to_string());
            rest = &after[end + 1..];
        }
        names.push(Name {
            name: name.to_string(),
            answer,
        });
        if !rest.is_empty() {
            rest = rest.strip_prefix(", ")?;
        }
    }
    Some(names)
}

/// Where the parenthesis closes that is open at the beginning.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.find(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open == 0
    })
}

/// `A7` and `A8` in `… (A7, A8).`
fn articles(ports: &str) -> Vec<String> {
    let groups = ports
        .split('(')
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let ids = groups.flat_map(|group| group.split(", "));
    let is_id = |id: &&str| {
        let rest = id.strip_prefix(['A', 'B']);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.len() <= 3)
    };
    ids.filter(is_id).map(str::to_string).collect()
}

/// A10 comes after A9.
fn article_key(id: &str) -> (char, u32, String) {
    let (letter, rest) = id.split_at(1);
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let more = rest[number.len()..].to_string();
    (
        letter.chars().next().unwrap_or('Z'),
        number.parse().unwrap_or(0),
        more,
    )
}

/// The crates that `cargo add` with these arguments adds.
fn added(arguments: &str) -> Result<Vec<Crate>> {
    let mut options = Crate::default();
    let mut names = Vec::new();
    let mut words = arguments.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "--features" => {
                let list = words.next().unwrap_or_default().split(',');
                options.features = list.map(str::to_string).collect();
            }
            "--no-default-features" => options.no_default_features = true,
            "--path" => options.is_by_path = words.next().is_some(),
            option if option.starts_with('-') => {
                return Err(format!("`cargo add {arguments}`: {option} is not expected"));
            }
            name => names.push(name),
        }
    }
    if names.len() != 1 && options != Crate::default() {
        return Err(format!(
            "`cargo add {arguments}`: expected one crate for these options"
        ));
    }
    let named = |name: &str| Crate {
        name: name.to_string(),
        ..options.clone()
    };
    Ok(names.into_iter().map(named).collect())
}

/// The names of what is in this folder, in order.
fn entries(folder: &Path) -> Result<Vec<String>> {
    let error = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(error)? {
        names.push(
            entry
                .map_err(error)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

/// The text of a file of the project.
pub fn text_of(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\
//! Greets `you`.
//!
//! Ports: article A's first two (A7, A8).
//!
//! ```text any-order
//! $ cargo run --example x --features http,redis -- --fast 3
//! hello
//! ```
//!
//! asyncio: `asyncio.sleep(0)` (`yield_now` (of smol)),
//! `await`.
//! Paste: `cargo add a b`, `cargo add c --no-default-features --features d,e`; `y.rs` beside it.
mod y;
";

    #[test]
    fn a_head_says_all_there_is_to_say() {
        let program = Program::parse("x", "x.rs", HEAD).unwrap().unwrap();
        assert_eq!(program.description, "Greets `you`.");
        assert_eq!(program.articles, ["A7", "A8"]);
        assert_eq!(
            program.command(),
            "cargo run --example x --features http,redis -- --fast 3"
        );
        assert_eq!(program.arguments, ["--fast", "3"]);
        assert!(program.any_order && program.transcript == ["hello"]);
        let names = program.names.asyncio.iter();
        let names: Vec<_> = names
            .map(|one| (one.name.as_str(), one.answer.as_deref()))
            .collect();
        let expected = [
            ("asyncio.sleep(0)", Some("`yield_now` (of smol)")),
            ("await", None),
        ];
        assert_eq!(names, expected);
        let crates: Vec<_> = program.crates.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            (crates, program.files),
            (vec!["a", "b", "c"], vec!["y.rs".to_string()])
        );
        assert!(program.crates[2].no_default_features && program.crates[2].features == ["d", "e"]);
        assert!(
            Program::parse("y", "y.rs", "//! A module.\n")
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_module_says_what_a_package_needs_that_takes_it() {
        let head = "\
//! Waits.
//!
//! - asyncio: `asyncio.wait`
//! - Paste: this file and `list.rs`; `cargo add a b`, for Unix
//!   `cargo add c --features d`, elsewhere `cargo add e`; for its examples `cargo add --dev f`.
";
        let module = Module::parse("wait", head).unwrap().unwrap();
        let paste = module.paste.unwrap();
        assert_eq!(paste.sibling.as_deref(), Some("list"));
        let adds = paste.adds(true).into_iter().map(|words| words.join(" "));
        let expected = [
            "a b",
            "c --features d --target cfg(unix)",
            "e --target cfg(not(unix))",
            "--dev f",
        ];
        assert_eq!(adds.collect::<Vec<_>>(), expected);
        assert_eq!(paste.adds(false).len(), 3);

        let error = Module::parse("wait", &head.replace("Paste", "Pasted")).err();
        assert!(
            error
                .unwrap()
                .starts_with("src/wait.rs: expected `- Paste: ")
        );
        assert!(Module::parse("list", "//! A list.\n").unwrap().is_none());
    }

    #[test]
    fn an_error_names_the_file_and_what_was_expected() {
        for (from, to, expected) in [
            ("you`.", "you`", "a description that ends with a full stop"),
            ("Ports:", "Port:", "`Ports: …`, since it has a `main`"),
            ("(A7, A8)", "", "`Ports: … (A1).`"),
            ("Paste:", "Pasted:", "`Paste: …`"),
            (
                "example x",
                "example z",
                "text that begins with `$ cargo run --example x`",
            ),
            ("),\n", ")\n", "`asyncio:` and then"),
            (
                "add a b",
                "add a b --git c",
                "`cargo add a b --git c`: --git is not expected",
            ),
        ] {
            assert!(HEAD.contains(from), "{from:?}");
            let head = HEAD.replace(from, to) + "fn main() {}\n";
            let error = Program::parse("x", "x.rs", &head).err();
            let error = error.unwrap_or_else(|| panic!("{to:?} is taken"));
            assert!(
                error.starts_with("x.rs: ") && error.contains(expected),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
