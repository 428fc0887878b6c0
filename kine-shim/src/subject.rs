//! What a transaction is about, for the audit log: the gateway group and, when it is one, the resource.

use portolan_eventstore::KeyRange;
use portolan_eventstore::keyspace::End;
use portolan_eventstore::txn::{Op, Txn};
use portolan_model::layout::{self, GROUPS_PREFIX, GroupId, ResourceKey};

/// What the log can say about a write.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The group that all written keys belong to.
    pub(crate) group: Option<GroupId>,
    /// The resource, when exactly one key is written and it is one's.
    pub(crate) resource: Option<ResourceKey>,
}

/// The subject of a transaction, judged by everything that it may write.
pub(crate) fn of(txn: &Txn) -> Subject {
    let mut written = Vec::new();
    txn.for_each_op(&mut |op| match op {
        Op::Put(put) => written.push(KeyRange::key(put.key.clone())),
        Op::Delete(delete) => written.push(delete.range.clone()),
        Op::Range(_) | Op::Txn(_) => {}
    });
    // Both branches of a transaction often write the same key.
    written.dedup();
    let mut groups = written.iter().map(group_of);
    let first = groups.next().flatten();
    let group = first.filter(|first| groups.all(|group| group.as_ref() == Some(first)));
    let resource = match written.as_slice() {
        [one] if one.end == End::Single => std::str::from_utf8(&one.start).ok().and_then(layout::parse_resource_key),
        _ => None,
    };
    Subject { group, resource }
}

fn group_of(range: &KeyRange) -> Option<GroupId> {
    let start = std::str::from_utf8(&range.start).ok()?;
    let group = match start.strip_prefix(GROUPS_PREFIX) {
        Some(rest) => GroupId::new(rest.split_once('/')?.0).ok()?,
        None => GroupId::default(),
    };
    let whole = KeyRange::prefix(layout::group_prefix(&group));
    (range.intersect(&whole).as_ref() == Some(range)).then_some(group)
}

#[cfg(test)]
mod tests {
    use portolan_eventstore::txn::{Delete, Put};

    use super::*;

    fn subject(ops: Vec<Op>) -> (Option<String>, Option<String>) {
        let Subject { group, resource } = of(&Txn::of(ops));
        (group.map(|group| group.to_string()), resource.map(|resource| resource.to_string()))
    }

    fn put(key: &'static str) -> Op {
        Op::Put(Put::new(key, "v"))
    }

    fn delete(key: &'static str, end: &'static str) -> Op {
        Op::Delete(Delete { range: KeyRange::from_etcd(key.into(), end.into()), prev_kv: false })
    }

    #[test]
    fn a_write_names_its_group_and_its_resource() {
        let some = |text: &str| Some(text.to_owned());
        for (ops, group, resource) in [
            (vec![put("/apisix/routes/1")], some("default"), some("/apisix/routes/1")),
            (vec![delete("/apisix/routes/1", "")], some("default"), some("/apisix/routes/1")),
            (vec![delete("/apisix/routes/", "/apisix/routes0")], some("default"), None),
            (vec![put("/apisix/routes/1"), put("/apisix/routes/2")], some("default"), None),
            (vec![put("/portolan/groups/eu/routes/1")], some("eu"), some("/portolan/groups/eu/routes/1")),
            (vec![put("/apisix/routes/1"), put("/portolan/groups/eu/routes/1")], None, None),
            (vec![put("/apisix/data_plane/x")], some("default"), None),
            (vec![delete("/apisix/", "\0")], None, None),
            (vec![put("elsewhere")], None, None),
        ] {
            let shown = format!("{ops:?}");
            assert_eq!(subject(ops), (group, resource), "{shown}");
        }
    }
}
