//! DeleteRange: its arguments and its answer.

use std::sync::Arc;

use portolan_etcd_proto::etcdserverpb::{DeleteRangeRequest, DeleteRangeResponse};
use portolan_eventstore::keyspace::{KeyRange, KeyValue};
use portolan_eventstore::txn::Delete;

use crate::errors::{self, Etcd};
use crate::view::View;
use crate::wire;

/// What can be said against a request without looking at the keys.
pub(crate) fn check(request: &DeleteRangeRequest) -> Result<(), Etcd> {
    if request.key.is_empty() { Err(errors::EMPTY_KEY) } else { Ok(()) }
}

/// The request in the event store's terms; an error when the view's owner may not write there.
pub(crate) fn op(view: &View, request: DeleteRangeRequest) -> Result<Delete, Etcd> {
    let range = KeyRange::from_etcd(request.key, request.range_end);
    let range = view.writable(range).ok_or(errors::PERMISSION_DENIED)?;
    Ok(Delete { range, prev_kv: request.prev_kv })
}

/// The answer on the wire, without header.
pub(crate) fn response(view: &View, deleted: i64, prev_kvs: &[Arc<KeyValue>]) -> DeleteRangeResponse {
    DeleteRangeResponse { header: None, deleted, prev_kvs: wire::key_values(view, prev_kvs) }
}
