//! A generator, a transform and a slower sink: what waits for what, an error, the end of the source.
//!
//! Ports: none of the programs. It shows what replaces Python's async generators and Node's streams.
//!
//! ```text
//! $ cargo run --example pipeline
//! read 1
//! wrote 1
//! read 2
//! wrote 4
//! read 3
//! wrote 9
//! read 4
//! source closed
//! pipeline: 4 is too large
//! read 1
//! read 2
//! read 3
//! read 4
//! wrote 1
//! read 5
//! wrote 2
//! read 6
//! wrote 3
//! the sink has had enough: Ok(())
//! source closed
//! the source has noticed
//! ```
//!
//! A `Stream` is pulled, like an async generator: the source does nothing until the sink asks for the next item.
//! So nothing is buffered, and the source waits for the sink. `map`, `then` and `filter_map` are the transforms;
//! `chain` appends items, like a `Transform` in its `flush`.
//!
//! To let the source work while the sink does, use a task and a channel. Its capacity is Node's `highWaterMark`,
//! and `send().await` waits as for Node's `drain`. The source is four items ahead here: the sink has one, the
//! channel two, the source one. Node's `write()` returns `false` but takes the item; a loop that does not wait for
//! `drain` fills the memory. Here `try_send` returns at once; if the channel is full, its error contains the item.
//! For bytes `write_all` writes and waits, and `smol::io::copy` is a pipeline of a reader and a writer.
//!
//! An error is an item, `Err`, and `?` ends the sink with it. That drops each stream with the stream it reads
//! from; Node needs `pipeline` to destroy them. The same happens if a sink stops early. With a channel, the
//! receiver is dropped and the next `send` fails, which ends the source's task.
//!
//! Who owns what: the sink owns its stream, a transform the stream that it reads from, `unfold` its state. The
//! state's `Drop` is the generator's `finally`. It runs at once, where asyncio without `aclosing` closes the
//! generator some turns later or at the loop's end; but it cannot await. Dropping a sink does not flush its
//! buffer.
//!
//! asyncio: `async for` (`smol::stream::StreamExt::next`), `async def … yield`
//! (`smol::stream::unfold`), `contextlib.aclosing` (the drop of the stream), `agen.aclose` (the drop of
//! the stream), `agen.asend` (a channel), `loop.shutdown_asyncgens` (none: a stream that is dropped is
//! closed).
//! Node: `stream.pipeline` (`smol::io::copy`, or a stream and `?`), `stream.Transform`
//! (`smol::stream::StreamExt::map`), `Readable.from` (`smol::stream::iter`, `smol::stream::unfold`),
//! `async function*` (`smol::stream::unfold`), `for await...of` (`smol::stream::StreamExt::next`),
//! `highWaterMark` (`smol::channel::bounded`), `writable.write` (`smol::channel::Sender::send`),
//! `drain` (awaiting `send` or `write_all`), `readable.destroy` (the drop of the stream),
//! `generator.return` (the drop of the stream).
//! Paste: `cargo add smol`.

use smol::channel::{self, Sender};
use smol::stream::{self, Stream, StreamExt};
use smol::{LocalExecutor, Timer, block_on};
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

/// The state of the generator. Its `Drop` is the `finally`.
struct Source(u64);

impl Drop for Source {
    fn drop(&mut self) {
        let _ = writeln!(io::stdout(), "source closed"); // must not panic
    }
}

// ANCHOR: excerpt
fn numbers() -> impl Stream<Item = u64> {
    stream::unfold(Source(1), async |mut source| {
        let n = source.0;
        println!("read {n}");
        source.0 += 1;
        Some((n, source))
    })
}

fn squares(source: impl Stream<Item = u64>) -> impl Stream<Item = Result<u64, String>> {
    source.map(|n| match n {
        4 => Err(format!("{n} is too large")),
        _ => Ok(n * n),
    })
}

async fn sink(source: impl Stream<Item = Result<u64, String>>) -> Result<(), String> {
    let mut source = pin!(source);
    while let Some(n) = source.try_next().await? {
        Timer::after(Duration::from_millis(50)).await;
        println!("wrote {n}");
    }
    Ok(())
}
// ANCHOR_END: excerpt

/// Reads ahead of the sink, until the channel is full. Then it waits.
async fn read_ahead(channel: Sender<u64>) {
    let mut numbers = pin!(numbers());
    while let Some(n) = numbers.next().await {
        if channel.send(n).await.is_err() {
            return; // the receiver was dropped
        }
    }
}

async fn async_main(ex: &LocalExecutor<'_>) {
    if let Err(error) = sink(squares(numbers())).await {
        println!("pipeline: {error}");
    }

    let (sender, receiver) = channel::bounded(2);
    let source = ex.spawn(read_ahead(sender));
    let end = sink(receiver.take(3).map(Ok)).await;
    println!("the sink has had enough: {end:?}");
    source.await;
    println!("the source has noticed");
}

fn main() {
    let ex = LocalExecutor::new();
    block_on(ex.run(async_main(&ex)));
}
