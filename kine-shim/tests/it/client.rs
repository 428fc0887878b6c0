//! An etcd client: the generated stubs over one HTTP/2 connection, with or without TLS.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portolan_etcd_proto::etcdserverpb::cluster_client::ClusterClient;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_etcd_proto::etcdserverpb::lease_client::LeaseClient;
use portolan_etcd_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use portolan_etcd_proto::etcdserverpb::watch_client::WatchClient;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{
    DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, WatchCancelRequest, WatchCreateRequest,
    WatchProgressRequest, WatchRequest, WatchResponse,
};
use portolan_etcd_proto::health::health_client::HealthClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

pub type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, tonic::body::Body>;

/// Longest that a test waits for one answer.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub http: Http,
    pub origin: http::Uri,
}

/// An open watch stream.
pub struct Watch {
    requests: mpsc::Sender<WatchRequest>,
    responses: Responses,
}

/// etcd sends the headers of the answer with the first message, which is after the first request. So the call is made, and waited
/// for, with the first look at the responses.
enum Responses {
    Opening(BoxFuture<'static, Result<Response<Streaming<WatchResponse>>, Status>>),
    Open(Box<Streaming<WatchResponse>>),
}

impl Client {
    pub fn new(url: &str, tls: rustls::ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http2().wrap_connector(tcp);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
        Self { http, origin: url.parse().unwrap() }
    }

    /// A client for a server without TLS.
    pub fn plain(url: &str) -> Self {
        portolan_testkit::install_crypto();
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Self::new(url, tls)
    }

    pub fn kv(&self) -> KvClient<Http> {
        KvClient::with_origin(self.http.clone(), self.origin.clone()).max_decoding_message_size(usize::MAX)
    }

    pub fn lease(&self) -> LeaseClient<Http> {
        LeaseClient::with_origin(self.http.clone(), self.origin.clone())
    }

    pub fn cluster(&self) -> ClusterClient<Http> {
        ClusterClient::with_origin(self.http.clone(), self.origin.clone())
    }

    pub fn maintenance(&self) -> MaintenanceClient<Http> {
        MaintenanceClient::with_origin(self.http.clone(), self.origin.clone())
    }

    pub fn health(&self) -> HealthClient<Http> {
        HealthClient::with_origin(self.http.clone(), self.origin.clone())
    }

    /// Puts and gives the revision.
    pub async fn put(&self, key: &str, value: &str) -> i64 {
        let request =
            PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() };
        self.kv().put(request).await.unwrap().into_inner().header.unwrap().revision
    }

    /// Deletes and gives the revision.
    pub async fn delete(&self, key: &str, range_end: &str) -> i64 {
        let (key, range_end) = (key.to_owned().into(), range_end.to_owned().into());
        let request = DeleteRangeRequest { key, range_end, prev_kv: false };
        self.kv().delete_range(request).await.unwrap().into_inner().header.unwrap().revision
    }

    pub async fn range(&self, key: &str, range_end: &str) -> RangeResponse {
        let (key, range_end) = (key.to_owned().into(), range_end.to_owned().into());
        self.kv().range(RangeRequest { key, range_end, ..RangeRequest::default() }).await.unwrap().into_inner()
    }

    /// The keys of a range.
    pub async fn keys(&self, key: &str, range_end: &str) -> Vec<String> {
        self.range(key, range_end).await.kvs.iter().map(|kv| text(&kv.key)).collect()
    }

    pub fn watch(&self) -> Watch {
        let (requests, queue) = mpsc::channel(64);
        let mut client = WatchClient::with_origin(self.http.clone(), self.origin.clone());
        client = client.max_decoding_message_size(usize::MAX);
        let opening = async move { client.watch(ReceiverStream::new(queue)).await };
        Watch { requests, responses: Responses::Opening(Box::pin(opening)) }
    }
}

impl Watch {
    pub async fn send(&self, request: RequestUnion) {
        self.requests.send(WatchRequest { request_union: Some(request) }).await.unwrap();
    }

    /// Creates a watcher and gives the answer to that.
    pub async fn create(&mut self, request: WatchCreateRequest) -> WatchResponse {
        self.send(RequestUnion::CreateRequest(request)).await;
        let response = self.next().await;
        assert!(response.created, "{response:?}");
        response
    }

    pub async fn cancel(&self, watch_id: i64) {
        self.send(RequestUnion::CancelRequest(WatchCancelRequest { watch_id })).await;
    }

    pub async fn ask_progress(&self) {
        self.send(RequestUnion::ProgressRequest(WatchProgressRequest {})).await;
    }

    pub async fn next(&mut self) -> WatchResponse {
        self.try_next().await.unwrap().expect("the stream goes on")
    }

    pub async fn try_next(&mut self) -> Result<Option<WatchResponse>, Status> {
        let next = async {
            let responses = match &mut self.responses {
                Responses::Open(responses) => responses,
                Responses::Opening(opening) => {
                    self.responses = Responses::Open(Box::new(opening.await?.into_inner()));
                    let Responses::Open(responses) = &mut self.responses else { unreachable!() };
                    responses
                }
            };
            responses.message().await
        };
        tokio::time::timeout(PATIENCE, next).await.expect("an answer in time")
    }

    /// Says that no more requests come.
    pub fn end_requests(self) -> Streaming<WatchResponse> {
        match self.responses {
            Responses::Open(responses) => *responses,
            Responses::Opening(_) => panic!("nothing was asked yet"),
        }
    }
}

pub fn create(key: &str, range_end: &str, start_revision: i64) -> WatchCreateRequest {
    let (key, range_end) = (key.to_owned().into(), range_end.to_owned().into());
    WatchCreateRequest { key, range_end, start_revision, ..WatchCreateRequest::default() }
}

/// `PUT key=value@revision` or `DELETE key@revision` for each event.
pub fn events(response: &WatchResponse) -> Vec<String> {
    let event = |event: &portolan_etcd_proto::mvccpb::Event| {
        let kv = event.kv.as_ref().unwrap();
        match event.r#type {
            0 => format!("PUT {}={}@{}", text(&kv.key), text(&kv.value), kv.mod_revision),
            _ => format!("DELETE {}@{}", text(&kv.key), kv.mod_revision),
        }
    };
    response.events.iter().map(event).collect()
}

pub fn revision(response: &WatchResponse) -> i64 {
    response.header.as_ref().unwrap().revision
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
