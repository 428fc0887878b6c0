//! What clients do, and what came of it.

use super::{h2load, handshakes, wrk};
use std::path::Path;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// HTTP/1.1 over connections that stay open.
    Http1 {
        /// The path.
        path: &'static str,
    },
    /// The same by consumers in turn.
    Consumers,
    /// The same of routes in turn.
    Routes,
    /// Connections with a full TLS handshake, and one request each.
    Handshakes,
    /// HTTP/2, ten requests at a time on each connection.
    Http2 {
        /// The path.
        path: &'static str,
    },
    /// Unary calls, ten at a time on each connection.
    Grpc,
}

/// How hard, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Seconds.
    pub seconds: u32,
    /// Connections, over all threads.
    pub connections: u32,
    /// Threads of the load generator.
    pub threads: u32,
}

/// What came out.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// Requests, all of them answered well.
    pub requests: u64,
    /// Requests per second.
    pub rate: f64,
    /// The latency that 99 % stay under, in milliseconds, where the load generator tells it.
    pub p99: Option<f64>,
}

// === impl Load ===

impl Load {
    /// Puts it on a proxy; `dir` is for files.
    pub fn run(self, url: &str, effort: Effort, dir: &Path) -> anyhow::Result<Outcome> {
        match self {
            Self::Http1 { path } => wrk::run(effort, &format!("{url}{path}"), None),
            Self::Consumers => wrk::run(effort, url, Some(&wrk::consumers(dir)?)),
            Self::Routes => wrk::run(effort, url, Some(&wrk::routes(dir)?)),
            Self::Handshakes => handshakes::run(effort, url),
            Self::Http2 { path } => h2load::run(effort, &format!("{url}{path}"), None),
            Self::Grpc => h2load::run(effort, &format!("{url}/bench.Echo/Say"), Some(dir)),
        }
    }
}
