//! Chapter 12: the server and clients of all kinds, the customer and servers of all kinds.

#[path = "../../examples/12_http/hyper_io.rs"]
mod hyper_io;
#[path = "../../examples/12_http/service.rs"]
mod service;

use crate::common::{Running, example, say, start, start_program};
use crate::{NONE, check_all, count_done, ended, interrupt, is_installed, wait_until};
use asyncio_to_smol::tcp_stream::TcpStream as TcpStreamOfOurs;
use rustix::process::{Resource, Signal, getrlimit};
use smol::{LocalExecutor, channel, future};
use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

struct Server {
    running: Running,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        Server::start_with("-c 0")
    }

    /// With limits set by a shell's `ulimit`.
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

    /// A connection with a request.
    fn ask(&self, path: &str) -> Client {
        let mut client = self.connect();
        client.ask("GET", path);
        client
    }

    /// Other clients do not wait until a connection is cut off, which takes 10 s.
    fn assert_is_quick(&self, what: &str) {
        let begin = Instant::now();
        assert_eq!(self.ask("/0").answer(), works(0));
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(8), "{took:?} beside {what}");
    }

    /// Ends it with Ctrl-C.
    fn stop(self) {
        assert_eq!(interrupt(self.running), NONE);
    }
}

/// The good answer.
fn works(seconds: u64) -> Option<(u16, String)> {
    Some((200, format!("{seconds} It works")))
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

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_ref().write_all(bytes.as_ref()).unwrap();
    }

    fn ask(&mut self, method: &str, path: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    /// Status and body of the next answer, or `None` at the end of the connection.
    fn answer(&mut self) -> Option<(u16, String)> {
        let (status, _, body) = self.whole_answer()?;
        Some((status, body))
    }

    fn whole_answer(&mut self) -> Option<(u16, String, String)> {
        let head = read_head(&mut self.0)?.to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some((status, head, String::from_utf8(body).unwrap()))
    }

    /// Waits until the server has closed the connection, and reads nothing into that.
    fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.0.get_ref().set_read_timeout(Some(limit)).unwrap();
        let read = io::copy(&mut self.0, &mut io::sink());
        read.is_ok() || read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    }
}

#[test]
fn the_server_answers() {
    const HOUR: &str = "at most 3600 seconds";
    let server = Server::start();
    for (method, paths, status, body) in [
        ("GET", "/0 /000?a=b", 200, "0 It works"),
        ("GET", "/3601 /99999999999999999999999", 400, HOUR),
        ("POST", "/1 /error", 405, "only GET is allowed"),
        ("GET", "/ /-1 /+1 /1.5 /1/ /errors", 404, "not found"),
        ("POST", "/nothing", 404, "not found"),
    ] {
        for path in paths.split(' ') {
            let mut client = server.connect();
            client.ask(method, path);
            let (got, head, text) = client.whole_answer().unwrap();
            assert_eq!((got, text.as_str()), (status, body), "{method} {path}");
            assert_eq!(head.contains("\r\nallow: get\r\n"), status == 405, "{head}");
            // The connection is good for another one.
            client.ask("GET", "/0");
            assert_eq!(client.answer(), works(0));
        }
    }
    server.stop();
}

/// All that wait.
pub fn checks() -> Vec<(&'static str, fn())> {
    service::raise_open_files_limit(); // for the clients
    vec![
        ("waiting requests", five_hundred_requests_wait_together),
        ("silent clients", silent_clients_are_cut_off),
        ("large heads", large_heads_are_refused),
        ("too few files", too_few_open_files),
        ("cut connections", cut_connections),
        ("graceful stop", stopping_lets_requests_end),
        ("requests in sockets", requests_in_sockets_are_answered),
        ("stop limit", stopping_takes_five_seconds_at_most),
        ("curl", curl_understands_it),
        ("failures", failures_reach_the_main_thread),
        ("no server", what_the_page_shows),
        ("connections", connections_are_used_again),
        ("64 at once", at_most_64_requests_at_once),
        ("Ctrl-C", control_c_lists_what_has_failed),
    ]
}

