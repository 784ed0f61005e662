//! An HTTP server: waiting requests do not hold up others.
//!
//! Ports: article B's `server.py` (B13).
//!
//! Run it, and press Ctrl-C:
//!
//! ```text
//! $ cargo run --example sms_server --features http
//! Listening on http://127.0.0.1:5000
//! ^C
//! $ echo $?
//! 130
//! ```
//!
//! Meanwhile, in another terminal, `curl http://127.0.0.1:5000/5` prints `5 It works` after 5 seconds, and
//! `curl http://127.0.0.1:5000/error` prints `error!` after 3. `--listen ADDRESS:PORT` listens elsewhere;
//! with port 0 the system chooses one.
//!
//! Flask has a thread for every request, and `time.sleep` blocks it. Here all requests wait on one thread, and
//! each costs a timer. HTTP comes from hyper, which has no runtime, and runs on smol's sockets. The limits for
//! slow, silent or too many clients are in `service.rs`.
//!
//! Ctrl-C (or SIGTERM) is a graceful shutdown: earlier requests are answered, for up to 5 seconds, connections
//! without a request are closed, and no more are accepted. Then exit status 130 (143). A second Ctrl-C ends it at
//! once.
//!
//! Of the library it uses `interrupt`, since smol alone loses the second Ctrl-C, `task_group`, which waits for
//! all connections at the end, `timeout`, and `tcp_stream`, which saves a tenth of the CPU.
//!
//! Who owns what: `serve` owns the listener and every connection, and a connection its request.
//!
//! asyncio: `asyncio.start_server`, `aiohttp.web` (the crate hyper), `KeyboardInterrupt`,
//! `loop.add_signal_handler`, `Flask` (the crate hyper).
//! Node: `http.createServer` (the crate hyper),
//! `server.close` ([`service.rs`](12_http/service.rs), on hyper's `graceful_shutdown`),
//! `process.on('SIGINT')`, `process.on('SIGTERM')`.
//! Paste: `cargo add http-body-util lexopt smol smol-hyper`, `cargo add hyper --features http1,server`,
//! `cargo add rustix --features net,process`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`;
//! `hyper_io.rs` and `service.rs` beside it.

mod hyper_io;
mod service;

use asyncio_to_smol::interrupt::Interrupts;
use asyncio_to_smol::tcp_stream::TcpStream;
use lexopt::{Arg::Long, Parser, ValueExt};
use std::io::{self, Write};
use std::process::ExitCode;

async fn run(interrupts: &Interrupts) -> Result<(), Box<dyn std::error::Error>> {
    let mut listen = "127.0.0.1:5000".to_string();
    let mut arguments = Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = arguments.value()?.string()?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let named = |error| format!("{listen}: {error}");
    let listener = service::listen(&listen).await.map_err(named)?;
    let address = listener.local_addr().map_err(named)?;
    let printed = writeln!(io::stdout(), "Listening on http://{address}");
    printed.map_err(|error| format!("standard output: {error}"))?;
    let stop = async { _ = interrupts.received().await };
    Ok(service::serve(listener, stop, TcpStream::new).await?)
}

fn main() -> ExitCode {
    service::raise_open_files_limit();
    // Until the requests have ended: a second Ctrl-C meanwhile ends the process.
    let interrupts = Interrupts::listen();
    let Err(error) = smol::block_on(run(&interrupts)) else {
        // Only a signal ends the serving.
        return interrupts.now().map_or(ExitCode::SUCCESS, ExitCode::from);
    };
    let (usage, status) = match error.is::<lexopt::Error>() {
        true => ("; usage: sms_server [--listen ADDRESS:PORT]", 2),
        false => ("", 1),
    };
    let _ = writeln!(io::stderr(), "sms_server: {error}{usage}");
    ExitCode::from(status)
}
