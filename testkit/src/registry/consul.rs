//! A fake Consul: catalog and health with blocking queries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{Answer, Asked, Fault, Server};

/// The running server.
#[derive(Debug)]
pub struct Consul {
    server: Server,
    state: Arc<State>,
}

/// A node of a service.
#[derive(Debug, Clone)]
pub struct ConsulInstance {
    /// Its address; empty: that of its machine.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether its checks pass.
    pub passing: bool,
    /// Its metadata; `null` when there is none, as Consul says it.
    pub meta: Value,
}

#[derive(Debug)]
struct State {
    token: Option<String>,
    services: Mutex<BTreeMap<String, Vec<ConsulInstance>>>,
    index: watch::Sender<u64>,
}

// === impl Consul ===

impl Consul {
    /// Starts one; with a token, who does not show it is refused.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(token: Option<&str>) -> anyhow::Result<Self> {
        let state = Arc::new(State {
            token: token.map(str::to_owned),
            services: Mutex::default(),
            index: watch::Sender::new(1),
        });
        let shared = state.clone();
        let server = Server::start(None, move |asked| {
            let state = shared.clone();
            async move { state.answer(&asked).await }
        })?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The service has these nodes now; none at all: it is not in the catalog any more.
    pub fn set(&self, service: &str, instances: Vec<ConsulInstance>) {
        let mut services = self.state.services.lock();
        if instances.is_empty() {
            services.remove(service);
        } else {
            services.insert(service.to_owned(), instances);
        }
        drop(services);
        self.state.index.send_modify(|index| *index += 1);
    }

    /// From now on it fails like this.
    pub fn fail(&self, fault: Option<Fault>) {
        self.server.fail(fault);
    }

    /// Forgets what it counted, as after a restart from a backup.
    pub fn start_over(&self) {
        self.state.index.send_replace(1);
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.server.requests()
    }
}

// === impl ConsulInstance ===

impl ConsulInstance {
    /// One whose checks pass.
    pub fn at(address: &str, port: u16) -> Self {
        Self { address: address.to_owned(), port, passing: true, meta: Value::Null }
    }
}

// === impl State ===

impl State {
    async fn answer(&self, asked: &Asked) -> Answer {
        let shown = Some(asked.header("x-consul-token")).filter(|token| !token.is_empty());
        if self.token.is_some() && self.token.as_deref() != shown.or(asked.query.get("token").map(String::as_str)) {
            return Answer::status(403);
        }
        self.block(asked).await;
        let index = *self.index.borrow();
        let answer = match asked.path.as_str() {
            "/v1/catalog/services" => {
                let names = self.services.lock().keys().cloned().collect::<Vec<_>>();
                let listed: Map<String, Value> =
                    names.into_iter().chain(["consul".to_owned()]).map(|name| (name, json!([]))).collect();
                Answer::json(&listed.into())
            }
            "/v1/health/state/any" => Answer::json(&json!([])),
            path => match path.strip_prefix("/v1/health/service/") {
                Some(service) => Answer::json(&self.health(service, asked.query.contains_key("passing"))),
                None => return Answer::status(404),
            },
        };
        answer.with_header("x-consul-index", index)
    }

    /// Waits for another index than the one the client knows.
    async fn block(&self, asked: &Asked) {
        let Ok(known) = asked.parameter("index").parse::<u64>() else { return };
        let seconds = asked.parameter("wait").trim_end_matches('s').parse().unwrap_or(300);
        let mut index = self.index.subscribe();
        // Nothing new in time is an answer too.
        let _in_time = tokio::time::timeout(Duration::from_secs(seconds), index.wait_for(|now| *now != known)).await;
    }

    fn health(&self, service: &str, passing: bool) -> Value {
        let services = self.services.lock();
        let instances = services.get(service).into_iter().flatten();
        instances
            .filter(|instance| instance.passing || !passing)
            .map(|instance| {
                json!({
                    "Node": {"Node": "machine", "Address": "127.0.0.1"},
                    "Service": {
                        "Service": service, "Address": instance.address, "Port": instance.port, "Meta": instance.meta,
                        "Weights": {"Passing": 1, "Warning": 1},
                    },
                    "Checks": [{"Status": if instance.passing { "passing" } else { "critical" }}],
                })
            })
            .collect()
    }
}
