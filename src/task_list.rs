//! The tasks of a `run`: which there are, and a way to end them all.
//!
//! Ending them means that each is polled once more, and drops its own future then. Dropping the
//! executor, or every `Task`, would drop the futures, too. But the former misses a task that another
//! thread is waking at that moment, and with the latter a destructor that panics ends the process.

use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::rc::Rc;
use std::task::{Context, Waker};

#[derive(Default)]
pub(crate) struct TaskList {
    stopping: Cell<bool>,
    tasks: RefCell<Slab<Listed>>,
    /// How many there have been.
    count: Cell<u64>,
    /// Of the few that have one, by their keys.
    names: RefCell<BTreeMap<usize, String>>,
    /// The key of the one that is being polled. (Or that has panicked; no other task is being polled
    /// between that and its end.)
    current: Cell<Option<usize>>,
}

struct Listed {
    number: NonZero<u64>, // without zero, a place in the slab is 8 bytes smaller
    /// `None` before it is polled: then it is in its executor's queue anyway.
    waker: Option<Waker>,
}

/// A task in the listing.
pub(crate) struct Listing {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) name: Option<String>,
    pub(crate) started: bool,
    pub(crate) running: bool,
}

impl TaskList {
    /// Has every task end, also those that are entered from now on.
    pub(crate) fn stop(&self) {
        self.stopping.set(true);
        for (_, task) in &*self.tasks.borrow() {
            if let Some(waker) = &task.waker {
                waker.wake_by_ref();
            }
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Whether the futures of all tasks have been dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// The tasks that have not ended, in the order in which they were entered.
    pub(crate) fn list(&self) -> Vec<Listing> {
        let names = self.names.borrow();
        let tasks = self.tasks.borrow();
        let listing = |(key, task): (usize, &Listed)| Listing {
            number: task.number.get(),
            name: names.get(&key).cloned(),
            started: task.waker.is_some(),
            running: self.current.get() == Some(key),
        };
        let mut list: Vec<_> = tasks.iter().map(listing).collect();
        list.sort_unstable_by_key(|task| task.number);
        list
    }
}

/// A task's place in the list. It is to be dropped after the task's future, which counts as ended
/// from then on.
pub(crate) struct Entry {
    list: Rc<TaskList>,
    key: usize,
    has_name: bool,
    has_waker: bool,
}

impl Entry {
    pub(crate) fn new(list: &Rc<TaskList>, name: Option<String>) -> Entry {
        let number = NonZero::<u64>::MIN.saturating_add(list.count.get());
        list.count.set(number.get());
        let task = Listed {
            number,
            waker: None,
        };
        let key = list.tasks.borrow_mut().insert(task);
        let has_name = name.is_some();
        if let Some(name) = name {
            list.names.borrow_mut().insert(key, name);
        }
        Entry {
            list: Rc::clone(list),
            key,
            has_name,
            has_waker: false,
        }
    }

    /// Polls the future with `poll`, or returns `None` if the task is to end.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Option<T> {
        if self.list.stopping.get() {
            return None;
        }
        // A task has the same waker all its life.
        if !self.has_waker {
            self.list.tasks.borrow_mut()[self.key].waker = Some(cx.waker().clone());
            self.has_waker = true;
        }
        self.list.current.set(Some(self.key));
        let result = poll(cx);
        self.list.current.set(None);
        Some(result)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let list = &self.list;
        if self.has_name {
            list.names.borrow_mut().remove(&self.key);
        }
        let task = list.tasks.borrow_mut().remove(self.key);
        drop(task); // with the list free for others
    }
}
