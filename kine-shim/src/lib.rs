//! The etcd v3 service over the key space: what data planes and etcd clients talk to.
//!
//! Owns the protocol face: gRPC services KV, Watch, Lease, Cluster, Maintenance and Auth, health and reflection; the JSON gateway over all of them;
//! `/version`, `/health` and their like; who a client certificate makes its holder, and which keys that identity sees and may
//! write. `cp` serves [`router`] on port 7943.
//!
//! Invariant: holds no keys and decides no transaction; what depends on the state is `eventstore`'s, under its append lock.
//! Invariant: a write is a proposal like any other, with the certificate's name as its actor; there is no other way to write.
//! Invariant: codes and texts of errors are etcd's, letter for letter; clients compare them.
//! Invariant: the events of one revision are never split over watch responses (unless the client asked for fragments), and no
//! watcher is ever dropped for being slow.
//! Invariant: a data plane learns nothing of keys outside of its gateway group, not even that they exist.
//!
//! Called by `cp` only. Calls `eventstore`, `etcd-proto` (the messages), `model` (where groups stand) and `rt`.
//!
//! Start at `router.rs`, then `kv.rs` (the life of a request), `watch/stream.rs` (of a watch), `gateway.rs` (of one in JSON).
//! Test: `cargo test -p portolan-kine-shim`; `tests/it` compares our answers with a real etcd's and lets `etcdctl` in.

mod app;
mod auth;
mod check;
mod cluster;
mod delete;
mod denial;
mod errors;
mod gateway;
mod health;
mod identity;
mod kv;
mod lease;
mod maintenance;
mod metrics;
mod put;
mod range;
mod reflection;
mod revocation;
mod router;
mod subject;
mod txn;
mod view;
mod watch;
mod wire;

pub use app::{Member, Settings, Shim};
pub use auth::{Admin, Users, Verified};
pub use check::{ConfigCheck, KeyAndValue};
pub use revocation::{REVOKED_PREFIX, Revocations};
pub use router::router;
