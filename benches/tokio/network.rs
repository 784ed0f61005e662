//! HTTP and echoes over loopback.

mod client;
mod server;

/// Whether it was one of these jobs.
pub fn run(job: &str) -> bool {
    match job {
        "http_server" => crate::run(server::serve(server::http)),
        "echo_server" => crate::run(server::serve(server::echo)),
        "http_client" => client::run(),
        _ => return false,
    }
    true
}
