//! `ipify` against hostile servers.

use crate::common::{Finished, start};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const BODY: &str = "{\"ip\":\"203.0.113.7\"}";
const GOOD: &str =
    "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 20\r\n\r\n{\"ip\":\"203.0.113.7\"}";
const V4: &str = "127.0.0.1:0";

/// Serves one connection on this address. Returns what the server returned.
fn ipify_on<S: Send>(address: &str, serve: impl FnOnce(TcpStream) -> S + Send) -> (S, Finished) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(move || serve(listener.accept().unwrap().0));
        let finished = start("ipify", &[&address.to_string()]).finish();
        let _ = TcpStream::connect(address); // if `ipify` has not: the test fails and does not wait
        (server.join().unwrap(), finished)
    })
}

/// The address, or the error. There is nothing else, and the exit status says the same.
fn outcome(finished: Finished) -> Result<String, String> {
    let title = "My IP address is:";
    let (status, lines) = (finished.status.code(), &finished.stdout);
    match (status, &finished.stderr[..], &lines[..]) {
        (Some(0), [], [.., line, address]) if line == title => Ok(address.clone()),
        (Some(1), [error], lines) if lines.iter().all(|line| line != title) => {
            Err(error.strip_prefix("Error: ").unwrap().to_string())
        }
        _ => panic!("{finished:?}"),
    }
}

fn ipify_with(serve: impl FnOnce(TcpStream) + Send) -> Result<String, String> {
    outcome(ipify_on(V4, serve).1)
}

