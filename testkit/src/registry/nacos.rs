//! A fake Nacos: instances by namespace, group and service, with logins.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Answer, Asked, Fault, Server, parameters};

/// The running server.
#[derive(Debug)]
pub struct Nacos {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    user: Option<(String, String)>,
    services: Mutex<BTreeMap<String, Vec<Value>>>,
    /// The tokens that are good, and how many were given.
    tokens: Mutex<(Vec<String>, usize)>,
    queries: Mutex<Vec<String>>,
}

// === impl Nacos ===

impl Nacos {
    /// Starts one; with a user and a password, who is not logged in is refused.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(user: Option<(&str, &str)>) -> anyhow::Result<Self> {
        let state = Arc::new(State {
            user: user.map(|(name, password)| (name.to_owned(), password.to_owned())),
            services: Mutex::default(),
            tokens: Mutex::default(),
            queries: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(None, move |asked| {
            let state = shared.clone();
            async move { state.answer(&asked) }
        })?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The same with the user and the password.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        self.url().replacen("://", &format!("://{user}:{password}@"), 1)
    }

    /// The service has these instances now: objects with `ip`, `port` and what else Nacos tells of one.
    pub fn set(&self, namespace: &str, group: &str, service: &str, instances: Vec<Value>) {
        self.state.services.lock().insert(format!("{namespace}/{group}/{service}"), instances);
    }

    /// All who are logged in are not any more.
    pub fn forget_logins(&self) {
        self.state.tokens.lock().0.clear();
    }

    /// How many logins there were.
    pub fn logins(&self) -> usize {
        self.state.tokens.lock().1
    }

    /// The services that were asked for since the last call, with all parameters.
    pub fn take_queries(&self) -> Vec<String> {
        std::mem::take(&mut self.state.queries.lock())
    }

    /// Whether there were any.
    pub fn has_queries(&self) -> bool {
        !self.state.queries.lock().is_empty()
    }

    /// From now on it fails like this.
    pub fn fail(&self, fault: Option<Fault>) {
        self.server.fail(fault);
    }
}

// === impl State ===

impl State {
    fn answer(&self, asked: &Asked) -> Answer {
        match asked.path.as_str() {
            "/nacos/v1/auth/login" if asked.method == http::Method::POST => self.login(asked),
            "/nacos/v1/ns/instance/list" => self.list(asked),
            _ => Answer::status(404),
        }
    }

    fn login(&self, asked: &Asked) -> Answer {
        let form = parameters(&String::from_utf8_lossy(&asked.body));
        let shown = form.get("username").cloned().zip(form.get("password").cloned());
        if shown != self.user {
            return Answer::status(403);
        }
        let mut tokens = self.tokens.lock();
        tokens.1 += 1;
        let token = format!("token-{}", tokens.1);
        tokens.0.push(token.clone());
        Answer::json(&json!({"accessToken": token, "tokenTtl": 18000, "globalAdmin": true}))
    }

    fn list(&self, asked: &Asked) -> Answer {
        let token = asked.parameter("accessToken");
        if self.user.is_some() && !self.tokens.lock().0.iter().any(|known| known == token) {
            return Answer::status(403);
        }
        let mut query: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        query.sort();
        self.queries.lock().push(query.join("&"));
        let [namespace, group, service] = ["namespaceId", "groupName", "serviceName"].map(|name| asked.parameter(name));
        let services = self.services.lock();
        let known = services.get(&format!("{namespace}/{group}/{service}"));
        let healthy = |instance: &&Value| asked.parameter("healthyOnly") != "true" || instance["healthy"] != false;
        let hosts: Vec<&Value> = known.into_iter().flatten().filter(healthy).collect();
        Answer::json(&json!({"name": format!("{group}@@{service}"), "groupName": group, "hosts": hosts}))
    }
}
