//! The files of a bundle. `docs/audit/README.md` describes them for whoever writes another verifier.
//!
//! ```text
//! bundle.json                       what it holds, and the hashes of the tree on both sides of the range
//! checkpoints.txt                   signed notes, smallest first; the last one covers the range
//! accounts.jsonl                    events of the whole log that account for payloads that are gone, each with its path to the root
//! entries-0000000000000001.jsonl    canonical entries, byte for byte, one a line; named after the first revision in it
//! payloads-0000000000000001.jsonl   one line for each of them: leaf hash, and what opens the commitments
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Version of the format.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const HEADER: &str = "bundle.json";
pub(crate) const CHECKPOINTS: &str = "checkpoints.txt";
pub(crate) const ACCOUNTS: &str = "accounts.jsonl";

/// `bundle.json`. A verifier believes nothing in it: range and hashes must lead to the signed root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub format: u32,
    pub origin: String,
    pub epoch: String,
    pub from: i64,
    pub to: i64,
    /// Size of the tree of the last checkpoint.
    pub tree_size: i64,
    /// The perfect subtrees that cover the leaves before the range, from the left, in hex.
    pub left: Vec<String>,
    /// Those that cover the leaves after it, up to the tree size.
    pub right: Vec<String>,
}

/// A line of a payloads file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line<'a> {
    pub revision: i64,
    /// Leaf hash, in hex.
    pub leaf: String,
    #[serde(borrow)]
    pub context: Option<Opening<'a>>,
    #[serde(borrow)]
    pub changes: Option<Opening<'a>>,
}

/// A line of the accounts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// The entry, byte for byte.
    pub entry: String,
    /// RFC 6962 inclusion path in the tree of the last checkpoint, in hex.
    pub path: Vec<String>,
}

/// What opens a commitment: SHA-256(tag || salt || payload).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening<'a> {
    /// In hex.
    pub salt: String,
    /// UTF-8, byte for byte.
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
}

/// Names of the two files of a part.
pub(crate) fn part(first: i64) -> (String, String) {
    (format!("entries-{first:016}.jsonl"), format!("payloads-{first:016}.jsonl"))
}
