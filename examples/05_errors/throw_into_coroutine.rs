//! Resumes a suspended computation with an error: a channel of `Result`s replaces `throw`.
//!
//! Ports: article A's exception that is thrown into a coroutine (A11).
//!
//! ```text
//! $ cargo run --example throw_into_coroutine
//! Starting
//! Got an exception: Have an exceptional day!
//! ```
//!
//! Python resumes a generator from outside, with a value (`send`) or with an exception (`throw`). A
//! Rust future can only be polled, and a poll passes no value in. A channel of `Result`s replaces
//! both: the computation waits for a message, `Ok` resumes it, and `Err` is thrown into it, where
//! `?` or `match` is the `except`. (To do what `generator.close()` does, drop the future.)
//!
//! Who owns what: `main` owns the coroutine, and polls it directly, without an executor.
//!
//! asyncio: `generator.throw` (`smol::channel::bounded`),
//! `generator.send` (`smol::channel::bounded`), `generator.close` (`std::mem::drop`).
//! Node: `generator.throw`, `generator.next` (`smol::future::poll_once`),
//! `generator.return` (`std::mem::drop`).
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver};
use smol::future;
use std::error::Error;
use std::pin::pin;

type Resume = Result<(), Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let (throw, resume) = channel::bounded::<Resume>(1);
        let mut coroutine = pin!(coroutine(resume));
        // Python's `next(c)`: runs it until it pauses.
        if let Some(value) = future::poll_once(coroutine.as_mut()).await {
            println!("Did not pause: {value}");
            return Ok(());
        }
        throw.send(Err("Have an exceptional day!".into())).await?;
        println!("{}", coroutine.await);
        Ok(())
    })
}

// ANCHOR: excerpt
async fn coroutine(resume: Receiver<Resume>) -> String {
    println!("Starting");
    match pause(&resume).await {
        Ok(()) => "Continuing".to_string(),
        Err(error) => format!("Got an exception: {error}"),
    }
}
// ANCHOR_END: excerpt

/// Waits until the caller is resumed, with a value or with an error. A dropped sender is an error,
/// too.
async fn pause(resume: &Receiver<Resume>) -> Resume {
    resume.recv().await?
}
