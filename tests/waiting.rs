//! `run`, `gather`, `wait` and `as_completed`: first what they have in common
//! with asyncio, which is asked itself where Python is installed, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::{gather, gather_all};
use asyncio_to_smol::timeout::{TimedOut, timeout};
use asyncio_to_smol::wait::{self, Done, Wait};
use cases::{Case, Child, Drops, OnDrop, Quiet, log_of, panic_of, run, show, turns};
use smol::future::{self, FutureExt, block_on, pending, poll_once, yield_now};
use smol::stream::{Stream, StreamExt};
use smol::{LocalExecutor, Task, Timer, unblock};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use watchdog::end_if_it_hangs;

impl Case {
    async fn wait_and_show(&self, wait: Wait<Child>) -> Vec<Task<Child>> {
        let (done, pending) = wait.await.unwrap();
        for task in done {
            self.log(format_args!("done {}", show(task.result())));
        }
        self.log(format_args!("{} pending", pending.len()));
        pending
    }
}

fn show_all(results: Result<Vec<&str>, &str>) -> String {
    format!("[{}]", results.unwrap().join(", "))
}

cases! {
    "waiting/with_asyncio.py";
    tasks_take_turns: "main a0 b0 c0 a1 b1 c1 a2 b2 c2 awaited awaited awaited",
    run_cancels_what_is_left: "a+ b+ end ax bx",
    gather_keeps_the_order_of_the_input: "a+ b+ c+ c- b- a- [a, b, c]",
    gather_starts_without_being_awaited: "main a+ a- b+ b- [a, b]",
    gather_returns_the_first_error_and_the_rest_runs_on: "a+ b+ c+ a- b! E(b) c-",
    gather_returns_the_error_that_came_first_in_time: "a+ b+ b! E(b) a!",
    gather_returns_every_result: "a+ b+ c+ c! b- a! E(a) b E(c)",
    gather_of_nothing: "[] []",
    gather_of_tasks: "a+ b+ b- a- [a, b]",
    cancelling_gather_cancels_its_children: "a+ b+ c+ b- asked ax cx cancelled",
    wait_for_all: "a+ b+ b! c+ c- a- done a done E(b) done c 0 pending",
    wait_for_the_first: "a+ b+ c+ b- done b 2 pending a- a c- c",
    wait_for_the_first_again_and_again:
        "a+ b+ c+ b- done b 2 pending c- done c 1 pending a- done a 0 pending",
    wait_for_the_first_when_it_failed: "a+ b+ a! done E(a) 1 pending bx",
    wait_for_the_first_when_two_end_in_one_turn: "a+ b+ c+ a- c- done a done c 1 pending bx",
    wait_for_the_first_error: "a+ b+ c+ a- b! done a done E(b) 1 pending cx",
    wait_for_an_error_that_does_not_come: "a+ b+ a- b- done a done b 0 pending",
    wait_for_nothing: "error",
    wait_with_no_time_gives_what_can_end_at_once: "a+ a- b+ c+ c! done a done E(c) 1 pending bx",
    wait_until_time_is_up: "done fast 1 pending slow",
    dropping_wait_cancels_nothing: "a+ a-",
    as_completed_gives_results_in_order_of_the_end: "a+ b+ b- c+ got b c- got c a- got a",
    as_completed_in_one_turn: "a+ b+ c+ d+ b- d- a- c- got b got d got a got c",
    as_completed_gives_errors_as_items: "a+ a! b+ got E(a) b- got b",
    as_completed_stopped_early: "a+ a- b+ got a b-",
    as_completed_of_nothing: "end",
    as_completed_until_time_is_up: "fast- got fast time is up slow-",
}

async fn tasks_take_turns(case: Case) {
    let steps = |name: &'static str| {
        let case = case.clone();
        async move {
            for i in 0..3 {
                case.log(format_args!("{name}{i}"));
                yield_now().await;
            }
        }
    };
    let tasks = ["a", "b", "c"].map(|name| case.ex.spawn(steps(name)));
    case.log("main");
    for task in tasks {
        task.await;
        case.log("awaited");
    }
}

async fn run_cancels_what_is_left(case: Case) {
    case.spawn("a", 1000, Ok).detach();
    case.spawn("b", 1000, Ok).detach();
    turns(2).await;
    case.log("end");
}

