//! Tests over real sockets: the whole data plane in this process, real upstreams, a real etcd.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod auth;
mod balance;
mod config;
mod control;
mod discovery;
mod drain;
mod grpc;
mod harness;
mod health;
mod http2;
mod metrics;
mod peers;
mod plugins;
mod protocol;
mod proxy;
mod raw;
mod redis;
mod report;
mod shaping;
mod shared;
mod smuggling;
mod snapshot;
mod ssl;
mod stream;
mod stream_plugins;
mod sync;
mod upstream_tls;
