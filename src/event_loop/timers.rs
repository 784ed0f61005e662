//! What is to happen when: the timer queue of both loops.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Values by the time they are due; those due at the same instant in the order they were added.
///
/// The articles keep a sorted list with `bisect.insort`. This is the same with an insertion that
/// does not move the rest of the list.
#[derive(Debug)]
pub(super) struct Timers<T> {
    queue: BTreeMap<Key, T>,
    added: u64,
}

/// Where a value stands in the queue. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    due: Instant,
    order: u64,
}

impl<T> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers {
            queue: BTreeMap::new(),
            added: 0,
        }
    }

    pub fn add(&mut self, due: Instant, value: T) -> Key {
        let key = Key {
            due,
            order: self.added,
        };
        self.added += 1;
        self.queue.insert(key, value);
        key
    }

    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.queue.remove(&key)
    }

    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.queue.get_mut(&key)
    }

    /// When the first of them is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(key, _)| key.due)
    }

    /// Where the queue stands now, for [`pop_due`](Timers::pop_due).
    pub fn turn(&self) -> Turn {
        Turn {
            now: Instant::now(),
            added: self.added,
        }
    }

    /// Takes the first value that was due, and already in the queue, when `turn` began.
    ///
    /// A callback that adds a timer of zero seconds thereby gets it at the next turn: input comes
    /// in between.
    pub fn pop_due(&mut self, turn: &Turn) -> Option<T> {
        let first = self.queue.first_entry()?;
        let is_due = first.key().due <= turn.now && first.key().order < turn.added;
        is_due.then(|| first.remove())
    }
}

pub(super) struct Turn {
    now: Instant,
    added: u64,
}

/// The instant `wait` from now, or thirty years from now if that is sooner: far enough to be never,
/// and near enough for every clock to hold it.
pub(super) fn after(wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    Instant::now() + wait.min(FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_due_time_and_then_by_order_of_adding() {
        let now = Instant::now();
        let mut timers = Timers::new();
        timers.add(now, "second");
        timers.add(now, "third");
        timers.add(now - Duration::from_nanos(1), "first");
        timers.add(now + Duration::from_secs(60), "not yet");
        let turn = timers.turn();
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(&turn)).collect();
        assert_eq!(due, ["first", "second", "third"]);
        assert_eq!(timers.next_due(), Some(now + Duration::from_secs(60)));
    }

    #[test]
    fn what_is_added_during_a_turn_waits_for_the_next() {
        let mut timers = Timers::new();
        let turn = timers.turn();
        timers.add(turn.now, "added");
        assert_eq!(timers.pop_due(&turn), None);
        assert_eq!(timers.pop_due(&timers.turn()), Some("added"));
    }

    #[test]
    fn removed_is_gone() {
        let mut timers = Timers::new();
        let key = timers.add(Instant::now(), ());
        assert_eq!(timers.remove(key), Some(()));
        assert_eq!(timers.remove(key), None);
        assert_eq!(timers.pop_due(&timers.turn()), None);
    }

    #[test]
    fn no_wait_is_too_long() {
        assert!(after(Duration::MAX) > Instant::now());
    }
}
