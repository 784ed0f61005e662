//! The rules of the two hand-written event loops.
#![cfg(unix)]

#[path = "common/stdin.rs"]
mod replaced;

use asyncio_to_smol::event_loop::{callbacks, coroutines};
use asyncio_to_smol::stdin::Stdin;
use smol::future::{or, poll_once, yield_now};
use smol::stream::StreamExt;
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, event: impl ToString) {
        self.0.borrow_mut().push(event.to_string());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

fn text(line: Option<&[u8]>) -> String {
    line.map_or("(end)".to_string(), |line| {
        String::from_utf8(line.to_vec()).unwrap()
    })
}

mod callback_loop {
    use super::*;
    use callbacks::EventLoop;

    fn say(log: &Log, event: &'static str) -> impl FnOnce(&EventLoop) -> io::Result<()> + use<> {
        let log = log.clone();
        move |_| {
            log.add(event);
            Ok(())
        }
    }

    #[test]
    fn timers_fire_by_time_and_then_by_order_of_adding() {
        let (event_loop, log) = (EventLoop::new(), Log::default());
        for (wait, name) in [(20, "20"), (0, "0 a"), (10, "10"), (0, "0 b"), (0, "0 c")] {
            event_loop.add_timer(wait * MS, say(&log, name));
        }
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["0 a", "0 b", "0 c", "10", "20"]);
    }

    #[test]
    fn no_timer_fires_early() {
        let event_loop = EventLoop::new();
        let start = Instant::now();
        event_loop.add_timer(50 * MS, move |_| {
            assert!(start.elapsed() >= 50 * MS);
            Ok(())
        });
        event_loop.run_forever().unwrap();
        assert!(start.elapsed() >= 50 * MS);
    }

    #[test]
    fn callbacks_add_and_remove_timers() {
        let (event_loop, log) = (EventLoop::new(), Log::default());
        let doomed = {
            let log = log.clone();
            event_loop.add_timer(10 * MS, move |_| {
                log.add("doomed");
                Ok(())
            })
        };
        let due_together = Rc::new(Cell::new(None));
        event_loop.add_timer(Duration::ZERO, {
            let (log, due_together) = (log.clone(), Rc::clone(&due_together));
            move |event_loop| {
                log.add("first");
                assert!(event_loop.remove_timer(doomed));
                assert!(!event_loop.remove_timer(doomed));
                assert!(event_loop.remove_timer(due_together.get().unwrap()));
                event_loop.add_timer(Duration::ZERO, say(&log, "added"));
                Ok(())
            }
        });
        // Due in the same turn as the callback that removes it.
        due_together.set(Some(
            event_loop.add_timer(Duration::ZERO, say(&log, "due in the same turn")),
        ));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["first", "added"]);
    }

    #[test]
    fn every_handler_gets_every_line_and_the_end() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"one\r\n\xff\nlast").unwrap();
        drop(input);
        let (event_loop, log) = (EventLoop::new(), Log::default());
        for name in ["a", "b"] {
            let log = log.clone();
            event_loop.add_stdin_handler(move |_, line| {
                log.add(format!(
                    "{name}: {:?}",
                    line.map(<[u8]>::escape_ascii).map(|s| s.to_string())
                ));
                Ok(())
            });
        }
        event_loop.run_forever().unwrap(); // ends by itself: nothing is left that could happen
        assert_eq!(
            log.take(),
            [
                r#"a: Some("one")"#,
                r#"b: Some("one")"#,
                r#"a: Some("\\xff")"#,
                r#"b: Some("\\xff")"#,
                r#"a: Some("last")"#,
                r#"b: Some("last")"#,
                "a: None",
                "b: None"
            ]
        );
    }

    #[test]
    fn callbacks_add_and_remove_handlers() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n3\n").unwrap();
        drop(input);
        let (event_loop, log) = (EventLoop::new(), Log::default());
        let own_id = Rc::new(Cell::new(None));
        let next_id = Rc::new(Cell::new(None));
        own_id.set(Some(event_loop.add_stdin_handler({
            let (log, own_id, next_id) = (log.clone(), Rc::clone(&own_id), Rc::clone(&next_id));
            move |event_loop, line| {
                log.add(format!("first {}", text(line)));
                if line == Some(b"1") {
                    // The one after this goes before it gets the line; a new one gets the next line.
                    assert!(event_loop.remove_stdin_handler(next_id.get().unwrap()));
                    let log = log.clone();
                    event_loop.add_stdin_handler(move |_, line| {
                        log.add(format!("added {}", text(line)));
                        Ok(())
                    });
                } else {
                    assert!(event_loop.remove_stdin_handler(own_id.get().unwrap()));
                }
                Ok(())
            }
        })));
        next_id.set(Some(event_loop.add_stdin_handler({
            let log = log.clone();
            move |_, line| {
                log.add(format!("removed {}", text(line)));
                Ok(())
            }
        })));
        event_loop.run_forever().unwrap();
        assert_eq!(
            log.take(),
            ["first 1", "first 2", "added 2", "added 3", "added (end)"]
        );
    }

    #[test]
    fn a_handler_added_after_the_end_is_told() {
        let (input, _replaced) = replaced::pipe();
        drop(input);
        let (event_loop, log) = (EventLoop::new(), Log::default());
        for _ in 0..2 {
            let log = log.clone();
            event_loop.add_stdin_handler(move |_, line| {
                log.add(text(line));
                Ok(())
            });
            event_loop.run_forever().unwrap();
        }
        assert_eq!(log.take(), ["(end)", "(end)"]);
    }

    #[test]
    fn nothing_is_called_after_stop_and_all_of_it_after_the_next_start() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\nnext\n").unwrap();
        let (event_loop, log) = (EventLoop::new(), Log::default());
        for name in ["a", "b"] {
            let log = log.clone();
            event_loop.add_stdin_handler(move |event_loop, line| {
                log.add(format!("{name} {}", text(line)));
                event_loop.stop();
                Ok(())
            });
        }
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["a exit"]);

        for name in ["timer a", "timer b"] {
            let log = log.clone();
            event_loop.add_timer(Duration::ZERO, move |event_loop| {
                log.add(name);
                event_loop.stop();
                Ok(())
            });
        }
        let runs: Vec<_> = (0..3)
            .map(|_| {
                event_loop.run_forever().unwrap();
                log.take().concat()
            })
            .collect();
        assert_eq!(runs, ["timer a", "timer b", "a next"]);
    }

    #[test]
    fn a_timer_comes_between_two_lines() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n").unwrap();
        drop(input);
        let (event_loop, log) = (EventLoop::new(), Log::default());
        event_loop.add_stdin_handler({
            let log = log.clone();
            move |_, line| {
                thread::sleep(20 * MS);
                log.add(text(line));
                Ok(())
            }
        });
        event_loop.add_timer(10 * MS, say(&log, "timer"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "timer", "2", "(end)"]);
    }

    #[test]
    fn timers_that_are_always_due_do_not_keep_input_out() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\n").unwrap();
        let event_loop = EventLoop::new();
        fn again(event_loop: &EventLoop) -> io::Result<()> {
            event_loop.add_timer(Duration::ZERO, again);
            Ok(())
        }
        event_loop.add_timer(Duration::ZERO, again);
        event_loop.add_stdin_handler(|event_loop, line| {
            assert_eq!(line, Some(&b"exit"[..]));
            event_loop.stop();
            Ok(())
        });
        event_loop.run_forever().unwrap();
    }

    #[test]
    fn the_first_error_ends_the_loop() {
        let event_loop = EventLoop::new();
        event_loop.add_timer(Duration::ZERO, |_| Err(io::Error::other("first")));
        event_loop.add_timer(Duration::ZERO, |_| Err(io::Error::other("second")));
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "first");
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "second");
    }

    #[test]
    fn it_leaves_standard_input_to_others_until_it_has_a_handler() {
        let (_input, _replaced) = replaced::pipe();
        let other = Stdin::open().unwrap();
        let event_loop = EventLoop::new();
        event_loop.add_timer(Duration::ZERO, |_| Ok(()));
        event_loop.run_forever().unwrap();
        event_loop.add_stdin_handler(|_, _| Ok(()));
        assert_eq!(
            event_loop.run_forever().unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        drop(other);
    }

    #[test]
    fn a_handler_that_panics_is_gone() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n").unwrap();
        let event_loop = EventLoop::new();
        event_loop.add_stdin_handler(|_, _| panic!("broken"));
        let panic = catch_unwind(AssertUnwindSafe(|| event_loop.run_forever())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"broken"));
        event_loop.run_forever().unwrap(); // nothing is left to wait for
    }

    #[test]
    fn it_cannot_run_inside_itself_and_goes_on_after_a_panic() {
        let (event_loop, log) = (EventLoop::new(), Log::default());
        event_loop.add_timer(Duration::ZERO, |event_loop| event_loop.run_forever());
        event_loop.add_timer(Duration::ZERO, say(&log, "after the panic"));
        let panic = catch_unwind(AssertUnwindSafe(|| event_loop.run_forever())).unwrap_err();
        assert_eq!(
            panic.downcast_ref(),
            Some(&"this event loop is already running")
        );
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["after the panic"]);
    }
}

