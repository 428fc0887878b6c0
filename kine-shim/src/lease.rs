//! The Lease service.
//!
//! Leases are one name space for everybody, as in etcd, and each belongs to the identity that it was granted to. A data plane has to
//! do with its own leases only; others do not exist for it. An administrator has to do with all of them.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use portolan_etcd_proto::etcdserverpb::lease_server::Lease;
use portolan_etcd_proto::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
use portolan_eventstore::lease::{LeaseError, Remaining};
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;
use crate::errors;
use crate::identity::Identity;

/// TTL that stands for "no such lease" in the answer to TimeToLive.
const GONE: i64 = -1;

type KeepAlives = Pin<Box<dyn Stream<Item = Result<LeaseKeepAliveResponse, Status>> + Send>>;

/// The service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Lease for Service {
    async fn lease_grant(&self, request: Request<LeaseGrantRequest>) -> Result<Response<LeaseGrantResponse>, Status> {
        let owner = self.0.session(&request).await?.identity.uri;
        let request = request.into_inner();
        let granted = self.0.store.lease_grant_to(&owner, request.id, request.ttl).await;
        let lease = granted.map_err(lease_status)?;
        self.0.metrics.counts.granted.inc();
        Ok(Response::new(LeaseGrantResponse {
            header: Some(self.0.header(self.0.store.revision())),
            id: lease.id,
            ttl: lease.ttl_seconds,
            error: String::new(),
        }))
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        let session = self.0.session(&request).await?;
        let id = request.into_inner().id;
        if self.0.lease(&session.identity, id).await?.is_none() {
            return Err(errors::LEASE_NOT_FOUND.into());
        }
        let view = session.view.clone();
        let revoked = self.0.store.lease_revoke(session.context, id, move |key| view.may_write_stored(key)).await;
        let revision = revoked.map_err(lease_status)?;
        self.0.metrics.counts.revoked.inc();
        Ok(Response::new(LeaseRevokeResponse { header: Some(self.0.header(revision)) }))
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<KeepAlives>, Status> {
        let identity = self.0.session(&request).await?.identity;
        let state = Some((self.0.clone(), identity, request.into_inner()));
        let answers = stream::unfold(state, |state| async {
            let (app, identity, mut requests) = state?;
            let mut revocations = app.revocations.clone();
            let request = tokio::select! {
                request = app.shutdown.until_soft(requests.message()) => request,
                () = revocations.revoked(&identity.serial) => Some(Err(errors::PERMISSION_DENIED.into())),
            };
            let request = match request {
                Some(Ok(Some(request))) => request,
                Some(Ok(None)) => return None,
                Some(Err(status)) => return Some((Err(errors::received(status)), None)),
                None => return Some((Err(errors::STOPPED.into()), None)),
            };
            if !app.still_admin(&identity) {
                return Some((Err(errors::INVALID_TOKEN.into()), None));
            }
            match app.keep_alive(&identity, request.id).await {
                Ok(answer) => Some((Ok(answer), Some((app, identity, requests)))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let session = self.0.session(&request).await?;
        let request = request.into_inner();
        let found = self.0.lease(&session.identity, request.id).await?;
        let header = Some(self.0.header(self.0.store.revision()));
        let answer = LeaseTimeToLiveResponse { header, id: request.id, ..LeaseTimeToLiveResponse::default() };
        Ok(Response::new(match found {
            None => LeaseTimeToLiveResponse { ttl: GONE, ..answer },
            Some(lease) => LeaseTimeToLiveResponse {
                ttl: lease.ttl,
                granted_ttl: lease.granted_ttl,
                keys: match request.keys {
                    true => lease.keys.iter().filter_map(|key| session.view.visible(key)).collect(),
                    false => Vec::new(),
                },
                ..answer
            },
        }))
    }

    async fn lease_leases(
        &self,
        request: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        let session = self.0.session(&request).await?;
        let leases = self.0.store.leases(session.identity.leases_of()).await;
        let leases = leases.map_err(|error| errors::status(&error))?.into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header: Some(self.0.header(self.0.store.revision())), leases }))
    }
}

// === impl App ===

impl App {
    /// A lease, if it exists for the one who asks.
    async fn lease(&self, identity: &Identity, id: i64) -> Result<Option<Remaining>, Status> {
        let found = self.store.lease_time_to_live(id).await.map_err(|error| errors::status(&error))?;
        Ok(found.filter(|lease| identity.leases_of().is_none_or(|own| lease.owner.as_deref() == Some(own))))
    }

    async fn keep_alive(&self, identity: &Identity, id: i64) -> Result<LeaseKeepAliveResponse, Status> {
        let renewed = self.store.lease_keep_alive(id, identity.leases_of()).await;
        let renewed = renewed.map_err(|error| errors::status(&error))?;
        if renewed.is_some() {
            self.metrics.counts.renewed.inc();
        }
        let header = Some(self.header(self.store.revision()));
        Ok(LeaseKeepAliveResponse { header, id, ttl: renewed.unwrap_or_default() })
    }
}

fn lease_status(error: LeaseError) -> Status {
    match error {
        LeaseError::Exists => errors::LEASE_EXISTS.into(),
        // An administrator attached a key that is none of the data plane's.
        LeaseError::Denied | LeaseError::NotFound => errors::LEASE_NOT_FOUND.into(),
        LeaseError::TtlTooLarge => errors::LEASE_TTL_TOO_LARGE.into(),
        LeaseError::Store(error) => errors::status(&error),
    }
}
