//! A loop on a thread of its own: what comes back from it, and how it ends.

#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::loop_thread::{Failed, Handle, LoopThread, StillRunning};
use smol::future::{block_on, pending, poll_once, yield_now};
use smol::{LocalExecutor, Timer, channel};
use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A loop in a test that fails if it hangs.
fn start() -> LoopThread {
    watchdog::end_if_it_hangs();
    LoopThread::start().unwrap()
}

/// What happened, in the order of the events, on whatever thread.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn add(&self, event: impl ToString) {
        self.0.lock().unwrap().push(event.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Tells when it is dropped, and where.
    fn guard(&self, name: &'static str) -> Guard {
        Guard(self.clone(), name)
    }

    /// A future that never ends, with a guard inside.
    fn forever(&self, name: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let guard = self.guard(name);
        async move {
            let _guard = guard;
            pending().await
        }
    }
}

struct Guard(Events, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("without a name");
        self.0.add(format_args!("{} dropped on {thread}", self.1));
    }
}

/// Has the loop stand still until the sender is dropped.
fn block(other: &LoopThread) -> (Sender<()>, Handle<()>) {
    let (release, released) = mpsc::channel();
    let (blocks, is_blocked) = mpsc::channel::<()>();
    let call = other.call_soon(move || {
        drop(blocks);
        let _ = released.recv();
    });
    let _ = is_blocked.recv();
    (release, call)
}

fn is_cancelled<T>(result: Result<T, Failed>) -> bool {
    matches!(result, Err(Failed::Cancelled))
}

fn panic_message<T>(result: Result<T, Failed>) -> String {
    match result {
        Err(Failed::Panicked(panic)) => panic.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it did not panic"),
    }
}

// ------------------------------------------------------------------------------------ what comes back

#[test]
fn calls_and_tasks_start_in_order_on_the_loops_thread() {
    let (other, events) = (start(), Events::default());
    let log = |name: String| {
        let events = events.clone();
        move || {
            let thread = thread::current();
            events.add(format_args!("{name} on {}", thread.name().unwrap()));
        }
    };
    let mut last = None;
    for n in 0..3 {
        other.call_soon(log(format!("call {n}")));
        let log = log(format!("task {n}"));
        last = Some(other.spawn(async move { log() }));
    }
    last.unwrap().join().unwrap();
    // A task starts in the turn after the one that spawns it.
    let (calls, tasks): (Vec<_>, Vec<_>) =
        (events.take().into_iter()).partition(|event| event.starts_with("call"));
    assert_eq!(calls, [0, 1, 2].map(|n| format!("call {n} on loop")));
    assert_eq!(tasks, [0, 1, 2].map(|n| format!("task {n} on loop")));
}

#[test]
fn nothing_is_waited_for_while_the_loop_is_busy() {
    let other = start();
    let (release, _) = block(&other);
    let call = other.call_soon(|| 1);
    let task = other.spawn(async { 2 });
    assert!(!call.is_finished() && !task.is_finished());
    drop(release);
    assert_eq!((call.join().unwrap(), task.join().unwrap()), (1, 2));
}

#[test]
fn tasks_run_together_and_between_calls() {
    let other = start();
    let (sender, receiver) = channel::bounded::<u32>(1);
    let receives = other.spawn(async move { receiver.recv().await });
    let sends = other.spawn(async move { sender.send(5).await });
    assert_eq!(receives.join().unwrap(), Ok(5));
    assert_eq!(sends.join().unwrap(), Ok(()));

    // However many calls there are, the tasks have a turn after each.
    let (release, _) = block(&other);
    let turns = Arc::new(Mutex::new(0));
    let task = other.spawn({
        let turns = turns.clone();
        async move {
            loop {
                *turns.lock().unwrap() += 1;
                yield_now().await;
            }
        }
    });
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let turns = turns.clone();
            other.call_soon(move || *turns.lock().unwrap())
        })
        .collect();
    drop(release);
    let seen: Vec<i32> = calls.into_iter().map(|call| call.join().unwrap()).collect();
    assert!(seen.is_sorted() && seen[99] - seen[0] >= 99, "{seen:?}");
    drop::<Handle<()>>(task);
}

