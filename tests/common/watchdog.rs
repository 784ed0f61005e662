//! For tests of what would make them wait for ever if it were wrong: a read that blocks, a wake-up
//! that is lost.

use std::process;
use std::sync::Once;
use std::thread;
use std::time::Duration;

/// Ends the process if its tests take longer than they can.
pub fn end_if_it_hangs() {
    static WATCHDOG: Once = Once::new();
    WATCHDOG.call_once(|| {
        thread::spawn(|| {
            thread::sleep(Duration::from_secs(300));
            eprintln!("these tests should be done by now: one of them hangs");
            process::abort();
        });
    });
}
