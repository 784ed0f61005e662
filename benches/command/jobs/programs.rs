//! Programs as a whole: what they cost before they do anything, and how punctual they are while they do much.

use crate::job::{Contender, Figure, Job, asyncio, node, ours, tokio};

pub fn greeting(quick: bool) -> Vec<Job> {
    let greeting = if quick { 0.1 } else { 0.5 };
    vec![Job {
        name: "greeting",
        title: "greet every 10 ms while other threads compute".to_string(),
        rounds: 7,
        figures: vec![
            Figure::new("one", "the latest greeting, one fib", "ms late", 1e3),
            Figure::new("two", "the latest greeting, two fibs", "ms late", 1e3),
        ],
        contenders: vec![
            ours("Ticker, unblock", format!("greeting {greeting}")),
            tokio(
                "current_thread",
                format!("greeting current_thread {greeting}"),
            ),
            tokio("multi_thread", format!("greeting multi_thread {greeting}")),
            asyncio(
                "ProcessPoolExecutor",
                format!("greeting.py greeting {greeting}"),
            ),
            node("worker_threads", format!("greeting.js greeting {greeting}")),
        ],
    }]
}

pub fn jobs(quick: bool) -> Vec<Job> {
    let idle = if quick { 1 } else { 10 };
    let mut built = vec![
        smallest(ours, "async-io", "smallest_async_io"),
        smallest(tokio, "rt, time", "smallest_tokio_current_thread"),
    ];
    if !quick {
        built.push(smallest(ours, "smol", "smallest_smol"));
        built.push(smallest(ours, "this library", "smallest_library"));
    }
    vec![
        Job {
            name: "start",
            title: "the smallest program that waits, from start to end".to_string(),
            rounds: 5,
            figures: vec![
                Figure::new("seconds", "time, with 1 ms of sleep", "ms", 1e3),
                Figure::new("bytes", "peak memory", "MB", 1e-6),
            ],
            contenders: vec![
                smallest(ours, "async-io", "smallest_async_io"),
                smallest(ours, "smol", "smallest_smol"),
                smallest(ours, "run and Ticker", "smallest_library"),
                smallest(tokio, "current_thread", "smallest_tokio_current_thread"),
                smallest(tokio, "multi_thread", "smallest_tokio_multi_thread"),
                asyncio("asyncio.run", "smallest.py").helped(),
                node("setTimeout", "smallest.js").helped(),
            ],
        },
        Job {
            name: "idle",
            title: format!("{idle} idle seconds with a timer and a listening socket"),
            rounds: 1,
            figures: vec![Figure::new("cpu", "CPU", "ms", 1e3)],
            contenders: [
                ours("run", format!("idle {idle}")),
                tokio("current_thread", format!("idle current_thread {idle}")),
                tokio("multi_thread", format!("idle multi_thread {idle}")),
                asyncio("asyncio.run", format!("idle.py idle {idle}")),
                node("net, setTimeout", format!("idle.js idle {idle}")),
            ]
            .map(Contender::together)
            .into(),
        },
        Job {
            name: "smallest",
            title: "building the smallest program that waits".to_string(),
            rounds: 1,
            figures: vec![
                Figure::new("crates", "besides the program", "crates", 1.0),
                Figure::new("seconds", "clean release build", "s", 1.0),
                Figure::new("bytes", "size", "kB", 1e-3),
            ],
            contenders: built,
        },
    ]
}

/// A program that is there as a file in `smallest/`, too.
fn smallest(
    who: fn(&'static str, String) -> Contender,
    form: &'static str,
    program: &'static str,
) -> Contender {
    who(form, String::new()).program(program).helped()
}
