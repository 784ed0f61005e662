//! `task_group`, and the list of a run's tasks: first what the groups
//! have in common with asyncio, which is asked itself where Python is installed, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::task_group::{self, ErrorGroup, TaskGroup, task_group};
use cases::{Case, Child, Drops, OnDrop, Quiet, log_of, panic_of, run, turns};
use smol::future::{self, block_on, pending, poll_once, yield_now};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, Timer, channel};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use watchdog::end_if_it_hangs;

/// A group whose errors are the names of children.
type Group = TaskGroup<'static, &'static str>;

cases! {
    "cancelling/with_asyncio.py";
    leaving_waits_for_all: "body a+ b+ b- a- left",
    leaving_an_empty_group: "body left",
    children_spawn_children: "a+ a- b+ c+ b- c- left",
    results_are_there_afterwards: "a+ b+ b- a- left a b",
    results_are_there_in_the_body: "a+ a- a left",
    a_failure_cancels_the_siblings: "a+ b+ a+ b! ax ax errors [b]",
    a_failure_leaves_alone_what_has_ended: "a+ b+ a- b! errors [b]",
    a_failure_cancels_the_body: "body+ a+ a! bodyx errors [a]",
    a_failure_cancels_the_siblings_and_then_the_body: "sibling+ a+ a! siblingx bodyx errors [a]",
    the_body_fails: "body+ a+ a+ body! ax ax errors [body]",
    two_fail_in_one_turn: "a+ b+ c+ a! b! cx errors [a, b]",
    a_grandchild_fails: "a+ b+ b! ax errors [b]",
    a_group_in_a_group: "a+ b+ a+ b! ax ax errors [[b]]",
    cancelling_one_child: "a+ b+ asked ax b- left",
    cancelling_a_child_before_it_starts: "b+ b- left",
    cancelling_the_group: "a+ a+ asked ax ax later",
    spawning_after_the_end_is_refused: "a+ a- left refused",
    spawning_while_it_shuts_down_is_refused: "a+ a! refused errors [a]",
    spawning_from_elsewhere_while_it_waits: "a+ b+ a- b- left",
    all_tasks_lists_those_that_have_not_ended: "[a b main] [b main] [b main] [main]",
}

fn joined(errors: &ErrorGroup<&'static str>) -> String {
    [&[errors.first], &errors.others[..]].concat().join(", ")
}

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

    fn spawn_or_say(&self, group: &Group, name: &'static str) {
        if has_no_value(group.spawn(self.child(name, 1, Ok))) {
            self.log("refused");
        }
    }

    fn child_of(
        &self,
        group: &Group,
        name: &'static str,
        n: usize,
        end: fn(&'static str) -> Child,
    ) -> task_group::Child<&'static str> {
        group.spawn(self.child(name, n, end))
    }
}

/// Whether it has ended without one.
fn has_no_value<T>(child: task_group::Child<T>) -> bool {
    matches!(block_on(poll_once(child)), Some(None))
}

async fn leaving_waits_for_all(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 4, Ok);
        case.child_of(&group, "b", 2, Ok);
        case.log("body");
        Ok(())
    };
    case.group(body).await;
}

async fn leaving_an_empty_group(case: Case) {
    let body = async |_| {
        case.log("body");
        Ok(())
    };
    case.group(body).await;
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

async fn results_are_there_afterwards(case: Case) {
    let body = async |group| {
        let a = case.child_of(&group, "a", 2, Ok);
        let b = case.child_of(&group, "b", 1, Ok);
        Ok((a, b))
    };
    let (a, b) = case.group(body).await.unwrap();
    let (a, b) = (a.await.unwrap(), b.await.unwrap());
    case.log(format_args!("{a} {b}"));
}

async fn results_are_there_in_the_body(case: Case) {
    let body = async |group| {
        case.log(case.child_of(&group, "a", 2, Ok).await.unwrap());
        Ok(())
    };
    case.group(body).await;
}

async fn a_failure_cancels_the_siblings(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 1000, Ok);
        case.child_of(&group, "b", 3, Err);
        case.child_of(&group, "a", 1000, Ok);
        Ok(())
    };
    case.group(body).await;
}

async fn a_failure_leaves_alone_what_has_ended(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 1, Ok);
        case.child_of(&group, "b", 5, Err);
        Ok(())
    };
    case.group(body).await;
}

