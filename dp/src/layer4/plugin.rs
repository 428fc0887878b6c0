//! Plugins of stream routes: asked once, when a stream begins, before a node is chosen.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Client, Route};
use crate::plugin::{self, Error, Meta, Place, Scope, references};
use crate::plugins::ip_restriction::IpRestriction;
use crate::plugins::limit_conn::{self, LimitConn};
use crate::plugins::prometheus::Prometheus;
use crate::plugins::traffic_split::TrafficSplit;
use crate::resource::Target;
use crate::snapshot::Snapshot;

/// A stream that begins.
pub struct Session<'s> {
    /// Who began it.
    pub client: &'s Client,
    /// The configuration at this moment.
    pub snapshot: &'s Snapshot,
    /// What it keeps until it ends.
    pub kept: Kept,
}

/// What a stream keeps until it ends.
#[derive(Debug, Default)]
pub struct Kept {
    /// limit-conn: where it counts.
    pub places: Vec<limit_conn::Place>,
    /// Where it goes instead of the route's target.
    pub target: Option<Target>,
    /// Whether metrics show the route's name instead of its id.
    pub prefer_name: bool,
}

/// What a plugin says to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It goes on after this time.
    Wait(Duration),
    /// It is closed; the status is for the metrics.
    Refuse(u16),
}

/// The compiled form of a stream plugin.
pub trait Preread: Send + Sync {
    /// Told when a stream begins, before any plugin is asked.
    fn begin(&self, _kept: &mut Kept) {}

    /// Asked when a stream begins.
    fn preread(&self, _session: &mut Session<'_>) -> Verdict {
        Verdict::Pass
    }
}

/// A stream plugin's identity, configuration and compilation.
pub trait StreamPlugin: Preread + Sized + 'static {
    /// Name in `plugins`.
    const NAME: &'static str;
    /// Higher runs first.
    const PRIORITY: i64;
    /// Version that the plugin list shows.
    const VERSION: f64;
    /// What stream routes are checked against.
    type Checked: JsonSchema;
    /// What is compiled: services may hold more than streams ask for.
    type Config: DeserializeOwned;

    /// Makes the form that streams use.
    fn compile_stream(config: Self::Config, scope: &Scope<'_>) -> Result<Self, Error>;

    /// Last changes to the derived schema.
    fn refine_stream_schema(_schema: &mut Value) {}
}

