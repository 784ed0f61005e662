//! `queue`: first what it has in common with asyncio, which is asked itself where Python is installed,
//! then the rest: turns, cancelling, closing, wakers, destructors.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::queue::{Closed, Queue};
use cases::{Case, Drops, OnDrop, panic_of, run, turns};
use smol::future::{block_on, yield_now};
use smol::{LocalExecutor, Task};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use watchdog::end_if_it_hangs;

cases! {
    "queue/with_asyncio.py";
    first_in_first_out: "5 0 1 2 3 4",
    nothing_waits_where_it_need_not: "1 main a? a=2",
    nowait_is_refused: "true false empty false true full 1",
    putters_wait_for_room_in_order: "1? +1 2? +2 3? 4? 5? =1 +3 =2 +4 =3 +5 =4 =5",
    getters_wait_for_values_in_order: "a? b? c? +1 +2 +3 a=1 b=2 c=3",
    one_at_a_time: "a? 1? +1 2? a=1 a? +2 3? a=2 a? +3 4? a=3 a? +4 a=4",
    a_getter_that_waits_is_cancelled: "a? b? ax b=1",
    a_getter_that_was_woken_is_cancelled: "a? b? ax b=1",
    a_putter_that_waits_is_cancelled: "0? +0 1? 2? 1x a? a=0 +2 b? b=2",
    a_putter_that_was_woken_is_cancelled: "0? +0 1? 2? a? a=0 1x +2 b? b=2",
    nowait_takes_a_value_that_another_waiter_was_woken_for: "a? 1? +1 1 2? +2 a=2",
    join_waits_for_the_last_task_done: "at once =1 done =2 done a b",
    join_ends_though_more_is_put: "joined",
    task_done_too_often: "error",
}

impl Case {
    fn put(&self, queue: &Queue<i32>, value: i32) -> impl Future<Output = ()> + use<> {
        let (case, queue) = (self.clone(), queue.clone());
        async move {
            case.log(format_args!("{value}?"));
            let cancelled = OnDrop::new(|| case.log(format_args!("{value}x")));
            queue.put(value).await.unwrap();
            cancelled.disarm();
            case.log(format_args!("+{value}"));
        }
    }

    fn get(&self, queue: &Queue<i32>, name: &'static str) -> impl Future<Output = ()> + use<> {
        let (case, queue) = (self.clone(), queue.clone());
        async move {
            case.log(format_args!("{name}?"));
            let cancelled = OnDrop::new(|| case.log(format_args!("{name}x")));
            let value = queue.get().await.unwrap();
            cancelled.disarm();
            case.log(format_args!("{name}={value}"));
        }
    }

    fn start_put(&self, queue: &Queue<i32>, value: i32) -> Task<()> {
        self.ex.spawn(self.put(queue, value))
    }

    fn start_get(&self, queue: &Queue<i32>, name: &'static str) -> Task<()> {
        self.ex.spawn(self.get(queue, name))
    }
}

async fn first_in_first_out(case: Case) {
    let queue = Queue::unbounded();
    for value in 0..5 {
        queue.put(value).await.unwrap();
    }
    case.log(queue.len());
    for _ in 0..5 {
        case.log(queue.get().await.unwrap());
    }
}

async fn nothing_waits_where_it_need_not(case: Case) {
    let queue = Queue::bounded(2);
    let task = case.start_get(&queue, "a");
    queue.put(1).await.unwrap();
    queue.put(2).await.unwrap();
    case.log(queue.get().await.unwrap());
    case.log("main");
    task.await;
}

async fn nowait_is_refused(case: Case) {
    let queue = Queue::bounded(1);
    let is_full = || queue.len() == 1;
    case.log(format_args!("{} {}", queue.is_empty(), is_full()));
    if queue.get_nowait().is_none() {
        case.log("empty");
    }
    queue.put_nowait(1).unwrap();
    case.log(format_args!("{} {}", queue.is_empty(), is_full()));
    if queue.put_nowait(2) == Err(2) {
        case.log("full");
    }
    case.log(queue.get_nowait().unwrap());
}

