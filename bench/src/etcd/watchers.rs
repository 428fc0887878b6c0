//! Many watchers on one prefix: what an idle one costs, and how long an event takes to reach them all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use portolan_etcd_proto::etcdserverpb::PutRequest;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::Dial;
use super::gateway::{Gateway, base64};
use super::load::percentile;
use super::servers::Server;
use super::streams;
use crate::cpu;
use crate::memory::resident;

/// What they all watch.
pub const PREFIX: &str = "/watched/";
/// Its end.
pub const PREFIX_END: &str = "/watched0";

/// Watches on one gRPC connection; each has a stream. One of the JSON gateway has its connection for itself.
const STREAMS: usize = 100;
/// Connections that are opened at the same time.
const OPENING: usize = 16;
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the watchers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// gRPC.
    Grpc,
    /// JSON, over HTTP/1.1.
    Json,
}

/// How many, and how often something happens.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How they speak.
    pub face: Face,
    /// Watchers.
    pub watchers: usize,
    /// Puts, one after the other.
    pub puts: usize,
    /// Between two puts.
    pub pause: Duration,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// From the put's departure to the arrival of its event, over all watchers.
    pub p50: Duration,
    /// The same for the slowest in a hundred.
    pub p99: Duration,
    /// Growth of the server's resident memory by one idle watcher, its share of a connection included.
    pub bytes: i64,
    /// Processor time of the server for one delivery.
    pub server: Duration,
    /// Processor time of the client, which shares the machine, for one delivery.
    pub client: Duration,
}

/// What a connection with watches needs, and where it reports.
#[derive(Clone, Debug)]
pub struct Following {
    /// Events that come.
    pub puts: usize,
    /// What the times in their values count from.
    pub epoch: Instant,
    slots: Arc<Semaphore>,
    reports: mpsc::Sender<Report>,
    end: Arc<Semaphore>,
}

#[derive(Debug)]
enum Report {
    Opened(usize),
    Received(Vec<Duration>),
}

/// Opens the watchers, weighs them, and measures deliveries.
pub async fn run(server: &Server, shape: Shape) -> anyhow::Result<Outcome> {
    let before = resident(server.pid)?;
    let (reports, mut heard) = mpsc::channel(shape.watchers);
    let (slots, end) = (Arc::new(Semaphore::new(OPENING)), Arc::new(Semaphore::new(0)));
    let epoch = Instant::now();
    let following = Following { puts: shape.puts, epoch, slots, reports, end: end.clone() };
    let streams = if shape.face == Face::Grpc { STREAMS } else { 1 };
    let mut connections = JoinSet::new();
    for first in (0..shape.watchers).step_by(streams) {
        let (dial, following) = (server.dial.clone(), following.clone());
        let streams = streams.min(shape.watchers - first);
        connections.spawn(async move {
            match shape.face {
                Face::Grpc => streams::follow(dial, streams, following).await,
                Face::Json => lines(dial, following).await,
            }
        });
    }
    drop(following);
    let mut opened = 0;
    while opened < shape.watchers {
        match next(&mut heard, &mut connections).await? {
            Report::Opened(streams) => opened += streams,
            Report::Received(_) => bail!("events before the first put"),
        }
    }
    // What was needed only to open them is given back by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let grown = resident(server.pid)? - before;

    let used = || anyhow::Ok((cpu::used_by_tree(server.pid)?, cpu::used_by(std::process::id())?));
    let start = used()?;
    let mut kv = server.dial.connect()?.kv();
    for number in 0..shape.puts {
        let key = format!("{PREFIX}{}", number % 10);
        let value = epoch.elapsed().as_micros().to_string();
        kv.put(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }).await?;
        tokio::time::sleep(shape.pause).await;
    }
    let deliveries = shape.watchers * shape.puts;
    let mut latencies = Vec::with_capacity(deliveries);
    while latencies.len() < deliveries {
        if let Report::Received(received) = next(&mut heard, &mut connections).await? {
            latencies.extend(received);
        }
    }
    let stop = used()?;
    end.close();
    while connections.join_next().await.is_some() {}
    latencies.sort_unstable();
    let each = u32::try_from(deliveries)?;
    Ok(Outcome {
        p50: percentile(&latencies, 50),
        p99: percentile(&latencies, 99),
        bytes: grown / i64::try_from(shape.watchers)?,
        server: stop.0.saturating_sub(start.0) / each,
        client: stop.1.saturating_sub(start.1) / each,
    })
}

/// When the put of this value had departed.
pub fn latency(value: &[u8], arrived: Duration) -> anyhow::Result<Duration> {
    let departed = Duration::from_micros(std::str::from_utf8(value)?.parse()?);
    Ok(arrived.saturating_sub(departed))
}

/// A watch of the JSON gateway.
async fn lines(dial: Dial, following: Following) -> anyhow::Result<()> {
    let slot = following.slot().await?;
    let mut gateway = Gateway::connect(&dial).await?;
    let (key, end) = (base64(PREFIX.as_bytes()), base64(PREFIX_END.as_bytes()));
    let create = format!("{{\"create_request\":{{\"key\":\"{key}\",\"range_end\":\"{end}\"}}}}");
    let mut lines = gateway.lines("/v3/watch", create).await?;
    let created = lines.next().await?;
    ensure!(created["result"]["created"] == true, "not created: {created}");
    drop(slot);
    following.opened(1).await?;
    let mut latencies = Vec::with_capacity(following.puts);
    while latencies.len() < following.puts {
        let values = lines.values().await?;
        let arrived = following.epoch.elapsed();
        for value in values {
            latencies.push(latency(&value, arrived)?);
        }
    }
    following.received(latencies).await
}

async fn next(
    heard: &mut mpsc::Receiver<Report>,
    connections: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Report> {
    let report = async {
        tokio::select! {
            report = heard.recv() => report.context("all connections have ended"),
            Some(ended) = connections.join_next() => match ended? {
                Ok(()) => bail!("a connection ended early"),
                Err(error) => Err(error),
            },
        }
    };
    timeout(PATIENCE, report).await.context("an event did not arrive")?
}

// === impl Following ===

impl Following {
    /// To be held while the watches are opened: not all connections at once.
    pub async fn slot(&self) -> anyhow::Result<SemaphorePermit<'_>> {
        Ok(self.slots.acquire().await?)
    }

    /// So many watches more are open.
    pub async fn opened(&self, streams: usize) -> anyhow::Result<()> {
        Ok(self.reports.send(Report::Opened(streams)).await?)
    }

    /// All events have come. Returns when those of all others have, so that nobody's end costs the others time.
    pub async fn received(&self, latencies: Vec<Duration>) -> anyhow::Result<()> {
        self.reports.send(Report::Received(latencies)).await?;
        // It is never given a permit, it is closed.
        let _closed = self.end.acquire().await;
        Ok(())
    }
}