async fn gather_keeps_the_order_of_the_input(case: Case) {
    let children = [
        case.child("a", 6, Ok),
        case.child("b", 3, Ok),
        case.child("c", 0, Ok),
    ];
    case.log(show_all(gather(&case.ex, children).await));
}

async fn gather_starts_without_being_awaited(case: Case) {
    let together = gather(&case.ex, [case.child("a", 0, Ok), case.child("b", 0, Ok)]);
    case.log("main");
    turns(5).await;
    case.log(show_all(together.await));
}

async fn gather_returns_the_first_error_and_the_rest_runs_on(case: Case) {
    let children = [
        case.child("a", 2, Ok),
        case.child("b", 4, Err),
        case.child("c", 12, Ok),
    ];
    case.log(show(gather(&case.ex, children).await.map(|_| "no error")));
    turns(20).await;
}

async fn gather_returns_the_error_that_came_first_in_time(case: Case) {
    let children = [case.child("a", 12, Err), case.child("b", 2, Err)];
    case.log(show(gather(&case.ex, children).await.map(|_| "no error")));
    turns(20).await;
}

async fn gather_returns_every_result(case: Case) {
    let children = [
        case.child("a", 6, Err),
        case.child("b", 3, Ok),
        case.child("c", 0, Err),
    ];
    for result in gather_all(&case.ex, children).await {
        case.log(show(result));
    }
}

async fn gather_of_nothing(case: Case) {
    let nothing: [Task<Child>; 0] = [];
    case.log(show_all(gather(&case.ex, nothing).await));
    let nothing: [Task<Child>; 0] = [];
    case.log(format_args!("{:?}", gather_all(&case.ex, nothing).await));
}

async fn gather_of_tasks(case: Case) {
    let tasks = [case.spawn("a", 3, Ok), case.spawn("b", 0, Ok)];
    case.log(show_all(gather(&case.ex, tasks).await));
}

async fn cancelling_gather_cancels_its_children(case: Case) {
    let children = [
        case.child("a", 1000, Ok),
        case.child("b", 1, Ok),
        case.child("c", 1000, Ok),
    ];
    let together = gather(&case.ex, children);
    turns(5).await;
    let cancelled = together.cancel();
    case.log("asked");
    if cancelled.await.is_none() {
        case.log("cancelled");
    }
}

async fn wait_for_all(case: Case) {
    let tasks = [
        case.spawn("a", 6, Ok),
        case.spawn("b", 0, Err),
        case.spawn("c", 3, Ok),
    ];
    case.wait_and_show(wait::all_completed(tasks)).await;
}

async fn wait_for_the_first(case: Case) {
    let tasks = [("a", 12), ("b", 2), ("c", 24)].map(|(name, n)| case.spawn(name, n, Ok));
    for task in case.wait_and_show(wait::first_completed(tasks)).await {
        case.log(show(task.await));
    }
}

async fn wait_for_the_first_again_and_again(case: Case) {
    let tasks = [("a", 24), ("b", 2), ("c", 12)].map(|(name, n)| case.spawn(name, n, Ok));
    let mut tasks = Vec::from(tasks);
    while !tasks.is_empty() {
        tasks = case.wait_and_show(wait::first_completed(tasks)).await;
    }
}

async fn wait_for_the_first_when_it_failed(case: Case) {
    let tasks = [case.spawn("a", 2, Err), case.spawn("b", 12, Ok)];
    case.wait_and_show(wait::first_completed(tasks)).await;
}

async fn wait_for_the_first_when_two_end_in_one_turn(case: Case) {
    let tasks = [("a", 3), ("b", 12), ("c", 3)].map(|(name, n)| case.spawn(name, n, Ok));
    case.wait_and_show(wait::first_completed(tasks)).await;
}

async fn wait_for_the_first_error(case: Case) {
    let tasks = [
        case.spawn("a", 2, Ok),
        case.spawn("b", 12, Err),
        case.spawn("c", 24, Ok),
    ];
    case.wait_and_show(wait::first_exception(tasks)).await;
}

async fn wait_for_an_error_that_does_not_come(case: Case) {
    let tasks = [case.spawn("a", 2, Ok), case.spawn("b", 12, Ok)];
    case.wait_and_show(wait::first_exception(tasks)).await;
}

async fn wait_for_nothing(case: Case) {
    if let Err(wait::Empty) = wait::all_completed::<Child>([]).await {
        case.log("error");
    }
}

