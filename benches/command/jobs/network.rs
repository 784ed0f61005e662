//! HTTP over loopback.

use crate::job::{Contender, Figure, Job, Who, asyncio, node, ours, tokio};

pub fn jobs(quick: bool) -> Vec<Job> {
    let n = if quick { 20 } else { 400 };
    let cpu = || vec![Figure::new("cpu", "CPU a request", "µs", 1e6).limit(Who::Tokio, 1.3)];
    let helped =
        |contenders: Vec<Contender>| contenders.into_iter().map(Contender::helped).collect();
    vec![
        Job {
            name: "http_server",
            title: format!("{n} requests over each of 50 connections, the server"),
            rounds: 7,
            figures: cpu(),
            contenders: helped(vec![
                ours("chapter 12", format!("http_server chapter_12 {n}")),
                ours("hyper, tcp_stream", format!("http_server hyper {n}")),
                ours("hyper, smol-hyper", format!("http_server smol_hyper {n}")),
                tokio(
                    "hyper, current_thread",
                    format!("http_server current_thread {n}"),
                ),
                tokio(
                    "hyper, multi_thread",
                    format!("http_server multi_thread {n}"),
                ),
                asyncio("Protocol, by hand", format!("network.py http_server {n}")),
                node("http.createServer", format!("network.js http_server {n}")),
            ]),
        },
        Job {
            name: "http_client",
            title: format!("{n} requests over each of 50 connections, the client"),
            rounds: 7,
            figures: cpu(),
            contenders: helped(vec![
                ours("chapter 12", format!("http_client chapter_12 {n}")),
                ours("hyper, tcp_stream", format!("http_client hyper {n}")),
                ours("hyper, smol-hyper", format!("http_client smol_hyper {n}")),
                tokio(
                    "hyper, current_thread",
                    format!("http_client current_thread hyper {n}"),
                ),
                tokio(
                    "hyper, multi_thread",
                    format!("http_client multi_thread hyper {n}"),
                ),
                tokio(
                    "hyper-util, current_thread",
                    format!("http_client current_thread pool {n}"),
                ),
                tokio(
                    "hyper-util, multi_thread",
                    format!("http_client multi_thread pool {n}"),
                ),
                asyncio("streams, by hand", format!("network.py http_client {n}")),
                node("http.get", format!("network.js http_client request {n}")),
                node("fetch", format!("network.js http_client fetch {n}")),
            ]),
        },
    ]
}
