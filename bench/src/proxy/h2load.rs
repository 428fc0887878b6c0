//! One run of h2load, read: HTTP/2, and gRPC with a body of our own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::load::{Effort, Outcome};

/// Requests at a time on one connection.
const STREAMS: u32 = 10;
/// A gRPC message of 100 bytes behind its head of five.
const MESSAGE: [u8; 105] = {
    let mut message = [b'x'; 105];
    message[0] = 0;
    message[1] = 0;
    message[2] = 0;
    message[3] = 0;
    message[4] = 100;
    message
};

/// Runs h2load against a URL; with a folder for the message: as a client of gRPC.
pub fn run(load: Effort, url: &str, grpc: Option<&Path>) -> anyhow::Result<Outcome> {
    let connections = (load.connections / 4).max(1);
    let mut command = Command::new("h2load");
    command.args([
        format!("-D{}", load.seconds),
        format!("-c{connections}"),
        format!("-m{STREAMS}"),
        format!("-t{}", load.threads),
    ]);
    if let Some(dir) = grpc {
        let path = dir.join("message");
        fs::write(&path, MESSAGE)?;
        command.arg("-d").arg(path).args(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
    }
    let output = command.arg(url).output().context("could not run h2load")?;
    ensure!(output.status.success(), "h2load failed: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> anyhow::Result<Outcome> {
    let line = |mark: &str| {
        text.lines().find_map(|line| line.strip_prefix(mark)).with_context(|| format!("no {mark} in:\n{text}"))
    };
    let number = |of: &str, name: &str| -> anyhow::Result<u64> {
        let item = of.split(',').find_map(|item| item.trim().strip_suffix(name));
        Ok(item.with_context(|| format!("no {name} in:\n{text}"))?.trim().parse()?)
    };
    let requests = line("requests:")?;
    // Requests that are under way when the time is over are neither done nor failed.
    let bad = ["failed", "errored", "timeout"].map(|name| number(requests, name));
    let statuses = line("status codes:")?;
    let wrong = ["3xx", "4xx", "5xx"].map(|name| number(statuses, name));
    for count in bad.into_iter().chain(wrong) {
        ensure!(count? == 0, "requests failed:\n{text}");
    }
    let rate = line("finished in ")?.split(',').find_map(|item| item.trim().strip_suffix(" req/s"));
    Ok(Outcome {
        requests: number(statuses, "2xx")?,
        rate: rate.with_context(|| format!("no rate in:\n{text}"))?.parse()?,
        p99: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "finished in 2.00s, 48011.50 req/s, 51.00MB/s\n\
         requests: 96023 total, 96183 started, 96023 done, 96023 succeeded, 0 failed, 0 errored, 0 timeout\n\
         status codes: 96023 2xx, 0 3xx, 0 4xx, 0 5xx\n";

    #[test]
    fn a_run_is_read() {
        assert_eq!(parse(TEXT).unwrap(), Outcome { requests: 96023, rate: 48011.5, p99: None });
    }

    #[test]
    fn failed_requests_are_an_error() {
        parse(&TEXT.replace("0 5xx", "1 5xx")).unwrap_err();
        parse(&TEXT.replace("0 failed", "2 failed")).unwrap_err();
        parse("").unwrap_err();
    }
}