async fn wait_with_no_time_gives_what_can_end_at_once(case: Case) {
    let tasks = [
        case.spawn("a", 0, Ok),
        case.spawn("b", 1000, Ok),
        case.spawn("c", 0, Err),
    ];
    case.wait_and_show(wait::all_completed(tasks).timeout(Duration::ZERO))
        .await;
}

async fn wait_until_time_is_up(case: Case) {
    let sleep = |name, seconds| {
        case.ex.spawn(async move {
            Timer::after(Duration::from_secs_f64(seconds)).await;
            Ok(name)
        })
    };
    let tasks = [sleep("slow", 0.3), sleep("fast", 0.01)];
    let wait = wait::all_completed(tasks).timeout(Duration::from_millis(100));
    for task in case.wait_and_show(wait).await {
        case.log(show(task.await));
    }
}

async fn dropping_wait_cancels_nothing(case: Case) {
    let waiting = case.ex.spawn(wait::all_completed([case.spawn("a", 9, Ok)]));
    turns(2).await;
    drop(waiting);
    turns(20).await;
}

async fn as_completed_gives_results_in_order_of_the_end(case: Case) {
    let tasks = [("a", 16), ("b", 0), ("c", 8)].map(|(name, n)| case.spawn(name, n, Ok));
    let mut results = as_completed(&case.ex, tasks);
    while let Some(result) = results.next().await {
        case.log(format_args!("got {}", show(result)));
    }
}

async fn as_completed_in_one_turn(case: Case) {
    let tasks = [("a", 2), ("b", 1), ("c", 2), ("d", 1)].map(|(name, n)| case.spawn(name, n, Ok));
    let mut results = as_completed(&case.ex, tasks);
    while let Some(result) = results.next().await {
        case.log(format_args!("got {}", show(result)));
    }
}

async fn as_completed_gives_errors_as_items(case: Case) {
    let tasks = [case.spawn("a", 0, Err), case.spawn("b", 8, Ok)];
    let mut results = as_completed(&case.ex, tasks);
    while let Some(result) = results.next().await {
        case.log(format_args!("got {}", show(result)));
    }
}

async fn as_completed_stopped_early(case: Case) {
    let tasks = [case.spawn("a", 0, Ok), case.spawn("b", 8, Ok)];
    let first = as_completed(&case.ex, tasks).next().await;
    case.log(format_args!("got {}", show(first.unwrap())));
    turns(20).await;
}

async fn as_completed_of_nothing(case: Case) {
    let nothing: [Task<Child>; 0] = [];
    let mut results = as_completed(&case.ex, nothing);
    while let Some(result) = results.next().await {
        case.log(format_args!("got {}", show(result)));
    }
    case.log("end");
}

async fn as_completed_until_time_is_up(case: Case) {
    let sleep = |name, seconds| {
        let case = case.clone();
        async move {
            Timer::after(Duration::from_secs_f64(seconds)).await;
            case.log(format_args!("{name}-"));
            name
        }
    };
    let children = [sleep("slow", 0.3), sleep("fast", 0.01)];
    let mut results = as_completed(&case.ex, children).deadline(Duration::from_millis(100));
    while let Some(result) = results.next().await {
        match result {
            Ok(name) => case.log(format_args!("got {name}")),
            Err(error) => case.log(error),
        }
    }
    Timer::after(Duration::from_millis(400)).await;
}

// ------------------------------------------------------------------------------------------ run

/// Whether awaiting `future` panics with `Quiet`.
async fn is_quiet_panic<T>(future: impl Future<Output = T>) -> bool {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => false,
        Err(panic) => panic.downcast_ref() == Some(&Quiet),
    }
}

async fn panics_after<T>(n: usize) -> T {
    turns(n).await;
    panic_any(Quiet)
}

