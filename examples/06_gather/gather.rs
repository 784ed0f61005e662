//! Three URLs at once: as they come in, then all together in the order of the input.
//!
//! Ports: article A's `gather.py` (A14).
//!
//! The URLs are not real; each "takes" 1 to 4 seconds, at random.
//!
//! ```text any-order
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
//! "As they come in": the tasks send into a channel. "All together": the function awaits the tasks one
//! after the other, while all of them run. So the results are in the order of the input, however
//! long each took.
//!
//! At the first error `?` leaves the function. That drops the other tasks, and a dropped task is
//! cancelled; in asyncio and Node the others go on. The second half sees an error only when it
//! awaits that task. The library's [`gather`](../../src/gather.rs) and
//! [`as_completed`](../../src/as_completed.rs) report it at once, and let the others go on.
//!
//! Who owns what: each of the two functions owns its tasks. `main` is a task that holds the
//! executor, so that it can spawn. When `main` ends, it drops its handle, and then the executor is
//! dropped.
//!
//! asyncio: `asyncio.gather` (`smol::LocalExecutor::spawn`, then `.await` in order),
//! `asyncio.as_completed` (tasks that send to a `smol::channel`), `async for`.
//! Node: `Promise.all` (`smol::LocalExecutor::spawn`, then `.await` in order), `for await...of`.
//! Paste: `cargo add smol fastrand`.

use smol::{LocalExecutor, Timer, channel};
use std::io;
use std::rc::Rc;
use std::time::Duration;

const URLS: [&str; 3] = ["URL1", "URL2", "URL3"];

fn main() -> io::Result<()> {
    let ex = Rc::new(LocalExecutor::new());
    // As a task: a future passed to `run` directly is polled once in up to 200 turns of the others.
    let main = ex.spawn(async_main(Rc::clone(&ex)));
    smol::block_on(ex.run(main))
}

async fn async_main(ex: Rc<LocalExecutor<'static>>) -> io::Result<()> {
    println!("First, process results as they come in:");
    process_as_results_come_in(&ex).await?;
    println!("\nNow, process results once they are all ready:");
    process_once_everything_ready(&ex).await
}

/// A real one would return an `io::Result`, too.
async fn get_url(url: &str) -> io::Result<(&str, u64)> {
    let wait_time = fastrand::u64(1..=4);
    Timer::after(Duration::from_secs(wait_time)).await;
    println!("Done: URL {url} took {wait_time}s to get!");
    Ok((url, wait_time))
}

async fn process_as_results_come_in(ex: &LocalExecutor<'static>) -> io::Result<()> {
    let (sender, results) = channel::unbounded();
    let tasks = URLS.map(|url| {
        let sender = sender.clone();
        // Sending fails when the receiver is dropped. Then the result is not needed.
        ex.spawn(async move { sender.send(get_url(url).await).await })
    });
    drop(sender); // else `recv` would wait for it, too
    while let Ok(result) = results.recv().await {
        let (url, _) = result?;
        println!("Coroutine for {url} is done");
    }
    for task in tasks {
        let _ = task.await; // has ended, unless it panicked: then this panics, too
    }
    Ok(())
}

// ANCHOR: excerpt
async fn process_once_everything_ready(ex: &LocalExecutor<'static>) -> io::Result<()> {
    let tasks = URLS.map(|url| ex.spawn(get_url(url)));
    let mut results = Vec::new();
    for task in tasks {
        let (url, wait_time) = task.await?;
        results.push(format!("('{url}', {wait_time})"));
    }
    println!("[{}]", results.join(", "));
    Ok(())
}
// ANCHOR_END: excerpt
