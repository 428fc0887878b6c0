//! Section `discovery.eureka`.

use serde::{Deserialize, Serialize};

use super::{Address, Timeout};
use crate::config::Invalid;

/// Where Eureka is and what is wanted of it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eureka {
    /// Its servers; one that answers is enough. User and password may stand before the host.
    pub host: Vec<Address>,
    /// What paths begin with, such as `/eureka/`.
    pub prefix: String,
    /// Seconds between two questions.
    pub fetch_interval: u64,
    /// Weight of nodes whose metadata name none.
    pub weight: u32,
    /// Bounds on slowness.
    pub timeout: Timeout,
}

// === impl Eureka ===

impl Default for Eureka {
    fn default() -> Self {
        let timeout = Timeout::default();
        Self { host: Vec::new(), prefix: String::new(), fetch_interval: 30, weight: 100, timeout }
    }
}

impl Eureka {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        super::check_servers("discovery.eureka.host", &self.host)?;
        super::check_positive(&[("discovery.eureka.fetch_interval", self.fetch_interval)])?;
        self.timeout.check("discovery.eureka.timeout")
    }
}