async fn putters_wait_for_room_in_order(case: Case) {
    let queue = Queue::bounded(2);
    for value in 1..6 {
        case.start_put(&queue, value).detach();
    }
    turns(3).await;
    for _ in 0..5 {
        case.log(format_args!("={}", queue.get().await.unwrap()));
        turns(2).await;
    }
}

async fn getters_wait_for_values_in_order(case: Case) {
    let queue = Queue::unbounded();
    for name in ["a", "b", "c"] {
        case.start_get(&queue, name).detach();
    }
    turns(3).await;
    for value in 1..4 {
        queue.put(value).await.unwrap();
        case.log(format_args!("+{value}"));
    }
    turns(3).await;
}

async fn one_at_a_time(case: Case) {
    let queue = Queue::bounded(1);
    let task = case.ex.spawn({
        let (case, queue) = (case.clone(), queue.clone());
        async move {
            for value in 1..5 {
                case.put(&queue, value).await;
            }
        }
    });
    for _ in 0..4 {
        case.get(&queue, "a").await;
    }
    task.await;
}

async fn a_getter_that_waits_is_cancelled(case: Case) {
    let queue = Queue::unbounded();
    let (a, b) = (case.start_get(&queue, "a"), case.start_get(&queue, "b"));
    turns(3).await;
    drop(a);
    turns(3).await;
    queue.put(1).await.unwrap();
    b.await;
}

async fn a_getter_that_was_woken_is_cancelled(case: Case) {
    let queue = Queue::unbounded();
    let (a, b) = (case.start_get(&queue, "a"), case.start_get(&queue, "b"));
    turns(3).await;
    queue.put(1).await.unwrap();
    drop(a);
    b.await;
}

async fn a_putter_that_waits_is_cancelled(case: Case) {
    let queue = Queue::bounded(1);
    case.put(&queue, 0).await;
    let (a, b) = (case.start_put(&queue, 1), case.start_put(&queue, 2));
    turns(3).await;
    drop(a);
    turns(3).await;
    case.get(&queue, "a").await;
    b.await;
    case.get(&queue, "b").await;
}

async fn a_putter_that_was_woken_is_cancelled(case: Case) {
    let queue = Queue::bounded(1);
    case.put(&queue, 0).await;
    let (a, b) = (case.start_put(&queue, 1), case.start_put(&queue, 2));
    turns(3).await;
    case.get(&queue, "a").await;
    drop(a);
    b.await;
    case.get(&queue, "b").await;
}

async fn nowait_takes_a_value_that_another_waiter_was_woken_for(case: Case) {
    let queue = Queue::unbounded();
    let a = case.start_get(&queue, "a");
    turns(3).await;
    case.put(&queue, 1).await;
    case.log(queue.get_nowait().unwrap());
    turns(3).await;
    case.put(&queue, 2).await;
    a.await;
}

async fn join_waits_for_the_last_task_done(case: Case) {
    let queue = Queue::unbounded();
    queue.join().await;
    case.log("at once");
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    for name in ["a", "b"] {
        let (case, queue) = (case.clone(), queue.clone());
        let ex = case.ex.clone();
        ex.spawn(async move {
            queue.join().await;
            case.log(name);
        })
        .detach();
    }
    for _ in 0..2 {
        turns(3).await;
        case.log(format_args!("={}", queue.get().await.unwrap()));
        turns(3).await;
        queue.task_done();
        case.log("done");
    }
    turns(3).await;
}

async fn join_ends_though_more_is_put(case: Case) {
    let queue = Queue::unbounded();
    queue.put_nowait(1).unwrap();
    let task = case.ex.spawn({
        let queue = queue.clone();
        async move { queue.join().await }
    });
    turns(3).await;
    queue.task_done();
    queue.put_nowait(2).unwrap();
    task.await;
    case.log("joined");
}

async fn task_done_too_often(case: Case) {
    let queue = Queue::unbounded();
    queue.put_nowait(1).unwrap();
    queue.task_done();
    let panic = panic_of(|| queue.task_done());
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "`task_done` for more values than have been put"
    );
    case.log("error");
    queue.put_nowait(2).unwrap(); // it is as good as before
    queue.task_done();
    queue.join().await;
}

