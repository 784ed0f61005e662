//! Chapter 12: the server and clients of all kinds, the customer and servers of all kinds.

#[path = "../../examples/12_http/hyper_io.rs"]
mod hyper_io;
#[path = "../../examples/12_http/service.rs"]
mod service;

use crate::common::{Running, example, say, start, start_program};
use crate::{NONE, check_all, count_done, ended, interrupt, wait_until};
use asyncio_to_smol::tcp_stream::TcpStream as TcpStreamOfOurs;
use rustix::process::{Resource, Signal, getrlimit};
use smol::{LocalExecutor, channel, future};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

pub fn checks() -> Vec<(&'static str, fn())> {
    service::raise_open_files_limit(); // for the clients
    vec![
        ("answers", the_server_answers),
        ("waiting requests", five_hundred_requests_wait_together),
        ("clients cut off", rude_clients_are_cut_off),
        ("too few files", too_few_open_files),
        ("cut connections", cut_connections),
        ("graceful stop", stopping_lets_requests_end),
        ("requests in sockets", requests_in_sockets_are_answered),
        ("a request at the stop", a_request_at_the_stop_is_answered),
        ("stop limit", stopping_takes_five_seconds_at_most),
        ("failures", failures_reach_the_main_thread),
        ("no server", what_the_page_shows),
        ("connections", connections_are_used_again),
        ("64 at once", at_most_64_requests_at_once),
        ("Ctrl-C", control_c_lists_what_has_failed),
    ]
}

struct Server {
    running: Running,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        Server::start_with("-c 0")
    }

    fn start_with(limit: &str) -> Server {
        let script = format!("ulimit {limit} && exec \"$0\" --listen 127.0.0.1:0");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(example("sms_server"));
        let running = start_program("sms_server", &mut command);
        let line = running.next_line().text;
        let address = line.strip_prefix("Listening on http://").unwrap();
        let address = address.parse().unwrap();
        Server { running, address }
    }

    fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    fn ask(&self, path: &str) -> Client {
        let mut client = self.connect();
        client.ask("GET", path);
        client
    }

    /// Other clients do not wait until a connection is cut off, which takes 10 s.
    fn assert_is_quick(&self) {
        let begin = Instant::now();
        assert_eq!(self.ask("/0").answer(), "200 0 It works");
        assert!(begin.elapsed() < Duration::from_secs(8));
    }

    fn stop(self) {
        assert_eq!(interrupt(self.running), NONE);
    }
}

/// Up to the empty line, or `None` at the end of the connection.
fn read_head(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// A connection. HTTP by hand, so that it can be done wrong.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Client {
        Client(BufReader::new(TcpStream::connect(address).unwrap()))
    }

    fn send(&mut self, bytes: &str) {
        self.0.get_ref().write_all(bytes.as_bytes()).unwrap();
    }

    fn ask(&mut self, method: &str, path: &str) {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    /// Status, body and some headers of the next answer, or "closed".
    fn answer(&mut self) -> String {
        let Some(head) = read_head(&mut self.0) else {
            return "closed".to_string();
        };
        let head = head.to_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap();
        let answer = format!("{status} {}", String::from_utf8(body).unwrap());
        let headers = ["allow: get", "connection: close"].into_iter();
        let headers = headers.filter(|header| head.contains(header));
        headers.fold(answer, |answer, header| format!("{answer}; {header}"))
    }
}

fn the_server_answers() {
    let server = Server::start();
    for (method, paths, expected) in [
        ("GET", "/0 /000?a=b", "200 0 It works"),
        (
            "GET",
            "/3601 /99999999999999999999",
            "400 at most 3600 seconds",
        ),
        ("POST", "/1 /error", "405 only GET is allowed; allow: get"),
        ("GET", "/ /-1 /+1 /1.5 /1/ /errors", "404 not found"),
        ("POST", "/nothing", "404 not found"),
    ] {
        for path in paths.split(' ') {
            let mut client = server.connect();
            client.ask(method, path);
            assert_eq!(client.answer(), expected, "{method} {path}");
            // The connection is good for another one.
            client.ask("GET", "/0");
            assert_eq!(client.answer(), "200 0 It works");
        }
    }
    server.stop();
}

