//! One run of wrk, read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::load::{Effort, Outcome};
use super::site::{self, CONSUMERS, ROUTES};

/// Requests are made once, before the load; the step spreads them over all.
const SCRIPT: &str = "local made = {}\nlocal at = 0\n\
     function init() for i = 0, TOTAL - 1 do made[i] = MAKE end end\n\
     function request() at = (at + 7) % TOTAL; return made[at] end\n";

/// Runs wrk against a URL.
pub fn run(load: Effort, url: &str, script: Option<&Path>) -> anyhow::Result<Outcome> {
    let (seconds, connections, threads) = (load.seconds, load.connections, load.threads);
    let arguments =
        [format!("-d{seconds}s"), format!("-c{connections}"), format!("-t{threads}"), "--latency".to_owned()];
    let mut command = Command::new("wrk");
    command.args(arguments);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let output = command.arg(url).output().context("could not run wrk")?;
    ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// A script that asks as one consumer after the other.
pub fn consumers(dir: &Path) -> anyhow::Result<PathBuf> {
    let key = site::consumer_key(0).replace("0000", "%04d");
    let make = format!("wrk.format('GET', '/auth/x', {{ apikey = string.format('{key}', i) }})");
    script(dir, "consumers.lua", CONSUMERS, &make)
}

/// A script that asks one route after the other.
pub fn routes(dir: &Path) -> anyhow::Result<PathBuf> {
    let path = site::route_prefix(0).replace("00000", "%05d");
    script(dir, "routes.lua", ROUTES, &format!("wrk.format('GET', string.format('{path}x', i))"))
}

fn script(dir: &Path, name: &str, total: usize, make: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, SCRIPT.replace("TOTAL", &total.to_string()).replace("MAKE", make))?;
    Ok(path)
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
        p99: milliseconds(word("99%", 1)?),
    })
}

/// wrk names the unit that fits.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Running 5s test @ http://127.0.0.1:1/\n  2 threads and 50 connections\n  Latency Distribution\n     \
                        50%    1.10ms\n     99%    3.20ms\n  61234 requests in 5.00s, 12.00MB read\nRequests/sec:  12246.80\n";

    #[test]
    fn a_run_is_read() {
        let outcome = parse(TEXT).unwrap();
        assert_eq!(outcome, Outcome { requests: 61234, rate: 12246.8, p99: Some(3.2) });
        assert_eq!(parse(&TEXT.replace("3.20ms", "1.50s")).unwrap().p99, Some(1500.0));
    }

    #[test]
    fn failed_requests_are_an_error() {
        parse(&format!("{TEXT}  Non-2xx or 3xx responses: 3\n")).unwrap_err();
        parse("").unwrap_err();
    }
}