async fn a_failure_cancels_the_body(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 3, Err);
        case.child("body", 1000, Ok).await
    };
    case.group(body).await;
}

/// Those that wait for something else than their turn.
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
    let body = async |group| {
        case.child_of(&group, "a", 1000, Ok);
        case.child_of(&group, "a", 1000, Ok);
        case.child("body", 3, Err).await
    };
    case.group(body).await;
}

async fn two_fail_in_one_turn(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 3, Err);
        case.child_of(&group, "b", 3, Err);
        case.child_of(&group, "c", 1000, Ok);
        Ok(())
    };
    case.group(body).await;
}

async fn a_grandchild_fails(case: Case) {
    async fn parent(case: Case, group: Group) -> Child {
        case.child_of(&group, "b", 3, Err);
        case.child("a", 1000, Ok).await
    }
    let body = async |group: Group| {
        group.spawn(parent(case.clone(), group.clone()));
        Ok(())
    };
    case.group(body).await;
}

async fn a_group_in_a_group(case: Case) {
    async fn inner(case: Case) -> Result<(), ErrorGroup<&'static str>> {
        let body = async |group| {
            case.child_of(&group, "b", 3, Err);
            case.child_of(&group, "a", 1000, Ok);
            Ok(())
        };
        task_group(body).await
    }
    async fn sibling(case: Case) -> Result<(), ErrorGroup<&'static str>> {
        let _ = case.child("a", 1000, Ok).await;
        Ok(())
    }
    let result = task_group(async |group: TaskGroup<ErrorGroup<&str>>| {
        group.spawn(sibling(case.clone()));
        group.spawn(inner(case.clone()));
        Ok(())
    });
    let errors = result.await.unwrap_err();
    case.log(format_args!("errors [[{}]]", joined(&errors.first)));
}

async fn cancelling_one_child(case: Case) {
    let body = async |group| {
        let a = case.child_of(&group, "a", 1000, Ok);
        case.child_of(&group, "b", 8, Ok);
        turns(2).await;
        a.cancel();
        case.log("asked");
        Ok(())
    };
    case.group(body).await;
}

async fn cancelling_a_child_before_it_starts(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 1, Ok).cancel();
        case.child_of(&group, "b", 1, Ok);
        Ok(())
    };
    case.group(body).await;
}

async fn cancelling_the_group(case: Case) {
    let task = case.ex.spawn({
        let case = case.clone();
        async move {
            let body = async |group| {
                case.child_of(&group, "a", 1000, Ok);
                case.child_of(&group, "a", 1000, Ok);
                Ok(())
            };
            case.group(body).await;
        }
    });
    turns(3).await;
    drop(task);
    case.log("asked");
    turns(5).await;
    case.log("later");
}

async fn spawning_after_the_end_is_refused(case: Case) {
    let body = async |group| {
        case.child_of(&group, "a", 1, Ok);
        Ok(group)
    };
    let group = case.group(body).await.unwrap();
    case.spawn_or_say(&group, "b");
}

async fn spawning_while_it_shuts_down_is_refused(case: Case) {
    async fn spawns_at_its_end(case: Case, group: Group) -> Result<(), &'static str> {
        let _finally = OnDrop::new(|| case.spawn_or_say(&group, "b"));
        turns(1000).await;
        Ok(())
    }
    let body = async |group: Group| {
        group.spawn(spawns_at_its_end(case.clone(), group.clone()));
        case.child_of(&group, "a", 3, Err);
        Ok(())
    };
    case.group(body).await;
}

async fn spawning_from_elsewhere_while_it_waits(case: Case) {
    let groups = Rc::new(RefCell::new(Vec::new()));
    let task = case.ex.spawn({
        let (case, groups) = (case.clone(), groups.clone());
        async move {
            let body = async |group: Group| {
                groups.borrow_mut().push(group.clone());
                case.child_of(&group, "a", 6, Ok);
                Ok(())
            };
            case.group(body).await;
        }
    });
    turns(3).await;
    let group = groups.take().remove(0);
    case.child_of(&group, "b", 9, Ok);
    task.await;
}

async fn all_tasks_lists_those_that_have_not_ended(case: Case) {
    let names = || {
        let mut names = case.ex.tasks();
        names.sort_unstable();
        format!("[{}]", names.join(" "))
    };
    let a = case.ex.spawn_named("a", turns(1));
    let b = case.ex.spawn_named("b", turns(1000));
    case.log(names());
    a.await;
    case.log(names());
    drop(b);
    case.log(names());
    turns(3).await;
    case.log(names());
}

