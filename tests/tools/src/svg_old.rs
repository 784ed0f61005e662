//! A picture as an SVG file: text is text, and there is no script and nothing from elsewhere.
//!
//! Places are whole tenths of a pixel.

use crate::axis::Axis;
use crate::picture::{Picture, Row, Sign, seconds};

const WIDTH: i64 = 8000;
const MARGIN: i64 = 160;
/// The width of a character of a label, and a bit more.
const CHARACTER: i64 = 75;
/// The top of the first row.
const ROWS: i64 = 680;
/// The height of a row, without bars.
const ROW: i64 = 300;
/// From the top of a row to its marks.
const MARKS: i64 = 190;
/// From the marks to the bars, and from one bar to the next.
const LANE: i64 = 150;
/// Marks that are nearer than this are counted: a count is so wide.
const NEAR: i64 = 130;

/// What has a colour: on a light page, and on a dark one.
const COLOURS: [(&str, &str, &str); 9] = [
    (".card{fill", "#ffffff", "#161b22"),
    (".on,.mark,.typed{stroke", "#ffffff", "#161b22"),
    (".card,.track{stroke", "#d0d7de", "#3d444d"),
    (".grid{stroke", "#e4e8ec", "#2b323b"),
    ("text{fill", "#1f2328", "#e6edf3"),
    (".pale{fill", "#57606a", "#9da7b3"),
    (".mark{fill", "#0969da", "#58a6ff"),
    (".bar{fill", "#bc4c00", "#f0883e"),
    (".typed{fill", "#8250df", "#d2a8ff"),
];

impl Picture {
    pub fn svg(&self) -> String {
        let plot = Plot::of(self);
        let mut rows = String::new();
        let mut top = ROWS;
        for row in &self.rows {
            rows += &plot.row(row, top);
            top += height(row);
        }
        let heading = text("title", MARGIN, 290, &self.title);
        let legend = legend(self, rows.contains("class=\"count\""));
        let ticks = plot.ticks(top);
        let (width, height) = (px(WIDTH), px(top + 340));
        let (card_width, card_height) = (px(WIDTH - 10), px(top + 330));
        let (title, desc) = (xml(&self.title), xml(&in_words(self)));
        let light = COLOURS.map(|(what, light, _)| format!("{what}:{light}}}"));
        let dark = COLOURS.map(|(what, _, dark)| format!("{what}:{dark}}}"));
        let (light, dark) = (light.concat(), dark.concat());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n\
             <title>{title}</title>\n\
             <desc>{desc}</desc>\n\
             <style>\n\
             text{{font:12px ui-sans-serif,system-ui,sans-serif}}.title{{font-size:15px;font-weight:600}}\
             .label{{font-family:ui-monospace,monospace}}.loud{{font-weight:700}}.count{{font-size:10px}}\
             .tick{{text-anchor:middle}}.on{{stroke-width:3;paint-order:stroke}}\n\
             {light}\n\
             @media (prefers-color-scheme:dark){{{dark}}}\n\
             </style>\n\
             <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{card_width}\" height=\"{card_height}\" rx=\"6\"/>\n\
             {heading}{legend}{ticks}{rows}</svg>\n"
        )
    }
}

/// What one should know who does not see the picture.
fn in_words(picture: &Picture) -> String {
    let rows = picture.rows.iter().map(|row| {
        let mut words = format!("{}: {}", row.label, row.note);
        for bar in &row.bars {
            let (from, to) = (seconds(bar.from), seconds(bar.to));
            words += &format!(", {} from {from} to {to}", bar.label);
        }
        words
    });
    rows.collect::<Vec<String>>().join("; ") + "."
}

