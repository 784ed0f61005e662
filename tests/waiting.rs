//! `run`, `gather`, `wait` and `as_completed`: first the cases that are also in Python, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::as_completed::as_completed;
use asyncio_to_smol::gather::{gather, gather_all};
use asyncio_to_smol::queue::Closed;
use asyncio_to_smol::task_group::ErrorGroup;
use asyncio_to_smol::wait::{self, Wait};
use cases::{Case, Child, Drops, End, OnDrop, Quiet, log_of, panic_of, run, show, turns};
use smol::future::{self, FutureExt, block_on, pending, poll_once, yield_now};
use smol::stream::{Stream, StreamExt};
use smol::{LocalExecutor, Task, Timer};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

cases! {
    "waiting/with_asyncio.py";
    gather_starts_without_being_awaited_and_keeps_the_order: "main a+ b+ c+ c- b- a- a b c",
    gather_returns_the_error_that_came_first_and_the_rest_runs_on:
        "a+ b+ c+ d+ b! c! E(b) d- a!",
    cancelling_gather_cancels_its_children: "a+ b+ c+ b- asked ax cx cancelled",
    wait_for_all: "a+ b+ b! c+ c- a- done a done E(b) done c 0 pending",
    wait_for_the_first_again_and_again:
        "a+ b+ c+ b- done b 2 pending c! done E(c) 1 pending a- done a 0 pending",
    wait_for_the_first_and_the_turns_after_it:
        "b+ b- a+ a- done b done a 0 pending b+ b- a+ a- done b done a 0 pending \
         b+ b- a+ done b 1 pending a- b+ b- a+ done b 1 pending a- \
         b+ a+ b- a- done b done a 0 pending b+ a+ b- a- done b done a 0 pending \
         b+ a+ b- done b 1 pending a- b+ a+ b- done b 1 pending a-",
    wait_for_the_first_error: "a+ b+ c+ a- b! done a done E(b) 1 pending cx",
    wait_with_no_time_gives_what_can_end_at_once: "a+ a- b+ c+ c! done a done E(c) 1 pending bx",
    wait_until_time_is_up: "a+ b+ b- done b 1 pending ax",
    as_completed_in_one_turn: "a+ b+ c+ d+ b- d- a- c- got b got d got a got c",
    as_completed_gives_errors_as_items: "a+ a! b+ got E(a) b- got b",
    as_completed_stopped_early: "a+ a- b+ got a b-",
}