// ----------------------------------------------------------------------------------- task_group

/// What the group's destructors did, in the order of the events.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<&'static str>>>);

impl Events {
    fn add(&self, event: &'static str) {
        self.0.borrow_mut().push(event);
    }

    /// A future that never ends and tells when it is dropped.
    fn child(&self, when_dropped: &'static str) -> impl Future<Output = Child> + use<> {
        let events = self.clone();
        async move {
            let _tells = OnDrop::new(move || events.add(when_dropped));
            pending().await
        }
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
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

/// The errors, in text.
fn errors<T: fmt::Debug>(result: Result<T, ErrorGroup<&'static str>>) -> String {
    joined(&result.unwrap_err())
}

#[test]
fn when_the_group_returns_an_error_all_destructors_have_run_and_spawned_nothing() {
    let events = Events::default();
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            group.spawn(events.child("child"));
            group.spawn(fails_after(2));
            let _body = OnDrop::new(|| {
                assert!(has_no_value(group.spawn(fails_after(1))));
                events.add("body");
            });
            events.child("").await
        });
        assert_eq!(errors(result.await), "failed");
        assert_eq!(events.take(), ["child", "", "body"]);
    });
}

/// What comes out of a group that panics, when all destructors have run.
fn panic_of_group<T>(
    body: impl AsyncFnOnce(TaskGroup<'static, &'static str>) -> Result<T, &'static str>,
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
    // The others run all the same.
    let of_destructors = panic_of_group(async |group| {
        group.spawn(events.child("first"));
        for _ in 0..2 {
            group.spawn::<()>(async {
                let _bomb = Bomb;
                pending().await
            });
        }
        group.spawn(events.child("last"));
        fails_after(2).await
    });
    // A value that is not used.
    let of_value = panic_of_group(async |group| {
        group.spawn(events.child("sibling"));
        group.spawn(async { Ok(Bomb) });
        Ok(())
    });
    for panic in [of_child, of_body, of_destructors, of_value] {
        assert_eq!(panic.downcast_ref(), Some(&Quiet));
    }
    let dropped = ["child", "body", "second", "first", "last", "sibling"];
    assert_eq!(events.take(), dropped);
}

#[test]
fn what_comes_after_the_first_panic_is_left_to_the_panic_hook() {
    let events = Events::default();
    let panic = panic_of_group(async |group| {
        group.spawn(events.child("sibling"));
        group.spawn::<()>(async { panic_any("first") });
        // Its payload is a bomb, too.
        group.spawn::<()>(async { panic_any(Bomb) });
        Ok(Bomb)
    });
    assert_eq!(panic.downcast_ref(), Some(&"first"));
    assert_eq!(events.take(), ["sibling"]);
    let panic = panic_of(|| {
        let _ = block_on(task_group(async |group: TaskGroup<Bomb>| {
            group.spawn(async { Err::<(), _>(Bomb) });
            group.spawn::<()>(async { panic_any("first") });
            Ok(())
        }));
    });
    assert_eq!(panic.downcast_ref(), Some(&"first"));
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
        assert_eq!(events.take(), [""; 0]);
        drop(group);
        assert_eq!(events.take(), ["child", "grandchild", "body"]);
    });
}

/// A group inside the body, a child, and a child of a child.
#[test]
fn groups_inside_a_group_have_gone_when_it_returns() {
    async fn inner(events: Events, names: &'static [&'static str]) -> Child {
        let body = async |group: TaskGroup<&'static str>| {
            if let Some((name, names)) = names.split_first() {
                group.spawn(events.child(name));
                group.spawn(inner(events.clone(), names));
            }
            Ok(())
        };
        let _ = task_group(body).await;
        pending().await
    }
    let events = Events::default();
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            group.spawn(fails_after(5));
            group.spawn(inner(events.clone(), &["a", "b", "c"]));
            inner(events.clone(), &["body a", "body b"]).await
        });
        assert_eq!(errors(result.await), "failed");
        let mut dropped = events.take();
        dropped.sort_unstable();
        assert_eq!(dropped, ["a", "b", "body a", "body b", "c"]);
    });
}

