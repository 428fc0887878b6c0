//! A fake Eureka: all applications at once, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Answer, Fault, Server};

/// The running server.
#[derive(Debug)]
pub struct Eureka {
    server: Server,
    applications: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
}

// === impl Eureka ===

impl Eureka {
    /// Starts one; with the value of an `Authorization` header, who does not show it is refused.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(authorization: Option<&str>) -> anyhow::Result<Self> {
        let applications: Arc<Mutex<BTreeMap<String, Vec<Value>>>> = Arc::default();
        let (shared, wanted) = (applications.clone(), authorization.map(str::to_owned));
        let server = Server::start(None, move |asked| {
            let refused = wanted.as_deref().is_some_and(|wanted| asked.header("authorization") != wanted);
            let applications = shared.clone();
            async move {
                if refused {
                    return Answer::status(401);
                }
                if asked.path != "/eureka/apps" || asked.header("accept") != "application/json" {
                    return Answer::status(404);
                }
                let all = applications.lock();
                let all: Vec<Value> = all.iter().map(|(name, list)| json!({"name": name, "instance": list})).collect();
                Answer::json(&json!({"applications": {"versions__delta": "1", "application": all}}))
            }
        })?;
        Ok(Self { server, applications })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The application has these instances now; none at all: it is gone.
    pub fn set(&self, application: &str, instances: Vec<Value>) {
        let mut all = self.applications.lock();
        if instances.is_empty() {
            all.remove(application);
        } else {
            all.insert(application.to_owned(), instances);
        }
    }

    /// An instance that is up.
    pub fn instance(address: &str, port: u16) -> Value {
        json!({
            "instanceId": format!("{address}:{port}"), "hostName": "machine", "ipAddr": address, "status": "UP",
            "overriddenStatus": "UNKNOWN", "port": {"$": port, "@enabled": "true"},
            "securePort": {"$": 443, "@enabled": "false"}, "metadata": {"@class": "java.util.Collections$EmptyMap"},
        })
    }

    /// From now on it fails like this.
    pub fn fail(&self, fault: Option<Fault>) {
        self.server.fail(fault);
    }
}
