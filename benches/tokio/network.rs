//! HTTP and echoes over loopback.

mod client;
mod server;

/// Runs the job. Returns whether it is one of these.
pub fn run(job: &str) -> bool {
    match job {
        "http_server" => crate::run(server::serve(server::http)),
        "echo_server" => crate::run(server::serve(server::echo)),
        "http_client" => client::run(),
        _ => return false,
    }
    true
}