fn legend(picture: &Picture, has_counts: bool) -> String {
    let y = 500;
    let mut svg = String::new();
    let mut x = MARGIN;
    for (sign, words) in &picture.legend {
        let (shape, width) = match sign {
            Sign::Printed => (mark(x + 50, y, false), 150),
            Sign::Typed => (mark(x + 90, y, true), 150),
            Sign::Bar => (bar(x, x + 240, y), 300),
        };
        svg += &shape;
        svg += &text("pale", x + width, y + 40, words);
        x += width + words.chars().count() as i64 * 70 + 160;
    }
    if has_counts {
        svg += &text("pale", x, y + 40, "×3: three close together");
    }
    svg
}

/// The axis, between the labels and the notes.
struct Plot {
    axis: Axis,
    left: i64,
    right: i64,
}

impl Plot {
    fn of(picture: &Picture) -> Plot {
        let (labels, notes) = picture.widths();
        Plot {
            axis: Axis::of(picture.until()),
            left: MARGIN + labels as i64 * CHARACTER + 200,
            right: WIDTH - MARGIN - notes as i64 * CHARACTER - 200,
        }
    }

    fn x(&self, at: i64) -> i64 {
        self.left + self.axis.place(at, self.right - self.left)
    }

    /// The axis below the rows, and a line through them for each tick.
    fn ticks(&self, y: i64) -> String {
        let mut svg = line("grid", self.left, self.right, y);
        for (at, label) in self.axis.ticks() {
            let x = self.x(at);
            let (place, from, to) = (px(x), px(ROWS), px(y + 50));
            svg += &format!("<path class=\"grid\" d=\"M{place} {from}V{to}\"/>\n");
            svg += &text("pale tick", x, y + 200, &label);
        }
        svg
    }

    fn row(&self, row: &Row, top: i64) -> String {
        let y = top + MARKS;
        let note_class = if row.is_loud { "loud" } else { "pale" };
        let mut svg = line("grid", MARGIN, WIDTH - MARGIN, top);
        svg += &line("track", self.left, self.x(row.until), y);
        svg += &text("label", MARGIN, y + 40, &row.label);
        svg += &text(note_class, self.right + 200, y + 40, &row.note);
        let mut lane = y;
        for one in &row.bars {
            lane += LANE;
            let (from, to) = (self.x(one.from), self.x(one.to));
            let width = one.label.chars().count() as i64 * CHARACTER;
            let label = if to + 60 + width <= self.right {
                to + 60
            } else {
                (from - 130 - width).max(self.left)
            };
            svg += &bar(from, to, lane);
            svg += &text("on", label, lane + 40, &one.label);
        }
        svg += &self.marks(&row.typed, y + LANE, true);
        svg += &self.marks(&row.marks, y, row.is_typed);
        svg
    }

    /// Marks that are close together have a count: they may hide one another.
    fn marks(&self, times: &[i64], y: i64, is_typed: bool) -> String {
        let places: Vec<i64> = times.iter().map(|at| self.x(*at)).collect();
        let mut svg = String::new();
        for near in places.chunk_by(|one, next| next - one < NEAR) {
            for x in near {
                svg += &mark(*x, y, is_typed);
            }
            if near.len() > 1 {
                svg += &text("count", near[0] - 40, y - 70, &format!("×{}", near.len()));
            }
        }
        svg
    }
}

fn height(row: &Row) -> i64 {
    ROW + row.lanes() as i64 * LANE
}

/// A disc for what was printed; for what was typed a triangle that points to its time.
fn mark(x: i64, y: i64, is_typed: bool) -> String {
    let (center, middle) = (px(x), px(y));
    if is_typed {
        let (back, top, bottom) = (px(x - 90), px(y - 50), px(y + 50));
        format!("<path class=\"typed\" d=\"M{center} {middle}L{back} {top}V{bottom}Z\"/>\n")
    } else {
        format!("<circle class=\"mark\" cx=\"{center}\" cy=\"{middle}\" r=\"4.5\"/>\n")
    }
}

fn bar(from: i64, to: i64, y: i64) -> String {
    let (x, y, width) = (px(from), px(y - 40), px((to - from).max(20)));
    format!("<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"8\"/>\n")
}

