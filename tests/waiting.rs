//! `run`, `gather`, `wait` and `as_completed`: first what they have in common
//! with asyncio, which is asked itself where Python is installed, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::as_completed::{AsCompleted, as_completed};
use asyncio_to_smol::gather::{Gather, GatherAll, gather, gather_all};
use asyncio_to_smol::queue::{Closed, Queue};
use asyncio_to_smol::run::Spawner;
use asyncio_to_smol::task_group::{self, ErrorGroup, TaskGroup};
use asyncio_to_smol::timeout::timeout;
use asyncio_to_smol::wait::{self, Wait};
use cases::{Case, Child, Drops, End, OnDrop, Quiet, log_of, panic_of, run, show, turns};
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
    fn show(&self, done: Vec<(usize, thread::Result<Child>)>, tasks: &[Task<Child>]) {
        for (_, result) in done {
            self.log(format_args!("done {}", show(result.unwrap())));
        }
        self.log(format_args!("{} pending", tasks.len()));
    }

    fn tasks<const N: usize>(&self, children: [(&'static str, usize, End); N]) -> Vec<Task<Child>> {
        Vec::from(children.map(|(name, n, end)| self.spawn(name, n, end)))
    }
}

impl Case {
    fn children<const N: usize>(
        &self,
        children: [(&'static str, usize, End); N],
    ) -> [impl Future<Output = Child> + use<N>; N] {
        children.map(|(name, n, end)| self.child(name, n, end))
    }

    async fn log_first_error<F>(&self, children: impl IntoIterator<Item = F>)
    where
        F: Future<Output = Child> + 'static,
    {
        self.log(show(gather(&self.ex, children).await.map(|_| "no error")));
    }

    async fn log_each<F>(&self, children: impl IntoIterator<Item = F>)
    where
        F: Future<Output = Child> + 'static,
    {
        let mut results = as_completed(&self.ex, children);
        while let Some((_, result)) = results.next().await {
            self.log(format_args!("got {}", show(result)));
        }
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
    wait_for_the_first_and_the_turns_after_it:
        "b+ b- a+ a- done b done a 0 pending b+ b- a+ a- done b done a 0 pending \
         b+ b- a+ done b 1 pending a- b+ b- a+ done b 1 pending a- \
         b+ a+ b- a- done b done a 0 pending b+ a+ b- a- done b done a 0 pending \
         b+ a+ b- done b 1 pending a- b+ a+ b- done b 1 pending a-",
    wait_for_the_first_error: "a+ b+ c+ a- b! done a done E(b) 1 pending cx",
    wait_for_an_error_that_does_not_come: "a+ b+ a- b- done a done b 0 pending",
    wait_for_nothing: "error",
    wait_with_no_time_gives_what_can_end_at_once: "a+ a- b+ c+ c! done a done E(c) 1 pending bx",
    wait_until_time_is_up: "done fast 1 pending slow",
    dropping_wait_cancels_nothing: "a+ b+ b- a- a b",
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
    let children = case.children([("a", 6, Ok), ("b", 3, Ok), ("c", 0, Ok)]);
    case.log(show_all(gather(&case.ex, children).await));
}

async fn gather_starts_without_being_awaited(case: Case) {
    let together = gather(&case.ex, [case.child("a", 0, Ok), case.child("b", 0, Ok)]);
    case.log("main");
    turns(5).await;
    case.log(show_all(together.await));
}

async fn gather_returns_the_first_error_and_the_rest_runs_on(case: Case) {
    let children = case.children([("a", 2, Ok), ("b", 4, Err), ("c", 12, Ok)]);
    case.log_first_error(children).await;
    turns(20).await;
}

async fn gather_returns_the_error_that_came_first_in_time(case: Case) {
    let children = case.children([("a", 12, Err), ("b", 2, Err)]);
    case.log_first_error(children).await;
    turns(20).await;
}

async fn gather_returns_every_result(case: Case) {
    let children = case.children([("a", 6, Err), ("b", 3, Ok), ("c", 0, Err)]);
    for result in gather_all(&case.ex, children).await {
        case.log(show(result));
    }
}

async fn gather_of_nothing(case: Case) {
    let nothing = || [] as [Task<Child>; 0];
    case.log(show_all(gather(&case.ex, nothing()).await));
    case.log(format_args!("{:?}", gather_all(&case.ex, nothing()).await));
}

async fn gather_of_tasks(case: Case) {
    let tasks = [case.spawn("a", 3, Ok), case.spawn("b", 0, Ok)];
    case.log(show_all(gather(&case.ex, tasks).await));
}

async fn cancelling_gather_cancels_its_children(case: Case) {
    let children = case.children([("a", 1000, Ok), ("b", 1, Ok), ("c", 1000, Ok)]);
    let together = gather(&case.ex, children);
    turns(5).await;
    let cancelled = together.cancel();
    case.log("asked");
    if cancelled.await.is_none() {
        case.log("cancelled");
    }
}

async fn wait_for_all(case: Case) {
    let mut tasks = case.tasks([("a", 6, Ok), ("b", 0, Err), ("c", 3, Ok)]);
    let done = wait::all_completed(&mut tasks).await;
    case.show(done, &tasks);
}

async fn wait_for_the_first(case: Case) {
    let mut tasks = case.tasks([("a", 12, Ok), ("b", 2, Ok), ("c", 24, Ok)]);
    let done = wait::first_completed(&mut tasks).await;
    case.show(done, &tasks);
    for task in tasks {
        case.log(show(task.await));
    }
}

async fn wait_for_the_first_again_and_again(case: Case) {
    let mut tasks = case.tasks([("a", 24, Ok), ("b", 2, Ok), ("c", 12, Ok)]);
    while !tasks.is_empty() {
        let done = wait::first_completed(&mut tasks).await;
        case.show(done, &tasks);
    }
}

async fn wait_for_the_first_when_it_failed(case: Case) {
    let mut tasks = case.tasks([("a", 2, Err), ("b", 12, Ok)]);
    let done = wait::first_completed(&mut tasks).await;
    case.show(done, &tasks);
}

async fn wait_for_the_first_when_two_end_in_one_turn(case: Case) {
    let mut tasks = case.tasks([("a", 3, Ok), ("b", 12, Ok), ("c", 3, Ok)]);
    let done = wait::first_completed(&mut tasks).await;
    case.show(done, &tasks);
}

/// `a` ends `n` turns after `b`, which is waited for from before its end, or from after it.
async fn wait_for_the_first_and_the_turns_after_it(case: Case) {
    for b in [0, 3] {
        for n in 0..4 {
            let mut tasks = case.tasks([("b", b, Ok)]);
            if b == 0 {
                turns(3).await;
            }
            tasks.push(case.spawn("a", b + n, Ok));
            let done = wait::first_completed(&mut tasks).await;
            case.show(done, &tasks);
            turns(9).await;
        }
    }
}

async fn wait_for_the_first_error(case: Case) {
    let mut tasks = case.tasks([("a", 2, Ok), ("b", 12, Err), ("c", 24, Ok)]);
    let done = wait::first_exception(&mut tasks).await;
    case.show(done, &tasks);
}

async fn wait_for_an_error_that_does_not_come(case: Case) {
    let mut tasks = case.tasks([("a", 2, Ok), ("b", 12, Ok)]);
    let done = wait::first_exception(&mut tasks).await;
    case.show(done, &tasks);
}

async fn wait_for_nothing(case: Case) {
    let nothing = wait::all_completed::<Child>(&mut Vec::new()).await;
    case.log(if nothing.is_empty() { "error" } else { "" }); // asyncio raises it
}

async fn wait_with_no_time_gives_what_can_end_at_once(case: Case) {
    let mut tasks = case.tasks([("a", 0, Ok), ("b", 1000, Ok), ("c", 0, Err)]);
    let wait = wait::all_completed(&mut tasks).timeout(Duration::ZERO);
    let done = wait.await;
    case.show(done, &tasks);
}

async fn wait_until_time_is_up(case: Case) {
    let sleep = |name, seconds| {
        case.ex.spawn(async move {
            Timer::after(Duration::from_secs_f64(seconds)).await;
            Ok(name)
        })
    };
    let mut tasks = vec![sleep("slow", 0.3), sleep("fast", 0.01)];
    let wait = wait::all_completed(&mut tasks).timeout(Duration::from_millis(100));
    let done = wait.await;
    case.show(done, &tasks);
    for task in tasks {
        case.log(show(task.await));
    }
}

async fn dropping_wait_cancels_nothing(case: Case) {
    let mut tasks = case.tasks([("a", 9, Ok), ("b", 0, Ok)]);
    let mut waiting = wait::all_completed(&mut tasks);
    for _ in 0..3 {
        assert!(poll_once(&mut waiting).await.is_none());
        turns(1).await;
    }
    drop(waiting);
    turns(20).await;
    for task in tasks {
        case.log(show(task.await));
    }
}

async fn as_completed_gives_results_in_order_of_the_end(case: Case) {
    let tasks = [("a", 16), ("b", 0), ("c", 8)].map(|(name, n)| case.spawn(name, n, Ok));
    case.log_each(tasks).await;
}

async fn as_completed_in_one_turn(case: Case) {
    let tasks = [("a", 2), ("b", 1), ("c", 2), ("d", 1)].map(|(name, n)| case.spawn(name, n, Ok));
    case.log_each(tasks).await;
}

async fn as_completed_gives_errors_as_items(case: Case) {
    let tasks = [case.spawn("a", 0, Err), case.spawn("b", 8, Ok)];
    case.log_each(tasks).await;
}

async fn as_completed_stopped_early(case: Case) {
    let tasks = [case.spawn("a", 0, Ok), case.spawn("b", 8, Ok)];
    let mut results = as_completed(&case.ex, tasks);
    let (_, first) = results.next().await.unwrap();
    case.log(format_args!("got {}", show(first)));
    results.detach();
    turns(20).await;
}

async fn as_completed_of_nothing(case: Case) {
    case.log_each([] as [Task<Child>; 0]).await;
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
    let mut results = as_completed(&case.ex, children);
    let mut timer = Timer::after(Duration::from_millis(100));
    let mut time_is_up = async || {
        (&mut timer).await;
        None
    };
    while let Some((_, name)) = results.next().or(time_is_up()).await {
        case.log(format_args!("got {name}"));
    }
    case.log("time is up");
    results.detach();
    Timer::after(Duration::from_millis(400)).await;
}

/// What the modules' pages say of threads.
#[test]
fn send_and_sync() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    /// Ambiguous, and so an error, for a type that is `$auto`.
    macro_rules! assert_not {
        ($auto:ident: $($type:ty),*) => { $({
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T> Ambiguous<()> for T {}
            impl<T: $auto> Ambiguous<u8> for T {}
            <$type as Ambiguous<_>>::check();
        })* };
    }
    is_send::<Wait<'static, u8>>();
    assert_not!(Sync: Wait<'static, u8>);
    assert_not!(Send: Spawner<'static>, Gather<u8, u8>, GatherAll<u8>, AsCompleted<u8>);
    assert_not!(Sync: Spawner<'static>, Gather<u8, u8>, GatherAll<u8>, AsCompleted<u8>);
    assert_not!(Send: TaskGroup<'static, u8>, task_group::Child<u8>, Queue<u8>);
    assert_not!(Sync: TaskGroup<'static, u8>, task_group::Child<u8>, Queue<u8>);
    is_send::<(ErrorGroup<u8>, Closed<u8>)>();
    is_sync::<(ErrorGroup<u8>, Closed<u8>)>();
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
fn run_does_not_wait_for_other_threads_and_a_cancel_that_is_not_polled_asks_for_nothing() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let drops = Drops::default();
    run(async |ex| {
        // asyncio's `run` would wait for this one.
        ex.spawn(unblock(move || released.recv())).detach();
        let cancelled = ex.spawn(drops.forever::<()>()).cancel();
        turns(3).await;
        assert_eq!(drops.count(), 0);
        cancelled.await;
        assert_eq!(drops.count(), 1);
    });
    drop(release);
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
        let children = case.children([("a", 9, Ok), ("b", 3, Err), ("c", 3, Err)]);
        case.log_first_error(children).await;
    });
    assert_eq!(log, "a+ b+ c+ b! c! E(b) ax");
}

#[test]
fn a_panic_after_the_first_error_has_no_effect() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(6));
        let tasks = [case.spawn("a", 1, Err), panics, case.spawn("b", 20, Ok)];
        case.log_first_error(tasks).await;
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

/// A waker that wakes a child when it is dropped.
struct WakesChild(Arc<Mutex<Option<Waker>>>);

impl Wake for WakesChild {
    fn wake(self: Arc<Self>) {}
}

impl Drop for WakesChild {
    fn drop(&mut self) {
        let child = self.0.lock().unwrap().take();
        child.into_iter().for_each(Waker::wake);
    }
}

/// An executor that is polled by hand.
#[derive(Default)]
struct ByHand(RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>);

impl<F: Future<Output = ()> + 'static> Extend<F> for &ByHand {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        self.0
            .borrow_mut()
            .extend(futures.into_iter().map(|future| Box::pin(future) as _));
    }
}

#[test]
fn no_waker_is_dropped_or_woken_while_gather_holds_a_lock() {
    end_if_it_hangs();
    let (ex, child) = (ByHand::default(), Arc::new(Mutex::new(None::<Waker>)));
    let keeps = Arc::clone(&child);
    let never = future::poll_fn(move |cx| {
        *keeps.lock().unwrap() = Some(cx.waker().clone());
        Poll::<Child>::Pending
    });
    let mut together = gather(&ex, [never]);
    let mut driver = ex.0.take().remove(0);
    // Each takes the place of the one before, which is dropped by that.
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(WakesChild(Arc::clone(&child))));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut together).poll(&mut cx).is_pending());
        let waker = Waker::from(Arc::new(WakesChild(Arc::clone(&child))));
        let mut cx = Context::from_waker(&waker);
        assert!(driver.as_mut().poll(&mut cx).is_pending());
    }
    let woken = child.lock().unwrap().clone();
    woken.unwrap().wake();
    drop(driver); // wakes `together`
    panic_of(|| block_on(together)); // its child has gone
}

