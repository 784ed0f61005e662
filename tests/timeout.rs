//! `timeout`: first the cases that are also in Python, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::timeout::{TimedOut, timeout, timeout_at};
use cases::{Case, Child, Drops, OnDrop, Quiet, panic_of, run, show, turns};
use smol::future::{FutureExt, block_on, pending, poll_fn, poll_once, yield_now};
use std::panic::panic_any;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{io, mem, thread};

const MINUTE: Duration = Duration::from_secs(60);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

cases! {
    "timeout/with_asyncio.py";
    in_time: "a+ a- a",
    no_time_starts_nothing: "time is up",
    a_task_and_its_end: "a+ ax time is up",
    a_first_step_that_blocks: "blocked time is up",
    a_first_step_that_blocks_and_is_the_last: "blocked value",
}

impl Case {
    async fn log_timeout(&self, limit: Duration, future: impl Future<Output = Child>) {
        let result = timeout(limit, future).await;
        self.log(result.map_or_else(|error| error.to_string(), show));
    }

    async fn blocks(&self, then_turns: usize) -> Child {
        thread::sleep(ms(150));
        self.log("blocked");
        turns(then_turns).await;
        Ok("value")
    }
}

async fn in_time(case: Case) {
    case.log_timeout(MINUTE, case.child("a", 3, Ok)).await;
}

async fn no_time_starts_nothing(case: Case) {
    case.log_timeout(ms(0), case.child("a", 0, Ok)).await;
}

async fn a_task_and_its_end(case: Case) {
    let mut task = case.spawn("a", usize::MAX, Ok);
    let result = timeout(ms(100), &mut task).await;
    assert_eq!(task.cancel().await, None);
    case.log(result.unwrap_err());
}

async fn a_first_step_that_blocks(case: Case) {
    case.log_timeout(ms(100), case.blocks(9)).await;
}

async fn a_first_step_that_blocks_and_is_the_last(case: Case) {
    case.log_timeout(ms(100), case.blocks(0)).await;
}

#[test]
fn the_limit_counts_from_the_call() {
    let limited = timeout(ms(1), async { 5 });
    thread::sleep(ms(2));
    assert_eq!(block_on(limited), Err(TimedOut));
    assert_eq!(
        block_on(timeout_at(Instant::now(), async { 5 })),
        Err(TimedOut)
    );
}

#[test]
fn no_time_gives_what_a_task_has_returned_and_nothing_else() {
    let word = "a".to_string();
    run(async |ex| {
        let [owned, mut by_ref, mut by_two] = [(); 3].map(|()| ex.spawn(async { &word }));
        let mut running = ex.spawn(turns(9));
        turns(2).await;
        assert_eq!(timeout(ms(0), owned).await, Ok(&word));
        assert_eq!(timeout(ms(0), &mut by_ref).await, Ok(&word));
        assert_eq!(timeout(ms(0), &mut &mut by_two).await, Ok(&word));
        assert_eq!(timeout(ms(0), &mut running).await, Err(TimedOut));
        let mut boxed = async { 5 }.boxed_local();
        assert_eq!(timeout(ms(0), &mut boxed).await, Err(TimedOut));
    });
}

#[test]
fn a_limit_beyond_the_clock_is_none_and_the_value_wins_if_both_are_ready() {
    assert_eq!(block_on(timeout(Duration::MAX, async { 5 })), Ok(5));
    let mut never = Box::pin(timeout(Duration::MAX, pending::<()>()));
    assert_eq!(block_on(poll_once(&mut never)), None);

    let mut is_second_poll = false;
    let ready_when_time_is_up = poll_fn(|_| {
        if mem::replace(&mut is_second_poll, true) {
            Poll::Ready(5)
        } else {
            Poll::Pending
        }
    });
    assert_eq!(block_on(timeout(ms(100), ready_when_time_is_up)), Ok(5));
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
fn when_time_is_up_the_future_has_been_dropped_and_its_panic_comes_through() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    is_send_and_sync(&timeout(MINUTE, smol::spawn(pending::<()>())));

    let drops = Drops::default();
    let mut waiting = pin!(timeout(ms(20), drops.forever::<()>()));
    assert_eq!(block_on(waiting.as_mut()), Err(TimedOut));
    assert_eq!(drops.count(), 1); // although `waiting` is still there

    let panics_when_dropped = async {
        let _guard = OnDrop::new(|| panic_any(Quiet));
        pending::<()>().await
    };
    let panic = panic_of(|| block_on(timeout(ms(100), panics_when_dropped)));
    assert_eq!(panic.downcast_ref(), Some(&Quiet));
}
