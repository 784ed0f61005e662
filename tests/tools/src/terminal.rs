//! A picture as lines for a terminal.

use crate::axis::Axis;
use crate::picture::{Picture, Row, Sign};

impl Picture {
    /// The picture as lines of at most `width` columns, 80 at least.
    pub fn terminal(&self, width: usize) -> String {
        let (labels, notes) = self.widths();
        let plot = Plot {
            axis: Axis::of(self.until()),
            columns: width.max(80) - labels - notes - 2,
        };
        let mut lines = vec![self.title.clone()];
        lines.push(legend(self));
        if self.rows.iter().any(|row| plot.has_counts(row)) {
            lines.push("2 to 9: so many in one place; #: more".to_string());
        }
        lines.push(String::new());
        for row in &self.rows {
            let (label, note) = (&row.label, &row.note);
            lines.push(format!("{label:labels$} {} {note}", plot.marks(row)));
            let below = plot.below(row);
            lines.extend(below.iter().map(|line| format!("{:labels$} {line}", "")));
        }
        let axis = plot.lines_of_axis();
        lines.extend(axis.iter().map(|line| format!("{:labels$} {line}", "")));
        lines
            .iter()
            .flat_map(|line| [line.trim_end(), "\n"])
            .collect()
    }
}

fn legend(picture: &Picture) -> String {
    let parts = picture.legend.iter().map(|(sign, words)| {
        let sign = match sign {
            Sign::Printed => '•',
            Sign::Typed => '>',
            Sign::Bar => '█',
        };
        format!("{sign} {words}")
    });
    parts.collect::<Vec<String>>().join("   ")
}

/// What is between the labels and the notes. The first column is before the axis, for what was typed at
/// the very beginning.
struct Plot {
    axis: Axis,
    columns: usize,
}

impl Plot {
    fn column(&self, at: i64) -> usize {
        self.axis.place(at, self.columns as i64 - 2) as usize + 1
    }

    fn has_counts(&self, row: &Row) -> bool {
        let is_one = |two: &[i64]| self.column(two[0]) == self.column(two[1]);
        row.marks.windows(2).any(is_one) || row.typed.windows(2).any(is_one)
    }

    fn marks(&self, row: &Row) -> String {
        let mut line = vec![' '; self.columns];
        let sign = if row.is_typed { '>' } else { '•' };
        put(&mut line, row.marks.iter().map(|at| self.column(*at)), sign);
        line.iter().collect()
    }

    /// The lines below the marks.
    fn below(&self, row: &Row) -> Vec<String> {
        let mut lines = vec![vec![' '; self.columns]; row.lanes()];
        for (line, bar) in lines.iter_mut().zip(&row.bars) {
            let (from, to) = (self.column(bar.from), self.column(bar.to));
            let width = bar.label.chars().count();
            let label = if to + 2 + width <= self.columns {
                to + 2
            } else {
                from.saturating_sub(2 + width).max(1)
            };
            line[from..=to].fill('█');
            write(line, label, &bar.label);
        }
        if let Some(line) = lines.first_mut() {
            // One column earlier: the sign points to the bar.
            put(line, row.typed.iter().map(|at| self.column(*at) - 1), '>');
        }
        lines.iter().map(String::from_iter).collect()
    }

    /// The axis and its labels; where there is no room for all, the last one and others.
    fn lines_of_axis(&self) -> [String; 2] {
        let mut line = vec!['─'; self.columns];
        line[0] = ' ';
        let mut labels = vec![' '; self.columns];
        for (at, label) in self.axis.ticks().into_iter().rev() {
            let column = self.column(at);
            line[column] = '┴';
            let width = label.chars().count();
            let from = (column - width / 2).min(self.columns - width);
            let mut around = labels[from - 1..].iter().take(width + 2);
            if around.all(|cell| *cell == ' ') {
                write(&mut labels, from, &label);
            }
        }
        [line, labels].map(String::from_iter)
    }
}

fn write(line: &mut [char], from: usize, text: &str) {
    for (cell, c) in line[from..].iter_mut().zip(text.chars()) {
        *cell = c;
    }
}

/// Puts the sign in these columns, and where there are several in one column their number.
fn put(line: &mut [char], columns: impl Iterator<Item = usize>, sign: char) {
    let mut counts = vec![0; line.len()];
    for column in columns {
        counts[column] += 1;
    }
    for (cell, count) in line.iter_mut().zip(counts) {
        match count {
            0 => {}
            1 => *cell = sign,
            _ => *cell = char::from_digit(count, 10).unwrap_or('#'),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::picture::tests::{TWO_PROGRAMS, events};
    use crate::picture::{by_prefix, hello};

    #[test]
    fn one_sees_who_greets_on() {
        let events = events(TWO_PROGRAMS);
        let expected = "\
Who goes on greeting while fib is computed?
• a greeting   █ fib is computed   > a number is typed

loud               •          •         •          •          • greets on
                               >██████████████████████ fib(45)
silent             •          •                      •        • silent for 1.1 s
                               >██████████████████████ fib(45)
        ┴──────────┴──────────┴─────────┴──────────┴──────────┴
        0         0.5         1        1.5         2      2.5 s
";
        assert_eq!(hello(&events).terminal(80), expected);
    }

    #[test]
    fn marks_in_one_column_are_counted() {
        let text = "p 0.001 < a\n".repeat(9) + &"p 0.005 < a\n".repeat(10) + "p 0.009 < a\n";
        let terminal = by_prefix(&events(&text)).terminal(80);
        let row = terminal.lines().find(|line| line.starts_with("a "));
        let row: Vec<&str> = row.unwrap().split_whitespace().collect();
        assert_eq!(row, ["a", "9", "#", "•", "20", "lines"]);
        assert!(terminal.contains("2 to 9: so many"), "{terminal}");
    }

    #[test]
    fn the_label_of_a_bar_has_room() {
        let below = |took, at| {
            let text = format!(
                "p {at}.000 < fib took {took} seconds\np {at}.000 < fib(45) = 1\np 10.000 < .\n"
            );
            let terminal = hello(&events(&text)).terminal(80);
            terminal.lines().nth(4).unwrap().trim().to_string()
        };
        assert_eq!(below(1, 5), "███████ fib(45)");
        assert_eq!(below(1, 10), "fib(45)  ███████");
        assert_eq!(below(10, 10), format!("fib(45){}", "█".repeat(58)));
    }

    #[test]
    fn no_line_is_too_wide_whatever_was_printed() {
        for text in [
            "",
            "p 0.000 > 1\np 0.000 < a\n",
            "p 4294967.295 < 1 - Hello world!\n",
            "p 1.000 < red\u{1b}\u{0}end\np 2000.000 > 45\n",
            "a_very_long_name_of_a_program_with_more_in_it 1.000 < and it prints a very long line\n",
        ] {
            let events = events(text);
            for picture in [hello(&events), by_prefix(&events)] {
                for width in [0, 80, 81, 300] {
                    let terminal = picture.terminal(width);
                    let is_control = |c: char| c.is_control() && c != '\n';
                    assert!(!terminal.contains(is_control), "{terminal:?}");
                    let widest = terminal.lines().map(|line| line.chars().count()).max();
                    assert!(widest <= Some(width.max(80)), "{width}: {terminal}");
                }
            }
        }
    }
}
