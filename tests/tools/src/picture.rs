//! Pictures of what programs printed, and when: `just picture`.
//!
//! A recording is a list of events. [`to_text`] and [`from_text`] keep it in a file that a person can
//! read; [`hello`] and [`by_prefix`] make a picture of it, as SVG or for a terminal. Times are whole
//! milliseconds in here and places whole tenths of a pixel, so that the same recording gives the same
//! picture on every machine.

use crate::Result;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// One line that a program printed, or that was typed into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name: not empty.
    pub program: String,
    /// Since the start of that program.
    pub at: Duration,
    pub typed: bool,
    /// Without the line feed.
    pub text: String,
}

// ---- The recording as a text

/// One line for each event: `hello_node 1.234 > 45` was typed, `hello_node 4.345 < fib(45) = …` was
/// printed.
///
/// A time is cut to milliseconds. What cannot be seen, and a backslash, is escaped as in Rust.
pub fn to_text(events: &[Event]) -> String {
    let fields = |event: &Event| {
        let at = millis(event.at);
        let at = format!("{}.{:03}", at / 1000, at % 1000);
        (escaped_name(&event.program), at)
    };
    let fields: Vec<(String, String)> = events.iter().map(fields).collect();
    let program_width = fields.iter().map(|(program, _)| program.chars().count());
    let program_width = program_width.max().unwrap_or(0);
    let at_width = fields.iter().map(|(_, at)| at.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (event, (program, at)) in events.iter().zip(fields) {
        let sign = if event.typed { '>' } else { '<' };
        let line = format!("{program:program_width$} {at:>at_width$} {sign} ");
        let line = line + &escaped_line(&event.text);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Reads what [`to_text`] wrote. Empty lines and those that start with `#` are comments.
pub fn from_text(text: &str) -> Result<Vec<Event>> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let events = lines.map(|(index, line)| {
        let number = index + 1;
        event_from(line)
            .map_err(|expected| format!("line {number}: {line:?}: expected {expected}").into())
    });
    events.collect()
}

/// The event, or what was expected instead of this line.
fn event_from(line: &str) -> std::result::Result<Event, &'static str> {
    const ESCAPE: &str = r"an escape like \n, \u{1b} or \\ at every backslash";
    let (program, rest) = line
        .split_once(' ')
        .filter(|(program, _)| !program.is_empty())
        .ok_or("`PROGRAM SECONDS < TEXT`, or `>` for what was typed")?;
    let rest = rest.trim_start_matches(' ');
    let (at, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let at = time_from(at).ok_or("seconds with three decimals, like 1.234, after the program")?;
    let (typed, rest) = if let Some(rest) = rest.strip_prefix('>') {
        (true, rest)
    } else if let Some(rest) = rest.strip_prefix('<') {
        (false, rest)
    } else {
        return Err("`<` (printed) or `>` (typed) after the time");
    };
    let text = match rest.strip_prefix(' ') {
        Some(text) => text,
        None if rest.is_empty() => "",
        None => return Err("a space after `<` or `>`"),
    };
    Ok(Event {
        program: unescaped(program).ok_or(ESCAPE)?,
        at,
        typed,
        text: unescaped(text).ok_or(ESCAPE)?,
    })
}

/// Seconds with three decimals, up to some hundred years.
fn time_from(text: &str) -> Option<Duration> {
    let (seconds, millis) = text.split_once('.')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(millis) || millis.len() != 3 {
        return None;
    }
    let seconds: u32 = seconds.parse().ok()?;
    let millis: u64 = millis.parse().ok()?;
    Some(Duration::from_secs(seconds.into()) + Duration::from_millis(millis))
}

fn escaped_line(text: &str) -> String {
    let text = escaped(text, &['"', '\'']);
    match text.strip_suffix(' ') {
        Some(text) => format!("{text}\\u{{20}}"), // Editors remove a space at the end of a line.
        None => text,
    }
}

/// One word, and not a comment.
fn escaped_name(text: &str) -> String {
    let text = escaped(text, &['"', '\'']);
    text.replace(' ', "\\u{20}").replace('#', "\\u{23}")
}

/// The text as it can be shown on one line.
fn visible(text: &str) -> String {
    escaped(text, &['"', '\'', '\\'])
}

/// Escapes what cannot be seen (control characters, combining ones, unusual spaces, changes of
/// direction) and what has a meaning in a Rust string, apart from these characters.
fn escaped(text: &str, kept: &[char]) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if kept.contains(&c) {
            escaped.push(c);
        } else {
            escaped.extend(c.escape_debug());
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next()? {
            '\\' => '\\',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'u' => {
                let (code, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                chars = rest.chars();
                char::from_u32(u32::from_str_radix(code, 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(plain)
}

// ---- What is in a picture

/// What is drawn: rows of marks on one time axis.
pub struct Picture {
    pub title: String,
    /// What a mark is, in the legend.
    mark_is: &'static str,
    /// What the mark of something typed is.
    typed_is: &'static str,
    rows: Vec<Row>,
}

/// A row of a picture. Its times are milliseconds, in ascending order.
#[derive(Default)]
struct Row {
    label: String,
    /// At the right end of the row.
    note: String,
    /// Whether the note is what the picture is about.
    is_loud: bool,
    marks: Vec<u64>,
    /// Whether these marks are typed lines.
    is_typed: bool,
    /// What was typed, below the marks.
    typed: Vec<u64>,
    /// Below the marks too.
    bars: Vec<Bar>,
    /// The last event of the program.
    until: u64,
}

struct Bar {
    from: u64,
    to: u64,
    label: String,
}

/// A row for each program: its greetings, the times in which it computed `fib`, and where a number was
/// typed. What else it printed is not in the picture.
pub fn hello(events: &[Event]) -> Picture {
    let programs = programs(events);
    let row = |program: &&str| {
        let events = events.iter().filter(|event| event.program == **program);
        hello_row(program, &in_order(events))
    };
    Picture {
        title: "Who goes on greeting while fib is computed?".to_string(),
        mark_is: "a greeting",
        typed_is: "a number is typed",
        rows: programs.iter().map(row).collect(),
    }
}

/// The label of a bar of which the recording does not say what was computed.
const UNKNOWN: &str = "fib";

fn hello_row(program: &str, events: &[&Event]) -> Row {
    let mut row = Row {
        label: visible(program),
        ..Row::default()
    };
    for event in events {
        let at = millis(event.at);
        let text = event.text.as_str();
        row.until = at;
        if event.typed {
            if is_number(text.trim()) {
                row.typed.push(at);
            }
        } else if is_greeting(text) {
            row.marks.push(at);
        } else if let Some(took) = took(text) {
            row.bars.push(Bar {
                from: at.saturating_sub(took),
                to: at,
                label: UNKNOWN.to_string(),
            });
        } else if let Some(call) = call(text) {
            // The line after the time says what it was that took so long.
            let bar = row.bars.iter_mut().find(|bar| bar.label == UNKNOWN);
            if let Some(bar) = bar {
                bar.label = call.to_string();
            }
        }
    }
    (row.note, row.is_loud) = note(&row.marks, row.until);
    row
}

/// `1795306666 - Hello world!`
fn is_greeting(text: &str) -> bool {
    text.split_once(" - ")
        .is_some_and(|(seconds, rest)| is_number(seconds) && rest == "Hello world!")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The milliseconds in `Executing fib took 3.21 seconds.` or `Calculation took 3.210 seconds`.
fn took(text: &str) -> Option<u64> {
    let (_, seconds) = text.split_once(" took ")?;
    let (seconds, rest) = seconds.split_once(' ')?;
    if !matches!(rest, "seconds" | "seconds.") {
        return None;
    }
    let took = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(millis(took))
}

/// `fib(45)` in `fib(45) = 1134903170`
fn call(text: &str) -> Option<&str> {
    let (call, _) = text.split_once(" = ")?;
    let n = call.strip_prefix("fib(")?.strip_suffix(')')?;
    (is_number(n) && n.len() < 10).then_some(call)
}

/// What there is to say of these greetings, and whether it is a silence.
///
/// A program is silent where a gap is more than one and a half times the usual one, the median: a
/// greeting is missing then. The time before the first greeting and that after the last are gaps too,
/// but do not count for what is usual.
fn note(greetings: &[u64], until: u64) -> (String, bool) {
    let mut gaps: Vec<u64> = greetings.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_unstable();
    let (2.., [first, .., last]) = (gaps.len(), greetings) else {
        return (counted(greetings.len(), "greeting"), false);
    };
    let usual = gaps[(gaps.len() - 1) / 2];
    let longest = gaps[gaps.len() - 1].max(*first).max(until - last);
    if longest * 2 > usual * 3 {
        (format!("silent for {}", seconds(longest)), true)
    } else {
        ("greets on".to_string(), false)
    }
}

/// How many rows there are before the rest is summed up.
const MOST_ROWS: usize = 20;

/// For one program: a row for each beginning that its lines have, and one for what was typed.
pub fn by_prefix(events: &[Event]) -> Picture {
    let mut rows: Vec<Row> = Vec::new();
    let mut index_of: HashMap<Option<String>, usize> = HashMap::new();
    let events_in_order = in_order(events.iter());
    for event in &events_in_order {
        let key = (!event.typed).then(|| prefix(&event.text));
        let label = key.clone().unwrap_or_else(|| "typed".to_string());
        let index = *index_of.entry(key).or_insert(rows.len());
        if index == rows.len() {
            rows.push(Row {
                label,
                is_typed: event.typed,
                ..Row::default()
            });
        }
        rows[index].marks.push(millis(event.at));
    }
    if rows.len() > MOST_ROWS {
        // What was typed keeps its row.
        let (first, rest): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .enumerate()
            .partition(|(index, row)| *index < MOST_ROWS - 1 || row.is_typed);
        let rest: Vec<Row> = rest.into_iter().map(|(_, row)| row).collect();
        let label = format!("… and {} others", rest.len());
        let mut marks: Vec<u64> = rest.into_iter().flat_map(|row| row.marks).collect();
        marks.sort_unstable();
        rows = first.into_iter().map(|(_, row)| row).collect();
        rows.push(Row {
            label,
            marks,
            ..Row::default()
        });
    }
    let until = events_in_order.last().map_or(0, |event| millis(event.at));
    for row in &mut rows {
        row.until = until;
        row.note = counted(row.marks.len(), "line");
    }
    let title = match programs(events).join(", ") {
        names if names.is_empty() => "Nothing was printed".to_string(),
        names => format!("What {} printed, and when", visible(&names)),
    };
    Picture {
        title,
        mark_is: "a line is printed",
        typed_is: "a line is typed",
        rows,
    }
}

/// How the line begins: what is before its first number, or else what is between the first and the
/// next one, and so on. Signs and spaces at its ends do not count, nor does the `^C` of a terminal.
fn prefix(line: &str) -> String {
    let text = line.strip_prefix("^C").unwrap_or(line);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let mut parts = text.split(|c: char| c.is_ascii_digit());
    let is_sign = |c: char| !c.is_alphanumeric();
    let first = parts.next().map(|part| part.trim_end_matches(is_sign));
    let parts = first
        .into_iter()
        .chain(parts.map(|part| part.trim_matches(is_sign)));
    let mut parts = parts.filter(|part| !part.is_empty());
    match parts.next() {
        Some(part) => visible(part),
        None if line.trim().is_empty() => "(an empty line)".to_string(),
        None if text.contains(|c: char| c.is_ascii_digit()) => "(a number)".to_string(),
        None if text.is_empty() => visible(line.trim()),
        None => visible(&text),
    }
}

/// The programs, in the order in which they appear.
fn programs(events: &[Event]) -> Vec<&str> {
    let mut programs: Vec<&str> = Vec::new();
    for event in events {
        if !programs.contains(&event.program.as_str()) {
            programs.push(&event.program);
        }
    }
    programs
}

fn in_order<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<&'a Event> {
    let mut events: Vec<&Event> = events.collect();
    events.sort_by_key(|event| event.at);
    events
}

fn millis(time: Duration) -> u64 {
    // Beyond a hundred years all is one.
    time.as_millis().min(u128::from(u32::MAX) * 1000) as u64
}

/// `3.2 s`, `0.65 s`
fn seconds(millis: u64) -> String {
    if millis < 1000 {
        decimal((millis + 5) / 10, 100, 2)
    } else {
        decimal((millis + 50) / 100, 10, 1)
    }
}

fn decimal(value: u64, scale: u64, decimals: usize) -> String {
    format!("{}.{:0decimals$} s", value / scale, value % scale)
}

/// `1 line`, `3 lines`
fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

// ---- The axis

/// The time axis, from 0 to a round number that is not before the last event.
#[derive(Debug, PartialEq)]
struct Axis {
    /// From one tick to the next, in milliseconds.
    step: u64,
    /// How many steps there are: 1 to 10.
    count: u64,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From one tick to the next.
#[rustfmt::skip]
const STEPS: [u64; 25] = [
    1, 2, 5, 10,
    20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND,
    MINUTE / 2, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE,
    HOUR / 2, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR,
];

impl Axis {
    /// For events up to this time.
    fn of(longest: u64) -> Axis {
        const MOST: u64 = 10;
        let longest = longest.max(MOST);
        let step = STEPS.into_iter().find(|step| longest <= step * MOST);
        let step = step.unwrap_or_else(|| longest.div_ceil(MOST * DAY) * DAY);
        let count = longest.div_ceil(step);
        Axis { step, count }
    }

    /// The ticks and their labels; the last one has the unit.
    fn ticks(&self) -> Vec<(u64, String)> {
        let (unit, name) = match self.step {
            ..20 => (1, "ms"),
            20..30_000 => (SECOND, "s"),
            30_000..1_800_000 => (MINUTE, "min"),
            _ => (HOUR, "h"),
        };
        let tick = |index| {
            let at = index * self.step;
            let label = match at % unit * 100 / unit {
                0 => format!("{}", at / unit),
                part if part % 10 == 0 => format!("{}.{}", at / unit, part / 10),
                part => format!("{}.{part:02}", at / unit),
            };
            if index == self.count {
                (at, format!("{label} {name}"))
            } else {
                (at, label)
            }
        };
        (0..=self.count).map(tick).collect()
    }

    /// The place of this time, if the axis is so long.
    fn place(&self, at: u64, length: i64) -> i64 {
        let end = i128::from(self.step * self.count);
        let place = (i128::from(at) * i128::from(length) * 2 + end) / (end * 2);
        i64::try_from(place).unwrap_or(length)
    }
}

// ---- What both drawings need

impl Picture {
    fn axis(&self) -> Axis {
        let times = self.rows.iter().flat_map(|row| {
            let last = row
                .marks
                .last()
                .into_iter()
                .chain(row.typed.last())
                .copied();
            last.chain(row.bars.iter().map(|bar| bar.to))
                .chain([row.until])
        });
        Axis::of(times.max().unwrap_or(0))
    }

    /// Whether there are marks, bars, typed lines.
    fn has(&self) -> (bool, bool, bool) {
        let any = |test: &dyn Fn(&Row) -> bool| self.rows.iter().any(test);
        (
            any(&|row| !row.is_typed && !row.marks.is_empty()),
            any(&|row| !row.bars.is_empty()),
            any(&|row| row.is_typed || !row.typed.is_empty()),
        )
    }
}

/// A bar and its label on a drawing.
struct Placed<'a> {
    from: i64,
    to: i64,
    label: &'a str,
    label_from: i64,
    /// 0 is next to the marks.
    lane: usize,
}

/// How bars are drawn, in the unit of the drawing.
struct Measure {
    /// The width of a character.
    character: i64,
    /// From the end of a bar to its label.
    gap: i64,
    /// The room before a bar, for the sign of what was typed.
    before: i64,
    /// The end of the axis.
    end: i64,
}

/// Gives each bar a lane in which neither it nor its label meets another, and its label a place: after
/// the bar, or else before it, or else on it. In the lane next to the marks is also what was typed: it
/// may be on a bar, but not on a label.
fn placed<'a>(row: &'a Row, axis: &Axis, measure: &Measure) -> Vec<Placed<'a>> {
    let Measure {
        gap, before, end, ..
    } = *measure;
    let typed: Vec<i64> = row.typed.iter().map(|at| axis.place(*at, end)).collect();
    let mut bars: Vec<&Bar> = row.bars.iter().collect();
    bars.sort_by_key(|bar| bar.from);
    let mut ends: Vec<i64> = Vec::new();
    let place = |bar: &'a Bar| {
        let (from, to) = (axis.place(bar.from, end), axis.place(bar.to, end));
        let label_width = width_of(&bar.label) as i64 * measure.character;
        let label_from = if to + gap + label_width <= end {
            to + gap
        } else if from - before - label_width >= 0 {
            from - before - label_width
        } else {
            (end - label_width).max(0)
        };
        let label_to = label_from + label_width;
        let starts = label_from.min(from - before);
        let label_at = label_from..label_to + before;
        let is_typed_on = typed.iter().any(|typed| label_at.contains(typed));
        let is_free = |lane: &usize| {
            ends.get(*lane).is_none_or(|end| *end < starts) && (*lane > 0 || !is_typed_on)
        };
        let lane = (0..).find(is_free).unwrap_or(0);
        ends.resize(ends.len().max(lane + 1), i64::MIN);
        ends[lane] = to.max(label_to);
        Placed {
            from,
            to,
            label: &bar.label,
            label_from,
            lane,
        }
    };
    bars.into_iter().map(place).collect()
}

/// How many columns the text takes in a terminal.
fn width_of(text: &str) -> usize {
    text.chars().map(width_of_char).sum()
}

fn width_of_char(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text, or as much of its beginning as fits, with `…`.
fn cut(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_string();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += width_of_char(*c);
        used <= width
    };
    let mut beginning: String = text.chars().take_while(fits).collect();
    beginning.truncate(beginning.trim_end().len());
    beginning.push('…');
    beginning
}

/// The widest label that is not cut, in columns.
const LABEL: usize = 30;

// ---- SVG

/// The class of the number of marks that are one.
const COUNT: &str = "class=\"count\"";

/// Tenths of a pixel.
#[derive(Clone, Copy)]
struct Tenths(i64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        match (self.0.unsigned_abs() / 10, self.0.unsigned_abs() % 10) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (whole, tenth) => write!(f, "{sign}{whole}.{tenth}"),
        }
    }
}

/// The colours on a light page or on a dark one.
struct Colours {
    card: &'static str,
    border: &'static str,
    grid: &'static str,
    text: &'static str,
    pale_text: &'static str,
    mark: &'static str,
    bar: &'static str,
    typed: &'static str,
}

const LIGHT: Colours = Colours {
    card: "#ffffff",
    border: "#d0d7de",
    grid: "#e4e8ec",
    text: "#1f2328",
    pale_text: "#57606a",
    mark: "#0969da",
    bar: "#bc4c00",
    typed: "#8250df",
};

const DARK: Colours = Colours {
    card: "#161b22",
    border: "#3d444d",
    grid: "#2b323b",
    text: "#e6edf3",
    pale_text: "#9da7b3",
    mark: "#58a6ff",
    bar: "#f0883e",
    typed: "#d2a8ff",
};

impl Colours {
    fn style(&self) -> String {
        let Colours {
            card,
            border,
            grid,
            text,
            pale_text,
            mark,
            bar,
            typed,
        } = self;
        format!(
            ".card{{fill:{card};stroke:{border}}}.grid{{stroke:{grid}}}.track{{stroke:{border}}}\
             text{{fill:{text}}}.pale{{fill:{pale_text}}}.on{{stroke:{card}}}\
             .mark{{fill:{mark};stroke:{card}}}.many{{stroke:{mark}}}\
             .bar{{fill:{bar}}}.typed{{fill:{typed};stroke:{card}}}.manytyped{{stroke:{typed}}}"
        )
    }
}

/// The measures of the drawing, in tenths of a pixel.
mod px {
    pub const WIDTH: i64 = 8000;
    pub const MARGIN: i64 = 160;
    /// Of the label's font, which is monospaced, and a bit more.
    pub const CHARACTER: i64 = 75;
    /// From the top of a row to its marks.
    pub const MARKS: i64 = 190;
    /// From the marks to the bars, and from one lane of bars to the next.
    pub const LANE: i64 = 150;
    /// The height of a row, without bars.
    pub const ROW: i64 = 300;
    /// Marks that are so near are one.
    pub const NEAR: i64 = 30;
    /// The top of the first row.
    pub const ROWS: i64 = 680;
}

impl Picture {
    /// The picture as an SVG file: text is text, and there is no script and nothing from elsewhere.
    pub fn svg(&self) -> String {
        let axis = self.axis();
        let labels: Vec<String> = self.rows.iter().map(|row| cut(&row.label, LABEL)).collect();
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| width_of(text)).max().unwrap_or(0) as i64 * px::CHARACTER
        };
        let left = px::MARGIN + widest(&mut labels.iter()) + 200;
        let notes = widest(&mut self.rows.iter().map(|row| &row.note));
        let right = px::WIDTH - px::MARGIN - notes - 200;
        let length = right - left;

        let mut rows = String::new();
        let mut top = px::ROWS;
        for (row, label) in self.rows.iter().zip(&labels) {
            let measure = Measure {
                character: px::CHARACTER,
                gap: 60,
                before: 130,
                end: length,
            };
            let bars = placed(row, &axis, &measure);
            let x = |at: u64| left + axis.place(at, length);
            rows += &svg_row(row, label, &bars, &x, (left, right, top));
            top += height(row, &bars);
        }
        if self.rows.is_empty() {
            rows += &svg_text(
                px::MARGIN,
                top + px::MARKS + 40,
                "class=\"pale\"",
                "nothing was recorded",
            );
            top += px::ROW;
        }

        let mut ticks = format!("<g class=\"grid\">{}", svg_line(left, right, top));
        for (at, _) in axis.ticks() {
            let x = Tenths(left + axis.place(at, length));
            let (from, to) = (Tenths(px::ROWS), Tenths(top + 50));
            ticks += &format!("<path d=\"M{x} {from}V{to}\"/>");
        }
        ticks += "</g>\n";
        for (at, label) in axis.ticks() {
            let x = left + axis.place(at, length);
            ticks += &svg_text(
                x,
                top + 200,
                "class=\"pale\" text-anchor=\"middle\"",
                &label,
            );
        }

        let (width, height) = (Tenths(px::WIDTH), Tenths(top + 340));
        let (card_width, card_height) = (Tenths(px::WIDTH - 10), Tenths(top + 330));
        let (light, dark) = (LIGHT.style(), DARK.style());
        let (title, desc) = (xml(&self.title), xml(&self.in_words()));
        let heading = svg_text(px::MARGIN, 290, "class=\"title\"", &self.title);
        let legend = self.svg_legend(rows.contains(COUNT));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n\
             <title>{title}</title>\n\
             <desc>{desc}</desc>\n\
             <style>\n\
             text{{font:12px ui-sans-serif,system-ui,sans-serif}}.title{{font-size:15px;font-weight:600}}\
             .label{{font-family:ui-monospace,monospace}}.loud{{font-weight:700}}.count{{font-size:10px}}\
             .on{{stroke-width:3;paint-order:stroke}}.many,.manytyped{{stroke-width:3}}\n\
             {light}\n\
             @media (prefers-color-scheme:dark){{{dark}}}\n\
             </style>\n\
             <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{card_width}\" height=\"{card_height}\" rx=\"6\"/>\n\
             {heading}{legend}{ticks}{rows}</svg>\n"
        )
    }

    /// What one should know who does not see the picture.
    fn in_words(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let bars = row.bars.iter().map(|bar| {
                let (from, to) = (seconds(bar.from), seconds(bar.to));
                format!(", {} from {from} to {to}", bar.label)
            });
            let bars: String = bars.collect();
            format!("{}: {}{bars}", cut(&row.label, 60), row.note)
        });
        let rows: Vec<String> = rows.collect();
        if rows.is_empty() {
            return "Nothing was recorded.".to_string();
        }
        format!("{}.", rows.join("; "))
    }

    fn svg_legend(&self, has_counts: bool) -> String {
        let (has_marks, has_bars, has_typed) = self.has();
        let y = 500;
        let mut legend = String::new();
        let mut x = px::MARGIN;
        let mut add = |shape: &dyn Fn(i64) -> String, shape_width: i64, text: &str| {
            legend += &shape(x);
            x += shape_width;
            legend += &svg_text(x, y + 40, "class=\"pale\"", text);
            x += width_of(text) as i64 * 70 + 160;
        };
        if has_marks {
            add(&|x| svg_mark(x + 50, y, false), 150, self.mark_is);
        }
        if has_bars {
            add(&|x| svg_bar(x, x + 240, y), 300, "fib is computed");
        }
        if has_typed {
            add(&|x| svg_mark(x + 90, y, true), 150, self.typed_is);
        }
        if has_counts {
            add(&|_| String::new(), 0, "×3: three close together");
        }
        legend
    }
}

