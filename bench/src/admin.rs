//! Writes through the Admin API, over HTTPS: what a pipeline gets that applies resource by resource.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::task::JoinSet;

use crate::cpu;
use crate::etcd::client::Dial;
use crate::etcd::load::percentile;
use crate::process::Stopped;
use crate::up::{self, Up};

/// Routes that are written.
const ROUTES: u64 = 10_000;
/// Not measured at the start of a run.
const WARM_UP: Duration = Duration::from_secs(1);

/// Options of `admin`.
#[derive(Debug, Args)]
pub struct Options {
    /// The portolan binary, a release build.
    #[arg(long)]
    portolan: PathBuf,
    /// The folder of the scripts that start throw-away databases.
    #[arg(long)]
    scripts: PathBuf,
    /// Where the log is: sqlite, postgres, mariadb.
    #[arg(long, value_delimiter = ',', default_value = "postgres")]
    databases: Vec<String>,
    /// Numbers of clients, each with a connection of its own.
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    clients: Vec<usize>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Print one line of JSON for each measurement.
    #[arg(long)]
    json: bool,
}

/// A control plane under load.
struct Target {
    dial: Dial,
    key: String,
    cp: u32,
    database: Option<u32>,
    // Dropped in this order: the database after its user.
    _up: Up,
    _database: Option<Stopped>,
}

/// Processor time used so far.
#[derive(Clone, Copy)]
struct Used {
    cp: Duration,
    database: Duration,
}

/// Runs the bench and prints the result.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("portolan-bench.").tempdir()?;
    let time = Duration::from_secs_f64(options.seconds);
    let mut out = std::io::stdout();
    if !options.json {
        writeln!(out, "database  clients    writes/s       p50       p99  µs CPU/write: control plane  database")?;
    }
    for database in &options.databases {
        let target = Target::start(options, database, &dir.path().join(database))?;
        for &clients in &options.clients {
            let (mut latencies, used) = load(&target, clients, time).await?;
            latencies.sort_unstable();
            let count = u32::try_from(latencies.len())?.max(1);
            let rate = f64::from(count) / time.as_secs_f64();
            let (p50, p99) = (percentile(&latencies, 50), percentile(&latencies, 99));
            let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
            let (cp, store) = (micros(used.cp), micros(used.database));
            match options.json {
                true => writeln!(
                    out,
                    "{}",
                    json!({ "database": database, "clients": clients, "per_second": rate, "cpu_us": cp,
                        "p50_ms": p50.as_secs_f64() * 1e3, "p99_ms": p99.as_secs_f64() * 1e3, "database_cpu_us": store })
                )?,
                false => writeln!(
                    out,
                    "{database:<9} {clients:>7}  {rate:>10.0}  {:>5.1} ms  {:>5.1} ms  {cp:>27.0}  {store:>8.0}",
                    p50.as_secs_f64() * 1e3,
                    p99.as_secs_f64() * 1e3,
                )?,
            }
        }
    }
    Ok(())
}

async fn load(target: &Target, clients: usize, time: Duration) -> anyhow::Result<(Vec<Duration>, Used)> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(handshake(TokioIo::new(target.dial.open("http/1.1").await?)).await?);
    }
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let mut tasks = JoinSet::new();
    let mut work = JoinSet::new();
    for (client, (send, connection)) in connections.into_iter().enumerate() {
        // One that ends too early shows in the requests.
        work.spawn(async { drop(connection.await) });
        tasks.spawn(one(send, target.dial.authority().to_owned(), target.key.clone(), client as u64, begin, end));
    }
    let measured = async {
        tokio::time::sleep_until(begin.into()).await;
        let before = target.used()?;
        tokio::time::sleep_until(end.into()).await;
        let after = target.used()?;
        Ok::<_, anyhow::Error>(Used {
            cp: after.cp.saturating_sub(before.cp),
            database: after.database.saturating_sub(before.database),
        })
    };
    let (latencies, used) = tokio::join!(tasks.join_all(), measured);
    let latencies = latencies.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok((latencies.into_iter().flatten().collect(), used?))
}

async fn one(
    mut send: SendRequest<Full<Bytes>>,
    host: String,
    key: String,
    client: u64,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut random = client.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    loop {
        // A xorshift: the same routes in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let id = random % ROUTES;
        let start = Instant::now();
        if start >= end {
            return Ok(latencies);
        }
        let body = json!({ "name": format!("orders-{id}"), "uri": format!("/orders/{id}/*"), "methods": ["GET", "POST"],
            "hosts": ["shop.example.com"], "labels": { "team": "shop" }, "plugins": { "cors": {} },
            "upstream": { "type": "roundrobin", "nodes": { "10.0.0.1:8080": 1, "10.0.0.2:8080": 1 } } });
        let request = http::Request::put(format!("/apisix/admin/routes/{id}"))
            .header(http::header::HOST, &host)
            .header("X-API-KEY", &key)
            .body(Full::from(body.to_string()))?;
        send.ready().await?;
        let answer = send.send_request(request).await?;
        let status = answer.status();
        let text = answer.collect().await?.to_bytes();
        ensure!(status.is_success(), "a route was refused: {status} {}", String::from_utf8_lossy(&text));
        if start >= begin {
            latencies.push(start.elapsed());
        }
    }
}

// === impl Target ===

impl Target {
    fn start(options: &Options, database: &str, dir: &std::path::Path) -> anyhow::Result<Self> {
        let (url, process) = match database {
            "sqlite" => (None, None),
            name => {
                let (_, url, process) = up::throwaway(&options.scripts, name)?;
                (Some(url), Some(process))
            }
        };
        let up = Up::start(&options.portolan, dir, url.as_deref(), &["--set=cp.admin_api.https=true"])?;
        let dial =
            Dial::new(up.text("admin_api")?, &up.path("ca")?, &up.path("admin_cert")?, &up.path("admin_cert_key")?)?;
        let key = up.text("admin_key")?.to_owned();
        let cp = up.control_plane()?;
        Ok(Self { dial, key, cp, database: process.as_ref().map(Stopped::pid), _up: up, _database: process })
    }

    fn used(&self) -> anyhow::Result<Used> {
        let database = self.database.map(cpu::used_by_tree).transpose()?.unwrap_or_default();
        Ok(Used { cp: cpu::used_by_tree(self.cp)?, database })
    }
}
