//! The jobs, a module to a group. This is the one list.

use crate::job::Job;

mod fib;
mod network;
mod programs;
pub mod queues;
mod scale;
mod sleepers;
mod tasks;
mod threads;

/// With smaller numbers if `quick`: to see that everything runs.
pub fn all(quick: bool) -> Vec<Job> {
    let groups = [
        fib::jobs,
        programs::greeting,
        sleepers::jobs,
        tasks::jobs,
        queues::jobs,
        threads::jobs,
        scale::jobs,
        network::jobs,
        programs::jobs,
    ];
    groups.iter().flat_map(|jobs| jobs(quick)).collect()
}