fn height(row: &Row, bars: &[Placed]) -> i64 {
    let typed = usize::from(!row.typed.is_empty());
    let lanes = bars.iter().map(|bar| bar.lane + 1).max().unwrap_or(0);
    px::ROW + lanes.max(typed) as i64 * px::LANE
}

/// The row, in a drawing whose axis goes from `left` to `right`.
fn svg_row(
    row: &Row,
    label: &str,
    bars: &[Placed],
    x: &dyn Fn(u64) -> i64,
    (left, right, top): (i64, i64, i64),
) -> String {
    let y = top + px::MARKS;
    let line = svg_line(px::MARGIN, px::WIDTH - px::MARGIN, top);
    let mut svg = format!("<g class=\"grid\">{line}</g>\n");
    svg += &format!(
        "<g class=\"track\">{}</g>\n",
        svg_line(left, x(row.until), y)
    );
    svg += &svg_text(px::MARGIN, y + 40, "class=\"label\"", label);
    let loud = if row.is_loud {
        "class=\"loud\""
    } else {
        "class=\"pale\""
    };
    svg += &svg_text(right + 200, y + 40, loud, &row.note);
    let lane = |lane: usize| y + px::LANE * (lane as i64 + 1);
    for bar in bars {
        let y = lane(bar.lane);
        svg += &svg_bar(left + bar.from, left + bar.to, y);
    }
    for bar in bars {
        svg += &svg_text(
            left + bar.label_from,
            lane(bar.lane) + 40,
            "class=\"on\"",
            bar.label,
        );
    }
    svg += &svg_marks(&row.typed, x, lane(0), true);
    svg += &svg_marks(&row.marks, x, y, row.is_typed);
    svg
}

