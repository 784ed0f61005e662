//! The job servers on async-std and on smol do the same, and the page of chapter 20 shows their diff.

#[path = "../../common/mod.rs"]
mod common;

use common::{PATIENCE, Running, start_program};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PAGE: &str = "../../examples/20_async_std/README.md";
const PROGRAMS: [(&str, &str); 2] = [
    ("jobs_async_std", env!("CARGO_BIN_EXE_jobs_async_std")),
    ("jobs_smol", env!("CARGO_BIN_EXE_jobs_smol")),
];

/// Runs both programs at the same time, each with a path without a file.
fn both(test: &str, check: fn(&mut Command, &Path)) {
    thread::scope(|scope| {
        let checks = PROGRAMS.map(|(name, program)| {
            let file = format!("{test}-{name}-{}", std::process::id());
            let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
            let _ = fs::remove_file(&file);
            (
                name,
                scope.spawn(move || {
                    check(
                        Command::new(program).arg(&file).stdin(Stdio::piped()),
                        &file,
                    );
                    let _ = fs::remove_file(&file);
                }),
            )
        });
        for (name, check) in checks {
            assert!(check.join().is_ok(), "{name} failed");
        }
    });
}

/// The running server and its address.
fn start(command: &mut Command) -> (Running, String) {
    let server = start_program("the job server", command);
    let line = server.next_line().text;
    let address = line.strip_prefix("listening on ").expect("an address");
    let address = address.to_string();
    (server, address)
}

/// Ends the server, which succeeds, and returns its last line.
fn finish(server: Running) -> String {
    let mut finished = server.finish();
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(finished.stderr, [""; 0]);
    finished.stdout.pop().unwrap()
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next line, empty at the end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_string()
    }
}

#[test]
fn a_session() {
    both("session", |command, file| {
        let (mut server, address) = start(command);
        let mut client = Client::connect(&address);
        client.send("fib 20\nfi");
        assert_eq!(client.line(), "fib(20) = 6765");
        let mut other = Client::connect(&address);
        other.send("fib ten\n");
        assert_eq!(
            other.line(),
            "expected `fib NUMBER`, up to 40, not `fib ten`"
        );
        client.send("b 21\n");
        assert_eq!(client.line(), "fib(21) = 10946");

        let report = server.next_line().text;
        assert!(report.starts_with("report: "), "{report}");
        server.type_in("status\nfib ");
        while server.next_line().text != "status: 0 waiting, 2 done" {}
        server.type_in("x\n");
        let complaint = "expected `fib NUMBER`, up to 40, not `fib x`";
        while server.next_line().text != complaint {}

        // Jobs that are queued are done, although the end of the commands comes first.
        server.type_in("fib 30\nfib 31\nfib 29\nquit\nfib 40\n");
        assert_eq!(finish(server), "5 results written");
        assert_eq!((client.line(), other.line()), Default::default());
        TcpStream::connect(&address).expect_err("it has stopped listening");

        // The file is appended to, and the end of the input is like `quit`. Its clients get all answers.
        let (mut server, address) = start(command);
        let mut client = Client::connect(&address);
        client.send(&format!("fib 1\nfib 34\n{}", "x\n".repeat(1000)));
        assert_eq!(client.line(), "fib(1) = 1");
        thread::sleep(Duration::from_millis(50)); // until the second is queued, too
        server.type_in("fib 2");
        server.end_input();
        assert_eq!(client.line(), "fib(34) = 5702887");
        for _ in 0..1000 {
            assert!(client.line().ends_with(" not `x`"));
        }
        assert_eq!(client.line(), "");
        assert_eq!(finish(server), "8 results written");

        // A result that is not flushed is lost in some runs only.
        for count in 9..29 {
            let (mut server, _) = start(command);
            server.type_in("fib 1\n");
            server.end_input();
            assert_eq!(finish(server), format!("{count} results written"));
        }

        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|line| {
            let (worker, result) = line.split_once(": fib").expect("the worker's name");
            assert!(["worker 1", "worker 2"].contains(&worker), "{line}");
            result
        });
        let mut results: Vec<&str> = lines.collect();
        results.sort();
        results.dedup();
        let expected = "(1) = 1, (2) = 1, (20) = 6765, (21) = 10946, (29) = 514229, (30) = 832040, \
                        (31) = 1346269, (34) = 5702887";
        assert_eq!(results.join(", "), expected);
    });
}