/// The arguments of [`Case::child`].
type Spec = (&'static str, usize, End);

impl Case {
    fn children(&self, specs: &[Spec]) -> Vec<impl Future<Output = Child> + use<>> {
        let child = |&(name, n, end): &Spec| self.child(name, n, end);
        specs.iter().map(child).collect()
    }

    fn tasks(&self, specs: &[Spec]) -> Vec<Task<Child>> {
        let children = self.children(specs).into_iter();
        children.map(|child| self.ex.spawn(child)).collect()
    }

    fn show(&self, done: Vec<(usize, thread::Result<Child>)>, pending: &[Task<Child>]) {
        for (_, result) in done {
            self.log(format_args!("done {}", show(result.unwrap())));
        }
        self.log(format_args!("{} pending", pending.len()));
    }

    async fn log_each(&self, specs: &[Spec]) {
        let mut results = as_completed(&self.ex, self.tasks(specs));
        while let Some((_, result)) = results.next().await {
            self.log(format_args!("got {}", show(result)));
        }
    }
}

async fn gather_starts_without_being_awaited_and_keeps_the_order(case: Case) {
    let children = case.children(&[("a", 6, Ok), ("b", 3, Ok), ("c", 0, Ok)]);
    let together = gather(&case.ex, children);
    case.log("main");
    turns(20).await;
    case.log(together.await.unwrap().join(" "));
}

async fn gather_returns_the_error_that_came_first_and_the_rest_runs_on(case: Case) {
    let children = case.children(&[("a", 12, Err), ("b", 2, Err), ("c", 2, Err), ("d", 8, Ok)]);
    case.log(show(gather(&case.ex, children).await.map(|_| "no error")));
    turns(20).await;
}

async fn cancelling_gather_cancels_its_children(case: Case) {
    let children = case.children(&[("a", 1000, Ok), ("b", 1, Ok), ("c", 1000, Ok)]);
    let together = gather(&case.ex, children);
    turns(5).await;
    let cancelled = together.cancel();
    case.log("asked");
    if cancelled.await.is_none() {
        case.log("cancelled");
    }
}

async fn wait_for_all(case: Case) {
    let mut tasks = case.tasks(&[("a", 6, Ok), ("b", 0, Err), ("c", 3, Ok)]);
    case.show(wait::all_completed(&mut tasks).await, &tasks);
}

async fn wait_for_the_first_again_and_again(case: Case) {
    let mut tasks = case.tasks(&[("a", 24, Ok), ("b", 2, Ok), ("c", 12, Err)]);
    while !tasks.is_empty() {
        case.show(wait::first_completed(&mut tasks).await, &tasks);
    }
}

/// `a` ends `n` turns after `b`. `b` has ended before the wait, or ends during it.
async fn wait_for_the_first_and_the_turns_after_it(case: Case) {
    for b in [0, 3] {
        for n in 0..4 {
            let mut tasks = case.tasks(&[("b", b, Ok)]);
            if b == 0 {
                turns(3).await;
            }
            tasks.push(case.spawn("a", b + n, Ok));
            case.show(wait::first_completed(&mut tasks).await, &tasks);
            turns(9).await;
        }
    }
}

async fn wait_for_the_first_error(case: Case) {
    let mut tasks = case.tasks(&[("a", 2, Ok), ("b", 12, Err), ("c", 24, Ok)]);
    case.show(wait::first_exception(&mut tasks).await, &tasks);
}

async fn wait_with_no_time_gives_what_can_end_at_once(case: Case) {
    let mut tasks = case.tasks(&[("a", 0, Ok), ("b", 1000, Ok), ("c", 0, Err)]);
    let wait = wait::all_completed(&mut tasks).timeout(Duration::ZERO);
    case.show(wait.await, &tasks);
}

async fn wait_until_time_is_up(case: Case) {
    let mut tasks = case.tasks(&[("a", usize::MAX, Ok), ("b", 3, Ok)]);
    let wait = wait::all_completed(&mut tasks).timeout(Duration::from_millis(200));
    case.show(wait.await, &tasks);
}

async fn as_completed_in_one_turn(case: Case) {
    case.log_each(&[("a", 2, Ok), ("b", 1, Ok), ("c", 2, Ok), ("d", 1, Ok)])
        .await;
}

async fn as_completed_gives_errors_as_items(case: Case) {
    case.log_each(&[("a", 0, Err), ("b", 8, Ok)]).await;
}

async fn as_completed_stopped_early(case: Case) {
    let children = case.children(&[("a", 0, Ok), ("b", 8, Ok)]);
    let mut results = as_completed(&case.ex, children);
    let (_, first) = results.next().await.unwrap();
    case.log(format_args!("got {}", show(first)));
    results.detach();
    turns(20).await;
}

#[test]
fn with_no_children_all_are_ready_at_once() {
    run(async |ex| {
        let nothing = || [] as [Task<Child>; 0];
        assert_eq!(poll_once(gather(&ex, nothing())).await, Some(Ok(vec![])));
        assert_eq!(poll_once(gather_all(&ex, nothing())).await, Some(vec![]));
        let mut results = as_completed(&ex, nothing());
        assert_eq!(poll_once(results.next()).await, Some(None));
        let done = poll_once(wait::all_completed(&mut Vec::from(nothing()))).await;
        assert!(done.is_some_and(|done| done.is_empty()));
    });
}

#[test]
fn send_and_sync() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<(Wait<'static, u8>, ErrorGroup<u8>, Closed<u8>)>();
    is_sync::<(ErrorGroup<u8>, Closed<u8>)>();
}

/// `future`, and something that is dropped with it.
async fn holding<T>(_guard: impl Sized, future: impl Future<Output = T>) -> T {
    future.await
}

async fn panics_after<T>(n: usize) -> T {
    turns(n).await;
    panic_any(Quiet)
}

fn one_of_three_panics_when_dropped(drops: &Drops) -> [impl Future<Output = Child> + use<>; 3] {
    [0, 1, 2].map(|n| {
        let panics = OnDrop::new(move || assert!(n != 1, "one of three, in a test"));
        holding((drops.guard(), panics), pending())
    })
}

/// Whether awaiting `future` panics with `Quiet`.
async fn is_quiet_panic<T>(future: impl Future<Output = T>) -> bool {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => false,
        Err(panic) => panic.downcast_ref() == Some(&Quiet),
    }
}

