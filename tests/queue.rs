//! `queue`: the order in which tasks are served, the same as in asyncio; every poll, compared with a model; wakers
//! and destructors.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/wakes.rs"]
mod wakes;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::queue::{Closed, Queue};
use cases::{Case, Drops, OnDrop, assert_asyncio_logs, log_of, turns};
use smol::future::block_on;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use wakes::Wakes;
use watchdog::end_if_it_hangs;

/// Name, capacity, steps, and what they log. `queue/with_asyncio.py` reads this, too.
const CASES: &str = "
    waits only if necessary | 2 | a +1 +2 = . | +1 +2 =1 a? a=2
    putters in order | 2 | 1 2 3 4 . = . = . | 1? +1 2? +2 3? 4? =1 +3 =2 +4
    getters in order | 9 | a b c . +1 +2 +3 . | a? b? c? +1 +2 +3 a=1 b=2 c=3
    waiting getter cancelled | 9 | a b . -a . +1 . | a? b? ax +1 b=1
    woken getter cancelled | 9 | a b . +1 -a . | a? b? +1 ax b=1
    waiting putter cancelled | 1 | +0 1 2 . -1 . = . = | +0 1? 2? 1x =0 +2 =2
    woken putter cancelled | 1 | +0 1 2 . = -1 . = | +0 1? 2? =0 1x +2 =2
    get_nowait before a woken getter | 9 | a . +1 ! . +2 . | a? +1 !1 +2 a=2
    join | 9 | A . +1 +2 B C . done . done +3 . | A? A +1 +2 B? C? done done +3 B C
    task_done too often | 9 | +1 done done +2 A . done . | +1 done error +2 A? done A
";

/// `a`, `1` or `A` starts a task that gets, puts 1 or joins, and `-a` cancels it. `=` gets, `!` is `get_nowait`,
/// `+1` puts 1, `done` is `task_done`, and `.` lets the tasks run.
async fn play(case: Case, capacity: usize, steps: &'static str) {
    let queue = Queue::bounded(capacity);
    let mut tasks = BTreeMap::new();
    for step in steps.split(' ') {
        match (step, step.split_at(1)) {
            (".", _) => turns(3).await,
            ("=", _) => case.log(format_args!("={}", queue.get().await.unwrap())),
            ("!", _) => case.log(format_args!("!{}", queue.get_nowait().unwrap())),
            ("done", _) => {
                let done = catch_unwind(AssertUnwindSafe(|| queue.task_done()));
                case.log(done.map_or("error", |()| "done"));
            }
            (_, ("+", value)) => {
                queue.put(value.parse().unwrap()).await.unwrap();
                case.log(step);
            }
            (_, ("-", name)) => drop(tasks.remove(name)),
            _ => {
                let task = task(case.clone(), queue.clone(), step);
                tasks.insert(step, case.ex.spawn(task));
            }
        }
    }
}

async fn task(case: Case, queue: Queue<u32>, name: &'static str) {
    case.log(format_args!("{name}?"));
    let cancelled = OnDrop::new(|| case.log(format_args!("{name}x")));
    let end = if let Ok(value) = name.parse() {
        queue.put(value).await.unwrap();
        format!("+{value}")
    } else if name == name.to_lowercase() {
        format!("{name}={}", queue.get().await.unwrap())
    } else {
        queue.join().await;
        name.to_string()
    };
    cancelled.disarm();
    case.log(end);
}

#[test]
fn tasks_are_served_in_the_same_order_as_in_asyncio() {
    let mut logs = Vec::new();
    for case in CASES.trim().lines() {
        let fields: Vec<_> = case.trim().split(" | ").collect();
        let [name, capacity, steps, expected] = fields[..] else {
            panic!("{case}");
        };
        let log = log_of(|case| play(case, capacity.parse().unwrap(), steps));
        assert_eq!(log, expected, "{name}");
        logs.push(format!("{name}: {log}"));
    }
    let logs: Vec<_> = logs.iter().map(String::as_str).collect();
    assert_asyncio_logs("queue/with_asyncio.py", &logs);
}

/// A future, and the waker of its last poll.
struct Polled<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Wakes>,
}

impl<'a, T> Polled<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
        let (future, woken) = (Box::pin(future), Arc::default());
        Polled { future, woken }
    }

    /// Polls it with a new waker. The last one must have been dropped afterwards.
    fn poll(&mut self) -> Poll<T> {
        let last = mem::take(&mut self.woken);
        let ready = self.poll_with(&Waker::from(Arc::clone(&self.woken)));
        assert_eq!(Arc::strong_count(&last), 1);
        ready
    }

    fn poll_with(&mut self, waker: &Waker) -> Poll<T> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    fn is_woken(&self) -> bool {
        let count = self.woken.count();
        assert!(count < 2, "woken more than once");
        count == 1
    }
}

