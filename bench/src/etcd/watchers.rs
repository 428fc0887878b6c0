//! Many watchers on one prefix: what an idle one costs, and how long an event takes to reach them all.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::load::percentile;
use super::servers::Server;

/// Streams on one connection; each stream has one watcher.
const STREAMS: usize = 100;
/// Watchers that are opened at the same time.
const OPENING: usize = 64;
/// Longest that one event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many, and how often something happens.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Watchers, each on a stream of its own.
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
}

/// Opens the watchers, weighs them, and measures deliveries.
pub async fn run(server: &Server, shape: Shape) -> anyhow::Result<Outcome> {
    let connections =
        (0..shape.watchers.div_ceil(STREAMS)).map(|_| server.dial.connect()).collect::<anyhow::Result<Vec<_>>>()?;
    let before = resident(server.pid)?;
    let slots = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for watcher in 0..shape.watchers {
        let (mut client, slots) = (connections[watcher / STREAMS].watch(), slots.clone());
        opening.spawn(async move {
            let _slot = slots.acquire_owned().await?;
            let (requests, queue) = mpsc::channel(1);
            let create = WatchCreateRequest {
                key: "/watched/".into(),
                range_end: "/watched0".into(),
                ..WatchCreateRequest::default()
            };
            requests.send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }).await?;
            let mut responses = client.watch(ReceiverStream::new(queue)).await?.into_inner();
            let created = responses.message().await?.context("no answer")?;
            ensure!(created.created && !created.canceled, "not created: {created:?}");
            Ok::<_, anyhow::Error>((requests, responses))
        });
    }
    let mut watches = Vec::with_capacity(shape.watchers);
    for watch in opening.join_all().await {
        watches.push(watch?);
    }
    // What was needed only to open them is given back by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let grown = resident(server.pid)? - before;
    let watchers = i64::try_from(shape.watchers)?;

    let epoch = Instant::now();
    let (held, receivers): (Vec<_>, Vec<_>) = watches.into_iter().unzip();
    let mut receiving = JoinSet::new();
    for responses in receivers {
        receiving.spawn(receive(responses, shape.puts, epoch));
    }
    let mut kv = server.dial.connect()?.kv();
    for number in 0..shape.puts {
        let key = format!("/watched/{}", number % 10);
        let value = epoch.elapsed().as_micros().to_string();
        kv.put(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }).await?;
        tokio::time::sleep(shape.pause).await;
    }
    let mut latencies = Vec::with_capacity(shape.watchers * shape.puts);
    for received in receiving.join_all().await {
        latencies.extend(received?);
    }
    drop(held);
    latencies.sort_unstable();
    Ok(Outcome { p50: percentile(&latencies, 50), p99: percentile(&latencies, 99), bytes: grown / watchers })
}

async fn receive(
    mut responses: Streaming<WatchResponse>,
    puts: usize,
    epoch: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(puts);
    while latencies.len() < puts {
        let response =
            tokio::time::timeout(PATIENCE, responses.message()).await.context("an event did not arrive")??;
        let arrived = epoch.elapsed();
        for event in response.context("the watch ended")?.events {
            let value = event.kv.context("an event without key")?.value;
            let departed = Duration::from_micros(std::str::from_utf8(&value)?.parse()?);
            latencies.push(arrived.saturating_sub(departed));
        }
    }
    Ok(latencies)
}

/// Resident memory, in bytes.
fn resident(pid: u32) -> anyhow::Result<i64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<i64>()? * 1024)
}