#[test]
fn run_drops_every_kind_of_leftover_before_it_returns() {
    let drops = Drops::default();
    let [handle] = run(async |ex| {
        // Waiting for a timer; never polled; waiting for a task; holding the spawner; left in
        // `main`'s value; with a child of its own.
        let timer = drops.guard();
        ex.spawn(async move {
            let _guard = timer;
            Timer::after(Duration::from_secs(1000)).await;
        })
        .detach();
        let inner = ex.spawn(drops.forever::<()>());
        let waiting = drops.guard();
        ex.spawn(async move {
            let _guard = waiting;
            inner.await;
        })
        .detach();
        let (cycle, spawner) = (drops.guard(), ex.clone());
        ex.spawn(async move {
            let _guard = cycle;
            let child = spawner.spawn(pending::<()>());
            child.await;
            drop(spawner);
        })
        .detach();
        turns(3).await;
        ex.spawn(drops.forever::<()>()).detach(); // has not been polled when `main` ends
        let together = gather(&ex, [drops.forever::<Child>(), drops.forever()]);
        let results = as_completed(&ex, [drops.forever::<()>()]);
        let handle = ex.spawn(drops.forever::<()>());
        assert_eq!(drops.count(), 0);
        std::mem::forget((together, results));
        [handle]
    });
    assert_eq!(drops.count(), 9);
    assert_eq!(block_on(handle.fallible()), None);
}

/// Nanoseconds that this thread has been running.
#[cfg(target_os = "linux")]
fn cpu_time() -> u64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn run_sleeps_when_no_task_can_run() {
    let before = cpu_time();
    run(async |ex| {
        let sleeping = ex.spawn(Timer::after(Duration::from_millis(300)));
        let _waiting = ex.spawn(pending::<()>());
        sleeping.await;
    });
    let took = Duration::from_nanos(cpu_time() - before);
    assert!(took < Duration::from_millis(100), "{took:?} of 300 ms");
}

#[test]
fn no_task_is_polled_after_the_end_of_main() {
    let polls = Cell::new(0);
    let at_the_end = run(async |ex| {
        ex.spawn(async {
            loop {
                polls.set(polls.get() + 1);
                yield_now().await;
            }
        })
        .detach();
        turns(5).await;
        polls.get()
    });
    assert_eq!(polls.get(), at_the_end);
}

/// Dropping a `LocalExecutor` misses a task that is being woken at that moment, once in some
/// thousand times.
#[test]
fn a_task_that_another_thread_is_waking_at_the_end_is_dropped_too() {
    let waker = Mutex::new(None::<Waker>);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let waker = waker.lock().unwrap().clone();
                for _ in 0..20 {
                    waker.as_ref().map(Waker::wake_by_ref);
                }
            }
        });
        let _stop = OnDrop::new(|| stop.store(true, Ordering::Relaxed));
        for n in 0..30_000 {
            let drops = Drops::default();
            let guard = drops.guard();
            run(async |ex| {
                let woken = async {
                    let _guard = guard;
                    future::poll_fn(|cx| {
                        *waker.lock().unwrap() = Some(cx.waker().clone());
                        Poll::<()>::Pending
                    })
                    .await;
                };
                ex.spawn(woken).detach();
                turns(n % 7 + 1).await;
            });
            assert_eq!(drops.count(), 1, "at the end of run {n}");
        }
    });
}

#[test]
fn a_destructor_that_panics_at_the_end_does_not_keep_the_others_from_running() {
    let drops = Drops::default();
    run(async |ex| {
        for n in 0..3 {
            let guard = drops.guard();
            ex.spawn(async move {
                let _guard = guard;
                let _panics = OnDrop::new(move || {
                    if n == 1 {
                        panic_any(Quiet)
                    }
                });
                pending::<()>().await;
            })
            .detach();
        }
        turns(2).await;
    });
    assert_eq!(drops.count(), 3);
}

#[test]
fn a_panic_in_main_comes_out_of_run_after_the_cancelling() {
    let drops = Drops::default();
    let panic = panic_of(|| {
        run(async |ex| {
            ex.spawn(drops.forever::<()>()).detach();
            turns(2).await;
            panic_any(Quiet);
        })
    });
    assert_eq!(panic.downcast_ref(), Some(&Quiet));
    assert_eq!(drops.count(), 1);
    assert_eq!(run(async |_| 5), 5); // the thread can go on
}

#[test]
fn a_panic_in_a_task_reaches_who_awaits_it_and_no_one_else() {
    let sibling = run(async |ex| {
        let sibling = ex.spawn(async {
            turns(9).await;
            "alive"
        });
        ex.spawn(panics_after::<()>(1)).detach();
        assert!(is_quiet_panic(ex.spawn(panics_after::<()>(2))).await);
        sibling.await
    });
    assert_eq!(sibling, "alive");
}

