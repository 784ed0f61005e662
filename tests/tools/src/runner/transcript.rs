//! The transcript in the head of a program, as steps.

use super::head::Program;
use super::play::is_greeting;
use std::time::Duration;

/// What is typed and printed, and how the program ends.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The command line.
    pub arguments: Vec<String>,
    pub steps: Vec<Step>,
    /// Whether the order of the lines and the numbers in them are random.
    pub any_order: bool,
    pub exit_status: i32,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// A line that is a number below 100. (200 is an answer.)
    Typed(String),
    /// `^D`
    EndOfInput,
    /// `^C`
    Interrupt,
    Printed(String),
    /// At least so many greetings in a row.
    Greetings(usize),
    /// All lines until one begins like this; no transcript has it.
    Until(&'static str),
    /// All lines that come in this time; no transcript has it.
    Pause(Duration),
}

/// A busy machine may be late by so many seconds. 4 s are still not 7.
pub const SLACK: f64 = 2.0;

impl Transcript {
    /// As the head shows it.
    pub fn of(program: &Program) -> Transcript {
        Transcript {
            arguments: program.arguments.clone(),
            any_order: program.any_order,
            ..Transcript::from_lines(program.transcript.iter().map(String::as_str))
        }
    }

    /// As the tests run it: with less work, since all programs run at the same time.
    pub fn for_tests(program: &Program) -> Transcript {
        let mut transcript = Transcript::of(program);
        if transcript.greets() {
            // Numbers that take a second or two instead of ten, and faster greetings.
            transcript.arguments = vec!["0.1".to_string()];
            transcript.subtract(4);
        }
        match program.name.as_str() {
            // It would take the CPU from the others, whose times are compared.
            "million_sleepers" => transcript.replace_number("1000000", "100000"),
            // On a free port, and told to stop: it serves until then.
            "sms_server" => {
                transcript.arguments = ["--listen", "127.0.0.1:0"].map(str::to_string).into();
                transcript.steps.push(Step::Interrupt);
                transcript.exit_status = 130;
            }
            _ => {}
        }
        transcript
    }

    /// From the lines behind the command.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Transcript {
        let mut transcript = Transcript::default();
        let steps = &mut transcript.steps;
        let mut lines = lines.into_iter();
        while let Some(line) = lines.next() {
            if line == "$ echo $?" {
                let status = lines.next().and_then(|line| line.parse().ok());
                transcript.exit_status = status.unwrap_or(-1); // which no program has
            } else if is_greeting(line) {
                match steps.last_mut() {
                    Some(Step::Greetings(count)) => *count += 1,
                    _ => steps.push(Step::Greetings(1)),
                }
            } else if line.parse::<u32>().is_ok_and(|n| n < 100) {
                steps.push(Step::Typed(line.to_string()));
            } else if let Some(rest) = line.strip_prefix("^D") {
                steps.push(Step::EndOfInput);
                steps.extend(printed(rest));
            } else if let Some(rest) = line.strip_prefix("^C") {
                steps.push(Step::Interrupt);
                steps.extend(printed(rest));
            } else if cfg!(target_os = "linux") || !line.starts_with("peak memory: ") {
                // Elsewhere the programs of chapter 13 cannot say it.
                steps.push(Step::Printed(line.to_string()));
            }
        }
        transcript
    }

    /// Whether it is that of one of the hello programs.
    pub fn greets(&self) -> bool {
        let is_greetings = |step: &Step| matches!(step, Step::Greetings(_));
        self.steps.iter().any(is_greetings)
    }

    /// The first number that is typed.
    pub fn first_typed(&self) -> Option<u32> {
        self.steps.iter().find_map(|step| match step {
            Step::Typed(line) => line.parse().ok(),
            _ => None,
        })
    }

    /// Has smaller numbers typed into a hello program.
    fn subtract(&mut self, less: u32) {
        for step in &mut self.steps {
            match step {
                Step::Typed(line) => {
                    if let Ok(n) = line.parse::<u32>() {
                        *line = n.saturating_sub(less).to_string();
                    }
                }
                Step::Printed(line) => {
                    let n = line
                        .strip_prefix("fib(")
                        .and_then(|rest| rest.split(')').next());
                    if let Some(Ok(n)) = n.map(str::parse::<u32>) {
                        let n = n.saturating_sub(less);
                        *line = format!("fib({n}) = {}", fib(n));
                    }
                }
                _ => {}
            }
        }
    }

    /// Gives it this number as its argument, which is printed where the head shows another one.
    fn replace_number(&mut self, shown: &str, number: &str) {
        self.arguments = vec![number.to_string()];
        for step in &mut self.steps {
            if let Step::Printed(line) = step {
                let words = line
                    .split(' ')
                    .map(|word| if word == shown { number } else { word });
                *line = words.collect::<Vec<_>>().join(" ");
            }
        }
    }
}

fn printed(rest: &str) -> Option<Step> {
    (!rest.is_empty()).then(|| Step::Printed(rest.to_string()))
}

/// Whether a printed line is the one that is shown. Times, and a port, may differ.
pub fn is_same(shown: &str, printed: &str) -> bool {
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

/// Lines whose order and numbers are random, so that they can be compared.
pub fn in_any_order(lines: &[String]) -> Vec<String> {
    let lines = lines.iter();
    let mut lines: Vec<String> = lines
        .map(|line| line.replace(|c: char| c.is_ascii_digit(), "#"))
        .collect();
    lines.sort();
    lines
}

/// The text and the seconds of a line that ends with seconds: `TIME: 4.001254`.
fn time(line: &str) -> Option<(&str, f64)> {
    let (text, seconds) = line.rsplit_once(' ')?;
    Some((text, measured(seconds)?))
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

fn fib(n: u32) -> u64 {
    (0..n)
        .fold((0, 1), |(this, next): (u64, u64), _| {
            (next, this.wrapping_add(next))
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_may_differ_and_nothing_else() {
        let shown = "CPU: 2.03 s, 2.0 µs a task";
        for (printed, expected) in [
            (shown, true),
            ("CPU: 0.99 s, 9.9 µs a task", true),
            ("CPU: 12.50 s, 12.5 µs a task", true),
            ("", false),
            ("CPU: 2.03 s", false),
            ("CPU: 2.03 s, 2.0 µs a request", false),
            ("CPU: 2.03 ms, 2.0 µs a task", false),
            ("CPU: NaN s, inf µs a task", false),
            ("CPU: 2 s, 2 µs a task", false),
            ("CPU: 2.03 s, 2.0 µs a task, or so", false),
        ] {
            assert_eq!(is_same(shown, printed), expected, "{printed}");
        }
        let count = "1000 clients made 10000 requests";
        assert!(is_same(count, count));
        assert!(!is_same(count, "1000 clients made 9999 requests"));
        assert!(!is_same(count, "1001 clients made 10000 requests"));
        assert!(is_same("at 127.0.0.1:5000", "at 127.0.0.1:41234"));
        assert!(!is_same("at 127.0.0.1:5000", "at 127.0.0.2:5000"));
    }

    #[test]
    fn a_time_at_the_end_is_that_which_is_shown() {
        for (printed, expected) in [("5.9", true), ("3.9", false), ("6.1", false)] {
            assert_eq!(
                is_same("TIME: 4.001254", &format!("TIME: {printed}")),
                expected
            );
        }
    }
}
