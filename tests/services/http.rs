//! Chapter 12: the server and clients of all kinds, the customer and servers of all kinds.

use crate::common::{Running, example, head_of, say, start, start_program, transcript};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

// ---------------------------------------------------------------------------------------- the server

struct Server {
    running: Running,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        Server::of(start("sms_server", &["--listen", "127.0.0.1:0"]))
    }

    /// With limits set by a shell's `ulimit`.
    fn start_with(limit: &str) -> Server {
        let script = format!("ulimit {limit} && exec \"$0\" --listen 127.0.0.1:0");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(example("sms_server"));
        Server::of(start_program("sms_server", command.stdin(Stdio::null())))
    }

    fn of(running: Running) -> Server {
        let line = running.next_line().text;
        let address = line.strip_prefix("Listening on http://").unwrap();
        Server::at(address, running)
    }

    fn at(address: &str, running: Running) -> Server {
        let address = address.parse().unwrap();
        Server { running, address }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    /// The answer to a request over a connection of its own.
    fn get(&self, path: &str) -> (u16, String) {
        let mut client = self.connect();
        client.ask("GET", path);
        client.answer().unwrap()
    }

    /// Others are not held up until somebody is cut off, which takes 10 s.
    fn assert_is_quick(&self, what: &str) {
        let begin = Instant::now();
        assert_eq!(self.get("/0"), (200, "0 It works".to_string()));
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(8), "{took:?} beside {what}");
    }

    /// Ends it with Ctrl-C.
    fn stop(self) {
        self.running.signal(Signal::INT);
        let finished = self.running.finish();
        assert_eq!(finished.status.code(), Some(130), "{finished:?}");
        assert_eq!(finished.stderr, [""; 0]);
    }
}

/// A connection. HTTP by hand, so that it can be done wrong.
struct Client(BufReader<TcpStream>);

