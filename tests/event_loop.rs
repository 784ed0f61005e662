//! What chapters 2 and 3 say of the event loops beside their programs.
#![cfg(unix)]

#[path = "../examples/02_callbacks/event_loop.rs"]
mod callbacks;
#[path = "../examples/03_coroutines/event_loop.rs"]
mod coroutines;
#[path = "common/stdin.rs"]
mod replaced;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
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

struct Guard(Log);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

fn text(line: Option<&[u8]>) -> String {
    line.map_or("(end)".to_string(), |line| {
        line.trim_ascii_end().escape_ascii().to_string()
    })
}

mod callback_loop {
    use super::*;
    use callbacks::EventLoop;

    fn new() -> (EventLoop, Log) {
        replaced::watchdog::end_if_it_hangs();
        (EventLoop::default(), Log::default())
    }

    fn say(
        log: &Log,
        event: &'static str,
    ) -> impl FnOnce(&mut EventLoop) -> io::Result<()> + use<> {
        let log = log.clone();
        move |_| {
            log.add(event);
            Ok(())
        }
    }

    /// A handler that says which lines it gets.
    fn hear(
        log: &Log,
        name: &'static str,
    ) -> impl FnMut(&mut EventLoop, Option<&[u8]>) -> io::Result<()> + use<> {
        let log = log.clone();
        move |_, line| {
            log.add(format!("{name} {}", text(line)));
            Ok(())
        }
    }

    #[test]
    fn timers_fire_by_time_and_then_by_order_of_adding() {
        let (mut event_loop, log) = new();
        for (wait, name) in [(20, "20"), (0, "0 a"), (10, "10"), (0, "0 b"), (0, "0 c")] {
            event_loop.add_timer(wait * MS, say(&log, name));
        }
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["0 a", "0 b", "0 c", "10", "20"]);
    }

    #[test]
    fn no_timer_fires_early() {
        let (mut event_loop, _) = new();
        let start = Instant::now();
        event_loop.add_timer(50 * MS, |_| Ok(()));
        event_loop.run_forever().unwrap();
        assert!(start.elapsed() >= 50 * MS);
    }

    #[test]
    fn a_timer_beyond_the_clock_is_never() {
        let (mut event_loop, log) = new();
        event_loop.add_timer(Duration::MAX, say(&log, "never"));
        event_loop.run_forever().unwrap(); // ends: nothing is left that could happen
        assert_eq!(log.take(), [""; 0]);
    }

    #[test]
    fn every_handler_gets_every_line_and_the_end() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"one\r\n\n\xff\nlast").unwrap();
        drop(input);
        let (mut event_loop, log) = new();
        event_loop.add_stdin_handler(hear(&log, "a"));
        event_loop.add_stdin_handler(hear(&log, "b"));
        event_loop.run_forever().unwrap(); // ends: nothing is left that could happen
        let expected = [
            "a one", "b one", "a ", "b ", "a \\xff", "b \\xff", "a last", "b last", "a (end)",
            "b (end)",
        ];
        assert_eq!(log.take(), expected);
    }

    #[test]
    fn a_newline_at_the_end_of_input_is_no_line() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n").unwrap();
        drop(input);
        let (mut event_loop, log) = new();
        event_loop.add_stdin_handler(hear(&log, "a"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["a 1", "a (end)"]);
    }

    #[test]
    fn a_handler_that_is_added_gets_the_next_line() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n").unwrap();
        drop(input);
        let (mut event_loop, log) = new();
        event_loop.add_stdin_handler({
            let log = log.clone();
            move |event_loop, line| {
                log.add(format!("first {}", text(line)));
                if line == Some(b"1\n") {
                    event_loop.add_stdin_handler(hear(&log, "added"));
                }
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        let expected = [
            "first 1",
            "first 2",
            "added 2",
            "first (end)",
            "added (end)",
        ];
        assert_eq!(log.take(), expected);
        // After the end, too.
        event_loop.add_stdin_handler(hear(&log, "late"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["late (end)"]);
    }

    #[test]
    fn nothing_is_called_after_stop_and_all_of_it_after_the_next_start() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\nnext\n").unwrap();
        let (mut event_loop, log) = new();
        event_loop.stop(); // before the start: no effect
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
        let (mut event_loop, log) = new();
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
        let (mut event_loop, _) = new();
        fn again(event_loop: &mut EventLoop) -> io::Result<()> {
            event_loop.add_timer(Duration::ZERO, again);
            Ok(())
        }
        event_loop.add_timer(Duration::ZERO, again);
        event_loop.add_stdin_handler(|event_loop, line| {
            assert_eq!(line, Some(&b"exit\n"[..]));
            event_loop.stop();
            Ok(())
        });
        event_loop.run_forever().unwrap();
    }

    #[test]
    fn the_first_error_ends_the_loop() {
        let (mut event_loop, _) = new();
        event_loop.add_timer(Duration::ZERO, |_| Err(io::Error::other("first")));
        event_loop.add_timer(Duration::ZERO, |_| Err(io::Error::other("second")));
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "first");
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "second");
    }

    #[test]
    fn dropping_the_loop_drops_the_callbacks() {
        let (mut event_loop, log) = new();
        let (in_timer, in_handler) = (Guard(log.clone()), Guard(log.clone()));
        event_loop.add_timer(MS, move |_| {
            drop(in_timer);
            Ok(())
        });
        event_loop.add_stdin_handler(move |_, _| {
            let _in_handler = &in_handler;
            Ok(())
        });
        assert_eq!(log.take(), [""; 0]);
        drop(event_loop);
        assert_eq!(log.take(), ["dropped"; 2]);
    }
}

