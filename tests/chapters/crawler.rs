//! `crawler`: what its transcript does not show, since it has one end only.

use crate::common;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Two pages take 0.5 s each, so that it is not done when the signal comes. A busy machine may be late; it tries
/// again then.
#[test]
fn ctrl_c_sums_up_what_there_is() {
    for _ in 0..10 {
        let crawler = Command::new(common::example("crawler"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(250));
        // It has not been waited for, so that this is no other process.
        kill_process(Pid::from_child(&crawler), Signal::INT).unwrap();
        let output = crawler.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let fetched: u8 = printed.split(' ').next().unwrap().parse().unwrap_or(40);
        // No progress, as this is not a terminal.
        assert!(output.stderr.is_empty(), "{:?}", output.stderr);
        if fetched < 38 && output.status.code() == Some(130) {
            assert!(printed.contains(" of 40 pages, "), "{printed}");
            return;
        }
    }
    panic!("it never said how many pages it had fetched when it was interrupted");
}
