//! Metrics of the configuration: how new it is, and where.

use crate::metrics::Exposition;
use crate::snapshot::Snapshot;
use crate::vars::hostname;

/// Writes them; `revision` is the last one of the key space.
pub fn write(snapshot: &Snapshot, revision: i64, out: &mut Exposition) {
    out.family("apisix_node_info", "gauge", "this data plane");
    out.sample("apisix_node_info", &[("hostname", hostname()), ("version", env!("CARGO_PKG_VERSION"))], 1);
    let newest = |revisions: &mut dyn Iterator<Item = i64>| revisions.max().unwrap_or(0);
    let kinds = [
        ("routes", newest(&mut snapshot.routes.values().iter().map(|it| it.document.mod_revision))),
        ("services", newest(&mut snapshot.services.values().iter().map(|it| it.document.mod_revision))),
        ("ssls", newest(&mut snapshot.ssls.values().iter().map(|it| it.document.mod_revision))),
        ("consumers", newest(&mut snapshot.consumers.values().iter().map(|it| it.document.mod_revision))),
        ("global_rules", newest(&mut snapshot.global_rules.values().iter().map(|it| it.document.mod_revision))),
        ("upstreams", newest(&mut snapshot.upstreams.values().iter().map(|it| it.document.mod_revision))),
        ("stream_routes", newest(&mut snapshot.stream_routes.values().iter().map(|it| it.document.mod_revision))),
    ];
    let all = kinds.iter().map(|(_, newest)| *newest).max().unwrap_or(0);
    out.family("apisix_etcd_modify_indexes", "gauge", "last revision that changed a kind of resource");
    for (kind, newest) in kinds.into_iter().chain([("max_modify_index", all), ("x_etcd_index", revision)]) {
        out.sample("apisix_etcd_modify_indexes", &[("key", kind)], newest);
    }
}