#[test]
fn run_inside_run_is_refused() {
    let panic = panic_of(|| run(async |_| run(async |_| ())));
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.starts_with("`run` inside `run`"), "{message}");
    // Beside it, on another thread, is fine.
    run(async |_| thread::spawn(|| run(async |_| ())).join().unwrap());
}

#[test]
fn what_is_spawned_after_the_end_is_cancelled_from_the_start() {
    let drops = Drops::default();
    let spawner = run(async |ex| ex);
    let task = spawner.spawn(drops.forever::<()>());
    assert_eq!(drops.count(), 1);
    assert_eq!(block_on(task.fallible()), None);

    // By a destructor, while `run` is ending.
    let refused = Rc::new(Cell::new(false));
    run(async |ex| {
        let (spawner, late, refused) = (ex.clone(), drops.clone(), Rc::clone(&refused));
        let spawns = OnDrop::new(move || {
            let task = spawner.spawn(late.forever::<()>());
            refused.set(task.is_finished());
        });
        ex.spawn(async move {
            let _spawns = spawns;
            pending::<()>().await;
        })
        .detach();
        turns(2).await;
    });
    assert!(refused.get());
    assert_eq!(drops.count(), 2);
}

#[test]
fn tasks_may_borrow_what_lives_longer_than_run() {
    let words = ["one".to_string(), "two".to_string()];
    let lengths = run(async |ex| {
        let children = words.iter().map(|word| async { Ok::<_, ()>(word.len()) });
        let lengths = gather(&ex, children).await;
        ex.spawn(async { words.len() }).await;
        lengths
    });
    assert_eq!(lengths, Ok(vec![3, 3]));
}

// --------------------------------------------------------------------------------------- gather

#[test]
fn a_panic_in_a_child_of_gather_is_its_first_error() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(3));
        let tasks = [case.spawn("a", 1, Ok), panics, case.spawn("b", 20, Ok)];
        assert!(is_quiet_panic(gather(&case.ex, tasks)).await);
        case.log("panic");
        turns(30).await;
    });
    assert_eq!(log, "a+ b+ a- panic b-");
}

#[test]
fn of_two_errors_in_one_turn_gather_returns_the_first() {
    let log = log_of(async |case| {
        let children = [
            case.child("a", 9, Ok),
            case.child("b", 3, Err),
            case.child("c", 3, Err),
        ];
        case.log(show(gather(&case.ex, children).await.map(|_| "no error")));
    });
    assert_eq!(log, "a+ b+ c+ b! c! E(b) ax");
}

#[test]
fn a_panic_after_the_first_error_troubles_nobody() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(6));
        let tasks = [case.spawn("a", 1, Err), panics, case.spawn("b", 20, Ok)];
        case.log(show(gather(&case.ex, tasks).await.map(|_| "no error")));
        turns(30).await;
    });
    assert_eq!(log, "a+ b+ a! E(a) b-");
}

#[test]
fn gather_all_waits_for_all_before_it_panics_with_the_first_in_the_input() {
    let log = log_of(async |case| {
        let other = case.ex.spawn(async { panic_any("another panic") });
        let tasks = [
            case.spawn("a", 9, Ok),
            case.ex.spawn(panics_after::<Child>(6)),
            other,
        ];
        assert!(is_quiet_panic(gather_all(&case.ex, tasks)).await);
        case.log("panic");
    });
    assert_eq!(log, "a+ a- panic");
}

#[test]
fn a_child_whose_executor_is_gone_does_not_hang_gather() {
    let log = log_of(async |case| {
        let cancelled = LocalExecutor::new().spawn(pending::<Child>());
        let tasks = [case.spawn("a", 9, Ok), cancelled];
        let result = AssertUnwindSafe(gather(&case.ex, tasks));
        assert!(result.catch_unwind().await.is_err());
        case.log("panic");
        turns(20).await;
    });
    assert_eq!(log, "a+ panic a-");
}

/// A future that is ready at once, and panics when it is dropped.
struct PanicsInDrop;

impl Future for PanicsInDrop {
    type Output = Child;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Child> {
        Poll::Ready(Ok("done"))
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic_any(Quiet);
    }
}