/// Beside 10 000 clients that are silent.
fn five_hundred_requests_wait_together() {
    // Raised by the server itself.
    let server = Server::start_with("-S -n 256");
    let hard_limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let n = hard_limit.saturating_sub(3000).min(10_000);
    if n < 10_000 {
        say(format_args!("only {n} idle connections can be tested"));
    }
    let idle: Vec<Client> = (0..n).map(|_| server.connect()).collect();
    let begin = Instant::now();
    let mut errors: Vec<Client> = (0..100).map(|_| server.ask("/error")).collect();
    let mut others: Vec<Client> = (0..400).map(|_| server.ask("/2")).collect();
    assert!(others.iter_mut().all(|client| client.answer() == works(2)));
    let error = Some((200, "error!".to_string()));
    assert!(errors.iter_mut().all(|client| client.answer() == error));
    let took = begin.elapsed().as_secs_f64();
    assert!((3.0..60.0).contains(&took), "{took} s");
    drop(idle);
    server.assert_is_quick("clients that go");
    server.stop();
}

/// And those that are slow.
fn silent_clients_are_cut_off() {
    let server = Server::start();
    let begin = Instant::now();
    // Sends this again and again, and reads nothing, until it is cut off.
    let sends = |mut client: Client, first: &str, bytes: String, pause: u64| {
        client.send(first);
        thread::spawn(move || {
            while client.0.get_ref().write_all(bytes.as_bytes()).is_ok() {
                sleep(Duration::from_millis(pause));
            }
            begin.elapsed()
        })
    };
    let request = "GET /0 HTTP/1.1\r\nHost: test\r\n\r\n";
    let drips = sends(server.connect(), "GET /0 HTTP/1.1\r\nX: ", "x".into(), 100);
    let flood = sends(server.connect(), "", request.repeat(1000), 0);
    let mut had_an_answer = server.ask("/1");
    assert_eq!(had_an_answer.answer(), works(1));
    let silent = server.connect();
    let mut half_a_request = server.connect();
    half_a_request.send("GET /0 HTTP/1.1\r\nHost: test\r\n");
    // One that waits for its answer is not silent.
    let mut waits = server.ask("/12");
    let closed = |mut client: Client| {
        assert!(client.is_closed_within(Duration::from_secs(40)));
        begin.elapsed()
    };
    for (what, range, took) in [
        ("silent", 10..20, closed(silent)),
        ("half a request", 10..20, closed(half_a_request)),
        ("had an answer", 11..21, closed(had_an_answer)),
        ("drips", 10..20, drips.join().unwrap()),
        ("flood", 10..60, flood.join().unwrap()), // some of it finds room only later
    ] {
        assert!(range.contains(&took.as_secs()), "{what}: {took:?}");
    }
    server.assert_is_quick("slow clients");
    assert_eq!(waits.answer(), works(12));
    server.stop();
}

fn large_heads_are_refused() {
    let server = Server::start();
    let with = |headers: &str| format!("GET /0 HTTP/1.1\r\n{headers}\r\n");
    let large = |size| with(&format!("X: {}\r\n", "x".repeat(size)));
    for (request, status) in [
        (large(15_000), 200),
        (large(17_000), 431),
        (with(&"a: b\r\n".repeat(101)), 431),
        ("hello\r\n\r\n".to_string(), 400), // not HTTP
    ] {
        let mut client = server.connect();
        client.send(request);
        assert_eq!(client.answer().unwrap().0, status);
        assert!(status == 200 || client.is_closed_within(Duration::from_secs(8)));
    }
    server.assert_is_quick("rude clients");
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
    drop(clients);
    assert_eq!(last.answer(), works(0));
    server.assert_is_quick("many connections");
    server.stop(); // no other complaint
}

/// The server notices: nothing is running any more when it is to stop. Also behind a byte that it does not
/// take, which keeps hyper from looking; then it takes up to 10 s.
fn cut_connections() {
    let server = Server::start_with("-n 120");
    for _ in 0..40 {
        server.ask("/3600");
        server.ask("/3600").send("G");
    }
    server.assert_is_quick("cut connections");
    sleep(Duration::from_secs(14)); // the point
    // There is room again.
    let clients: Vec<Client> = (0..80).map(|_| server.connect()).collect();
    server.assert_is_quick("many others");
    drop(clients);
    let begin = Instant::now();
    server.stop();
    let took = begin.elapsed();
    assert!(took.as_secs_f64() < 4.9, "{took:?}, as if they were there");
}

