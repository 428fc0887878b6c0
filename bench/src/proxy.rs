//! The bench: the same upstream and the same load, through other proxies and through portolan, in turns.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::cpu;

mod envoy;
mod h2load;
mod handshakes;
mod haproxy;
mod load;
mod nginx;
mod peer;
mod portolan;
mod report;
mod row;
mod site;
mod wrk;

use load::Effort;
use peer::{Instance, Peer, Programs, Shape};
use report::{Measured, Round};
use row::{ROWS, Row};
use site::Site;

/// Options of `proxy`.
#[derive(Debug, Args)]
pub struct Options {
    /// The portolan binary, a release build.
    #[arg(long)]
    portolan: PathBuf,
    /// The Envoy binary. Without it Envoy is left out.
    #[arg(long)]
    envoy: Option<PathBuf>,
    /// Rows; without it: all.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Who is measured.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "nginx,haproxy,envoy,floor,portolan")]
    peers: Vec<Peer>,
    /// Rounds; each one measures all.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of load for each.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Client connections; a quarter of them with HTTP/2 and handshakes.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Worker threads or processes of each proxy.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Print one line of JSON for each row.
    #[arg(long)]
    json: bool,
}

/// A proxy of one shape.
struct Running {
    peer: Peer,
    shape: Shape,
    instance: Instance,
}

/// Runs the bench and prints the result.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let rows = chosen(&options.rows)?;
    let dir = tempfile::Builder::new().prefix("portolan-bench.").tempdir()?;
    let site = Site::start(dir.path(), options.workers)?;
    let mut peers = options.peers.clone();
    if options.envoy.is_none() {
        peers.retain(|peer| *peer != Peer::Envoy);
    }
    let programs = Programs { portolan: options.portolan.clone(), envoy: options.envoy.clone().unwrap_or_default() };
    let mut running = Vec::new();
    for shape in [Shape::Usual, Shape::ManyRoutes] {
        if rows.iter().any(|row| row.shape == shape) {
            for peer in &peers {
                let instance = peer.start(&site, shape, &programs).with_context(|| peer.name())?;
                running.extend(instance.map(|instance| Running { peer: *peer, shape, instance }));
            }
        }
    }
    let effort = Effort { seconds: options.seconds, connections: options.connections, threads: options.threads };
    say(&report::head(options.json));
    let measured = measure(&rows, &running, effort, options.rounds, &site)?;
    for (row, all) in rows.iter().zip(&measured) {
        let plain = row.beside.and_then(|name| rows.iter().position(|row| row.name == name));
        let plain = plain.and_then(|at| Some((rows.get(at)?.name, measured.get(at)?.as_slice())));
        say(&report::row(row.name, all, plain, options.json));
    }
    if !options.json {
        for one in &running {
            say(&format!(
                "memory  {:?} {:<9} {:>6.1} MB",
                one.shape,
                one.peer.name(),
                cpu::resident(one.instance.pid)?
            ));
        }
    }
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    for name in names {
        let known = || ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        ensure!(ROWS.iter().any(|row| row.name == *name), "there is no row {name}; there are {}", known());
    }
    Ok(ROWS.iter().filter(|row| names.is_empty() || names.iter().any(|name| *name == row.name)).collect())
}

/// One proxy in one row.
struct Target<'a> {
    one: &'a Running,
    url: String,
    measured: Measured,
}

/// Every round goes through all rows, so that a machine that becomes faster or slower does so for all of them.
fn measure(
    rows: &[&Row],
    running: &[Running],
    effort: Effort,
    rounds: u32,
    site: &Site,
) -> anyhow::Result<Vec<Vec<Measured>>> {
    let mut targets: Vec<Vec<Target<'_>>> = rows.iter().map(|row| targets_of(row, running)).collect();
    for round in 0..=rounds {
        for (row, targets) in rows.iter().zip(&mut targets) {
            let stage = if round == 0 { "warming up".to_owned() } else { format!("round {round} of {rounds}") };
            progress(&format!("{stage}: {}", row.name));
            for target in targets.iter_mut() {
                let effort = if round == 0 { Effort { seconds: 1, ..effort } } else { effort };
                let outcome = target.run(row, effort, site)?;
                if round > 0 {
                    target.measured.rounds.push(outcome);
                }
            }
            // Who goes first changes: the one behind a heavy neighbour is not always the same.
            let first = usize::from(targets.len() > 1);
            targets.rotate_left(first);
        }
    }
    let place = |target: &Target<'_>| running.iter().position(|one| one.peer == target.one.peer);
    Ok(targets
        .into_iter()
        .map(|mut targets| {
            targets.sort_by_key(place);
            targets.into_iter().map(|target| target.measured).collect()
        })
        .collect())
}

fn targets_of<'a>(row: &Row, running: &'a [Running]) -> Vec<Target<'a>> {
    let fits = running.iter().filter(|one| one.shape == row.shape && !row.without.contains(&one.peer));
    let target = |one: &'a Running| {
        Some(Target { one, url: row.door.url(&one.instance)?, measured: Measured::new(one.peer.name()) })
    };
    fits.filter_map(target).collect()
}

impl Target<'_> {
    fn run(&self, row: &Row, effort: Effort, site: &Site) -> anyhow::Result<Round> {
        let before = cpu::used_by_tree(self.one.instance.pid)?;
        let outcome = row.load.run(&self.url, effort, &site.dir);
        let outcome = outcome.with_context(|| format!("{}: {}", row.name, self.one.peer.name()))?;
        let used = cpu::used_by_tree(self.one.instance.pid)?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^52 requests")]
        let cost = used.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64;
        Ok(Round { rate: outcome.rate, cost, p99: outcome.p99 })
    }
}

fn say(line: &str) {
    // A reader that has gone away is no reason to stop measuring.
    let _reader_gone = writeln!(std::io::stdout(), "{line}");
}

fn progress(line: &str) {
    let _reader_gone = writeln!(std::io::stderr(), "{line}");
}
