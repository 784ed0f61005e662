//! HTTP over loopback.

mod client;
mod server;

/// Whether it was one of these jobs.
pub fn run(job: &str) -> bool {
    match job {
        "http_server" => server::run(),
        "http_client" => client::run(),
        _ => return false,
    }
    true
}
