//! The event loops beside the programs of chapters 2 and 3: what tests/hello.rs does not see.
#![cfg(unix)]

#[path = "../examples/02_callbacks/event_loop.rs"]
mod callbacks;
#[path = "../examples/03_coroutines/event_loop.rs"]
mod coroutines;
#[path = "common/stdin.rs"]
mod replaced;

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

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
        line.trim_ascii_end().escape_ascii().to_string()
    })
}

mod callback_loop {
    use super::*;
    use callbacks::EventLoop;
    use std::io;

    /// Logs the lines that it gets.
    fn handler(
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
    fn timers_fire_in_the_order_of_their_times_and_not_early() {
        replaced::watchdog::end_if_it_hangs();
        let (mut event_loop, log) = (EventLoop::default(), Log::default());
        let start = Instant::now();
        for (wait, name) in [(20, "20"), (0, "0 a"), (10, "10"), (0, "0 b")] {
            let log = log.clone();
            event_loop.add_timer(wait * MS, move |_| {
                assert!(start.elapsed() >= wait * MS);
                log.add(name);
                Ok(())
            });
        }
        event_loop.add_timer(Duration::MAX, |_| panic!("the clock cannot represent it"));
        event_loop.run_forever().unwrap(); // ends: no timer is left
        assert_eq!(log.take(), ["0 a", "0 b", "10", "20"]);
    }

    #[test]
    fn every_handler_gets_every_line_and_the_end_once() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"one\r\n\n\xff\n").unwrap();
        drop(input);
        let (mut event_loop, log) = (EventLoop::default(), Log::default());
        event_loop.add_stdin_handler({
            let log = log.clone();
            move |event_loop, line| {
                log.add(format!("a {}", text(line)));
                if line == Some(b"one\r\n") {
                    event_loop.add_stdin_handler(handler(&log, "added"));
                }
                Ok(())
            }
        });
        event_loop.add_stdin_handler(handler(&log, "b"));
        event_loop.run_forever().unwrap(); // ends: the handlers are dropped at the end of input
        let expected = "a one|b one|a |b |added |a \\xff|b \\xff|added \\xff|\
                        a (end)|b (end)|added (end)";
        assert_eq!(log.take().join("|"), expected);
        event_loop.add_stdin_handler(handler(&log, "late"));
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["late (end)"]);
    }

    #[test]
    fn stop_calls_nothing_more_and_the_next_start_calls_the_rest() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"exit\nnext\n").unwrap();
        let (mut event_loop, log) = (EventLoop::default(), Log::default());
        event_loop.stop(); // before the start: no effect
        for name in ["a", "b"] {
            let mut log_line = handler(&log, name);
            event_loop.add_stdin_handler(move |event_loop, line| {
                event_loop.stop();
                log_line(event_loop, line)
            });
        }
        event_loop.run_forever().unwrap();
        assert_eq!(log.take(), ["a exit"]);
        for name in ["timer a", "timer b"] {
            let log = log.clone();
            event_loop.add_timer(Duration::ZERO, move |event_loop| {
                event_loop.stop();
                log.add(name);
                Ok(())
            });
        }
        for expected in ["timer a", "timer b", "a next"] {
            event_loop.run_forever().unwrap();
            assert_eq!(log.take(), [expected]);
        }
    }
}

mod coroutine_loop {
    use super::*;
    use coroutines::{EventLoop, yield_now};
    use smol::future::{or, poll_once};
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    #[derive(Clone, Default)]
    struct Case {
        event_loop: EventLoop,
        log: Log,
    }

    impl Case {
        fn add<F: Future + 'static>(&self, task: impl FnOnce(Case) -> F) {
            let task = task(self.clone());
            self.event_loop.schedule(async {
                task.await;
                Ok(())
            });
        }

        /// What is logged until the loop ends.
        fn run(&self) -> Vec<String> {
            replaced::watchdog::end_if_it_hangs();
            assert_eq!(self.log.take(), [""; 0], "`schedule` runs nothing");
            self.event_loop.run_forever().unwrap();
            self.log.take()
        }

