//! What an example needs in order to compile somewhere else, read from its code.

use crate::Result;
use crate::project::{Dependency, Example, Project};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The name by which the examples import the library.
pub const LIBRARY: &str = "asyncio_to_smol";

/// The files and crates of one example.
pub struct Uses {
    /// Files of its chapter, or of another one: where they are, and where they are to be, seen from the
    /// folder of a package whose `src/main.rs` is the example.
    pub chapter_files: Vec<(String, PathBuf)>,
    /// The modules of the library, those that these modules use among them.
    pub modules: Vec<Module>,
    /// The crates, each with the features that are used.
    pub dependencies: Vec<Dependency>,
    /// Those that the example and the files of its chapter use.
    pub own_dependencies: Vec<Dependency>,
    /// Those that the modules of the library use.
    pub library_dependencies: Vec<Dependency>,
}

/// A module of the library.
pub struct Module {
    pub name: String,
    pub is_public: bool,
    /// From the root of the project. More than one if it has modules of its own.
    pub files: Vec<String>,
}

impl Uses {
    /// Reads the example, and what it uses.
    pub fn of(project: &Project, example: &Example) -> Result<Uses> {
        let code = Code::read(project, &example.path)?;
        let mut own_paths = code.paths;
        let mut chapter_files = Vec::new();
        for module in &code.modules {
            let (from, to) = chapter_file(example, module)?;
            let code = Code::read(project, &from)?;
            if let Some(module) = code.modules.first() {
                return Err(format!("{from}: `mod {};` in a chapter's file", module.name).into());
            }
            own_paths.extend(code.paths);
            chapter_files.push((from, to));
        }

        let library = Code::read(project, "src/lib.rs")?.modules;
        let mut names = seconds(&own_paths, LIBRARY);
        let mut library_paths = BTreeSet::new();
        let mut modules: Vec<Module> = Vec::new();
        while let Some(name) = names.pop() {
            if modules.iter().any(|module| module.name == name) {
                continue;
            }
            let declared = library.iter().find(|module| module.name == name);
            let declared = declared
                .ok_or_else(|| format!("{}: the library has no module {name:?}", example.path))?;
            let files = files_of(project, &name)?;
            for file in &files {
                let code = Code::read(project, file)?;
                names.extend(seconds(&code.paths, "crate"));
                library_paths.extend(code.paths);
            }
            modules.push(Module {
                is_public: declared.is_public,
                name,
                files,
            });
        }
        modules.sort_by(|one, other| one.name.cmp(&other.name));
        chapter_files.sort();

        let all: BTreeSet<Vec<String>> = own_paths.union(&library_paths).cloned().collect();
        Ok(Uses {
            dependencies: crates_in(project, &all),
            own_dependencies: crates_in(project, &own_paths),
            library_dependencies: crates_in(project, &library_paths),
            chapter_files,
            modules,
        })
    }
}

/// The crates that these paths name, with the features they need.
fn crates_in(project: &Project, paths: &BTreeSet<Vec<String>>) -> Vec<Dependency> {
    let used = |dependency: &&Dependency| !seconds(paths, &crate_name(dependency)).is_empty();
    let dependencies = project.dependencies.iter().filter(used).cloned();
    let dependencies = dependencies.map(|mut dependency| {
        let of_it = paths
            .iter()
            .filter(|path| path[0] == crate_name(&dependency));
        let segments: BTreeSet<&String> = of_it.flatten().collect();
        // A feature has the name of the module that it brings, unless it cannot be a name.
        (dependency.features).retain(|feature| feature.contains('-') || segments.contains(feature));
        dependency
    });
    dependencies.collect()
}

fn crate_name(dependency: &Dependency) -> String {
    dependency.name.replace('-', "_")
}

/// What follows `first::` in these paths, each once.
fn seconds(paths: &BTreeSet<Vec<String>>, first: &str) -> Vec<String> {
    let seconds = paths.iter().filter(|path| path[0] == first);
    let seconds: BTreeSet<&String> = seconds.map(|path| &path[1]).collect();
    seconds.into_iter().cloned().collect()
}

/// Where a module of an example is, and where it is to be.
fn chapter_file(example: &Example, module: &Declared) -> Result<(String, PathBuf)> {
    let (folder, _) = (example.path.rsplit_once('/')).ok_or("an example outside of a folder")?;
    Ok(match &module.path {
        None => {
            let file = format!("{}.rs", module.name);
            (format!("{folder}/{file}"), Path::new("src").join(file))
        }
        Some(path) => {
            let beside = path.strip_prefix("../").filter(|path| !path.contains(".."));
            let beside = beside.ok_or_else(|| {
                format!(
                    "{}: #[path = {path:?}]: expected ../FOLDER/FILE",
                    example.path
                )
            })?;
            (format!("examples/{beside}"), PathBuf::from(beside))
        }
    })
}

/// The files of a module of the library.
fn files_of(project: &Project, module: &str) -> Result<Vec<String>> {
    let file = format!("src/{module}.rs");
    let mut files = vec![file.clone()];
    for inner in Code::read(project, &file)?.modules {
        files.push(format!("src/{module}/{}.rs", inner.name));
    }
    Ok(files)
}

