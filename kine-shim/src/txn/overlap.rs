//! No key twice: a transaction may not put a key two times, nor put a key that it deletes, over all its levels.
//!
//! The two branches of one nested transaction exclude each other, so both may put the same key. Deletes may overlap.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use bytes::{BufMut, Bytes, BytesMut};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{DeleteRangeRequest, RequestOp};

use crate::errors::{self, Etcd};

/// Keys that are put, and spans that are deleted, by some operations and all that are nested in them.
#[derive(Default)]
struct Touched<'a> {
    puts: HashSet<&'a [u8]>,
    deletes: Spans,
}

/// Disjoint spans of keys: start → end (exclusive).
#[derive(Default)]
struct Spans(BTreeMap<Bytes, Bytes>);

/// Checks one branch of the outermost transaction.
pub(super) fn check(ops: &[RequestOp]) -> Result<(), Etcd> {
    touched(ops).map(|_| ())
}

fn touched(ops: &[RequestOp]) -> Result<Touched<'_>, Etcd> {
    let mut all = Touched::default();
    // The order is etcd's: own deletes, then what is nested, then own puts. The deletes of a nested transaction count for
    // later siblings and for the puts of this level, not for earlier siblings.
    for op in ops {
        if let Some(Request::RequestDeleteRange(delete)) = &op.request {
            all.deletes.insert(delete);
        }
    }
    for op in ops {
        let Some(Request::RequestTxn(txn)) = &op.request else { continue };
        let (then, or_else) = (touched(&txn.success)?, touched(&txn.failure)?);
        for &key in &then.puts {
            all.put(key)?;
        }
        for &key in &or_else.puts {
            if !then.puts.contains(key) {
                all.put(key)?;
            }
        }
        all.deletes.extend(then.deletes);
        all.deletes.extend(or_else.deletes);
    }
    for op in ops {
        if let Some(Request::RequestPut(put)) = &op.request {
            all.put(&put.key)?;
        }
    }
    Ok(all)
}

// === impl Touched ===

impl<'a> Touched<'a> {
    fn put(&mut self, key: &'a [u8]) -> Result<(), Etcd> {
        if self.deletes.contains(key) || !self.puts.insert(key) {
            return Err(errors::DUPLICATE_KEY);
        }
        Ok(())
    }
}

// === impl Spans ===

impl Spans {
    /// Adds a request's range. As in etcd the end is taken by its letters here: `"\0"`, which deletes everything from the key
    /// on, is an empty span, and such a delete may stand beside any put.
    fn insert(&mut self, delete: &DeleteRangeRequest) {
        let start = delete.key.clone();
        if delete.range_end.is_empty() {
            let mut end = BytesMut::with_capacity(start.len() + 1);
            end.put_slice(&start);
            end.put_u8(0);
            self.merge(start, end.freeze());
        } else if start < delete.range_end {
            self.merge(start, delete.range_end.clone());
        }
    }

    fn extend(&mut self, other: Self) {
        for (start, end) in other.0 {
            self.merge(start, end);
        }
    }

    fn contains(&self, key: &[u8]) -> bool {
        self.0
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(key)))
            .next_back()
            .is_some_and(|(_, end)| key < end.as_ref())
    }

    fn merge(&mut self, mut start: Bytes, mut end: Bytes) {
        // Swallow what overlaps, from the right: the last span that begins before our end.
        while let Some((s, e)) = self.0.range::<Bytes, _>(..&end).next_back() {
            if *e < start {
                break;
            }
            let (s, e) = (s.clone(), e.clone());
            self.0.remove(&s);
            start = start.min(s);
            end = end.max(e);
        }
        self.0.insert(start, end);
    }
}