/// Beside 10 000 clients that are silent.
fn five_hundred_requests_wait_together() {
    let server = Server::start_with("-S -n 256"); // it raises the limit
    let hard_limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let n = hard_limit.saturating_sub(3000).min(10_000);
    if n < 10_000 {
        say(format_args!("only {n} idle connections can be tested"));
    }
    let idle: Vec<Client> = (0..n).map(|_| server.connect()).collect();
    let begin = Instant::now();
    let paths = ["/error", "/2", "/2", "/2", "/2"];
    let clients = paths.iter().cycle().take(500);
    let clients: Vec<Client> = clients.map(|path| server.ask(path)).collect();
    for (number, mut client) in clients.into_iter().enumerate() {
        let answers = ["200 error!", "200 2 It works"];
        assert_eq!(client.answer(), answers[usize::from(number % 5 > 0)]);
    }
    let took = begin.elapsed().as_secs_f64();
    assert!((3.0..60.0).contains(&took), "{took} s");
    drop(idle);
    server.assert_is_quick();
    server.stop();
}

/// Silent, slow, greedy, or without HTTP.
fn rude_clients_are_cut_off() {
    let with = |headers: &str| format!("GET /0 HTTP/1.1\r\n{headers}\r\n");
    let large = |size| with(&format!("X: {}\r\n", "x".repeat(size)));
    let server = Server::start();
    // What they send; what they add again and again without reading; the answer; the seconds until they are cut off.
    let cases = [
        ("", "", "", 10..20),
        ("GET /0 HTTP/1.1\r\nHost: test\r\n", "", "", 10..20),
        ("GET /0 HTTP/1.1\r\nX: ", "x", "", 10..20),
        ("", &*with("").repeat(1000), "", 10..60), // some finds room only later
        (&*large(15_000), "", "200", 10..20),
        (&*large(17_000), "", "431", 0..8),
        (&*with(&"a: b\r\n".repeat(101)), "", "431", 0..8),
        ("hello\r\n\r\n", "", "400", 0..8),
    ];
    let mut waits = server.ask("/12"); // which is not silent
    let address = server.address;
    check_all(cases, |(first, again, answer, seconds)| {
        let what = &first[..first.len().min(40)];
        let begin = Instant::now();
        let mut client = Client::connect(address);
        client.send(first);
        let mut stream = client.0.get_ref();
        while !again.is_empty() && stream.write_all(again.as_bytes()).is_ok() {
            sleep(Duration::from_millis(100));
        }
        if !answer.is_empty() {
            assert!(client.answer().starts_with(answer), "{what}");
        }
        if again.is_empty() {
            assert_eq!(client.answer(), "closed", "{what}");
        }
        let took = begin.elapsed();
        assert!(seconds.contains(&took.as_secs()), "{what}: {took:?}");
    });
    server.assert_is_quick();
    assert_eq!(waits.answer(), "200 12 It works");
    server.stop();
}

/// Those that cannot be accepted wait; the server says so once, and goes on.
fn too_few_open_files() {
    let server = Server::start_with("-n 64");
    let clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    let complaint = server.running.next_complaint().text;
    let cannot = "sms_server: cannot accept a connection: ";
    assert!(complaint.starts_with(cannot), "{complaint}");
    let mut last = server.ask("/0");
    sleep(Duration::from_millis(500)); // it tries again, and is silent
    drop(clients);
    assert_eq!(last.answer(), "200 0 It works");
    server.assert_is_quick();
    server.stop(); // no other complaint
}

/// The server notices. Also behind a byte that hyper has read, which keeps it from looking; then it takes up to
/// 10 s.
fn cut_connections() {
    let server = Server::start();
    for _ in 0..40 {
        server.ask("/3600");
        server.ask("/3600").send("G");
    }
    server.assert_is_quick(); // which the server has by then
    let files = format!("/proc/{}/fd", server.running.pid());
    let is_noticed = || fs::read_dir(&files).unwrap().count() < 20;
    wait_until("cut connections are closed", is_noticed);
    server.stop();
}

