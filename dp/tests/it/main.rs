//! Tests over real sockets: the whole data plane in this process, real upstreams, a real etcd.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod config;
mod drain;
mod harness;
mod plugins;
mod protocol;
mod proxy;
mod raw;
mod snapshot;
mod sync;
