//! `task_group`, and the list of a run's tasks: first what the groups have in common with asyncio, which is
//! asked itself where Python is installed, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/wakes.rs"]
mod wakes;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::task_group::{self, ErrorGroup, TaskGroup, task_group};
use cases::{Case, Child, Drops, End, OnDrop, Quiet, log_of, panic_of, run, turns};
use smol::future::{self, block_on, pending, poll_once, yield_now};
use smol::{Timer, channel};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wakes::Wakes;
use watchdog::end_if_it_hangs;

/// A group whose errors are the names of children.
type Group = TaskGroup<'static, &'static str>;

cases! {
    "cancelling/with_asyncio.py";
    leaving_waits_for_all: "body+ body- a+ b+ b- a- left",
    children_spawn_children: "a+ a- b+ c+ b- c- left",
    a_failure_cancels_the_siblings: "body+ body- a+ b+ c+ a+ c- b! ax ax errors [b]",
    a_failure_cancels_the_siblings_and_then_the_body: "sibling+ a+ a! siblingx bodyx errors [a]",
    the_body_fails: "body+ a+ a+ body! ax ax errors [body]",
    two_fail_in_one_turn: "body+ body- a+ b+ c+ a! b! cx errors [a, b]",
    a_group_in_a_group: "a+ b+ a+ b! ax ax errors [[b]]",
    cancelling_one_child: "a+ b+ asked ax b- left",
    spawning_at_the_end_is_refused: "a+ a- left refused a+ a! refused refused errors [a]",
}

fn joined(errors: &ErrorGroup<&'static str>) -> String {
    [&[errors.first], &errors.others[..]].concat().join(", ")
}

/// A child that is given to a group: its name, its turns, and how it ends.
type Given = (&'static str, usize, End);

impl Case {
    /// A group that logs what comes out of it.
    async fn group<T>(
        &self,
        body: impl AsyncFnOnce(Group) -> Result<T, &'static str>,
    ) -> Option<T> {
        match task_group(body).await {
            Ok(value) => {
                self.log("left");
                Some(value)
            }
            Err(errors) => {
                self.log(format_args!("errors [{}]", joined(&errors)));
                None
            }
        }
    }

    async fn group_of(&self, children: &[Given], (name, n, end): Given) {
        let body = async |group| {
            self.spawn_all(&group, children);
            self.child(name, n, end).await
        };
        self.group(body).await;
    }

    fn spawn_all(&self, group: &Group, children: &[Given]) {
        for &(name, n, end) in children {
            self.child_of(group, name, n, end);
        }
    }

    fn spawn_or_say(&self, group: &Group, name: &'static str) {
        if has_no_value(self.child_of(group, name, 1, Ok)) {
            self.log("refused");
        }
    }

    fn child_of(
        &self,
        group: &Group,
        name: &'static str,
        n: usize,
        end: End,
    ) -> task_group::Child<&'static str> {
        group.spawn(self.child(name, n, end))
    }
}

/// Whether it has ended without a value.
fn has_no_value<T>(child: task_group::Child<T>) -> bool {
    matches!(block_on(poll_once(child)), Some(None))
}

async fn leaving_waits_for_all(case: Case) {
    let children: &[Given] = &[("a", 4, Ok), ("b", 2, Ok)];
    case.group_of(children, ("body", 0, Ok)).await;
}

async fn children_spawn_children(case: Case) {
    async fn parent(case: Case, group: Group) -> Result<(), &'static str> {
        case.child("a", 1, Ok).await?;
        case.child_of(&group, "b", 2, Ok);
        turns(1).await;
        case.child_of(&group, "c", 5, Ok);
        Ok(())
    }
    let body = async |group: Group| {
        group.spawn(parent(case.clone(), group.clone()));
        Ok(())
    };
    case.group(body).await;
}

async fn a_failure_cancels_the_siblings(case: Case) {
    let children: &[Given] = &[
        ("a", 1000, Ok),
        ("b", 3, Err),
        ("c", 1, Ok),
        ("a", 1000, Ok),
    ];
    case.group_of(children, ("body", 0, Ok)).await;
}

/// They wait for something else than their turn.
async fn a_failure_cancels_the_siblings_and_then_the_body(case: Case) {
    let body = async |group: Group| {
        let _body = OnDrop::new(|| case.log("bodyx"));
        let waits = case.clone();
        let sibling = async move {
            waits.log("sibling+");
            let _sibling = OnDrop::new(|| waits.log("siblingx"));
            pending::<Child>().await
        };
        group.spawn(sibling);
        case.child_of(&group, "a", 3, Err);
        pending::<Child>().await
    };
    case.group(body).await;
}

