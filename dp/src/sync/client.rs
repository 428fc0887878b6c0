//! The etcd v3 client: as much of it as following a prefix takes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_etcd_proto::etcdserverpb::watch_client::WatchClient;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{
    RangeRequest, RangeResponse, ResponseHeader, WatchCreateRequest, WatchRequest, WatchResponse,
};
use portolan_etcd_proto::mvccpb::{self, event::EventType};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{self, Identity, Roots};
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::config::ControlPlane;
use crate::resource::Document;
use crate::store::Store;

/// Bound on connecting.
const CONNECT: Duration = Duration::from_secs(3);
/// Bound on one page of a range.
const UNARY: Duration = Duration::from_secs(30);
/// A silent connection is asked whether it stands, and must answer in as long.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// Entries per page of a range.
const PAGE: i64 = 1000;
/// Largest message taken. A page of large values, or an event of a whole group's rollback, can be large.
const MESSAGE: usize = 512 * 1024 * 1024;
/// Where, below the prefix, data planes keep their status.
const DATA_PLANES: &str = "data_plane/";
/// At most this many messages that are already there are applied together.
const TOGETHER: usize = 256;

/// Knows the endpoints and who we are.
#[derive(Debug)]
pub struct Client {
    endpoints: Vec<Endpoint>,
    names: Vec<Arc<str>>,
    connector: HttpsConnector<HttpConnector>,
    next: usize,
}

/// A connection to one endpoint.
#[derive(Debug)]
pub(super) struct Link {
    channel: Channel,
    endpoint: Arc<str>,
}

/// A watch of the prefix.
pub(super) struct Watch {
    stream: Streaming<WatchResponse>,
    /// Keeps the request side open: closing it would end the watch.
    cluster_id: u64,
}

/// Where the key space is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) revision: i64,
    pub(super) cluster_id: u64,
}

/// A change of one key.
#[derive(Debug)]
pub(super) enum Event {
    Put(Document),
    Delete(Arc<str>),
}