#[test]
fn a_group_needs_no_executor_and_its_children_may_borrow() {
    let text = String::from("text");
    let lengths = RefCell::new(Vec::new());
    let result = block_on(task_group(async |group: TaskGroup<io::Error>| {
        for end in [1, 2, 3] {
            let (text, lengths) = (&text[..end], &lengths);
            group.spawn(async move {
                yield_now().await;
                lengths.borrow_mut().push(text.len());
                Ok(())
            });
        }
        Ok(text.len())
    }));
    assert_eq!(result.unwrap(), 4);
    assert_eq!(lengths.take(), [1, 2, 3]);
}

/// A future that counts how often it is polled, and tells its waker.
fn counts_polls<'a>(
    polls: &'a Cell<usize>,
    waker: &'a RefCell<Option<Waker>>,
) -> impl Future<Output = Child> + 'a {
    future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        *waker.borrow_mut() = Some(cx.waker().clone());
        if polls.get() < 3 {
            Poll::Pending
        } else {
            Poll::Ready(Ok("third"))
        }
    })
}

#[test]
fn body_and_children_are_polled_when_they_are_woken_and_else_not() {
    let (polls, waker) = (Cell::new(0), RefCell::new(None));
    let (body_polls, body_waker) = (Cell::new(0), RefCell::new(None));
    let wake = |waker: &RefCell<Option<Waker>>| {
        let waker = waker.borrow_mut().take().unwrap();
        // From another thread, as a timer or a socket does.
        thread::spawn(move || waker.wake()).join().unwrap();
    };
    let mut group = Box::pin(task_group(async |group: TaskGroup<&str>| {
        group.spawn(counts_polls(&polls, &waker));
        counts_polls(&body_polls, &body_waker).await
    }));
    let mut poll = || block_on(poll_once(&mut group));
    assert_eq!(poll(), None);
    assert_eq!(poll(), None);
    assert_eq!((polls.get(), body_polls.get()), (1, 1));
    wake(&waker);
    assert_eq!(poll(), None);
    assert_eq!((polls.get(), body_polls.get()), (2, 1));
    wake(&body_waker);
    assert_eq!(poll(), None);
    assert_eq!((polls.get(), body_polls.get()), (2, 2));
    wake(&body_waker);
    assert_eq!(poll(), None);
    wake(&waker);
    assert_eq!(poll(), Some(Ok("third")));
    assert_eq!((polls.get(), body_polls.get()), (3, 3));
}

#[test]
fn a_group_that_waits_does_not_keep_the_loop_busy() {
    let polls = Cell::new(0);
    run(async |ex| {
        let group = task_group(async |group: TaskGroup<&str>| {
            group.spawn(pending::<Child>());
            pending::<Child>().await
        });
        let (mut group, polls) = (Box::pin(group), &polls);
        let _group = ex.spawn(future::poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            group.as_mut().poll(cx).map(drop)
        }));
        turns(20).await;
    });
    assert!(polls.get() <= 2);
}