/// Marks that are close together are one with a count.
fn svg_marks(times: &[u64], x: &dyn Fn(u64) -> i64, y: i64, is_typed: bool) -> String {
    let places: Vec<i64> = times.iter().map(|at| x(*at)).collect();
    let mut svg = String::new();
    for cluster in clusters(&places) {
        let Cluster { from, to, count } = cluster;
        if to > from {
            let class = if is_typed { "manytyped" } else { "many" };
            svg += &format!("<g class=\"{class}\">{}</g>\n", svg_line(from, to, y));
            svg += &svg_mark(to, y, is_typed);
        }
        svg += &svg_mark(from, y, is_typed);
        if count > 1 {
            svg += &svg_text(from - 40, y - 70, COUNT, &format!("×{count}"));
        }
    }
    svg
}

/// Marks without room between them.
#[derive(Debug, PartialEq)]
struct Cluster {
    from: i64,
    to: i64,
    count: usize,
}

/// Marks that would hide one another, or one another's count, together.
fn clusters(places: &[i64]) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    for &place in places {
        if let Some(last) = clusters.last_mut() {
            let count_width = match last.count {
                1 => 0,
                count => width_of(&format!("×{count}")) as i64 * 70,
            };
            if place - last.to < px::NEAR || place - last.from < count_width {
                last.to = place;
                last.count += 1;
                continue;
            }
        }
        clusters.push(Cluster {
            from: place,
            to: place,
            count: 1,
        });
    }
    clusters
}