async fn the_body_fails(case: Case) {
    let children: &[Given] = &[("a", 1000, Ok), ("a", 1000, Ok)];
    case.group_of(children, ("body", 3, Err)).await;
}

async fn two_fail_in_one_turn(case: Case) {
    let children: &[Given] = &[("a", 3, Err), ("b", 3, Err), ("c", 1000, Ok)];
    case.group_of(children, ("body", 0, Ok)).await;
}

async fn a_group_in_a_group(case: Case) {
    type Errors = ErrorGroup<&'static str>;
    async fn inner(case: Case, children: &[Given]) -> Result<(), Errors> {
        task_group(async |group| {
            case.spawn_all(&group, children);
            Ok(())
        })
        .await
    }
    let result = task_group(async |group: TaskGroup<Errors>| {
        group.spawn(inner(case.clone(), &[("a", 1000, Ok)]));
        group.spawn(inner(case.clone(), &[("b", 3, Err), ("a", 1000, Ok)]));
        Ok(())
    });
    let errors = result.await.unwrap_err();
    case.log(format_args!("errors [[{}]]", joined(&errors.first)));
}

async fn cancelling_one_child(case: Case) {
    let body = async |group| {
        let a = case.child_of(&group, "a", 1000, Ok);
        case.child_of(&group, "b", 8, Ok);
        case.child_of(&group, "never begins", 1, Ok).cancel();
        turns(2).await;
        a.cancel();
        case.log("asked");
        Ok(())
    };
    case.group(body).await;
}

/// After the end, in a child that is cancelled, and in the body that is cancelled.
async fn spawning_at_the_end_is_refused(case: Case) {
    async fn spawns_at_its_end(case: Case, group: Group) -> Child {
        let _finally = OnDrop::new(|| case.spawn_or_say(&group, "b"));
        pending().await
    }
    let body = async |group| {
        case.child_of(&group, "a", 1, Ok);
        Ok(group)
    };
    let group = case.group(body).await.unwrap();
    case.spawn_or_say(&group, "b");

    let body = async |group: Group| {
        group.spawn(spawns_at_its_end(case.clone(), group.clone()));
        case.child_of(&group, "a", 3, Err);
        spawns_at_its_end(case.clone(), group).await
    };
    case.group(body).await;
}

// ----------------------------------------------------------------------------------- task_group

/// What destructors did, in the order of the events.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<&'static str>>>);

impl Events {
    /// A future that never ends and tells when it is dropped.
    fn child(&self, when_dropped: &'static str) -> impl Future<Output = Child> + use<> {
        let events = self.0.clone();
        async move {
            let _tells = OnDrop::new(move || events.borrow_mut().push(when_dropped));
            pending().await
        }
    }
}

async fn fails_after(n: usize) -> Child {
    turns(n).await;
    Err("failed")
}

async fn panics_after(n: usize) -> Child {
    turns(n).await;
    panic_any(Quiet)
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Quiet)
    }
}

async fn holds(bomb: impl Sized) -> Child {
    let _bomb = bomb;
    pending().await
}

/// What comes out of a group that panics, when all destructors have run.
fn panic_of_group<T, E: 'static>(
    body: impl AsyncFnOnce(TaskGroup<'static, E>) -> Result<T, E>,
) -> Box<dyn Any + Send> {
    panic_of(|| run(async |_| _ = task_group(body).await))
}

#[test]
fn a_panic_comes_out_when_all_destructors_have_run() {
    let events = Events::default();
    let of_child = panic_of_group(async |group| {
        group.spawn(events.child("child"));
        group.spawn(panics_after(2));
        events.child("body").await
    });
    let of_body = panic_of_group(async |group| {
        group.spawn(events.child("second"));
        panics_after(2).await
    });
    let of_destructors = panic_of_group(async |group| {
        group.spawn(events.child("first"));
        group.spawn(holds(Bomb));
        group.spawn(holds(Bomb));
        group.spawn(events.child("last"));
        fails_after(2).await
    });
    let of_unused_value = panic_of_group(async |group| {
        group.spawn(events.child("sibling"));
        group.spawn(async { Ok(Bomb) });
        Ok(())
    });
    for panic in [of_child, of_body, of_destructors, of_unused_value] {
        assert_eq!(panic.downcast_ref(), Some(&Quiet));
    }
    let dropped = ["child", "body", "second", "first", "last", "sibling"];
    assert_eq!(events.0.take(), dropped);
}