#[test]
fn errors_and_panics_come_back_and_the_loop_goes_on() {
    let other = start();
    let task = other.spawn(async { "x".parse::<u32>() });
    assert_eq!(
        task.join().unwrap().unwrap_err().to_string(),
        "invalid digit found in string"
    );
    let call = other.call_soon(|| -> u32 { panic!("call number {}", 1) });
    assert_eq!(panic_message(call.join()), "call number 1");
    let task = other.spawn(async {
        yield_now().await;
        panic!("a task")
    });
    assert_eq!(panic_message::<()>(task.join()), "a task");
    let make = |_| -> std::future::Ready<()> { panic!("before there is a task") };
    assert_eq!(
        panic_message(other.spawn_with(make).join()),
        "before there is a task"
    );
    let destructor = other.spawn(async {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("a destructor")
            }
        }
        let _panics = Panics;
        yield_now().await;
    });
    assert_eq!(panic_message(destructor.join()), "a destructor");
    let Err(Failed::Panicked(panic)) = other.call_soon(|| panic_any(7)).join() else {
        panic!("it did not panic");
    };
    assert_eq!(panic.to_string(), "with something that is no message");
    assert_eq!(panic.into_payload().downcast_ref(), Some(&7));
    assert_eq!(other.call_soon(|| 5).join().unwrap(), 5);
}

#[test]
fn a_handle_can_be_awaited_on_any_executor_and_joined_on_any_thread() {
    let (one, two) = (start(), start());
    let handle = |n: u32| {
        one.spawn(async move {
            Timer::after(Duration::from_millis(1)).await;
            n
        })
    };
    assert_eq!(block_on(handle(1)).unwrap(), 1);
    let executor = LocalExecutor::new();
    let task = executor.spawn(handle(2));
    assert_eq!(block_on(executor.run(task)).unwrap(), 2);
    assert_eq!(two.spawn(handle(3)).join().unwrap().unwrap(), 3);
    let sent = handle(4);
    assert_eq!(thread::spawn(|| sent.join()).join().unwrap().unwrap(), 4);
    // Begun in one place, ended in another.
    let mut moved = handle(5);
    assert!(block_on(poll_once(&mut moved)).is_none());
    assert_eq!(two.spawn(moved).join().unwrap().unwrap(), 5);
}

#[test]
fn what_belongs_to_a_thread_is_made_there() {
    let other = start();
    let task = other.spawn_with(|ex| {
        let stays = Rc::new(5);
        async move {
            let same = Rc::clone(&stays);
            let child = ex.spawn(async move { *same + 1 });
            child.await + *stays
        }
    });
    assert_eq!(task.join().unwrap(), 11);
}

#[test]
fn a_dropped_handle_cancels_nothing() {
    let other = start();
    let (sender, receiver) = mpsc::channel();
    let task_sender = sender.clone();
    let (release, _) = block(&other);
    drop(other.call_soon(move || sender.send("call")));
    drop(other.spawn(async move {
        yield_now().await;
        task_sender.send("task")
    }));
    drop(release);
    assert_eq!(receiver.recv_timeout(LONG), Ok("call"));
    assert_eq!(receiver.recv_timeout(LONG), Ok("task"));
}