/// The last child has kept its waker, and the others have shared one.
#[test]
fn a_child_is_woken_by_its_own_waker_only() {
    let kept = RefCell::new(Vec::new());
    run(async |ex| {
        let polls = Rc::new(RefCell::new(Vec::new()));
        let children = (0..6).map(|n| {
            let (polls, kept) = (Rc::clone(&polls), &kept);
            future::poll_fn(move |cx| {
                polls.borrow_mut().push(n);
                if n % 2 == 1 && kept.borrow().len() < 3 {
                    kept.borrow_mut().push(cx.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(n)
            })
        });
        let mut all = gather_all(&ex, children);
        turns(2).await;
        assert_eq!(polls.take(), [0, 1, 2, 3, 4, 5]);
        let wakers = kept.borrow().clone();
        for (n, waker) in [5, 3, 1].into_iter().zip(wakers.into_iter().rev()) {
            waker.wake_by_ref();
            turns(2).await;
            waker.wake(); // it has ended
            turns(2).await;
            assert_eq!(polls.take(), [n]);
        }
        assert_eq!(poll_once(&mut all).await, Some(vec![0, 1, 2, 3, 4, 5]));
    });
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
        assert_eq!(results.next().await, Some((1, Ok("a"))));
        assert_eq!(results.next().await, None);
    });
    assert_eq!(log, "a+ a- a+ a- a+ a-");
}

