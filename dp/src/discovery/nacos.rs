//! Nacos: the healthy instances of the services that upstreams want, by namespace and group.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use parking_lot::Mutex;
use portolan_model as model;
use portolan_model::resource::{Node, Scheme};
use portolan_rt::clock::Clock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until};

use super::directory::Missing;
use super::lenient::{number, readable};
use super::pace::Pace;
use super::server::{Error, Server};
use super::{Around, Directory, Registry, Shown, shown_nodes};
use crate::config::discovery::Nacos as Settings;
use crate::http_client::Options;
use crate::uri::encode_component;

/// Services asked for at a time.
const AT_ONCE: usize = 8;
/// A token is used no longer than to this share of its life.
const OF_LIFE: f64 = 0.9;
/// Nor longer than this many seconds.
const LONGEST_LIFE: u64 = 24 * 60 * 60;
/// At the end of the name of a service whose nodes are asked at their ports for gRPC.
const GRPC: &str = "#grpc";

/// The registry.
pub(super) struct Nacos {
    directory: Directory,
    settings: Settings,
    hosts: Vec<Host>,
    clock: Arc<dyn Clock>,
}

/// A server.
struct Host {
    server: Server,
    user: Option<(String, String)>,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: String,
    until: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    access_token: String,
    /// Seconds.
    #[serde(default)]
    token_ttl: u64,
}

#[derive(Deserialize)]
struct Instances {
    hosts: Vec<Value>,
}

#[derive(Deserialize)]
struct Instance {
    ip: String,
    port: u16,
    weight: Option<f64>,
    enabled: Option<bool>,
    metadata: Option<Map<String, Value>>,
}

// === impl Nacos ===

impl Nacos {
    pub(super) fn new(settings: &Settings, around: &Around) -> Self {
        let (connect, read) = (settings.timeout.connect(), settings.timeout.answer());
        let options = Options { connect, read, ..Options::default() };
        let hosts = settings.host.iter().map(|address| {
            let (bare, user) = address.split();
            let base = format!("{}/{}", bare.trim_end_matches('/'), settings.prefix.trim_matches('/'));
            let user = user.and_then(|user| user.split_once(':'));
            Host {
                server: Server::new(&base, &around.client, options.clone())
                    .with_header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
                user: user.map(|(name, password)| (name.to_owned(), password.to_owned())),
                token: Mutex::default(),
            }
        });
        Self {
            directory: Directory::new("nacos", Missing::Tolerated, around),
            hosts: hosts.collect(),
            settings: settings.clone(),
            clock: around.clock.clone(),
        }
    }

    /// Asks one server after the other, beginning with any, until one answers for all services.
    async fn round(&self, services: &[Arc<str>]) -> bool {
        let start = rand::random_range(0..self.hosts.len());
        for host in self.hosts[start..].iter().chain(&self.hosts[..start]) {
            match self.fetch_all(host, services).await {
                Ok(()) => {
                    self.directory.succeeded(&host.server.base);
                    return true;
                }
                Err(error) => self.directory.failed(&host.server.base, &error),
            }
        }
        false
    }

