//! The other end of the servers and clients: keep-alive connections, on one thread that does as little as
//! possible. Its CPU time is not counted.

use measure::{argument, figure};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// Loads a server, which is started with a pipe at both ends: `server PROTOCOL CONNECTIONS REQUESTS PROGRAM …`.
/// The program prints `listening ADDRESS`, and `cpu SECONDS` for each line of input, until the input ends.
///
/// A tenth of the requests come first on each connection, to warm up.
pub fn load(command: &mut Command) -> io::Result<()> {
    let request = match argument::<String>(2).as_str() {
        "http" => REQUEST,
        "echo" => &[b'x'; 1024],
        _ => measure::unknown(2),
    };
    let (connections, requests): (usize, usize) = (argument(3), argument(4));
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
    let streams: Vec<_> = (0..connections).map(connect).collect::<io::Result<_>>()?;
    ask_all(&streams, request, requests / 10)?;
    let before = cpu(&mut input, &mut output)?;
    ask_all(&streams, request, requests)?;
    let used = cpu(&mut input, &mut output)? - before;
    figure("cpu", used / (connections * requests) as f64);
    drop(input);
    let status = server.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("the server: {status}")));
    }
    Ok(())
}

fn word_after(output: &mut Lines<BufReader<ChildStdout>>, start: &str) -> io::Result<String> {
    let line = output.next().unwrap_or(Ok(String::new()))?;
    let word = line.strip_prefix(start);
    word.map(str::to_string)
        .ok_or_else(|| io::Error::other(format!("the server printed {line:?}")))
}

/// The CPU time that the server has used.
fn cpu(input: &mut ChildStdin, output: &mut Lines<BufReader<ChildStdout>>) -> io::Result<f64> {
    input.write_all(b"\n")?;
    let seconds = word_after(output, "cpu ")?;
    seconds.trim().parse().map_err(io::Error::other)
}

/// Sends `requests` over each connection, each after the answer to the one before.
fn ask_all(connections: &[TcpStream], request: &[u8], requests: usize) -> io::Result<()> {
    let mut left = vec![requests; connections.len()];
    let mut answers = vec![Vec::new(); connections.len()];
    for mut stream in connections {
        stream.write_all(request)?;
    }
    let mut buffer = [0; 4096];
    while left.iter().any(|left| *left > 0) {
        for i in readable(connections)? {
            let mut stream = &connections[i];
            let length = stream.read(&mut buffer)?;
            answers[i].extend(&buffer[..length]);
            if is_complete(&answers[i], request) {
                answers[i].clear();
                left[i] -= 1;
                if left[i] > 0 {
                    stream.write_all(request)?;
                }
            } else if length == 0 || answers[i].len() > buffer.len() {
                let answer = String::from_utf8_lossy(&answers[i]);
                return Err(io::Error::other(format!("the answer was {answer:?}")));
            }
        }
    }
    Ok(())
}

/// The length of the answer is known, so its end is not searched for.
fn is_complete(answer: &[u8], request: &[u8]) -> bool {
    if request != REQUEST {
        return answer == request;
    }
    answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"\r\n\r\n0 It works")
}

/// Waits until some are readable, and returns their indices.
fn readable(sockets: &[impl AsFd]) -> io::Result<Vec<usize>> {
    let polled = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::IN));
    let mut polled: Vec<PollFd> = polled.collect();
    poll(&mut polled, None)?;
    let readable = |i: &usize| !polled[*i].revents().is_empty();
    Ok((0..polled.len()).filter(readable).collect())
}

/// Serves a client, which gets the address and the number of connections as its last arguments, and prints its
/// figures itself.
pub fn serve(command: &mut Command) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Until this process ends.
    thread::spawn(move || answer_all(&listener));
    let client = command.arg(address.to_string()).arg(argument::<String>(2));
    let status = client.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the client: {status}")));
    }
    Ok(())
}

fn answer_all(listener: &TcpListener) -> io::Result<()> {
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let mut sockets: Vec<BorrowedFd> = streams.iter().map(AsFd::as_fd).collect();
        sockets.push(listener.as_fd());
        // Backwards: removing one keeps the indices before it.
        for i in readable(&sockets)?.into_iter().rev() {
            match streams.get_mut(i) {
                None => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nodelay(true)?;
                    streams.push(stream);
                }
                // A request of this client is small, and arrives in one piece.
                Some(stream) => match stream.read(&mut buffer) {
                    Ok(length) if buffer[..length].ends_with(b"\r\n\r\n") => {
                        stream.write_all(ANSWER)?;
                    }
                    _ => drop(streams.remove(i)),
                },
            }
        }
    }
}

const REQUEST: &[u8] = b"GET /0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// The answer as hyper would send it.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 10\r\n\
    date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\
    \r\n\
    0 It works";