        async fn line(&self) -> String {
            text(self.event_loop.read_line().await.as_deref())
        }
    }

    #[test]
    fn tasks_take_turns_and_functions_for_the_next_tick_come_right_after_the_step() {
        let case = Case::default();
        case.add(|case| async move {
            for name in ["tick a", "tick b"] {
                let log = case.log.clone();
                case.event_loop.do_on_next_tick(move || log.add(name));
            }
            case.add(|case| async move { case.log.add("inner") });
            case.log.add("a1");
            yield_now().await;
            case.log.add("a2");
        });
        case.add(|case| async move {
            case.log.add("b1");
            yield_now().await;
            case.log.add("b2");
        });
        let expected = ["a1", "tick a", "tick b", "b1", "a2", "b2", "inner"];
        assert_eq!(case.run(), expected);
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_times_and_not_early() {
        let case = Case::default();
        let start = Instant::now();
        for wait in [30, 10, 20] {
            case.add(|case| async move {
                // The dropped one does not keep the loop.
                let [sleep, dropped] = [wait * MS, Duration::MAX].map(|w| case.event_loop.sleep(w));
                or(sleep, dropped).await;
                assert!(start.elapsed() >= wait * MS);
                case.log.add(wait);
            });
        }
        assert_eq!(case.run(), ["10", "20", "30"]);
    }

    #[test]
    fn each_line_goes_to_one_task_and_the_end_to_all() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n\n\xff\nfour\n").unwrap();
        drop(input);
        let case = Case::default();
        for name in ["a", "b"] {
            case.add(|case| async move {
                let mut line = String::new();
                while line != "(end)" {
                    line = case.line().await;
                    case.log.add(format!("{name} {line}"));
                }
            });
        }
        let mut got = case.run();
        got[4..].sort();
        let expected = ["a 1", "b ", "a \\xff", "b four", "a (end)", "b (end)"];
        assert_eq!(got, expected);
    }

    #[test]
    fn a_dropped_read_line_loses_nothing() {
        let (mut input, _replaced) = replaced::pipe();
        input.write_all(b"1\n2\n").unwrap();
        let case = Case::default();
        case.add(|case| async move {
            // Dropped before it waits for the input, and after the input has come.
            for polls in [1, 2] {
                let mut read_line = Box::pin(case.event_loop.read_line());
                for _ in 0..polls {
                    assert!(poll_once(&mut read_line).await.is_none());
                }
                case.event_loop.sleep(10 * MS).await;
            }
            for _ in 0..2 {
                case.log.add(case.line().await);
            }
        });
        assert_eq!(case.run(), ["1", "2"]);
    }

    #[test]
    fn stop_ends_the_loop_after_this_step() {
        for on_next_tick in [false, true] {
            let case = Case::default();
            case.event_loop.stop(); // before the start: no effect
            case.add(|case| async move {
                if on_next_tick {
                    let stopping = case.event_loop.clone();
                    case.event_loop.do_on_next_tick(move || stopping.stop());
                } else {
                    case.event_loop.stop();
                }
                case.log.add("rest of the step");
                yield_now().await;
                case.log.add("next step");
            });
            case.add(|case| async move { case.log.add("other task") });
            assert_eq!(case.run(), ["rest of the step"]);
        }
    }

    #[test]
    fn a_waker_of_another_thread_is_noticed_at_the_next_round() {
        let case = Case::default();
        let (sender, receiver) = smol::channel::unbounded();
        case.add(|case| async move {
            case.log.add(receiver.recv().await.unwrap());
            case.event_loop.stop();
        });
        case.add(|case| async move {
            // Only once the other task waits.
            let sending = thread::spawn(move || sender.send_blocking(5).unwrap());
            sending.join().unwrap();
            loop {
                case.event_loop.sleep(10 * MS).await;
            }
        });
        assert_eq!(case.run(), ["5"]);
    }

    #[test]
    fn ten_wake_ups_are_one_step() {
        let case = Case::default();
        let mut polls = 0;
        case.add(|case| {
            poll_fn(move |cx| {
                polls += 1;
                case.log.add(polls);
                if polls == 1 {
                    (0..10).for_each(|_| cx.waker().wake_by_ref());
                }
                Poll::<()>::Pending
            })
        });
        case.add(|case| async move {
            yield_now().await;
            yield_now().await;
            yield_now().await;
            case.event_loop.stop();
        });
        assert_eq!(case.run(), ["1", "2"]);
    }

    #[test]
    fn the_end_of_run_forever_drops_the_other_tasks() {
        struct Guard(Log);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.add("dropped");
            }
        }
        // A task for each event to wait for. It holds a handle of its own loop.
        let (_input, _replaced) = replaced::pipe();
        let case = Case::default();
        for kind in 0..3 {
            case.add(|case| async move {
                let _guard = Guard(case.log.clone());
                match kind {
                    0 => case.event_loop.sleep(Duration::MAX).await,
                    1 => drop(case.event_loop.read_line().await),
                    _ => pending().await,
                }
            });
        }
        case.add(|case| async move {
            case.event_loop.sleep(10 * MS).await;
            case.event_loop.stop();
        });
        assert_eq!(case.run(), ["dropped"; 3]);
        assert_eq!(Rc::strong_count(&case.log.0), 1);
    }
}
