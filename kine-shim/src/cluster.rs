//! The Cluster service: one member, this replica, at the address by which the client reached it.

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
        // Clients that "sync" replace their endpoints by these, so it must be an address that works for this client.
        let reached = request.extensions().get::<Endpoint>().map(|endpoint| endpoint.0.clone());
        let member = Member {
            id: self.0.member_id,
            name: self.0.settings.member.clone(),
            peer_ur_ls: Vec::new(),
            client_ur_ls: reached.into_iter().collect(),
            is_learner: false,
        };
        let header = Some(self.0.header(self.0.store.revision()));
        Ok(Response::new(MemberListResponse { header, members: vec![member] }))
    }
}
