//! Clients that do one thing after the other, as fast as they are answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::response_op::Response;
use portolan_etcd_proto::etcdserverpb::{Compare, PutRequest, RangeRequest, RequestOp, TxnRequest};
use tokio::task::JoinSet;

use super::client::Connection;
use super::gateway::{Gateway, base64};
use super::servers::Server;
use crate::cpu;

/// Keys that are written and read.
const KEYS: u64 = 10_000;
/// Keys of one client that updates.
const OWN_KEYS: u64 = 40;
/// Bytes of a value.
const VALUE: usize = 256;
/// Most connections; clients share them.
pub const CONNECTIONS: usize = 8;
/// Not measured at the start of a run.
const WARM_UP: Duration = Duration::from_millis(300);

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Put a value of 256 bytes at one of 10,000 keys.
    Put,
    /// Read one of the keys, linearizable.
    Range,
    /// Read one of the keys, serializable.
    Serializable,
    /// Compare a key's version and put another value: as etcd clients update.
    Txn,
    /// Put at a key that nobody else writes, if it still has the revision that the client has seen: as Kubernetes updates, and the one
    /// way to put that kine knows.
    Update,
    /// As `Put`, in JSON.
    JsonPut,
    /// As `Range`, in JSON.
    JsonRange,
    /// As `Txn`, in JSON.
    JsonTxn,
}

/// All of them, by the names they have on the command line.
pub const WORKS: [(&str, Work); 8] = [
    ("put", Work::Put),
    ("range", Work::Range),
    ("serializable", Work::Serializable),
    ("txn", Work::Txn),
    ("update", Work::Update),
    ("json-put", Work::JsonPut),
    ("json-range", Work::JsonRange),
    ("json-txn", Work::JsonTxn),
];

/// One client's connection.
enum Client {
    /// Shared with others.
    Grpc(Box<Connection>),
    /// Its own.
    Json(Gateway),
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Answers per second.
    pub rate: f64,
    /// Latency that half of them stay under.
    pub p50: Duration,
    /// Latency that 99 % stay under.
    pub p99: Duration,
    /// Processor time of the server (and its database) for one answer.
    pub cpu: Duration,
}

/// Runs one kind of work against a server.
pub async fn run(server: &Server, work: Work, clients: usize, time: Duration) -> anyhow::Result<Outcome> {
    let connections =
        (0..clients.min(CONNECTIONS)).map(|_| server.dial.connect()).collect::<anyhow::Result<Vec<_>>>()?;
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let connection = match work {
            Work::JsonPut | Work::JsonRange | Work::JsonTxn => Client::Json(Gateway::connect(&server.dial).await?),
            _ => Client::Grpc(Box::new(connections[client % connections.len()].clone())),
        };
        tasks.spawn(one(connection, work, client as u64, begin, end));
    }
    let measure = async {
        tokio::time::sleep_until(begin.into()).await;
        let before = used(server)?;
        tokio::time::sleep_until(end.into()).await;
        Ok::<_, anyhow::Error>(used(server)?.saturating_sub(before))
    };
    let (latencies, used) = tokio::join!(tasks.join_all(), measure);
    let mut all = Vec::new();
    for latencies in latencies {
        all.extend(latencies?);
    }
    all.sort_unstable();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX).max(1);
    Ok(Outcome {
        rate: f64::from(count) / time.as_secs_f64(),
        p50: percentile(&all, 50),
        p99: percentile(&all, 99),
        cpu: used? / count,
    })
}

/// Of sorted values.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn used(server: &Server) -> anyhow::Result<Duration> {
    let database = server.database.map(cpu::used_by_tree).transpose()?.unwrap_or_default();
    Ok(cpu::used_by_tree(server.pid)? + database)
}

