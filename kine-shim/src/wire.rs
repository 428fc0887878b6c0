//! Key-values of the event store as protobuf messages, as a view shows them.

use std::sync::Arc;

use portolan_etcd_proto::mvccpb;
use portolan_eventstore::KeyValue;

use crate::view::View;

/// One key-value.
pub(crate) fn key_value(view: &View, kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: view.outward(&kv.key),
        value: kv.value.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

/// Several.
pub(crate) fn key_values(view: &View, kvs: &[Arc<KeyValue>]) -> Vec<mvccpb::KeyValue> {
    kvs.iter().map(|kv| key_value(view, kv)).collect()
}