    /// A service that cannot be asked for keeps its nodes.
    async fn fetch_all(&self, host: &Host, services: &[Arc<str>]) -> Result<(), Error> {
        // Once, and not by each of those that are asked for at the same time.
        host.login().await?;
        let asking = services.iter().cloned().map(|service| async move {
            let answer = self.fetch(host, &service).await;
            (service, answer)
        });
        let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some((service, answer)) = answers.next().await {
            match answer {
                Ok(nodes) => self.directory.set(&service, nodes),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn fetch(&self, host: &Host, service: &str) -> Result<Vec<Node>, Error> {
        let plain = service.strip_suffix(GRPC);
        let mut parts = plain.unwrap_or(service).splitn(4, '/').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let (namespace, group, name) = (part(), part(), part());
        let mut target = format!("/ns/instance/list?healthyOnly=true&serviceName={}", encode_component(name));
        target.push_str(&format!("&namespaceId={}&groupName={}", encode_component(namespace), encode_component(group)));
        if let Some(token) = host.login().await? {
            target.push_str(&format!("&accessToken={}", encode_component(&token)));
        }
        target.push_str(&self.signature(group, name));
        match host.server.get::<Instances>(&target).await {
            Ok(answer) => match readable(answer.body.hosts, service) {
                Ok(instances) => Ok(self.nodes(instances, plain.is_some())),
                Err(error) => Err(Error::Body(host.server.shown(&target), error)),
            },
            Err(error) => {
                // Another server of the cluster may not know the token, or somebody has changed the key.
                if matches!(error.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) {
                    *host.token.lock() = None;
                }
                Err(error)
            }
        }
    }

    fn nodes(&self, instances: Vec<Instance>, grpc: bool) -> Vec<Node> {
        let instances = instances.into_iter().filter(|instance| instance.enabled != Some(false));
        let instances: Vec<Instance> = instances.collect();
        // Weights may be broken numbers; then all are counted in hundredths.
        let whole = instances.iter().all(|instance| instance.weight.is_none_or(|weight| weight.fract() == 0.0));
        let unit = if whole { 1.0 } else { 100.0 };
        let node = |instance: Instance| {
            let weight = instance.weight.unwrap_or(f64::from(self.settings.weight));
            let metadata = instance.metadata.unwrap_or_default();
            let own = metadata.get("gRPC_port").filter(|_| grpc);
            let port = own.and_then(number).and_then(|port| u16::try_from(port).ok()).unwrap_or(instance.port);
            Node { host: instance.ip, port: Some(port), weight: rounded(weight * unit), priority: 0, metadata }
        };
        instances.into_iter().map(node).collect()
    }

    /// For servers that want requests signed.
    fn signature(&self, group: &str, service: &str) -> String {
        let (name, key) = (self.settings.access_key.reveal(), self.settings.secret_key.reveal());
        if name.is_empty() || key.is_empty() {
            return String::new();
        }
        let data = format!("{}@@{group}@@{service}", self.clock.now_micros().div_euclid(1000));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, data.as_bytes()));
        let [name, data, signature] = [name, &data, &signature].map(encode_component);
        format!("&ak={name}&data={data}&signature={signature}")
    }
}

impl Registry for Nacos {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        let argument = |name: &str| upstream.discovery_args.as_ref()?.get(name)?.as_str();
        let namespace = argument("namespace_id").unwrap_or("public");
        let group = argument("group_name").unwrap_or("DEFAULT_GROUP");
        let service = upstream.service_name.as_deref()?;
        let port = if matches!(upstream.scheme, Scheme::Grpc | Scheme::Grpcs) { GRPC } else { "" };
        Some((&self.directory, format!("default/{namespace}/{group}/{service}{port}")))
    }

    fn directories(&self) -> Vec<&Directory> {
        vec![&self.directory]
    }

    fn show(&self, path: &str) -> Option<Shown> {
        let services = self.directory.services();
        let shown = services.iter().map(|(name, nodes)| (name.to_string(), json!({"nodes": shown_nodes(nodes)})));
        let services: Map<String, Value> = shown.collect();
        (path == "dump").then(|| Shown::json(json!({"config": self.settings, "services": services})))
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.directory.idle();
            let interval = Duration::from_secs(self.settings.fetch_interval);
            let (mut pace, mut fetched) = (Pace::default(), BTreeSet::<Arc<str>>::new());
            let mut due = Instant::now();
            loop {
                let wanted: BTreeSet<Arc<str>> = self.directory.wanted().into_iter().collect();
                fetched.retain(|service| {
                    wanted.contains(service) || {
                        self.directory.remove(service);
                        false
                    }
                });
                let all = Instant::now() >= due;
                let asked: Vec<Arc<str>> =
                    wanted.iter().filter(|service| all || !fetched.contains(*service)).cloned().collect();
                if asked.is_empty() || self.round(&asked).await {
                    fetched.extend(asked);
                    pace.reset();
                    if all {
                        due = Instant::now() + interval;
                    }
                } else {
                    // Those that have nodes keep them, and must not be forgotten when nobody wants them any more.
                    fetched.extend(self.directory.services().into_keys());
                    due = Instant::now() + pace.pause();
                }
                tokio::select! {
                    () = self.directory.asked() => {}
                    () = sleep_until(due) => {}
                }
            }
        })
    }
}

impl std::fmt::Debug for Nacos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nacos").field("settings", &self.settings).finish_non_exhaustive()
    }
}

// === impl Host ===

impl Host {
    /// The token to show, if there is a user; the last one as long as it lives.
    async fn login(&self) -> Result<Option<String>, Error> {
        let Some((name, password)) = &self.user else { return Ok(None) };
        let known = self.token.lock().clone().filter(|token| Instant::now() < token.until);
        if let Some(token) = known {
            return Ok(Some(token.text));
        }
        // In the body: addresses stand in the logs of servers.
        let body = format!("username={}&password={}", encode_component(name), encode_component(password));
        let answer = self.server.ask::<Login>(Method::POST, "/auth/login", Bytes::from(body)).await?.body;
        if answer.access_token.is_empty() {
            let nothing = "there is no accessToken in it".to_owned();
            return Err(Error::Nonsense(self.server.shown("/auth/login"), nothing));
        }
        let life = Duration::from_secs(answer.token_ttl.min(LONGEST_LIFE)).mul_f64(OF_LIFE);
        let token = Token { text: answer.access_token, until: Instant::now() + life };
        *self.token.lock() = Some(token.clone());
        Ok(Some(token.text))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is kept within u32")]
fn rounded(weight: f64) -> u32 {
    // However little is wanted, nothing is another thing.
    let least = if weight > 0.0 { 1.0 } else { 0.0 };
    weight.round().clamp(least, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
