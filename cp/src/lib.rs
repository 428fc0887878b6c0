//! The control plane: Admin API, identity, history, internal CA, data-plane manager.
//!
//! Owns: the route table ([`http`]), the APISIX face ([`admin`]), who may do what ([`auth`], [`rights`]), the commands that
//! change resources ([`resources`]), [`rollback`], the internal authority ([`ca`]), and the listeners of the process ([`mod@run`]).
//!
//! Invariant: nothing is written but through [`app::App::append`]; a handler that changes something appends one event, a
//! handler that reads appends none.
//! Invariant: what depends on the state (references, uniqueness, merging, rollback) is decided inside the append.
//! Invariant: no answer of `/api` holds a secret; [`mask`] sees every value on its way out.
//! Invariant: knows nothing of the data plane's code; it meets data planes only as etcd clients.
//!
//! Called by the `portolan` binary ([`run()`]). Calls eventstore, kine-shim, model, rt.
//! Start reading at `http.rs`, then `admin.rs` and `resources.rs` (the life of a write).
//! Test: `cargo test -p portolan-cp`; `tests/it` starts whole control planes on real sockets.

pub mod admin;
pub mod app;
pub mod auth;
pub mod batch;
mod body;
pub mod ca;
pub mod config;
mod cookies;
pub mod disclosure;
mod enterprise;
pub mod error;
pub mod groups;
mod health;
pub mod http;
pub mod idempotency;
mod instances;
pub mod manager;
pub mod mask;
pub mod metrics;
pub mod origin;
mod protection;
mod query;
mod refusal;
pub mod resources;
mod retention;
pub mod rights;
pub mod rollback;
pub mod run;
mod signing;
mod yaml;

pub use config::Config;
pub use run::{Announcement, Error, run, start};