#[test]
fn a_loop_can_be_shared_and_its_errors_too() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<LoopThread>();
    shared::<Handle<u32>>();
    shared::<Failed>();
    let other = start();
    let sum: u32 = thread::scope(|scope| {
        let threads = [1, 2, 3].map(|n| {
            scope.spawn({
                let other = &other;
                move || other.call_soon(move || n).join().unwrap()
            })
        });
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(sum, 6);
}

#[test]
fn the_loops_own_thread_cannot_wait_for_the_loop() {
    let other = Arc::new(start());
    let same = Arc::clone(&other);
    let task = other.spawn(async move {
        let done = same.call_soon(|| 5);
        while !done.is_finished() {
            yield_now().await;
        }
        let is_done = done.join();
        let is_not_done = same.call_soon(|| 6).join();
        let awaited = same.call_soon(|| 7).await;
        (is_done, is_not_done, awaited)
    });
    let (is_done, is_not_done, awaited) = task.join().unwrap();
    assert_eq!(is_done.unwrap(), 5);
    assert!(matches!(is_not_done, Err(Failed::OwnThread)));
    assert_eq!(awaited.unwrap(), 7);
}

// --------------------------------------------------------------------------------------- cancelling

#[test]
fn when_a_handle_says_cancelled_the_destructors_have_run() {
    let (other, events) = (start(), Events::default());
    let task = other.spawn(events.forever("task"));
    other.call_soon(|| ()).join().unwrap();
    assert_eq!(events.take(), [""; 0]);
    task.cancel();
    assert!(is_cancelled(task.join()));
    assert_eq!(events.take(), ["task dropped on loop"]);

    // The same before they start.
    let (release, _) = block(&other);
    let task = other.spawn(events.forever("task"));
    let guard = events.guard("call");
    let call = other.call_soon(move || guard.0.add("called"));
    let made_events = events.clone();
    let made = other.spawn_with(move |_| {
        made_events.add("made");
        pending::<()>()
    });
    task.cancel();
    call.cancel();
    made.cancel();
    assert!(!task.is_finished() && !call.is_finished());
    drop(release);
    assert!(is_cancelled(task.join()));
    assert!(is_cancelled(call.join()));
    assert!(is_cancelled(made.join()));
    assert_eq!(
        events.take(),
        ["task dropped on loop", "call dropped on loop"]
    );
}

#[test]
fn what_has_begun_or_ended_is_not_cancelled_any_more() {
    let other = start();
    let (release, call) = block(&other);
    call.cancel();
    drop(release);
    call.join().unwrap();

    let task = other.spawn(async { 5 });
    other.call_soon(|| ()).join().unwrap();
    while !task.is_finished() {
        thread::yield_now();
    }
    task.cancel();
    assert_eq!(task.join().unwrap(), 5);
}

// ---------------------------------------------------------------------------------------- the end

#[test]
fn stop_cancels_the_tasks_and_waits_until_their_destructors_have_run() {
    let (other, events) = (start(), Events::default());
    let task = other.spawn(events.forever("task"));
    let child_events = events.clone();
    other.spawn_with(|ex| async move {
        ex.spawn(child_events.forever("child")).detach();
    });
    other.call_soon(|| ()).join().unwrap();
    assert_eq!(other.stop(LONG), Ok(()));
    let mut dropped = events.take();
    dropped.sort_unstable();
    assert_eq!(dropped, ["child dropped on loop", "task dropped on loop"]);
    assert!(is_cancelled(task.join()));
}

#[test]
fn what_is_in_the_queue_when_the_loop_is_stopped_is_dropped() {
    let (other, events) = (start(), Events::default());
    let (release, busy) = block(&other);
    let guard = events.guard("call");
    let call = other.call_soon(move || guard.0.add("called"));
    let task = other.spawn(events.forever("task"));
    assert_eq!(other.stop(Duration::ZERO), Err(StillRunning));
    drop(release);
    assert!(is_cancelled(call.join()));
    assert!(is_cancelled(task.join()));
    assert_eq!(
        events.take(),
        ["call dropped on loop", "task dropped on loop"]
    );
    busy.join().unwrap();
}

#[test]
fn dropping_a_loop_stops_it() {
    let (other, events) = (start(), Events::default());
    let task = other.spawn(events.forever("task"));
    other.call_soon(|| ()).join().unwrap();
    drop(other);
    assert_eq!(events.take(), ["task dropped on loop"]);
    assert!(is_cancelled(task.join()));
}

#[test]
fn a_loop_that_is_busy_is_left_behind_and_ends_when_it_can() {
    let (other, events) = (start(), Events::default());
    let task = other.spawn(events.forever("task"));
    let (release, _) = block(&other);
    let begin = Instant::now();
    assert_eq!(other.stop(Duration::from_millis(50)), Err(StillRunning));
    assert!(begin.elapsed() < LONG);
    assert!(!task.is_finished());
    assert_eq!(events.take(), [""; 0]);
    drop(release);
    assert!(is_cancelled(task.join()));
    assert_eq!(events.take(), ["task dropped on loop"]);
}

#[test]
fn dropping_a_busy_loop_waits_for_a_limited_time() {
    let other = start();
    let (release, busy) = block(&other);
    let begin = Instant::now();
    drop(other);
    let limit = asyncio_to_smol::loop_thread::DROP_LIMIT;
    assert!((limit..limit * 2).contains(&begin.elapsed()));
    drop(release);
    busy.join().unwrap();
}

#[test]
fn a_loop_dropped_by_its_own_task_ends_after_that_turn() {
    let (other, events) = (Arc::new(start()), Events::default());
    let task = other.spawn(events.forever("task"));
    let (own, own_events) = (Arc::clone(&other), events.clone());
    let (drop_it, dropped) = channel::bounded::<()>(1);
    let dropping = other.spawn(async move {
        let _ = dropped.recv().await;
        drop(own);
        own_events.add("went on to the end of its turn");
        yield_now().await;
        own_events.add("went on too far");
    });
    drop(other);
    drop(drop_it);
    assert!(is_cancelled(dropping.join()));
    assert!(is_cancelled(task.join()));
    assert_eq!(
        events.take(),
        ["went on to the end of its turn", "task dropped on loop"]
    );
}

#[test]
fn a_loop_dropped_by_its_own_call_ends_after_that_call() {
    let events = Events::default();
    let other = Arc::new(start());
    let task = other.spawn(events.forever("task"));
    let (release, _) = block(&other);
    let own = Arc::clone(&other);
    let call = other.call_soon(move || {
        drop(own);
        5
    });
    let too_late = other.call_soon(|| 6);
    drop(other);
    drop(release);
    assert_eq!(call.join().unwrap(), 5);
    assert!(is_cancelled(too_late.join()));
    assert!(is_cancelled(task.join()));
}

#[test]
fn a_loop_can_be_stopped_by_its_own_task() {
    let slot = Arc::new(Mutex::new(Some(start())));
    let other = slot.lock().unwrap().take().unwrap();
    let own = Arc::clone(&slot);
    let (told, result) = mpsc::channel();
    let (go, gone) = channel::bounded::<()>(1);
    let task = other.spawn(async move {
        let _ = gone.recv().await;
        let own = own.lock().unwrap().take().unwrap();
        told.send(own.stop(Duration::MAX)).unwrap();
    });
    *slot.lock().unwrap() = Some(other);
    drop(go);
    assert_eq!(result.recv_timeout(LONG), Ok(Err(StillRunning)));
    task.join().unwrap();
}

#[test]
fn a_loop_dropped_by_a_destructor_of_its_own_task_ends() {
    let other = Arc::new(start());
    let own = Arc::clone(&other);
    let task = other.spawn(async move {
        let _own = own;
        pending::<()>().await
    });
    other.call_soon(|| ()).join().unwrap();
    task.cancel();
    drop(other);
    assert!(is_cancelled(task.join()));
}

#[test]
fn two_loops_that_own_each_other_end() {
    let (one, two) = (Arc::new(Mutex::new(None)), start());
    let (go, gone) = channel::bounded::<()>(1);
    let owner_of_one = Arc::clone(&one);
    let in_two = two.spawn(async move {
        let _one = owner_of_one;
        pending::<()>().await
    });
    two.call_soon(|| ()).join().unwrap();
    let loop_one = start();
    let in_one = loop_one.spawn(async move {
        let _ = gone.recv().await;
        two.stop(Duration::from_millis(100))
    });
    *one.lock().unwrap() = Some(loop_one);
    drop(one); // now only the task in loop two has it
    drop(go);
    // Loop two waits for loop one, which waits for loop two, but not for ever.
    assert_eq!(in_one.join().unwrap(), Err(StillRunning));
    assert!(is_cancelled(in_two.join()));
}

/// Panics when it is dropped.
struct Bomb;

/// What it panics with.
struct Meant;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Meant)
    }
}