/// A panic's payload, the value of the body, and an error of the group panic when they are dropped.
#[test]
fn what_comes_after_the_first_panic_is_left_to_the_panic_hook() {
    let events = Events::default();
    let before_a_panic = panic_of_group(async |group| {
        group.spawn(events.child("sibling"));
        group.spawn::<()>(async { panic_any("first") });
        group.spawn::<()>(async { panic_any(Bomb) });
        Ok(Bomb)
    });
    assert_eq!(events.0.take(), ["sibling"]);
    let after_an_error = panic_of_group(async |group: TaskGroup<Bomb>| {
        group.spawn(async { Err::<(), _>(Bomb) });
        group.spawn::<()>(async { panic_any("first") });
        Ok(())
    });
    for panic in [before_a_panic, after_an_error] {
        assert_eq!(panic.downcast_ref(), Some(&"first"));
    }
}

#[test]
fn a_dropped_group_has_dropped_everything() {
    let events = Events::default();
    run(async |_| {
        let mut group = Box::pin(task_group(async |group: TaskGroup<&str>| {
            group.spawn(events.child("child"));
            let (clone, grandchild) = (group.clone(), events.child("grandchild"));
            let holds_the_group = async move {
                clone.spawn(grandchild);
                pending::<Child>().await
            };
            group.spawn(holds_the_group);
            events.child("body").await
        }));
        for _ in 0..3 {
            assert!(poll_once(&mut group).await.is_none());
        }
        assert_eq!(events.0.take(), [""; 0]);
        drop(group);
        assert_eq!(events.0.take(), ["child", "grandchild", "body"]);
    });
}

/// If a panic came out, async-task would end the process.
#[test]
fn a_dropped_group_leaves_panics_to_the_panic_hook() {
    run(async |ex| {
        let of_child = ex.spawn(task_group(async |group: Group| {
            // What it panics with panics, too.
            group.spawn(holds(OnDrop::new(|| panic_any(Bomb))));
            pending::<Child>().await
        }));
        let of_body = ex.spawn(task_group(async |_: Group| holds(Bomb).await));
        let of_value = ex.spawn(async {
            let body = async |group: Group| {
                group.spawn(pending::<Child>());
                Ok(Bomb)
            };
            std::mem::forget(task_group(body).await);
        });
        turns(5).await;
        drop((of_child, of_body, of_value));
        turns(2).await;
    });
}

/// How often a future was polled, and the waker that it was given last.
#[derive(Default)]
struct Polls(Cell<usize>, RefCell<Option<Waker>>);

impl Polls {
    /// A future that ends at the third poll.
    fn future(&self) -> impl Future<Output = Child> {
        future::poll_fn(|cx| {
            self.0.set(self.0.get() + 1);
            self.1.replace(Some(cx.waker().clone()));
            if self.0.get() < 3 {
                Poll::Pending
            } else {
                Poll::Ready(Ok("third"))
            }
        })
    }

    /// Twice, from another thread, as a timer or a socket does.
    fn wake(&self) {
        let waker = self.1.take().unwrap();
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
    }
}

#[test]
fn body_and_children_are_polled_when_they_are_woken_and_else_not() {
    let (child, body) = (Polls::default(), Polls::default());
    let awaiter = Arc::new(Wakes::default());
    let waker = Waker::from(awaiter.clone());
    let mut cx = Context::from_waker(&waker);
    let mut group = Box::pin(task_group(async |group: TaskGroup<&str>| {
        let child = group.spawn(child.future());
        body.future().await.map(|_| child)
    }));
    let mut kept = None;
    for (woken, polls_of_child, polls_of_body, wakes) in [
        (None, 0, 1, 1), // a child begins at the next turn
        (None, 1, 1, 1),
        (None, 1, 1, 1),
        (Some(&child), 2, 1, 2),
        (Some(&body), 2, 2, 3),
        (Some(&body), 2, 3, 4),
        (Some(&child), 3, 3, 5),
    ] {
        assert!(kept.is_none());
        woken.into_iter().for_each(Polls::wake);
        if let Poll::Ready(result) = group.as_mut().poll(&mut cx) {
            kept = Some(result.unwrap());
        }
        assert_eq!(
            (child.0.get(), body.0.get()),
            (polls_of_child, polls_of_body)
        );
        assert_eq!(awaiter.count(), wakes);
    }
    // A child that is kept keeps nothing of the task that awaited the group.
    assert!(kept.is_some());
    drop((group, waker));
    assert_eq!(Arc::strong_count(&awaiter), 1);
}

