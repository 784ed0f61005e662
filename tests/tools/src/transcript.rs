//! The transcript in the head of an example, as steps.

use crate::Result;
use crate::play::is_greeting;
use crate::project::{Example, Project};
use std::time::Duration;

/// The transcript of an example, and what it takes to see it happen.
#[derive(Clone)]
pub struct Transcript {
    pub steps: Vec<Step>,
    /// The command line.
    pub arguments: Vec<String>,
    /// The URLs of `gather` take 1 to 4 seconds at random: numbers and the order of the lines vary.
    pub is_random: bool,
    /// It serves until it is told to stop.
    pub serves: bool,
    /// How long to wait before Ctrl-C.
    pub before_interrupt: Duration,
}

#[derive(Clone)]
pub enum Step {
    /// A number below 100 is what somebody types. (200 is an answer.)
    Typed(String),
    /// `^C`
    Interrupt,
    Printed(String),
    /// At least so many greetings in a row.
    Greetings(usize),
}

/// A busy machine may be late by so many seconds. 4 s are still not 7.
const SLACK: f64 = 2.0;

impl Transcript {
    pub fn of(project: &Project, example: &Example) -> Result<Transcript> {
        let text = project.text_of(&example.path)?;
        let head = text.lines().map_while(|line| line.strip_prefix("//!"));
        let head: Vec<&str> = head
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let command = format!("$ cargo run --example {}", example.name);
        let shown = (head.iter())
            .skip_while(|line| !line.starts_with(&command))
            .skip(1);
        let shown: Vec<&str> = shown
            .map_while(|line| (*line != "```").then_some(*line))
            // Elsewhere the programs of chapter 13 cannot say it.
            .filter(|line| cfg!(target_os = "linux") || !line.starts_with("peak memory: "))
            .collect();
        if shown.is_empty() {
            return Err(format!("{}: the head shows no `{command}`", example.path).into());
        }
        let serves = example.name == "sms_server";
        let arguments = if serves {
            vec!["--listen".to_string(), "127.0.0.1:0".to_string()]
        } else {
            Vec::new()
        };
        Ok(Transcript {
            steps: steps(&shown),
            arguments,
            is_random: example.name == "gather",
            serves,
            before_interrupt: Duration::ZERO,
        })
    }

    /// Whether it is one of the hello programs.
    pub fn greets(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Greetings(_)))
    }

    /// The first number that is typed.
    pub fn first_typed(&self) -> Option<u32> {
        self.steps.iter().find_map(|step| match step {
            Step::Typed(line) => line.parse().ok(),
            _ => None,
        })
    }

    /// A hello program at another pace: another number instead of the largest one, and another time
    /// between the greetings. What is shown stays the same, but for the numbers.
    pub fn paced(&self, seconds: &str, number_for: impl Fn(u32) -> u32) -> Transcript {
        let mut paced = self.clone();
        paced.arguments = vec![seconds.to_string()];
        for step in &mut paced.steps {
            match step {
                Step::Typed(line) => {
                    if let Ok(n) = line.parse() {
                        *line = number_for(n).to_string();
                    }
                }
                Step::Printed(line) => {
                    let n = line
                        .strip_prefix("fib(")
                        .and_then(|rest| rest.split(')').next());
                    if let Some(Ok(n)) = n.map(str::parse) {
                        let n = number_for(n);
                        *line = format!("fib({n}) = {}", fib(n));
                    }
                }
                Step::Interrupt | Step::Greetings(_) => {}
            }
        }
        paced
    }

    /// With this argument, which is printed where the head shows another number.
    pub fn with_number(&self, shown: &str, number: &str) -> Transcript {
        let mut with_number = self.clone();
        with_number.arguments = vec![number.to_string()];
        for step in &mut with_number.steps {
            if let Step::Printed(line) = step {
                let words = line.split(' ');
                let words = words.map(|word| if word == shown { number } else { word });
                *line = words.collect::<Vec<_>>().join(" ");
            }
        }
        with_number
    }

    /// The exit status that it ends with.
    pub fn exit_status(&self) -> i32 {
        let is_interrupted = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Interrupt));
        if is_interrupted || self.serves {
            130
        } else {
            0
        }
    }

    /// Whether a printed line is the one that is shown. Times, and a port, may differ.
    pub fn is_same(&self, shown: &str, printed: &str) -> bool {
        if let (Some((shown, at_least)), Some((printed, took))) = (time(shown), time(printed)) {
            let range = at_least.floor()..at_least.floor() + SLACK;
            return shown == printed && range.contains(&took);
        }
        let (shown, printed) = (shown.split(' '), printed.split(' '));
        shown.clone().count() == printed.clone().count()
            && shown
                .zip(printed)
                .all(|(shown, printed)| is_same_word(shown, printed))
    }

    /// Compares all lines, of which neither the order nor the numbers are known.
    pub fn compare_in_any_order(&self, printed: &[String]) -> std::result::Result<(), String> {
        let sorted = |lines: Vec<String>| {
            let mut lines: Vec<String> = lines.iter().map(|line| without_digits(line)).collect();
            lines.sort();
            lines
        };
        let shown = self.steps.iter().filter_map(|step| match step {
            Step::Printed(line) => Some(line.clone()),
            _ => None,
        });
        // There is one printed line for each that is shown.
        let (shown, printed) = (sorted(shown.collect()), sorted(printed.to_vec()));
        match shown
            .iter()
            .zip(&printed)
            .find(|(shown, printed)| shown != printed)
        {
            None => Ok(()),
            Some((shown, printed)) => Err(format!("expected {shown:?}, it printed {printed:?}")),
        }
    }
}

