//! After a stall, `Timer::interval` replays every tick that it missed; `Ticker` ticks once.
//!
//! Ports: none of the programs. It shows why the library has the module `ticker`.
//!
//! ```text
//! $ cargo run --example lib_ticker
//! plain smol: 3 ticks at once after a stall of 3.5 periods
//! ticker: 1 tick at once after a stall of 3.5 periods
//! ```
//!
//! A task that computes, or a machine that was suspended, stalls the loop. `Timer::interval` counts its
//! periods from its start, so that all ticks which were due meanwhile come in one burst: three greetings,
//! or three requests to a server that is slow already. Node's `setInterval` and asyncio's `sleep` in a
//! loop give one late tick. So does [`Ticker`](../../src/ticker.rs), and it does not drift either.
//!
//! A tick counts if it comes in the next two turns of the loop. (`Ticker` gives the other tasks a turn
//! before a tick that is late.)
//!
//! Who owns what: `burst` owns its timer, and dropping that cancels it.
//!
//! asyncio: `asyncio.sleep`.
//! Node: `setInterval`.
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::Ticker;
use smol::Timer;
use smol::future::{FutureExt, block_on, yield_now};
use smol::stream::{Stream, StreamExt};
use std::thread;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(250);

/// How many ticks come at once after the loop has stood still for 3.5 periods.
async fn burst(mut ticks: impl Stream + Unpin) -> usize {
    ticks.next().await;
    thread::sleep(PERIOD * 7 / 2);
    let mut count = 0;
    loop {
        let tick = async { ticks.next().await.is_some() };
        let is_at_once = tick.or(async {
            yield_now().await;
            yield_now().await;
            false
        });
        if !is_at_once.await {
            return count;
        }
        count += 1;
    }
}

fn main() {
    let count = block_on(burst(Timer::interval_at(Instant::now(), PERIOD)));
    println!("plain smol: {count} ticks at once after a stall of 3.5 periods");

    let count = block_on(burst(Ticker::now_and_every(PERIOD)));
    println!("ticker: {count} tick at once after a stall of 3.5 periods");
}
