//! `ipify` against a server that means it no good.

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

/// Connects when it is dropped, so that a test whose `ipify` does not connect fails, and does not
/// wait for it.
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

/// Writes what it can: the client may have had enough.
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

#[track_caller]
fn assert_succeeds(finished: &Finished, address: &str) {
    assert_eq!(finished.stderr, [""; 0], "{finished:?}");
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    let end = &finished.stdout[finished.stdout.len() - 2..];
    assert_eq!(end, ["My IP address is:", address], "{finished:?}");
}

#[test]
fn a_good_server_is_asked_in_good_form_and_its_answer_shown() {
    let mut host = String::new();
    let (request, finished) = served(
        Ipv4Addr::LOCALHOST,
        |stream| answer(&stream, GOOD.as_bytes()),
        |address| {
            host = address.to_string();
            start("ipify", &[address]).finish()
        },
    );
    assert_succeeds(&finished, "203.0.113.7");
    assert_eq!(
        finished.stdout[..4],
        [
            "Got status 200 OK",
            "Response headers:",
            "Server: test",
            "Content-Length: 20"
        ]
    );
    assert_eq!(request[0], "GET /?format=json HTTP/1.1");
    assert!(request.contains(&format!("Host: {host}")), "{request:?}");
    assert!(
        request.contains(&"Connection: close".to_string()),
        "{request:?}"
    );
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
        r#"the body has no text "ip": "{}""#,
    );
}

