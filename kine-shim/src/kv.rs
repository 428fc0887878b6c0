//! The KV service: who asks → is the request well formed → may they → ask the event store → answer in their terms.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portolan_etcd_proto::etcdserverpb::kv_server::Kv;
use portolan_etcd_proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, TxnRequest, TxnResponse,
};
use portolan_eventstore::txn::{Op, OpAnswer, Txn};
use prost::Message;
use tonic::{Request, Response, Status};

use crate::app::{App, MAX_REQUEST_BYTES};
use crate::errors::{self, Etcd};
use crate::view::View;
use crate::{delete, put, range, txn};

/// The service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Kv for Service {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let session = self.0.session(&request).await?;
        let request = request.into_inner();
        range::check(&request)?;
        if !request.serializable {
            self.0.store.linearizable().await.map_err(|error| errors::status(&error))?;
        }
        let query = range::query(&session.view, request);
        self.0.metrics.counts.range();
        let (revision, answer) = self.0.store.range(&query).await.map_err(|error| errors::status(&error))?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(RangeResponse { header, ..range::response(&session.view, &answer) }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let session = self.0.session(&request).await?;
        let request = request.into_inner();
        put::check(&request)?;
        check_size(&request)?;
        let op = match put::op(&session.view, request) {
            Ok(op) => op,
            Err(_) => return Err(self.0.denied(&session, "put outside of the data plane's own keys").await),
        };
        let view = session.view.clone();
        let (progress, answer) = self.0.append(session, "etcd.put", Txn::of(vec![Op::Put(op)])).await?;
        let response = match answer.answers.first() {
            Some(OpAnswer::Put { prev_kv }) => put::response(&view, prev_kv.as_deref()),
            _ => return Err(no_answer()),
        };
        Ok(Response::new(PutResponse { header: Some(self.0.header(progress.after)), ..response }))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let session = self.0.session(&request).await?;
        let request = request.into_inner();
        delete::check(&request)?;
        check_size(&request)?;
        let op = match delete::op(&session.view, request) {
            Ok(op) => op,
            Err(_) => return Err(self.0.denied(&session, "delete outside of the data plane's own keys").await),
        };
        let view = session.view.clone();
        let (progress, answer) = self.0.append(session, "etcd.delete_range", Txn::of(vec![Op::Delete(op)])).await?;
        let response = match answer.answers.first() {
            Some(OpAnswer::Delete { deleted, prev_kvs }) => delete::response(&view, *deleted, prev_kvs),
            _ => return Err(no_answer()),
        };
        Ok(Response::new(DeleteRangeResponse { header: Some(self.0.header(progress.after)), ..response }))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let session = self.0.session(&request).await?;
        let request = request.into_inner();
        txn::check(&request)?;
        check_size(&request)?;
        let txn = match txn::txn(&session.view, request) {
            Ok(txn) => txn,
            Err(_) => return Err(self.0.denied(&session, "txn outside of the data plane's own keys").await),
        };
        let view = session.view.clone();
        self.0.metrics.counts.txn();
        let (mut progress, answer) = self.0.append(session, "etcd.txn", txn).await?;
        let response = txn::response(&view, &answer, &mut progress);
        Ok(Response::new(TxnResponse { header: Some(self.0.header(progress.after)), ..response }))
    }

    async fn compact(&self, request: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        let session = self.0.session(&request).await?;
        if session.view != View::Everything {
            return Err(self.0.denied(&session, "compaction by a data plane").await);
        }
        let revision = request.into_inner().revision;
        if revision == 0
            && self.0.store.compact_revision() <= 0
            && !self.0.compacted_at_zero.swap(true, Ordering::Relaxed)
        {
            // As in etcd: before the first compaction this is one that does nothing, the first time.
            return Ok(Response::new(CompactionResponse { header: Some(self.0.header(self.0.store.revision())) }));
        }
        let current = self.0.store.compact(revision).await.map_err(|error| errors::status(&error))?;
        tracing::info!(revision, actor = session.identity.id, "compacted for etcd clients");
        Ok(Response::new(CompactionResponse { header: Some(self.0.header(current)) }))
    }
}

fn check_size(request: &impl Message) -> Result<(), Etcd> {
    if request.encoded_len() > MAX_REQUEST_BYTES { Err(errors::TOO_LARGE) } else { Ok(()) }
}

/// The store answers each operation; this is for the day when it does not.
fn no_answer() -> Status {
    Status::internal("the event store gave no answer to the operation")
}
