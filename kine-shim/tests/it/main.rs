//! The service over real sockets and mutual TLS: our own client, `etcdctl`, and a real etcd to compare with.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod apisix;
mod auth;
mod client;
mod clients;
mod differential;
mod etcdctl;
mod fuzz;
mod gateway;
mod json;
mod kv;
mod lease;
mod linearizability;
mod malformed;
mod mates;
mod reflection;
mod server;
mod views;
mod watch;
