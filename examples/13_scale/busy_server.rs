//! Chapter 12's server under a thousand clients, all on one thread.
//!
//! Ports: none of the programs. It puts the server that the articles have under load.
//!
//! ```text
//! $ cargo run --example busy_server --features http
//! 1000 clients made 10000 requests, twice
//! time: 6.28 s
//! CPU with TcpStream: 2.38 s, 264.9 µs a request
//! CPU with tcp_stream: 1.77 s, 196.8 µs a request
//! peak memory: 43.2 MB, 40124.4 bytes a client
//! ```
//!
//! Another number of clients is the argument: `busy_server 5000`. Each makes ten requests over one connection, the
//! second one only when all clients are connected; the CPU time is that of the nine. Built with `--release` it
//! takes half the CPU. On a terminal a line shows the progress.
//!
//! The first half reads and writes with smol's `TcpStream`, at both ends, the second with the library's
//! `tcp_stream`, which does not read a socket that is known to be empty.
//!
//! The figures are those of both ends, since both are in here; the memory is that of the first half. Every client
//! needs two open files, and the system's limit for these is that for the clients.
//!
//! One thread serves all. Node's `cluster` has no counterpart: for more cores start a process per core, each with
//! its own listener on the same port (`SO_REUSEPORT`).
//!
//! Who owns what: one group owns the clients, and a client its connection; the other end is owned by the server's
//! group. When all clients have ended, or a client has failed, the server is stopped and awaited: no connection is
//! open at the end.
//!
//! asyncio: `asyncio.TaskGroup`, `asyncio.start_server`, `aiohttp.web`, `aiohttp.ClientSession`,
//! `time.process_time`, `resource.getrusage`.
//! Node: `cluster` (none: a process per core, each with a listener that has `SO_REUSEPORT`), `http.createServer`, `server.close`, `http.Agent`, `process.cpuUsage`,
//! `process.resourceUsage`.
//! Paste: `cargo add http-body-util smol smol-hyper`, `cargo add hyper --features client,http1,server`,
//! `cargo add rustix --features net,process,time`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`;
//! `scale.rs` beside it; `12_http/client.rs`, `12_http/hyper_io.rs` and `12_http/service.rs` beside
//! `src`.

#[path = "../12_http/client.rs"]
mod client;
#[path = "../12_http/hyper_io.rs"]
mod hyper_io;
mod scale;
#[path = "../12_http/service.rs"]
mod service;

use asyncio_to_smol::task_group::{TaskGroup, task_group};
use asyncio_to_smol::tcp_stream;
use client::Client;
use hyper_io::Stream;
use scale::{Error, Meter, Range, count};
use smol::channel;
use smol::future;
use smol::lock::{Barrier, Semaphore};
use smol::net::{Ipv4Addr, TcpStream};
use std::cell::{Cell, OnceCell};
use std::convert::{Infallible, identity};
use std::process::ExitCode;

/// How many requests each client makes.
const REQUESTS: usize = 10;
/// How many clients connect at the same time. The system keeps waiting what the server has not accepted yet,
/// and one too many tries again a second later.
const CONNECTING: usize = 100;

/// The progress of the clients.
#[derive(Default)]
struct Counts {
    connected: Cell<usize>,
    answered: Cell<usize>,
}

impl Counts {
    fn line(&self) -> String {
        let (connected, answered) = (self.connected.get(), self.answered.get());
        format!("{connected} connected, {answered} requests answered")
    }
}

/// The state shared by the clients.
struct Clients<S> {
    url: String,
    /// Converts a connection for reading and writing.
    wrap: fn(TcpStream) -> S,
    counts: Counts,
    connecting: Semaphore,
    all_connected: Barrier,
    /// Since then.
    meter: OnceCell<Meter>,
}

impl<S: Stream + Send + 'static> Clients<S> {
    async fn request(&self, client: &Client<S>) -> Result<(), Error> {
        let (status, text) = client.get("/0").await?; // answered at once
        if !status.is_success() {
            return Err(format!("{status}: {text}").into());
        }
        count(&self.counts.answered);
        Ok(())
    }

    /// One client, from its first request to its last.
    async fn run_one(&self) -> Result<(), Error> {
        let client = Client::new(&self.url, self.wrap)?;
        let place = self.connecting.acquire().await;
        self.request(&client).await.map_err(|error| {
            let connected = self.counts.connected.get();
            format!("with {connected} clients connected, one more failed: {error}")
        })?;
        count(&self.counts.connected);
        drop(place);
        if self.all_connected.wait().await.is_leader() {
            self.meter.get_or_init(Meter::start);
        }
        for _ in 1..REQUESTS {
            self.request(&client).await?;
        }
        Ok(())
    }

    /// All clients. The first failure ends the others.
    async fn run(&self, n: usize) -> Result<(), Error> {
        let group = task_group(async |group: TaskGroup<Error>| {
            for _ in 0..n {
                group.spawn(self.run_one());
            }
            Ok(())
        });
        group.await.map_err(|errors| errors.first)
    }
}

/// So many clients and a server. Returns how many requests were answered, and the line about the CPU time.
async fn serve<S>(n: usize, label: &str, wrap: fn(TcpStream) -> S) -> Result<(usize, String), Error>
where
    S: Stream + Send + 'static,
{
    let listener = service::listen((Ipv4Addr::LOCALHOST, 0)).await?;
    let clients = Clients {
        url: format!("http://{}", listener.local_addr()?),
        wrap,
        counts: Counts::default(),
        connecting: Semaphore::new(CONNECTING),
        all_connected: Barrier::new(n),
        meter: OnceCell::new(),
    };
    // Closing the channel stops the server. Nothing is ever sent.
    let (running, stopped) = channel::bounded::<Infallible>(1);
    let stop = async { _ = stopped.recv().await };
    let server = service::serve(listener, stop, wrap);
    let load = async {
        let result = clients.run(n).await;
        running.close();
        result
    };
    let both = future::zip(load, server);
    let (result, _) = scale::with_progress(|| clients.counts.line(), both).await;
    result?;
    let requests = clients.counts.answered.get();
    let meter = clients
        .meter
        .get()
        .ok_or("not all clients have connected")?;
    let cpu = meter.cpu(&format!("CPU with {label}"), requests - n, "request");
    Ok((requests, cpu))
}

async fn run(n: usize) -> Result<String, Error> {
    let meter = Meter::start();
    let (requests, plain) = serve(n, "TcpStream", identity).await?;
    let memory = meter.memory(n, "client");
    let (_, ours) = serve(n, "tcp_stream", tcp_stream::TcpStream::new).await?;
    let time = meter.time();
    Ok(format!(
        "{n} clients made {requests} requests, twice\n{time}{plain}{ours}{memory}"
    ))
}

/// As many clients as the limit of open files allows.
fn most_clients() -> usize {
    const MOST: usize = 1_000_000;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        const OTHER_FILES: usize = 24; // besides the connections
        let files = getrlimit(Resource::Nofile).current;
        let files = files.and_then(|files| usize::try_from(files).ok());
        let clients = files.map(|files| files.saturating_sub(OTHER_FILES) / 2);
        clients.map_or(MOST, |clients| clients.min(MOST))
    }
    #[cfg(not(unix))]
    MOST
}

fn main() -> ExitCode {
    service::raise_open_files_limit();
    let range = Range {
        of_what: "clients, with two open files each,",
        default: 1000,
        most: most_clients(),
    };
    scale::main(&range, |n| smol::block_on(run(n)))
}
