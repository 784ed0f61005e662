//! The heads of the programs and of the library's modules. They are the only list of both.

use super::Result;
use super::play::Transcript;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub struct Heads {
    pub chapters: Vec<Chapter>,
    /// The public ones.
    pub modules: Vec<Program>,
}

pub struct Chapter {
    pub number: u32,
    pub title: String,
    /// In `examples/`.
    pub folder: String,
    /// Those of the articles in their order, then those of our own as the chapter's page shows them.
    pub programs: Vec<Program>,
}

/// A program, or a module of the library, which has nothing from `articles` on.
pub struct Program {
    pub name: String,
    /// From the root of the project, with `/`.
    pub path: String,
    pub description: String,
    pub names: Names,
    /// The arguments of each `cargo add` that `Paste: …` names.
    pub adds: Vec<String>,
    /// The files that it names: `scale.rs` is beside the program, `12_http/client.rs` in another chapter.
    pub files: Vec<String>,
    /// The programs of the articles that it ports, such as `A7`.
    pub articles: Vec<String>,
    /// Whether its transcript is checked on this system: not if it says `Unix only: …` and this is another.
    pub is_played: bool,
    /// How to run it without `just`.
    pub command: String,
    pub transcript: Transcript,
}

/// Names that a reader would search for, and what takes their place, as Markdown.
pub type List = Vec<(String, Option<String>)>;

pub struct Names {
    pub asyncio: List,
    pub node: List,
}

impl Heads {
    /// Reads the heads of the project in this folder.
    pub fn read(root: &Path) -> Result<Heads> {
        let folders = entries(root, "examples", "")?;
        let folders = folders.iter().filter(|name| !name.contains('.'));
        let chapters = folders.map(|folder| Chapter::read(root, folder));
        let chapters = chapters.collect::<Result<_>>()?;
        let modules = heads_in(root, "src")?;
        Ok(Heads { chapters, modules })
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
        let heading = page.lines().next().and_then(|line| {
            let (number, title) = line.strip_prefix("# Chapter ")?.split_once(": ")?;
            Some((number.parse().ok()?, title.to_string()))
        });
        let mut programs = heads_in(root, &format!("examples/{folder}"))?;
        programs.sort_by_cached_key(|program| {
            // A10 comes after A9.
            let key = |id: &String| (id.trim_end_matches(char::is_lowercase).len(), id.clone());
            let article = program.articles.first().map(key);
            let place = page.find(&format!("\n$ {}\n", program.command));
            (article.is_none(), article, place)
        });
        let expected = || format!("{path}: expected `# Chapter N: …` in the first line");
        let (number, title) = heading.ok_or_else(expected)?;
        Ok(Chapter {
            number,
            title,
            folder: folder.to_string(),
            programs,
        })
    }
}

fn heads_in(root: &Path, folder: &str) -> Result<Vec<Program>> {
    let mut heads = Vec::new();
    for name in entries(root, folder, ".rs")? {
        let path = format!("{folder}/{name}");
        heads.extend(Program::parse(&path, &text_of(root, &path)?)?);
    }
    Ok(heads)
}

