//! Section `tls`.

use std::net::IpAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The server certificates, issued by the internal CA.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// DNS names and addresses under which clients reach this control plane.
    #[serde(deserialize_with = "names")]
    pub names: Vec<String>,
}

/// Whether the text is an address or a DNS name, possibly with a wildcard in front.
pub(crate) fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    const ALLOWED: &str = "allowed: DNS names and IP addresses, at least one";
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() {
        return Err(D::Error::custom(format!("no name; {ALLOWED}")));
    }
    match names.iter().find(|name| !is_host(name)) {
        Some(name) => Err(D::Error::custom(format!("{name:?} is no host; {ALLOWED}"))),
        None => Ok(names),
    }
}

// === impl Tls ===

impl Default for Tls {
    fn default() -> Self {
        Self { names: vec!["localhost".into(), "127.0.0.1".into()] }
    }
}
