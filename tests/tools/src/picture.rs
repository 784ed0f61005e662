//! `just picture`: measures when the hello programs greet while they compute, and draws a timeline.

use crate::Result;
use crate::runner::head::{Heads, Program};
use crate::runner::play::{Event, Transcript, is_greeting, play};
use crate::smoke::{build, executable, target};
use crate::svg::Svg;
use std::fs;
use std::path::Path;

/// Measures them one after the other, and draws `hello.svg` in `folder`.
pub fn picture(root: &Path, heads: &Heads, folder: &Path) -> Result<()> {
    let greets = |program: &&Program| program.transcript.greets();
    let programs: Vec<&Program> = heads.programs().filter(greets).collect();
    let built = build(root, &target(root), &programs)?;
    let mut rows = Vec::new();
    for program in programs {
        let name = program.name.clone();
        let (events, result) = play(&transcript(program), &executable(&built, &name));
        result.map_err(|difference| format!("{name}: {difference}"))?;
        println!("{name}: {}", note(&events).0);
        rows.push((name, events));
    }
    let file = folder.join("hello.svg");
    fs::write(&file, svg(&rows)).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("{}: written", file.display());
    Ok(())
}

/// The transcript of the head, with more and faster greetings.
fn transcript(program: &Program) -> Transcript {
    let mut transcript = program.transcript.clone();
    transcript.arguments = "0.5".to_string();
    let greeting = "1795345288 - Hello world!\n";
    transcript.text = [greeting, &transcript.text, greeting, greeting].concat();
    transcript
}

/// A note on the greetings, and whether they fall silent: whether a gap is longer than one and a half times the
/// median gap. The time before the first greeting and that after the last are gaps, too.
fn note(events: &[Event]) -> (String, bool) {
    let seconds = |event: &Event| event.at.as_secs_f64();
    let greetings = events.iter().filter(|event| is_greeting(&event.text));
    let greetings: Vec<f64> = greetings.map(seconds).collect();
    let end = events.last().map_or(0.0, seconds);
    let times = [&[0.0], &greetings[..], &[end]].concat();
    let mut gaps: Vec<f64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let (usual, longest) = (gaps[(gaps.len() - 1) / 2], gaps[gaps.len() - 1]);
    if longest > usual * 1.5 {
        return (format!("silent for {longest:.1} s"), true);
    }
    ("keeps greeting".to_string(), false)
}

/// A row for each program on one axis of seconds.
fn svg(rows: &[(String, Vec<Event>)]) -> String {
    const TOP: f64 = 70.0;
    const ROW: f64 = 40.0;
    let seconds = |event: &Event| event.at.as_secs_f64();
    let events = rows.iter().flat_map(|(_, events)| events);
    let end = events.map(seconds).fold(1.0, f64::max).ceil();
    let x = |at: f64| 150.0 + at / end * 500.0;
    let bottom = TOP + ROW * rows.len() as f64;
    let title = "Which programs keep greeting while fib is computed?";
    let mut svg = Svg::new(800, bottom as u32 + 30, title);
    for (left, width, class, text) in [
        (16.0, 3.0, "mark", "a greeting"),
        (126.0, 24.0, "bar", "fib is computed"),
        (276.0, 3.0, "typed", "a number is typed"),
    ] {
        svg.rect(left, 45.0, width, 10.0, class);
        svg.text(left + width + 6.0, 54.0, "start", "note", text);
    }
    // At most ten steps.
    for tick in (0..=end as u32).step_by((end / 10.0).ceil() as usize) {
        let x = x(tick.into());
        svg.line(x, TOP, x, bottom + 4.0, "axis");
        svg.text(x, bottom + 18.0, "middle", "axis", &format!("{tick} s"));
    }
    for ((name, events), y) in rows.iter().zip((0..).map(|n| TOP + ROW * f64::from(n))) {
        let (note, is_silent) = note(events);
        svg.line(16.0, y, 784.0, y, "axis");
        svg.text(16.0, y + 18.0, "start", "label", name);
        let class = if is_silent { "loud" } else { "note" };
        svg.text(670.0, y + 18.0, "start", class, &note);
        let mut took = 0.0;
        for event in events {
            let (at, text) = (seconds(event), &event.text);
            if event.typed {
                svg.rect(x(at) - 5.0, y + 22.0, 3.0, 14.0, "typed");
            } else if is_greeting(text) {
                svg.rect(x(at) - 1.5, y + 6.0, 3.0, 14.0, "mark");
            } else if let Some((_, seconds)) = text.split_once(" took ") {
                // `Executing fib took 3.21 seconds.`
                let seconds = seconds.split(' ').next().unwrap_or_default();
                took = seconds.parse().unwrap_or(0.0);
                svg.rect(x(at - took), y + 24.0, x(at) - x(at - took), 10.0, "bar");
            } else if let Some((call, _)) = text.split_once(" = ").filter(|_| took > 0.1) {
                svg.text(x(at) + 6.0, y + 33.0, "start", "note", call);
            }
        }
    }
    svg.finish()
}
