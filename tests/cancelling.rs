//! `task_group`, `loop_thread`, `cancel_token`, and the list of a run's tasks: first what the groups
//! have in common with asyncio, which is asked itself where Python is installed, then the rest.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::task_group::{ErrorGroup, Refused, TaskGroup, task_group};
use cases::{Case, Child, OnDrop, turns};
use std::cell::RefCell;
use std::rc::Rc;

/// A group whose errors are the names of children.
type Group = TaskGroup<&'static str>;

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

impl Case {
    /// A group that logs what comes out of it.
    async fn group<T>(
        &self,
        body: impl AsyncFnOnce(Group) -> Result<T, &'static str>,
    ) -> Option<T> {
        match task_group(&self.ex, body).await {
            Ok(value) => {
                self.log("left");
                Some(value)
            }
            Err(ErrorGroup(errors)) => {
                self.log(format_args!("errors [{}]", errors.join(", ")));
                None
            }
        }
    }

    fn spawn_or_say(&self, group: &Group, name: &'static str) {
        if let Err(Refused) = group.spawn(self.child(name, 1, Ok)) {
            self.log("refused");
        }
    }

    /// Spawns a child that must not be refused.
    fn child_of(
        &self,
        group: &Group,
        name: &'static str,
        n: usize,
        end: fn(&'static str) -> Child,
    ) -> asyncio_to_smol::task_group::Child<&'static str> {
        group.spawn(self.child(name, n, end)).unwrap()
    }
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
        group.spawn(parent(case.clone(), group.clone())).unwrap();
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
    assert!(a.is_finished() && b.is_finished());
    case.log(format_args!("{} {}", a.await, b.await));
}

async fn results_are_there_in_the_body(case: Case) {
    let body = async |group| {
        case.log(case.child_of(&group, "a", 2, Ok).await);
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
        group.spawn(parent(case.clone(), group.clone())).unwrap();
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
        task_group(&case.ex, body).await
    }
    async fn sibling(case: Case) -> Result<(), ErrorGroup<&'static str>> {
        let _ = case.child("a", 1000, Ok).await;
        Ok(())
    }
    let result = task_group(&case.ex, async |group: TaskGroup<ErrorGroup<&str>>| {
        group.spawn(sibling(case.clone())).unwrap();
        group.spawn(inner(case.clone())).unwrap();
        Ok(())
    });
    let ErrorGroup(errors) = result.await.unwrap_err();
    case.log(format_args!("errors [[{}]]", errors[0].0.join(", ")));
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
        group
            .spawn(spawns_at_its_end(case.clone(), group.clone()))
            .unwrap();
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
        let mut names: Vec<_> = case.ex.tasks().into_iter().map(|task| task.name).collect();
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
