//! The settings of the control plane: one struct per section of `cp.yaml`, one file per section.
//!
//! Defaults suit one machine and a first look. Everything that can be checked without
//! reading another file is checked while it is read, so that the message names the line.

use serde::Deserialize;

mod admin;
mod admin_api;
mod audit;
mod data_dir;
mod dp_manager;
mod encryption;
mod error;
mod listen;
mod retention;
mod secret;
mod shutdown;
mod store;
mod stream;
mod tls;

pub use admin::{Admin, Key, Role};
pub use admin_api::AdminApi;
pub use audit::Audit;
pub use data_dir::DataDir;
pub use dp_manager::{DpManager, Member};
pub use encryption::Encryption;
pub use error::Error;
pub use listen::Listen;
pub use retention::Retention;
pub use secret::Secret;
pub use shutdown::Shutdown;
pub use store::Store;
pub use stream::Stream;
pub use tls::Tls;
pub(crate) use tls::is_host;

/// All settings of a control plane.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the log is kept.
    pub store: Store,
    /// Where this replica keeps its own files.
    pub data_dir: DataDir,
    /// Addresses.
    pub listen: Listen,
    /// The first user and the Admin API keys.
    pub admin: Admin,
    /// How secrets are stored.
    pub encryption: Encryption,
    /// How the Admin API's own port is reached.
    pub admin_api: AdminApi,
    /// How the etcd service serves.
    pub dp_manager: DpManager,
    /// Stream routes.
    pub stream: Stream,
    /// Server certificates.
    pub tls: Tls,
    /// How the log is proven.
    pub audit: Audit,
    /// How long payloads of the log are kept.
    pub retention: Retention,
    /// What is logged, and how.
    pub log: portolan_rt::logs::Config,
    /// How the process ends.
    pub shutdown: Shutdown,
}

#[cfg(test)]
mod tests;