fn stopping_lets_requests_end() {
    let server = Server::start();
    let mut idle = server.ask("/0");
    assert_eq!(idle.answer(), "200 0 It works");
    let new = server.connect();
    let mut half = server.connect();
    half.send("GET /0 HTTP/1.1\r\n");
    let mut asks = server.ask("/4");
    server.assert_is_quick(); // which the server has by then
    server.running.signal(Signal::INT);
    // Those without a request are closed at once, and there are no more.
    let stopping = Instant::now();
    for mut client in [idle, new, half] {
        assert_eq!(client.answer(), "closed");
    }
    let took = stopping.elapsed();
    assert!(took < Duration::from_millis(3500), "{took:?}: not at once");
    assert!(TcpStream::connect(server.address).is_err());
    assert_eq!(asks.answer(), "200 4 It works; connection: close");
    assert_eq!(ended(server.running, 130).stderr, NONE);
}

/// Sent before Ctrl-C, and not seen by the server yet: over connections that are new, used, or not accepted.
fn requests_in_sockets_are_answered() {
    let server = Server::start();
    let mut clients: Vec<Client> = (0..300).map(|_| server.connect()).collect();
    for client in clients.iter_mut().step_by(2) {
        client.ask("GET", "/0");
        assert_eq!(client.answer(), "200 0 It works");
    }
    server.running.signal(Signal::STOP);
    for client in &mut clients {
        client.ask("GET", "/0");
    }
    clients.extend((0..100).map(|_| server.ask("/0")));
    server.running.signal(Signal::INT);
    server.running.signal(Signal::CONT);
    for mut client in clients {
        assert!(client.answer().starts_with("200 0 It works"));
    }
    assert_eq!(ended(server.running, 130).stderr, NONE);
}

/// The loop does not turn between the request and the end, so that hyper is not told of it.
fn a_request_at_the_stop_is_answered() {
    smol::block_on(async {
        let listener = service::listen("127.0.0.1:0").await.unwrap();
        let mut client = Client::connect(listener.local_addr().unwrap());
        let (running, stopped) = channel::bounded::<()>(1);
        let stop = async { _ = stopped.recv().await };
        let executor = LocalExecutor::new();
        let serve = executor.spawn(service::serve(listener, stop, TcpStreamOfOurs::new));
        for _ in 0..100 {
            executor.try_tick();
            future::yield_now().await; // it is accepted
        }
        client.ask("GET", "/0");
        running.close();
        while executor.try_tick() {}
        executor.run(serve).await.unwrap();
        assert!(client.answer().starts_with("200 0 It works"));
    });
}

fn stopping_takes_five_seconds_at_most() {
    let ways: [(&[Signal], i32, f64, f64); 3] = [
        (&[Signal::INT], 130, 5.0, 30.0),
        (&[Signal::TERM], 143, 5.0, 30.0),
        (&[Signal::INT, Signal::INT], 130, 0.0, 4.9),
    ];
    check_all(ways, |(signals, status, least, most)| {
        let server = Server::start();
        let mut client = server.ask("/3600");
        server.assert_is_quick();
        let begin = Instant::now();
        for signal in signals {
            server.running.signal(*signal);
            let is_closed = || TcpStream::connect(server.address).is_err();
            wait_until("the first signal is dealt with", is_closed);
            sleep(Duration::from_millis(600)); // what comes sooner is no second one
        }
        assert_eq!(ended(server.running, status).stderr, NONE);
        let took = begin.elapsed().as_secs_f64();
        assert!(took >= least && took < most, "{took} s");
        assert_eq!(client.answer(), "closed");
    });
}

struct FakeServer {
    url: String,
    connections: &'static AtomicUsize,
}

impl FakeServer {
    fn start() -> FakeServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = &*Box::leak(Box::default());
        let all_64 = &*Box::leak(Box::new(Barrier::new(64)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                AtomicUsize::fetch_add(connections, 1, Relaxed);
                thread::spawn(move || serve(stream.unwrap(), all_64));
            }
        });
        FakeServer { url, connections }
    }
}

fn serve(stream: TcpStream, all_64: &Barrier) {
    let good = |status: &str, text: &str| {
        let length = text.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{text}")
    };
    let host = format!("\r\nhost: {}\r\n", stream.local_addr().unwrap());
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream) {
        assert!(head.to_lowercase().contains(&host), "{head}");
        let path = head.split(' ').nth(1).unwrap();
        let bytes = match path {
            "/0" => {
                all_64.wait();
                good("200 OK", "It works")
            }
            "/1" | "/60" => loop {
                thread::park(); // no answer, and the connection stays
            },
            "/2" => String::new(),
            "/3" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".into(),
            "/4" => "hello\r\n\r\n".into(),
            "/5" => good("200 OK", &"x".repeat(100_000)),
            "/6" => good("404 Not Found", "nothing"),
            "/7" | "/9" => good("200 OK", "It works"),
            "/8" => good("500 Internal Server Error", "\x1b[2Jout of\norder"),
            _ => good("200 OK", "error!"),
        };
        // A client that has disconnected does not matter.
        let written = stream.get_mut().write_all(bytes.as_bytes());
        if written.is_err() || ["/2", "/3", "/4", "/9"].contains(&path) {
            break;
        }
    }
}