// ------------------------------------------------------------------------------------------ run

#[test]
fn run_drops_every_kind_of_leftover_before_it_returns() {
    let drops = Drops::default();
    let (handle, together, mut results) = run(async |ex| {
        let timer = Timer::after(Duration::from_secs(1000));
        ex.spawn(holding(drops.guard(), timer)).detach();
        let inner = ex.spawn(drops.forever::<()>());
        ex.spawn(holding(drops.guard(), inner)).detach();
        let spawner = ex.clone();
        let cycle = async move { spawner.spawn(pending::<()>()).await };
        ex.spawn(holding(drops.guard(), cycle)).detach();
        turns(3).await;
        ex.spawn(drops.forever::<()>()).detach(); // has not been polled when `main` ends
        let together = gather(&ex, [drops.forever::<Child>(), drops.forever()]);
        let results = as_completed(&ex, [drops.forever::<()>()]);
        assert_eq!(drops.count(), 0);
        (ex.spawn(drops.forever::<()>()), together, results)
    });
    assert_eq!(drops.count(), 9);
    assert_eq!(block_on(handle.fallible()), None);
    panic_of(|| block_on(together));
    panic_of(|| block_on(results.next()));
}

#[test]
#[cfg(target_os = "linux")]
fn run_sleeps_when_no_task_can_run() {
    let cpu_time = || {
        let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(times.split(' ').next().unwrap().parse().unwrap())
    };
    let before = cpu_time();
    run(async |ex| {
        let _waiting = ex.spawn(pending::<()>());
        ex.spawn(Timer::after(Duration::from_millis(300))).await;
    });
    let took = cpu_time() - before;
    assert!(took < Duration::from_millis(30), "{took:?} of 300 ms");
}

#[test]
fn no_task_is_polled_after_the_end_of_main() {
    let polls = Cell::new(0);
    let at_the_end = run(async |ex| {
        let counts = future::poll_fn(|cx| {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        ex.spawn(counts).detach();
        turns(5).await;
        polls.get()
    });
    assert_eq!(polls.get(), at_the_end);
}

/// Dropping a `LocalExecutor` misses a task that is being woken at that moment, once in some
/// thousand times.
#[test]
fn a_task_that_another_thread_is_waking_at_the_end_is_dropped_too() {
    let (waker, stop) = (Mutex::new(None::<Waker>), AtomicBool::new(false));
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
            let woken = future::poll_fn(|cx| {
                *waker.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            });
            run(async |ex| {
                ex.spawn(holding(drops.guard(), woken)).detach();
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
        for child in one_of_three_panics_when_dropped(&drops) {
            ex.spawn(child).detach();
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
            panics_after::<()>(2).await;
        })
    });
    assert_eq!(panic.downcast_ref(), Some(&Quiet));
    assert_eq!(drops.count(), 1);
    assert_eq!(run(async |_| 5), 5); // the thread can go on
}

#[test]
fn run_inside_run_is_refused() {
    let panic = panic_of(|| run(async |_| run(async |_| ())));
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.starts_with("`run` inside `run`"), "{message}");
    // On another thread it is not.
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
        let (spawner, refused) = (ex.clone(), Rc::clone(&refused));
        let spawns = OnDrop::new(move || refused.set(spawner.spawn(turns(1)).is_finished()));
        ex.spawn(holding(spawns, pending::<()>())).detach();
        turns(2).await;
    });
    assert!(refused.get());
}

