//! Three URLs at once: as they come in, then all together in the order of the input.
//!
//! Ports: article A's `gather.py` (A14).
//!
//! The URLs are not real; each "takes" 1 to 4 seconds, at random.
//!
//! ```text
//! $ cargo run --example gather
//! First, process results as they come in:
//! Done: URL URL2 took 2s to get!
//! Coroutine for URL2 is done
//! Done: URL URL3 took 3s to get!
//! Coroutine for URL3 is done
//! Done: URL URL1 took 4s to get!
//! Coroutine for URL1 is done
//!
//! Now, process results once they are all ready:
//! Done: URL URL1 took 1s to get!
//! Done: URL URL2 took 3s to get!
//! Done: URL URL3 took 4s to get!
//! [('URL1', 1), ('URL2', 3), ('URL3', 4)]
//! ```
//!
//! The second list is in the order of the input, however long each took. `gather` and
//! `as_completed` are this repository's. What they do when a child fails is asyncio's way: the error
//! is there at once, and the others go on. futures' `try_join_all` would drop them.
//!
//! Who owns what: the loads belong to the loop of `run`. If one could fail, `gather(…).await?` would
//! leave `main`, and `run` would cancel the others then.
//!
//! asyncio: `asyncio.gather`, `asyncio.as_completed` (tasks that send to a `smol::channel`),
//! `async for`.
//! Node: `Promise.all`, `for await...of`.
//! Paste: `cargo add fastrand smol`; the library's `as_completed.rs`, `calls.rs`, `children.rs`,
//! `gather.rs`, `run.rs`, `spawn.rs`, `task_list.rs` and `timeout.rs` with
//! `cargo add async-executor async-io futures-lite pin-project-lite slab`. `just copy gather DIR` does
//! it.

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::gather;
use asyncio_to_smol::run::{Spawner, run};
use smol::{Timer, stream::StreamExt};
use std::io;
use std::time::Duration;

const URLS: [&str; 3] = ["URL1", "URL2", "URL3"];

fn main() -> io::Result<()> {
    run(async |ex| {
        println!("First, process results as they come in:");
        process_as_results_come_in(&ex).await?;
        println!("\nNow, process results once they are all ready:");
        process_once_everything_ready(&ex).await
    })
}

/// A real one would return an `io::Result`, too.
async fn get_url(url: &str) -> io::Result<(&str, u64)> {
    let wait_time = fastrand::u64(1..=4);
    Timer::after(Duration::from_secs(wait_time)).await;
    println!("Done: URL {url} took {wait_time}s to get!");
    Ok((url, wait_time))
}

async fn process_as_results_come_in(ex: &Spawner<'static>) -> io::Result<()> {
    let mut results = as_completed(ex, URLS.map(get_url));
    while let Some(result) = results.next().await {
        let (url, _) = result?;
        println!("Coroutine for {url} is done");
    }
    Ok(())
}

async fn process_once_everything_ready(ex: &Spawner<'static>) -> io::Result<()> {
    let results = gather(ex, URLS.map(get_url)).await?;
    let shown = results
        .iter()
        .map(|(url, time)| format!("('{url}', {time})"));
    println!("[{}]", shown.collect::<Vec<_>>().join(", "));
    Ok(())
}