/// A disc for what was printed; for what was typed a triangle that points to its time.
fn svg_mark(x: i64, y: i64, is_typed: bool) -> String {
    let (center, middle) = (Tenths(x), Tenths(y));
    if is_typed {
        let (back, top, bottom) = (Tenths(x - 90), Tenths(y - 50), Tenths(y + 50));
        format!("<path class=\"typed\" d=\"M{center} {middle}L{back} {top}V{bottom}Z\"/>\n")
    } else {
        format!("<circle class=\"mark\" cx=\"{center}\" cy=\"{middle}\" r=\"4.5\"/>\n")
    }
}

fn svg_bar(from: i64, to: i64, y: i64) -> String {
    let (x, y, width) = (Tenths(from), Tenths(y - 40), Tenths((to - from).max(20)));
    format!("<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"8\"/>\n")
}

fn svg_line(from: i64, to: i64, y: i64) -> String {
    let (from, to, y) = (Tenths(from), Tenths(to), Tenths(y));
    format!("<path d=\"M{from} {y}H{to}\"/>")
}

fn svg_text(x: i64, y: i64, attributes: &str, text: &str) -> String {
    let (x, y) = (Tenths(x), Tenths(y));
    format!(
        "<text x=\"{x}\" y=\"{y}\" {attributes}>{}</text>\n",
        xml(text)
    )
}