// --------------------------------------------------------------------------------------- gather

/// It is the first error. After an error it has no effect. `gather_all` first waits for the others.
#[test]
fn a_panic_in_a_child_of_gather() {
    let log = log_of(async |case| {
        let tasks = |end: End| {
            let panics = case.ex.spawn(panics_after(6));
            vec![case.spawn("a", 1, end), panics, case.spawn("b", 20, Ok)]
        };
        assert!(is_quiet_panic(gather(&case.ex, tasks(Ok))).await);
        case.log("panic");
        turns(30).await;
        assert_eq!(gather(&case.ex, tasks(Err)).await, Err("a"));
        turns(30).await;
        let mut tasks = tasks(Ok);
        tasks.push(case.ex.spawn(async { panic_any("second in the input") }));
        assert!(is_quiet_panic(gather_all(&case.ex, tasks)).await);
        case.log("panic");
    });
    assert_eq!(log, "a+ b+ a- panic b- a+ b+ a! b- a+ b+ a- b- panic");
}

/// Every second child keeps its waker. The others share one.
#[test]
fn a_child_is_woken_by_its_own_waker_only() {
    let (kept, polls) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    run(async |ex| {
        let children = (0..6).map(|n| {
            let (kept, polls) = (&kept, &polls);
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
        for n in [5, 3, 1] {
            let waker = kept.borrow()[n / 2].clone();
            waker.wake_by_ref();
            turns(2).await;
            waker.wake(); // it has ended
            turns(2).await;
            assert_eq!(polls.take(), [n]);
        }
        assert_eq!(poll_once(&mut all).await, Some(vec![0, 1, 2, 3, 4, 5]));
    });
}

#[test]
fn a_destructor_that_panics_is_the_panic_of_its_child_only() {
    let log = log_of(async |case| {
        let ex = &case.ex;
        let children = || {
            let guard = OnDrop::new(|| panic_any(Quiet));
            let panics = future::poll_fn(move |_| {
                let _held = &guard;
                Poll::Ready(Ok("done"))
            });
            [panics.boxed_local(), case.child("a", 5, Ok).boxed_local()]
        };
        assert!(is_quiet_panic(gather(ex, children())).await);
        turns(9).await;
        assert!(is_quiet_panic(gather_all(ex, children())).await);
        let mut results = as_completed(ex, children());
        assert_eq!(results.size_hint(), (2, Some(2)));
        assert!(is_quiet_panic(results.next()).await);
        assert_eq!(results.size_hint(), (1, Some(1)));
        assert_eq!(results.next().await, Some((1, Ok("a"))));
        assert_eq!(results.next().await, None);
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

        let mut results = as_completed(&ex, children());
        turns(2).await;
        assert!(results.next().await.unwrap().1.is_ok());
        turns(8).await; // two more are there
        results.detach();
        turns(20).await;
        assert_eq!(drops.count(), 10);

        // A result whose destructor panics does not stop the other children.
        let children = (0..3).map(|n| {
            let drops = drops.clone();
            async move {
                turns(3 * n).await;
                let panics = OnDrop::new(move || assert!(n != 1, "one of three, in a test"));
                Err::<(), _>((drops.guard(), panics))
            }
        });
        drop(gather(&ex, children).await);
        turns(20).await;
        assert_eq!(drops.count(), 13);
    });
}

#[test]
fn dropping_gather_drops_the_children_by_the_next_turn() {
    let is_started = Cell::new(false);
    run(async |ex| {
        let drops = Drops::default();
        let running = gather(&ex, one_of_three_panics_when_dropped(&drops));
        turns(3).await;
        let starts = holding(drops.guard(), async { is_started.set(true) });
        drop((running, gather_all(&ex, [starts])));
        assert_eq!(drops.count(), 0, "as with every task");
        turns(1).await;
        assert_eq!(drops.count(), 4);

        let error = future::ready(Child::Err("failed"));
        let children = [drops.forever().boxed_local(), error.boxed_local()];
        let mut failed = gather(&ex, children);
        assert_eq!((&mut failed).await, Err("failed"));
        turns(3).await;
        assert_eq!(drops.count(), 4);
        failed.cancel().await;
        assert_eq!(drops.count(), 5);

        // What is there already is not lost by cancelling.
        for result in [Ok("a"), Err("b")] {
            let ready = gather(&ex, [future::ready(result)]);
            turns(3).await;
            assert_eq!(ready.cancel().await, Some(result.map(|a| vec![a])));
        }
    });
    assert!(!is_started.get());
}

/// Even if they are woken twice.
#[test]
fn children_that_yield_are_polled_once_a_turn_and_in_order() {
    let log = log_of(async |case| {
        let polls = |name| {
            let case = case.clone();
            async move {
                for _ in 0..3 {
                    case.log(name);
                    let waker = future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                    waker.wake();
                    yield_now().await;
                }
            }
        };
        let together = gather_all(&case.ex, ["a", "b", "c"].map(polls));
        case.ex.spawn(polls("other")).await;
        together.await;
    });
    assert_eq!(log, "a b c other a b c other a b c other");
}

/// The last in the input ends first.
#[test]
fn a_hundred_thousand_children_that_end_one_by_one() {
    const N: usize = 100_000;
    let children = || {
        let left = Rc::new(Cell::new(N));
        let wakers = Rc::new(RefCell::new(vec![None::<Waker>; N]));
        (0..N).map(move |n| {
            let (left, wakers) = (Rc::clone(&left), Rc::clone(&wakers));
            future::poll_fn(move |cx| {
                if left.get() > n + 1 {
                    wakers.borrow_mut()[n] = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                left.set(n);
                let next = n.checked_sub(1);
                let waker = next.and_then(|next| wakers.borrow_mut()[next].take());
                waker.into_iter().for_each(Waker::wake);
                Poll::Ready(Ok::<_, ()>(n))
            })
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

// ------------------------------------------------------------------------ wait and as_completed

/// A panic, and a task whose executor has been dropped.
#[test]
fn a_panic_is_an_exception_for_wait() {
    let log = log_of(async |case| {
        let mut tasks = case.tasks(&[("a", 20, Ok), ("b", 0, Ok)]);
        tasks.insert(1, case.ex.spawn(panics_after(2)));
        let mut done = wait::first_exception(&mut tasks).await;
        assert!(done.iter().map(|(index, _)| *index).eq([1, 2]));
        assert_eq!(done.pop().unwrap().1.unwrap(), Ok("b"));
        assert_eq!(done[0].1.as_ref().unwrap_err().downcast_ref(), Some(&Quiet));
        tasks.push(LocalExecutor::new().spawn(pending()));
        let done = wait::first_exception(&mut tasks).await;
        assert!(matches!(done[..], [(1, Err(_))]));
        case.log("looked");
        case.show(wait::first_exception(&mut tasks).await, &tasks);
    });
    assert_eq!(log, "a+ b+ b- looked a- done a 0 pending");
}

#[test]
fn a_wait_that_is_dropped_half_way_loses_no_task_and_no_output() {
    let log = log_of(async |case| {
        let mut tasks = case.tasks(&[("a", 3, Ok), ("b", 9, Ok)]);
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
        case.show(wait::first_completed(&mut tasks).await, &tasks);
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
        let wait = wait::all_completed(&mut tasks).timeout(Duration::MAX);
        assert_eq!(wait.await.len(), 1);
    });
}

#[test]
fn as_completed_starts_without_being_awaited_and_ends_when_it_is_dropped() {
    let log = log_of(async |case| {
        let children = case.children(&[("a", 3, Ok), ("b", 0, Ok), ("c", 99, Ok)]);
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
    watchdog::end_if_it_hangs();
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
