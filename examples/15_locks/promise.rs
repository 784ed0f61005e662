//! A value that a callback sets, once: many may wait for it, or for an error, or for a lost callback.
//!
//! Ports: none of the programs. It shows a promise, and an asyncio `Future` that the program sets.
//!
//! ```text
//! $ cargo run --example promise
//! two wait: 7 and 7
//! set again: Err(Ok(8)), it stays 7
//! an error: no city Atlantis
//! a lost callback: it was never called
//! any of three: 7
//! any of two: no city Atlantis, no city Eldorado
//! ```
//!
//! `measure` is an API with a callback, which it calls on another thread. `measured` is its promise, as
//! `util.promisify` makes it: a `smol::lock::OnceCell` in an `Arc`, and a `Resolver`, moved into the callback,
//! that sets it. It is a plain `fn`, not an `async fn`, so that measuring begins at once, as in `new Promise`. Any
//! thread may set the cell; asyncio needs `call_soon_threadsafe`.
//!
//! A second `set` leaves the value alone and returns the new one as an error: asyncio raises `InvalidStateError`,
//! Node ignores it. (`FnOnce` ensures that a callback is called once.) If the callback is lost, asyncio's future
//! and Node's promise are pending forever; here the destructor of `Resolver` sets an error.
//!
//! Each `wait` returns a reference; clone the value out of it. Cancelling a `wait` changes nothing. In asyncio it
//! cancels the future, and with it all other waiters; `shield` prevents that. (Several can wait for a task, too:
//! let the task set a promise, and detach it.)
//!
//! `any` is `Promise.any`: a `try_zip` of all (`Promise.all`) with values and errors swapped. The errors are
//! `AggregateError.errors`, in the order of the promises. The other measurements go on, as in Node: only the
//! waiting is dropped. `any(&[])` is an error without errors, as in Node.
//!
//! Who owns what: the promise's clones own the value. The callback owns the `Resolver`, and the thread
//! owns the callback. The threads are not joined: each ends after its call.
//!
//! (`OnceCell::try_set` needs async-lock 3.5: `cargo update`, if an older one is in the lock file. For a single
//! waiter `smol::channel::bounded(1)` is as good: a dropped sender is an error there, too.)
//!
//! asyncio: `loop.create_future` (`smol::lock::OnceCell` in an `Rc` or `Arc`), `asyncio.Future`
//! (`smol::lock::OnceCell`), `future.set_result` (`smol::lock::OnceCell::try_set`),
//! `future.set_exception` (`smol::lock::OnceCell::try_set`, with an `Err`), `future.result`
//! (`smol::lock::OnceCell::get`), `future.done` (`smol::lock::OnceCell::is_initialized`),
//! `asyncio.InvalidStateError` (the `Err` of `try_set`).
//! Node: `new Promise` (`smol::lock::OnceCell`), `Promise.withResolvers` (`smol::lock::OnceCell`, shared
//! by an `Arc`), `util.promisify` (a callback that sets a `smol::lock::OnceCell`), `Promise.any`
//! (`smol::future::try_zip`, values and errors swapped), `AggregateError` (a `Vec` of errors).
//! Paste: `cargo add smol`.

use smol::future::{self, FutureExt};
use smol::{block_on, lock::OnceCell};
use std::{sync::Arc, thread, time::Duration};

/// A value to come, or an error. All clones share it.
type Promise<T> = Arc<OnceCell<Result<T, String>>>;

/// A callback API, which calls back on its own thread. It loses the callback of one city.
fn measure(city: &'static str, callback: impl FnOnce(Result<i32, String>) + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        match city {
            "Oslo" => callback(Ok(7)),
            "Limbo" => drop(callback),
            city => callback(Err(format!("no city {city}"))),
        }
    });
}

// ANCHOR: excerpt
/// Sets a promise; if it is dropped before that, it sets an error.
struct Resolver<T>(Promise<T>);

impl<T> Resolver<T> {
    /// Gives the result back as an error if the promise was set before.
    fn set(&self, result: Result<T, String>) -> Result<(), Result<T, String>> {
        self.0.try_set(result)
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        let _ = self.set(Err("it was never called".to_string()));
    }
}

/// Measures as a promise. It has begun when this returns.
fn measured(city: &'static str) -> Promise<i32> {
    let promise = Promise::default();
    let resolver = Resolver(Arc::clone(&promise));
    measure(city, move |result| {
        let _ = resolver.set(result); // an error: it was set
    });
    promise
}
// ANCHOR_END: excerpt

/// The first value, or all errors in the order of the promises.
async fn any<T: Clone>(promises: &[Promise<T>]) -> Result<T, Vec<String>> {
    let mut all = future::ready(Ok(Vec::new())).boxed_local();
    for promise in promises {
        let swapped = async { promise.wait().await.clone().map_or_else(Ok, Err) };
        let more = async {
            let (mut errors, error) = future::try_zip(all, swapped).await?;
            errors.push(error);
            Ok(errors)
        };
        all = more.boxed_local();
    }
    all.await.map_or_else(Ok, Err) // swapped back
}

async fn async_main() {
    let text = |result: &Result<i32, String>| match result {
        Ok(degrees) => degrees.to_string(),
        Err(error) => error.clone(),
    };
    let oslo = measured("Oslo");
    future::poll_once(oslo.wait()).await; // cancelled as it waits: it changes nothing
    let (one, two) = future::zip(oslo.wait(), oslo.wait()).await;
    println!("two wait: {} and {}", text(one), text(two));
    let again = Resolver(Arc::clone(&oslo)).set(Ok(8));
    println!("set again: {again:?}, it stays {}", text(oslo.wait().await));
    for (what, city) in [("an error", "Atlantis"), ("a lost callback", "Limbo")] {
        println!("{what}: {}", text(measured(city).wait().await));
    }
    let three = ["Atlantis", "Oslo", "Limbo"].map(measured);
    println!("any of three: {}", any(&three).await.unwrap_or_default());
    let two = ["Atlantis", "Eldorado"].map(measured);
    println!("any of two: {}", any(&two).await.unwrap_err().join(", "));
}

fn main() {
    block_on(async_main());
}
