//! The ratios of the table as a picture: a mark for the best of each peer, on a logarithmic scale.

use crate::jobs::{Job, PEERS, figures};
use crate::svg::Svg;

/// The classes of the peers, in their order.
const CLASSES: [&str; 5] = ["bar", "mark", "typed", "peer", "peer"];
const TOP: f64 = 76.0;
const LINE: f64 = 18.0;

/// Left of 1 ours costs less. A row that misses its target has a red title.
pub fn draw(jobs: &[Job]) -> String {
    let figures: Vec<_> = figures(jobs).collect();
    let bottom = TOP + LINE * figures.len() as f64;
    let title = "What this takes, divided by what the best way of each peer takes";
    let mut svg = Svg::new(900, bottom as u32 + 12, title);
    for ratio in [0.001, 0.01, 0.1, 1.0, 10.0] {
        let x = x_of(ratio);
        svg.text(x, 60.0, "middle", "axis", &ratio.to_string());
        svg.line(x, 66.0, x, bottom, "");
    }
    svg.rect(x_of(1.0) - 0.75, 66.0, 1.5, bottom - 66.0, "peer");
    for (i, (who, class)) in PEERS.into_iter().zip(CLASSES).enumerate() {
        let x = 24.0 + 76.0 * i as f64;
        svg.rect(x, 50.0, 5.0, 12.0, class);
        svg.text(x + 9.0, 60.0, "start", "", who);
    }
    for (i, (job, figure)) in figures.into_iter().enumerate() {
        let (y, mut loud) = (TOP + LINE * i as f64, "");
        for (who, class) in PEERS.into_iter().zip(CLASSES) {
            if let Some((_, _, ratio, missed)) = job.best(figure, who) {
                svg.rect(x_of(ratio) - 2.5, y, 5.0, 12.0, class);
                loud = if missed { "loud" } else { loud };
            }
        }
        let title = figure.title.replace('`', "");
        svg.text(24.0, y + 10.0, "start", loud, &title);
    }
    svg.finish()
}

/// A ratio beyond the scale is drawn at its end.
fn x_of(ratio: f64) -> f64 {
    440.0 + (ratio.clamp(0.001, 10.0).log10() + 3.0) / 4.0 * 436.0
}
