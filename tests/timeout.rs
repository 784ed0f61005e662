//! `timeout`: what it has in common with asyncio's, which is asked itself where Python is installed,
//! then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::timeout::{TimedOut, Timeout, timeout, timeout_at};
use cases::{Case, Child, Drops, OnDrop, Quiet, panic_of, run, show, turns};
use smol::future::{self, FutureExt, block_on, pending, poll_once, yield_now};
use smol::{Task, Timer};
use std::cell::Cell;
use std::io;
use std::panic::panic_any;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

cases! {
    "timeout/with_asyncio.py";
    in_time: "a+ a- a",
    too_late: "a+ ax time is up",
    no_time_starts_nothing: "time is up",
    no_time_and_a_task_that_is_done: "a+ a- a",
    a_task_and_its_end: "a+ ax time is up",
    a_first_step_that_blocks: "blocked time is up",
    a_first_step_that_blocks_and_is_the_last: "blocked value",
}

impl Case {
    fn log_result(&self, result: Result<Child, TimedOut>) {
        self.log(result.map_or_else(|error| error.to_string(), show));
    }

    async fn blocks(&self, then_turns: usize) -> Child {
        thread::sleep(ms(30));
        self.log("blocked");
        turns(then_turns).await;
        Ok("value")
    }
}

async fn in_time(case: Case) {
    case.log_result(timeout(MINUTE, case.child("a", 3, Ok)).await);
}

async fn too_late(case: Case) {
    case.log_result(timeout(ms(50), case.child("a", usize::MAX, Ok)).await);
}

async fn no_time_starts_nothing(case: Case) {
    let not_started = async {
        case.log("a+");
        Ok("a")
    };
    case.log_result(timeout(Duration::ZERO, not_started).await);
}

async fn no_time_and_a_task_that_is_done(case: Case) {
    let task = case.spawn("a", 0, Ok);
    turns(3).await;
    case.log_result(timeout(Duration::ZERO, task).await);
}

async fn a_task_and_its_end(case: Case) {
    let mut task = case.spawn("a", usize::MAX, Ok);
    case.log_result(match timeout(ms(50), &mut task).await {
        Err(TimedOut) => task.cancel().await.ok_or(TimedOut),
        in_time => in_time,
    });
}

async fn a_first_step_that_blocks(case: Case) {
    case.log_result(timeout(ms(20), case.blocks(9)).await);
}

async fn a_first_step_that_blocks_and_is_the_last(case: Case) {
    case.log_result(timeout(ms(20), case.blocks(0)).await);
}

#[test]
fn the_limit_counts_from_the_call() {
    let start = Instant::now();
    let limited = timeout(ms(300), pending::<()>());
    let until = timeout_at(start + ms(300), pending::<()>());
    thread::sleep(ms(300));
    let begin = Instant::now();
    assert_eq!(block_on(limited), Err(TimedOut));
    assert_eq!(block_on(until), Err(TimedOut));
    assert!(begin.elapsed() < ms(250), "{:?}", begin.elapsed());
    // Time is up before the first poll: as if there had been none.
    let unlimited = timeout(ms(1), async { 5 });
    thread::sleep(ms(2));
    assert_eq!(block_on(unlimited), Err(TimedOut));
    assert_eq!(block_on(timeout_at(start, async { 5 })), Err(TimedOut));
}

/// Whatever it returns, also something borrowed.
#[test]
fn no_time_gives_what_a_task_has_returned_and_nothing_else() {
    let word = "a".to_string();
    run(async |ex| {
        let [owned, mut by_ref, mut by_two] = [(); 3].map(|()| ex.spawn(async { &word }));
        let mut running = ex.spawn(turns(9));
        turns(2).await;
        assert_eq!(timeout(Duration::ZERO, owned).await, Ok(&word));
        assert_eq!(timeout(Duration::ZERO, &mut by_ref).await, Ok(&word));
        assert_eq!(timeout(Duration::ZERO, &mut &mut by_two).await, Ok(&word));
        assert_eq!(timeout(Duration::ZERO, &mut running).await, Err(TimedOut));
        let mut boxed = async { 5 }.boxed_local();
        assert_eq!(timeout(Duration::ZERO, &mut boxed).await, Err(TimedOut));
    });
}

#[test]
fn a_limit_beyond_the_clock_is_none_and_the_value_wins_if_both_are_ready() {
    assert_eq!(block_on(timeout(Duration::MAX, async { 5 })), Ok(5));
    let mut never = Box::pin(timeout(Duration::MAX, pending::<()>()));
    assert_eq!(block_on(poll_once(&mut never)), None);

    // Both are ready when it is polled for the second time.
    let polled = Cell::new(0);
    let ready_at_the_second_poll = future::poll_fn(|_| {
        polled.set(polled.get() + 1);
        if polled.get() == 2 {
            Poll::Ready(5)
        } else {
            Poll::Pending
        }
    });
    assert_eq!(block_on(timeout(ms(20), ready_at_the_second_poll)), Ok(5));
    assert_eq!(io::Error::from(TimedOut).kind(), io::ErrorKind::TimedOut);
}

#[test]
fn timeouts_inside_timeouts_stay_small() {
    let future = async {
        let big = [0_u8; 1000];
        yield_now().await;
        big[0]
    };
    let size = size_of_val(&future);
    let nested = timeout(MINUTE, timeout(MINUTE, timeout(MINUTE, future)));
    assert!(size_of_val(&nested) < size + 300);
}

#[test]
fn when_time_is_up_the_future_has_been_dropped() {
    let drops = Drops::default();
    run(async |ex| {
        let limit = ms(20);
        let mut waiting = pin!(timeout(limit, drops.forever::<()>()));
        assert_eq!(waiting.as_mut().await, Err(TimedOut));
        assert_eq!(drops.count(), 1); // although `waiting` is still there

        // By reference it is not.
        let mut task = ex.spawn(async {
            Timer::after(ms(60)).await;
            5
        });
        assert_eq!(timeout(limit, &mut task).await, Err(TimedOut));
        assert_eq!(task.await, 5);

        // Dropping the future cancels the task that it owns.
        let mut waiting = pin!(timeout(MINUTE, ex.spawn(drops.forever::<()>())));
        assert!(poll_once(waiting.as_mut()).await.is_none());
        waiting.set(timeout(MINUTE, ex.spawn(drops.forever::<()>())));
        turns(3).await;
        assert_eq!(drops.count(), 2);
    });
}

async fn panics() {
    turns(2).await;
    panic_any(Quiet)
}

/// A task that panics when it is dropped, once it has been polled.
async fn panics_in_its_destructor() {
    let _guard = OnDrop::new(|| panic_any(Quiet));
    pending().await
}

#[test]
fn a_panic_comes_through() {
    let payloads = [
        panic_of(|| run(async |_| timeout(MINUTE, panics()).await)),
        panic_of(|| run(async |ex| timeout(MINUTE, ex.spawn(panics())).await)),
        panic_of(|| run(async |_| timeout(ms(5), panics_in_its_destructor()).await)),
    ];
    for payload in payloads {
        assert_eq!(payload.downcast_ref(), Some(&Quiet));
    }
}

#[test]
fn between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Timeout<Task<()>>>();
}