impl Client {
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
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
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
        match io::copy(&mut self.0, &mut io::sink()) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn the_server_answers() {
    let server = Server::start();
    for (method, path, status, body) in [
        ("GET", "/0", 200, "0 It works"),
        ("GET", "/007?a=b", 200, "7 It works"),
        ("GET", "/error", 200, "error!"),
        ("GET", "/3601", 400, "at most 3600 seconds"),
        (
            "GET",
            "/99999999999999999999999",
            400,
            "at most 3600 seconds",
        ),
        ("POST", "/1", 405, "only GET is allowed"),
        ("DELETE", "/error", 405, "only GET is allowed"),
        ("GET", "/", 404, "not found"),
        ("GET", "/-1", 404, "not found"),
        ("GET", "/1.5", 404, "not found"),
        ("GET", "/1/", 404, "not found"),
        ("GET", "/errors", 404, "not found"),
        ("POST", "/nothing", 404, "not found"),
    ]
    .into_iter()
    // The two that take a while take it elsewhere.
    .filter(|(_, path, status, _)| *status != 200 || *path == "/0")
    {
        let mut client = server.connect();
        client.ask(method, path);
        let (got, head, text) = client.whole_answer().unwrap();
        assert_eq!((got, text.as_str()), (status, body), "{method} {path}");
        assert_eq!(head.contains("\r\nallow: get\r\n"), status == 405, "{head}");
        // The connection is good for another one.
        client.ask("GET", "/0");
        assert_eq!(client.answer().unwrap().0, 200);
    }
    server.stop();
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for (address, error) in [
        (address.as_str(), "Address already in use (os error 98)"),
        ("127.0.0.1", "invalid socket address"),
        ("127.0.0.1:x", "invalid port value"),
    ] {
        let finished = start("sms_server", &["--listen", address]).finish();
        assert_eq!(finished.status.code(), Some(1));
        assert_eq!(finished.stderr, [format!("sms_server: {address}: {error}")]);
    }
}

#[test]
fn the_server_prints_what_its_head_shows() {
    let head = head_of("sms_server");
    let shown = transcript("sms_server", &head);
    assert_eq!(shown, "Listening on http://127.0.0.1:5000\n");
    let running = start("sms_server", &[]);
    match running.first_line() {
        Some(line) => {
            assert_eq!(format!("{line}\n"), shown);
            Server::at("127.0.0.1:5000", running).stop();
        }
        None => {
            let finished = running.finish();
            let taken = "sms_server: 127.0.0.1:5000: Address already in use (os error 98)";
            assert_eq!(finished.stderr, [taken]);
            assert_eq!(finished.status.code(), Some(1));
            say("port 5000 is taken here");
        }
    }
}

/// All that wait.
pub fn checks() -> Vec<(&'static str, fn())> {
    raise_open_files_limit();
    vec![
        ("waiting requests", five_hundred_requests_wait_together),
        ("silent clients", silent_clients_are_cut_off),
        ("large heads", large_heads_are_refused),
        ("idle connections", ten_thousand_idle_connections),
        ("too few files", too_few_open_files),
        ("cut connections", cut_connections),
        ("graceful stop", stopping_lets_requests_end),
        ("stop limit", stopping_takes_five_seconds_at_most),
        ("curl", curl_understands_it),
        ("failures", failures_reach_the_main_thread),
        ("no answer", an_answer_that_does_not_come),
        ("connections", connections_are_used_again),
        ("64 at once", at_most_64_requests_at_once),
        ("Ctrl-C", control_c_lists_what_has_failed),
    ]
}

/// Of this process, for the clients.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}

fn five_hundred_requests_wait_together() {
    let server = Server::start();
    let begin = Instant::now();
    let mut clients: Vec<Client> = (0..500).map(|_| server.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.ask("GET", if n % 5 == 0 { "/error" } else { "/2" });
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let body = if n % 5 == 0 { "error!" } else { "2 It works" };
        assert_eq!(client.answer().unwrap(), (200, body.to_string()));
    }
    let took = begin.elapsed().as_secs_f64();
    assert!((3.0..60.0).contains(&took), "{took} s");
    server.stop();
}

/// And those that are slow.
fn silent_clients_are_cut_off() {
    let server = Server::start();
    let begin = Instant::now();
    let mut silent = server.connect();
    let mut half_a_request = server.connect();
    half_a_request.send("GET /0 HTTP/1.1\r\nHost: test\r\n");
    let mut drips = server.connect();
    drips.send("GET /0 HTTP/1.1\r\nX: ");
    let mut had_an_answer = server.connect();
    had_an_answer.ask("GET", "/1");
    assert_eq!(had_an_answer.answer().unwrap().0, 200);
    // Asks again and again, and reads nothing.
    let does_not_read = server.connect();
    let flood = thread::spawn(move || {
        let requests = "GET /0 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
        let mut stream = does_not_read.0.get_ref();
        while stream.write_all(requests.as_bytes()).is_ok() {}
        begin.elapsed()
    });
    let dripping = thread::spawn(move || {
        let mut stream = drips.0.get_ref();
        while stream.write_all(b"x").is_ok() {
            sleep(Duration::from_millis(100));
        }
        begin.elapsed()
    });
    // One that waits for its answer is not silent.
    let mut waits = server.connect();
    waits.ask("GET", "/12");

    let limit = Duration::from_secs(40);
    assert!(silent.is_closed_within(limit));
    let first = begin.elapsed();
    assert!(half_a_request.is_closed_within(limit));
    let second = begin.elapsed();
    server.assert_is_quick("slow clients");
    assert!(had_an_answer.is_closed_within(limit));
    let third = begin.elapsed();
    let fourth = dripping.join().unwrap();
    let fifth = flood.join().unwrap();
    for (after, limit, took) in [
        (10, 20, first),
        (10, 20, second),
        (11, 21, third),
        (10, 20, fourth),
        (10, 60, fifth), // some of it finds room only later
    ] {
        let range = Duration::from_secs(after)..Duration::from_secs(limit);
        assert!(range.contains(&took), "{took:?} instead of {after} s");
    }
    assert_eq!(waits.answer().unwrap(), (200, "12 It works".to_string()));
    server.stop();
}

fn large_heads_are_refused() {
    let server = Server::start();
    let header = |size| format!("GET /0 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(size));
    let mut client = server.connect();
    client.send(header(15_000));
    assert_eq!(client.answer().unwrap().0, 200);
    let mut client = server.connect();
    client.send(header(17_000));
    assert_eq!(client.answer().unwrap().0, 431);
    assert!(client.is_closed_within(Duration::from_secs(5)));
    let mut client = server.connect();
    client.send(format!("GET /0 HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)));
    assert_eq!(client.answer().unwrap().0, 431);
    // And what is no HTTP at all.
    let mut client = server.connect();
    client.send("hello\r\n\r\n");
    assert_eq!(client.answer().unwrap().0, 400);
    assert!(client.is_closed_within(Duration::from_secs(5)));
    server.assert_is_quick("rude clients");
    server.stop();
}

fn ten_thousand_idle_connections() {
    // Raised by the server itself.
    let server = Server::start_with("-S -n 256");
    let hard_limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let n = hard_limit.saturating_sub(2000).min(10_000);
    if n < 10_000 {
        say(format_args!(
            "only {n} idle connections: a process can have {hard_limit} open files"
        ));
    }
    let idle: Vec<Client> = (0..n).map(|_| server.connect()).collect();
    assert_eq!(server.get("/0").0, 200);
    drop(idle);
    assert_eq!(server.get("/0").0, 200);
    server.stop();
}

/// Those that cannot be accepted wait; the server says so once, and goes on.
fn too_few_open_files() {
    let server = Server::start_with("-n 64");
    let clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    let complaint = server.running.next_complaint().text;
    assert!(
        complaint.starts_with("sms_server: cannot accept a connection: "),
        "{complaint}"
    );
    let mut last = server.connect();
    last.ask("GET", "/0");
    drop(clients);
    assert_eq!(last.answer().unwrap().0, 200);
    server.assert_is_quick("many connections");
    server.running.signal(Signal::INT);
    let finished = server.running.finish();
    assert_eq!(finished.status.code(), Some(130));
    assert_eq!(finished.stderr, [""; 0], "said once");
}

/// The server notices: nothing is running any more when it is to stop. Also behind a byte that it does not
/// take, which keeps hyper from looking; then it takes up to 10 s.
fn cut_connections() {
    let server = Server::start_with("-n 120");
    for _ in 0..40 {
        let mut client = server.connect();
        client.ask("GET", "/3600");
        let mut client = server.connect();
        client.ask("GET", "/3600");
        client.send("G");
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
    assert!(
        took < Duration::from_millis(4900),
        "{took:?}, as if they were there"
    );
}

fn stopping_lets_requests_end() {
    let server = Server::start();
    let mut idle = server.connect();
    idle.ask("GET", "/0");
    assert_eq!(idle.answer().unwrap().0, 200);
    let mut new = server.connect();
    let mut half = server.connect();
    half.send("GET /0 HTTP/1.1\r\n");
    let mut asks = server.connect();
    asks.ask("GET", "/4");
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
    assert_eq!((status, body.as_str()), (200, "4 It works"));
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    let finished = server.running.finish();
    assert_eq!(finished.status.code(), Some(130));
    assert_eq!(finished.stderr, [""; 0]);
}

fn stopping_takes_five_seconds_at_most() {
    let ends_within = |signals: &[Signal], status: i32, least: f64, most: f64| {
        let mut server = Server::start();
        let mut client = server.connect();
        client.ask("GET", "/3600");
        server.assert_is_quick("a request");
        let begin = Instant::now();
        for signal in signals {
            server.running.signal(*signal);
            // The listener is closed when the first one has been dealt with.
            while TcpStream::connect(server.address).is_ok() {
                sleep(Duration::from_millis(5));
            }
        }
        let ended = server.running.status_within(Duration::from_secs(30));
        assert_eq!(ended.expect("it ends").code(), Some(status));
        let took = begin.elapsed().as_secs_f64();
        assert!(took >= least && took < most, "{took} s");
        assert_eq!(client.answer(), None);
    };
    thread::scope(|scope| {
        scope.spawn(|| ends_within(&[Signal::INT], 130, 5.0, 30.0));
        scope.spawn(|| ends_within(&[Signal::TERM], 143, 5.0, 30.0));
        scope.spawn(|| ends_within(&[Signal::INT, Signal::INT], 130, 0.0, 4.9));
    });
}

fn curl_understands_it() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "CI has curl");
        say("skipped: curl is not installed");
        return;
    }
    let server = Server::start();
    let curl = |args: &[&str], paths: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["-q", "--silent", "--show-error", "--noproxy", "*"])
            .args(args);
        for path in paths {
            command.arg(format!("http://{}{path}", server.address));
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(curl(&[], &["/1"]), "1 It works");
    assert_eq!(curl(&["--http1.0"], &["/0"]), "0 It works");
    let format = "\n%{http_code} %{num_connects}\n";
    assert_eq!(
        curl(&["--write-out", format], &["/0", "/error", "/nothing"]),
        "0 It works\n200 1\nerror!\n200 0\nnot found\n404 0\n"
    );
    assert!(curl(&["--head"], &["/0"]).starts_with("HTTP/1.1 405 "));
    assert_eq!(curl(&["--data", "x"], &["/0"]), "only GET is allowed");
    // With `Expect: 100-continue`, and a body that nobody reads.
    let large = format!("@{}", env::current_exe().unwrap().display());
    let status = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "*",
            "--write-out",
            "%{http_code}",
            "--output",
            "/dev/null",
        ])
        .args([
            "--data-binary",
            &large,
            &format!("http://{}/0", server.address),
        ])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(status.stdout).unwrap(), "405");
    server.assert_is_quick("curl");
    server.stop();
}

