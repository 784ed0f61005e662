//! `crawler`: what its transcript does not show, since it has one end only.

use crate::common::{self, Terminal};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Stdio};

/// Two pages take 0.5 s each, so that it is not done when the signal comes.
#[test]
fn ctrl_c_sums_up_what_there_is() {
    let terminal = Terminal::open();
    let crawler = Command::new(common::example("crawler"))
        .stdout(Stdio::piped())
        .stderr(terminal.stdin())
        .spawn()
        .unwrap();
    terminal.screen_until("\r"); // its progress, shown on a terminal only
    kill_process(Pid::from_child(&crawler), Signal::INT).unwrap(); // not waited for: no other process
    let output = crawler.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{printed}");
    let fetched = printed.split_once(" of 40 pages, ").map(|(n, _)| n.parse());
    let fetched: u8 = fetched.unwrap_or_else(|| panic!("{printed}")).unwrap();
    assert!((1..=38).contains(&fetched), "{printed}");
}