/// A stream plugin without its types.
pub trait Factory: Sync {
    /// See [`StreamPlugin::NAME`].
    fn name(&self) -> &'static str;
    /// See [`StreamPlugin::PRIORITY`].
    fn priority(&self) -> i64;
    /// See [`StreamPlugin::VERSION`].
    fn version(&self) -> f64;
    /// Schema of the configuration.
    fn schema(&self) -> Value;
    /// Decodes and compiles a configuration.
    fn compile(&self, config: &Value, scope: &Scope<'_>) -> Result<Arc<dyn Preread>, Error>;
}

/// The [`Factory`] of a plugin.
pub struct Of<P>(PhantomData<fn() -> P>);

/// Compiled plugins, highest priority first.
#[derive(Clone, Default)]
pub struct Chain(Vec<Link>);

#[derive(Clone)]
struct Link {
    name: &'static str,
    priority: i64,
    meta: Arc<Meta>,
    plugin: Arc<dyn Preread>,
}

/// All of them, highest priority first.
pub static PLUGINS: &[&dyn Factory] = &[
    &Of::<IpRestriction>(PhantomData),
    &Of::<LimitConn>(PhantomData),
    &Of::<TrafficSplit>(PhantomData),
    &Of::<Prometheus>(PhantomData),
];

/// All stream plugins with their schemas, in running order: the contents of `model/schema/stream_plugins.json`.
#[must_use]
pub fn contract() -> Value {
    let entries = PLUGINS.iter().map(|plugin| {
        let entry = json!({"version": plugin.version(), "priority": plugin.priority(), "schema": plugin.schema()});
        (plugin.name().to_owned(), entry)
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

/// Asks the plugins of a route about a client; what the stream keeps is for whatever they say.
pub(super) async fn ask(route: &Route, client: &Client, snapshot: &Snapshot) -> (Result<(), u16>, Kept) {
    let mut session = Session { client, snapshot, kept: Kept::default() };
    let verdict = route.plugins.run(&mut session).await;
    (verdict, session.kept)
}

// === impl Kept ===

impl Kept {
    /// Where the stream goes.
    pub(super) fn target<'k>(&'k self, route: &'k Route) -> &'k Target {
        self.target.as_ref().unwrap_or(&route.target)
    }
}

// === impl Of ===

impl<P: StreamPlugin> Factory for Of<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn priority(&self) -> i64 {
        P::PRIORITY
    }

    fn version(&self) -> f64 {
        P::VERSION
    }

    fn schema(&self) -> Value {
        let mut schema = plugin::schema_of::<P::Checked>();
        P::refine_stream_schema(&mut schema);
        plugin::with_meta(schema)
    }

    fn compile(&self, config: &Value, scope: &Scope<'_>) -> Result<Arc<dyn Preread>, Error> {
        Ok(Arc::new(P::compile_stream(P::Config::deserialize(config)?, scope)?))
    }
}

// === impl Chain ===

impl Chain {
    /// The plugins of a stream route over those of its service. Those of the service that streams do not have are left out:
    /// they are for its routes.
    pub fn compile(own: &Map<String, Value>, service: &Map<String, Value>, place: &Place<'_>) -> Result<Self, String> {
        let mut links = Vec::new();
        let below = service.iter().filter(|(name, _)| !own.contains_key(*name) && by_name(name).is_some());
        for (name, config) in own.iter().chain(below) {
            let link = Link::compile(name, config, place)
                .map_err(|e| format!("failed to check the configuration of stream plugin [{name}]: {e}"))?;
            links.extend(link);
        }
        links.sort_by_key(|link| std::cmp::Reverse(link.priority));
        Ok(Self(links))
    }

    /// Asks them in turn; the status of the first refusal.
    pub async fn run(&self, session: &mut Session<'_>) -> Result<(), u16> {
        let client = session.client;
        let runs = |link: &&Link| link.meta.filter.as_ref().is_none_or(|filter| filter.holds_for(client));
        for link in self.0.iter().filter(runs) {
            link.plugin.begin(&mut session.kept);
        }
        for link in self.0.iter().filter(runs) {
            match link.plugin.preread(session) {
                Verdict::Pass => {}
                Verdict::Wait(time) => tokio::time::sleep(time).await,
                Verdict::Refuse(status) => {
                    tracing::debug!(remote = %client.remote, plugin = link.name, status, "stream refused");
                    return Err(status);
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|link| (link.name, link.priority))).finish()
    }
}

// === impl Link ===

impl Link {
    /// None when it is disabled.
    fn compile(name: &str, config: &Value, place: &Place<'_>) -> Result<Option<Self>, Error> {
        let factory = by_name(name).ok_or_else(|| Error::Refused(format!("unknown plugin [{name}]")))?;
        let (meta, mut config) = Meta::split(config)?;
        if meta.disable {
            return Ok(None);
        }
        let metadata = place.metadata.get(name);
        let resolved = references::resolve(&mut config, &place.state.surroundings().secrets)?;
        let certificates = place.certificates;
        let scope = Scope { resource: place.resource, config: &config, metadata, certificates, state: place.state };
        let refused = |error: Error| Error::Refused(resolved.hidden_in(error.to_string()));
        let plugin = factory.compile(&config, &scope).map_err(refused)?;
        let priority = meta.priority.unwrap_or_else(|| factory.priority());
        Ok(Some(Self { name: factory.name(), priority, meta: Arc::new(meta), plugin }))
    }
}

fn by_name(name: &str) -> Option<&'static dyn Factory> {
    PLUGINS.iter().find(|plugin| plugin.name() == name).copied()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_is_in_running_order() {
        assert!(PLUGINS.windows(2).all(|pair| pair[0].priority() > pair[1].priority()));
    }

    #[test]
    fn stream_plugin_contract() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/schema/stream_plugins.json");
        let now = format!("{:#}\n", contract());
        if std::env::vars().any(|(key, value)| key == "UPDATE" && value == "1") {
            std::fs::write(&path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == now, "stream_plugins.json is stale: UPDATE=1 cargo test -p portolan-dp plugin_contract");
    }
}
