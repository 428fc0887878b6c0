//! Put: its arguments and its answer.

use portolan_etcd_proto::etcdserverpb::{PutRequest, PutResponse};
use portolan_eventstore::keyspace::{End, KeyRange, KeyValue};
use portolan_eventstore::txn::Put;

use crate::errors::{self, Etcd};
use crate::view::View;
use crate::wire;

/// What can be said against a request without looking at the keys.
pub(crate) fn check(request: &PutRequest) -> Result<(), Etcd> {
    if request.key.is_empty() {
        return Err(errors::EMPTY_KEY);
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(errors::VALUE_PROVIDED);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(errors::LEASE_PROVIDED);
    }
    Ok(())
}

/// The request in the event store's terms; an error when the view's owner may not write there.
pub(crate) fn op(view: &View, request: PutRequest) -> Result<Put, Etcd> {
    let key = view.writable(KeyRange { start: request.key, end: End::Single }).ok_or(errors::PERMISSION_DENIED)?.start;
    Ok(Put {
        key,
        value: (!request.ignore_value).then_some(request.value),
        lease: (!request.ignore_lease).then_some(request.lease),
        prev_kv: request.prev_kv,
    })
}

/// The answer on the wire, without header.
pub(crate) fn response(view: &View, prev_kv: Option<&KeyValue>) -> PutResponse {
    PutResponse { header: None, prev_kv: prev_kv.map(|kv| wire::key_value(view, kv)) }
}
