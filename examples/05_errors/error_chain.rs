//! An error goes through three coroutines by way of `?`.
//!
//! Ports: article A's chain of coroutines A, B and C (A12).
//!
//! ```text
//! $ cargo run --example error_chain
//! C got exception: Something went wrong in A!
//! ```
//!
//! In Python an exception passes through B, invisible in B's code. In Rust an error is a value, and
//! B passes it on with `?`: you see where a function can return, and the compiler warns about an
//! unused error. This is the same with and without `async`.
//!
//! A panic does pass through B without a trace in its code, as anywhere in Rust. Panics are for
//! bugs, not for failures outside the program.
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
