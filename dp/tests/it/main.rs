//! Tests over real sockets: the whole data plane in this process, real upstreams, a real etcd.

mod config;
mod drain;
mod harness;
mod plugins;
mod protocol;
mod proxy;
mod raw;
mod snapshot;
mod sync;