#[test]
fn children_that_yield_take_turns_after_others_have_ended() {
    let turns_of = RefCell::new([0; 6]);
    let result = block_on(task_group(async |group: TaskGroup<&str>| {
        for i in 0..6 {
            // It wakes itself in its last turn, and is cancelled when it has ended.
            let ended = group.spawn(async {
                future::or(yield_now(), async {}).await;
                Ok(())
            });
            yield_now().await;
            ended.cancel();
            let turns_of = &turns_of;
            let goes_on = async move {
                loop {
                    turns_of.borrow_mut()[i] += 1;
                    yield_now().await;
                }
            };
            group.spawn::<()>(goes_on);
            yield_now().await;
        }
        turns_of.borrow_mut().fill(0);
        turns(100).await;
        Err::<(), _>("enough")
    }));
    assert!(result.is_err());
    let turns_of = turns_of.take();
    let is_fair = turns_of.iter().all(|turns| (99..=101).contains(turns));
    assert!(is_fair, "{turns_of:?}");
}

#[test]
fn what_became_of_a_child_can_be_asked_from_outside_the_group() {
    run(async |_| {
        let handles = RefCell::new(Vec::new());
        let result = task_group(async |group: TaskGroup<&str>| {
            let children = [0, 2, 1000, 1000].map(|n| async move {
                match n {
                    0 => Ok("value"),
                    n => fails_after(n).await,
                }
            });
            handles.replace(children.map(|child| group.spawn(child)).into());
            Ok(())
        });
        assert_eq!(result.await.unwrap_err().first, "failed");
        let mut outcomes = Vec::new();
        for mut handle in handles.take() {
            handle.cancel(); // too late
            outcomes.push((&mut handle).await);
            assert_eq!(handle.await, None, "it is given out once");
        }
        assert_eq!(outcomes, [Some("value"), None, None, None]);
    });
}

#[test]
fn the_errors_of_a_group_say_how_many_and_which_came_first() {
    let [first, second] = ["no such host", "connection refused"].map(io::Error::other);
    let others = vec![second];
    let errors = ErrorGroup { first, others };
    assert_eq!(errors.to_string(), "2 errors in a task group");
    let shown = "2 errors in a task group: no such host; connection refused";
    assert_eq!(format!("{errors:#}"), shown);
    assert_eq!(errors.source().unwrap().to_string(), "no such host");
}

thread_local! {
    /// What [`Busy`] uses: wakers are `Send`, and a group is not.
    static USED: RefCell<Option<Group>> = const { RefCell::new(None) };
}

fn use_the_group() {
    if let Some(group) = USED.with_borrow(Option::clone) {
        group.spawn(async { Ok(()) });
        group.spawn(pending::<Child>()).cancel();
        let mut child = group.spawn(pending::<Child>());
        let _ = Pin::new(&mut child).poll(&mut Context::from_waker(Waker::noop()));
        child.cancel();
    }
}

/// A waker that uses the group when it is woken, and when it is dropped.
struct Busy;

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        use_the_group();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        use_the_group();
    }
}

fn poll_busily<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Busy))))
}

#[test]
fn wakers_and_destructors_may_use_the_group() {
    end_if_it_hangs();
    let mut group = pin!(task_group(async |group: Group| {
        USED.set(Some(group.clone()));
        let mut child = group.spawn(async {
            turns(3).await;
            Ok(())
        });
        for _ in 0..2 {
            assert!(poll_busily(Pin::new(&mut child)).is_pending());
        }
        group.spawn(holds(OnDrop::new(use_the_group)));
        turns(5).await;
        let mut stop = pin!(group.stop(Duration::from_millis(20)));
        for _ in 0..2 {
            assert!(poll_busily(stop.as_mut()).is_pending());
        }
        Ok(stop.await)
    }));
    let cancelled = loop {
        if let Poll::Ready(cancelled) = poll_busily(group.as_mut()) {
            break cancelled;
        }
        thread::sleep(Duration::from_millis(1));
    };
    USED.set(None);
    assert!(cancelled.unwrap() >= 1);
}