fn waiting<'a, T>(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
    let mut polled = Polled::new(future);
    assert!(polled.poll().is_pending());
    polled
}

const GET: usize = 0;
const PUT: usize = 1;
const JOIN: usize = 2;

/// A `get`, `put` or `join`, and the value that is put, or 0.
type Waiter<'a> = (Polled<'a, Result<u32, Closed<u32>>>, u32);

/// A queue, and beside it the values and waiters that it must have.
struct Model<'a> {
    queue: &'a Queue<u32>,
    capacity: usize,
    values: VecDeque<u32>,
    closed: bool,
    unfinished: usize,
    waiters: [Vec<Waiter<'a>>; 3],
    /// How many of the waiting `join`s are ready, even if more has been put since.
    joined: usize,
    next: u32,
}

impl Model<'_> {
    fn limit(&self, line: usize) -> usize {
        match line {
            JOIN if self.unfinished > 0 => self.joined,
            GET if !self.closed => self.values.len(),
            PUT if !self.closed => self.capacity - self.values.len(),
            _ => usize::MAX,
        }
    }

    fn put(&mut self, value: u32) {
        self.values.push_back(value);
        self.unfinished += 1;
    }

    fn start(&mut self, line: usize) {
        let (queue, value) = (self.queue, if line == PUT { self.next } else { 0 });
        self.next += 1;
        let waiter = Polled::new(async move {
            match line {
                GET => queue.get().await.map_err(|Closed(())| Closed(0)),
                PUT => queue.put(value).await.map(|()| value),
                _ => {
                    queue.join().await;
                    Ok(0)
                }
            }
        });
        self.waiters[line].push((waiter, value));
        self.poll(line, self.waiters[line].len() - 1);
    }

    fn poll(&mut self, line: usize, index: usize) {
        let is_ready = index < self.limit(line);
        let (waiter, value) = &mut self.waiters[line][index];
        let (polled, value) = (waiter.poll(), *value);
        if !is_ready {
            assert_eq!(polled, Poll::Pending);
            return;
        }
        let expected = match line {
            GET => self.values.pop_front().ok_or(Closed(0)),
            PUT if self.closed => Err(Closed(value)),
            _ => Ok(value),
        };
        assert_eq!(polled, Poll::Ready(expected));
        if line == PUT && !self.closed {
            self.put(value);
        }
        self.leave(line, index);
    }

    fn leave(&mut self, line: usize, index: usize) {
        let (Polled { future, woken }, _) = self.waiters[line].remove(index);
        drop(future);
        assert_eq!(Arc::strong_count(&woken), 1);
        if line == JOIN && index < self.joined {
            self.joined -= 1;
        }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let line = random.usize(..3);
        let waiters = self.waiters[line].len();
        match random.u8(..10) {
            0..4 => self.start(line),
            4..7 if waiters > 0 => self.poll(line, random.usize(..waiters)),
            7 if waiters > 0 => self.leave(line, random.usize(..waiters)),
            8 if line == GET => assert_eq!(self.queue.get_nowait(), self.values.pop_front()),
            8 if line == PUT => {
                let is_room = self.values.len() < self.capacity && !self.closed;
                let expected = if is_room { Ok(()) } else { Err(self.next) };
                assert_eq!(self.queue.put_nowait(self.next), expected);
                if is_room {
                    self.put(self.next);
                }
                self.next += 1;
            }
            9 if self.unfinished > 0 => {
                for _ in 0..random.usize(..=self.unfinished) {
                    self.queue.task_done();
                    self.unfinished -= 1;
                }
                if self.unfinished == 0 {
                    self.joined = self.waiters[JOIN].len();
                }
            }
            _ => {}
        }
        self.check();
    }

    /// Every waiter that is ready has been woken.
    fn check(&self) {
        let (len, is_empty) = (self.queue.len(), self.queue.is_empty());
        assert_eq!(len, self.values.len());
        assert_eq!((is_empty, self.queue.is_closed()), (len == 0, self.closed));
        for (line, waiters) in self.waiters.iter().enumerate() {
            let mut ready = waiters.iter().take(self.limit(line));
            assert!(ready.all(|(waiter, _)| waiter.is_woken()), "line {line}");
        }
    }
}

#[test]
fn every_poll_gives_the_result_of_the_model() {
    end_if_it_hangs();
    for seed in 0..3000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let capacity = random.usize(1..5);
        let queue = Queue::bounded(capacity);
        let mut model = Model {
            queue: &queue,
            capacity,
            values: VecDeque::new(),
            closed: false,
            unfinished: 0,
            waiters: Default::default(),
            joined: 0,
            next: 1,
        };
        for _ in 0..random.usize(..200) {
            model.step(&mut random);
        }
        queue.close();
        model.closed = true;
        for _ in 0..50 {
            model.step(&mut random);
        }
    }
}

