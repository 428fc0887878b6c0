//! Whole control planes on real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

mod admin;
mod api;
mod certificates;
mod coverage;
mod outage;
mod plane;
mod rollback;
mod secrets;
mod sessions;
