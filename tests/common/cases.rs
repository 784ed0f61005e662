//! Cases that are written twice, in Rust and in Python: what they log is to be the same, and asyncio
//! itself is asked, where Python is installed.
#![allow(dead_code, reason = "every test file uses a part of this")]

use crate::watchdog::end_if_it_hangs;
use asyncio_to_smol::run::{self, Spawner};
use smol::Task;
use smol::future::{pending, yield_now};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;

/// [`run::run`], under a watchdog: a test that hangs is to fail.
pub fn run<'a, F>(main: impl FnOnce(Spawner<'a>) -> F) -> F::Output
where
    F: Future + 'a,
    F::Output: 'a,
{
    end_if_it_hangs();
    run::run(main)
}

/// What a case does and what it logs.
#[derive(Clone)]
pub struct Case {
    pub ex: Spawner<'static>,
    pub log: Log,
}

#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn add(&self, entry: impl Display) {
        self.0.borrow_mut().push(entry.to_string());
    }

    pub fn text(&self) -> String {
        self.0.borrow().join(" ")
    }
}

impl Case {
    pub fn log(&self, entry: impl Display) {
        self.log.add(entry);
    }

    /// A future that ends after `n` turns of the loop, and says when it starts and how it ends.
    pub fn child(
        &self,
        name: &'static str,
        n: usize,
        end: End,
    ) -> impl Future<Output = Child> + use<> {
        let log = self.log.clone();
        async move {
            log.add(format_args!("{name}+"));
            let cancelled = OnDrop::new({
                let log = log.clone();
                move || log.add(format_args!("{name}x"))
            });
            turns(n).await;
            cancelled.disarm();
            let result = end(name);
            log.add(format_args!(
                "{name}{}",
                if result.is_ok() { "-" } else { "!" }
            ));
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

/// A payload for panics that are meant.
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

/// What `f` panics with.
pub fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(panic) => panic,
    }
}

/// Runs the case to the end and past it, and returns what it logged.
pub fn log_of<F: Future<Output = ()> + 'static>(case: impl FnOnce(Case) -> F) -> String {
    let log = Log::default();
    run(|ex| {
        case(Case {
            ex,
            log: log.clone(),
        })
    });
    log.text()
}

/// A test for every function, and one that asks asyncio by way of the Python script beside this file.
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

/// Runs the script, which logs a line a case.
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