#[test]
fn a_destructor_that_panics_is_the_panic_of_its_child_only() {
    let log = log_of(async |case| {
        let ex = &case.ex;
        let children = || {
            [
                PanicsInDrop.boxed_local(),
                case.child("a", 5, Ok).boxed_local(),
            ]
        };
        assert!(is_quiet_panic(gather(ex, children())).await);
        turns(9).await;
        assert!(is_quiet_panic(gather_all(ex, children())).await);
        let mut results = as_completed(ex, children());
        assert!(is_quiet_panic(results.next()).await);
        assert_eq!(results.next().await, Some(Ok("a")));
        assert_eq!(results.next().await, None);
    });
    assert_eq!(log, "a+ a- a+ a- a+ a-");
}

#[test]
fn results_that_nobody_wants_any_more_are_dropped_when_they_come() {
    run(async |ex| {
        let drops = Drops::default();
        // The second one fails; the last one never ends.
        let children = || {
            (0..6).map(|n| {
                let guard = drops.guard();
                async move {
                    turns(3 * n).await;
                    match n {
                        1 => Err(()),
                        5 => pending().await,
                        _ => Ok(guard),
                    }
                }
            })
        };
        assert!(gather(&ex, children()).await.is_err());
        turns(20).await;
        assert_eq!(drops.count(), 5);

        drops.0.set(0);
        let mut results = as_completed(&ex, children());
        turns(2).await;
        assert!(results.next().await.unwrap().is_ok());
        turns(8).await; // two more are there
        drop(results);
        turns(20).await;
        assert_eq!(drops.count(), 5);

        // One whose own destructor panics does not stop the others.
        let ended = Rc::new(Cell::new(0));
        let children = (0..3).map(|n| {
            let ended = Rc::clone(&ended);
            async move {
                turns(3 * n).await;
                ended.set(ended.get() + 1);
                Err::<(), _>(OnDrop::new(move || {
                    if n == 1 {
                        panic_any(Quiet)
                    }
                }))
            }
        });
        drop(gather(&ex, children).await);
        turns(20).await;
        assert_eq!(ended.get(), 3);
    });
}

#[test]
fn dropping_gather_drops_the_children_by_the_next_turn() {
    run(async |ex| {
        let drops = Drops::default();
        let started = gather(&ex, [drops.forever::<Child>(), drops.forever()]);
        turns(3).await;
        // Not one of these is started.
        let fresh = gather_all(&ex, [async { panic!("gather_all started") }]);
        let guard = drops.guard();
        let never = async move {
            let _guard = guard;
            panic!("gather started")
        };
        drop((started, fresh, gather::<_, (), ()>(&ex, [never])));
        assert_eq!(
            drops.count(),
            0,
            "their destructors run later, as those of every task"
        );
        turns(1).await;
        assert_eq!(drops.count(), 3);

        let cancelled = gather(&ex, [drops.forever::<Child>()]);
        turns(3).await;
        assert_eq!(cancelled.cancel().await, None);
        assert_eq!(drops.count(), 4);

        // What is there already is not lost by cancelling.
        let values = gather(&ex, [async { Child::Ok("a") }]);
        let error = gather(&ex, [async { Child::Err("b") }]);
        turns(3).await;
        assert_eq!(values.cancel().await, Some(Ok(vec!["a"])));
        assert_eq!(error.cancel().await, Some(Err("b")));
    });
}

#[test]
fn children_that_yield_are_polled_once_a_turn_and_in_order() {
    let log = log_of(async |case| {
        let polls = |name| {
            let case = case.clone();
            async move {
                for _ in 0..3 {
                    case.log(name);
                    yield_now().await;
                }
                Child::Ok(name)
            }
        };
        let together = gather(&case.ex, [polls("a"), polls("b"), polls("c")]);
        let other = case.ex.spawn(polls("other"));
        together.await.unwrap();
        other.await.unwrap();
    });
    assert_eq!(log, "a b c other a b c other a b c other");
}

#[test]
fn a_child_that_is_woken_twice_is_polled_once() {
    let polls = Cell::new(0);
    let child = future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        if polls.get() < 4 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    });
    run(async |ex| {
        let mut together = gather_all(&ex, [child]);
        for turn in 1..4 {
            turns(1).await;
            assert_eq!(polls.get(), turn);
        }
        timeout(Duration::from_secs(60), &mut together)
            .await
            .unwrap();
    });
}

