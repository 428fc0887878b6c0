//! Section `audit`.

use std::path::PathBuf;

use portolan_eventstore::proof::Sink;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Secret;

/// How the log is proven (docs/audit/README.md).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Name of the log in its checkpoints, such as `example.com/portolan`; no spaces, no plus signs. Fixed at the first start. Without
    /// it: `portolan/` and the log's epoch.
    pub origin: Option<String>,
    /// File that checkpoints are appended to.
    pub checkpoint_file: Option<PathBuf>,
    /// Address that checkpoints are POSTed to; https.
    #[serde(deserialize_with = "webhook")]
    pub webhook: Option<Secret>,
}

// === impl Audit ===

impl Audit {
    /// The places outside the database that checkpoints go to.
    pub fn sinks(&self) -> Vec<Sink> {
        let file = self.checkpoint_file.clone().map(Sink::File);
        let webhook = self.webhook.as_ref().map(|url| Sink::Webhook(url.expose().to_owned()));
        file.into_iter().chain(webhook).collect()
    }
}

fn webhook<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    let url = Option::<Secret>::deserialize(from)?;
    match &url {
        Some(url) if !Sink::accepts(url.expose()) => Err(D::Error::custom("the address must begin with https://")),
        _ => Ok(url),
    }
}