fn steps(shown: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in shown {
        if is_greeting(line) {
            match steps.last_mut() {
                Some(Step::Greetings(count)) => *count += 1,
                _ => steps.push(Step::Greetings(1)),
            }
        } else if line.parse::<u32>().is_ok_and(|n| n < 100) {
            steps.push(Step::Typed(line.to_string()));
        } else if let Some(line) = line.strip_prefix("^C") {
            steps.push(Step::Interrupt);
            steps.push(Step::Printed(line.to_string()));
        } else {
            steps.push(Step::Printed(line.to_string()));
        }
    }
    steps
}

/// The text and the seconds of a line that ends with seconds: `TIME: 4.001254`, `Done 1 1.000267`.
fn time(line: &str) -> Option<(&str, f64)> {
    let (text, seconds) = line.rsplit_once(' ')?;
    seconds.contains('.').then_some(())?;
    Some((text, seconds.parse().ok()?))
}

/// Whether the words are the same, but for a measured number, which has a decimal point, and for a port.
fn is_same_word(shown: &str, printed: &str) -> bool {
    if let (Some(shown), Some(printed)) = (measured(shown), measured(printed)) {
        // What takes no time takes none anywhere.
        return shown >= 0.1 || printed < SLACK;
    }
    without_port(shown) == without_port(printed)
}

fn measured(word: &str) -> Option<f64> {
    word.contains('.').then(|| word.parse().ok()).flatten()
}

fn without_port(word: &str) -> &str {
    match word.rsplit_once("127.0.0.1:") {
        Some((before, port)) if port.parse::<u16>().is_ok() => before,
        _ => word,
    }
}

fn without_digits(line: &str) -> String {
    line.replace(|c: char| c.is_ascii_digit(), "#")
}

/// F(n), the fast way.
fn fib(n: u32) -> u64 {
    let (mut this, mut next) = (0_u64, 1_u64);
    for _ in 0..n {
        (this, next) = (next, this.wrapping_add(next));
    }
    this
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(shown: &str, printed: &str) -> bool {
        let transcript = Transcript {
            steps: Vec::new(),
            arguments: Vec::new(),
            is_random: false,
            serves: false,
            before_interrupt: Duration::ZERO,
        };
        transcript.is_same(shown, printed)
    }

    #[test]
    fn the_figures_of_a_run_may_differ_and_nothing_else() {
        let shown = "CPU: 2.03 s, 2.0 µs a task";
        for printed in [
            shown,
            "CPU: 0.99 s, 9.9 µs a task",
            "CPU: 12.50 s, 12.5 µs a task",
        ] {
            assert!(is_same(shown, printed), "{printed}");
        }
        for printed in [
            "",
            "CPU: 2.03 s",
            "CPU: 2.03 s, 2.0 µs a request",
            "CPU: 2.03 ms, 2.0 µs a task",
            "time: 2.03 s, 2.0 µs a task",
            "CPU: NaN s, inf µs a task",
            "CPU: 2 s, 2 µs a task",
            "CPU: 2.03 s, 2.0 µs a task, or so",
        ] {
            assert!(!is_same(shown, printed), "{printed}");
        }
    }

    #[test]
    fn a_count_is_no_figure() {
        let shown = "1000 clients made 10000 requests";
        assert!(is_same(shown, shown));
        for printed in [
            "1000 clients made 9999 requests",
            "1001 clients made 10000 requests",
        ] {
            assert!(!is_same(shown, printed), "{printed}");
        }
    }

    #[test]
    fn a_time_at_the_end_is_that_which_is_shown() {
        assert!(is_same("TIME: 4.001254", "TIME: 5.9"));
        assert!(!is_same("TIME: 4.001254", "TIME: 3.9"));
        assert!(!is_same("TIME: 4.001254", "TIME: 6.1"));
    }
}
