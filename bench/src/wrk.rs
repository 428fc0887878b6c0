//! One run of wrk, read.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// How hard, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Seconds.
    pub seconds: u32,
    /// Connections, over all threads.
    pub connections: u32,
    /// Threads of wrk.
    pub threads: u32,
}

/// What came out.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// Requests, all of them answered well.
    pub requests: u64,
    /// Requests per second.
    pub rate: f64,
    /// The latency that 99 % stay under, in wrk's own words.
    pub p99: String,
}

/// Runs wrk against a URL.
pub fn run(load: Load, url: &str) -> anyhow::Result<Outcome> {
    let (seconds, connections, threads) = (load.seconds, load.connections, load.threads);
    let arguments =
        [format!("-d{seconds}s"), format!("-c{connections}"), format!("-t{threads}"), "--latency".to_owned()];
    let output = Command::new("wrk").args(arguments).arg(url).output().context("could not run wrk")?;
    ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> anyhow::Result<Outcome> {
    let line = |mark: &str| text.lines().map(str::trim).find(|line| line.contains(mark));
    ensure!(line("Non-2xx").is_none() && line("Socket errors").is_none(), "requests failed:\n{text}");
    let word = |mark: &str, index: usize| {
        line(mark).and_then(|line| line.split_whitespace().nth(index)).with_context(|| format!("no {mark} in:\n{text}"))
    };
    Ok(Outcome {
        requests: word(" requests in ", 0)?.parse()?,
        rate: word("Requests/sec:", 1)?.parse()?,
        p99: word("99%", 1)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Running 5s test @ http://127.0.0.1:1/\n  2 threads and 50 connections\n  Latency Distribution\n     \
                        50%    1.10ms\n     99%    3.20ms\n  61234 requests in 5.00s, 12.00MB read\nRequests/sec:  12246.80\n";

    #[test]
    fn a_run_is_read() {
        let outcome = parse(TEXT).unwrap();
        assert_eq!(outcome, Outcome { requests: 61234, rate: 12246.8, p99: "3.20ms".to_owned() });
    }

    #[test]
    fn failed_requests_are_an_error() {
        parse(&format!("{TEXT}  Non-2xx or 3xx responses: 3\n")).unwrap_err();
        parse("").unwrap_err();
    }
}