/// Reads the request, to its empty line.
fn read_request(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// Whether this could be written: the client may have closed the connection.
fn write(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Answers with these bytes, and closes the connection.
fn ipify_gets(response: impl AsRef<[u8]> + Send) -> Result<String, String> {
    ipify_with(move |stream| {
        read_request(&stream);
        write(&stream, response.as_ref());
    })
}

#[test]
fn a_good_server_is_asked_in_good_form_and_its_answer_shown() {
    // With IPv6 the address is in brackets.
    let addresses = [V4, "[::1]:0"].into_iter();
    for address in addresses.filter(|address| TcpListener::bind(address).is_ok()) {
        let ((host, request), finished) = ipify_on(address, |stream| {
            let request = read_request(&stream);
            stream.set_nodelay(true).unwrap();
            for byte in GOOD.as_bytes() {
                write(&stream, &[*byte]);
                sleep(Duration::from_micros(300));
            }
            (stream.local_addr().unwrap(), request)
        });
        let shown = "Got status 200 OK\nResponse headers:\nServer: test\nContent-Length: 20";
        assert_eq!(finished.stdout[..4].join("\n"), shown);
        assert_eq!(outcome(finished).unwrap(), "203.0.113.7");
        assert_eq!(request[0], "GET /?format=json HTTP/1.1");
        for header in [&format!("Host: {host}"), "Connection: close"] {
            assert!(request.iter().any(|line| line == header), "{request:?}");
        }
    }
}

/// What is between the status line and the body.
fn with_header(header: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n{BODY}")
}

fn with_body(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn responses_that_are_unusual_and_right() {
    // As long as the headers may be.
    let others = "HTTP/1.1 200 OK\r\nX: \r\nContent-Length: 20\r\n\r\n";
    let filler = "x".repeat(16384 - others.len());
    let longest = format!("X: {filler}\r\nContent-Length: 20");
    for response in [
        &format!("HTTP/1.0 200\ncontent-length:  20 \n\n{BODY}"),
        &with_header("Content-Length: 20\r\nContent-Length: 20"),
        &with_header("Empty:\r\nContent-Length: 20"),
        &with_header(&longest),
        &format!("{GOOD}and more than was announced"),
        &with_body(r#" {"more": [1], "ip": "203.0.113.7"} "#),
    ] {
        assert_eq!(ipify_gets(response).unwrap(), "203.0.113.7");
    }
    let ipv6 = with_body(r#"{"ip": "2001:db8::1"}"#);
    assert_eq!(ipify_gets(ipv6).unwrap(), "2001:db8::1");
}

/// How responses begin, up to the empty line, and the error.
const WRONG: &str = r#"
SSH-2.0-OpenSSH_9.2 | not HTTP: "SSH-2.0-OpenSSH_9.2"
SSH 200 OK | not HTTP: "SSH 200 OK"
HTTP/1.1 | not HTTP: "HTTP/1.1"
HTTP/1.1 404 Not Found | the status is "404 Not Found", not 200
HTTP/1.1 2000 OK | the status is "2000 OK", not 200
GOOD\r\nno colon | not a header: "no colon"
GOOD\r\n: no name | not a header: ": no name"
GOOD\r\n folded: line | not a header: " folded: line"
GOOD\r\na b: c | not a header: "a b: c"
GOOD\r\n  | not a header: " "
GOOD\r\nServer: test | there is no Content-Length
GOOD\r\nContent-Length: | the Content-Length is "", not 0 to 65536
GOOD\r\nContent-Length: -1 | the Content-Length is "-1", not 0 to 65536
GOOD\r\nContent-Length: +20 | the Content-Length is "+20", not 0 to 65536
GOOD\r\nContent-Length: 65537 | the Content-Length is "65537", not 0 to 65536
GOOD\r\nContent-Length: 20\r\nContent-Length: 21 | the Content-Length is "20, 21", not 0 to 65536
GOOD\r\nContent-Length: 21 | the body was cut after 20 of 21 bytes
GOOD\r\nTransfer-Encoding: chunked | not supported: "Transfer-Encoding: chunked"
"#;

#[test]
fn every_error_is_one_line_that_names_it() {
    let assert_fails = |response: &[u8], error: &str| {
        let shown = response.escape_ascii();
        assert_eq!(ipify_gets(response), Err(error.to_string()), "{shown}");
    };
    for line in WRONG.trim().lines() {
        let (begin, error) = line.split_once(" | ").unwrap();
        let begin = begin.replace("GOOD", r"HTTP/1.1 200 OK\r\nA: b");
        let begin = begin.replace(r"\r\n", "\r\n");
        assert_fails(format!("{begin}\r\n\r\n{BODY}").as_bytes(), error);
    }
    assert_fails(b"\r\n\r\n", "not HTTP: \"\"");
    let shown = "\u{fffd}[31m\u{fffd}\u{fffd}";
    assert_fails(b"\x1b[31m\x07\xff\n", &format!("not HTTP: {shown:?}"));
    let long = "9".repeat(70);
    let error = format!("not a header: \"{}\"…", &long[..60]);
    assert_fails(with_header(&long).as_bytes(), &error);
    let too_long = "the headers are longer than 16384 bytes";
    assert_fails(with_header(&"A: b\r\n".repeat(3000)).as_bytes(), too_long);
    assert_fails("x".repeat(16384).as_bytes(), too_long);

    let no_address = "the body is not JSON with an IP address as \"ip\"";
    let bodies = r#"|203.0.113.7|{"IP": "203.0.113.7"}|{"ip": 7}|["ip"]|{"ip": "203.0.113"}"#;
    let others = ["{\"ip\": \"203.0.113.7\"} {}", "{\"ip\": \"\u{1b}[31m\"}"];
    for body in bodies.split('|').chain(others) {
        let error = format!("{no_address}: {body:?}");
        assert_fails(with_body(body).as_bytes(), &error);
    }
    // A body as deep as the limit allows does not overflow the stack.
    let error = format!("{no_address}: {:?}…", "[".repeat(60));
    assert_fails(with_body(&"[".repeat(65536)).as_bytes(), &error);
}

#[test]
fn a_connection_that_is_cut_anywhere() {
    for end in 0..GOOD.len() {
        let error = match GOOD[..end].find("\r\n\r\n") {
            None => "the headers were cut".to_string(),
            Some(head) => format!("the body was cut after {} of 20 bytes", end - head - 4),
        };
        assert_eq!(ipify_gets(&GOOD[..end]), Err(error));
        if end % 20 == 0 {
            let reset = ipify_with(|stream| {
                stream.peek(&mut [0]).unwrap();
                write(&stream, &GOOD.as_bytes()[..end]);
                // Closed with the request unread: that resets it. What was sent before may be lost.
            });
            let error = reset.unwrap_err();
            assert!(error.contains(" cut"), "{error}");
        }
    }
}

/// Takes ten seconds: called beside others that wait.
pub fn no_answer_within_ten_seconds() {
    let begin = Instant::now();
    let full = TcpListener::bind(V4).unwrap();
    let address = full.local_addr().unwrap();
    thread::scope(|scope| {
        // Always something new, never done: the limit is for everything together.
        let slow = scope.spawn(|| {
            ipify_with(|stream| {
                read_request(&stream);
                write(&stream, b"HTTP/1.1 200 OK\r\nX: ");
                while write(&stream, b"x") {
                    sleep(Duration::from_millis(100));
                }
            })
        });
        // A server that does not even accept: connections beyond its backlog wait.
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        let connect = || outcome(start("ipify", &[&address.to_string()]).finish());
        for ipify in [slow, scope.spawn(connect)] {
            let error = ipify.join().unwrap().unwrap_err();
            assert_eq!(error, "no answer within 10 s");
        }
    });
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(10), "{took:?}");
}

#[test]
fn its_output_is_closed() {
    use std::process::{Command, Stdio};

    let run = |args: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut ipify = Command::new(crate::common::example("ipify"));
        ipify.args(args).stdin(Stdio::null());
        let output = ipify.stdout(stdout).stderr(stderr).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), complaint)
    };
    // The writing end of a pipe whose reading end is gone.
    let closed = || {
        let mut other = Command::new(crate::common::example("ipify"));
        other.arg("-h").stderr(Stdio::null()).stdin(Stdio::piped());
        let mut ended = other.spawn().unwrap();
        let closed = ended.stdin.take().unwrap();
        ended.wait().unwrap();
        Stdio::from(closed)
    };
    let (status, complaint) = run(&[], closed(), Stdio::piped());
    let error = "Error: cannot write to standard output: ";
    assert!(status == 1 && complaint.starts_with(error), "{complaint}");
    assert!(cfg!(not(unix)) || complaint[error.len()..] == *"Broken pipe (os error 32)\n");
    assert_eq!(run(&[], closed(), closed()).0, 1);
    assert_eq!(run(&["a", "b"], Stdio::null(), closed()).0, 2);
}

#[test]
fn no_server_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr(); // and closed again
    let free = free.unwrap().to_string();
    // `.invalid` is never registered (RFC 6761).
    for (server, reason) in [(&*free, "Connection refused"), ("no-such-host.invalid", "")] {
        let error = outcome(start("ipify", &[server]).finish()).unwrap_err();
        let expected = format!("cannot connect to {server}: {reason}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn the_command_line() {
    let wrong = "|:80|host:|host:0|host:65536|host:-1|host:+80|host:80:80|::1|[::1|[::1]80|[host]:80|\
                 http://host/|host name|host\r\nX: y|user@host|-h|--help";
    let wrong = wrong.split('|').map(|wrong| (vec![wrong], wrong));
    for (arguments, wrong) in wrong.chain([(vec!["host", "extra"], "extra")]) {
        let finished = start("ipify", &arguments).finish();
        let usage = "usage: ipify [HOST[:PORT]]: a server such as api.ipify.org, not";
        assert_eq!(finished.stderr, [format!("{usage} {wrong:?}")]);
        assert_eq!(finished.status.code(), Some(2));
        assert_eq!(finished.stdout, [""; 0]);
    }
}