#[test]
fn results_that_are_no_longer_awaited_are_dropped_when_they_come() {
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
        assert!(results.next().await.unwrap().1.is_ok());
        turns(8).await; // two more are there
        results.detach();
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

/// Fails, or never ends.
async fn fails_or_waits(drops: Drops, n: usize) -> Child {
    let _guard = drops.guard();
    if n == 0 {
        Err("failed")
    } else {
        pending().await
    }
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
            panic!("gather started");
            #[allow(unreachable_code)]
            Child::Ok("")
        };
        drop((started, fresh, gather(&ex, [never])));
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

        // After the first error, too.
        let mut failed = gather(&ex, [1, 0].map(|n| fails_or_waits(drops.clone(), n)));
        assert_eq!((&mut failed).await, Err("failed"));
        turns(3).await;
        assert_eq!(drops.count(), 5);
        failed.cancel().await;
        assert_eq!(drops.count(), 6);

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
        let results: Vec<_> = as_completed(&ex, children()).collect().await;
        assert!(results.into_iter().eq((0..N).rev().map(|n| (n, Ok(n)))));
        let mut tasks: Vec<_> = children().map(|child| ex.spawn(child)).collect();
        let done = wait::first_exception(&mut tasks).await;
        assert_eq!((done.len(), tasks.len()), (N, 0));
    });
}