fn stopping_lets_requests_end() {
    let server = Server::start();
    let mut idle = server.ask("/0");
    assert_eq!(idle.answer(), works(0));
    let mut new = server.connect();
    let mut half = server.connect();
    half.send("GET /0 HTTP/1.1\r\n");
    let mut asks = server.ask("/4");
    server.assert_is_quick("a request"); // which the server has by then
    server.running.signal(Signal::INT);
    // Those without a request are closed at once, and there are no more.
    let stopping = Instant::now();
    for client in [&mut idle, &mut new, &mut half] {
        assert!(client.is_closed_within(Duration::from_secs(30)));
    }
    let took = stopping.elapsed();
    assert!(took < Duration::from_millis(3500), "{took:?}: not at once");
    assert!(TcpStream::connect(server.address).is_err());
    let (status, head, body) = asks.whole_answer().unwrap();
    assert_eq!(Some((status, body)), works(4));
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(ended(server.running, 130).stderr, NONE);
}

/// Sent before Ctrl-C, and not seen by the server yet: over connections that are new, used, or not accepted.
fn requests_in_sockets_are_answered() {
    let server = Server::start();
    let mut clients: Vec<Client> = (0..1500).map(|_| server.connect()).collect();
    for client in clients.iter_mut().step_by(2) {
        client.ask("GET", "/0");
        assert_eq!(client.answer(), works(0));
    }
    server.running.signal(Signal::STOP);
    for client in &mut clients {
        client.ask("GET", "/0");
    }
    clients.extend((0..100).map(|_| server.ask("/0")));
    server.running.signal(Signal::INT);
    server.running.signal(Signal::CONT);
    assert!(clients.iter_mut().all(|client| client.answer() == works(0)));
    assert_eq!(ended(server.running, 130).stderr, NONE);
}

/// The loop does not turn between the request and the end, so that hyper is not told of it.
#[test]
fn a_request_that_comes_with_the_stop_is_answered() {
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
        assert_eq!(client.answer(), works(0));
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
        server.assert_is_quick("a request");
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
        assert_eq!(client.answer(), None);
    });
}

fn curl_understands_it() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start();
    let url = |path: &&str| format!("http://{}{path}", server.address);
    let large = format!("@{}", env::current_exe().unwrap().display());
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let connects = ["--write-out", "\n%{http_code} %{num_connects}\n"];
    let three = "0 It works\n200 1\nerror!\n200 0\nnot found\n404 0\n";
    for (option, more, paths, printed) in [
        ("--http1.0", &[][..], &["/0"][..], "0 It works"),
        ("--silent", &connects, &["/0", "/error", "/nothing"], three),
        ("--head", &status, &["/0"], "405"),
        ("--data=x", &[], &["/0"], "only GET is allowed"),
        // With `Expect: 100-continue`, and a body that is not read.
        (&format!("--data-binary={large}"), &status, &["/0"], "405"),
    ] {
        let mut command = Command::new("curl");
        command.args(["-q", "--silent", "--noproxy", "*"]);
        command.args(option.split('=')).args(more);
        command.args(paths.iter().map(url));
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
    }
    server.assert_is_quick("curl");
    server.stop();
}

/// What a server for the customer writes, and whether the connection goes on.
type Answer = (String, bool);

/// A server for the customer that does with every request what it is told to.
struct FakeServer {
    url: String,
    connections: &'static AtomicUsize,
}

impl FakeServer {
    /// `answer` gets the path.
    fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> FakeServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections: &AtomicUsize = Box::leak(Box::default());
        let answer = &*Box::leak(Box::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::Relaxed);
                let mut stream = BufReader::new(stream.unwrap());
                thread::spawn(move || {
                    while let Some(head) = read_head(&mut stream) {
                        let host = format!("\r\nhost: {address}\r\n");
                        assert!(head.to_lowercase().contains(&host), "{head}");
                        let (bytes, goes_on) = answer(head.split(' ').nth(1).unwrap());
                        // A client that has gone does not matter.
                        if stream.get_mut().write_all(bytes.as_bytes()).is_err() || !goes_on {
                            break;
                        }
                    }
                });
            }
        });
        let url = format!("http://{address}");
        FakeServer { url, connections }
    }
}

/// HTTP as it should be.
fn good(status: &str, text: &str) -> Answer {
    let length = text.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    (head + text, true)
}