#[test]
fn a_value_that_is_not_taken_is_dropped_once() {
    let drops = Drops::default();
    let queue = Queue::bounded(1);
    drop(queue.put(drops.guard())); // never polled
    assert_eq!(drops.count(), 1);
    assert!(queue.put_nowait(drops.guard()).is_ok());
    let waits = waiting(queue.put(drops.guard()));
    let woken = waiting(queue.put(drops.guard()));
    drop(waits);
    assert_eq!(drops.count(), 2);
    drop(queue.get_nowait());
    assert!(woken.is_woken() && drops.count() == 3);
    drop(woken);
    assert_eq!(drops.count(), 4);
    assert!(queue.put_nowait(drops.guard()).is_ok());
    let clone = queue.clone();
    drop(queue);
    clone.close();
    assert_eq!(drops.count(), 4);
    drop(clone);
    assert_eq!(drops.count(), 5);
}

thread_local! {
    /// The queue that [`Busy`] and [`Noisy`] use: wakers are `Send`, and a queue is not.
    static USED: RefCell<Option<Queue<Noisy>>> = const { RefCell::new(None) };
    /// Uses that have not returned: the queue catches a panic of a waker.
    static UNFINISHED: Cell<usize> = const { Cell::new(0) };
}

fn use_the_queue() {
    let Some(queue) = USED.with_borrow(Clone::clone) else {
        return;
    };
    UNFINISHED.set(UNFINISHED.get() + 1);
    let _ = queue.put_nowait(Noisy(false));
    let mut get = Polled::new(queue.get());
    let _ = get.poll_with(Waker::noop());
    let _ = Polled::new(queue.put(Noisy(false))).poll_with(Waker::noop());
    let _ = Polled::new(queue.join()).poll_with(Waker::noop());
    drop(queue.get_nowait());
    drop(get);
    UNFINISHED.set(UNFINISHED.get() - 1);
}

/// A value whose destructor uses the queue, if this is `true`.
struct Noisy(bool);

impl Drop for Noisy {
    fn drop(&mut self) {
        if self.0 {
            use_the_queue();
        }
    }
}

/// A waker that uses the queue when it is woken, and when it is dropped.
struct Busy;

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        use_the_queue();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        use_the_queue();
    }
}

#[test]
fn destructors_and_wakers_may_use_the_queue() {
    end_if_it_hangs();
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let queue = Queue::bounded(random.usize(1..4));
        USED.set(Some(queue.clone()));
        let mut waiters = Vec::new();
        for step in 0..100 {
            match random.u8(..5) {
                _ if step == 80 => queue.close(),
                0 => waiters.push(Polled::new(async { drop(queue.get().await) })),
                1 => waiters.push(Polled::new(async { drop(queue.put(Noisy(true)).await) })),
                2 => waiters.push(Polled::new(queue.join())),
                3 => drop(queue.put_nowait(Noisy(true))),
                _ => drop(queue.get_nowait()),
            }
            let index = random.usize(..=waiters.len());
            if let Some(waiter) = waiters.get_mut(index) {
                let ready = waiter.poll_with(&Waker::from(Arc::new(Busy)));
                if ready.is_ready() || random.u8(..4) == 0 {
                    drop(waiters.swap_remove(index));
                }
            }
        }
        drop(waiters);
        USED.set(None);
    }
    assert_eq!(UNFINISHED.get(), 0);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, in a test");
    }
}

#[test]
fn a_waker_that_panics_blocks_no_waiter_and_loses_no_value() {
    let panics = Waker::from(Arc::new(Panics));
    let queue = Queue::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut put = Polled::new(queue.put(2));
    assert!(put.poll_with(&panics).is_pending());
    assert_eq!(block_on(queue.get()), Ok(1));
    assert_eq!(put.poll_with(&panics), Poll::Ready(Ok(())));
    let mut join = Polled::new(queue.join());
    assert!(join.poll_with(&panics).is_pending());
    let other = waiting(queue.join());
    queue.task_done();
    queue.task_done();
    assert!(other.is_woken());
}

#[test]
fn a_hundred_thousand_can_wait_and_be_cancelled() {
    end_if_it_hangs();
    let start = Instant::now();
    let queue = Queue::unbounded();
    let many = || -> Vec<_> { (0..100_000).map(|_| waiting(queue.get())).collect() };
    let (mut in_any_order, in_order) = (many(), many());
    fastrand::shuffle(&mut in_any_order);
    drop(in_any_order);
    queue.put_nowait(1).unwrap();
    for get in in_order {
        assert!(get.is_woken());
    }
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
#[should_panic(expected = "a queue without a limit is `unbounded`")]
fn a_capacity_of_zero_is_refused() {
    Queue::<()>::bounded(0);
}
