//! HTTP and echoes over loopback.

mod client;
/// The connection of chapter 12, as it is.
#[path = "../../examples/12_http/hyper_io.rs"]
mod hyper_io;
mod server;

/// Runs the job. Returns whether it is one of these.
pub fn run(job: &str) -> bool {
    match job {
        "http_server" | "echo_server" => server::run(job),
        "http_client" => client::run(),
        _ => return false,
    }
    true
}
