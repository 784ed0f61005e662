//! The other end of the HTTP servers and clients: 50 connections that are kept alive, each with a thread of
//! its own. Its CPU time is not counted.

use measure::figure;
use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

const CONNECTIONS: usize = 50;

/// Loads a server, which is started with a pipe at both ends. It must print `listening ADDRESS`, and for every
/// line of input `cpu SECONDS`, until the input ends.
///
/// The last argument of the command is how many requests there will be on each connection; a tenth of them
/// come before, to warm up.
pub fn load(command: &mut Command) -> io::Result<()> {
    let requests: usize = last_argument(command)?;
    let mut server = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = server.stdin.take().expect("it is a pipe");
    let output = server.stdout.take().expect("it is a pipe");
    let mut output = BufReader::new(output).lines();
    let address = word_after(&mut output, "listening ")?;
    let connect = |_| {
        let stream = TcpStream::connect(&address)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let connections: Vec<TcpStream> = (0..CONNECTIONS).map(connect).collect::<io::Result<_>>()?;
    ask_all(&connections, requests / 10)?;
    let before = cpu(&mut input, &mut output)?;
    ask_all(&connections, requests)?;
    let used = cpu(&mut input, &mut output)? - before;
    figure("cpu", used / (CONNECTIONS * requests) as f64);
    drop(input);
    let status = server.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("the server: {status}")));
    }
    Ok(())
}

fn last_argument(command: &Command) -> io::Result<usize> {
    let last = command.get_args().last().and_then(|last| last.to_str());
    let number = last.and_then(|last| last.parse().ok());
    number.ok_or_else(|| io::Error::other("the last argument is to be a number"))
}

fn word_after(output: &mut Lines<BufReader<ChildStdout>>, start: &str) -> io::Result<String> {
    let line = output.next().unwrap_or(Ok(String::new()))?;
    let word = line.strip_prefix(start);
    word.map(str::to_string)
        .ok_or_else(|| io::Error::other(format!("the server printed {line:?}")))
}

/// How much of it the server has used.
fn cpu(input: &mut ChildStdin, output: &mut Lines<BufReader<ChildStdout>>) -> io::Result<f64> {
    input.write_all(b"\n")?;
    let seconds = word_after(output, "cpu ")?;
    seconds.trim().parse().map_err(io::Error::other)
}

/// So many requests over each of these connections at once.
fn ask_all(connections: &[TcpStream], requests: usize) -> io::Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = connections
            .iter()
            .map(|stream| scope.spawn(move || (0..requests).try_for_each(|_| ask(stream))))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })
}

fn ask(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"GET /0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = [0; 1024];
    let mut length = 0;
    // The body has no end of its own, but is known.
    while !answer[..length].ends_with(b"\r\n\r\n0 It works") {
        let more = stream.read(&mut answer[length..])?;
        if more == 0 {
            let answer = String::from_utf8_lossy(&answer[..length]);
            return Err(io::Error::other(format!("the answer was {answer:?}")));
        }
        length += more;
    }
    if !answer.starts_with(b"HTTP/1.1 200 OK\r\n") {
        return Err(io::Error::other("not an answer"));
    }
    Ok(())
}

/// Serves a client, which is told the address and how many connections to make behind its own arguments, and
/// prints its figures itself.
pub fn serve(command: &mut Command) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            // How a connection ends is the client's business.
            thread::spawn(move || stream.and_then(|stream| answer_all(&stream)));
        }
    });
    let client = command
        .arg(address.to_string())
        .arg(CONNECTIONS.to_string());
    let status = client.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the client: {status}")));
    }
    Ok(())
}

fn answer_all(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next() {
        if line?.is_empty() {
            stream.write_all(ANSWER)?;
        }
    }
    Ok(())
}

/// What hyper would send.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 10\r\n\
    date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\
    \r\n\
    0 It works";