#[test]
fn gather_works_on_an_executor_of_ones_own_and_with_other_threads() {
    let ex = LocalExecutor::new();
    let numbers = (0..100).map(|n| unblock(move || if n < 100 { Ok(n) } else { Err("never") }));
    let all = block_on(ex.run(gather(&ex, numbers)));
    assert_eq!(all.unwrap(), (0..100).collect::<Vec<_>>());

    let shared = Rc::new(LocalExecutor::new());
    assert_eq!(
        block_on(shared.run(gather_all(&shared, [async { 1 }]))),
        [1]
    );
}

#[test]
fn a_hundred_thousand_children_that_end_one_by_one() {
    const N: usize = 100_000;
    // The last in the input ends first, one a turn.
    struct Countdown {
        left: Rc<Cell<usize>>,
        index: usize,
        waker: Rc<RefCell<Vec<Option<Waker>>>>,
    }
    impl Future for Countdown {
        type Output = Result<usize, ()>;
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            if self.left.get() > self.index + 1 {
                self.waker.borrow_mut()[self.index] = Some(cx.waker().clone());
                return Poll::Pending;
            }
            self.left.set(self.index);
            let next = self.index.checked_sub(1);
            let waker = next.and_then(|next| self.waker.borrow_mut()[next].take());
            if let Some(waker) = waker {
                waker.wake();
            }
            Poll::Ready(Ok(self.index))
        }
    }
    let children = || {
        let left = Rc::new(Cell::new(N));
        let waker = Rc::new(RefCell::new(vec![None; N]));
        (0..N).map(move |index| Countdown {
            left: Rc::clone(&left),
            index,
            waker: Rc::clone(&waker),
        })
    };
    run(async |ex| {
        let in_order = gather(&ex, children()).await;
        assert!(in_order.unwrap().into_iter().eq(0..N));
        let results = as_completed(&ex, children()).map(Result::unwrap);
        let by_end: Vec<usize> = results.collect().await;
        assert!(by_end.into_iter().eq((0..N).rev()));
        let tasks = children().map(|child| ex.spawn(child));
        let (done, pending) = wait::all_completed(tasks).await.unwrap();
        assert_eq!((done.len(), pending.len()), (N, 0));
    });
}

// ----------------------------------------------------------------------------------------- wait

#[test]
fn a_panic_is_an_exception_for_wait() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(2));
        let tasks = [case.spawn("a", 20, Ok), panics, case.spawn("b", 0, Ok)];
        let (done, pending) = wait::first_exception(tasks).await.unwrap();
        let [panicked, b] = <[Done<Child>; 2]>::try_from(done).unwrap();
        assert_eq!((panicked.index(), b.index()), (1, 2));
        assert!(is_quiet_panic(async { panicked.result() }).await);
        assert_eq!(b.into_result().unwrap(), Ok("b"));
        case.log("looked");
        for task in pending {
            case.log(show(task.await));
        }
    });
    assert_eq!(log, "a+ b+ b- looked a- a");
}

#[test]
fn a_cancelled_task_is_done() {
    run(async |ex| {
        let cancelled = LocalExecutor::new().spawn(pending::<()>());
        let tasks = [ex.spawn(pending::<()>()), cancelled];
        let (done, pending) = wait::first_completed(tasks).await.unwrap();
        assert_eq!((done.len(), pending.len()), (1, 1));
        let cancelled = done.into_iter().next().unwrap();
        assert_eq!(cancelled.index(), 1);
        assert!(cancelled.into_result().is_err());

        // Unlike with asyncio it counts as an exception.
        let cancelled = LocalExecutor::new().spawn(future::pending::<Result<(), ()>>());
        let tasks = [ex.spawn(future::pending()), cancelled];
        let (done, pending) = wait::first_exception(tasks).await.unwrap();
        assert_eq!((done.len(), pending.len()), (1, 1));
    });
}

#[test]
fn waiting_by_reference_can_be_given_up_and_taken_up() {
    let log = log_of(async |case| {
        let tasks = [case.spawn("a", 3, Ok), case.spawn("b", usize::MAX / 2, Ok)];
        let mut wait = wait::first_completed(tasks);
        assert!(poll_once(&mut wait).await.is_none());
        turns(9).await;
        case.wait_and_show(wait).await;
    });
    assert_eq!(log, "a+ b+ a- done a 1 pending bx");
}

