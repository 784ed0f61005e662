//! Drawing (placeholder).
use std::time::Duration;
pub struct Event {
    pub program: String,
    pub at: Duration,
    pub typed: bool,
    pub text: String,
}
