//! End-to-end tests: the real binary, real sockets, real databases, etcdctl.
//!
//! Owns: what a user is promised, from the first start on.
//!
//! Invariant: talks to processes only, over the interfaces that users have; links no crate of ours but the test kit.
//! Invariant: every process ends with its test, every directory is temporary, every port is free.
//!
//! Start reading at `journey.rs`, the whole of the product in one test. The binary comes from
//! `cargo nextest run --workspace`; for these tests alone, `cargo build -p portolan-cli` first.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod apply;
mod audit;
mod bad_input;
mod chaos;
mod drain;
mod full_disk;
mod gateway;
mod instances;
mod journey;
mod load;
mod lost_database;
mod process;
mod protected;
mod restart;
mod retention;
mod services;
mod time_travel;
