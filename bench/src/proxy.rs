//! The bench: the same upstream and the same load, through nginx and through portolan, in turns.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cpu;
use crate::nginx::Nginx;
use crate::portolan::Portolan;
use crate::wrk::{self, Load};

/// Options of `proxy`.
#[derive(Debug, Args)]
pub struct Options {
    /// The portolan binary, a release build.
    #[arg(long)]
    portolan: PathBuf,
    /// Rounds; each one measures both.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of load for each.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Client connections.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Worker threads (portolan) and worker processes (nginx).
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Bytes of the upstream's answer.
    #[arg(long, default_value_t = 128)]
    bytes: usize,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// One of the two.
struct Target {
    name: &'static str,
    url: String,
    pid: u32,
    rounds: Vec<Round>,
}

struct Round {
    rate: f64,
    /// Microseconds of processor time for one request.
    cost: f64,
    p99: String,
}

/// Runs the bench and prints the result.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("portolan-bench.").tempdir()?;
    // nginx gives up root's rights in its workers, which must still find the directory.
    let upstream = Nginx::upstream(dir.path(), options.bytes)?;
    let nginx = Nginx::proxy(dir.path(), upstream.port, options.workers)?;
    let portolan = Portolan::start(&options.portolan, dir.path(), upstream.port, options.workers)?;
    let target = |name, url: &str, pid| Target { name, url: url.to_owned(), pid, rounds: Vec::new() };
    let mut targets =
        [target("nginx", &nginx.url, nginx.process.pid()), target("portolan", &portolan.url, portolan.data_plane)];

    let load = Load { seconds: options.seconds, connections: options.connections, threads: options.threads };
    for target in &targets {
        wrk::run(Load { seconds: 1, ..load }, &target.url)?;
    }
    for round in 1..=options.rounds {
        for target in &mut targets {
            let result = target.measure(load)?;
            if !options.json {
                let (name, rate, cost) = (target.name, result.rate, result.cost);
                say(&format!("round {round}  {name:<9} {rate:>9.0} req/s  {cost:>6.1} µs CPU/req  p99 {}", result.p99));
            }
            target.rounds.push(result);
        }
        // Who goes first changes: a machine that warms up or slows down favours nobody.
        targets.reverse();
    }
    targets.sort_by_key(|target| target.name);
    report(&targets, options.json);
    Ok(())
}

fn report(targets: &[Target; 2], as_json: bool) {
    let [nginx, portolan] = targets;
    let rate_ratio = portolan.rate() / nginx.rate();
    let cost_ratio = portolan.cost() / nginx.cost();
    if as_json {
        let one =
            |target: &Target| json!({ "requests_per_second": target.rate(), "cpu_us_per_request": target.cost() });
        let ratio = json!({ "requests_per_second": rate_ratio, "cpu_us_per_request": cost_ratio });
        say(&json!({ "nginx": one(nginx), "portolan": one(portolan), "ratio": ratio }).to_string());
        return;
    }
    for target in targets {
        let (name, rate, cost) = (target.name, target.rate(), target.cost());
        say(&format!("median   {name:<9} {rate:>9.0} req/s  {cost:>6.1} µs CPU/req"));
    }
    say(&format!(
        "ratio    portolan/nginx: {rate_ratio:.2} of the requests per second, {cost_ratio:.2} of the CPU per request"
    ));
}

// === impl Target ===

impl Target {
    fn measure(&self, load: Load) -> anyhow::Result<Round> {
        let before = cpu::used_by_tree(self.pid)?;
        let outcome = wrk::run(load, &self.url)?;
        let used = cpu::used_by_tree(self.pid)?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^52 requests")]
        let cost = used.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64;
        Ok(Round { rate: outcome.rate, cost, p99: outcome.p99 })
    }

    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.rate))
    }

    fn cost(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.cost))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn say(line: &str) {
    // A reader that has gone away is no reason to stop measuring.
    let _reader_gone = writeln!(std::io::stdout(), "{line}");
}
