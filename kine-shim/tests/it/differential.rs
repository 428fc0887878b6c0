//! Our answers against those of a real etcd, request by request.
//!
//! Both key spaces begin at revision 1 and get the same requests, so every answer must be the same in every field but the ids of
//! cluster and member and the term. Compared with the etcd that Debian ships; where later versions differ, the case says so.

use portolan_testkit::etcd::Etcd;

use crate::client::Client;
use crate::server::Server;

mod cases;
mod random;
mod step;
mod watches;

/// The two sides.
pub struct Both {
    ours: Client,
    theirs: Client,
    _server: Server,
    _etcd: Etcd,
}

impl Both {
    async fn start() -> Self {
        let (server, etcd) = (Server::start().await, Etcd::start().await.unwrap());
        Self { ours: server.admin(), theirs: Client::plain(&etcd.url()), _server: server, _etcd: etcd }
    }
}
