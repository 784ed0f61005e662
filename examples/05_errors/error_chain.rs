//! An error goes through three coroutines by way of `?`.
//!
//! Ports: article A's chain of coroutines A, B and C (A12).
//!
//! ```text
//! $ cargo run --example error_chain
//! C got exception: Something went wrong in A!
//! ```
//!
//! An exception passes through B unseen in B's code. An error is a value, and B passes it on with a
//! `?`: one sees where a function can end, and the compiler warns of an error that is not used. This is
//! the same with and without `async`.
//!
//! What does pass through B unseen is a panic, here as anywhere in Rust. It is for bugs, not for what can
//! go wrong outside.
//!
//! asyncio: `raise` (`std::result::Result`), `except` (`std::result::Result`), `yield from`,
//! `await` (`.await`).
//! Node: `throw` (`std::result::Result`), `try...catch` (`std::result::Result`), `await`.
//! Paste: `cargo add smol`.

use std::error::Error;

fn main() {
    smol::block_on(c());
}

// ANCHOR: excerpt
async fn a() -> Result<u32, Box<dyn Error>> {
    Err("Something went wrong in A!".into())
}

async fn b() -> Result<u32, Box<dyn Error>> {
    let a = a().await?;
    Ok(a + 1)
}

async fn c() {
    match b().await {
        Ok(b) => println!("{b}"),
        Err(error) => println!("C got exception: {error}"),
    }
}
// ANCHOR_END: excerpt