/// What a waker has been told.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A future and what its own waker has been told.
struct Polled<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Woken>,
}

impl<'a, T> Polled<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
        let (future, woken) = (Box::pin(future), Arc::default());
        Polled { future, woken }
    }

    /// Polls it with a waker that has not been told anything, which may be a new one.
    fn poll(&mut self) -> Poll<T> {
        if self.is_woken() {
            self.woken = Arc::default();
        }
        self.poll_with(&Waker::from(Arc::clone(&self.woken)))
    }

    fn poll_with(&mut self, waker: &Waker) -> Poll<T> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    fn is_woken(&self) -> bool {
        self.woken.count() > 0
    }
}

/// One that waits now.
fn waiting<'a, T>(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
    let mut polled = Polled::new(future);
    assert!(polled.poll().is_pending());
    polled
}

type Putter<'a> = Polled<'a, Result<(), Closed<u32>>>;

/// A queue beside a list of what must be in it, and of those who must wait. Every poll is foretold.
struct Model<'a> {
    queue: &'a Queue<u32>,
    capacity: usize,
    values: VecDeque<u32>,
    getters: Vec<Polled<'a, Result<u32, Closed>>>,
    putters: Vec<(Putter<'a>, u32)>,
    next: u32,
}

impl Model<'_> {
    fn room(&self) -> usize {
        self.capacity - self.values.len()
    }

    fn poll_getter(&mut self, index: usize) {
        let ready = self.getters[index].poll();
        if index < self.values.len() {
            assert_eq!(ready, Poll::Ready(Ok(self.values.pop_front().unwrap())));
            drop(self.getters.remove(index));
        } else {
            assert_eq!(ready, Poll::Pending);
        }
    }

    fn poll_putter(&mut self, index: usize) {
        let (putter, value) = &mut self.putters[index];
        let ready = putter.poll();
        if index < self.capacity - self.values.len() {
            assert_eq!(ready, Poll::Ready(Ok(())));
            self.values.push_back(*value);
            drop(self.putters.remove(index));
        } else {
            assert_eq!(ready, Poll::Pending);
        }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        match random.u8(..13) {
            0..3 => {
                self.getters.push(Polled::new(self.queue.get()));
                self.poll_getter(self.getters.len() - 1);
            }
            3..6 => {
                let putter = Polled::new(self.queue.put(self.next));
                self.putters.push((putter, self.next));
                self.next += 1;
                self.poll_putter(self.putters.len() - 1);
            }
            6 | 7 if !self.getters.is_empty() => {
                self.poll_getter(random.usize(..self.getters.len()));
            }
            8 | 9 if !self.putters.is_empty() => {
                self.poll_putter(random.usize(..self.putters.len()));
            }
            10 if !self.getters.is_empty() => {
                drop(self.getters.remove(random.usize(..self.getters.len())));
            }
            11 if !self.putters.is_empty() => {
                drop(self.putters.remove(random.usize(..self.putters.len())));
            }
            12 if random.bool() => {
                assert_eq!(self.queue.get_nowait(), self.values.pop_front());
            }
            12 if self.room() > 0 => {
                assert_eq!(self.queue.put_nowait(self.next), Ok(()));
                self.values.push_back(self.next);
                self.next += 1;
            }
            12 => {
                assert_eq!(self.queue.put_nowait(self.next), Err(self.next));
            }
            _ => {}
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.queue.len(), self.values.len());
        // Every waiter that can go on has been woken.
        let mut served = self.getters.iter().take(self.values.len());
        assert!(served.all(|getter| getter.is_woken()));
        let mut served = self.putters.iter().take(self.room());
        assert!(served.all(|(putter, _)| putter.is_woken()));
    }

    /// No waiters are left: they are polled in any order.
    fn close(&mut self, random: &mut fastrand::Rng) {
        self.queue.close();
        assert!(self.getters.iter().all(|getter| getter.is_woken()));
        assert!(self.putters.iter().all(|(putter, _)| putter.is_woken()));
        while !self.putters.is_empty() {
            let (mut putter, value) = self.putters.swap_remove(random.usize(..self.putters.len()));
            assert_eq!(putter.poll(), Poll::Ready(Err(Closed(value))));
        }
        while !self.getters.is_empty() {
            let mut getter = self.getters.swap_remove(random.usize(..self.getters.len()));
            let value = self.values.pop_front();
            assert_eq!(getter.poll(), Poll::Ready(value.ok_or(Closed(()))));
        }
        for value in self.values.drain(..) {
            assert_eq!(self.queue.get_nowait(), Some(value));
        }
        assert_eq!(self.queue.get_nowait(), None);
    }
}

