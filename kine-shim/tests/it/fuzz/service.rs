//! The service without sockets, and one request to it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::BodyExt as _;
use portolan_etcd_proto::described::METHODS;
use portolan_etcd_proto::etcdserverpb::{LeaseLeasesRequest, LeaseRevokeRequest};
use portolan_etcd_proto::schema::Method;
use portolan_eventstore::KeyRange;
use portolan_rt::serve::Connection;
use portolan_rt::tls::PeerCertificate;
use tower::ServiceExt as _;

use super::input::Input;
use crate::server::Server;

/// What must not get out.
pub const SECRET: &str = "a secret of others";
/// An answer that should end by itself does so in this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// A watch goes on; so long is listened to it.
const LISTEN: Duration = Duration::from_millis(5);

/// How the service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Json,
    Grpc,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Admin,
    DataPlane,
}

pub struct Service {
    pub server: Server,
    face: Face,
}

/// What came back.
pub struct Answer {
    pub method: &'static Method,
    pub face: Face,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Of gRPC, when the answer has come to its end.
    pub trailers: Option<HeaderMap>,
    /// Whether it has.
    pub ended: bool,
}

impl Service {
    pub async fn start(face: Face) -> Self {
        let server = Server::start().await;
        let admin = server.admin();
        admin.put("/apisix/routes/1", "{}").await;
        for key in [
            "/portolan/users/1",
            "/portolan/groups/eu/routes/1",
            "/apisix/data_plane/by/mate/instances/1",
            "/apisix/data_plane/x",
        ] {
            admin.put(key, SECRET).await;
        }
        Self { server, face }
    }

    /// Sends it, and takes in what comes back.
    pub async fn ask(&self, input: &Input) -> Answer {
        let method = &METHODS[usize::from(input.method) % METHODS.len()];
        let (path, body) = match self.face {
            Face::Json => (json_path(method), input.body.clone()),
            Face::Grpc if input.raw => (method.path.to_owned(), input.body.clone()),
            Face::Grpc => {
                let length = u32::try_from(input.body.len()).unwrap().to_be_bytes();
                (method.path.to_owned(), [&[0], &length[..], &input.body].concat())
            }
        };
        let pieces: Vec<_> = match usize::from(input.piece) {
            0 => vec![Bytes::from(body)],
            size => body.chunks(size).map(Bytes::copy_from_slice).collect(),
        };
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
        let request = Request::post(path).header("host", "localhost").extension(connection(input.who()));
        let request = match self.face {
            Face::Json => request.body(body),
            Face::Grpc => request
                .version(Version::HTTP_2)
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(body),
        };
        let call = self.server.router.clone().oneshot(request.unwrap());
        let response = tokio::time::timeout(PATIENCE, call).await.expect("an answer begins").unwrap();
        let (parts, mut body) = response.into_parts();
        let endless = method.path.ends_with("/Watch");
        let mut answer = Answer {
            method,
            face: self.face,
            status: parts.status,
            headers: parts.headers,
            body: Vec::new(),
            trailers: None,
            ended: false,
        };
        loop {
            match tokio::time::timeout(if endless { LISTEN } else { PATIENCE }, body.frame()).await {
                Ok(Some(frame)) => match frame.expect("the body does not break off").into_data() {
                    Ok(data) => answer.body.extend_from_slice(&data),
                    Err(frame) => answer.trailers = frame.into_trailers().ok(),
                },
                Ok(None) => {
                    answer.ended = true;
                    return answer;
                }
                Err(_) => {
                    assert!(endless, "the answer ends");
                    return answer;
                }
            }
        }
    }

    /// How many keys there are, and which is the newest.
    pub fn keys(&self) -> (usize, Option<i64>) {
        let all = self.server.store.read(|view| view.range(&KeyRange::prefix("")));
        (all.len(), all.iter().map(|kv| kv.mod_revision).max())
    }

    /// Others are not disturbed; and denials are answered at once again, as if a minute had passed.
    pub async fn still_serves(&self) {
        self.server.pass(Duration::from_secs(61));
        let admin = self.server.admin();
        // None may end while a request is judged by what it changed.
        loop {
            let leases = admin.lease().lease_leases(LeaseLeasesRequest {}).await.unwrap().into_inner().leases;
            let Some(lease) = leases.first() else { break };
            // It may have ended by itself meanwhile.
            let _ended = admin.lease().lease_revoke(LeaseRevokeRequest { id: lease.id }).await;
        }
        let revision = admin.put("sane", "yes").await;
        let read = admin.range("sane", "").await;
        assert_eq!((&read.kvs[0].value[..], read.kvs[0].mod_revision), (&b"yes"[..], revision));
        // What the inputs deleted is there again, to be found by those who should not.
        for key in ["/portolan/users/1", "/apisix/data_plane/by/mate/instances/1"] {
            admin.put(key, SECRET).await;
        }
    }
}

impl Answer {
    /// The gRPC status, wherever it stands.
    pub fn grpc_status(&self) -> Option<String> {
        let of = |headers: &HeaderMap| headers.get("grpc-status").map(|value| value.to_str().unwrap().to_owned());
        self.trailers.as_ref().and_then(of).or_else(|| of(&self.headers))
    }

    /// Whether the request was refused, as far as one can tell.
    pub fn refused(&self) -> bool {
        match self.face {
            Face::Json => self.status != StatusCode::OK,
            Face::Grpc => self.grpc_status().is_some_and(|status| status != "0"),
        }
    }
}

fn json_path(method: &Method) -> String {
    let path = match method.path.rsplit('/').next().unwrap() {
        "Range" => "kv/range",
        "Put" => "kv/put",
        "DeleteRange" => "kv/deleterange",
        "Txn" => "kv/txn",
        "Compact" => "kv/compaction",
        "Watch" => "watch",
        "LeaseGrant" => "lease/grant",
        "LeaseRevoke" => "lease/revoke",
        "LeaseKeepAlive" => "lease/keepalive",
        "LeaseTimeToLive" => "lease/timetolive",
        "LeaseLeases" => "lease/leases",
        "MemberList" => "cluster/member/list",
        "Status" => "maintenance/status",
        "Alarm" => "maintenance/alarm",
        "HashKV" => "maintenance/hash",
        "Snapshot" => "maintenance/snapshot",
        "Authenticate" => "auth/authenticate",
        "AuthStatus" => "auth/status",
        other => return format!("/v3/{other}"),
    };
    format!("/v3/{path}")
}

fn connection(who: Who) -> Connection {
    let (name, uri) = match who {
        Who::Admin => ("ops", "portolan://admin/ops"),
        Who::DataPlane => ("dp-1", "portolan://data-plane/default/dp-1"),
    };
    let peer = PeerCertificate {
        common_name: name.to_owned(),
        uris: vec![uri.to_owned()],
        serial: "1".to_owned(),
        fingerprint_sha256: "00".repeat(32),
    };
    let (remote, local) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
    Connection { remote, local, tls: None, peer: Some(Arc::new(peer)) }
}
