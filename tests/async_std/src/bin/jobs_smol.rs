//! A small job server on smol: `fib NUMBER` on standard input or from a TCP client is a job, and each result
//! is appended to a file. `status` says how far it is, `quit` or the end of the input ends it in order.

use smol::channel::{self, Receiver, Sender};
use smol::fs::{self, OpenOptions};
use smol::io::{self, BufReader};
use smol::lock::Mutex;
use smol::net::{TcpListener, TcpStream};
use smol::prelude::*;
use smol::{Timer, Unblock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

type Error = Box<dyn std::error::Error + Send + Sync>;

const WORKERS: usize = 2;
/// How long a client may be silent.
const SILENCE: Duration = Duration::from_secs(3);

struct Job {
    number: u64,
    /// For the client that has sent it.
    answer: Option<Sender<String>>,
}

/// Shared by all parts of the server.
#[derive(Clone)]
struct Server {
    jobs: Sender<Job>,
    done: Arc<Mutex<usize>>,
}

fn main() -> Result<(), Error> {
    smol::block_on(run())
}

async fn run() -> Result<(), Error> {
    let path = std::env::args().nth(1).ok_or("usage: jobs FILE")?;
    let (jobs, queue) = channel::bounded(100);
    let (results, to_write) = channel::bounded(100);
    let done = Arc::default();
    let server = Server { jobs, done };
    // Each is closed at the end, and `recv` on the other side then returns an error.
    let (running, end) = channel::bounded::<()>(1);
    let (client, clients) = channel::bounded::<()>(1);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(format!("listening on {}", listener.local_addr()?)).await?;
    let file = smol::spawn(write_results(PathBuf::from(path), to_write));
    let workers: Vec<_> = (1..=WORKERS)
        .map(|number| {
            let name = format!("worker {number}");
            smol::spawn(work(name, server.clone(), queue.clone(), results.clone()))
        })
        .collect();
    drop((queue, results));
    smol::spawn(report(server.clone())).detach();
    let accepting = smol::spawn(accept(listener, server.clone(), end, client));

    let typed = commands(&server).await;

    accepting.cancel().await;
    drop(running);
    server.jobs.close(); // queued jobs are still done
    for worker in workers {
        worker.await;
    }
    let _ = clients.recv().await; // an error when the last client has ended
    let lines = file.await?;
    say(format!("{lines} results written")).await?;
    typed
}

/// Reads commands until `quit` or the end of the input.
async fn commands(server: &Server) -> Result<(), Error> {
    let mut stdin = BufReader::new(Unblock::new(std::io::stdin()));
    let mut line = String::new();
    while stdin.read_line(&mut line).await? > 0 {
        match line.trim() {
            "quit" => break,
            "status" => {
                let done = *server.done.lock().await;
                say(format!(
                    "status: {} waiting, {done} done",
                    server.jobs.len()
                ))
                .await?;
            }
            command => {
                if let Err(error) = enqueue(server, command, None).await {
                    say(error).await?;
                }
            }
        }
        line.clear();
    }
    Ok(())
}

async fn enqueue(
    server: &Server,
    command: &str,
    answer: Option<Sender<String>>,
) -> Result<(), String> {
    let number = command
        .strip_prefix("fib ")
        .and_then(|number| number.parse().ok())
        .filter(|number| *number <= 40)
        .ok_or_else(|| format!("expected `fib NUMBER`, up to 40, not `{command}`"))?;
    let job = Job { number, answer };
    let sent = server.jobs.send(job).await;
    sent.map_err(|_| "the server is ending".to_string())
}

/// Does jobs until the queue is closed and empty.
async fn work(name: String, server: Server, queue: Receiver<Job>, results: Sender<String>) {
    while let Ok(job) = queue.recv().await {
        let value = smol::unblock(move || fib(job.number)).await;
        let result = format!("fib({}) = {value}", job.number);
        let _ = results.send(format!("{name}: {result}")).await;
        *server.done.lock().await += 1;
        if let Some(answer) = job.answer {
            let _ = answer.send(result).await; // the client may be disconnected
        }
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// Appends each result to the file, and says how many lines it has then.
async fn write_results(path: PathBuf, results: Receiver<String>) -> io::Result<usize> {
    if fs::metadata(&path).await.is_ok_and(|data| !data.is_file()) {
        return Err(io::Error::other("the results need a file"));
    }
    let mut options = OpenOptions::new();
    let mut file = options.create(true).append(true).open(&path).await?;
    while let Ok(result) = results.recv().await {
        file.write_all(format!("{result}\n").as_bytes()).await?;
    }
    file.flush().await?;
    Ok(fs::read_to_string(&path).await?.lines().count())
}

/// Accepts clients until it is cancelled. Each is served until `end` is closed.
async fn accept(listener: TcpListener, server: Server, end: Receiver<()>, client: Sender<()>) {
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        let (server, end, client) = (server.clone(), end.clone(), client.clone());
        smol::spawn(async move {
            let served = async { serve(stream?, &server, &end).await };
            if let Err(error) = served.await {
                eprintln!("client: {error}");
            }
            drop(client);
        })
        .detach();
    }
}

async fn serve(stream: TcpStream, server: &Server, end: &Receiver<()>) -> io::Result<()> {
    let (reader, mut writer) = (stream.clone(), stream);
    let mut lines = BufReader::new(reader).lines();
    loop {
        let line = async { lines.next().await.transpose() };
        let end = async {
            let _ = end.recv().await;
            Ok(None)
        };
        let limit = async {
            Timer::after(SILENCE).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let command = match line.or(end).or(limit).await {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return writer.write_all(b"silent for too long\n").await;
            }
            Err(error) => return Err(error),
        };
        let (sender, answer) = channel::bounded(1);
        let answer = match enqueue(server, &command, Some(sender)).await {
            Ok(()) => answer.recv().await.unwrap_or_default(),
            Err(error) => error,
        };
        writer.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

/// Reports every 200 ms, if there is something new.
async fn report(server: Server) -> io::Result<()> {
    let mut ticks = Timer::interval(Duration::from_millis(200));
    let mut before = 0;
    while ticks.next().await.is_some() {
        let done = *server.done.lock().await;
        if done != before {
            say(format!("report: {done} done")).await?;
            before = done;
        }
    }
    Ok(())
}

async fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let line = format!("{line}\n");
    let mut stdout = Unblock::new(std::io::stdout());
    stdout.write_all(line.as_bytes()).await?;
    stdout.flush().await
}
