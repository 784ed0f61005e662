//! What has come out: who is the best of each, and what the ratios are.

use crate::job::{Contender, Figure, Job, Who};
use crate::rounds::{FAILED, Runs, Summary, summary};

/// The results of one figure of a job.
pub struct Results<'a> {
    pub job: &'a Job,
    pub figure: &'a Figure,
    pub rows: Vec<Row<'a>>,
}

/// A contender, and what it has made of this figure. `None` if it has nothing to do with it.
pub struct Row<'a> {
    pub contender: &'a Contender,
    pub outcome: Result<Option<Summary>, String>,
}

impl Row<'_> {
    /// Not for being too slow, or not installed.
    pub fn has_failed(&self) -> bool {
        self.outcome.as_ref().is_err_and(|reason| reason == FAILED)
    }

    pub fn summary(&self) -> Option<Summary> {
        *self.outcome.as_ref().ok()?
    }
}

impl<'a> Results<'a> {
    pub fn new(job: &'a Job, figure: &'a Figure, runs: &[Runs]) -> Results<'a> {
        let rows = job
            .contenders
            .iter()
            .zip(runs)
            .map(|(contender, runs)| Row {
                contender,
                outcome: match runs {
                    Ok(runs) => Ok(summary(runs, figure)),
                    Err(reason) => Err(reason.clone()),
                },
            });
        Results {
            job,
            figure,
            rows: rows.collect(),
        }
    }

    /// The smallest median of one of them.
    pub fn best(&self, who: Who) -> Option<&Row<'a>> {
        let rows = self.rows.iter().filter(|row| row.contender.who == who);
        rows.filter(|row| row.summary().is_some())
            .min_by(|a, b| f64::total_cmp(&median(a), &median(b)))
    }

    /// Our best against this contender.
    pub fn ratio(&self, row: &Row) -> Option<f64> {
        if row.contender.who == Who::Ours {
            return None;
        }
        Some(self.best(Who::Ours)?.summary()?.median / row.summary()?.median)
    }

    /// The limit that our best does not keep: against this contender, or, if it is our best itself,
    /// the one for ours alone.
    pub fn broken(&self, row: &Row) -> Option<f64> {
        let who = row.contender.who;
        let (value, limit) = if who == Who::Ours {
            (self.best(who)?.summary()?.median, self.figure.most?)
        } else {
            let of_figure = self.figure.limits.iter().find(|(peer, _)| *peer == who);
            let of_figure = of_figure.map(|(_, limit)| *limit);
            (self.ratio(row)?, row.contender.limit.or(of_figure)?)
        };
        (value > limit).then_some(limit)
    }
}

fn median(row: &Row) -> f64 {
    row.summary()
        .map_or(f64::INFINITY, |summary| summary.median)
}

/// The ratio with two digits that say something.
pub fn shown(ratio: f64) -> String {
    match ratio {
        0.0..0.095 => format!("{ratio:.3}"),
        0.095..9.95 => format!("{ratio:.2}"),
        _ => format!("{ratio:.0}"),
    }
}
