//! `ipify` against hostile servers.

use crate::common::{Finished, example, start};
use fastrand::Rng;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const GOOD: &str =
    "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 20\r\n\r\n{\"ip\":\"203.0.113.7\"}";

/// Serves one connection on a free port of this host, and has `client` make it. Returns what both
/// returned.
fn served<S: Send, C>(
    host: impl Into<IpAddr>,
    serve: impl FnOnce(TcpStream) -> S + Send,
    client: impl FnOnce(&str) -> C,
) -> (S, C) {
    let listener = TcpListener::bind((host.into(), 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::scope(|scope| {
        let server = scope.spawn(move || serve(listener.accept().unwrap().0));
        let end = EndOfAccept(&address);
        let client = client(&address);
        drop(end);
        (server.join().unwrap(), client)
    })
}

/// Starts a server for one connection, and runs `ipify` on it.
fn ipify_with(serve: impl FnOnce(TcpStream) + Send) -> Finished {
    let client = |address: &str| start("ipify", &[address]).finish();
    served(Ipv4Addr::LOCALHOST, serve, client).1
}

/// Connects when it is dropped, so that a test whose `ipify` does not connect fails instead of waiting.
struct EndOfAccept<'a>(&'a str);

impl Drop for EndOfAccept<'_> {
    fn drop(&mut self) {
        let _ = TcpStream::connect(self.0);
    }
}

