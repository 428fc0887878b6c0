//! The provable part of the log, on every backend: signing, bundles and their two verifiers, tampering, sinks.

mod bundle;
pub mod ledger;
pub mod raw;
mod signing;
mod sinks;
mod sumdb;
mod tamper;