/// What a watch brings.
#[derive(Debug)]
pub(super) enum Watched {
    /// These changes; the configuration is then at this revision.
    Events { changes: Vec<Event>, revision: i64 },
    /// The watch cannot go on from where it is.
    Reload(&'static str),
}

/// Why the control plane cannot be followed right now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an endpoint.
    #[error("control_plane.endpoints: {0}")]
    Endpoint(#[from] tonic::transport::Error),
    /// Certificates cannot be used.
    #[error("control_plane")]
    Tls(#[from] tls::Error),
    /// An answer that etcd does not give.
    #[error("the control plane's answer makes no sense: {0}")]
    Answer(&'static str),
    /// Refused, or lost.
    #[error("{}: {}", .0.code(), .0.message())]
    Status(#[from] Box<Status>),
    /// No connection in time.
    #[error("no connection in time")]
    Late,
    /// The watch ended.
    #[error("the control plane ended the watch: {0}")]
    Ended(String),
}

// === impl Client ===

impl Client {
    /// A client for these endpoints.
    /// Changes of the file of authorities count from the next connection on.
    pub fn new(config: &ControlPlane, identity: Option<&Identity>, supervisor: &Supervisor) -> Result<Self, Error> {
        let roots = config.ca.as_ref().map(|file| Roots::watch(&[], file, supervisor)).transpose()?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        let roots = roots.map_or_else(|| Roots::from_pem(&[]), Ok);
        let builder = match roots.and_then(|roots| tls::client_config(&roots, identity, &[])) {
            Ok(config) => HttpsConnectorBuilder::new().with_tls_config(rustls::ClientConfig::clone(&config)),
            Err(error) if config.is_tls() => return Err(error.into()),
            Err(_) => HttpsConnectorBuilder::new().with_tls_config(without_trust()),
        };
        let connector = builder.https_or_http().enable_http2().wrap_connector(http);
        let endpoints = config.endpoints.iter().map(|url| {
            Ok(Endpoint::from_shared(url.clone())?
                .connect_timeout(CONNECT)
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE)
                .keep_alive_while_idle(true)
                .tcp_nodelay(true))
        });
        Ok(Self {
            endpoints: endpoints.collect::<Result<_, tonic::transport::Error>>()?,
            names: config.endpoints.iter().map(|url| Arc::from(url.as_str())).collect(),
            connector,
            next: 0,
        })
    }

    /// Connects to the next endpoint in turn.
    pub(super) async fn connect(&mut self) -> Result<Link, Error> {
        let at = self.next % self.endpoints.len();
        self.next = self.next.wrapping_add(1);
        let channel = self.endpoints[at].connect_with_connector(self.connector.clone()).await?;
        Ok(Link { channel, endpoint: self.names[at].clone() })
    }
}

/// For `http://` endpoints only: TLS is never spoken.
fn without_trust() -> rustls::ClientConfig {
    rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

// === impl Link ===

impl Link {
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The connection itself.
    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Where the key space is now.
    pub(super) async fn head(&mut self, prefix: &str) -> Result<Head, Error> {
        let request =
            RangeRequest { key: copy(prefix), range_end: end_of(prefix), count_only: true, ..RangeRequest::default() };
        head(self.ask(request).await?.header.as_ref())
    }

    /// The whole prefix, as it is at one revision.
    pub(super) async fn range(&mut self, prefix: &str) -> Result<Store, Error> {
        let mut store = Store::default();
        let mut request =
            RangeRequest { key: copy(prefix), range_end: end_of(prefix), limit: PAGE, ..RangeRequest::default() };
        loop {
            let response = self.ask(request.clone()).await?;
            if request.revision == 0 {
                let head = head(response.header.as_ref())?;
                store.revision = head.revision;
                store.cluster_id = head.cluster_id;
                // All pages are of one revision.
                request.revision = head.revision;
            }
            let Some(last) = response.kvs.last().map(|kv| kv.key.clone()) else { return Ok(store) };
            for document in response.kvs.into_iter().filter_map(|kv| document(kv, prefix)) {
                store.entries.insert(&document.key.clone(), Arc::new(document));
            }
            if !response.more {
                return Ok(store);
            }
            request.key = [&last[..], &[0]].concat().into();
        }
    }

    async fn ask(&self, request: RangeRequest) -> Result<RangeResponse, Error> {
        let mut client = KvClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE);
        let answer = tokio::time::timeout(UNARY, client.range(request)).await.map_err(|_| Error::Late)?;
        Ok(answer.map_err(Box::new)?.into_inner())
    }

    /// Watches the prefix from a revision on. Returns when the server has taken the watch.
    pub(super) async fn watch(&mut self, prefix: &str, start_revision: i64) -> Result<Watch, Error> {
        let create = WatchCreateRequest {
            key: copy(prefix),
            range_end: end_of(prefix),
            start_revision,
            progress_notify: true,
            ..WatchCreateRequest::default()
        };
        let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        // The request side stays open after the one request: closing it would end the watch.
        let requests = stream::iter([request]).chain(stream::pending());
        let mut client = WatchClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE);
        let opening = async {
            let mut stream = client.watch(requests).await.map_err(Box::new)?.into_inner();
            let first = next(&mut stream).await?;
            if !first.created {
                return Err(Error::Answer("a watch that begins without being created"));
            }
            if first.canceled && first.compact_revision == 0 {
                return Err(Error::Ended(first.cancel_reason));
            }
            let cluster_id = first.header.as_ref().map_or(0, |header| header.cluster_id);
            Ok(Watch { stream, cluster_id })
        };
        tokio::time::timeout(UNARY, opening).await.unwrap_or(Err(Error::Late))
    }
}

// === impl Watch ===

impl Watch {
    /// Waits for the next message, and takes what else is there already. `known` is the revision applied so far.
    pub(super) async fn next(&mut self, prefix: &str, known: i64) -> Result<Watched, Error> {
        let mut changes = Vec::new();
        let mut revision = known;
        let mut message = Some(next(&mut self.stream).await?);
        for _ in 0..TOGETHER {
            let Some(response) = message else { break };
            if let Some(reason) = self.must_reload(&response, known)? {
                return Ok(Watched::Reload(reason));
            }
            // A message with events says how far the server is, not how far this watch is; one without says that
            // everything up to its revision has been sent.
            let of_events = response.events.iter().filter_map(|event| Some(event.kv.as_ref()?.mod_revision)).max();
            let of_header = response.header.as_ref().map_or(0, |header| header.revision);
            let idle = response.events.is_empty() && !response.created;
            revision = revision.max(of_events.unwrap_or(if idle { of_header } else { 0 }));
            changes.extend(response.events.into_iter().filter_map(|event| change(event, prefix)));
            message = next(&mut self.stream).now_or_never().transpose()?;
        }
        Ok(Watched::Events { changes, revision })
    }

    fn must_reload(&self, response: &WatchResponse, known: i64) -> Result<Option<&'static str>, Error> {
        if response.canceled {
            if response.compact_revision > 0 {
                return Ok(Some("the revision to go on from is compacted"));
            }
            return Err(Error::Ended(response.cancel_reason.clone()));
        }
        let Some(header) = &response.header else { return Ok(None) };
        if header.revision > 0 && header.revision < known {
            return Ok(Some("the key space went back"));
        }
        if header.cluster_id != 0 && self.cluster_id != 0 && header.cluster_id != self.cluster_id {
            return Ok(Some("it is another key space"));
        }
        Ok(None)
    }
}

async fn next(stream: &mut Streaming<WatchResponse>) -> Result<WatchResponse, Error> {
    let message = stream.message().await.map_err(Box::new)?;
    message.ok_or_else(|| Error::Ended("the stream is over".to_owned()))
}

fn head(header: Option<&ResponseHeader>) -> Result<Head, Error> {
    let header = header.ok_or(Error::Answer("no header"))?;
    if header.revision <= 0 {
        return Err(Error::Answer("no revision"));
    }
    Ok(Head { revision: header.revision, cluster_id: header.cluster_id })
}

fn change(event: mvccpb::Event, prefix: &str) -> Option<Event> {
    let deleted = event.r#type == EventType::Delete as i32;
    let kv = event.kv?;
    if !deleted {
        return document(kv, prefix).map(Event::Put);
    }
    key(&kv, prefix).map(|key| Event::Delete(key.into()))
}

fn document(kv: mvccpb::KeyValue, prefix: &str) -> Option<Document> {
    let key = key(&kv, prefix)?.into();
    Some(Document { key, value: kv.value, create_revision: kv.create_revision, mod_revision: kv.mod_revision })
}

/// Keys that are no text are nobody's resources, and neither is what data planes say of themselves.
fn key<'a>(kv: &'a mvccpb::KeyValue, prefix: &str) -> Option<&'a str> {
    let key = std::str::from_utf8(&kv.key).ok()?;
    (!key.strip_prefix(prefix)?.starts_with(DATA_PLANES)).then_some(key)
}

fn copy(text: &str) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(text.as_bytes())
}

/// The first key after all keys with the prefix, which ends with a slash.
fn end_of(prefix: &str) -> bytes::Bytes {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}
