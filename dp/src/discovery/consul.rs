//! Consul: all services of its catalog, with the nodes whose checks pass.
//!
//! ```text
//! fetch the catalog and each service → wait with blocking queries for a change of catalog or health → again
//! ```

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, Either};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, StatusCode};
use portolan_model as model;
use portolan_model::resource::Node;
use portolan_rt::clock::Clock;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::directory::Missing;
use super::lenient::{nullable, readable};
use super::pace::{Pace, scattered};
use super::server::{Error, Server};
use super::{Around, Directory, Registry, Shown, shown_nodes};
use crate::config::discovery::{Consul as Settings, SortType};
use crate::http_client::Options;

mod dump;

/// Services asked for at a time.
const AT_ONCE: usize = 8;
/// Least time between two looks at everything: where many checks change, each change would be one.
const BREATH: Duration = Duration::from_millis(200);
/// The service that Consul itself is.
const ITSELF: &str = "consul";

/// The registry.
pub(super) struct Consul {
    directory: Directory,
    settings: Settings,
    servers: Vec<Server>,
    clock: Arc<dyn Clock>,
}

/// A server as it is followed.
struct Followed<'a> {
    server: &'a Server,
    catalog: u64,
    health: u64,
    known: BTreeSet<Arc<str>>,
}

/// A node of a service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Option<Machine>,
    service: Option<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Machine {
    #[serde(default, deserialize_with = "nullable")]
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    #[serde(default, deserialize_with = "nullable")]
    address: String,
    #[serde(default, deserialize_with = "nullable")]
    port: u16,
    /// `null` when there is none.
    meta: Option<Map<String, Value>>,
}

type Catalog = Map<String, Value>;

// === impl Consul ===

impl Consul {
    pub(super) fn new(settings: &Settings, around: &Around) -> Self {
        let options = Options {
            connect: Duration::from_millis(settings.timeout.connect),
            read: Duration::from_millis(settings.timeout.read),
            ..Options::default()
        };
        let server = |address| {
            let server = Server::at(address, &around.client, options.clone());
            match settings.token.reveal() {
                "" => server,
                token => server.with_header(HeaderName::from_static("x-consul-token"), token),
            }
        };
        let mut directory = Directory::new("consul", Missing::Tolerated, around);
        if let Some(default) = &settings.default_service {
            let (host, port) = (default.host.clone(), Some(default.port));
            let metadata = default.metadata.clone();
            directory =
                directory.with_fallback(vec![Node { host, port, weight: settings.weight, priority: 0, metadata }]);
        }
        let servers = settings.servers.iter().map(server).collect();
        let consul = Self { directory, settings: settings.clone(), servers, clock: around.clock.clone() };
        consul.load();
        consul
    }

    async fn follow(&self, server: &Server) {
        let mut pace = Pace::default();
        let mut followed = Followed { server, catalog: 0, health: 0, known: BTreeSet::new() };
        loop {
            let looked = match self.look(&mut followed).await {
                Ok(()) => {
                    self.directory.succeeded(&server.base);
                    self.save().await;
                    let began = Instant::now();
                    let waited = self.wait(&mut followed).await;
                    pace.stood(began.elapsed());
                    waited
                }
                Err(error) => Err(error),
            };
            match looked {
                Ok(()) => pace.reset(),
                Err(error) => {
                    self.directory.failed(&server.base, &error);
                    sleep(pace.pause()).await;
                }
            }
        }
    }

    /// Reads all services. Those that cannot be read keep their nodes.
    async fn look(&self, followed: &mut Followed<'_>) -> Result<(), Error> {
        let server = followed.server;
        // What changes from here on ends the next wait.
        let health = server.get::<IgnoredAny>("/v1/health/state/any").await?;
        let catalog = server.get::<Catalog>("/v1/catalog/services").await?;
        let wanted = |name: &String| *name != ITSELF && !self.settings.skip_services.contains(name);
        let names: Vec<String> = catalog.body.keys().filter(|name| wanted(name)).cloned().collect();
        let asking = names.into_iter().map(|name| async move {
            let target = format!("/v1/health/service/{}?passing=true", crate::uri::encode_component(&name));
            let answer = server.get::<Vec<Value>>(&target).await;
            let unreadable = |error| Error::Body(server.shown(&target), error);
            let entries = answer.and_then(|answer| readable::<Entry>(answer.body, &name).map_err(unreadable));
            (name, entries)
        });
        let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
        let (mut seen, mut failed) = (BTreeSet::new(), None);
        while let Some((name, answer)) = answers.next().await {
            let name: Arc<str> = name.into();
            match answer.map(|entries| self.nodes(entries)) {
                Ok(nodes) if nodes.is_empty() => continue,
                Ok(nodes) => self.directory.set(&name, nodes),
                Err(error) => failed = Some(error),
            }
            seen.insert(name);
        }
        for gone in followed.known.difference(&seen) {
            self.directory.remove(gone);
        }
        if followed.known.is_empty() {
            // What an earlier process has kept, and is not there any more.
            let kept = self.directory.services();
            kept.keys()
                .filter(|name| self.servers.len() == 1 && !seen.contains(*name))
                .for_each(|name| self.directory.remove(name));
        }
        followed.known = seen;
        if let Some(error) = failed {
            return Err(error);
        }
        (followed.catalog, followed.health) = (index(&catalog.headers), index(&health.headers));
        Ok(())
    }

