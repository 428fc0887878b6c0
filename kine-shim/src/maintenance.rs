//! The Maintenance service, as far as it means something here: status, and the (empty) list of alarms.

use std::sync::Arc;

use portolan_etcd_proto::etcdserverpb::alarm_request::AlarmAction;
use portolan_etcd_proto::etcdserverpb::maintenance_server::Maintenance;
use portolan_etcd_proto::etcdserverpb::{AlarmRequest, AlarmResponse, StatusRequest, StatusResponse};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::errors;
use crate::health::ETCD_VERSION;

/// The service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Maintenance for Service {
    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.0.session(&request).await?;
        let revision = self.0.store.revision();
        let size = self.0.store.status().await.map_err(|error| errors::status(&error))?.size_bytes;
        let header = self.0.header(revision);
        let applied = u64::try_from(revision).unwrap_or_default();
        Ok(Response::new(StatusResponse {
            version: ETCD_VERSION.to_owned(),
            db_size: size,
            db_size_in_use: size,
            leader: header.member_id,
            raft_index: applied,
            raft_applied_index: applied,
            raft_term: header.raft_term,
            header: Some(header),
            ..StatusResponse::default()
        }))
    }

    async fn alarm(&self, request: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        self.0.session(&request).await?;
        if request.into_inner().action() != AlarmAction::Get {
            return Err(Status::unimplemented("alarms can't be set here"));
        }
        let header = Some(self.0.header(self.0.store.revision()));
        Ok(Response::new(AlarmResponse { header, alarms: Vec::new() }))
    }
}
