//! What programs printed, and when: in memory, and as a text that a person can read.

use crate::Result;
use crate::runner::play::Event;
use std::time::Duration;

impl Event {
    /// When it was, in whole milliseconds. Beyond some weeks all is one.
    pub fn millis(&self) -> i64 {
        self.at.as_millis().min(u32::MAX.into()) as i64
    }
}

/// One line for each event: `hello_node 1.234 > 45` was typed, `hello_node 4.345 < fib(45) = …` was
/// printed.
pub fn to_text(events: &[Event]) -> String {
    let widths = events.iter().map(|event| event.program.chars().count());
    let width = widths.max().unwrap_or(0);
    let line = |event: &Event| {
        let program = &event.program;
        let (seconds, millis) = (event.millis() / 1000, event.millis() % 1000);
        let sign = if event.typed { '>' } else { '<' };
        let text = escaped(&event.text);
        format!("{program:width$} {seconds}.{millis:03} {sign} {text}\n")
    };
    events.iter().map(line).collect()
}

/// Reads what [`to_text`] wrote. Empty lines and those that start with `#` are comments.
pub fn from_text(text: &str) -> Result<Vec<Event>> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let event = |(number, line)| {
        let expected = "`PROGRAM 1.234 < PRINTED` or `PROGRAM 1.234 > TYPED`";
        let error = || format!("line {number}: expected {expected}, got {line:?}");
        event_from(line).ok_or_else(|| error().into())
    };
    lines.map(event).collect()
}

fn event_from(line: &str) -> Option<Event> {
    let (program, rest) = line.split_once(' ')?;
    let (at, rest) = rest.trim_start().split_once(' ')?;
    let (seconds, millis) = at.split_once('.')?;
    if millis.len() != 3 {
        return None;
    }
    let millis: u32 = format!("{seconds}{millis}").parse().ok()?;
    let (sign, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let typed = match sign {
        "<" => false,
        ">" => true,
        _ => return None,
    };
    Some(Event {
        program: program.to_string(),
        at: Duration::from_millis(millis.into()),
        typed,
        text: unescaped(text)?,
    })
}

/// Control characters and backslashes as `\u{1b}`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_control() || c == '\\' {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('\\');
    let mut plain = parts.next()?.to_string();
    for part in parts {
        let (code, rest) = part.strip_prefix("u{")?.split_once('}')?;
        plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        plain.push_str(rest);
    }
    Some(plain)
}

/// Two programs: one goes on greeting.
#[cfg(test)]
pub const TWO_PROGRAMS: &str = "\
# loud, then silent
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_goes_to_text_and_back() {
        let texts = [
            "",
            "  two at both ends  ",
            "> 45",
            "# no comment",
            r"\n \u{41} \",
            "a\nb\r\t\0\u{1b}[0m\u{85}",
            "\"é\" 你 \u{2028}",
        ];
        let mut events = Vec::new();
        for (index, text) in (0..).zip(texts) {
            for (program, typed) in [("hello_node", false), ("n", true)] {
                events.push(Event {
                    program: program.to_string(),
                    at: Duration::from_millis(index * 12_345),
                    typed,
                    text: text.to_string(),
                });
            }
        }
        let text = to_text(&events);
        assert_eq!(text.lines().count(), events.len());
        assert!(text.contains("\nn          24.690 > > 45\n"), "{text}");
        assert_eq!(from_text(&text).unwrap(), events);
        // An editor may have removed a space at the end.
        assert_eq!(from_text("n 0.000 >").unwrap(), events[1..2]);

        let (comment, lines) = TWO_PROGRAMS.split_once('\n').unwrap();
        assert!(comment.starts_with('#'));
        let text = to_text(&from_text(TWO_PROGRAMS).unwrap());
        assert_eq!(text, lines.replace("\n\n", "\n"));
    }

    #[test]
    fn an_error_names_the_line() {
        for line in [
            "hello",
            "p 1.234",
            "p 1 < x",
            "p 1.23 < x",
            "p -1.234 < x",
            "p 1.+23 < x",
            "p 9999999.000 < x",
            "p 1.234 x",
            "p 1.234 <x",
            r"p 1.234 < \n",
            r"p 1.234 < \u{d800}",
        ] {
            let error = from_text(&format!("# comment\n\np 0.001 < fine\n{line}\n"));
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with("line 4: "), "{error}");
            assert!(error.ends_with(&format!("{line:?}")), "{error}");
        }
    }
}