#[test]
fn every_poll_gives_what_it_must() {
    end_if_it_hangs();
    for seed in 0..3000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let capacity = random.usize(1..5);
        let queue = Queue::bounded(capacity);
        let mut model = Model {
            queue: &queue,
            capacity,
            values: VecDeque::new(),
            getters: Vec::new(),
            putters: Vec::new(),
            next: 0,
        };
        for _ in 0..random.usize(..300) {
            model.step(&mut random);
        }
        model.close(&mut random);
    }
}

async fn sum_of(queue: Queue<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(value) = queue.get().await {
        sum += value;
        if value % 7 == 0 {
            yield_now().await;
        }
        queue.task_done();
    }
    sum
}

/// With every executor that keeps its tasks on one thread.
fn many_together(producers: u64, workers: usize, queue: &Queue<u64>) {
    const EACH: u64 = 1000;
    let ex = LocalExecutor::new();
    let main = async {
        let workers: Vec<_> = (0..workers)
            .map(|_| ex.spawn(sum_of(queue.clone())))
            .collect();
        let producers: Vec<_> = (0..producers)
            .map(|producer| {
                let queue = queue.clone();
                ex.spawn(async move {
                    for i in 0..EACH {
                        queue.put(producer * EACH + i).await.unwrap();
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.await;
        }
        queue.join().await;
        assert!(queue.is_empty());
        queue.close();
        let mut sum = 0;
        for worker in workers {
            sum += worker.await;
        }
        sum
    };
    let sum = block_on(ex.run(main));
    let n = producers * EACH;
    assert_eq!(sum, n * (n - 1) / 2);
}

#[test]
fn many_producers_and_workers() {
    end_if_it_hangs();
    for capacity in [1, 2, 3, 100] {
        for (producers, workers) in [(1, 1), (1, 8), (8, 1), (3, 5), (20, 20)] {
            many_together(producers, workers, &Queue::bounded(capacity));
        }
    }
    many_together(8, 8, &Queue::unbounded());
}

/// In asyncio the one that is always there first would get everything.
#[test]
fn a_newcomer_does_not_overtake_who_waits() {
    let log = Rc::new(RefCell::new(Vec::new()));
    run(async |ex| {
        let queue = Queue::bounded(1);
        let worker = |name| {
            let (queue, log) = (queue.clone(), log.clone());
            ex.spawn(async move {
                while queue.get().await.is_ok() {
                    log.borrow_mut().push(name);
                }
            })
        };
        let workers = [worker("a"), worker("b")];
        for _ in 0..4 {
            turns(3).await;
            queue.put_nowait(()).unwrap();
        }
        turns(3).await;
        queue.close();
        for worker in workers {
            worker.await;
        }
        assert_eq!(log.take(), ["a", "b", "a", "b"]);
    });
}

#[test]
fn a_put_has_put_or_it_has_not() {
    let drops = Drops::default();
    let queue = Queue::bounded(1);
    queue.put_nowait(drops.guard()).unwrap_or_else(|_| panic!());
    let waits = waiting(queue.put(drops.guard()));
    let woken = waiting(queue.put(drops.guard()));
    drop(waits);
    assert_eq!(drops.count(), 1);
    drop(queue.get_nowait().unwrap());
    assert_eq!(drops.count(), 2);
    assert!(woken.is_woken());
    drop(woken);
    assert_eq!(drops.count(), 3);
    assert!(queue.is_empty());
    drop(queue.put(drops.guard())); // never polled
    assert_eq!(drops.count(), 4);
    assert!(queue.is_empty());
}

#[test]
fn values_that_are_left_are_dropped_with_the_last_clone() {
    let drops = Drops::default();
    let queue = Queue::unbounded();
    for _ in 0..10 {
        queue.put_nowait(drops.guard()).unwrap_or_else(|_| panic!());
    }
    drop(queue.get_nowait());
    assert_eq!(drops.count(), 1);
    let clone = queue.clone();
    drop(queue);
    clone.close();
    assert_eq!(drops.count(), 1);
    drop(clone);
    assert_eq!(drops.count(), 10);
}

/// The model test closes with those that wait; here are those that come later, and what is left.
#[test]
fn after_closing_what_is_left_can_be_taken_and_is_to_be_done() {
    let queue = Queue::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut putter = waiting(queue.put(2));
    assert_eq!(queue.get_nowait(), Some(1));
    queue.put_nowait(3).unwrap();
    assert!(putter.is_woken() && !queue.is_closed());
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(putter.poll(), Poll::Ready(Err(Closed(2))));
    assert_eq!(block_on(queue.put(4)), Err(Closed(4)));
    assert_eq!(queue.put_nowait(5), Err(5));
    assert_eq!(block_on(queue.get()), Ok(3));
    assert_eq!(block_on(queue.get()), Err(Closed(())));
    assert_eq!(queue.get_nowait(), None);
    let mut join = waiting(queue.join());
    queue.task_done();
    assert!(join.poll().is_pending());
    queue.task_done();
    assert!(join.is_woken() && join.poll().is_ready());

    let queue = Queue::bounded(1);
    let (first, mut second) = (waiting(queue.get()), waiting(queue.get()));
    queue.put_nowait(1).unwrap();
    queue.close();
    drop(first); // its value is not lost
    assert_eq!(second.poll(), Poll::Ready(Ok(1)));
}

/// All three that wait, made so that they wait, and then not.
fn with_each(test: impl Fn(Polled<()>, &dyn Fn())) {
    let queue = Queue::bounded(1);
    let get = Polled::new(async { assert_eq!(queue.get().await, Ok(1)) });
    test(get, &|| queue.put_nowait(1).unwrap());

    let queue = Queue::bounded(1);
    queue.put_nowait(1).unwrap();
    let put = Polled::new(async { assert_eq!(queue.put(2).await, Ok(())) });
    test(put, &|| assert_eq!(queue.get_nowait(), Some(1)));

    let queue = Queue::bounded(1);
    queue.put_nowait(1).unwrap();
    test(Polled::new(queue.join()), &|| queue.task_done());
}

#[test]
fn the_last_waker_is_woken_once_and_the_others_are_let_go() {
    with_each(|mut future, end_waiting| {
        let counts = [(); 2].map(|()| Arc::new(Woken::default()));
        let [first, second] = [0, 1].map(|i| Waker::from(Arc::clone(&counts[i])));
        assert!(future.poll_with(&first).is_pending());
        assert!(future.poll_with(&first).is_pending());
        assert_eq!(Arc::strong_count(&counts[0]), 3);
        assert!(future.poll_with(&second).is_pending());
        assert_eq!(Arc::strong_count(&counts[0]), 2);
        assert_eq!(Arc::strong_count(&counts[1]), 3);
        end_waiting();
        assert_eq!([counts[0].count(), counts[1].count()], [0, 1]);
        assert_eq!(Arc::strong_count(&counts[1]), 2);
        assert!(future.poll_with(&first).is_ready());
        assert_eq!(Arc::strong_count(&counts[0]), 2);
    });
    with_each(|mut future, end_waiting| {
        assert!(future.poll().is_pending());
        let woken = Arc::clone(&future.woken);
        drop(future);
        end_waiting();
        assert_eq!((Arc::strong_count(&woken), woken.count()), (1, 0));
    });
}

thread_local! {
    /// What [`Busy`] uses: wakers are `Send`, and a queue is not.
    static USED: RefCell<Option<Queue<Noisy>>> = const { RefCell::new(None) };
}

/// Uses the queue in every way that does not wait.
fn use_the_queue() {
    let queue = USED.with_borrow(|queue| queue.clone());
    if let Some(queue) = queue {
        let _ = queue.put_nowait(Noisy(false));
        let mut get = Polled::new(queue.get());
        let _ = get.poll_with(Waker::noop());
        let _ = Polled::new(queue.put(Noisy(false))).poll_with(Waker::noop());
        let _ = Polled::new(queue.join()).poll_with(Waker::noop());
        drop(queue.get_nowait());
        drop(get);
    }
}

/// A value whose destructor uses the queue, if so.
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

fn busy() -> Waker {
    Waker::from(Arc::new(Busy))
}

#[test]
fn destructors_and_wakers_may_use_the_queue() {
    end_if_it_hangs();
    for capacity in [1, 2, 10] {
        let queue = Queue::bounded(capacity);
        USED.set(Some(queue.clone()));
        // Values that are dropped by those who take them, and those who do not put them.
        for _ in 0..20 {
            drop(queue.put_nowait(Noisy(true)));
        }
        while queue.get_nowait().is_some() {}
        // Wakers that are replaced, dropped with their futures, and woken.
        for end in 0..4 {
            let mut gets = [(); 2].map(|()| Polled::new(queue.get()));
            for get in &mut gets {
                while get.poll_with(&busy()).is_ready() {
                    *get = Polled::new(queue.get());
                }
                let _ = get.poll_with(&busy());
            }
            match end {
                0 => drop(queue.put_nowait(Noisy(true))),
                1 => drop(gets),
                2 => gets[0] = Polled::new(queue.get()),
                _ => {
                    for get in &mut gets {
                        drop(queue.put_nowait(Noisy(true)));
                        let _ = get.poll_with(&busy());
                    }
                }
            }
        }
        while queue.put_nowait(Noisy(true)).is_ok() {}
        for end in 0..3 {
            let mut puts = [(); 2].map(|()| Polled::new(queue.put(Noisy(true))));
            for put in &mut puts {
                if put.poll_with(&busy()).is_pending() {
                    let _ = put.poll_with(&busy());
                }
            }
            match end {
                0 => drop(queue.get_nowait()),
                1 => drop(puts),
                _ => queue.close(),
            }
        }
        let mut join = Polled::new(queue.join());
        let _ = join.poll_with(&busy());
        let _ = join.poll_with(&busy());
        drop(join);
        USED.set(None);
    }
}

/// A waker that does not do what it is told.
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

    let mut put = Polled::new(queue.put(3));
    assert!(put.poll_with(&panics).is_pending());
    let other = waiting(queue.put(4));
    let mut join = Polled::new(queue.join());
    assert!(join.poll_with(&panics).is_pending());
    let joins_too = waiting(queue.join());
    queue.close();
    assert!(other.is_woken());
    queue.task_done();
    queue.task_done();
    assert!(joins_too.is_woken());
}

#[test]
fn a_hundred_thousand_can_wait_and_be_given_up() {
    end_if_it_hangs();
    const N: usize = 100_000;
    let start = Instant::now();
    let queue = Queue::unbounded();
    let many = || -> Vec<_> { (0..N).map(|_| waiting(queue.get())).collect() };
    let (mut in_any_order, in_order) = (many(), many());
    fastrand::shuffle(&mut in_any_order);
    drop(in_any_order);
    queue.put_nowait(1).unwrap();
    // The turn passes on from one that is given up to the next.
    for get in in_order {
        assert!(get.is_woken());
        assert_eq!(queue.get_nowait(), Some(1));
        queue.put_nowait(1).unwrap();
        drop(get);
    }
    let mut last = Polled::new(queue.get());
    assert_eq!(last.poll(), Poll::Ready(Ok(1)));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_it_says_of_itself() {
    let queue = Queue::bounded(2);
    queue.put_nowait('a').unwrap();
    let shown = "Queue { len: 1, is_closed: false, .. }";
    assert_eq!(format!("{queue:?}"), shown);
    queue.close();
    let closed = block_on(queue.put('c')).unwrap_err();
    let text = "the queue has been closed Closed(..)";
    assert_eq!(format!("{closed} {closed:?}"), text);
    let panic = panic_of(|| Queue::<()>::bounded(0));
    let text = "a queue without a limit is `unbounded`";
    assert_eq!(panic.downcast_ref(), Some(&text));
}
