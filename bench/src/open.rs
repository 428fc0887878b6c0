//! How long a control plane takes until it serves a log, and how long the verification of that log takes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;

use crate::up::{self, Up};

mod fill;
mod start;

/// Options of `open`.
#[derive(Debug, Args)]
pub struct Options {
    /// The portolan binary, a release build.
    #[arg(long)]
    portolan: PathBuf,
    /// The folder of the scripts that start throw-away databases.
    #[arg(long)]
    scripts: PathBuf,
    /// Events of the log.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Keys that they are about.
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// Databases.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres,mariadb")]
    databases: Vec<String>,
    /// A folder to keep, with `--store`: what is there already is not written again.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// URL of a database to keep, in place of throw-away ones.
    #[arg(long, requires = "dir")]
    store: Option<String>,
    /// Starts that are measured.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Verify the log, too.
    #[arg(long)]
    verify: bool,
    /// Print one line of JSON for each database.
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints the result.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let own = tempfile::Builder::new().prefix("portolan-bench.").tempdir()?;
    let dir = options.dir.as_deref().unwrap_or(own.path());
    say("database      events     keys    serves     ready  resident   verified", options.json)?;
    if let Some(store) = &options.store {
        let name = store.split(':').next().unwrap_or_default();
        return measure(options, name, dir, Some(store));
    }
    for database in &options.databases {
        if database == "sqlite" {
            measure(options, database, &dir.join(database), None)?;
            continue;
        }
        let (name, url, _server) = up::throwaway(&options.scripts, database)?;
        measure(options, name, &dir.join(name), Some(&url))?;
    }
    Ok(())
}

fn measure(options: &Options, name: &str, dir: &Path, store: Option<&str>) -> anyhow::Result<()> {
    let up = Up::start(&options.portolan, dir, store, &[])?;
    let events = fill::fill(&up, options.events, options.keys)?;
    drop(up);
    let mut starts = Vec::new();
    for _ in 0..options.rounds {
        starts.push(start::start(&options.portolan, &dir.join("data/cp.yaml"))?);
    }
    starts.sort_by_key(|start| start.ready);
    let middle = starts.get(starts.len() / 2).context("no round")?;
    let sqlite = format!("sqlite:{}", dir.join("data/portolan.db").display());
    let verified = options.verify.then(|| verify(&options.portolan, store.unwrap_or(&sqlite), dir)).transpose()?;
    let shown = verified.map_or_else(|| "-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
    let line = format!(
        "{name:<9} {events:>10} {:>8} {:>7.2} s {:>7.2} s {:>6} MB {shown:>10}",
        options.keys,
        middle.serves.as_secs_f64(),
        middle.ready.as_secs_f64(),
        middle.resident >> 20,
    );
    say(&line, options.json)?;
    if options.json {
        let line = json!({ "database": name, "events": events, "keys": options.keys,
            "serves_ms": millis(middle.serves), "ready_ms": millis(middle.ready), "resident_bytes": middle.resident,
            "verified_ms": verified.map(millis) });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}

/// Verifies the log as an auditor does who holds its key.
fn verify(portolan: &Path, store: &str, dir: &Path) -> anyhow::Result<Duration> {
    let key = Command::new(portolan).args(["audit", "key", "--store", store]).output()?;
    ensure!(key.status.success(), "{}", String::from_utf8_lossy(&key.stderr));
    let file = dir.join("log.key");
    std::fs::write(&file, &key.stdout)?;
    let begin = Instant::now();
    let verify = Command::new(portolan).args(["audit", "verify", "--store", store, "--key"]).arg(&file).output()?;
    ensure!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
    Ok(begin.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn say(line: &str, as_json: bool) -> std::io::Result<()> {
    if as_json { Ok(()) } else { writeln!(std::io::stdout(), "{line}") }
}
