//! Tests over real sockets: the whole data plane in this process, real upstreams, a real etcd.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod access_log;
mod attempts;
mod auth;
mod balance;
mod config;
mod content;
mod control;
mod discovery;
mod drain;
mod grpc;
mod harness;
mod health;
mod http2;
mod limits;
mod lines;
mod metrics;
mod names;
mod paths;
mod peers;
mod plugins;
mod protocol;
mod proxy;
mod raw;
mod redis;
mod report;
mod secrets;
mod shaping;
mod shared;
mod smuggling;
mod snapshot;
mod ssl;
mod stream;
mod stream_plugins;
mod streaming;
mod sync;
mod upgrade;
mod upstream_tls;
mod websocket;
mod wire;