// ----------------------------------------------------------------------------------------- wait

/// A panic, and a task whose executor has gone.
#[test]
fn a_panic_is_an_exception_for_wait() {
    let log = log_of(async |case| {
        let mut tasks = case.tasks([("a", 20, Ok), ("b", 0, Ok)]);
        tasks.insert(1, case.ex.spawn(panics_after(2)));
        let mut done = wait::first_exception(&mut tasks).await;
        assert!(done.iter().map(|(index, _)| *index).eq([1, 2]));
        assert_eq!(done.pop().unwrap().1.unwrap(), Ok("b"));
        assert_eq!(done[0].1.as_ref().unwrap_err().downcast_ref(), Some(&Quiet));
        tasks.push(LocalExecutor::new().spawn(pending()));
        let done = wait::first_exception(&mut tasks).await;
        assert!(matches!(done[..], [(1, Err(_))]));
        case.log("looked");
        for task in tasks {
            case.log(show(task.await));
        }
    });
    assert_eq!(log, "a+ b+ b- looked a- a");
}

/// Values, errors and panics that have been looked at stay with the tasks.
#[test]
fn a_wait_that_is_dropped_half_way_loses_no_task_and_no_output() {
    let log = log_of(async |case| {
        let mut tasks = case.tasks([("a", 3, Ok), ("b", 9, Ok)]);
        tasks.push(case.ex.spawn(panics_after(2)));
        let mut wait = wait::all_completed(&mut tasks);
        for _ in 0..6 {
            assert!(poll_once(&mut wait).await.is_none());
            turns(1).await;
        }
        drop(wait);
        assert!(tasks[0].is_finished() && !tasks[1].is_finished() && tasks[2].is_finished());
        let limited = wait::all_completed(&mut tasks).timeout(Duration::ZERO);
        let [(0, Ok(Ok("a"))), (2, Err(panic))] = &limited.await[..] else {
            panic!("lost");
        };
        assert_eq!(panic.downcast_ref(), Some(&Quiet));
        let done = wait::first_completed(&mut tasks).await;
        case.show(done, &tasks);
    });
    assert_eq!(log, "a+ b+ a- b- done b 0 pending");
}