#[test]
fn a_destructor_that_panics_does_not_end_the_loop() {
    let (other, events) = (start(), Events::default());
    other.spawn(events.forever("task"));
    let (release, _) = block(&other);
    // Of a call and of a task that are cancelled, of values that nobody wants, of a panic's payload.
    let bomb = Bomb;
    other.call_soon(move || drop(bomb)).cancel();
    let bomb = Bomb;
    let task = async move {
        let _bomb = bomb;
        pending::<()>().await
    };
    other.spawn(task).cancel();
    drop(other.call_soon(|| Bomb));
    drop(other.spawn_with(|_| async { Bomb }));
    drop(other.call_soon(|| panic_any(Bomb)));
    struct BombInside;
    impl Drop for BombInside {
        fn drop(&mut self) {
            panic_any(Bomb)
        }
    }
    drop(other.call_soon(|| BombInside));
    let next = other.call_soon(|| 5);
    drop(release);
    assert_eq!(next.join().unwrap(), 5);
    assert_eq!(other.spawn(async { 6 }).join().unwrap(), 6);
    assert_eq!(events.take(), [""; 0]);
}

/// The thread's variables are dropped when its loop has ended.
#[test]
#[cfg(target_os = "linux")]
fn the_time_limit_includes_the_threads_own_variables() {
    struct Slow(mpsc::Receiver<()>);
    impl Drop for Slow {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    thread_local! {
        static SLOW: RefCell<Option<Slow>> = const { RefCell::new(None) };
    }
    let other = start();
    let (release, released) = mpsc::channel();
    other
        .call_soon(move || SLOW.set(Some(Slow(released))))
        .join()
        .unwrap();
    assert_eq!(other.stop(Duration::from_millis(50)), Err(StillRunning));
    drop(release);
}

#[test]
fn a_destructor_that_panics_at_the_end_does_not_keep_the_others_from_running() {
    let (other, events) = (start(), Events::default());
    let (panics, also_panics) = (Bomb, Bomb);
    other.spawn(async move {
        let _panics = panics;
        pending::<()>().await
    });
    other.spawn(events.forever("task"));
    other.call_soon(|| ()).join().unwrap();
    let (release, _) = block(&other);
    other.call_soon(move || drop(also_panics));
    let guard = events.guard("call");
    let last = other.call_soon(move || drop(guard));
    assert_eq!(other.stop(Duration::ZERO), Err(StillRunning));
    drop(release);
    assert!(is_cancelled(last.join()));
    assert_eq!(
        events.take(),
        ["task dropped on loop", "call dropped on loop"]
    );
}

#[test]
fn the_reasons_are_one_line_each() {
    assert_eq!(Failed::Cancelled.to_string(), "cancelled");
    assert_eq!(
        Failed::OwnThread.to_string(),
        "a loop's own thread cannot wait for the loop"
    );
    assert_eq!(
        std::io::Error::from(Failed::Cancelled).to_string(),
        "cancelled"
    );
    assert_eq!(
        StillRunning.to_string(),
        "the loop's thread is busy, and will stop when it is done"
    );
}
