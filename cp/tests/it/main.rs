//! Whole control planes on real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

mod adc;
mod admin;
mod admin_port;
mod api;
mod bad_input;
mod batch;
mod certificates;
mod coverage;
mod encryption;
mod enterprise;
mod etcd;
mod export;
mod groups;
mod idempotency;
mod large_bodies;
mod openapi;
mod outage;
mod plane;
mod retention;
mod rollback;
mod secrets;
mod sessions;
mod signing;
mod time_travel;
mod users;
