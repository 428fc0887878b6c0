//! The provable part of the log, on every backend: signing, bundles and their two verifiers, tampering, sinks.

mod bundle;
mod desk;
pub mod ledger;
pub mod raw;
mod rotation;
mod signing;
mod sinks;
mod start;
mod sumdb;
mod tamper;