// -------------------------------------------------------------------------------------- the customer

/// A server for the customer that does with every request what it is told to.
struct FakeServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl FakeServer {
    /// `answer` gets the path and writes an answer. The connection goes on if it returns true.
    fn start(answer: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> FakeServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = Arc::clone(&answer);
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut requests = BufReader::new(stream.try_clone().unwrap());
                    while let Some(path) = next_request(&mut requests) {
                        if !answer(&path, &mut stream) {
                            break;
                        }
                    }
                });
            }
        });
        FakeServer {
            address,
            connections,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The path of the next request.
fn next_request(requests: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if requests.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    assert!(
        head.to_lowercase().contains("\r\nhost: 127.0.0.1:"),
        "{head}"
    );
    Some(head.split(' ').nth(1).unwrap().to_string())
}

/// Writes a good answer. A client that has gone does not matter.
fn write_answer(stream: &mut TcpStream, status: &str, text: &str) -> bool {
    let length = text.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{text}");
    stream.write_all(answer.as_bytes()).is_ok()
}

fn failures_reach_the_main_thread() {
    let server = FakeServer::start(|path, stream| match path {
        "/1" => write_answer(stream, "500 Internal Server Error", "out of order"),
        "/2" => false,
        "/3" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            false
        }
        "/4" => {
            let _ = stream.write_all(b"hello\r\n\r\n");
            false
        }
        "/5" => write_answer(stream, "200 OK", &"x".repeat(100_000)),
        "/6" => write_answer(stream, "404 Not Found", "nothing"),
        "/7" => write_answer(stream, "200 OK", "7 It works"),
        "/error" => write_answer(stream, "200 OK", "error!"),
        path => panic!("{path}"),
    });
    for (job, error) in [
        (1, "500 Internal Server Error: out of order"),
        (2, "connection closed before message completed"),
        (3, "end of file before message length reached"),
        (4, "invalid HTTP version parsed"),
        (5, "length limit exceeded"),
        (6, "404 Not Found: nothing"),
    ] {
        let mut running = start("sms_customer", &["--server", &server.url()]);
        running.type_in(format!("{job} 7"));
        running.end_input();
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(1), "{job}");
        let [complaint, count] = finished.stderr.as_slice() else {
            panic!("{finished:?}");
        };
        let start = format!("sms_customer: job {job}: ");
        assert!(
            complaint.starts_with(&start) && complaint.contains(error),
            "{complaint}"
        );
        assert_eq!(count, "sms_customer: 1 job failed");
        let (failed, mut stdout): (Vec<_>, Vec<_>) =
            (finished.stdout.into_iter()).partition(|line| line.starts_with("Failed "));
        let start = format!("Failed {job}: ");
        let [failed] = failed.as_slice() else {
            panic!("{failed:?}");
        };
        assert!(
            failed.starts_with(&start) && failed.contains(error),
            "{failed}"
        );
        stdout.sort_unstable();
        let waiting = format!("Waiting {job}");
        let mut expected = [
            "200",
            "200",
            "7 It works",
            "Done 7",
            &waiting,
            "Waiting 7",
            "error!",
        ];
        expected.sort_unstable();
        assert_eq!(stdout, expected, "{job}");
    }

    // Nobody there, so that it cannot be reported either.
    let mut running = start("sms_customer", &["--server", "http://127.0.0.1:1"]);
    running.type_in("1 2");
    running.end_input();
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(1));
    // As the chapter's page shows. Both are made at the same time, and in a terminal one sees both streams.
    let page = include_str!("../../examples/12_http/README.md");
    let (_, shown) = page.split_once("--server http://127.0.0.1:1\n").unwrap();
    let mut shown: Vec<&str> = shown.split("```").next().unwrap().lines().collect();
    let mut printed = finished.stdout;
    printed.extend(finished.stderr);
    assert_eq!(
        printed.last(),
        shown.last().map(|line| line.to_string()).as_ref()
    );
    printed.sort_unstable();
    shown.sort_unstable();
    assert_eq!(printed, shown);
}

