//! What APISIX calls server info: a data plane in the form that tools made for APISIX read, in the key space and on the
//! control port.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::vars::hostname;

/// The version of etcd while nobody has asked.
const UNKNOWN: &str = "unknown";

/// One data plane; clones are the same one.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// Its id among those of its gateway group.
    pub id: Uuid,
    /// When the process started, in seconds since 1970.
    pub boot_time: i64,
    etcd_version: Arc<Mutex<Option<String>>>,
}

// === impl ServerInfo ===

impl ServerInfo {
    /// A data plane that has not spoken to its control plane.
    #[must_use]
    pub fn new(id: Uuid, boot_time: i64) -> Self {
        Self { id, boot_time, etcd_version: Arc::default() }
    }

    /// The control plane speaks as this version of etcd.
    pub(super) fn speaks(&self, etcd_version: String) {
        *self.etcd_version.lock() = Some(etcd_version);
    }

    /// The fields that APISIX shows.
    #[must_use]
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "hostname": hostname(),
            "version": env!("CARGO_PKG_VERSION"),
            "boot_time": self.boot_time,
            "etcd_version": self.etcd_version.lock().as_deref().unwrap_or(UNKNOWN),
        })
    }
}
