//! What is in a picture of a recording: [`hello`] has a row for each program, [`by_prefix`] one for each
//! kind of line. How it is drawn is in `svg.rs` and `terminal.rs`.
//!
//! Times are whole milliseconds, so that the same recording gives the same picture on every machine.

use crate::runner::play::{Event, is_greeting};

/// Rows of marks on one time axis.
pub struct Picture {
    pub title: String,
    pub legend: Vec<(Sign, &'static str)>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Copy)]
pub enum Sign {
    Printed,
    Typed,
    Bar,
}

/// Its times are in ascending order.
#[derive(Default)]
pub struct Row {
    pub label: String,
    /// At the right end of the row.
    pub note: String,
    /// Whether the note is what the picture is about.
    pub is_loud: bool,
    pub marks: Vec<i64>,
    /// Whether the marks are typed lines.
    pub is_typed: bool,
    /// What was typed, below the marks.
    pub typed: Vec<i64>,
    /// Below the marks too.
    pub bars: Vec<Bar>,
    /// The last event.
    pub until: i64,
}

impl Row {
    /// How many lines it has below the marks: one for each bar, the first one with what was typed.
    pub fn lanes(&self) -> usize {
        self.bars.len().max(usize::from(!self.typed.is_empty()))
    }
}

pub struct Bar {
    pub from: i64,
    pub to: i64,
    pub label: String,
}

impl Picture {
    /// The last event of all.
    pub fn until(&self) -> i64 {
        self.rows.iter().map(|row| row.until).max().unwrap_or(0)
    }

    /// How many characters the longest label has, and the longest note.
    pub fn widths(&self) -> (usize, usize) {
        let widest = |text: fn(&Row) -> &str| {
            let widths = self.rows.iter().map(|row| text(row).chars().count());
            widths.max().unwrap_or(0)
        };
        (widest(|row| &row.label), widest(|row| &row.note))
    }
}

// ---- The programs that greet

/// A row for each program: its greetings, the times in which it computed `fib`, and where a number was
/// typed. What else it printed is not in the picture.
pub fn hello(events: &[Event]) -> Picture {
    let programs = events.chunk_by(|one, next| one.program == next.program);
    Picture {
        title: "Who goes on greeting while fib is computed?".to_string(),
        legend: vec![
            (Sign::Printed, "a greeting"),
            (Sign::Bar, "fib is computed"),
            (Sign::Typed, "a number is typed"),
        ],
        rows: programs.map(hello_row).collect(),
    }
}

fn hello_row(events: &[Event]) -> Row {
    let mut row = Row {
        label: label(&events[0].program),
        ..Row::default()
    };
    let mut began = None;
    for event in events {
        let (at, text) = (millis(event), event.text.as_str());
        row.until = row.until.max(at);
        if event.typed {
            row.typed.extend(is_number(text).then_some(at));
        } else if is_greeting(text) {
            row.marks.push(at);
        } else if let Some(took) = took(text) {
            began = Some((at - took).clamp(0, at));
        } else if let (Some(call), Some(from)) = (call(text), began.take()) {
            let (to, label) = (at, call.to_string());
            row.bars.push(Bar { from, to, label });
        }
    }
    row.bars.sort_by_key(|bar| bar.from);
    (row.note, row.is_loud) = note(&row.marks, row.until);
    row
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<u32>().is_ok()
}

/// The milliseconds in `Executing fib took 3.21 seconds.` or `Calculation took 3.210 seconds`.
fn took(text: &str) -> Option<i64> {
    let (_, seconds) = text.split_once(" took ")?;
    let (seconds, _) = seconds.split_once(" seconds")?;
    let seconds: f64 = seconds.parse().ok()?;
    Some((seconds * 1000.0).round() as i64)
}

/// `fib(45)` in `fib(45) = 1134903170`
fn call(text: &str) -> Option<&str> {
    let (call, _) = text.split_once(" = ")?;
    let n = call.strip_prefix("fib(")?.strip_suffix(')')?;
    is_number(n).then_some(call)
}

/// What there is to say of these greetings, and whether it is a silence.
///
/// A program is silent where a gap is more than one and a half times the usual one, the median: a
/// greeting is missing then. The time before the first greeting and that after the last are gaps too.
fn note(greetings: &[i64], until: i64) -> (String, bool) {
    if greetings.len() < 3 {
        return (counted(greetings.len(), "greeting"), false);
    }
    let times = [&[0], greetings, &[until]].concat();
    let mut gaps: Vec<i64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_unstable();
    let (usual, longest) = (gaps[(gaps.len() - 1) / 2], gaps[gaps.len() - 1]);
    if longest * 2 > usual * 3 {
        (format!("silent for {}", seconds(longest)), true)
    } else {
        ("greets on".to_string(), false)
    }
}

// ---- Any program

/// For one program: a row for each beginning that its lines have, and one for what was typed.
pub fn by_prefix(events: &[Event]) -> Picture {
    let mut rows: Vec<Row> = Vec::new();
    for event in events {
        let label = if event.typed {
            "typed".to_string()
        } else {
            prefix(&event.text)
        };
        let is_same = |row: &Row| row.is_typed == event.typed && row.label == label;
        let index = rows.iter().position(is_same).unwrap_or(rows.len());
        if index == rows.len() {
            rows.push(Row {
                label,
                is_typed: event.typed,
                ..Row::default()
            });
        }
        rows[index].marks.push(millis(event));
    }
    let until = events.iter().map(millis).max().unwrap_or(0);
    for row in &mut rows {
        row.until = until;
        row.note = counted(row.marks.len(), "line");
    }
    let mut legend = vec![(Sign::Printed, "a line is printed")];
    if rows.iter().any(|row| row.is_typed) {
        legend.push((Sign::Typed, "a line is typed, or Ctrl-C"));
    }
    let title = match events.first() {
        Some(event) => format!("What {} printed, and when", label(&event.program)),
        None => "Nothing was printed".to_string(),
    };
    Picture {
        title,
        legend,
        rows,
    }
}

/// How the line begins: what is before its first number, or else what is between the first and the
/// next one, and so on. Signs and spaces at its ends do not count.
fn prefix(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    let parts = line.split(|c: char| c.is_ascii_digit());
    let mut parts = parts.map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()));
    match parts.find(|part| !part.is_empty()) {
        Some(part) => label(part),
        None if line.is_empty() => "(an empty line)".to_string(),
        None if line.contains(|c: char| c.is_ascii_digit()) => "(a number)".to_string(),
        None => label(&line),
    }
}