fn line(class: &str, from: i64, to: i64, y: i64) -> String {
    let (from, to, y) = (px(from), px(to), px(y));
    format!("<path class=\"{class}\" d=\"M{from} {y}H{to}\"/>\n")
}

fn text(class: &str, x: i64, y: i64, text: &str) -> String {
    let (x, y, text) = (px(x), px(y), xml(text));
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>\n")
}

/// Tenths of a pixel in pixels.
fn px(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10).replace(".0", "")
}

fn xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::picture::tests::{TWO_PROGRAMS, events};
    use crate::picture::{by_prefix, hello};

    #[test]
    fn all_that_was_recorded_is_drawn() {
        let svg = hello(&events(TWO_PROGRAMS)).svg();
        // One each is in the legend.
        assert_eq!(svg.matches("<circle class=\"mark\"").count(), 5 + 4 + 1);
        assert_eq!(svg.matches("<path class=\"typed\"").count(), 2 + 1);
        assert_eq!(svg.matches("<rect class=\"bar\"").count(), 2 + 1);
        assert_eq!(svg.matches(">fib(45)</text>").count(), 2);
        let silent = "silent: silent for 1.1 s, fib(45) from 1.1 s to 2.1 s.</desc>";
        assert!(svg.contains(silent), "{svg}");
        assert!(!svg.contains('×'), "{svg}");
    }

    #[test]
    fn marks_that_may_hide_one_another_are_counted() {
        let near = "p 0.005 < a\np 0.005 < a\np 0.005 < a\np 0.009 < a\n";
        let svg = by_prefix(&events(near)).svg();
        assert_eq!(svg.matches("class=\"count\"").count(), 1, "{svg}");
        assert!(svg.contains(">×3</text>"), "{svg}");
        assert!(svg.contains("three close together"), "{svg}");
    }

    #[test]
    fn the_label_of_a_bar_has_room() {
        let label = |took, at| {
            let text = format!(
                "p {at}.000 < fib took {took} seconds\np {at}.000 < fib(45) = 1\np 10.000 < .\n"
            );
            let svg = hello(&events(&text)).svg();
            let at = svg.find("class=\"on\"").unwrap();
            svg[at..].split('"').nth(3).unwrap().parse::<f64>().unwrap()
        };
        // The axis is from 43.5 to 681.5, and a second is 63.8 long.
        assert_eq!(label(1, 5), 368.5);
        assert_eq!(label(1, 10), 552.2);
        assert_eq!(label(10, 10), 43.5);
    }

    /// Every element is closed, and nothing else has a `<` or a stray `&`.
    fn check_xml(svg: &str) {
        let mut open = Vec::new();
        for part in svg.split('<').skip(1) {
            let (tag, text) = part.split_once('>').expect(part);
            assert!(!text.contains('>'), "{part}");
            let name = tag.split(' ').next().expect(part);
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            for entity in part.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;"];
                assert!(
                    known.iter().any(|known| entity.starts_with(known)),
                    "{part}"
                );
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let is_allowed = |c: char| c == '\n' || !c.is_control() && c != '\u{ffff}';
        assert!(svg.chars().all(is_allowed), "{svg:?}");
    }

    #[test]
    fn the_file_is_well_formed_whatever_was_printed() {
        for text in [
            "",
            "p 0.000 < a\n",
            "p 4294967.295 < 1 - Hello world!\n",
            "<p>&\u{7} 1.000 < </text><script>&amp;\"'\n",
            "p 1.000 < red\u{1b}\u{0}\u{ffff}end\np 2000.000 > ]]>\n",
        ] {
            let events = events(text);
            for picture in [hello(&events), by_prefix(&events)] {
                let svg = picture.svg();
                check_xml(&svg);
                assert!(!svg.contains("<script"), "{svg}");
            }
        }
    }
}