    /// Returns when there may be something new.
    async fn wait(&self, followed: &mut Followed<'_>) -> Result<(), Error> {
        if !self.settings.keepalive {
            sleep(Duration::from_secs(self.settings.fetch_interval)).await;
            return Ok(());
        }
        if followed.catalog == 0 || followed.health == 0 {
            let reason = "it has no X-Consul-Index".to_owned();
            return Err(Error::Nonsense(followed.server.base.clone(), reason));
        }
        let wait = self.settings.timeout.wait;
        let mut server = followed.server.clone();
        // Consul adds up to a sixteenth, so that not all who wait come back at once.
        server.options.read += Duration::from_secs(wait + wait / 16 + 1);
        let blocking = async |path: &str, from: u64| {
            loop {
                let answer = server.get::<IgnoredAny>(&format!("{path}?index={from}&wait={wait}s")).await?;
                if index(&answer.headers) != from {
                    return Ok::<(), Error>(());
                }
                self.directory.succeeded(&server.base);
            }
        };
        let catalog = pin!(blocking("/v1/catalog/services", followed.catalog));
        let health = pin!(blocking("/v1/health/state/any", followed.health));
        match future::select(catalog, health).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended?,
        }
        sleep(scattered(BREATH)).await;
        Ok(())
    }

    fn nodes(&self, entries: Vec<Entry>) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::with_capacity(entries.len());
        for Entry { node, service } in entries {
            let Some(service) = service else { continue };
            let own = Some(service.address).filter(|address| !address.is_empty());
            let Some(host) = own.or(node.map(|node| node.address)).filter(|host| !host.is_empty()) else { continue };
            let port = Some(if service.port == 0 { 80 } else { service.port });
            if nodes.iter().any(|known| known.host == host && known.port == port) {
                continue;
            }
            let metadata = service.meta.unwrap_or_default();
            nodes.push(Node { host, port, weight: self.settings.weight, priority: 0, metadata });
        }
        match self.settings.sort_type {
            SortType::Origin => {}
            SortType::HostSort => nodes.sort_by(|a, b| a.host.cmp(&b.host)),
            SortType::PortSort => nodes.sort_by_key(|node| node.port),
            SortType::CombineSort => nodes.sort_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port))),
        }
        nodes
    }

    fn dump_path(&self) -> Option<&PathBuf> {
        self.settings.dump.as_ref().map(|dump| &dump.path)
    }
}

impl Registry for Consul {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        Some((&self.directory, upstream.service_name.clone()?))
    }

    fn directories(&self) -> Vec<&Directory> {
        vec![&self.directory]
    }

    fn show(&self, path: &str) -> Option<Shown> {
        match path {
            "dump" => {
                let services: Map<String, Value> = self
                    .directory
                    .services()
                    .iter()
                    .map(|(name, nodes)| (name.to_string(), shown_nodes(nodes)))
                    .collect();
                Some(Shown::json(json!({"config": self.settings, "services": services})))
            }
            "show_dump_file" => Some(match self.dump_path() {
                None => Shown::refused(StatusCode::SERVICE_UNAVAILABLE, "dump params is nil"),
                Some(path) => match std::fs::read_to_string(path) {
                    Ok(text) => Shown::text(text),
                    Err(error) => Shown::refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
                },
            }),
            _ => None,
        }
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            future::join_all(self.servers.iter().map(|server| self.follow(server))).await;
        })
    }
}

impl std::fmt::Debug for Consul {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consul").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where a blocking query goes on; 0: the server has not said.
fn index(headers: &HeaderMap) -> u64 {
    let text = headers.get("x-consul-index").and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