mod coroutine_loop {
    use super::*;
    use coroutines::{EventLoop, yield_now};
    use smol::future::{or, poll_once};
    use std::future::poll_fn;
    use std::task::Poll;

    fn new() -> (EventLoop, Log) {
        replaced::watchdog::end_if_it_hangs();
        (EventLoop::default(), Log::default())
    }

    fn say(log: &Log, event: &'static str) -> impl Future<Output = io::Result<()>> + use<> {
        let log = log.clone();
        async move {
            log.add(event);
            Ok(())
        }
    }

    async fn text(event_loop: &EventLoop) -> String {
        super::text(event_loop.read_line().await.as_deref())
    }

    #[test]
    fn tasks_take_turns_in_the_order_they_were_scheduled() {
        let (event_loop, log) = new();
        for name in ["a", "b", "c"] {
            let log = log.clone();
            event_loop.schedule(async move {
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
        let (event_loop, log) = new();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                event_loop.schedule(say(&log, "inner"));
                log.add("outer");
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["outer", "inner"]);
    }

    #[test]
    fn sleepers_wake_by_time() {
        let (event_loop, log) = new();
        let start = Instant::now();
        for wait in [30, 10, 20] {
            let (in_task, log) = (event_loop.clone(), log.clone());
            event_loop.schedule(async move {
                in_task.sleep(wait * MS).await;
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
        let (event_loop, log) = new();
        for wait in [Duration::ZERO, Duration::from_nanos(1)] {
            let in_task = event_loop.clone();
            event_loop.schedule(async move {
                loop {
                    in_task.sleep(wait).await;
                }
            });
        }
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                for step in 1..=3 {
                    log.add(step);
                    yield_now().await;
                }
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "2", "3"]);
    }

    #[test]
    fn a_due_sleeper_waits_for_two_rounds_of_the_busy_tasks_at_most() {
        let (event_loop, log) = new();
        let due = Instant::now() + 20 * MS;
        let steps_after_due = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let steps_after_due = Rc::clone(&steps_after_due);
            event_loop.schedule(async move {
                loop {
                    if Instant::now() > due {
                        steps_after_due.set(steps_after_due.get() + 1);
                    }
                    thread::sleep(MS);
                    yield_now().await;
                }
            });
        }
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                event_loop.sleep(due - Instant::now()).await;
                log.add(steps_after_due.get());
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        let steps: u32 = log.take().concat().parse().unwrap();
        assert!(steps <= 20, "{steps} steps");
    }

    #[test]
    fn input_is_read_though_tasks_are_always_ready() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\n").unwrap();
        let (event_loop, log) = new();
        event_loop.schedule(async {
            loop {
                yield_now().await;
            }
        });
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                log.add(text(&event_loop).await);
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["exit"]);
    }

