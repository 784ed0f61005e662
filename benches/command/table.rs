//! The results as text, and as JSON.

use crate::job::Who;
use crate::machine;
use crate::results::{Results, Row, shown};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ptr;

/// The figures of one job, a line for each contender.
pub fn print(results: &[Results]) {
    for (i, results) in results.iter().enumerate() {
        let (job, figure) = (results.job, results.figure);
        if i == 0 {
            println!("\n=== {}: {}", job.name, job.title);
        }
        let title = format!("{}, {}", figure.title, figure.unit);
        println!(
            "{title:<44} {:>9} {:>9} {:>9} {:>5}   ours/this",
            "median", "min", "max", "runs"
        );
        for row in &results.rows {
            let name = format!("{:<8} {}", row.contender.who.name(), row.contender.form);
            match &row.outcome {
                Err(reason) => println!("  {name:<42} {reason:>9}"),
                Ok(None) => {} // it has figures of the others
                Ok(Some(summary)) => {
                    let [median, min, max] = [summary.median, summary.min, summary.max]
                        .map(|value| number(value * figure.scale));
                    let verdict = verdict(results, row);
                    let runs = summary.runs;
                    println!("  {name:<42} {median:>9} {min:>9} {max:>9} {runs:>5}   {verdict}");
                }
            }
        }
    }
}

/// The ratio, and whether it keeps its limit. `*` is the best of each.
fn verdict(results: &Results, row: &Row) -> String {
    let ratio = results.ratio(row);
    let mut text = ratio.map_or(String::new(), shown);
    if is_best(results, row) {
        text.push('*');
    }
    if let Some(limit) = results.broken(row) {
        text.push_str(&format!(" over the limit of {limit}"));
    }
    text
}

fn is_best(results: &Results, row: &Row) -> bool {
    let best = results.best(row.contender.who);
    best.is_some_and(|best| ptr::eq(best, row))
}

/// The best of each, a line for each figure, and what it has been measured with.
pub fn print_summary(all: &[Results]) {
    let name = |results: &Results| {
        let (job, figure) = (results.job, results.figure);
        format!("{}: {}, {}", job.name, figure.title, figure.unit)
    };
    let widths = all.iter().map(|results| name(results).chars().count());
    let width = widths.max().unwrap_or_default();
    println!("\n=== the best of each, and ours divided by it");
    print!("{:<width$} {:>10}", "", "ours");
    for who in Who::PEERS {
        print!(" {:>15}", who.name());
    }
    println!();
    for results in all {
        print!("{:<width$} {:>10}", name(results), best(results, Who::Ours));
        for who in Who::PEERS {
            print!(" {:>15}", best(results, who));
        }
        println!();
    }
    println!();
    for (name, value) in machine::describe() {
        println!("{name:<8} {value}");
    }
}

/// The best median of one of them and the ratio, or why there is none.
fn best(results: &Results, who: Who) -> String {
    let of_this = results.rows.iter().filter(|row| row.contender.who == who);
    let any_broken = of_this.clone().any(|row| results.broken(row).is_some());
    let Some(row) = results.best(who) else {
        let reason = of_this.clone().find_map(|row| row.outcome.clone().err());
        return reason.unwrap_or("-".to_string());
    };
    let median = row.summary().map_or(f64::NAN, |summary| summary.median);
    let median = number(median * results.figure.scale);
    match results.ratio(row) {
        Some(ratio) => {
            let over = if any_broken { "!" } else { "" };
            format!("{median} ({}{over})", shown(ratio))
        }
        None => median,
    }
}

/// With three digits or more.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        small if small < 10.0 => format!("{value:.2}"),
        small if small < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Everything, with the values in seconds and bytes.
pub fn json(all: &[Results]) -> Value {
    let about: BTreeMap<_, _> = machine::describe().into_iter().collect();
    let figures: Vec<Value> = all.iter().map(json_figure).collect();
    json!({ "about": about, "figures": figures })
}

fn json_figure(results: &Results) -> Value {
    let row = |row| json_row(results, row);
    let contenders: Vec<Value> = results.rows.iter().map(row).collect();
    let limit = |(who, limit): &(Who, f64)| (who.name(), *limit);
    let limits: BTreeMap<_, _> = results.figure.limits.iter().map(limit).collect();
    json!({
        "job": results.job.name,
        "title": results.job.title,
        "figure": results.figure.name,
        "shows": results.figure.title,
        "unit": results.figure.unit,
        "scale": results.figure.scale,
        "limits": limits,
        "contenders": contenders,
    })
}

fn json_row(results: &Results, row: &Row) -> Value {
    let mut value = json!({ "who": row.contender.who.name(), "form": row.contender.form });
    match &row.outcome {
        Err(reason) => value["absent"] = json!(reason),
        Ok(None) => {}
        Ok(Some(summary)) => {
            value["median"] = json!(summary.median);
            value["min"] = json!(summary.min);
            value["max"] = json!(summary.max);
            value["runs"] = json!(summary.runs);
            value["best"] = json!(is_best(results, row));
            value["ratio"] = json!(results.ratio(row));
        }
    }
    value
}
