//! Section `discovery.nacos`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Address, Secret};
use crate::config::Invalid;

/// Where Nacos is and what is wanted of it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nacos {
    /// Its servers; one that answers is enough. `http://user:password@host:port` logs in.
    pub host: Vec<Address>,
    /// Seconds between two questions.
    pub fetch_interval: u64,
    /// What paths begin with.
    pub prefix: String,
    /// Weight of nodes that have none.
    pub weight: u32,
    /// Bounds on slowness.
    pub timeout: Timeout,
    /// Name of the key that requests are signed with.
    pub access_key: Secret,
    /// The key.
    pub secret_key: Secret,
}

/// Bounds on slowness, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeout {
    /// For a connection.
    pub connect: u64,
    /// For the question. Counts with `read` here.
    pub send: u64,
    /// For the answer.
    pub read: u64,
}

// === impl Nacos ===

impl Default for Nacos {
    fn default() -> Self {
        Self {
            host: Vec::new(),
            fetch_interval: 30,
            prefix: "/nacos/v1/".to_owned(),
            weight: 100,
            timeout: Timeout::default(),
            access_key: Secret::default(),
            secret_key: Secret::default(),
        }
    }
}

impl Nacos {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        super::check_servers("discovery.nacos.host", &self.host)?;
        super::check_positive(&[
            ("discovery.nacos.fetch_interval", self.fetch_interval),
            ("discovery.nacos.weight", self.weight.into()),
        ])?;
        self.timeout.check("discovery.nacos.timeout")
    }
}

// === impl Timeout ===

impl Default for Timeout {
    fn default() -> Self {
        Self { connect: 2000, send: 2000, read: 5000 }
    }
}

impl Timeout {
    /// For a connection.
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect)
    }

    /// From there to the answer.
    pub(crate) fn answer(&self) -> Duration {
        Duration::from_millis(self.send + self.read)
    }

    pub(super) fn check(&self, setting: &'static str) -> Result<(), Invalid> {
        super::check_positive(&[(setting, self.connect), (setting, self.send), (setting, self.read)])
    }
}
