//! Cases that are written in Rust and in Python. If Python is installed, a test runs them on asyncio, too:
//! they must log the same.
#![allow(dead_code, reason = "every test file uses a part of this")]

use crate::watchdog::end_if_it_hangs;
use asyncio_to_smol::run::{self, Spawner};
use smol::Task;
use smol::future::{pending, yield_now};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;

/// [`run::run`] under a watchdog: a test that hangs fails. `run::run` is compiled once per result, not per test.
pub fn run<'a, F: Future<Output: 'a> + 'a>(main: impl FnOnce(Spawner<'a>) -> F) -> F::Output {
    end_if_it_hangs();
    let main: Box<dyn FnOnce(_) -> Pin<Box<dyn Future<Output = _> + 'a>>> =
        Box::new(|ex| Box::pin(main(ex)));
    run::run(main)
}

/// The loop of a case, and its log.
#[derive(Clone)]
pub struct Case {
    pub ex: Spawner<'static>,
    log: Rc<RefCell<Vec<String>>>,
}

impl Case {
    pub fn log(&self, entry: impl Display) {
        self.log.borrow_mut().push(entry.to_string());
    }

    /// A future that ends after `n` turns of the loop, and logs its start and its end.
    pub fn child(
        &self,
        name: &'static str,
        n: usize,
        end: End,
    ) -> impl Future<Output = Child> + use<> {
        let case = self.clone();
        async move {
            case.log(format_args!("{name}+"));
            let cancelled = OnDrop::new(|| case.log(format_args!("{name}x")));
            turns(n).await;
            cancelled.disarm();
            let result = end(name);
            let sign = if result.is_ok() { "-" } else { "!" };
            case.log(format_args!("{name}{sign}"));
            result
        }
    }

    pub fn spawn(&self, name: &'static str, n: usize, end: End) -> Task<Child> {
        self.ex.spawn(self.child(name, n, end))
    }
}

/// A child returns its name, as a value or as an error.
pub type Child = Result<&'static str, &'static str>;

/// `Ok` or `Err`.
pub type End = fn(&'static str) -> Child;

pub fn show(result: Child) -> String {
    result.map_or_else(|error| format!("E({error})"), str::to_string)
}

pub async fn turns(n: usize) {
    for _ in 0..n {
        yield_now().await;
    }
}

/// Calls a function when it is dropped.
pub struct OnDrop<F: FnMut()>(Option<F>);

impl<F: FnMut()> OnDrop<F> {
    pub fn new(f: F) -> OnDrop<F> {
        OnDrop(Some(f))
    }

    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = &mut self.0 {
            f();
        }
    }
}

/// The payload of intended panics.
#[derive(Debug, PartialEq)]
pub struct Quiet;

/// Counts the guards that have been dropped.
#[derive(Clone, Default)]
pub struct Drops(pub Rc<Cell<usize>>);

impl Drops {
    pub fn guard(&self) -> OnDrop<impl FnMut() + use<>> {
        let count = self.0.clone();
        OnDrop::new(move || count.set(count.get() + 1))
    }

    pub fn count(&self) -> usize {
        self.0.get()
    }

    /// A future that never ends, with a guard inside.
    pub fn forever<T>(&self) -> impl Future<Output = T> + use<T> {
        let guard = self.guard();
        async move {
            let _guard = guard;
            pending().await
        }
    }
}

/// The payload of the panic of `f`.
pub fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    let result = catch_unwind(AssertUnwindSafe(f));
    result.err().expect("it did not panic")
}

/// Runs the case and the end of its loop, and returns the log.
pub fn log_of<F: Future<Output = ()> + 'static>(case: impl FnOnce(Case) -> F) -> String {
    let log = Rc::default();
    let copy = Rc::clone(&log);
    run(|ex| case(Case { ex, log: copy }));
    log.take().join(" ")
}

/// A test for every function, and one that runs the Python script, in the folder above this one.
#[macro_export]
macro_rules! cases {
    ($script:literal; $($name:ident: $expected:literal,)*) => {
        mod same_as_asyncio {
            $(#[test]
            fn $name() {
                assert_eq!($crate::cases::log_of(super::$name), $expected);
            })*
        }

        #[test]
        fn asyncio_says_the_same() {
            let expected = [$(concat!(stringify!($name), ": ", $expected)),*];
            $crate::cases::assert_asyncio_logs($script, &expected);
        }
    };
}

/// Runs the script, which prints a line for each case.
pub fn assert_asyncio_logs(script: &str, expected: &[&str]) {
    let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    let Ok(output) = Command::new("python3").args(["-B", &script]).output() else {
        assert!(std::env::var_os("CI").is_none(), "CI has python3");
        println!("skipped: python3 is not installed");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let logged = String::from_utf8(output.stdout).unwrap();
    let logged: Vec<&str> = logged.lines().collect();
    assert_eq!(logged, expected);
}
