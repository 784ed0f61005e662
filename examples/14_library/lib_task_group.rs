//! Joining in order reports one of two errors, late; `task_group` reports both at once.
//!
//! Ports: none of the programs. It shows why the library has the module `task_group`.
//!
//! ```text
//! $ cargo run --example lib_task_group
//! plain smol: the sleeper ends
//! plain smol: after 0.50 s: client 1: connection lost
//! task_group: after 0.10 s: 2 errors in a task group: client 1: connection lost; client 2: connection lost
//! ```
//!
//! A child sleeps for 0.5 s, and two clients lose their connection after 0.1 s. Joining the tasks in
//! order waits for the sleeper first. Then `?` returns the error of one client, and the error of the other
//! is dropped with its task.
//!
//! [`task_group`](../../src/task_group.rs) ends at the first failure, as asyncio's `TaskGroup`: the siblings are
//! cancelled ("the sleeper ends" is missing), and failures in the same turn are in the `ErrorGroup`, too. When it
//! returns, all its children have ended.
//!
//! Who owns what: `joined` owns its tasks, and the group its children. In both, dropping the whole cancels
//! them all.
//!
//! `except*` is a `for` over the group's errors.
//!
//! asyncio: `asyncio.TaskGroup`, `ExceptionGroup`, `except*` (a `for` over the `ErrorGroup`).
//! Paste: `cargo add smol`, `cargo add asyncio-to-smol --path ../asyncio-to-smol`.

use asyncio_to_smol::{Spawner, TaskGroup, run, task_group};
use smol::Timer;
use smol::channel::{Receiver, unbounded};
use std::io;
use std::time::{Duration, Instant};

async fn sleeper(way: &str) -> io::Result<()> {
    Timer::after(Duration::from_millis(500)).await;
    println!("{way}: the sleeper ends");
    Ok(())
}

async fn client(n: u32, server: Receiver<()>) -> io::Result<()> {
    let received = server.recv().await;
    received.map_err(|_| io::Error::other(format!("client {n}: connection lost")))
}

async fn joined(ex: &Spawner<'_>) -> io::Result<()> {
    let (server, connection) = unbounded();
    let sleeper = ex.spawn(sleeper("plain smol"));
    let clients = [1, 2].map(|n| ex.spawn(client(n, connection.clone())));
    Timer::after(Duration::from_millis(100)).await;
    drop(server); // both clients fail in the next turn
    sleeper.await?;
    for client in clients {
        client.await?;
    }
    Ok(())
}

async fn grouped(group: TaskGroup<'_, io::Error>) -> io::Result<()> {
    let (server, connection) = unbounded::<()>();
    group.spawn(sleeper("task_group"));
    group.spawn(client(1, connection.clone()));
    group.spawn(client(2, connection));
    Timer::after(Duration::from_millis(100)).await;
    drop(server);
    Ok(())
}

fn main() {
    let start = Instant::now();
    let error = run(async |ex| joined(&ex).await).unwrap_err();
    let took = start.elapsed().as_secs_f64();
    println!("plain smol: after {took:.2} s: {error}");

    let start = Instant::now();
    let errors = smol::block_on(task_group(grouped)).unwrap_err();
    let took = start.elapsed().as_secs_f64();
    println!("task_group: after {took:.2} s: {errors:#}");
}
