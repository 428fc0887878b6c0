//! Range: its arguments and its answer.

use portolan_etcd_proto::etcdserverpb::range_request::{SortOrder as WireOrder, SortTarget as WireTarget};
use portolan_etcd_proto::etcdserverpb::{RangeRequest, RangeResponse};
use portolan_eventstore::KeyRange;
use portolan_eventstore::keyspace::{Filter, RangeAnswer, RangeQuery, SortOrder, SortTarget};

use crate::errors::{self, Etcd};
use crate::view::View;
use crate::wire;

/// What can be said against a request without looking at the keys.
pub(crate) fn check(request: &RangeRequest) -> Result<(), Etcd> {
    if request.key.is_empty() {
        return Err(errors::EMPTY_KEY);
    }
    if order(request).is_none() || target(request).is_none() {
        return Err(errors::INVALID_SORT);
    }
    Ok(())
}

/// The request in the event store's terms; [`check`] has passed.
pub(crate) fn query(view: &View, request: RangeRequest) -> RangeQuery {
    let (order, target) = (order(&request).unwrap_or_default(), target(&request).unwrap_or_default());
    RangeQuery {
        keys: view.inward(KeyRange::from_etcd(request.key, request.range_end)),
        revision: request.revision,
        limit: request.limit,
        order,
        target,
        keys_only: request.keys_only,
        count_only: request.count_only,
        filter: Filter {
            min_mod_revision: request.min_mod_revision,
            max_mod_revision: request.max_mod_revision,
            min_create_revision: request.min_create_revision,
            max_create_revision: request.max_create_revision,
        },
    }
}

/// The answer on the wire, without header.
pub(crate) fn response(view: &View, answer: &RangeAnswer) -> RangeResponse {
    RangeResponse { header: None, kvs: wire::key_values(view, &answer.kvs), more: answer.more, count: answer.count }
}

fn order(request: &RangeRequest) -> Option<SortOrder> {
    Some(match WireOrder::try_from(request.sort_order).ok()? {
        WireOrder::None => SortOrder::None,
        WireOrder::Ascend => SortOrder::Ascend,
        WireOrder::Descend => SortOrder::Descend,
    })
}

fn target(request: &RangeRequest) -> Option<SortTarget> {
    Some(match WireTarget::try_from(request.sort_target).ok()? {
        WireTarget::Key => SortTarget::Key,
        WireTarget::Version => SortTarget::Version,
        WireTarget::Create => SortTarget::Create,
        WireTarget::Mod => SortTarget::Mod,
        WireTarget::Value => SortTarget::Value,
    })
}
