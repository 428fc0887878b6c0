//! Settings of a data plane: `dp.yaml`, one file per section.

use serde::Deserialize;

mod access_log;
mod control_plane;
pub mod discovery;
mod dns;
mod encryption;
mod limits;
mod listen;
mod prometheus;
mod report;
mod router;
mod runtime;
mod secrets;
mod shutdown;
mod snapshot;
mod stream;
mod tls;

pub use access_log::{AccessLog, Escape};
pub use control_plane::ControlPlane;
pub use discovery::Discovery;
pub use dns::Dns;
pub use encryption::Encryption;
pub use limits::Limits;
pub use listen::Listen;
pub use prometheus::{Metric, Metrics, Prometheus};
pub use report::Report;
pub use router::{HttpRouter, Router};
pub use runtime::Runtime;
pub use secrets::Secrets;
pub use shutdown::Shutdown;
pub use snapshot::Snapshot;
pub use stream::{Ports, ProxyProtocol, Stream, Tcp};
pub use tls::Tls;

/// All settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whom to follow.
    pub control_plane: ControlPlane,
    /// What secrets in the configuration were encrypted with.
    pub encryption: Encryption,
    /// How long what secret managers answer is good.
    pub secrets: Secrets,
    /// Ports.
    pub listen: Listen,
    /// Certificate of the https listener, and whom to trust upstream.
    pub tls: Tls,
    /// The last configuration, on disk.
    pub snapshot: Snapshot,
    /// What the control plane is told.
    pub report: Report,
    /// How requests find their routes.
    pub router: Router,
    /// Who knows the nodes of upstreams that name a service.
    pub discovery: Discovery,
    /// Threads.
    pub runtime: Runtime,
    /// What a client may cost.
    pub limits: Limits,
    /// How names of upstream nodes are resolved.
    pub dns: Dns,
    /// How metrics are named, labelled and fetched.
    pub prometheus: Prometheus,
    /// A line for each request.
    pub access_log: AccessLog,
    /// The log.
    pub log: portolan_rt::logs::Config,
    /// The end.
    pub shutdown: Shutdown,
}

/// Settings that read well and make no sense.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct Invalid {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

// === impl Config ===

impl Config {
    /// Checks what types cannot say. Opens nothing.
    pub fn check(&self) -> Result<(), Invalid> {
        self.control_plane.check()?;
        self.encryption.check()?;
        self.secrets.check()?;
        self.report.check()?;
        self.discovery.check()?;
        self.tls.check()?;
        self.access_log.check()?;
        self.dns.check()?;
        self.prometheus.check()?;
        self.limits.check()
    }
}
