//! What needs real sockets, real TLS or real signals.

#![expect(clippy::unwrap_used, reason = "tests")]

mod authority;
mod client;
mod reload;
mod serving;
mod signals;
mod stages;
mod streams;
mod tls;
