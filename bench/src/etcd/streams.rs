//! Many watches on one HTTP/2 connection, without a task and a queue for each: the client shares the cores with the server, and what it
//! takes is missing there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::future::try_join_all;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::Request;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use prost::Message as _;

use super::client::Dial;
use super::watchers::{Following, PREFIX, PREFIX_END};

/// In front of each message: a byte for compression, four for the length.
const HEAD: usize = 5;

/// One watch.
struct Stream {
    /// Open as long as the watch is.
    _requests: SendStream<Bytes>,
    body: RecvStream,
    buffer: BytesMut,
}

/// Opens the watches, says so, and gives for each event when it came.
pub async fn follow(dial: Dial, streams: usize, following: Following) -> anyhow::Result<()> {
    let slot = following.slot().await?;
    let (send, connection) = h2::client::handshake(dial.open("h2").await?).await?;
    let work = async {
        // Each connection has its streams one after the other, as a client has that starts.
        let mut watches = Vec::with_capacity(streams);
        for _ in 0..streams {
            watches.push(Stream::open(send.clone(), &dial).await?);
        }
        drop(slot);
        following.opened(streams).await?;
        let received = watches.iter_mut().map(|watch| watch.receive(following.puts, following.epoch));
        following.received(try_join_all(received).await?.concat()).await
    };
    tokio::select! {
        biased;
        ended = connection => bail!("the connection ended: {ended:?}"),
        worked = work => worked,
    }
}

// === impl Stream ===

impl Stream {
    async fn open(mut send: SendRequest<Bytes>, dial: &Dial) -> anyhow::Result<Self> {
        let request = Request::post(format!("{}/etcdserverpb.Watch/Watch", dial.url))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let (response, mut requests) = send.send_request(request.body(())?, false)?;
        let create = WatchCreateRequest { key: PREFIX.into(), range_end: PREFIX_END.into(), ..Default::default() };
        let message = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }.encode_to_vec();
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(message.len().try_into()?);
        frame.put_slice(&message);
        requests.send_data(frame.freeze(), false)?;
        let response = response.await?;
        ensure!(response.status() == 200, "status {}", response.status());
        let mut stream = Self { _requests: requests, body: response.into_body(), buffer: BytesMut::new() };
        let created = stream.next().await?;
        ensure!(created.created && !created.canceled, "not created: {created:?}");
        Ok(stream)
    }

    async fn next(&mut self) -> anyhow::Result<WatchResponse> {
        loop {
            if let Some(mut length) = self.buffer.get(1..HEAD) {
                let end = HEAD + usize::try_from(length.get_u32())?;
                if self.buffer.len() >= end {
                    return Ok(WatchResponse::decode(self.buffer.split_to(end).freeze().slice(HEAD..))?);
                }
            }
            let data = self.body.data().await.context("the watch ended")??;
            self.body.flow_control().release_capacity(data.len())?;
            self.buffer.extend_from_slice(&data);
        }
    }

    async fn receive(&mut self, puts: usize, epoch: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(puts);
        while latencies.len() < puts {
            let response = self.next().await?;
            let arrived = epoch.elapsed();
            for event in response.events {
                let value = event.kv.context("an event without key")?.value;
                latencies.push(super::watchers::latency(&value, arrived)?);
            }
        }
        Ok(latencies)
    }
}