async fn one(
    mut connection: Client,
    work: Work,
    client: u64,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut seen = HashMap::new();
    let mut random = client.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    loop {
        // A xorshift: the same keys for every server.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let key = format!("/bench/{:05}", random % KEYS);
        let start = Instant::now();
        if work == Work::Update && start < end {
            let Client::Grpc(connection) = &connection else { bail!("updates are gRPC") };
            update(connection, format!("/bench/{client}/{:02}", random % OWN_KEYS), &mut seen).await?;
            if start >= begin {
                latencies.push(start.elapsed());
            }
            continue;
        }
        if start >= end {
            return Ok(latencies);
        }
        match &mut connection {
            Client::Grpc(connection) => call(connection, work, key).await?,
            Client::Json(gateway) => post(gateway, work, &key).await?,
        }
        if start >= begin {
            latencies.push(start.elapsed());
        }
    }
}

async fn call(connection: &Connection, work: Work, key: String) -> anyhow::Result<()> {
    let mut kv = connection.kv();
    match work {
        Work::Put | Work::JsonPut | Work::Update => drop(kv.put(put(&key)).await.context("put")?),
        Work::Range | Work::Serializable | Work::JsonRange => {
            let serializable = work == Work::Serializable;
            let request = RangeRequest { key: key.into(), serializable, ..RangeRequest::default() };
            drop(kv.range(request).await.context("range")?);
        }
        Work::Txn | Work::JsonTxn => drop(kv.txn(txn(&key)).await.context("txn")?),
    }
    Ok(())
}

async fn post(gateway: &mut Gateway, work: Work, key: &str) -> anyhow::Result<()> {
    let (key, value) = (base64(key.as_bytes()), base64(&[b'x'; VALUE]));
    let (path, body) = match work {
        Work::Put | Work::JsonPut | Work::Update => {
            ("/v3/kv/put", format!("{{\"value\":\"{value}\",\"key\":\"{key}\"}}"))
        }
        Work::Range | Work::Serializable | Work::JsonRange => ("/v3/kv/range", format!("{{\"key\":\"{key}\"}}")),
        Work::Txn | Work::JsonTxn => (
            "/v3/kv/txn",
            format!(
                "{{\"compare\":[{{\"key\":\"{key}\",\"target\":\"VERSION\",\"result\":\"GREATER\",\"version\":\"-1\"}}],\
                 \"success\":[{{\"requestPut\":{{\"key\":\"{key}\",\"value\":\"{value}\"}}}}]}}"
            ),
        ),
    };
    gateway.call(path, body).await
}

/// Tries until the revision is the right one; the first time it may not be known.
async fn update(connection: &Connection, key: String, seen: &mut HashMap<String, i64>) -> anyhow::Result<()> {
    loop {
        let compare = Compare {
            key: key.clone().into(),
            target: CompareTarget::Mod.into(),
            result: CompareResult::Equal.into(),
            target_union: Some(TargetUnion::ModRevision(seen.get(&key).copied().unwrap_or(0))),
            ..Compare::default()
        };
        let read = RangeRequest { key: key.clone().into(), ..RangeRequest::default() };
        let txn = TxnRequest {
            compare: vec![compare],
            success: vec![RequestOp { request: Some(Request::RequestPut(put(&key))) }],
            failure: vec![RequestOp { request: Some(Request::RequestRange(read)) }],
        };
        let answer = connection.kv().txn(txn).await.context("update")?.into_inner();
        if answer.succeeded {
            seen.insert(key, answer.header.context("no header")?.revision);
            return Ok(());
        }
        let found = answer.responses.into_iter().find_map(|op| op.response);
        let Some(Response::ResponseRange(range)) = found else { bail!("no answer to the read") };
        seen.insert(key.clone(), range.kvs.first().map_or(0, |kv| kv.mod_revision));
    }
}

fn put(key: &str) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: vec![b'x'; VALUE].into(), ..PutRequest::default() }
}

/// `if version(key) > -1 then put(key) else get(key)`: always holds, so that each one is a write.
fn txn(key: &str) -> TxnRequest {
    let compare = Compare {
        key: key.to_owned().into(),
        target: CompareTarget::Version.into(),
        result: CompareResult::Greater.into(),
        target_union: Some(TargetUnion::Version(-1)),
        ..Compare::default()
    };
    let read = RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() };
    TxnRequest {
        compare: vec![compare],
        success: vec![RequestOp { request: Some(Request::RequestPut(put(key))) }],
        failure: vec![RequestOp { request: Some(Request::RequestRange(read)) }],
    }
}
