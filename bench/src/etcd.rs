//! The etcd service beside a real etcd: the same client, the same connections, mutual TLS and durable writes on all sides.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

pub mod client;
mod gateway;
pub mod load;
mod papers;
pub mod servers;
mod streams;
mod watchers;

use load::{WORKS, Work};
use servers::Server;
use watchers::{Face, Shape};

/// Options of `etcd`.
#[derive(Debug, Args)]
pub struct Options {
    /// The portolan binary, a release build.
    #[arg(long)]
    portolan: PathBuf,
    /// The folder of the scripts that start throw-away databases.
    #[arg(long)]
    scripts: PathBuf,
    /// Databases besides SQLite.
    #[arg(long, value_delimiter = ',', default_value = "postgres")]
    databases: Vec<String>,
    /// A kine binary, to be measured on a PostgreSQL of its own. It knows no work but `update`.
    #[arg(long)]
    kine: Option<PathBuf>,
    /// What is done.
    #[arg(long, value_delimiter = ',', default_value = "put,range,serializable,txn,json-put,json-range,json-txn")]
    work: Vec<String>,
    /// Numbers of clients; they share up to 8 connections.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<usize>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Numbers of watchers on one prefix, 100 to a connection; 0 for none.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
    watchers: Vec<usize>,
    /// The same for watchers of the JSON gateway, each on a connection of its own.
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    json_watchers: Vec<usize>,
    /// Print one line of JSON for each measurement.
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints the result.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("portolan-bench.").tempdir()?;
    let servers =
        servers::start(&options.portolan, &options.scripts, dir.path(), &options.databases, options.kine.as_deref())
            .await?;
    let time = Duration::from_secs_f64(options.seconds);
    say("work          clients  server     answers/s   ratio       p50       p99  µs CPU/answer  ratio", options.json);
    for work in &options.work {
        let what = work_of(work)?;
        for &clients in &options.clients {
            let mut first = None;
            for server in servers.iter().filter(|server| what == Work::Update || server.name != "kine") {
                let outcome = load::run(server, what, clients, time)
                    .await
                    .with_context(|| format!("{work} with {clients} clients on {}", server.name))?;
                let cpu = outcome.cpu.as_secs_f64() * 1e6;
                let (rate, cost) = *first.get_or_insert((outcome.rate, cpu));
                say(
                    &format!(
                        "{work:<13} {clients:>7}  {:<9} {:>10.0}  {:>5.2}×  {:>8}  {:>8}  {cpu:>13.1}  {:>4.2}×",
                        server.name,
                        outcome.rate,
                        outcome.rate / rate,
                        millis(outcome.p50),
                        millis(outcome.p99),
                        cpu / cost,
                    ),
                    options.json,
                );
                let line = json!({ "work": work, "clients": clients, "server": server.name, "per_second": outcome.rate,
                    "p50_ms": outcome.p50.as_secs_f64() * 1e3, "p99_ms": outcome.p99.as_secs_f64() * 1e3, "cpu_us": cpu });
                record(&line, options.json);
            }
        }
    }
    watch(options, &servers).await
}

async fn watch(options: &Options, servers: &[Server]) -> anyhow::Result<()> {
    let grpc = options.watchers.iter().map(|number| (Face::Grpc, *number));
    let json = options.json_watchers.iter().map(|number| (Face::Json, *number));
    let shapes: Vec<Shape> = grpc.chain(json).filter(|(_, number)| *number > 0).map(shape).collect();
    if shapes.is_empty() {
        return Ok(());
    }
    say(
        "\nwatchers     server     delivery p50       p99   ratio  KB/idle watcher  ratio  µs CPU/delivery  ratio  of the client",
        options.json,
    );
    for shape in shapes {
        let mut first = None;
        for server in servers.iter().filter(|server| server.name != "kine") {
            let face = if shape.face == Face::Grpc { "grpc" } else { "json" };
            let outcome = watchers::run(server, shape)
                .await
                .with_context(|| format!("{} {face} watchers on {}", shape.watchers, server.name))?;
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
            let kilobytes = outcome.bytes as f64 / 1024.0;
            let (p99, cpu, client) = (outcome.p99.as_secs_f64(), micros(outcome.server), micros(outcome.client));
            let (slowest, weight, cost) = *first.get_or_insert((p99, kilobytes, cpu));
            say(
                &format!(
                    "{:>6} {face}  {:<9}  {:>12}  {:>8}  {:>5.2}×  {kilobytes:>15.1}  {:>4.2}×  {cpu:>15.1}  {:>4.2}×  {client:>13.1}",
                    shape.watchers,
                    server.name,
                    millis(outcome.p50),
                    millis(outcome.p99),
                    p99 / slowest,
                    kilobytes / weight,
                    cpu / cost,
                ),
                options.json,
            );
            let line = json!({ "work": format!("watch-{face}"), "watchers": shape.watchers, "server": server.name,
                "p50_ms": outcome.p50.as_secs_f64() * 1e3, "p99_ms": p99 * 1e3, "bytes_per_watcher": outcome.bytes,
                "cpu_us": cpu, "client_cpu_us": client });
            record(&line, options.json);
            // Streams that were dropped are seen, and their memory is free, before the next server has its turn.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    Ok(())
}

fn shape((face, watchers): (Face, usize)) -> Shape {
    let (puts, pause) = match watchers {
        0..=500 => (100, 10),
        501..=5_000 => (40, 50),
        _ => (10, 500),
    };
    Shape { face, watchers, puts, pause: Duration::from_millis(pause) }
}

fn work_of(name: &str) -> anyhow::Result<Work> {
    let found = WORKS.iter().find(|(known, _)| *known == name);
    found.map(|(_, work)| *work).with_context(|| {
        let names: Vec<&str> = WORKS.iter().map(|(name, _)| *name).collect();
        format!("unknown work {name:?}; allowed: {}", names.join(", "))
    })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn say(line: &str, as_json: bool) {
    if !as_json {
        // A reader that has gone away is no reason to stop measuring.
        let _reader_gone = writeln!(std::io::stdout(), "{line}");
    }
}

fn record(line: &Value, as_json: bool) {
    if as_json {
        let _reader_gone = writeln!(std::io::stdout(), "{line}");
    }
}