/// Reads the request, to its empty line.
fn read_request(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// Writes what it can: the client may have closed the connection.
fn write(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Answers with these bytes, and closes the connection.
fn ipify_gets(response: impl AsRef<[u8]> + Send) -> Finished {
    ipify_with(move |stream| drop(answer(&stream, response.as_ref())))
}

/// Answers with these bytes, and returns the request.
fn answer(stream: &TcpStream, response: &[u8]) -> Vec<String> {
    let request = read_request(stream);
    write(stream, response);
    request
}

/// A response with this body and its right length.
fn with_body(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A response with this header line and a good body.
fn with_header(header: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n{{\"ip\":\"203.0.113.7\"}}")
}

#[track_caller]
fn assert_fails(finished: &Finished, error: &str) {
    assert_eq!(finished.stderr, [format!("Error: {error}")], "{finished:?}");
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(!finished.stdout.contains(&"My IP address is:".to_string()));
}

/// For errors that end with the words of the system.
#[track_caller]
fn assert_fails_like(finished: &Finished, start: &str) {
    assert_eq!(finished.stderr.len(), 1, "{finished:?}");
    let error = finished.stderr[0].strip_prefix("Error: ").unwrap();
    assert!(error.starts_with(start), "{finished:?}");
    assert_fails(finished, error);
}

#[track_caller]
fn assert_succeeds(finished: &Finished, address: &str) {
    assert_eq!(finished.stderr, [""; 0], "{finished:?}");
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    let end = &finished.stdout[finished.stdout.len() - 2..];
    assert_eq!(end, ["My IP address is:", address], "{finished:?}");
}

/// What a request must contain for a server at this address.
#[track_caller]
fn assert_asks(request: &[String], host: &str) {
    assert_eq!(request[0], "GET /?format=json HTTP/1.1");
    for header in [&format!("Host: {host}"), "Connection: close"] {
        assert!(request.iter().any(|line| line == header), "{request:?}");
    }
}

/// Answers well, on this address, and checks request and output.
fn a_good_answer_on(host: impl Into<IpAddr>) {
    let serve = |stream| answer(&stream, GOOD.as_bytes());
    let (request, (address, finished)) = served(host, serve, |address| {
        (address.to_string(), start("ipify", &[address]).finish())
    });
    assert_succeeds(&finished, "203.0.113.7");
    let shown = [
        "Got status 200 OK",
        "Response headers:",
        "Server: test",
        "Content-Length: 20",
    ];
    assert_eq!(finished.stdout[..4], shown);
    assert_asks(&request, &address);
}

#[test]
fn a_good_server_is_asked_in_good_form_and_its_answer_shown() {
    a_good_answer_on(Ipv4Addr::LOCALHOST);
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => a_good_answer_on(Ipv6Addr::LOCALHOST), // in brackets
        Err(error) => println!("skipped: no IPv6 on this machine: {error}"),
    }
}

#[test]
fn a_response_may_come_one_byte_at_a_time() {
    let byte_by_byte = |response: String| {
        ipify_with(move |stream| {
            stream.set_nodelay(true).unwrap();
            read_request(&stream);
            for byte in response.as_bytes() {
                if !write(&stream, &[*byte]) {
                    break;
                }
                sleep(Duration::from_micros(300));
            }
        })
    };
    assert_succeeds(&byte_by_byte(GOOD.to_string()), "203.0.113.7");
    assert_fails(
        &byte_by_byte(with_body("{}")),
        &format!("{NO_ADDRESS}: \"{{}}\""),
    );
}

#[test]
fn responses_that_are_unusual_and_right() {
    let bare = "HTTP/1.0 200\ncontent-length:  20 \n\n{\"ip\":\"203.0.113.7\"}";
    for response in [
        bare,
        &with_header("Content-Length: 20\r\nContent-Length: 20"),
        &with_header("Empty:\r\nContent-Length: 20"),
        &(GOOD.to_string() + "and more than was announced"),
    ] {
        assert_succeeds(&ipify_gets(response), "203.0.113.7");
    }
    let ipv6 = with_body(r#" {"more": [1], "ip": "2001:db8::1"} "#);
    assert_succeeds(&ipify_gets(ipv6), "2001:db8::1");
}

const NO_ADDRESS: &str = "the body is not JSON with an IP address as \"ip\"";

#[test]
fn every_error_is_one_line_that_names_it() {
    for status in ["404 Not Found", "301", "2000 OK"] {
        let response = format!("HTTP/1.1 {status}\r\nLocation: /\r\n\r\n");
        let error = format!("the status is {status:?}, not 200");
        assert_fails(&ipify_gets(response), &error);
    }
    for (line, shown) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        ("SSH 200 OK\r\n", "SSH 200 OK"),
        ("HTTP/1.1\r\n\r\n", "HTTP/1.1"),
        ("\r\n\r\n", ""),
        ("\x1b[31m\u{7}\n", "\u{fffd}[31m\u{fffd}"),
    ] {
        assert_fails(&ipify_gets(line), &format!("not HTTP: {shown:?}"));
    }
    // A line of blanks is not the empty line.
    for line in ["no colon", ": no name", " folded: line", "a b: c", " "] {
        let response = with_header(&format!("A: b\r\n{line}\r\nContent-Length: 20"));
        assert_fails(&ipify_gets(response), &format!("not a header: {line:?}"));
    }
    let long = "9".repeat(70);
    let short = format!("the Content-Length is \"{}\"…, not 0 to 65536", &long[..60]);
    for (header, error) in [
        ("Server: test", "there is no Content-Length"),
        (
            "Content-Length:",
            r#"the Content-Length is "", not 0 to 65536"#,
        ),
        (
            "Content-Length: -1",
            r#"the Content-Length is "-1", not 0 to 65536"#,
        ),
        (
            "Content-Length: +20",
            r#"the Content-Length is "+20", not 0 to 65536"#,
        ),
        (
            "Content-Length: 0x14",
            r#"the Content-Length is "0x14", not 0 to 65536"#,
        ),
        (
            "Content-Length: 65537",
            r#"the Content-Length is "65537", not 0 to 65536"#,
        ),
        (&format!("Content-Length: {long}"), &short),
        (
            "Content-Length: 20\r\nContent-Length: 21",
            r#"the Content-Length is "20, 21", not 0 to 65536"#,
        ),
        (
            "Content-Length: 20\r\nTransfer-Encoding: chunked",
            r#"not supported: "Transfer-Encoding: chunked""#,
        ),
        // Lengths that lie.
        (
            "Content-Length: 21",
            "the body was cut after 20 of 21 bytes",
        ),
        (
            "Content-Length: 8",
            &format!(r#"{NO_ADDRESS}: "{{\"ip\":\"2""#),
        ),
        ("Content-Length: 0", &format!(r#"{NO_ADDRESS}: """#)),
    ] {
        assert_fails(&ipify_gets(with_header(header)), error);
    }
    for body in [
        "203.0.113.7",
        "{}",
        r#"{"IP": "203.0.113.7"}"#,
        r#"{"ip": 7}"#,
        r#"["ip"]"#,
        r#"{"ip": "203.0.113"}"#,
        r#"{"ip": "203.0.113.7"} {}"#,
        "{\"ip\": \"\u{1b}[31m\"}",
    ] {
        let error = format!("{NO_ADDRESS}: {body:?}");
        assert_fails(&ipify_gets(with_body(body)), &error);
    }
    // A body as deep as the limit allows does not overflow the stack.
    let error = format!("{NO_ADDRESS}: {:?}…", "[".repeat(60));
    assert_fails(&ipify_gets(with_body(&"[".repeat(65536))), &error);
}

#[test]
fn a_connection_that_is_cut_anywhere() {
    for end in 0..GOOD.len() {
        let error = match GOOD[..end].find("\r\n\r\n") {
            None => "the headers were cut".to_string(),
            Some(head) => {
                let got = end - head - 4;
                format!("the body was cut after {got} of 20 bytes")
            }
        };
        assert_fails(&ipify_gets(&GOOD[..end]), &error);
    }
}

#[test]
fn a_connection_that_is_reset() {
    for end in [0, 10, GOOD.len() - 1] {
        let finished = ipify_with(|stream| {
            stream.peek(&mut [0]).unwrap();
            write(&stream, &GOOD.as_bytes()[..end]);
            // Closed with the request unread: that resets it.
        });
        // What was sent before the reset may be lost.
        assert!(finished.stderr[0].contains(" cut"), "{finished:?}");
        assert_fails_like(&finished, "the ");
    }
}

#[test]
fn headers_are_read_up_to_their_limit_and_no_further() {
    let line = "X: 7890123456789012345678901234\r\n"; // 32 bytes
    let status = "HTTP/1.1 200 OK\r\n";
    let error = "the headers are longer than 16384 bytes";
    assert_fails(&ipify_gets(format!("{status}{}", line.repeat(512))), error);
    assert_fails(
        &ipify_gets(format!("{status}X: {}", "x".repeat(16384))),
        error,
    );
    assert_fails(&ipify_gets("x".repeat(16384)), error);

    // As long as allowed.
    let rest = "\r\nContent-Length: 20\r\n\r\n";
    let filler = "x".repeat(16384 - status.len() - "X: ".len() - rest.len());
    let longest = format!("{status}X: {filler}{rest}{{\"ip\":\"203.0.113.7\"}}");
    assert_succeeds(&ipify_gets(longest), "203.0.113.7");

    // One that never ends: it is not read for ever.
    let mut sent = 0;
    let endless = ipify_with(|stream| {
        read_request(&stream);
        while write(&stream, &[b'x'; 4096]) {
            sent += 4096;
        }
    });
    assert_fails(&endless, error);
    assert!(
        sent < 64 << 20,
        "{sent} bytes fit in no socket buffer: it has read on"
    );
}

/// Takes ten seconds: called beside others that wait.
pub fn no_answer_within_ten_seconds() {
    let error = "no answer within 10 s";
    example("ipify"); // built before the clock runs
    let begin = Instant::now();
    thread::scope(|scope| {
        let silent = scope.spawn(|| {
            ipify_with(|stream| {
                read_request(&stream);
                let _ = stream.peek(&mut [0]); // until the client has gone
            })
        });
        let silent_in_the_body = scope.spawn(|| {
            ipify_with(|stream| {
                read_request(&stream);
                write(&stream, &GOOD.as_bytes()[..GOOD.len() - 1]);
                let _ = stream.peek(&mut [0]);
            })
        });
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
        // One that does not even accept: connections beyond its backlog wait for ever.
        let full = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = full.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        let no_connection = scope.spawn(move || start("ipify", &[&address.to_string()]).finish());
        for finished in [silent, silent_in_the_body, slow, no_connection] {
            assert_fails(&finished.join().unwrap(), error);
        }
    });
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
#[cfg(unix)]
fn its_output_is_closed() {
    use std::fs::File;
    use std::process::{Command, Stdio};

    let run = |args: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut ipify = Command::new(example("ipify"));
        ipify.args(args).stdin(Stdio::null());
        ipify.stdout(stdout).stderr(stderr).output().unwrap()
    };
    // The writing end of a pipe whose reading end is gone.
    let closed = || Stdio::from(rustix::pipe::pipe().unwrap().1);
    let error = "Error: cannot write to standard output: Broken pipe (os error 32)\n";

    let finished = run(&[], closed(), Stdio::piped());
    assert_eq!(String::from_utf8_lossy(&finished.stderr), error);
    assert_eq!(finished.status.code(), Some(1));

    // When the first line of the answer is there.
    let (_, finished) = served(
        Ipv4Addr::LOCALHOST,
        |stream| answer(&stream, GOOD.as_bytes()),
        |address| run(&[address], closed(), Stdio::piped()),
    );
    assert_eq!(String::from_utf8_lossy(&finished.stderr), error);
    assert_eq!(finished.status.code(), Some(1));

    assert_eq!(run(&[], closed(), closed()).status.code(), Some(1));
    let usage = run(&["a", "b"], Stdio::null(), closed());
    assert_eq!(usage.status.code(), Some(2));
    if let Ok(full) = File::options().write(true).open("/dev/full") {
        let finished = run(&[], full.into(), Stdio::piped());
        let error = String::from_utf8_lossy(&finished.stderr).into_owned();
        let expected = "Error: cannot write to standard output: No space left on device";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn no_server_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr(); // and closed again
    let free = free.unwrap().to_string();
    // `.invalid` is never registered (RFC 6761).
    for (server, reason) in [
        (free.as_str(), "Connection refused"),
        ("no-such-host.invalid", ""),
    ] {
        let finished = start("ipify", &[server]).finish();
        assert_fails_like(&finished, &format!("cannot connect to {server}: {reason}"));
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

// ------------------------------------------------------------------------ whatever bytes may come

/// Bytes that look more or less like a response.
fn some_response(rng: &mut Rng) -> Vec<u8> {
    let mut response = match rng.u8(..4) {
        0 => (0..rng.usize(..300)).map(|_| rng.u8(..)).collect(),
        1 => GOOD.as_bytes().to_vec(),
        _ => {
            let mut response = Vec::new();
            for _ in 0..rng.usize(1..12) {
                let pieces: [&[u8]; 16] = [
                    b"HTTP/1.1 200 OK\r\n",
                    b"HTTP/1.1 200 OK\r\n",
                    b"HTTP/1.0 500 \xff\xfe\n",
                    b"Content-Length: 20\r\n",
                    b"Content-Length: 20\r\n",
                    b"content-length: 18446744073709551616\n",
                    b"Content-Length: 4000\r\n",
                    b"Transfer-Encoding: chunked\r\n",
                    b": \r\n",
                    b"A\0B: \x1b]0;title\x07\r\n",
                    b"\r\n",
                    b"\r\n",
                    b"\n\n",
                    br#"{"ip":"203.0.113.7"}"#,
                    br#"{"ip":["#,
                    br#"{"ip":"\ud800"}"#,
                ];
                response.extend_from_slice(pieces[rng.usize(..pieces.len())]);
            }
            response
        }
    };
    // A few bytes changed, inserted, removed; the end cut off.
    for _ in 0..rng.usize(..4) {
        if response.is_empty() {
            break;
        }
        let place = rng.usize(..response.len());
        match rng.u8(..4) {
            0 => response[place] = rng.u8(..),
            1 => response.insert(place, rng.u8(..)),
            2 => drop(response.remove(place)),
            _ => response.truncate(place),
        }
    }
    response
}

#[test]
fn any_bytes_at_all_give_an_address_or_one_error() {
    example("ipify");
    let (mut addresses, mut errors) = (0, 0);
    for seed in 0..600 {
        let mut rng = Rng::with_seed(seed);
        let response = some_response(&mut rng);
        let begin = Instant::now();
        let finished = ipify_with(|stream| {
            stream.set_nodelay(true).unwrap();
            read_request(&stream);
            let mut rest = response.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rng.usize(1..=rest.len()));
                if !write(&stream, now) {
                    break;
                }
                rest = later;
            }
        });
        let case = || {
            let response = response.escape_ascii();
            format!("seed {seed}, response \"{response}\": {finished:#?}")
        };
        assert!(begin.elapsed() < Duration::from_secs(9), "{}", case());
        for line in finished.stdout.iter().chain(&finished.stderr) {
            assert!(!line.contains(char::is_control), "{}", case());
        }
        match finished.status.code() {
            Some(0) => {
                assert_eq!(finished.stderr, [""; 0], "{}", case());
                let address = finished.stdout.last().unwrap();
                assert!(address.parse::<IpAddr>().is_ok(), "{}", case());
                addresses += 1;
            }
            Some(1) => {
                assert_eq!(finished.stderr.len(), 1, "{}", case());
                assert!(finished.stderr[0].starts_with("Error: "), "{}", case());
                errors += 1;
            }
            _ => panic!("{}", case()),
        }
    }
    // Else the responses are too wild to get anywhere.
    assert!(
        addresses >= 20 && errors >= 20,
        "{addresses} addresses, {errors} errors"
    );
}