impl Program {
    /// `None` if the file is neither a program nor a public module: then its head names nothing.
    pub fn parse(path: &str, text: &str) -> Result<Option<Program>> {
        let expected = |what: &str| format!("{path}: expected {what} in the head");
        let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
        let head: String = lines.flat_map(|line| [line, "\n"]).collect();
        let fields = fields(&head);
        let is_program = fields.contains_key("Ports");
        if !is_program && text.lines().any(|line| line.starts_with("fn main()")) {
            return Err(expected("`Ports: …`, since it has a `main`,"));
        }
        let text_of = |name: &str| fields.get(name).map_or("", String::as_str);
        let [ports, asyncio, node] = ["Ports", "asyncio", "Node"].map(text_of);
        let is_module = path.starts_with("src/") && !(asyncio.is_empty() && node.is_empty());
        if !is_program && !is_module {
            return Ok(None);
        }
        let words = ports.split(['(', ')', ',', ' ']);
        let is_id = |word: &&str| word.starts_with(['A', 'B']) && word.contains(char::is_numeric);
        let articles: Vec<String> = words.filter(is_id).map(str::to_string).collect();
        if is_program && articles.is_empty() && !ports.starts_with("none of the programs.") {
            let what = "`Ports: … (A1).` or `Ports: none of the programs. …`";
            return Err(expected(what));
        }
        let what = "a description that ends with a full stop in the first line";
        let first = head.lines().next().filter(|line| line.ends_with('.'));
        let description = first.ok_or_else(|| expected(what))?.to_string();
        let paste = fields.get("Paste").ok_or_else(|| expected("`Paste: …`"))?;
        let (adds, files) = pasted(paste);
        let wrong = || expected("`asyncio:` and `Node:` and then `` `NAME` (ANSWER), … ``");
        let asyncio = names(asyncio).ok_or_else(wrong)?;
        let node = names(node).ok_or_else(wrong)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.trim_end_matches(".rs").to_string();
        let command = format!("cargo run --example {name}");
        let block = |fence| head.split_once(&format!("{fence}\n$ {command}"));
        let (in_order, any_order) = (block("```text"), block("```text any-order"));
        let what = format!("a block of text that begins with `$ {command}`");
        let block = in_order.or(any_order).or((!is_program).then_some(("", "")));
        let (_, block) = block.ok_or_else(|| expected(&what))?;
        let (block, _) = block.split_once("```").unwrap_or_default();
        let (options, shown) = block.split_once('\n').unwrap_or_default();
        let (_, arguments) = options.split_once(" -- ").unwrap_or_default();
        let transcript = Transcript {
            arguments: arguments.to_string(),
            text: shown.to_string(),
            any_order: in_order.is_none(),
        };
        Ok(Some(Program {
            name,
            path: path.to_string(),
            description,
            names: Names { asyncio, node },
            adds,
            files,
            articles,
            is_played: cfg!(unix) || !fields.contains_key("Unix only"),
            command: command + options,
            transcript,
        }))
    }

    /// `A7, A8`, or *new*.
    pub fn article(&self) -> String {
        match &self.articles[..] {
            [] => "new".to_string(),
            articles => articles.join(", "),
        }
    }

    /// What `--features` says in the command.
    pub fn features(&self) -> Vec<&str> {
        let (_, features) = self.command.split_once(" --features ").unwrap_or_default();
        let (features, _) = features.split_once(' ').unwrap_or((features, ""));
        features.split_terminator(',').collect()
    }
}

/// What is behind `NAME:` in a line, or in an item of a list, until the next field or an empty line.
fn fields(head: &str) -> BTreeMap<&str, String> {
    const FIELDS: &str = "Ports|asyncio|Node|Paste|Example|Examples|Unix only";
    let (mut fields, mut open) = (BTreeMap::<&str, String>::new(), "");
    for line in head.lines() {
        match line.trim_start_matches("- ").split_once(':') {
            Some((name, text)) if FIELDS.split('|').any(|field| field == name) => {
                fields.insert(name, text.trim().to_string());
                open = name;
            }
            _ if line.is_empty() => open = "",
            _ => *fields.entry(open).or_default() += &format!(" {}", line.trim()),
        }
    }
    fields
}

/// `` `a` (its answer), `b`. ``
fn names(text: &str) -> Option<List> {
    if text.is_empty() || text.starts_with("no name for it") {
        return Some(Vec::new());
    }
    let mut depth = 0;
    let parts = text.strip_suffix('.').unwrap_or(text).split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let names = parts.map(|part| {
        let (name, answer) = part.trim().strip_prefix('`')?.split_once('`')?;
        let answer = match answer {
            "" => None,
            _ => Some(answer.strip_prefix(" (")?.strip_suffix(')')?.to_string()),
        };
        Some((name.to_string(), answer))
    });
    names.collect()
}

/// The arguments of each `cargo add` in what `Paste:` says, and the files.
fn pasted(paste: &str) -> (Vec<String>, Vec<String>) {
    let (mut adds, mut files) = (Vec::new(), Vec::new());
    let parts: Vec<&str> = paste.split('`').collect();
    for pair in parts.chunks_exact(2) {
        let (before, quoted) = (pair[0].trim_end(), pair[1]);
        if quoted.ends_with(".rs") {
            files.push(quoted.to_string());
        } else if let Some(arguments) = quoted.strip_prefix("cargo add ") {
            let target = match before {
                _ if before.ends_with("for Unix") => " --target cfg(unix)",
                _ if before.ends_with("elsewhere") => " --target cfg(not(unix))",
                _ => "",
            };
            adds.push(format!("{arguments}{target}"));
        }
    }
    (adds, files)
}

/// The names in this folder that end like this, in order.
fn entries(root: &Path, folder: &str, end: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(root.join(folder));
    let entries = entries.map_err(|error| format!("{folder}: {error}"))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    Ok(names)
}

/// The text of a file of the project.
pub fn text_of(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}