fn an_answer_that_does_not_come() {
    let server = FakeServer::start(|path, stream| match path {
        "/error" => write_answer(stream, "200 OK", "error!"),
        _ => {
            sleep(Duration::from_secs(3600));
            false
        }
    });
    let begin = Instant::now();
    let mut running = start("sms_customer", &["--server", &server.url()]);
    running.type_in("1");
    running.end_input();
    let finished = running.finish();
    let took = begin.elapsed().as_secs_f64();
    assert!((11.0..40.0).contains(&took), "{took} s");
    assert_eq!(finished.status.code(), Some(1));
    let expected = "sms_customer: job 1: no answer within 11 s";
    assert_eq!(finished.stderr, [expected, "sms_customer: 1 job failed"]);
    let failed = "Failed 1: no answer within 11 s";
    assert_eq!(finished.stdout, ["Waiting 1", failed, "200", "error!"]);
}

/// And one that the server has closed meanwhile is not.
fn connections_are_used_again() {
    let server = FakeServer::start(|path, stream| {
        write_answer(stream, "200 OK", "0 It works") && path != "/1"
    });
    let mut running = start("sms_customer", &["--server", &server.url()]);
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
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(finished.stderr, [""; 0]);
}

fn at_most_64_requests_at_once() {
    let gate = Arc::new((Mutex::new((0, false)), Condvar::new()));
    let server = FakeServer::start({
        let gate = Arc::clone(&gate);
        move |_, stream| {
            let (state, changed) = &*gate;
            let mut state = state.lock().unwrap();
            state.0 += 1;
            changed.notify_all();
            drop(changed.wait_while(state, |(_, is_open)| !*is_open).unwrap());
            write_answer(stream, "200 OK", "0 It works")
        }
    });
    let mut running = start("sms_customer", &["--server", &server.url()]);
    running.type_in("0 ".repeat(200));
    running.end_input();
    let (state, changed) = &*gate;
    let waiting = changed
        .wait_while(state.lock().unwrap(), |(n, _)| *n < 64)
        .unwrap();
    drop(waiting);
    // Were there more, they would come now.
    sleep(Duration::from_millis(500));
    let mut state = state.lock().unwrap();
    assert_eq!(state.0, 64);
    state.1 = true;
    changed.notify_all();
    drop(state);
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(0));
    let done = finished.stdout.iter().filter(|line| *line == "Done 0");
    assert_eq!(done.count(), 200);
    assert_eq!(server.connections.load(Ordering::Relaxed), 64);
}

fn control_c_lists_what_has_failed() {
    let server = FakeServer::start(|path, stream| match path {
        "/60" => {
            sleep(Duration::from_secs(3600));
            false
        }
        _ => write_answer(stream, "500 Internal Server Error", "\x1b[2Jline\nline"),
    });
    let mut running = start("sms_customer", &["--server", &server.url()]);
    running.type_in("1\n");
    let error = "500 Internal Server Error:  [2Jline line";
    assert_eq!(running.next_line().text, "Waiting 1");
    assert_eq!(running.next_line().text, format!("Failed 1: {error}"));
    assert_eq!(running.next_line().text, error, "what came of the report");
    // One thread does both, so that it has dealt with the first when it begins the second.
    running.type_in("60\n");
    assert_eq!(running.next_line().text, "Waiting 60");
    running.signal(Signal::INT);
    let finished = running.finish();
    assert_eq!(finished.status.code(), Some(130));
    let expected = [
        "sms_customer: not done: 60".to_string(),
        format!("sms_customer: job 1: {error}"),
        "sms_customer: 1 job failed".to_string(),
    ];
    assert_eq!(finished.stderr, expected);
}
