//! Fills a log through the etcd service: as many events as are asked for, about as many keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use portolan_etcd_proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::task::JoinSet;

use crate::up::Up;

/// Clients that put at once: as many as fit into one batch.
const CLIENTS: u64 = 256;
/// Connections that they share.
const CONNECTIONS: u64 = 8;
/// Bytes of a value.
const VALUE: usize = 256;

/// Puts until the log has that many events; answers how many it has then.
pub fn fill(up: &Up, events: u64, keys: u64) -> anyhow::Result<u64> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let dial = up.dial()?;
        let before = revision(up).await?;
        let next = Arc::new(AtomicU64::new(before));
        let connections = (0..CONNECTIONS).map(|_| dial.connect()).collect::<anyhow::Result<Vec<_>>>()?;
        let mut clients = JoinSet::new();
        for connection in connections.into_iter().cycle().take(usize::try_from(CLIENTS)?) {
            let next = next.clone();
            clients.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= events {
                        return anyhow::Ok(());
                    }
                    // Each key once; then in an order that has none.
                    let key = if number < keys { number } else { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20 };
                    let key = format!("/bench/{:08}", key % keys);
                    let put = PutRequest { key: key.into(), value: vec![b'x'; VALUE].into(), ..PutRequest::default() };
                    connection.kv().put(put).await.context("put")?;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        revision(up).await
    })
}

async fn revision(up: &Up) -> anyhow::Result<u64> {
    let request = RangeRequest { key: "k".into(), ..RangeRequest::default() };
    let answer = up.dial()?.connect()?.kv().range(request).await?.into_inner();
    Ok(answer.header.context("no header")?.revision.try_into()?)
}