/// As the content of an element or attribute.
fn xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

// ---- The terminal

impl Picture {
    /// The picture as lines of at most `width` columns, 60 at least.
    pub fn terminal(&self, width: usize) -> String {
        /// What is left for the axis, whatever the labels are.
        const SMALLEST_PLOT: usize = 24;
        let width = width.max(60);
        let axis = self.axis();
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| width_of(text)).max().unwrap_or(0)
        };
        let notes = widest(&mut self.rows.iter().map(|row| &row.note));
        let most = LABEL.max(width * 2 / 5);
        let most = most.min(width.saturating_sub(notes + 2 + SMALLEST_PLOT));
        let labels = widest(&mut self.rows.iter().map(|row| &row.label)).min(most);
        let columns = width.saturating_sub(labels + notes + 2).max(SMALLEST_PLOT);

        let mut lines = Vec::new();
        let mut has_counts = false;
        for row in &self.rows {
            let label = cut(&row.label, labels);
            let padding = " ".repeat(labels - width_of(&label));
            let mut drawn = terminal_row(row, &axis, columns, &mut has_counts).into_iter();
            let marks = drawn.next().unwrap_or_default();
            lines.push(format!("{label}{padding} {marks} {}", row.note));
            lines.extend(drawn.map(|line| format!("{:labels$} {line}", "")));
        }
        if self.rows.is_empty() {
            lines.push("nothing was recorded".to_string());
        }
        lines.extend(terminal_axis(&axis, columns).map(|line| format!("{:labels$} {line}", "")));

        let mut head = vec![cut(&self.title, width)];
        head.extend(self.terminal_legend(has_counts));
        head.push(String::new());
        let lines = head.iter().chain(&lines);
        lines.flat_map(|line| [line.trim_end(), "\n"]).collect()
    }

    fn terminal_legend(&self, has_counts: bool) -> Vec<String> {
        let (has_marks, has_bars, has_typed) = self.has();
        let mut parts = Vec::new();
        if has_marks {
            parts.push(format!("• {}", self.mark_is));
        }
        if has_bars {
            parts.push("█ fib is computed".to_string());
        }
        if has_typed {
            parts.push(format!("> {}", self.typed_is));
        }
        let mut lines = vec![parts.join("   ")];
        if has_counts {
            lines.push("2 to 9: so many in one place; #: more".to_string());
        }
        lines
    }
}