mod coroutine_loop {
    use super::*;
    use coroutines::{EventLoop, Handle};

    fn new() -> (EventLoop, Handle, Log) {
        replaced::watchdog::end_if_it_hangs();
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        (event_loop, handle, Log::default())
    }

    fn say(log: &Log, event: &'static str) -> impl Future<Output = io::Result<()>> + use<> {
        let log = log.clone();
        async move {
            log.add(event);
            Ok(())
        }
    }

    async fn text(event_loop: &Handle) -> String {
        super::text(event_loop.read_line().await.as_deref())
    }

    #[test]
    fn tasks_take_turns_in_the_order_they_were_scheduled() {
        let (event_loop, handle, log) = new();
        for name in ["a", "b", "c"] {
            let log = log.clone();
            handle.schedule(async move {
                for step in 1..=2 {
                    log.add(format!("{name}{step}"));
                    yield_now().await;
                }
                Ok(())
            });
        }
        assert_eq!(log.take(), [""; 0], "nothing runs inside `schedule`");
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["a1", "b1", "c1", "a2", "b2", "c2"]);
    }

    #[test]
    fn a_running_task_schedules_another() {
        let (event_loop, handle, log) = new();
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                handle.schedule(say(&log, "inner"));
                log.add("outer");
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["outer", "inner"]);
    }

    #[test]
    fn sleepers_wake_by_time() {
        let (event_loop, handle, log) = new();
        let start = Instant::now();
        for wait in [30, 10, 20] {
            let (handle, log) = (handle.clone(), log.clone());
            handle.clone().schedule(async move {
                handle.sleep(wait * MS).await;
                assert!(start.elapsed() >= wait * MS);
                log.add(wait);
                Ok(())
            });
        }
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["10", "20", "30"]);
    }

    #[test]
    fn sleepers_that_are_always_due_let_others_run() {
        let (event_loop, handle, log) = new();
        for wait in [Duration::ZERO, Duration::from_nanos(1)] {
            let handle = handle.clone();
            handle.clone().schedule(async move {
                loop {
                    handle.sleep(wait).await;
                }
            });
        }
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                for step in 1..=3 {
                    log.add(step);
                    yield_now().await;
                }
                handle.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "2", "3"]);
    }

    #[test]
    fn a_due_sleeper_waits_for_one_step_of_the_busy_tasks_at_most() {
        let (event_loop, handle, log) = new();
        let due = Instant::now() + 20 * MS;
        let steps_after_due = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let steps_after_due = Rc::clone(&steps_after_due);
            handle.schedule(async move {
                loop {
                    if Instant::now() > due {
                        steps_after_due.set(steps_after_due.get() + 1);
                    }
                    thread::sleep(MS);
                    yield_now().await;
                }
            });
        }
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                handle.sleep(due - Instant::now()).await;
                log.add(steps_after_due.get());
                handle.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        let steps: u32 = log.take().concat().parse().unwrap();
        assert!(steps <= 1, "{steps} steps");
    }

    #[test]
    fn input_is_read_though_tasks_are_always_ready() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\n").unwrap();
        let (event_loop, handle, log) = new();
        handle.schedule(async {
            loop {
                yield_now().await;
            }
        });
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                log.add(text(&handle).await);
                handle.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["exit"]);
    }

    #[test]
    fn all_who_wait_get_the_line_and_the_end() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\nlast").unwrap();
        drop(input);
        let (event_loop, handle, log) = new();
        for name in ["a", "b"] {
            let (handle, log) = (handle.clone(), log.clone());
            handle.clone().schedule(async move {
                loop {
                    let line = text(&handle).await;
                    log.add(format!("{name} {line}"));
                    if line == "(end)" {
                        return Ok(());
                    }
                }
            });
        }
        event_loop.run_forever().unwrap();
        assert_eq!(
            log.take(),
            [
                "a 1", "b 1", "a 2", "b 2", "a last", "b last", "a (end)", "b (end)"
            ]
        );
    }

    #[test]
    fn a_dropped_read_line_loses_nothing() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n3\n").unwrap();
        let (event_loop, handle, log) = new();
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                // Dropped before a line came.
                assert!(poll_once(handle.read_line()).await.is_none());
                // Dropped with a line in it: the loop delivers while this task sleeps.
                for _ in 0..2 {
                    let mut read_line = Box::pin(handle.read_line());
                    assert!(poll_once(&mut read_line).await.is_none());
                    handle.sleep(10 * MS).await;
                    drop(read_line);
                }
                for _ in 0..3 {
                    log.add(text(&handle).await);
                }
                handle.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "2", "3"]);
    }

    #[test]
    fn a_line_that_one_has_taken_is_not_returned_by_another() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n").unwrap();
        drop(input);
        let (event_loop, handle, log) = new();
        // Is woken last for line 1, and drops it.
        let late = Rc::new(RefCell::new(None));
        handle.schedule({
            let (handle, late) = (handle.clone(), Rc::clone(&late));
            async move {
                let mut read_line = Box::pin(handle.read_line());
                assert!(poll_once(&mut read_line).await.is_none());
                *late.borrow_mut() = Some(read_line);
                Ok(())
            }
        });
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                log.add(text(&handle).await);
                drop(late.take());
                log.add(text(&handle).await);
                log.add(text(&handle).await);
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "2", "(end)"]);
    }

    #[test]
    fn what_nobody_has_taken_goes_to_the_next_reader_when_the_loop_is_dropped() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n3\nha").unwrap();
        drop(input);
        let (event_loop, handle, _) = new();
        for _ in 0..2 {
            // Each gets a line delivered and does not look at it; the loop stops with both waiting.
            handle.schedule({
                let handle = handle.clone();
                async move {
                    let mut read_line = Box::pin(handle.read_line());
                    assert!(poll_once(&mut read_line).await.is_none());
                    handle.sleep(10 * MS).await;
                    let mut second = Box::pin(handle.read_line());
                    assert!(poll_once(&mut second).await.is_none());
                    handle.sleep(10 * MS).await;
                    handle.stop();
                    std::future::pending().await
                }
            });
        }
        event_loop.run_forever().unwrap();
        drop(event_loop);
        let lines = smol::block_on(
            Stdin::open()
                .unwrap()
                .map(Result::unwrap)
                .collect::<Vec<_>>(),
        );
        assert_eq!(lines, [&b"1"[..], b"2", b"3", b"ha"]);
    }

    #[test]
    fn a_dropped_sleep_is_forgotten() {
        let (event_loop, handle, _) = new();
        let start = Instant::now();
        handle.schedule({
            let handle = handle.clone();
            async move {
                or(handle.sleep(10 * MS), handle.sleep(100_000 * MS)).await;
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert!(start.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn functions_for_the_next_tick_come_before_any_task_and_not_at_once() {
        let (event_loop, handle, log) = new();
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                for name in ["tick a", "tick b"] {
                    let log = log.clone();
                    handle.do_on_next_tick(move || log.add(name));
                }
                log.add("task");
                yield_now().await;
                log.add("task again");
                Ok(())
            }
        });
        handle.schedule(say(&log, "other task"));
        event_loop.run_forever().unwrap();
        assert_eq!(
            log.take(),
            ["task", "tick a", "tick b", "other task", "task again"]
        );
    }

    #[test]
    fn stop_ends_the_loop_after_this_step_and_a_second_run_goes_on() {
        let (event_loop, handle, log) = new();
        handle.schedule({
            let (handle, log) = (handle.clone(), log.clone());
            async move {
                handle.stop();
                log.add("rest of the step");
                yield_now().await;
                log.add("next step");
                Ok(())
            }
        });
        handle.schedule(say(&log, "other task"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["rest of the step"]);
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["other task", "next step"]);
    }

    #[test]
    fn stop_on_the_next_tick_lets_no_task_run_before() {
        let (event_loop, handle, log) = new();
        handle.schedule({
            let handle = handle.clone();
            async move {
                let stopping = handle.clone();
                handle.do_on_next_tick(move || stopping.stop());
                Ok(())
            }
        });
        handle.schedule(say(&log, "other task"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), [""; 0]);
    }

    #[test]
    fn another_thread_wakes_a_task() {
        let (event_loop, handle, log) = new();
        let (sender, receiver) = smol::channel::unbounded();
        handle.schedule({
            let log = log.clone();
            async move {
                while let Ok(n) = receiver.recv().await {
                    log.add(n);
                }
                Ok(())
            }
        });
        let sending = thread::spawn(move || {
            for n in 0..1000 {
                sender.send_blocking(n).unwrap();
                if n % 100 == 0 {
                    thread::sleep(5 * MS); // long enough for the loop to fall asleep
                }
            }
        });
        event_loop.run_forever().unwrap();
        sending.join().unwrap();
        let expected: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(log.take(), expected);
    }

    #[test]
    fn ten_wake_ups_are_one_step() {
        let (event_loop, handle, _) = new();
        let mut polls = 0;
        handle.schedule(std::future::poll_fn(move |cx| {
            polls += 1;
            assert!(polls <= 2);
            for _ in 0..10 {
                cx.waker().wake_by_ref();
            }
            if polls == 2 {
                std::task::Poll::Ready(Ok(()))
            } else {
                std::task::Poll::Pending
            }
        }));
        event_loop.run_forever().unwrap();
    }

    #[test]
    fn the_first_error_ends_the_loop_and_the_others_stay() {
        let (event_loop, handle, log) = new();
        handle.schedule(async { Err(io::Error::other("broken")) });
        handle.schedule(say(&log, "other task"));
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "broken");
        assert_eq!(log.take(), [""; 0]);
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["other task"]);
    }

    #[test]
    fn a_panic_passes_through_and_the_others_stay() {
        let (event_loop, handle, log) = new();
        let in_task = Guard(log.clone(), "dropped with its task");
        handle.schedule(async move {
            let _in_task = in_task;
            panic!("broken")
        });
        handle.schedule(say(&log, "other task"));
        let panic = catch_unwind(AssertUnwindSafe(|| event_loop.run_forever())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"broken"));
        assert_eq!(log.take(), ["dropped with its task"]);
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["other task"]);
    }

    struct Guard(Log, &'static str);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.add(self.1);
        }
    }

    #[test]
    fn dropping_the_loop_drops_its_tasks_and_what_is_scheduled_later() {
        let (event_loop, handle, log) = new();
        // A task that waits for each kind of thing, and holds a handle of its own loop.
        let (_input, _replaced) = replaced::pipe();
        for kind in 0..3 {
            let guard = Guard(log.clone(), "dropped");
            handle.schedule({
                let handle = handle.clone();
                async move {
                    let _guard = guard;
                    match kind {
                        0 => handle.sleep(Duration::MAX).await,
                        1 => drop(handle.read_line().await),
                        _ => std::future::pending().await,
                    }
                    Ok(())
                }
            });
        }
        handle.schedule({
            let handle = handle.clone();
            async move {
                handle.sleep(10 * MS).await;
                handle.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        let on_next_tick = Guard(log.clone(), "dropped");
        handle.do_on_next_tick(move || drop(on_next_tick));
        assert_eq!(log.take(), [""; 0]);
        drop(event_loop);
        assert_eq!(log.take(), ["dropped"; 4]);
        Stdin::open().expect("the loop has given standard input back");

        let guard = Guard(log.clone(), "dropped");
        handle.schedule(async move {
            drop(guard);
            Ok(())
        });
        assert_eq!(log.take(), ["dropped"]);
        drop(handle);
        assert_eq!(Rc::strong_count(&log.0), 1);
    }

    #[test]
    fn it_cannot_run_inside_itself() {
        let (event_loop, handle, _) = new();
        let event_loop = Rc::new(event_loop);
        handle.schedule({
            let inner = Rc::clone(&event_loop);
            async move { inner.run_forever() }
        });
        let panic = catch_unwind(AssertUnwindSafe(|| event_loop.run_forever())).unwrap_err();
        assert_eq!(
            panic.downcast_ref(),
            Some(&"this event loop is already running")
        );
    }
}