#[test]
fn children_that_yield_take_turns_after_others_have_ended() {
    let turns_of = RefCell::new([0; 6]);
    let result = block_on(task_group(async |group: TaskGroup<&str>| {
        for i in 0..6 {
            // It wakes itself in its last turn, and calls when it has ended.
            let gone = group.spawn(async {
                future::or(yield_now(), async {}).await;
                Ok(())
            });
            yield_now().await;
            gone.cancel();
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
    assert_eq!(errors(result), "enough");
    let turns_of = turns_of.take();
    assert!(
        turns_of.iter().all(|turns| (99..=101).contains(turns)),
        "{turns_of:?}"
    );
}

#[test]
fn a_child_that_is_kept_keeps_nothing_of_the_task() {
    struct Awaiter;
    impl Wake for Awaiter {
        fn wake(self: Arc<Self>) {}
    }
    let awaiter = Arc::new(Awaiter);
    let waker = Waker::from(awaiter.clone());
    let mut group = Box::pin(task_group(async |group: TaskGroup<&str>| {
        Ok(group.spawn(async { Ok(()) }))
    }));
    let mut cx = Context::from_waker(&waker);
    assert!(group.as_mut().poll(&mut cx).is_pending());
    let Poll::Ready(Ok(_kept)) = group.as_mut().poll(&mut cx) else {
        panic!("it has ended");
    };
    drop((group, waker));
    assert_eq!(Arc::strong_count(&awaiter), 1);
}

#[test]
fn a_dropped_group_leaves_panics_to_the_panic_hook_and_refuses() {
    let refused = Rc::new(Cell::new(None));
    run(async |ex| {
        let refused = refused.clone();
        let group = ex.spawn(async move {
            let body = async |group: Group| {
                let bomb = async {
                    // What it panics with panics, too.
                    let _bomb = OnDrop::new(|| panic_any(Bomb));
                    pending().await
                };
                group.spawn::<()>(bomb);
                let spawns = || refused.set(Some(has_no_value(group.spawn(fails_after(1)))));
                let _spawns = OnDrop::new(spawns);
                pending::<Child>().await
            };
            task_group(body).await
        });
        turns(5).await;
        // async-task would end the process if a panic came out.
        drop(group);
        turns(2).await;

        let group = ex.spawn(task_group(async |_: Group| {
            let _bomb = Bomb;
            pending::<Child>().await
        }));
        turns(2).await;
        drop(group);
        turns(2).await;

        // The value of a body that has ended.
        let group = task_group(async |group: TaskGroup<&str>| {
            group.spawn(pending::<Child>());
            Ok(Bomb)
        });
        let mut group = Box::pin(group);
        assert!(poll_once(&mut group).await.is_none());
        drop(group);
    });
    assert_eq!(refused.get(), Some(true));
}

#[test]
fn waiting_for_a_sibling_that_fails_is_no_panic() {
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            let sibling = group.spawn(fails_after(2));
            group.spawn(async move { sibling.await.ok_or("too late") });
            pending::<Child>().await
        });
        // The second one comes in the same turn, or is too late.
        assert_eq!(result.await.unwrap_err().first, "failed");
    });
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Quiet)
    }
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
        assert_eq!(errors(result.await), "failed");
        let mut outcomes = Vec::new();
        for mut handle in handles.take() {
            outcomes.push((&mut handle).await);
            assert_eq!(handle.await, None, "it is given out once");
        }
        assert_eq!(outcomes, [Some("value"), None, None, None]);
    });
}

#[test]
fn cancelling_a_child_that_has_ended_does_nothing_to_the_one_in_its_place() {
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            let first = group.spawn(async { Ok("first") });
            turns(3).await;
            let mut second = group.spawn(pending::<Child>());
            first.cancel();
            assert_eq!(first.await, Some("first"));
            turns(3).await;
            assert_eq!(poll_once(&mut second).await, None);
            second.cancel();
            assert_eq!(second.await, None);
            let third = group.spawn(async { Ok("third") });
            turns(3).await;
            third.cancel(); // nothing is in its place
            third.await.ok_or("cancelled")
        });
        assert_eq!(result.await, Ok("third"));
    });
}

