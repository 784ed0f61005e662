//! This project's contenders: `ours JOB [ARGUMENT…]`, one job a process.

mod cancelling;
mod fibs;
mod network;
mod queues;
mod scale;
mod sleepers;
mod tasks;
mod threads;
mod waiting;

fn main() {
    let job: String = measure::argument(1);
    let groups = [
        cancelling::run,
        fibs::run,
        network::run,
        queues::run,
        scale::run,
        sleepers::run,
        tasks::run,
        threads::run,
        waiting::run,
    ];
    if !groups.iter().any(|run| run(&job)) {
        measure::unknown(1);
    }
}