#[test]
fn responses_that_are_unusual_and_right() {
    for (response, address) in [
        (
            "HTTP/1.0 200\ncontent-length:  20 \n\n{\"ip\":\"203.0.113.7\"}",
            "203.0.113.7",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Length: 20\r\n\r\n{\"ip\":\"203.0.113.7\"}",
            "203.0.113.7",
        ),
        (
            &with_body(r#" {"more": [1], "ip": "2001:db8::1"} "#),
            "2001:db8::1",
        ),
        (
            &(GOOD.to_string() + "and more than was announced"),
            "203.0.113.7",
        ),
        (&with_header("Empty:\r\nContent-Length: 20"), "203.0.113.7"),
    ] {
        assert_succeeds(&ipify_gets(response), address);
    }
}

#[test]
fn every_error_is_one_line_that_names_it() {
    for (response, error) in [
        // The status.
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            r#"the status is "404 Not Found", not 200"#,
        ),
        (
            "HTTP/1.1 301\r\nLocation: /\r\n\r\n",
            r#"the status is "301", not 200"#,
        ),
        (
            "HTTP/1.1 2000 OK\r\n\r\n",
            r#"the status is "2000 OK", not 200"#,
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n",
            r#"this is no HTTP: "SSH-2.0-OpenSSH_9.2""#,
        ),
        ("HTTP/1.1\r\n\r\n", r#"this is no HTTP: "HTTP/1.1""#),
        ("\r\n\r\n", r#"this is no HTTP: """#),
        (
            "\x1b[31m\u{7}\n",
            "this is no HTTP: \"\u{fffd}[31m\u{fffd}\"",
        ),
        // The headers.
        (
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            r#"this is no header: "no colon""#,
        ),
        (
            "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
            r#"this is no header: ": no name""#,
        ),
        (
            "HTTP/1.1 200 OK\r\nA: b\r\n folded: line\r\n\r\n",
            r#"this is no header: " folded: line""#,
        ),
        // A line of blanks is not the empty line.
        (
            "HTTP/1.1 200 OK\r\n \r\nContent-Length: 20\r\n\r\n",
            r#"this is no header: " ""#,
        ),
        // The length.
        (&with_header("Server: test"), "there is no Content-Length"),
        (
            &with_header("Content-Length:"),
            r#"the Content-Length is "", not a number"#,
        ),
        (
            &with_header("Content-Length: -1"),
            r#"the Content-Length is "-1", not a number"#,
        ),
        (
            &with_header("Content-Length: +20"),
            r#"the Content-Length is "+20", not a number"#,
        ),
        (
            &with_header("Content-Length: 0x14"),
            r#"the Content-Length is "0x14", not a number"#,
        ),
        (
            &with_header("Content-Length: 20\r\nContent-Length: 21"),
            r#"the Content-Length is "20" and "21""#,
        ),
        (
            &with_header("Transfer-Encoding: chunked\r\nContent-Length: 20"),
            r#"Transfer-Encoding "chunked" instead of a Content-Length"#,
        ),
        (
            &with_header("Content-Length: 65537"),
            r#"the Content-Length is "65537", more than 65536 bytes"#,
        ),
        (
            &with_header("Content-Length: 99999999999999999999999999"),
            r#"the Content-Length is "99999999999999999999999999", more than 65536 bytes"#,
        ),
        // A length that lies.
        (
            &with_header("Content-Length: 21"),
            "the connection was cut after 20 of 21 bytes of the body",
        ),
        (
            &with_header("Content-Length: 8"),
            r#"the body is not JSON: "{\"ip\":\"2": EOF while parsing a string at line 1 column 8"#,
        ),
        (
            &with_header("Content-Length: 0"),
            r#"the body is not JSON: "": EOF while parsing a value at line 1 column 0"#,
        ),
        // The body.
        (
            &with_body("203.0.113.7"),
            r#"the body is not JSON: "203.0.113.7": trailing characters at line 1 column 6"#,
        ),
        (&with_body("{}"), r#"the body has no text "ip": "{}""#),
        (
            &with_body(r#"{"IP": "203.0.113.7"}"#),
            r#"the body has no text "ip": "{\"IP\": \"203.0.113.7\"}""#,
        ),
        (
            &with_body(r#"{"ip": 7}"#),
            r#"the body has no text "ip": "{\"ip\": 7}""#,
        ),
        (
            &with_body(r#"["ip"]"#),
            r#"the body has no text "ip": "[\"ip\"]""#,
        ),
        (
            &with_body(r#"{"ip": "203.0.113"}"#),
            r#""ip" is "203.0.113", not an IP address"#,
        ),
        (
            &with_body("{\"ip\": \"\\u001b[31m\"}"),
            r#""ip" is "\u{1b}[31m", not an IP address"#,
        ),
    ] {
        assert_fails(&ipify_gets(response), error);
    }
    // A body as deep as the limit allows does not overflow the stack.
    let finished = ipify_gets(with_body(&"[".repeat(65536)));
    assert!(
        finished.stderr[0].contains("recursion limit exceeded"),
        "{finished:?}"
    );
}

#[test]
fn a_connection_that_is_cut_anywhere() {
    for end in 0..GOOD.len() {
        let error = match GOOD[..end].find("\r\n\r\n") {
            None => "the connection was cut in the headers".to_string(),
            Some(head) => {
                let got = end - head - 4;
                format!("the connection was cut after {got} of 20 bytes of the body")
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
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        let [error] = finished.stderr.as_slice() else {
            panic!("{finished:?}");
        };
        assert!(
            error.starts_with("Error: the connection was cut"),
            "{error}"
        );
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
fn nobody_reads_what_it_prints() {
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
fn nobody_there() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let refused = start("ipify", &[&format!("127.0.0.1:{port}")]).finish();
    assert_eq!(refused.status.code(), Some(1));
    let [error] = refused.stderr.as_slice() else {
        panic!("{refused:?}");
    };
    let expected = format!("Error: cannot connect to 127.0.0.1:{port}: Connection refused");
    assert!(error.starts_with(&expected), "{error}");

    // `.invalid` is never registered (RFC 6761).
    let unknown = start("ipify", &["no-such-host.invalid"]).finish();
    assert_eq!(unknown.status.code(), Some(1));
    let [error] = unknown.stderr.as_slice() else {
        panic!("{unknown:?}");
    };
    assert!(
        error.starts_with("Error: cannot connect to no-such-host.invalid: "),
        "{error}"
    );
}

#[test]
fn the_command_line() {
    for wrong in [
        "",
        ":80",
        "host:",
        "host:0",
        "host:65536",
        "host:-1",
        "host:+80",
        "host:80:80",
        "::1",
        "[::1",
        "[::1]80",
        "[host]:80",
        "http://host/",
        "host name",
        "host\r\nX: y",
        "user@host",
        "-h",
        "--help",
    ] {
        let finished = start("ipify", &[wrong]).finish();
        let usage = "usage: ipify [HOST[:PORT]]: a server such as api.ipify.org, not";
        assert_eq!(finished.stderr, [format!("{usage} {wrong:?}")]);
        assert_eq!(finished.status.code(), Some(2));
        assert_eq!(finished.stdout, [""; 0]);
    }
    assert_eq!(
        start("ipify", &["host", "too much"]).finish().status.code(),
        Some(2)
    );

    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("skipped: no IPv6 on this machine");
        return;
    }
    let mut host = String::new();
    let (request, finished) = served(
        Ipv6Addr::LOCALHOST,
        |stream| answer(&stream, GOOD.as_bytes()),
        |address| {
            host = address.to_string(); // in brackets
            start("ipify", &[address]).finish()
        },
    );
    assert_succeeds(&finished, "203.0.113.7");
    assert!(request.contains(&format!("Host: {host}")), "{request:?}");
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