#[test]
fn a_child_can_cancel_itself() {
    let events = Events::default();
    run(async |_| {
        let handle = Rc::new(RefCell::new(None::<task_group::Child<&str>>));
        let result = task_group(async |group: TaskGroup<&str>| {
            let (events, own) = (events.clone(), handle.clone());
            let child = async move {
                let _tells = OnDrop::new(|| events.add("dropped"));
                turns(1).await;
                own.borrow().as_ref().unwrap().cancel();
                turns(1).await;
                events.add("went on");
                Ok("")
            };
            *handle.borrow_mut() = Some(group.spawn(child));
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(events.take(), ["dropped"]);
    });
}

#[test]
fn the_errors_of_a_group_say_how_many_and_which_came_first() {
    let error = |text| io::Error::other(text);
    let one = |first, others| ErrorGroup { first, others };
    let two = one(error("no such host"), vec![error("connection refused")]);
    assert_eq!(two.to_string(), "2 errors in a task group");
    let shown = "2 errors in a task group: no such host; connection refused";
    assert_eq!(format!("{two:#}"), shown);
    assert_eq!(two.source().unwrap().to_string(), "no such host");
    let one = one(error("no such host"), vec![]);
    assert_eq!(one.to_string(), "1 error in a task group");
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

/// Polls with a waker of its own.
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
        group.spawn(async {
            let _uses = OnDrop::new(use_the_group);
            pending::<Child>().await
        });
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

/// What a server does that is told to stop: an idle client must not keep it.
#[test]
fn a_server_stops_though_a_client_is_idle() {
    const LIMIT: Duration = Duration::from_millis(300);
    end_if_it_hangs();
    block_on(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let (stop, told_to_stop) = channel::bounded::<()>(1);
        let server = task_group(async |group: TaskGroup<io::Error>| {
            let accept = async {
                loop {
                    let (client, _) = listener.accept().await?;
                    group.spawn(async move { smol::io::copy(&client, &client).await });
                }
            };
            let stopped = async {
                let _ = told_to_stop.recv().await;
                io::Result::Ok(())
            };
            future::or(stopped, accept).await?;
            let stopping = group.stop(LIMIT);
            assert!(has_no_value(group.spawn(async { Ok(()) })));
            Ok(stopping.await)
        });
        let clients = async {
            let idle = Async::<TcpStream>::connect(address).await.unwrap();
            let mut busy = Async::<TcpStream>::connect(address).await.unwrap();
            let mut answer = [0; 5];
            busy.write_all(b"hello").await.unwrap();
            busy.read_exact(&mut answer).await.unwrap();
            drop(stop);
            busy.write_all(b"again").await.unwrap();
            busy.read_exact(&mut answer).await.unwrap(); // it is still served
            drop(busy);
            (idle, Instant::now())
        };
        let (cancelled, (mut idle, since)) = future::zip(server, clients).await;
        assert_eq!(cancelled.unwrap(), 1);
        assert!(since.elapsed() + Duration::from_millis(100) >= LIMIT);
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0); // closed
    });
}

#[test]
fn stop_waits_no_longer_than_for_the_last_child() {
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            assert_eq!(group.stop(Duration::MAX).await, 0); // there is none
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        let result = task_group(async |group: TaskGroup<&str>| {
            let child = async {
                turns(5).await;
                Ok(())
            };
            group.spawn(child);
            assert_eq!(group.stop(Duration::MAX).await, 0);
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
    });
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
            let child = async move {
                cancels.cancel();
                Ok(())
            };
            group.spawn(child);
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

const MANY: usize = 100_000;

async fn sleep_for_long<T>(guard: T) {
    let _guard = guard;
    Timer::after(Duration::from_secs(3600)).await;
}

#[test]
fn many_sleeping_children_are_cancelled_with_their_group() {
    let drops = Drops::default();
    run(async |_| {
        let result = task_group(async |group: TaskGroup<&str>| {
            for _ in 0..MANY {
                let guard = drops.guard();
                let child = async {
                    sleep_for_long(guard).await;
                    Ok(())
                };
                group.spawn(child);
            }
            turns(2).await;
            assert_eq!(drops.count(), 0);
            Err::<(), _>("enough")
        });
        assert_eq!(errors(result.await), "enough");
        assert_eq!(drops.count(), MANY);
    });
}

#[test]
fn many_sleeping_tasks_are_cancelled_with_their_handles() {
    let drops = Drops::default();
    run(async |ex| {
        let guards = (0..MANY).map(|_| drops.guard());
        let tasks: Vec<_> = guards
            .map(|guard| ex.spawn(sleep_for_long(guard)))
            .collect();
        turns(2).await;
        drop(tasks);
        assert_eq!(drops.count(), 0);
        turns(1).await;
        assert_eq!(drops.count(), MANY);
    });
}

#[test]
fn many_sleeping_tasks_are_cancelled_with_the_loop() {
    let drops = Drops::default();
    run(async |ex| {
        for _ in 0..MANY {
            ex.spawn(sleep_for_long(drops.guard())).detach();
        }
        turns(2).await;
    });
    assert_eq!(drops.count(), MANY);
}

// ------------------------------------------------------------------------------- the list of tasks

#[test]
fn the_list_has_the_tasks_that_have_not_ended_in_the_order_of_their_spawning() {
    let (seen, sees) = std::sync::mpsc::channel();
    let ended = run(async |ex| {
        let asks = ex.clone();
        let waiting = ex.spawn(async move {
            let _lists = OnDrop::new(|| seen.send(asks.tasks()).unwrap());
            pending::<()>().await
        });
        let panics = ex.spawn_named("panics", async { panic_any(Quiet) });
        assert_eq!(ex.tasks(), ["main", "Task-2", "panics"]);
        turns(2).await;
        assert_eq!(ex.tasks(), ["main", "Task-2"]);
        panics.detach();
        // The number goes on, and so does the order, also where another one was in the list.
        waiting.cancel().await;
        assert_eq!(sees.recv().unwrap(), ["main", "Task-2"]);
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