#[test]
fn a_wait_that_is_dropped_lets_tasks_go_on_whatever_its_results_do() {
    let log = log_of(async |case| {
        let quiet = case
            .ex
            .spawn(async { Some(OnDrop::new(|| panic_any(Quiet))) });
        let same_case = case.clone();
        let goes_on = case.ex.spawn(async move {
            turns(9).await;
            same_case.log("went on");
            None
        });
        let mut wait = wait::all_completed([quiet, goes_on]);
        turns(2).await;
        assert!(poll_once(&mut wait).await.is_none());
        assert!(panic_of(|| drop(wait)).is::<Quiet>());
        turns(20).await;
    });
    assert_eq!(log, "went on");
}

#[test]
fn a_waker_may_own_the_executor_of_the_tasks_that_are_waited_for() {
    struct Owner(#[allow(dead_code, reason = "dropping it matters")] smol::Executor<'static>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let executor = smol::Executor::new();
    let tasks = [executor.spawn(pending::<()>()), smol::spawn(pending())];
    let mut wait = wait::first_completed(tasks);
    let waker = Waker::from(Arc::new(Owner(executor)));
    let mut first = Context::from_waker(&waker);
    assert!(Pin::new(&mut wait).poll(&mut first).is_pending());
    drop(waker);
    // Drops the last reference to the executor, which wakes its task, which tells `wait`.
    let mut second = Context::from_waker(Waker::noop());
    end_if_it_hangs();
    let poll = Pin::new(&mut wait).poll(&mut second);
    let Poll::Ready(Ok((done, pending))) = poll else {
        panic!("the task of the executor that has gone is not done");
    };
    assert_eq!((done.len(), pending.len()), (1, 1));
}

#[test]
fn wait_takes_tasks_of_any_executor() {
    let tasks = [3, 1, 2].map(|n| smol::spawn(async move { n }));
    let (done, _) = block_on(wait::all_completed(tasks)).unwrap();
    let values: Vec<_> = done.into_iter().map(Done::result).collect();
    assert_eq!(values, [3, 1, 2]);
    assert_eq!(
        wait::Empty.to_string(),
        block_on(wait::first_exception::<(), ()>([]))
            .unwrap_err()
            .to_string()
    );
}

#[test]
fn wait_is_not_early_and_a_limit_that_is_not_reached_changes_nothing() {
    run(async |ex| {
        let start = Instant::now();
        let limit = Duration::from_millis(60);
        let wait = wait::first_completed([ex.spawn(pending::<()>())]).timeout(limit);
        let (done, pending) = wait.await.unwrap();
        assert!(start.elapsed() >= limit);
        assert_eq!((done.len(), pending.len()), (0, 1));
        let wait = wait::all_completed([ex.spawn(turns(5))]).timeout(Duration::MAX);
        assert_eq!(wait.await.unwrap().0.len(), 1);
    });
}

// --------------------------------------------------------------------------------- as_completed

#[test]
fn a_panic_is_an_item_of_as_completed() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(3));
        let tasks = [case.spawn("a", 9, Ok), panics, case.spawn("b", 0, Ok)];
        let mut results = as_completed(&case.ex, tasks);
        assert_eq!(results.size_hint(), (3, Some(3)));
        assert_eq!(results.next().await, Some(Ok("b")));
        assert!(is_quiet_panic(results.next()).await);
        assert_eq!(results.size_hint(), (1, Some(1)));
        assert_eq!(results.next().await, Some(Ok("a")));
        assert_eq!(results.next().await, None);
        assert_eq!(results.next().await, None);
    });
    assert_eq!(log, "a+ b+ b- a-");
}

#[test]
fn as_completed_starts_without_being_awaited_and_keeps_what_has_ended() {
    let log = log_of(async |case| {
        let children = [case.child("a", 3, Ok), case.child("b", 0, Ok)];
        let mut results = as_completed(&case.ex, children).deadline(Duration::from_millis(20));
        case.log("main");
        turns(9).await;
        thread::sleep(Duration::from_millis(30));
        // Time is up, but these have ended.
        while let Some(result) = results.next().await {
            case.log(show(result.unwrap()));
        }
    });
    assert_eq!(log, "main a+ b+ b- a- b a");
}

#[test]
fn a_deadline_gives_one_error_and_then_the_end() {
    run(async |ex| {
        let mut results = as_completed(&ex, [pending::<()>()]).deadline(Duration::ZERO);
        assert_eq!(results.next().await, Some(Err(TimedOut)));
        assert_eq!(results.next().await, None);
    });
}
