//! The data plane: takes requests, finds their route, runs plugins, asks upstreams; follows its control plane.
//!
//! Owns: listeners and workers, the router, plugins, upstream connections, configuration sync, the snapshot on disk, and
//! the status, metrics and control ports.
//!
//! Invariant: a request pins one [`snapshot::Snapshot`] and sees nothing newer; no lock of another thread on its path.
//! Invariant: a snapshot is compiled off the request path and swapped whole; a resource that does not compile is left
//! out and reported, and its previous form stays.
//! Invariant: traffic never waits for the control plane. Without it the last configuration serves on, over restarts too.
//! Invariant: knows no database and nothing of the control plane but the etcd protocol and the resource documents.
//!
//! Called by the `portolan` binary: [`run`]. Calls model, rt, etcd-proto.
//!
//! Start reading at `run.rs`, then `worker.rs` and `proxy.rs` for the life of a request, `sync.rs` for that of a change;
//! `layer4.rs` for streams.
//! To add a plugin: `docs/adding-a-plugin.md`.
//!
//! Test with `cargo test -p portolan-dp`; `tests/it` holds what needs real sockets. `UPDATE=1 cargo test -p portolan-dp
//! plugin_contract` rewrites `model/schema/plugins.json`.

pub mod access_log;
pub mod attempts;
pub mod batch;
pub mod compile;
pub mod config;
pub mod context;
pub mod control;
pub mod discovery;
pub mod expr;
mod http1;
mod http2;
pub mod http_client;
pub mod layer4;
pub mod log_entry;
pub mod metrics;
pub mod path_rules;
pub mod plugin;
pub mod plugins;
pub mod proxy;
pub mod proxy_protocol;
pub mod request;
pub mod resource;
pub mod router;
pub mod run;
pub mod scrape;
pub mod secrets;
pub mod snapshot;
pub mod snapshot_file;
pub mod store;
pub mod stream;
pub mod substitute;
pub mod sync;
pub mod time_text;
pub mod tls;
pub mod tree;
pub mod upstream;
pub mod uri;
pub mod vars;
pub mod worker;

pub use config::Config;
pub use run::{Announcement, Error, run};