/// When it was, in whole milliseconds. Beyond some weeks all is one.
fn millis(event: &Event) -> i64 {
    event.at.as_millis().min(u32::MAX.into()) as i64
}

// ---- Texts

/// The text, or as much of its beginning as there is room for, with `…`. What cannot be seen, like a
/// control character, is escaped as in Rust.
fn label(text: &str) -> String {
    const MOST: usize = 30;
    let visible = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    let text: String = text.chars().map(visible).collect();
    if text.chars().count() <= MOST {
        return text;
    }
    let beginning: String = text.chars().take(MOST - 1).collect();
    format!("{}…", beginning.trim_end())
}

/// `3.2 s`
pub fn seconds(millis: i64) -> String {
    let tenths = (millis + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// `1 line`, `3 lines`
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::time::Duration;

    /// A line for each event: `hello_node 1.234 > 45` was typed, `hello_node 4.345 < fib(45) = …` printed.
    pub fn events(text: &str) -> Vec<Event> {
        let event = |line: &str| {
            let (program, rest) = line.split_once(' ')?;
            let (at, rest) = rest.trim_start().split_once(' ')?;
            let at: f64 = at.parse().ok()?;
            Some(Event {
                program: program.to_string(),
                at: Duration::from_millis((at * 1000.0).round() as u64),
                typed: rest.starts_with('>'),
                text: rest.get(2..)?.to_string(),
            })
        };
        text.split_terminator('\n')
            .map(|line| event(line).expect(line))
            .collect()
    }

    /// One goes on greeting.
    pub const TWO_PROGRAMS: &str = "\
loud   0.500 < 1795345288 - Hello world!
loud   1.000 < 1795345288 - Hello world!
loud   1.100 > 45
loud   1.500 < 1795345289 - Hello world!
loud   2.000 < 1795345289 - Hello world!
loud   2.100 < Executing fib took 1.00 seconds.
loud   2.100 < fib(45) = 1134903170
loud   2.500 < 1795345290 - Hello world!
silent 0.500 < 1795345291 - Hello world!
silent 1.000 < 1795345291 - Hello world!
silent 1.100 > 45
silent 2.100 < Calculation took 1.000 seconds
silent 2.100 < fib(45) = 1134903170
silent 2.100 < 1795345292 - Hello world!
silent 2.500 < 1795345293 - Hello world!
silent 2.500 > exit
";

    #[test]
    fn a_gap_of_more_than_one_and_a_half_times_the_usual_one_is_a_silence() {
        let note = |greetings: &[i64], until| note(greetings, until).0;
        assert_eq!(note(&[], 9000), "0 greetings");
        assert_eq!(note(&[500], 9000), "1 greeting");
        assert_eq!(note(&[500, 1000, 1500, 2250], 2700), "greets on");
        assert_eq!(note(&[500, 1000, 1500, 2251], 2700), "silent for 0.8 s");
        assert_eq!(note(&[500, 1000, 4250, 4750], 5000), "silent for 3.3 s");
        // Before the first, and after the last.
        assert_eq!(note(&[3000, 3500, 4000], 4100), "silent for 3.0 s");
        assert_eq!(note(&[500, 1000, 1500], 9900), "silent for 8.4 s");
        assert_eq!(note(&[0, 0, 0], 0), "greets on");
    }

    #[test]
    fn what_is_not_a_greeting_or_a_computation_is_not_drawn() {
        let events = events(
            "p 0.001 < x - Hello world!\n\
             p 0.002 < fib(7) = 13\n\
             p 0.003 < Executing fib took NaN seconds.\n\
             p 0.004 < it took 3 s\n\
             p 0.005 < fib(x) = 3\n\
             p 0.006 > exit\n\
             p 0.007 < Executing fib took 0.00 seconds.\n\
             p 0.007 < fib(20) = 6765\n\
             p 0.008 < Executing fib took 9.00 seconds.\n\
             p 0.008 < fib(45) = 1134903170\n",
        );
        let rows = hello(&events).rows;
        assert_eq!(rows.len(), 1);
        assert!(rows[0].marks.is_empty() && rows[0].typed.is_empty());
        let bars = rows[0].bars.iter();
        let bars: Vec<_> = bars.map(|bar| (bar.from, bar.to, &*bar.label)).collect();
        assert_eq!(bars, [(0, 8, "fib(45)"), (7, 7, "fib(20)")]);
    }

    #[test]
    fn lines_that_begin_alike_have_one_row() {
        for (line, expected) in [
            ("Waiting: 2", "Waiting"),
            ("Task ret: Done after 2s", "Task ret: Done after"),
            ("do_some_work(1): waiting", "do_some_work"),
            ("[('URL1', 1), ('URL2', 3)]", "URL"),
            ("1795306666 - Hello world!", "Hello world"),
            ("127.0.0.1", "(a number)"),
            (" \t", "(an empty line)"),
            ("---", "---"),
            ("drop(task)    | returned", "drop(task) | returned"),
            ("a\u{7}bell", "a\\u{7}bell"),
            ("It's \"fine\"\\ 完了 3", "It's \"fine\"\\ 完了"),
            (
                "exactly thirty characters long",
                "exactly thirty characters long",
            ),
            (
                "thirty-one: one too many for it",
                "thirty-one: one too many for…",
            ),
        ] {
            assert_eq!(prefix(line), expected, "{line:?}");
        }
    }

    #[test]
    fn rows_are_in_order_of_appearance() {
        let events = events("p 0.001 < b: 2\np 0.002 < typed\np 0.003 < b: 3\np 0.004 > b: 4\n");
        let picture = by_prefix(&events);
        assert_eq!(picture.title, "What p printed, and when");
        let rows = picture.rows.iter();
        let rows: Vec<_> = rows
            .map(|row| (&*row.label, &*row.note, &*row.marks))
            .collect();
        assert_eq!(
            rows,
            [
                ("b", "2 lines", &[1, 3][..]),
                ("typed", "1 line", &[2]),
                ("typed", "1 line", &[4])
            ]
        );
        assert!(!picture.rows[1].is_typed && picture.rows[2].is_typed);
    }
}
