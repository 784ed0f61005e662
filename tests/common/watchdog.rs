//! For tests that wait forever if they fail: because of a read that blocks, or a lost wake-up.

use std::process;
use std::sync::Once;
use std::thread;
use std::time::Duration;

/// Ends the process if its tests take too long.
pub fn end_if_it_hangs() {
    static WATCHDOG: Once = Once::new();
    WATCHDOG.call_once(|| {
        thread::spawn(|| {
            thread::sleep(Duration::from_secs(300));
            eprintln!("one of these tests hangs");
            process::abort();
        });
    });
}