fn failures_reach_the_main_thread() {
    let server = FakeServer::start();
    let finished = ended(customer(&server.url, "1 2 3 4 5 6 7 8"), 1);
    let (count, errors) = finished.stderr.split_last().unwrap();
    assert_eq!(count, "7 jobs failed");
    let mut expected = "Waiting 7\n200\nIt works\nDone 7\n".to_string();
    for (job, error) in [
        (1, "no answer within 11 s"),
        (2, "connection closed before message completed"),
        (3, "end of file before message length reached"),
        (4, "invalid HTTP version parsed"),
        (5, "length limit exceeded"),
        (6, "404 Not Found: nothing"),
        (8, "500 Internal Server Error:  [2Jout of order"),
    ] {
        let mut told = errors.iter().filter_map(|line| line.strip_prefix("job "));
        let why = told.find(|why| why.starts_with(&format!("{job}: ")));
        let why = why.unwrap_or_else(|| panic!("{job} is not in {errors:?}"));
        assert!(why.ends_with(error), "{why}");
        expected += &format!("Waiting {job}\nFailed {why}\n200\nerror!\n");
    }
    assert_same_lines(finished.stdout, &expected);
}

fn customer(server: &str, jobs: &str) -> Running {
    let mut running = start("sms_customer", &["--server", server]);
    running.type_in(jobs);
    running.end_input();
    running
}

/// In any order: what happens at the same time.
fn assert_same_lines(mut printed: Vec<String>, expected: &str) {
    let mut expected: Vec<&str> = expected.lines().collect();
    printed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(printed, expected);
}

/// A server that is not there, so that the failure cannot be reported to it either.
fn what_the_page_shows() {
    let finished = ended(customer("http://127.0.0.1:1", "1 2"), 1);
    assert_eq!(finished.stderr[2], "2 jobs failed");
    let page = include_str!("../../examples/12_http/README.md");
    let (_, shown) = page.split_once("--server http://127.0.0.1:1\n").unwrap();
    // A terminal shows both streams.
    let printed = [finished.stdout, finished.stderr].concat();
    let shown = shown.replace("sms_customer: ", "");
    assert_same_lines(printed, shown.split("```").next().unwrap());
}

/// And one that the server has closed meanwhile is not.
fn connections_are_used_again() {
    let server = FakeServer::start();
    let mut running = start("sms_customer", &["--server", &server.url]);
    let mut ask = |job: u32| {
        running.type_in(format!("{job}\n"));
        while running.next_line().text != format!("Done {job}") {}
    };
    (0..100).for_each(|_| ask(7));
    assert_eq!(server.connections.load(Relaxed), 1);
    (0..1000).for_each(|_| ask(9)); // after which the connection is closed
    ask(7);
    assert_eq!(server.connections.load(Relaxed), 1001);
    running.end_input();
    assert_eq!(ended(running, 0).stderr, NONE);
}

fn at_most_64_requests_at_once() {
    let server = FakeServer::start();
    let finished = ended(customer(&server.url, &"0 ".repeat(192)), 0);
    assert_eq!(count_done(&finished), 192);
    assert_eq!(server.connections.load(Relaxed), 64);
}

fn control_c_lists_what_has_failed() {
    let server = FakeServer::start();
    let mut running = start("sms_customer", &["--server", &server.url]);
    running.type_in("6\n");
    let error = "404 Not Found: nothing";
    for expected in ["Waiting 6", &format!("Failed 6: {error}"), "200", "error!"] {
        assert_eq!(running.next_line().text, expected);
    }
    running.type_in("60\n");
    assert_eq!(running.next_line().text, "Waiting 60");
    let listed = format!("job 6: {error}");
    let expected = ["not done: 60", &listed, "1 job failed"];
    assert_eq!(interrupt(running), expected);
}