#[test]
fn stop_waits_for_the_children_until_the_limit() {
    const LIMIT: Duration = Duration::from_millis(300);
    end_if_it_hangs();
    let result = block_on(task_group(async |group: TaskGroup<&str>| {
        let idle = group.spawn(pending::<Child>());
        let busy = group.spawn(async {
            turns(5).await;
            Ok("done")
        });
        let begin = Instant::now();
        let stopping = group.stop(LIMIT);
        assert!(has_no_value(group.spawn(async { Ok(()) })));
        assert_eq!(stopping.await, 1);
        assert!(begin.elapsed() >= LIMIT);
        Ok((idle.await, busy.await))
    }));
    assert_eq!(result, Ok((None, Some("done"))));
    // No longer than for the last child.
    let result = block_on(task_group(async |group: Group| {
        group.spawn(async {
            turns(5).await;
            Ok(())
        });
        let cancelled = group.stop(Duration::MAX).await;
        Ok([cancelled, group.stop(Duration::MAX).await])
    }));
    assert_eq!(result, Ok([0, 0]));
}

/// From the body, from a child, and from outside when the body has ended.
#[test]
fn a_cancelled_group_has_dropped_its_children_and_has_not_failed() {
    let log = log_of(async |case| {
        let body = async |group: Group| {
            let a = case.child_of(&group, "a", 1000, Ok);
            turns(2).await;
            group.cancel();
            case.log("asked");
            case.spawn_or_say(&group, "b");
            assert_eq!(a.await, None);
            case.log("body");
            Ok(())
        };
        case.group(body).await;

        let body = async |group: Group| {
            case.child_of(&group, "c", 1000, Ok);
            let cancels = group.clone();
            group.spawn(async move {
                cancels.cancel();
                Ok(())
            });
            Ok(())
        };
        case.group(body).await;

        let groups = RefCell::new(None);
        let body = async |group: Group| {
            group.spawn(pending::<Child>());
            groups.replace(Some(group));
            Ok(())
        };
        let cancels = async {
            turns(5).await;
            groups.take().unwrap().cancel();
        };
        future::zip(case.group(body), cancels).await;
    });
    assert_eq!(log, "a+ asked refused ax body left c+ cx left left");
}

async fn sleep_for_long<T>(guard: T) -> Result<(), ()> {
    let _guard = guard;
    Timer::after(Duration::from_secs(3600)).await;
    Ok(())
}

#[test]
fn many_that_sleep_are_cancelled_with_their_group_and_with_the_loop() {
    const MANY: usize = 100_000;
    let drops = Drops::default();
    run(async |ex| {
        let result = task_group(async |group: TaskGroup<()>| {
            for _ in 0..MANY {
                group.spawn(sleep_for_long(drops.guard()));
            }
            turns(2).await;
            assert_eq!(drops.count(), 0);
            Err::<(), _>(())
        });
        assert!(result.await.is_err());
        assert_eq!(drops.count(), MANY);
        for _ in 0..MANY {
            ex.spawn(sleep_for_long(drops.guard())).detach();
        }
        turns(2).await;
    });
    assert_eq!(drops.count(), 2 * MANY);
}

// ------------------------------------------------------------------------------- the list of tasks

#[test]
fn the_list_has_the_tasks_that_have_not_ended_in_the_order_of_their_spawning() {
    let (seen, sees) = channel::bounded(1);
    let ended = run(async |ex| {
        let asks = ex.clone();
        let waiting = ex.spawn(async move {
            let _lists = OnDrop::new(|| seen.try_send(asks.tasks()).unwrap());
            pending::<()>().await
        });
        let panics = ex.spawn_named("panics", async { panic_any(Quiet) });
        assert_eq!(ex.tasks(), ["main", "Task-2", "panics"]);
        turns(2).await;
        assert_eq!(ex.tasks(), ["main", "Task-2"]);
        panics.detach();
        // The number goes on, and so does the order, also if a place in the list is used again.
        waiting.cancel().await;
        assert_eq!(sees.try_recv().unwrap(), ["main", "Task-2"]);
        let [fourth, _fifth] = [(); 2].map(|()| ex.spawn(turns(9)));
        turns(1).await;
        drop(fourth);
        turns(1).await;
        let _sixth = ex.spawn(turns(9));
        assert_eq!(ex.tasks(), ["main", "Task-5", "Task-6"]);
        ex
    });
    assert!(ended.tasks().is_empty());
}
