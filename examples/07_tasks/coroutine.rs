//! Calling a coroutine runs nothing; the loop runs it.
//!
//! Ports: article B's first program (B1).
//!
//! ```text
//! $ cargo run --example coroutine
//! Waiting: 2
//! TIME: 0.000021
//! ```
//!
//! An `async fn` is called like a function, and returns a future. Its body runs only when a loop
//! polls it, as `block_on` does until it is ready. Python does the same. (In Node, a call runs the
//! function up to its first `await`.) Python warns about a coroutine that was never awaited when it
//! is collected. rustc warns about a bare `do_some_work(2);`, but about a future in a variable only
//! that the variable is not used.
//!
//! There is no loop object to get, and no policy that makes one: `block_on` runs one future on this
//! thread, and an executor is a value.
//!
//! asyncio: `async def` (`async fn`), `@asyncio.coroutine` (`async fn`), `asyncio.run`,
//! `asyncio.get_event_loop`, `asyncio.set_event_loop_policy` (none: an executor is a value),
//! `loop.run_until_complete`.
//! Node: `async function`.
//! Paste: `cargo add smol`.

use std::time::Instant;

// ANCHOR: excerpt
async fn do_some_work(x: u64) {
    println!("Waiting: {x}");
}

fn main() {
    let start = Instant::now();

    let coroutine = do_some_work(2); // prints nothing
    smol::block_on(coroutine);
    // ANCHOR_END: excerpt

    println!("TIME: {:.6}", start.elapsed().as_secs_f64());
}