/// The marks, and below them as many lines as the bars need.
fn terminal_row(row: &Row, axis: &Axis, columns: usize, has_counts: &mut bool) -> Vec<String> {
    // The first column is for what was typed at the very beginning.
    let last = columns as i64 - 2;
    let column = |at: u64| axis.place(at, last) as usize;
    let sign = |is_typed| if is_typed { '>' } else { '•' };
    let mut marks = vec![' '; columns];
    *has_counts |= put_marks(&mut marks, &row.marks, sign(row.is_typed), &|at| {
        column(at) + 1
    });
    let mut lines = vec![marks];

    let measure = Measure {
        character: 1,
        gap: 2, // `to` is the last column of the bar.
        before: 2,
        end: last,
    };
    for bar in placed(row, axis, &measure) {
        while lines.len() < bar.lane + 2 {
            lines.push(vec![' '; columns]);
        }
        let line = &mut lines[bar.lane + 1];
        line[bar.from as usize + 1..=bar.to as usize + 1].fill('█');
        let label_from = bar.label_from as usize + 1;
        for (cell, c) in line[label_from..].iter_mut().zip(bar.label.chars()) {
            *cell = c;
        }
    }
    if !row.typed.is_empty() {
        if lines.len() < 2 {
            lines.push(vec![' '; columns]);
        }
        // One column earlier: the sign points to the bar.
        *has_counts |= put_marks(&mut lines[1], &row.typed, sign(true), &column);
    }
    lines.into_iter().map(String::from_iter).collect()
}

/// Returns whether there are several in one place.
fn put_marks(line: &mut [char], times: &[u64], sign: char, column: &dyn Fn(u64) -> usize) -> bool {
    let mut counts = vec![0; line.len()];
    for at in times {
        counts[column(*at)] += 1;
    }
    for (cell, count) in line.iter_mut().zip(&counts) {
        match count {
            0 => {}
            1 => *cell = sign,
            _ => *cell = char::from_digit(*count, 10).unwrap_or('#'),
        }
    }
    counts.iter().any(|count| *count > 1)
}

