//! The Cluster service: one member, this replica, at the addresses that it was given or the one by which the client reached it.

use std::sync::Arc;

use portolan_etcd_proto::etcdserverpb::cluster_server::Cluster;
use portolan_etcd_proto::etcdserverpb::{Member, MemberListRequest, MemberListResponse};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::router::Endpoint;

/// The service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Cluster for Service {
    async fn member_list(&self, request: Request<MemberListRequest>) -> Result<Response<MemberListResponse>, Status> {
        self.0.session(&request).await?;
        let own = &self.0.settings.member;
        // Clients that "sync" replace their endpoints by these, so it must be an address that works for this client.
        let reached =
            || request.extensions().get::<Endpoint>().map(|endpoint| endpoint.0.clone()).into_iter().collect();
        let member = Member {
            id: self.0.member_id,
            name: own.name.clone(),
            peer_ur_ls: own.peer_urls.clone(),
            client_ur_ls: if own.client_urls.is_empty() { reached() } else { own.client_urls.clone() },
            is_learner: false,
        };
        let header = Some(self.0.header(self.0.store.revision()));
        Ok(Response::new(MemberListResponse { header, members: vec![member] }))
    }
}
