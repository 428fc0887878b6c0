//! The provable part of the log: signed tree heads, proofs, bundles for auditors, and the verifiers.
//!
//! The tree is RFC 6962 over the canonical entries, leaf = revision − 1. A *checkpoint* is its head as a C2SP signed note; kept in
//! the database and sent to sinks outside of it, so that not even a superuser rewrites history unnoticed.
//!
//! ```text
//! sign    background task: every 10 s or 256 events, checkpoint → table, sinks
//! export  a range of events with everything that proves it → bundle (docs/audit/README.md), as files or as an archive
//! verify  bundle + public key → OK | FAIL(first bad revision, why); no network, no database
//! live    the same over a database, and its columns, key space and head as well
//! ```
//! Invariant: nothing is signed that does not continue everything signed before.
//! Invariant: the verifiers trust the public key they are given and nothing in what they verify.

pub mod archive;
mod bundle;
pub(crate) mod check;
pub mod checkpoint;
mod error;
pub mod export;
mod live;
mod log;
pub mod note;
mod pages;
mod parallel;
mod range;
pub mod report;
mod sign;
mod sink;
mod tree;
mod trusted;
mod verify;

pub use checkpoint::Checkpoint;
pub use error::Error;
pub use export::Export;
pub use live::verify_store;
pub use log::Log;
pub use note::{Signer, Verifier};
pub use range::{check_consistency, check_inclusion};
pub use report::{Progress, Verdict};
pub use sign::{Checkpoints, Keys, Pace, Renew, Signing, start};
pub use sink::Sink;
pub use verify::verify;

pub use crate::merkle::Hash;

/// Key of the key space that says how the log is signed: a JSON object with `origin`, `key` (the verifier key) and `previous` (those
/// before it, the latest first). For finding them, not for trusting them: an auditor keeps a copy outside of the database.
pub const PUBLISHED: &str = "/portolan/log/key";