    #[test]
    fn each_line_goes_to_one_task_and_the_end_to_all() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n\n\xff\nfour\n").unwrap();
        drop(input);
        let (event_loop, log) = new();
        for name in ["a", "b"] {
            let (in_task, log) = (event_loop.clone(), log.clone());
            event_loop.schedule(async move {
                loop {
                    let line = text(&in_task).await;
                    log.add(format!("{name} {line}"));
                    if line == "(end)" {
                        return Ok(());
                    }
                }
            });
        }
        event_loop.run_forever().unwrap();
        let mut got = log.take();
        got[4..].sort();
        assert_eq!(
            got,
            ["a 1", "b ", "a \\xff", "b four", "a (end)", "b (end)"]
        );
    }

    #[test]
    fn half_a_line_at_the_end_of_input_is_a_line() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"half").unwrap();
        drop(input);
        let (event_loop, log) = new();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                log.add(text(&event_loop).await);
                log.add(text(&event_loop).await);
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["half", "(end)"]);
    }

    #[test]
    fn a_dropped_read_line_loses_nothing() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n").unwrap();
        let (event_loop, log) = new();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                // Dropped before a line came, and after.
                assert!(poll_once(event_loop.read_line()).await.is_none());
                let mut read_line = Box::pin(event_loop.read_line());
                assert!(poll_once(&mut read_line).await.is_none());
                event_loop.sleep(10 * MS).await;
                drop(read_line);
                for _ in 0..2 {
                    log.add(text(&event_loop).await);
                }
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["1", "2"]);
    }

    #[test]
    fn a_due_sleeper_waits_for_two_pasted_lines_at_most() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n3\n").unwrap();
        drop(input);
        let (event_loop, log) = new();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                for _ in 0..3 {
                    log.add(text(&event_loop).await);
                    thread::sleep(20 * MS);
                }
                Ok(())
            }
        });
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                event_loop.sleep(10 * MS).await;
                log.add("slept");
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        let events = log.take();
        assert_eq!(events.last().unwrap(), "3", "{events:?}");
    }

    #[test]
    fn a_dropped_sleep_does_not_keep_the_loop() {
        let (event_loop, _) = new();
        let start = Instant::now();
        event_loop.schedule({
            let event_loop = event_loop.clone();
            async move {
                or(event_loop.sleep(10 * MS), event_loop.sleep(Duration::MAX)).await;
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert!(start.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn functions_for_the_next_tick_come_after_the_step_and_before_other_tasks() {
        let (event_loop, log) = new();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                for name in ["tick a", "tick b"] {
                    let log = log.clone();
                    event_loop.do_on_next_tick(move || log.add(name));
                }
                log.add("task");
                yield_now().await;
                log.add("task again");
                Ok(())
            }
        });
        event_loop.schedule(say(&log, "other task"));
        event_loop.run_forever().unwrap();
        let expected = ["task", "tick a", "tick b", "other task", "task again"];
        assert_eq!(log.take(), expected);
    }

    #[test]
    fn stop_ends_the_loop_after_this_step() {
        for on_next_tick in [false, true] {
            let (event_loop, log) = new();
            event_loop.stop(); // before the start: no effect
            event_loop.schedule({
                let (event_loop, log) = (event_loop.clone(), log.clone());
                async move {
                    if on_next_tick {
                        let stopping = event_loop.clone();
                        event_loop.do_on_next_tick(move || stopping.stop());
                    } else {
                        event_loop.stop();
                    }
                    log.add("rest of the step");
                    yield_now().await;
                    log.add("next step");
                    Ok(())
                }
            });
            event_loop.schedule(say(&log, "other task"));
            event_loop.run_forever().unwrap();
            assert_eq!(log.take(), ["rest of the step"]);
        }
    }

    #[test]
    fn another_thread_wakes_a_task_at_the_next_round() {
        let (event_loop, log) = new();
        let (sender, receiver) = smol::channel::unbounded();
        event_loop.schedule({
            let (event_loop, log) = (event_loop.clone(), log.clone());
            async move {
                log.add(receiver.recv().await.unwrap());
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.schedule({
            let event_loop = event_loop.clone();
            async move {
                loop {
                    event_loop.sleep(10 * MS).await;
                }
            }
        });
        let sending = thread::spawn(move || {
            thread::sleep(25 * MS);
            sender.send_blocking(5).unwrap();
        });
        event_loop.run_forever().unwrap();
        sending.join().unwrap();
        assert_eq!(log.take(), ["5"]);
    }

    #[test]
    fn ten_wake_ups_are_one_step() {
        let (event_loop, _) = new();
        let mut polls = 0;
        event_loop.schedule(poll_fn(move |cx| {
            polls += 1;
            assert!(polls <= 2);
            for _ in 0..10 {
                cx.waker().wake_by_ref();
            }
            if polls == 2 {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        }));
        event_loop.run_forever().unwrap();
    }

    #[test]
    fn the_first_error_ends_the_loop() {
        let (event_loop, log) = new();
        event_loop.schedule(async { Err(io::Error::other("broken")) });
        event_loop.schedule(say(&log, "other task"));
        assert_eq!(event_loop.run_forever().unwrap_err().to_string(), "broken");
        assert_eq!(log.take(), [""; 0]);
    }

    #[test]
    fn the_end_of_run_forever_drops_the_tasks_that_are_left() {
        let (event_loop, log) = new();
        // A task that waits for each kind of thing, and holds a handle of its own loop.
        let (_input, _replaced) = replaced::pipe();
        for kind in 0..3 {
            let guard = Guard(log.clone());
            let in_task = event_loop.clone();
            event_loop.schedule(async move {
                let _guard = guard;
                match kind {
                    0 => in_task.sleep(Duration::MAX).await,
                    1 => drop(in_task.read_line().await),
                    _ => std::future::pending().await,
                }
                Ok(())
            });
        }
        event_loop.schedule({
            let event_loop = event_loop.clone();
            async move {
                event_loop.sleep(10 * MS).await;
                event_loop.stop();
                Ok(())
            }
        });
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["dropped"; 3]);
        assert_eq!(Rc::strong_count(&log.0), 1);
    }
}
