//! The Maintenance service, as far as it means something here: status, hashes of the key space, and the (empty) list of alarms.
//! There is nothing to defragment, and backups are the database's.

use std::sync::Arc;

use portolan_etcd_proto::etcdserverpb::maintenance_server::Maintenance;
use portolan_etcd_proto::etcdserverpb::{
    AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, HashKvRequest, HashKvResponse, HashRequest,
    HashResponse, SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse,
};
use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::{KeyRange, KeyValue};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::errors;
use crate::health::ETCD_VERSION;
use crate::view::View;

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
        // There never is one, whether it is asked for, disarmed, or set.
        let header = Some(self.0.header(self.0.store.revision()));
        Ok(Response::new(AlarmResponse { header, alarms: Vec::new() }))
    }

    async fn defragment(&self, request: Request<DefragmentRequest>) -> Result<Response<DefragmentResponse>, Status> {
        self.0.session(&request).await?;
        Ok(Response::new(DefragmentResponse { header: Some(self.0.header(self.0.store.revision())) }))
    }

    async fn hash(&self, request: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let (revision, hash) = self.hash_at(&request, 0).await?;
        Ok(Response::new(HashResponse { header: Some(self.0.header(revision)), hash }))
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        let (revision, hash) = self.hash_at(&request, request.get_ref().revision).await?;
        let compact_revision = self.0.store.compact_revision();
        Ok(Response::new(HashKvResponse {
            header: Some(self.0.header(revision)),
            hash,
            compact_revision,
            ..HashKvResponse::default()
        }))
    }

    async fn snapshot(
        &self,
        request: Request<SnapshotRequest>,
    ) -> Result<Response<BoxStream<SnapshotResponse>>, Status> {
        self.0.session(&request).await?;
        Err(Status::unimplemented("no etcd snapshots here: back up the database that holds the event log"))
    }
}

// === impl Service ===

impl Service {
    /// The current revision, and the hash of the key space at one: the same on every replica and in every version of ours (not that
    /// of an etcd, which hashes its own storage format).
    async fn hash_at<T>(&self, request: &Request<T>, revision: i64) -> Result<(i64, u32), Status> {
        let session = self.0.session(request).await?;
        if session.view != View::Everything {
            return Err(self.0.denied(&session, "hash of the key space").await);
        }
        let query = RangeQuery { revision, ..RangeQuery::all(KeyRange::prefix("")) };
        let (current, answer) = self.0.store.range(&query).await.map_err(|error| errors::status(&error))?;
        // Milliseconds for a large key space: not on the threads that serve others.
        let hash = tokio::task::spawn_blocking(move || hash(&answer.kvs)).await;
        Ok((current, hash.map_err(|error| Status::internal(error.to_string()))?))
    }
}

/// FNV-1a over all that makes a key, folded to 32 bits.
fn hash(kvs: &[Arc<KeyValue>]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for kv in kvs {
        for bytes in [&kv.key, &kv.value] {
            add(&u64::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
            add(bytes);
        }
        for number in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
            add(&number.to_be_bytes());
        }
    }
    u32::try_from((hash >> 32) ^ (hash & u64::from(u32::MAX))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_contents_and_never_changes() {
        let kv = |key: &'static str, value: &'static str| {
            let (key, value) = (key.into(), value.into());
            Arc::new(KeyValue { key, value, create_revision: 2, mod_revision: 3, version: 2, lease: 0 })
        };
        assert_eq!(hash(&[]), 0xcbf2_9ce4 ^ 0x8422_2325);
        assert_ne!(hash(&[kv("ab", "c")]), hash(&[kv("a", "bc")]));
        assert_eq!(hash(&[kv("ab", "c")]), 0x86f8_6525);
    }
}
