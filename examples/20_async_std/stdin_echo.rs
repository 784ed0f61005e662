//! Echoes lines: each is read by std on a thread for blocking work, as async-std's `stdin` does it.
//!
//! Ports: none of the programs. async-std's example `stdin-echo`.
//!
//! ```text
//! $ cargo run --example stdin_echo
//! 7
//! echo: 7
//! 42
//! echo: 42
//! ^Dend of input
//! ```
//!
//! What async-std's example uses, and what takes its place:
//! - `io::stdin()` and its `read_line`: std's `read_line` in `smol::unblock`. async-std does the same inside.
//! - `io::stdout()`: `smol::Unblock::new(std::io::stdout())`. Every `flush` is needed, see `print_file`.
//!
//! The other way is `BufReader::new(Unblock::new(stdin())).lines()`. On a terminal it needs a second `^D`. It also
//! reads ahead into its own buffers, so a later reader of stdin in this program misses bytes. `read_line` in
//! `unblock` needs one `^D`, as async-std does, and leaves bytes that it has read ahead in std's buffer, for the
//! next reader.
//!
//! What differs: if you stop waiting for this `read_line`, the next line is lost: the thread reads it, and the
//! result is dropped. async-std's `Stdin` keeps it for the next `read_line` of the same `Stdin`. `stdin_timeout`
//! shows what to do.
//!
//! Who owns what: the future owns the call on the other thread, where it runs to its end: a read that
//! blocks cannot be cancelled. At the end of `main` the process ends without waiting for it.
//!
//! Paste: `cargo add smol`.

use smol::io::{self, AsyncWriteExt};
use smol::{Unblock, unblock};
use std::io::{stdin, stdout};

// ANCHOR: excerpt
/// The next line with its line feed, or `None` at the end of the input.
async fn read_line() -> io::Result<Option<String>> {
    unblock(|| {
        let mut line = String::new();
        let length = stdin().read_line(&mut line)?;
        Ok((length > 0).then_some(line))
    })
    .await
}
// ANCHOR_END: excerpt

fn main() -> io::Result<()> {
    smol::block_on(async {
        let mut stdout = Unblock::new(stdout());
        while let Some(line) = read_line().await? {
            let echo = format!("echo: {line}");
            stdout.write_all(echo.as_bytes()).await?;
            stdout.flush().await?;
        }
        stdout.write_all(b"end of input\n").await?;
        stdout.flush().await
    })
}
