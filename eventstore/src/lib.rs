//! The event log and the etcd key space that is projected from it.
//!
//! Every change of Portolan is one event with one revision: position in the audit trail, etcd revision and rollback
//! target at once. This crate owns the log, its SQL, and the in-memory multi-version key space that reads and
//! watches are answered from.
//!
//! Invariant: [`EventStore::append`] is the only way to write, and revisions are gapless in commit order.
//! Invariant: memory is never ahead of the database; an answer is given after COMMIT, never before.
//! Invariant: stored bytes of `events` are never rewritten.
//! Invariant: a hole in the revisions is corruption; we stop serving, we do not skip it.
//!
//! Called by `kine-shim` (etcd clients) and `cp` (Admin API, history, rollback); calls `model` and `rt`.
//! Start reading at [`store`], then `writer.rs` (the life of a batch) and `txn/eval.rs` (what a proposal means).
//! Tests: `cargo nextest run -p portolan-eventstore`; one suite runs over every backend (`tests/it/suite.rs`).

mod backend;
mod canonical;
mod entry;
mod error;
mod follower;
pub mod keyspace;
pub mod lease;
mod merkle;
pub mod proof;
pub mod proposal;
pub mod protect;
pub mod read;
mod read_index;
pub mod retention;
mod store;
pub mod timeline;
pub mod txn;
mod writer;

pub use error::Error;
pub use keyspace::{Change, Committed, KeyRange, KeySet, KeyValue, View};
pub use proposal::{Appended, Context, Decision, Intent, Proposal, Refusal};
pub use store::{EventStore, Options};