fn failures_reach_the_main_thread() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let server = FakeServer::start(move |path| match path {
        "/1" => loop {
            thread::park(); // no answer, and the connection stays
        },
        "/2" => (String::new(), false),
        "/3" => (half.to_string(), false),
        "/4" => ("hello\r\n\r\n".to_string(), false),
        "/5" => good("200 OK", &"x".repeat(100_000)),
        "/6" => good("404 Not Found", "nothing"),
        "/7" => good("200 OK", "7 It works"),
        "/8" => good("500 Internal Server Error", "out of order"),
        "/error" => good("200 OK", "error!"),
        path => panic!("{path}"),
    });
    for (job, seconds, error) in [
        (1, 11..40, "no answer within 11 s"),
        (2, 0..11, "connection closed before message completed"),
        (3, 0..11, "end of file before message length reached"),
        (4, 0..11, "invalid HTTP version parsed"),
        (5, 0..11, "length limit exceeded"),
        (6, 0..11, "404 Not Found: nothing"),
        (8, 0..11, "500 Internal Server Error: out of order"),
    ] {
        let begin = Instant::now();
        let finished = ended(customer(&server.url, &format!("{job} 7")), 1);
        let took = begin.elapsed();
        assert!(seconds.contains(&took.as_secs()), "{job}: {took:?}");
        assert_eq!(finished.stderr[1..], ["1 job failed"]);
        let why = finished.stderr[0].strip_prefix("job ").unwrap();
        let is_right = why.starts_with(&format!("{job}: ")) && why.ends_with(error);
        assert!(is_right, "{why}");
        let mut expected = format!("Failed {why}\nWaiting {job}\n");
        expected += "200\n200\n7 It works\nDone 7\nWaiting 7\nerror!";
        assert_same_lines(finished.stdout, &expected);
    }
}

/// With this input, and no more.
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
    // In a terminal one sees both streams.
    let printed = [finished.stdout, finished.stderr].concat();
    let shown = shown.replace("sms_customer: ", "");
    assert_same_lines(printed, shown.split("```").next().unwrap());
}

/// And one that the server has closed meanwhile is not.
fn connections_are_used_again() {
    let server = FakeServer::start(|path| (good("200 OK", "0 It works").0, path != "/1"));
    let mut running = start("sms_customer", &["--server", &server.url]);
    let mut ask = |job: u32| {
        running.type_in(format!("{job}\n"));
        while running.next_line().text != format!("Done {job}") {}
    };
    for _ in 0..100 {
        ask(0);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
    for _ in 0..1000 {
        ask(1); // after which the connection is closed
    }
    ask(0);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1001);
    running.end_input();
    assert_eq!(ended(running, 0).stderr, NONE);
}

fn at_most_64_requests_at_once() {
    let (sender, requests) = channel::unbounded();
    let (gate, opened) = channel::bounded::<()>(1);
    let server = FakeServer::start(move |_| {
        sender.try_send(()).unwrap();
        let _ = opened.recv_blocking();
        good("200 OK", "0 It works")
    });
    let running = customer(&server.url, &"0 ".repeat(200));
    for _ in 0..64 {
        requests.recv_blocking().unwrap();
    }
    // Were there more, they would come now.
    sleep(Duration::from_millis(500));
    assert!(requests.is_empty());
    gate.close();
    let finished = ended(running, 0);
    assert_eq!(count_done(&finished), 200);
    assert_eq!(server.connections.load(Ordering::Relaxed), 64);
}

fn control_c_lists_what_has_failed() {
    let server = FakeServer::start(|path| match path {
        "/60" => loop {
            thread::park();
        },
        _ => good("500 Internal Server Error", "\x1b[2Jline\nline"),
    });
    let mut running = start("sms_customer", &["--server", &server.url]);
    running.type_in("1\n");
    let error = "500 Internal Server Error:  [2Jline line";
    assert_eq!(running.next_line().text, "Waiting 1");
    assert_eq!(running.next_line().text, format!("Failed 1: {error}"));
    assert_eq!(running.next_line().text, error, "what came of the report");
    running.type_in("60\n");
    assert_eq!(running.next_line().text, "Waiting 60");
    let listed = format!("job 1: {error}");
    let expected = ["not done: 60", &listed, "1 job failed"];
    assert_eq!(interrupt(running), expected);
}
