//! The job server on async-std and the one on smol do the same, and the page shows what differs between them.

#[path = "../../common/mod.rs"]
mod common;
mod page;

use common::{PATIENCE, Running, start_program};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAMS: [(&str, &str); 2] = [
    ("jobs_async_std", env!("CARGO_BIN_EXE_jobs_async_std")),
    ("jobs_smol", env!("CARGO_BIN_EXE_jobs_smol")),
];

/// Checks the same of both programs, at the same time.
fn both(check: fn(&str, &str)) {
    thread::scope(|scope| {
        let checks = PROGRAMS.map(|(name, path)| (name, scope.spawn(move || check(name, path))));
        for (name, check) in checks {
            assert!(check.join().is_ok(), "{name} failed");
        }
    });
}

/// A name for a file that is not there.
fn no_file(test: &str, program: &str) -> PathBuf {
    let name = format!("{test}-{program}-{}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// The running server and its address.
fn start(name: &str, program: &str, file: &PathBuf) -> (Running, String) {
    let mut command = Command::new(program);
    let server = start_program(name, command.arg(file).stdin(Stdio::piped()));
    let line = server.next_line().text;
    let address = line.strip_prefix("listening on ").expect("an address");
    let address = address.to_string();
    (server, address)
}

struct Client {
    stream: TcpStream,
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Client {
    fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        Client { stream, lines }
    }

    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next line, if the connection is not at its end.
    fn line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.unwrap())
    }
}

/// The results in the file, without the worker that has written each, in alphabetical order.
fn results(file: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let result = |line: &str| {
        let (worker, result) = line.split_once(": ").expect("the worker's name");
        assert!(["worker 1", "worker 2"].contains(&worker), "{line}");
        result.to_string()
    };
    let mut results: Vec<_> = text.lines().map(result).collect();
    results.sort();
    results
}

#[test]
fn a_session_from_the_first_command_to_the_end() {
    both(|name, program| {
        let file = no_file("session", name);
        let (mut server, address) = start(name, program, &file);

        let mut client = Client::connect(&address);
        client.send("fib 20\nfi");
        assert_eq!(client.line().unwrap(), "fib(20) = 6765");
        // The other half later: it is one command.
        let mut other = Client::connect(&address);
        other.send("fib ten\n");
        let expected = "expected `fib NUMBER`, up to 40, not `fib ten`";
        assert_eq!(other.line().unwrap(), expected);
        client.send("b 21\n");
        assert_eq!(client.line().unwrap(), "fib(21) = 10946");

        let report = server.next_line().text;
        assert!(report.starts_with("report: "), "{report}");
        server.type_in("fib x\n");
        let complaint = "expected `fib NUMBER`, up to 40, not `fib x`";
        while server.next_line().text != complaint {}
        server.type_in("status\n");
        while server.next_line().text != "status: 0 waiting, 2 done" {}

        // What has been asked for is done and written, although the end comes first.
        other.send("fib 22\n");
        assert_eq!(other.line().unwrap(), "fib(22) = 17711");
        server.type_in("fib 30\nfib 31\nfib 29\nquit\nfib 40\n");
        let finished = server.finish();
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.stdout.last().unwrap(), "6 results written");
        assert_eq!(finished.stderr, [""; 0]);
        assert_eq!(client.line(), None);
        assert_eq!(other.line(), None);
        TcpStream::connect(&address).expect_err("it does not listen any more");
        let mut expected = [
            "fib(20) = 6765",
            "fib(21) = 10946",
            "fib(22) = 17711",
            "fib(29) = 514229",
            "fib(30) = 832040",
            "fib(31) = 1346269",
        ]
        .map(String::from);
        expected.sort();
        assert_eq!(results(&file), expected);

        // It appends, and the end of the input ends it like `quit`.
        let (mut server, _) = start(name, program, &file);
        server.type_in("fib 1\n");
        server.end_input();
        let finished = server.finish();
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.stdout.last().unwrap(), "7 results written");
        assert_eq!(results(&file).len(), 7);
        std::fs::remove_file(&file).unwrap();
    });
}

#[test]
fn a_client_gets_its_answer_although_the_server_is_ending() {
    both(|name, program| {
        let file = no_file("ending", name);
        let (mut server, address) = start(name, program, &file);
        let mut client = Client::connect(&address);
        client.send("fib 1\n");
        assert_eq!(client.line().unwrap(), "fib(1) = 1");
        // Long enough for the server to be told to end while it works at it.
        client.send("fib 34\n");
        thread::sleep(Duration::from_millis(50));
        server.end_input();
        assert_eq!(client.line().unwrap(), "fib(34) = 5702887");
        assert_eq!(client.line(), None);
        let finished = server.finish();
        assert_eq!(finished.stdout.last().unwrap(), "2 results written");
        std::fs::remove_file(&file).unwrap();
    });
}

#[test]
fn a_client_that_says_nothing_is_told_so() {
    both(|name, program| {
        let file = no_file("silent", name);
        let (server, address) = start(name, program, &file);
        let begin = Instant::now();
        let mut client = Client::connect(&address);
        assert_eq!(client.line().unwrap(), "silent for too long");
        assert_eq!(client.line(), None);
        assert!(begin.elapsed() >= Duration::from_secs(3));
        server.kill();
        std::fs::remove_file(&file).unwrap();
    });
}

#[test]
fn what_is_no_file_is_said_at_the_end() {
    both(|name, program| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (mut server, _) = start(name, program, &folder);
        server.end_input();
        let finished = server.finish();
        assert_eq!(finished.status.code(), Some(1));
        assert!(finished.stderr[0].contains("the results need a file"));
    });
}

#[test]
fn the_page_shows_the_diff() {
    let [before, after] = PROGRAMS.map(|(name, _)| page::source(&format!("src/bin/{name}.rs")));
    let diff = page::diff(&before, &after);
    page::has_part("diff of jobs_async_std.rs and jobs_smol.rs", "diff", &diff);
}

#[test]
fn the_code_on_the_page_is_run() {
    let sources = ["src/bin/case.rs", "tests/differences.rs"].map(page::source);
    let mut not_there = Vec::new();
    let snippets = page::snippets();
    assert!(snippets.len() > 10);
    for snippet in &snippets {
        let mut parts = snippet.split("// …\n");
        if !parts.all(|part| sources.iter().any(|source| page::contains(source, part))) {
            not_there.push(snippet);
        }
    }
    assert!(not_there.is_empty(), "in no test: {not_there:#?}");
}
