//! The etcd transaction: compares, operations and their answers.
//!
//! These are the types; `eval.rs` says what they mean. Argument checks that need no state (too many operations, empty
//! or duplicate keys) belong to the etcd face in `kine-shim`; what depends on the state is decided here, under the
//! append lock.

use std::sync::Arc;

use bytes::Bytes;

use crate::keyspace::{KeyRange, KeySet, KeyValue, RangeAnswer, RangeQuery};

pub(crate) mod eval;

/// If all compares hold, `success` is carried out, else `failure`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    /// The conditions; none = true.
    pub compares: Vec<Compare>,
    /// Carried out when all conditions hold.
    pub success: Vec<Op>,
    /// Carried out otherwise.
    pub failure: Vec<Op>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Read.
    Range(RangeQuery),
    /// Write one key.
    Put(Put),
    /// Delete the keys of a range.
    Delete(Delete),
    /// A transaction inside; its compares are evaluated before any operation of the outer one runs (etcd).
    Txn(Txn),
}

/// Writes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: Bytes,
    /// The new value; `None` keeps the current one (`ignore_value`), which must exist.
    pub value: Option<Bytes>,
    /// The lease to attach, 0 = none; `None` keeps the current one (`ignore_lease`), the key must exist.
    pub lease: Option<i64>,
    /// Answer with the previous key-value.
    pub prev_kv: bool,
}

/// Deletes the keys of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which keys.
    pub range: KeyRange,
    /// Answer with the deleted key-values.
    pub prev_kv: bool,
}

/// One condition on some keys: every one must satisfy it, and where there is none, that counts as one missing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// Which keys.
    pub keys: KeySet,
    /// How the key's property must relate to the operand.
    pub relation: Relation,
    /// Which property, and the operand.
    pub operand: Operand,
}

/// Relation of a key's property to the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `!=`
    NotEqual,
}

/// The property that is compared, with what it is compared to. A missing key has 0 in each counter and no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The version counter.
    Version(i64),
    /// The creating revision.
    Create(i64),
    /// The last revision.
    Mod(i64),
    /// The value; never true for a missing key.
    Value(Bytes),
    /// The lease.
    Lease(i64),
}

/// The answer to a [`Txn`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnAnswer {
    /// Whether the compares held.
    pub succeeded: bool,
    /// One answer per operation carried out.
    pub answers: Vec<OpAnswer>,
}

/// The answer to an [`Op`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpAnswer {
    /// Of a read.
    Range {
        /// Revision of the state that was read: the old one before the first write of the transaction, else the new.
        revision: i64,
        /// What was read.
        answer: RangeAnswer,
    },
    /// Of a put.
    Put {
        /// The previous key-value, when asked for.
        prev_kv: Option<Arc<KeyValue>>,
    },
    /// Of a delete.
    Delete {
        /// Number of keys deleted.
        deleted: i64,
        /// The deleted key-values, when asked for.
        prev_kvs: Vec<Arc<KeyValue>>,
    },
    /// Of a nested transaction.
    Txn(TxnAnswer),
}

/// Why a transaction can't be carried out. The texts are etcd's own (api/v3rpc/rpctypes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `ignore_value` or `ignore_lease` on a missing key.
    #[error("etcdserver: key not found")]
    KeyNotFound,
    /// A put names a lease that does not exist.
    #[error("etcdserver: requested lease not found")]
    LeaseNotFound,
    /// A read below the compaction mark.
    #[error("etcdserver: mvcc: required revision has been compacted")]
    Compacted,
    /// A read above the current revision.
    #[error("etcdserver: mvcc: required revision is a future revision")]
    FutureRevision,
}

// === impl Txn ===

impl Txn {
    /// A transaction of these operations without conditions.
    pub fn of(ops: Vec<Op>) -> Self {
        Self { compares: Vec::new(), success: ops, failure: Vec::new() }
    }

    /// Calls `visit` for each operation, nested ones included.
    pub fn for_each_op<'a>(&'a self, visit: &mut impl FnMut(&'a Op)) {
        for op in self.success.iter().chain(&self.failure) {
            visit(op);
            if let Op::Txn(inner) = op {
                inner.for_each_op(visit);
            }
        }
    }
}

// === impl Put ===

impl Put {
    /// Sets the key to a value, without lease.
    pub fn new(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: Some(value.into()), lease: Some(0), prev_kv: false }
    }
}

// === impl Delete ===

impl Delete {
    /// Deletes one key.
    pub fn key(key: impl Into<Bytes>) -> Self {
        Self { range: KeyRange::key(key), prev_kv: false }
    }
}
