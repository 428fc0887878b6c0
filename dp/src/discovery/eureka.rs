//! Eureka: all applications, with the instances that are up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portolan_model as model;
use portolan_model::resource::Node;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::directory::{Missing, Services};
use super::lenient::{number, readable};
use super::pace::Pace;
use super::server::{Error, Server};
use super::{Around, Directory, Registry, Shown, shown_nodes};
use crate::config::discovery::Eureka as Settings;
use crate::http_client::Options;

/// The registry.
#[derive(Debug)]
pub(super) struct Eureka {
    directory: Directory,
    settings: Settings,
    servers: Vec<Server>,
}

#[derive(Deserialize)]
struct Answer {
    applications: Applications,
}

#[derive(Deserialize)]
struct Applications {
    #[serde(default, deserialize_with = "one_or_many")]
    application: Vec<Value>,
}

#[derive(Deserialize)]
struct Application {
    name: String,
    #[serde(default, deserialize_with = "one_or_many")]
    instance: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    ip_addr: String,
    #[serde(default)]
    status: String,
    /// Set by hand; goes before the status.
    overridden_status: Option<String>,
    /// The same in other versions.
    #[serde(rename = "overriddenstatus")]
    overridden_status_too: Option<String>,
    port: Option<Port>,
    secure_port: Option<Port>,
    metadata: Option<Map<String, Value>>,
}

/// `{"$": 8080, "@enabled": "true"}`.
#[derive(Deserialize)]
struct Port {
    #[serde(rename = "$")]
    number: Option<Value>,
    #[serde(rename = "@enabled")]
    enabled: Option<Value>,
}

// === impl Eureka ===

impl Eureka {
    pub(super) fn new(settings: &Settings, around: &Around) -> Self {
        let (connect, read) = (settings.timeout.connect(), settings.timeout.answer());
        let options = Options { connect, read, ..Options::default() };
        let servers = settings.host.iter().map(|host| Server::at(host, &around.client, options.clone())).collect();
        let directory = Directory::new("eureka", Missing::Tolerated, around);
        Self { directory, settings: settings.clone(), servers }
    }

    /// Asks one server after the other, beginning with any, until one answers.
    async fn fetch(&self) -> Option<Services> {
        let target = format!("/{}/apps", self.settings.prefix.trim_matches('/')).replace("//", "/");
        let start = rand::random_range(0..self.servers.len());
        for server in self.servers[start..].iter().chain(&self.servers[..start]) {
            match server.get::<Answer>(&target).await {
                Ok(answer) => match self.services(answer.body) {
                    Ok(services) => {
                        self.directory.succeeded(&server.base);
                        return Some(services);
                    }
                    Err(error) => self.failed(server, &Error::Body(server.shown(&target), error)),
                },
                Err(error) => self.failed(server, &error),
            }
        }
        None
    }

    fn failed(&self, server: &Server, error: &Error) {
        self.directory.failed(&server.base, error);
    }

    fn services(&self, answer: Answer) -> Result<Services, serde_json::Error> {
        let before = self.directory.services();
        let mut services = Services::new();
        for application in readable::<Application>(answer.applications.application, "applications")? {
            let name: Arc<str> = application.name.into();
            let nodes: Arc<[Node]> = match readable(application.instance, &name) {
                Ok(instances) => instances.into_iter().filter_map(|instance| self.node(instance)).collect(),
                // What was known of it stays; the others go on.
                Err(_) => before.get(&name).cloned().unwrap_or_default(),
            };
            if !nodes.is_empty() {
                services.insert(name, nodes);
            }
        }
        Ok(services)
    }

    fn node(&self, instance: Instance) -> Option<Node> {
        let mut overridden = [instance.overridden_status, instance.overridden_status_too].into_iter().flatten();
        let overridden = overridden.find(|status| status != "UNKNOWN" && !status.is_empty());
        if overridden.unwrap_or(instance.status) != "UP" {
            return None;
        }
        let ports = [instance.secure_port, instance.port];
        let port = ports.into_iter().flatten().find_map(|port| port.open())?;
        let mut metadata = instance.metadata.unwrap_or_default();
        let weight = metadata.remove("weight").as_ref().and_then(number);
        let weight = weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(self.settings.weight);
        Some(Node { host: instance.ip_addr, port: Some(port), weight, priority: 0, metadata })
    }
}

impl Registry for Eureka {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        Some((&self.directory, upstream.service_name.clone()?))
    }

    fn directories(&self) -> Vec<&Directory> {
        vec![&self.directory]
    }

    fn show(&self, path: &str) -> Option<Shown> {
        let services = self.directory.services();
        let services: Map<String, Value> =
            services.iter().map(|(name, nodes)| (name.to_string(), shown_nodes(nodes))).collect();
        (path == "dump").then(|| Shown::json(json!({"config": self.settings, "services": services})))
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let mut pace = Pace::default();
            loop {
                let pause = match self.fetch().await {
                    Some(services) => {
                        self.directory.replace(services);
                        pace.reset();
                        Duration::from_secs(self.settings.fetch_interval)
                    }
                    None => pace.pause(),
                };
                sleep(pause).await;
            }
        })
    }
}

// === impl Port ===

impl Port {
    fn open(&self) -> Option<u16> {
        let enabled = match self.enabled.as_ref()? {
            Value::Bool(enabled) => *enabled,
            Value::String(text) => text == "true",
            _ => false,
        };
        let port = self.number.as_ref().and_then(number).and_then(|port| u16::try_from(port).ok());
        port.filter(|port| enabled && *port != 0)
    }
}

/// Eureka writes a list of one as that one.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        one => vec![one],
    })
}

#[cfg(test)]
mod tests;
