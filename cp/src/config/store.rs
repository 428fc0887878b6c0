//! Section `store`.

use std::path::Path;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where the log is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE` or `mysql://USER:PASSWORD@HOST/DATABASE`.
    #[serde(deserialize_with = "url")]
    pub url: String,
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let known = ["sqlite:", "postgres://", "postgresql://", "mysql://", "mariadb://"];
    if known.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(url);
    }
    // The URL may hold a password: it is not repeated.
    Err(D::Error::custom(
        "not a known database; allowed: sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE",
    ))
}

// === impl Store ===

impl Store {
    /// The folder of a database that is a file.
    pub fn folder(&self) -> Option<&Path> {
        let path = self.url.strip_prefix("sqlite:")?.split('?').next()?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty())
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:./data/portolan.db".into() }
    }
}
