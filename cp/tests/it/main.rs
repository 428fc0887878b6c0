//! Whole control planes on real sockets.

mod admin;
mod api;
mod certificates;
mod coverage;
mod outage;
mod plane;
mod rollback;
mod secrets;
mod sessions;
