//! The ratios as a picture: a bar for the best of each peer, on a logarithmic scale. It begins at 1,
//! and goes to the left where ours takes less.

use crate::job::{Figure, Who};
use crate::results::{Results, shown};
use std::fmt::Write;

const LABELS: f64 = 330.0;
const WIDTH: f64 = 900.0;
const LINE: f64 = 15.0;
/// The ratios at the ends of the scale; what is beyond is cut off.
const SCALE: (f64, f64) = (0.003, 10.0);

const HEAD: &str = "\
<style>
text { font: 11px system-ui, sans-serif; fill: #222; }
.job { font-weight: bold; }
.scale { stroke: #8884; }
.one { stroke: #888; }
.tokio { fill: #d2662a; }
.asyncio { fill: #3572a5; }
.Node { fill: #3c873a; }
.C { fill: #777; }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd; }
  .tokio { fill: #f0945a; }
  .asyncio { fill: #6aa8dd; }
  .Node { fill: #6bbd69; }
  .C { fill: #aaa; }
}
</style>
";

pub fn draw(all: &[Results]) -> String {
    let mut body = String::new();
    let mut y = 3.0 * LINE;
    let mut job = "";
    for results in all.iter().filter(|results| is_compared(results.figure)) {
        if results.job.name != job {
            job = results.job.name;
            let title = format!("{job}: {}", results.job.title);
            y += 1.5 * LINE;
            text(&mut body, 8.0, y, "start", "job", &title);
        }
        y += 1.2 * LINE;
        text(&mut body, 16.0, y, "start", "", &results.figure.title);
        for who in Who::PEERS {
            if let Some(ratio) = results.best(who).and_then(|row| results.ratio(row)) {
                bar(&mut body, y, who, ratio);
                y += LINE;
            }
        }
        y -= LINE;
    }
    let height = y + 2.0 * LINE;
    let mut scale = String::new();
    for (ratio, class) in [
        (0.01, "scale"),
        (0.1, "scale"),
        (1.0, "one"),
        (10.0, "scale"),
    ] {
        let x = x_of(ratio);
        let _ = writeln!(
            scale,
            r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{:.1}" y2="{height:.1}"/>"#,
            2.2 * LINE
        );
        text(&mut scale, x, 2.0 * LINE, "middle", "", &ratio.to_string());
    }
    let title = "ours divided by the best of each peer: left of 1, ours takes less";
    text(&mut scale, LABELS, LINE, "start", "", title);
    let (width, height) = (WIDTH, height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height:.1}\">\n\
         {HEAD}{scale}{body}</svg>\n"
    )
}

/// The others are there for the tables.
fn is_compared(figure: &Figure) -> bool {
    !figure.limits.is_empty()
}

fn bar(svg: &mut String, y: f64, who: Who, ratio: f64) {
    let (one, end) = (x_of(1.0), x_of(ratio));
    let (left, width) = (one.min(end), (one - end).abs().max(1.0));
    let (name, top, height) = (who.name(), y - 0.7 * LINE, LINE - 3.0);
    let _ = writeln!(
        svg,
        r#"<rect class="{name}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height}"/>"#
    );
    let label = format!("{name} {}", shown(ratio));
    // On the other side of the line: there is always room.
    let (x, anchor) = if end < one {
        (one + 4.0, "start")
    } else {
        (one - 4.0, "end")
    };
    text(svg, x, y, anchor, "", &label);
}

fn x_of(ratio: f64) -> f64 {
    let (low, high) = (SCALE.0.ln(), SCALE.1.ln());
    let along = (ratio.clamp(SCALE.0, SCALE.1).ln() - low) / (high - low);
    LABELS + along * (WIDTH - 24.0 - LABELS)
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
    );
}
