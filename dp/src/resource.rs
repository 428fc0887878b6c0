//! Resources as requests use them: compiled, immutable, shared by all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::plugin::{Chain, Proof};
use crate::router::Matcher;
use crate::upstream::Upstream;

/// The document a resource was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Key, with the prefix.
    pub key: Arc<str>,
    /// JSON as the control plane sent it.
    pub value: Bytes,
    /// Revision that made the key.
    pub create_revision: i64,
    /// Revision that last changed it.
    pub mod_revision: i64,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// Id.
    pub id: Arc<str>,
    /// Different for each compiled route of this process, so that caches can tell them apart.
    pub serial: u64,
    /// Name for people.
    pub name: Option<Box<str>>,
    /// Service whose plugins and upstream it shares.
    pub service_id: Option<Arc<str>>,
    /// Conditions.
    pub matcher: Matcher,
    /// Its plugins over those of its plugin config, over those of its service.
    pub plugins: Chain,
    /// Where requests go.
    pub target: Target,
    /// Its own timeouts instead of the upstream's.
    pub timeouts: Option<Timeouts>,
    /// Whether connections may be upgraded to WebSocket.
    pub websocket: bool,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// Where the requests of a route go.
#[derive(Debug, Clone)]
pub enum Target {
    /// To an upstream.
    Upstream(Arc<Upstream>),
    /// Nowhere: its plugins answer, or nobody does.
    None,
    /// To an upstream that is not there.
    MissingUpstream(Arc<str>),
    /// The service is not there.
    MissingService(Arc<str>),
    /// The plugin config is not there.
    MissingPluginConfig(Arc<str>),
}

/// Plugins that several resources share: a plugin config, a consumer group or a global rule.
#[derive(Debug)]
pub struct Shared {
    /// The plugins.
    pub plugins: Chain,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Id.
    pub id: Arc<str>,
    /// Name for people.
    pub name: Option<Box<str>>,
    /// Hosts of its routes that name none.
    pub hosts: Vec<String>,
    /// Plugins of its routes.
    pub plugins: Chain,
    /// Where the requests of its routes go.
    pub target: Target,
    /// Whether connections may be upgraded to WebSocket.
    pub websocket: bool,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// An upstream with an id of its own.
#[derive(Debug)]
pub struct NamedUpstream {
    /// The compiled form.
    pub upstream: Arc<Upstream>,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// A consumer.
#[derive(Debug)]
pub struct Consumer {
    /// Name.
    pub username: Arc<str>,
    /// See [`Route::serial`].
    pub serial: u64,
    /// Label `custom_id`, which the upstream is told.
    pub custom_id: Option<Box<str>>,
    /// Plugins for this consumer's requests, over those of the route: its own over those of its group.
    pub plugins: Chain,
    /// Id of its group.
    pub group_id: Option<Box<str>>,
    /// Its group, when that is not there.
    pub missing_group: Option<Box<str>>,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// What proves to be a consumer.
pub struct Credential {
    /// Who it is.
    pub consumer: Arc<Consumer>,
    /// Id of the credential, when it is a resource of its own.
    pub id: Option<Box<str>>,
    /// What the authentication plugin compares with what the caller shows.
    pub proof: Proof,
}

/// Bounds on the upstream's slowness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// Between two pieces of the request.
    pub send: Duration,
    /// Between two pieces of the response.
    pub read: Duration,
}

/// The next serial number.
#[must_use]
pub fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

// === impl Credential ===

impl Credential {
    /// What the plugin made of the configuration.
    #[must_use]
    pub fn proof<T: 'static>(&self) -> Option<&T> {
        self.proof.as_ref()?.downcast_ref()
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("consumer", &self.consumer.username)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

// === impl Timeouts ===

impl Default for Timeouts {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { connect: minute, send: minute, read: minute }
    }
}

impl From<portolan_model::resource::Timeout> for Timeouts {
    fn from(timeout: portolan_model::resource::Timeout) -> Self {
        Self { connect: seconds(timeout.connect), send: seconds(timeout.send), read: seconds(timeout.read) }
    }
}

/// A duration from seconds with a fraction; what is no duration is the longest or none.
#[must_use]
pub fn seconds(value: f64) -> Duration {
    // A century is for ever, and far from overflow when it is added to a clock.
    const CENTURY: f64 = 3_153_600_000.0;
    Duration::try_from_secs_f64(value.clamp(0.0, CENTURY)).unwrap_or_default()
}
