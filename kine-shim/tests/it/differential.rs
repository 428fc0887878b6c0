//! Our answers against those of a real etcd, request by request.
//!
//! Both key spaces begin at revision 1 and get the same requests, so every answer must be the same in every field but the ids of
//! cluster and member and the term. Compared with the etcd that Debian ships; where later versions differ, the case says so.
//!
//! Each table runs twice: over gRPC, where messages are compared, and over the JSON gateway, where texts are.

use portolan_testkit::etcd::Etcd;

use portolan_testkit::raw::Target;

use crate::client::Client;
use crate::server::Server;

mod cases;
mod lines;
mod random;
mod refusals;
mod step;
mod watches;

/// How both are asked.
#[derive(Clone, Copy)]
pub enum Face {
    Grpc,
    Json,
}

/// The two sides.
pub struct Both {
    ours: Client,
    theirs: Client,
    our_json: Target,
    their_json: Target,
    face: Face,
    _server: Server,
    _etcd: Etcd,
}

impl Both {
    async fn start() -> Self {
        Self::over(Face::Grpc).await
    }

    async fn over(face: Face) -> Self {
        let (server, etcd) = (Server::start().await, Etcd::start().await.unwrap());
        let address = etcd.url().strip_prefix("http://").unwrap().parse().unwrap();
        Self {
            ours: server.admin(),
            theirs: Client::plain(&etcd.url()),
            our_json: server.json_admin(),
            their_json: Target { address, host: "localhost".to_owned(), tls: None },
            face,
            _server: server,
            _etcd: etcd,
        }
    }
}

/// Makes two tests of each function: over gRPC and over JSON.
macro_rules! over_both_faces {
    ($($name:ident),* $(,)?) => {
        mod grpc { $(#[tokio::test] async fn $name() { super::$name(super::Both::over(super::super::Face::Grpc).await).await; })* }
        mod json { $(#[tokio::test] async fn $name() { super::$name(super::Both::over(super::super::Face::Json).await).await; })* }
    };
}
use over_both_faces;