#[test]
fn the_deadline_of_wait_counts_from_the_call() {
    run(async |ex| {
        let mut tasks = vec![ex.spawn(turns(9))];
        let wait = wait::all_completed(&mut tasks).timeout(Duration::from_millis(20));
        thread::sleep(Duration::from_millis(30));
        assert!(wait.await.is_empty());
        assert_eq!(tasks.len(), 1);

        let (start, limit) = (Instant::now(), Duration::from_millis(60));
        let mut never = vec![ex.spawn(pending::<()>())];
        let wait = wait::first_completed(&mut never).timeout(limit);
        assert!(wait.await.is_empty());
        assert!(start.elapsed() >= limit);
        let wait = wait::all_completed(&mut tasks).timeout(Duration::MAX);
        assert_eq!(wait.await.len(), 1);
    });
}

#[test]
fn a_waker_may_own_the_executor_of_the_tasks_that_are_waited_for() {
    struct Owner(#[allow(dead_code, reason = "dropping it matters")] smol::Executor<'static>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let executor = smol::Executor::new();
    let mut tasks = vec![executor.spawn(pending::<()>()), smol::spawn(pending())];
    let mut wait = wait::first_completed(&mut tasks);
    let waker = Waker::from(Arc::new(Owner(executor)));
    let mut first = Context::from_waker(&waker);
    assert!(Pin::new(&mut wait).poll(&mut first).is_pending());
    drop(waker);
    // Drops the last reference to the executor, which wakes its task, which tells `wait`.
    let mut second = Context::from_waker(Waker::noop());
    end_if_it_hangs();
    assert!(Pin::new(&mut wait).poll(&mut second).is_pending());
    let done = block_on(wait);
    assert_eq!((done.len(), tasks.len()), (1, 1));
}

#[test]
fn wait_takes_tasks_of_any_executor() {
    let mut tasks = [3, 1, 2].map(|n| smol::spawn(async move { n })).into();
    let done = block_on(wait::all_completed(&mut tasks)).into_iter();
    assert!(done.map(|(_, result)| result.unwrap()).eq([3, 1, 2]));
}

// --------------------------------------------------------------------------------- as_completed

#[test]
fn a_panic_is_an_item_of_as_completed() {
    let log = log_of(async |case| {
        let panics = case.ex.spawn(panics_after::<Child>(3));
        let tasks = [case.spawn("a", 9, Ok), panics, case.spawn("b", 0, Ok)];
        let mut results = as_completed(&case.ex, tasks);
        assert_eq!(results.size_hint(), (3, Some(3)));
        assert_eq!(results.next().await, Some((2, Ok("b"))));
        assert!(is_quiet_panic(results.next()).await);
        assert_eq!(results.size_hint(), (1, Some(1)));
        assert_eq!(results.next().await, Some((0, Ok("a"))));
        assert_eq!(results.next().await, None);
        assert_eq!(results.next().await, None);
    });
    assert_eq!(log, "a+ b+ b- a-");
}

#[test]
fn as_completed_starts_without_being_awaited_and_ends_when_it_is_dropped() {
    let log = log_of(async |case| {
        let children = [("a", 3), ("b", 0), ("c", 99)].map(|(name, n)| case.child(name, n, Ok));
        let mut results = as_completed(&case.ex, children);
        case.log("main");
        turns(9).await;
        assert_eq!(results.next().await, Some((1, Ok("b"))));
        assert_eq!(results.next().await, Some((0, Ok("a"))));
        drop(results);
        case.log("dropped");
        turns(2).await;
        case.log("later");
    });
    assert_eq!(log, "main a+ b+ b- c+ a- dropped cx later");
}