/// What can be read from a file without compiling it.
#[derive(Default)]
struct Code {
    /// `a::b::c` as its segments, two at least. `a::{b, c::d}` is two paths.
    paths: BTreeSet<Vec<String>>,
    /// `mod name;`
    modules: Vec<Declared>,
}

struct Declared {
    name: String,
    is_public: bool,
    /// `#[path = "…"]`
    path: Option<String>,
}

impl Code {
    fn read(project: &Project, file: &str) -> Result<Code> {
        let tokens: TokenStream = (project.text_of(file)?.parse())
            .map_err(|error| format!("{file}: not Rust: {error}"))?;
        let mut code = Code::default();
        code.add(tokens);
        Ok(code)
    }

    fn add(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            if let Some(name) = declared_module(rest) {
                let before = tokens[..at].iter().rev();
                // `pub`, `#[path = "…"]`, and other attributes.
                let before = before.take_while(|token| !is_punct(token, ';'));
                let before: Vec<&TokenTree> = before.collect();
                self.modules.push(Declared {
                    name,
                    is_public: before.first().is_some_and(|token| is_ident(token, "pub")),
                    path: before.iter().find_map(|token| path_attribute(token)),
                });
            }
            at += match &rest[0] {
                TokenTree::Ident(_) => self.add_path(rest, &[]),
                TokenTree::Group(group) => {
                    self.add(group.stream());
                    1
                }
                _ => 1,
            };
        }
    }

    /// Adds the path that begins here, after `before`, and returns how many tokens it has.
    fn add_path(&mut self, tokens: &[TokenTree], before: &[String]) -> usize {
        let mut path = before.to_vec();
        let mut at = 0;
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            path.push(ident.to_string());
            at += 1;
            let goes_on = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
            if !(goes_on(at) && goes_on(at + 1)) {
                break;
            }
            at += 2;
            if let Some(braced) = tokens
                .get(at)
                .and_then(|token| group(token, Delimiter::Brace))
            {
                let inside: Vec<TokenTree> = braced.stream().into_iter().collect();
                for branch in inside.split(|token| is_punct(token, ',')) {
                    self.add_path(branch, &path);
                }
                return at + 1;
            }
        }
        if path.len() > 1 {
            self.paths.insert(path);
        }
        at.max(1)
    }
}

/// The name in `mod name;`
fn declared_module(tokens: &[TokenTree]) -> Option<String> {
    let [keyword, TokenTree::Ident(name), end, ..] = tokens else {
        return None;
    };
    (is_ident(keyword, "mod") && is_punct(end, ';')).then(|| name.to_string())
}

/// The text in `[path = "…"]`
fn path_attribute(token: &TokenTree) -> Option<String> {
    let attribute = group(token, Delimiter::Bracket)?.stream().to_string();
    let path = attribute.strip_prefix("path = ")?;
    Some(path.trim_matches('"').to_string())
}

fn is_ident(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == text)
}

fn is_punct(token: &TokenTree, text: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == text)
}

fn group(token: &TokenTree, delimiter: Delimiter) -> Option<&proc_macro2::Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        let mut code = Code::default();
        code.add(text.parse().expect("Rust"));
        code
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let text = r#"
            //! In a comment `a::comment` is none,
            use b::{self, c::{d, e as f}, g};
            fn h() -> Vec<i::J> {
                let k = "l::m"; // nor is it in a text.
                println!("{}", n::<o::P>::q(r));
            }
        "#;
        let paths = code(text).paths;
        let paths: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(
            paths,
            ["b::c::d", "b::c::e", "b::g", "b::self", "i::J", "o::P"]
        );
    }

    #[test]
    fn modules_with_a_file_of_their_own() {
        let text = r#"
            mod a;
            pub mod b;
            #[path = "../x/c.rs"] mod c;
            mod inline { fn d() {} }
        "#;
        let modules = code(text).modules;
        let modules: Vec<_> = modules
            .iter()
            .map(|module| {
                (
                    module.name.as_str(),
                    module.is_public,
                    module.path.as_deref(),
                )
            })
            .collect();
        let c = ("c", false, Some("../x/c.rs"));
        assert_eq!(modules, [("a", false, None), ("b", true, None), c]);
    }

    /// Compiling a copy shows which are missing. It cannot show which are not needed: the crate may have
    /// them on behalf of another one.
    #[test]
    fn features_are_those_that_are_used() {
        let project = Project::read().expect("this project");
        let features = |example: &str, name: &str| {
            let example = project.example(example).expect("an example");
            let uses = Uses::of(&project, example).expect("what it uses");
            let mut dependencies = uses.dependencies.into_iter();
            let dependency = dependencies.find(|dependency| dependency.name == name);
            dependency.expect("a crate that it uses").features.join(",")
        };
        assert_eq!(features("hello_event_loop", "rustix"), "event");
        assert_eq!(features("sms_server", "rustix"), "net,process");
        assert_eq!(features("sms_server", "hyper"), "http1,server");
        assert_eq!(features("sms_customer", "hyper"), "client,http1,server");
        assert_eq!(features("queue_workers", "redis"), "smol-comp");
        assert_eq!(features("million_sleepers", "rustix"), "time");
        assert_eq!(features("busy_server", "rustix"), "net,process,time");
    }
}