/// The axis and its labels; where there is no room for all, the last one and others.
fn terminal_axis(axis: &Axis, columns: usize) -> [String; 2] {
    let mut line = vec!['─'; columns];
    line[0] = ' ';
    let mut labels = vec![' '; columns];
    let mut ticks = axis.ticks();
    ticks.rotate_right(1);
    for (at, label) in ticks {
        let column = axis.place(at, columns as i64 - 2) as usize + 1;
        line[column] = '┴';
        let size = label.chars().count();
        let from = column.saturating_sub(size / 2).min(columns - size);
        let around = from.saturating_sub(1)..(from + size + 1).min(columns);
        if labels[around].iter().all(|cell| *cell == ' ') {
            for (cell, c) in labels[from..].iter_mut().zip(label.chars()) {
                *cell = c;
            }
        }
    }
    [String::from_iter(line), String::from_iter(labels)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(program: &str, millis: u64, typed: bool, text: &str) -> Event {
        Event {
            program: program.to_string(),
            at: Duration::from_millis(millis),
            typed,
            text: text.to_string(),
        }
    }

    /// Lines of one program.
    fn printed(lines: &[(u64, &str)]) -> Vec<Event> {
        let lines = lines.iter();
        lines
            .map(|(at, text)| event("p", *at, false, text))
            .collect()
    }

    const RECORDING: &str = r"# two programs
loud    0.500 < 1795345288 - Hello world!
loud    1.000 < 1795345288 - Hello world!
loud    1.100 > 45
loud    1.500 < 1795345289 - Hello world!
loud    2.000 < 1795345289 - Hello world!
loud    2.100 < Executing fib took 1.00 seconds.
loud    2.100 < fib(45) = 1134903170
loud    2.500 < 1795345290 - Hello world!
silent  0.500 < 1795345291 - Hello world!
silent  1.000 < 1795345291 - Hello world!
silent  1.100 > 45
silent  2.100 < Calculation took 1.000 seconds
silent  2.100 < fib(45) = 1134903170
silent  2.100 < 1795345292 - Hello world!
silent  2.500 < 1795345293 - Hello world!
";

    #[test]
    fn a_recording_goes_to_text_and_back() {
        let texts = [
            "",
            " ",
            "  two at both ends  ",
            "> 45",
            "# no comment",
            "\\n",
            "a\nb\r\t\0\u{1b}[0m",
            "\"'",
            "é 你 e\u{301} \u{202e} \u{a0}",
            "\u{85}\u{2028}",
        ];
        let mut events: Vec<Event> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let at = index as u64 * 123_456;
            events.push(event("hello_node", at, false, text));
            events.push(event("# a b", at, true, text));
        }
        let text = to_text(&events);
        assert_eq!(text.lines().count(), events.len());
        assert!(text.lines().all(|line| line.trim() == line), "{text}");
        assert_eq!(from_text(&text).unwrap(), events);
        assert_eq!(
            to_text(&[event("node", 9, true, "45"), event("n", 12_345, false, "")]),
            "node  0.009 > 45\nn    12.345 <\n"
        );
        let recording = from_text(RECORDING).unwrap();
        assert_eq!(recording.len(), RECORDING.lines().count() - 1);
        assert_eq!(from_text(&to_text(&recording)).unwrap(), recording);
    }

    #[test]
    fn an_error_names_the_line_and_what_was_expected() {
        for (line, expected) in [
            ("hello", "PROGRAM SECONDS < TEXT"),
            (" 1.234 < x", "PROGRAM SECONDS < TEXT"),
            ("p 1 < x", "three decimals"),
            ("p 1.23 < x", "three decimals"),
            ("p -1.234 < x", "three decimals"),
            ("p 1.+23 < x", "three decimals"),
            ("p 99999999999.000 < x", "three decimals"),
            ("p 1.234 x", "`<` (printed) or `>` (typed)"),
            ("p 1.234", "`<` (printed) or `>` (typed)"),
            ("p 1.234 <x", "a space"),
            (r"p 1.234 < \x", "an escape"),
            (r"p 1.234 < \", "an escape"),
            (r"p 1.234 < \u{d800}", "an escape"),
        ] {
            let text = format!("# comment\n\np 0.001 < fine\n{line}\n");
            let error = from_text(&text).unwrap_err().to_string();
            assert!(error.starts_with("line 4: "), "{error}");
            assert!(error.contains(&format!("{line:?}")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_gap_of_more_than_one_and_a_half_times_the_usual_one_is_a_silence() {
        let note = |greetings: &[u64], until| note(greetings, until).0;
        assert_eq!(note(&[], 9000), "no greeting");
        assert_eq!(note(&[500], 9000), "1 greeting");
        assert_eq!(note(&[500, 4000], 9000), "2 greetings");
        assert_eq!(note(&[500, 1000, 1500, 2250], 2700), "greets on");
        assert_eq!(note(&[500, 1000, 1500, 2251], 2700), "silent for 0.75 s");
        assert_eq!(note(&[500, 1000, 4250, 4750], 5000), "silent for 3.3 s");
        // Of two gaps the usual one is the shorter.
        assert_eq!(note(&[500, 1000, 4500], 4600), "silent for 3.5 s");
        // Before the first, and after the last.
        assert_eq!(note(&[3000, 3500, 4000], 4100), "silent for 3.0 s");
        assert_eq!(note(&[500, 1000, 1500], 9900), "silent for 8.4 s");
        // Late once, and then soon again.
        assert_eq!(note(&[0, 1000, 2600, 3000, 4000], 4500), "silent for 1.6 s");
        assert_eq!(note(&[0, 0, 0], 0), "greets on");
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        let labels = |longest| {
            let labels = Axis::of(longest)
                .ticks()
                .into_iter()
                .map(|(_, label)| label);
            labels.collect::<Vec<String>>().join(" ")
        };
        assert_eq!(labels(0), "0 1 2 3 4 5 6 7 8 9 10 ms");
        assert_eq!(labels(101), "0 0.02 0.04 0.06 0.08 0.1 0.12 s");
        assert_eq!(labels(3000), "0 0.5 1 1.5 2 2.5 3 s");
        assert_eq!(labels(7200), "0 1 2 3 4 5 6 7 8 s");
        assert_eq!(labels(200_000), "0 20 40 60 80 100 120 140 160 180 200 s");
        assert_eq!(labels(200_001), "0 0.5 1 1.5 2 2.5 3 3.5 min");
        assert_eq!(labels(4 * HOUR), "0 0.5 1 1.5 2 2.5 3 3.5 4 h");
        assert_eq!(labels(11 * DAY), "0 48 96 144 192 240 288 h");
        for longest in (0..40).map(|power| 3_u64.pow(power).min(millis(Duration::MAX))) {
            let axis = Axis::of(longest);
            assert!(axis.step * axis.count >= longest, "{longest}: {axis:?}");
            assert!((1..=10).contains(&axis.count), "{longest}: {axis:?}");
            assert_eq!(axis.place(axis.step * axis.count, 5000), 5000);
        }
    }

    #[test]
    fn lines_that_begin_alike_have_one_row() {
        for (line, expected) in [
            ("Waiting: 2", "Waiting"),
            ("Waiting 6", "Waiting"),
            ("Task ret: Done after 2s", "Task ret: Done after"),
            ("TIME: 2.001126", "TIME"),
            ("^CFinally: 2", "Finally"),
            ("^Cmain: running", "main: running"),
            ("^C", "^C"),
            ("do_some_work(1): waiting", "do_some_work"),
            ("Done: URL URL2 took 2s to get!", "Done: URL URL"),
            ("[('URL1', 1), ('URL2', 3)]", "[('URL"),
            ("1795306666 - Hello world!", "Hello world"),
            ("1 It works", "It works"),
            ("200", "(a number)"),
            ("127.0.0.1", "(a number)"),
            ("0.5 s of 3.2 s", "s of"),
            ("", "(an empty line)"),
            (" \t", "(an empty line)"),
            ("---", "---"),
            (
                "drop(task)    | drop returned",
                "drop(task) | drop returned",
            ),
            ("\u{7}bell", "\\u{7}bell"),
            ("完了 3", "完了"),
        ] {
            assert_eq!(prefix(line), expected, "{line:?}");
        }
    }

    #[test]
    fn rows_are_in_order_of_appearance_and_the_rest_is_summed_up() {
        let mut events = printed(&[(2, "b: 2"), (1, "a: 1"), (3, "b: 3")]);
        events.push(event("p", 4, true, "b: 4"));
        let rows = by_prefix(&events).rows;
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.label.as_str(), row.note.as_str()))
            .collect();
        assert_eq!(
            rows,
            [("a", "1 line"), ("b", "2 lines"), ("typed", "1 line")]
        );

        // Distinct beginnings without a digit.
        let name = |n: u64| {
            n.to_string()
                .bytes()
                .map(|b| char::from(b + 49))
                .collect::<String>()
        };
        let many = |count| {
            let mut events: Vec<Event> =
                (0..count).map(|n| event("p", n, false, &name(n))).collect();
            events.push(event("p", count, true, "45"));
            by_prefix(&events).rows
        };
        assert_eq!(many(19).len(), 20);
        let rows = many(200);
        assert_eq!(rows.len(), MOST_ROWS + 1);
        assert_eq!(rows[19].label, "typed");
        assert_eq!(rows[20].label, "… and 181 others");
        assert_eq!(rows[20].marks, (19..200).collect::<Vec<u64>>());
    }

    #[test]
    fn marks_that_would_hide_one_another_are_one_with_a_count() {
        let counts = |places: &[i64]| {
            let clusters = clusters(places).into_iter();
            clusters
                .map(|one| (one.from, one.to, one.count))
                .collect::<Vec<_>>()
        };
        assert_eq!(counts(&[0, px::NEAR]), [(0, 0, 1), (px::NEAR, px::NEAR, 1)]);
        assert_eq!(counts(&[0, 29, 500]), [(0, 29, 2), (500, 500, 1)]);
        // The count has room.
        assert_eq!(counts(&[0, 0, 139, 250]), [(0, 139, 3), (250, 250, 1)]);
        assert_eq!(counts(&[7; 1000]), [(7, 7, 1000)]);

        let svg = by_prefix(&printed(&[(5, "a"), (5, "a"), (5, "a")])).svg();
        assert!(svg.contains(">×3</text>"), "{svg}");
        assert!(svg.contains("three close together"), "{svg}");
        let svg = by_prefix(&printed(&[(1, "a"), (5, "a"), (9, "a")])).svg();
        assert!(!svg.contains('×'), "{svg}");

        let events: Vec<Event> = [1; 9]
            .iter()
            .chain(&[5; 10])
            .chain(&[9])
            .map(|at| event("p", *at, false, "a"))
            .collect();
        let terminal = by_prefix(&events).terminal(60);
        let row = terminal
            .lines()
            .find(|line| line.starts_with("a "))
            .unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["a", "9", "#", "•", "20", "lines"]
        );
    }

    #[test]
    fn bars_and_labels_do_not_cover_one_another() {
        let bar = |from, to| Bar {
            from,
            to,
            label: "fib(45)".to_string(),
        };
        let lanes = |bars: Vec<Bar>, typed: Vec<u64>| {
            let row = Row {
                bars,
                typed,
                ..Row::default()
            };
            let measure = Measure {
                character: 1,
                gap: 1,
                before: 2,
                end: 100,
            };
            // 10 s on 100 columns.
            let placed = placed(&row, &Axis::of(10_000), &measure);
            placed
                .iter()
                .map(|bar| (bar.label_from, bar.lane))
                .collect::<Vec<_>>()
        };
        assert_eq!(lanes(vec![bar(1000, 2000)], vec![1000]), [(21, 0)]);
        assert_eq!(
            lanes(vec![bar(1000, 2000), bar(1500, 1500)], vec![]),
            [(21, 0), (16, 1)]
        );
        // Into the label of the first; and just behind it.
        assert_eq!(
            lanes(vec![bar(1000, 2000), bar(2500, 3000)], vec![]),
            [(21, 0), (31, 1)]
        );
        assert_eq!(
            lanes(vec![bar(1000, 2000), bar(3100, 4000)], vec![]),
            [(21, 0), (41, 0)]
        );
        // No room after the bar; none at all.
        assert_eq!(lanes(vec![bar(5000, 9900)], vec![]), [(41, 0)]);
        assert_eq!(lanes(vec![bar(0, 10_000)], vec![]), [(93, 0)]);
        // Typed where the label would be.
        assert_eq!(lanes(vec![bar(1000, 2000)], vec![2200]), [(21, 1)]);
    }

    #[test]
    fn one_sees_who_greets_on() {
        let events = from_text(RECORDING).unwrap();
        let expected = "\
Who goes on greeting while fib is computed?
• a greeting   █ fib is computed   > a number is typed

loud           •      •     •      •      • greets on
              fib(45) >███████████████
silent         •      •              •    • silent for 1.1 s
              fib(45) >███████████████
        ┴──────┴──────┴─────┴──────┴──────┴
        0     0.5     1    1.5     2  2.5 s
";
        let terminal = hello(&events).terminal(60);
        assert_eq!(terminal, expected);
        let svg = hello(&events).svg();
        assert_eq!(svg.matches("<circle").count(), 5 + 4 + 1);
        assert_eq!(svg.matches("<rect class=\"bar\"").count(), 2 + 1);
        let silent = "silent: silent for 1.1 s, fib(45) from 1.1 s to 2.1 s";
        assert!(svg.contains(silent), "{svg}");
    }

    #[test]
    fn what_is_not_a_greeting_or_a_time_is_not_drawn() {
        let picture = hello(&printed(&[
            (1, "x - Hello world!"),
            (2, "1 - Hello"),
            (3, "Executing fib took NaN seconds."),
            (4, "Executing fib took -1 seconds."),
            (5, "it took 3 seconds longer"),
            (6, "Executing fib took 9.00 seconds."),
            (7, "fib(x) = 3"),
        ]));
        let row = &picture.rows[0];
        assert!(row.marks.is_empty());
        let bars: Vec<_> = row
            .bars
            .iter()
            .map(|bar| (bar.from, bar.to, bar.label.as_str()))
            .collect();
        assert_eq!(bars, [(0, 6, UNKNOWN)]);
    }

    /// Every element is closed, and nothing else has a `<` or a stray `&`.
    fn check_xml(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        for part in text.split('<').skip(1) {
            let (tag, rest) = part.split_once('>').expect(part);
            assert!(!rest.contains('>'), "{rest}");
            let name = tag.split_whitespace().next().expect(part);
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            for entity in part.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;", "quot;"];
                assert!(
                    known.iter().any(|known| entity.starts_with(known)),
                    "{part}"
                );
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let is_fine = |c: char| c == '\n' || !c.is_control();
        assert!(text.chars().all(is_fine), "{text:?}");
    }

    #[test]
    fn whatever_is_printed_the_pictures_are_well_formed() {
        let texts = [
            "</text><script>&amp;\"'",
            "\u{1b}[31mred",
            "\u{202e}back",
            "\u{ffff}",
            "你好你好你好你好你好你好你好你好你好",
            "\0",
            "a very long line, of which there is only the beginning in the picture",
            "]]>",
            "",
        ];
        let mut events: Vec<Event> = Vec::new();
        for text in texts {
            events.push(event("<p>&\u{7}", 1, false, text));
            events.push(event("q", 2_000_000, true, text));
        }
        for picture in [hello(&events), by_prefix(&events)] {
            let svg = picture.svg();
            check_xml(&svg);
            assert!(!svg.contains("<script"), "{svg}");
            for width in [0, 60, 61, 80, 300] {
                let terminal = picture.terminal(width);
                assert!(
                    !terminal.contains(|c: char| c != '\n' && c.is_control()),
                    "{terminal:?}"
                );
                for line in terminal.lines() {
                    assert!(width_of(line) <= width.max(60), "{width}: {line}");
                }
            }
        }
        let label = "a label that is longer than thirty";
        let wide = by_prefix(&printed(&[(1, label)])).terminal(120);
        assert!(wide.contains(label), "{wide}");
        assert_eq!(cut("你好你", 5), "你好…");
        assert_eq!(cut("你好你", 4), "你…");
    }

    #[test]
    fn few_events_are_a_picture_too() {
        for events in [
            vec![],
            printed(&[(0, "a")]),
            printed(&[(4_000_000_000_000, "1 - Hello world!")]),
        ] {
            for picture in [hello(&events), by_prefix(&events)] {
                check_xml(&picture.svg());
                let terminal = picture.terminal(60);
                assert_eq!(
                    terminal.contains("nothing was recorded"),
                    events.is_empty(),
                    "{terminal}"
                );
            }
        }
        let longest = [
            event("p", 0, false, "a"),
            Event {
                at: Duration::MAX,
                ..event("p", 0, false, "b")
            },
        ];
        check_xml(&by_prefix(&longest).svg());
    }

    #[test]
    fn the_colours_can_be_read() {
        let light_of = |colour: &str| {
            let parts = [1, 3, 5].map(|from| {
                let part = u8::from_str_radix(&colour[from..from + 2], 16).unwrap();
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        };
        for colours in [LIGHT, DARK] {
            let contrast = |colour| {
                let (a, b) = (light_of(colour), light_of(colours.card));
                (a.max(b) + 0.05) / (a.min(b) + 0.05)
            };
            for text in [colours.text, colours.pale_text] {
                assert!(contrast(text) >= 4.5, "{text}: {}", contrast(text));
            }
            for mark in [colours.mark, colours.bar, colours.typed] {
                assert!(contrast(mark) >= 3.0, "{mark}: {}", contrast(mark));
            }
        }
    }
}