#[test]
fn a_silent_client() {
    both("silent", |command, _| {
        let (server, address) = start(command);
        let begin = Instant::now();
        let mut client = Client::connect(&address);
        assert_eq!(client.line(), "silent for too long");
        assert_eq!(client.line(), "");
        assert!(begin.elapsed() >= Duration::from_secs(3));
        server.kill();
    });
}

#[test]
fn errors_of_the_file_and_of_standard_input() {
    both("folder", |command, path| {
        let check = |command: &mut Command, input: &[u8], text: &str| {
            let (mut server, _) = start(command);
            server.type_in(input);
            server.end_input();
            let finished = server.finish();
            assert_eq!(finished.status.code(), Some(1));
            assert!(finished.stderr[0].contains(text), "{finished:?}");
        };
        check(command, b"\xff\n", "stream did not contain valid UTF-8");
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
        check(command, b"", "the results need a file");
        fs::remove_dir(path).unwrap();
    });
}

#[test]
#[cfg(unix)]
fn the_end_of_input_on_a_terminal() {
    both("terminal", |command, _| {
        let mut terminal = common::Terminal::open();
        let is_smol = command.get_program().to_string_lossy().ends_with("smol");
        let (mut server, _) = start(command.stdin(terminal.stdin()));
        terminal.type_in("status\n");
        assert_eq!(server.next_line().text, "status: 0 waiting, 0 done");
        terminal.type_in([4]);
        if is_smol {
            assert_eq!(server.status_within(Duration::from_secs(1)), None);
            terminal.type_in([4]);
        }
        assert_eq!(finish(server), "0 results written");
    });
}

#[test]
fn the_page_shows_the_diff() {
    let mut diff = Command::new("diff");
    diff.arg("-U1")
        .args(PROGRAMS.map(|(name, _)| format!("src/bin/{name}.rs")));
    let diff = String::from_utf8(diff.output().unwrap().stdout).unwrap();
    let (_, hunks) = diff.split_once("\n@@ ").expect("a difference");
    let mut wanted = String::new();
    for line in hunks.lines().skip(1) {
        let line = if line.starts_with("@@") {
            "@@"
        } else {
            line.trim_end()
        };
        wanted = wanted + line + "\n";
    }
    let begin =
        "<!-- diff of jobs_async_std.rs and jobs_smol.rs (checked by `just async-std`) -->\n";
    let wanted = format!("{begin}\n```diff\n{wanted}```\n\n<!-- /checked -->");
    let page = fs::read_to_string(PAGE).unwrap();
    if std::env::var_os("WRITE_PAGE").is_some() {
        let (before, rest) = page.split_once(begin).expect(begin);
        let (_, after) = rest.split_once("<!-- /checked -->").expect("an end");
        fs::write(PAGE, format!("{before}{wanted}{after}")).unwrap();
    } else {
        assert!(
            page.contains(&wanted),
            "`WRITE_PAGE=1 just async-std` repairs it:\n{wanted}"
        );
    }
}

#[test]
fn the_code_on_the_page_is_run() {
    /// The lines without their indentation.
    fn trimmed(text: &str) -> String {
        let lines = text.lines().map(str::trim);
        lines.flat_map(|line| ["\n", line]).collect::<String>() + "\n"
    }
    let sources = ["src/bin/case.rs", "tests/differences.rs"];
    let sources = sources.map(|path| trimmed(&fs::read_to_string(path).unwrap()));
    let page = fs::read_to_string(PAGE).unwrap();
    let (_, part) = page.split_once("<!-- snippets: ").expect("snippets");
    let (part, _) = part.split_once("<!-- /snippets -->").expect("an end");
    let snippets: Vec<&str> = part.split("\n```rust,ignore\n").skip(1).collect();
    assert!(snippets.len() > 10);
    for snippet in snippets {
        let (snippet, _) = snippet.split_once("```").expect("an end");
        for part in snippet.split("// …\n") {
            let part = trimmed(part);
            assert!(
                sources.iter().any(|source| source.contains(&part)),
                "in no test: {part}"
            );
        }
    }
}
