//! A fake Vault: the reading half of its key-value engine, version 1 and 2.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Answer, Asked, Fault, Server};

/// The running server.
#[derive(Debug)]
pub struct Vault {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Mutex<String>,
    /// Answers by namespace and path.
    secrets: Mutex<HashMap<(String, String), Value>>,
}

// === impl Vault ===

impl Vault {
    /// Starts one that lets in who shows the token.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(token: &str) -> anyhow::Result<Self> {
        let state = Arc::new(State { token: Mutex::new(token.to_owned()), ..State::default() });
        let shared = state.clone();
        let server = Server::start(None, move |asked| {
            let answer = shared.answer(&asked);
            async move { answer }
        })?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// These fields are at a path of an engine of version 1: `kv/apisix/jack`.
    pub fn set(&self, path: &str, fields: Value) {
        self.set_in("", path, fields);
    }

    /// The same in a namespace.
    pub fn set_in(&self, namespace: &str, path: &str, fields: Value) {
        self.state.secrets.lock().insert((namespace.to_owned(), path.to_owned()), fields);
    }

    /// The same in an engine of version 2, whose paths have `data` after the engine's own: `secret/data/jack`.
    pub fn set_versioned(&self, path: &str, fields: Value) {
        let metadata = json!({
            "created_time": "2026-11-23T19:25:00.000000000Z", "custom_metadata": null, "deletion_time": "",
            "destroyed": false, "version": 3,
        });
        self.set(path, json!({"data": fields, "metadata": metadata}));
    }

    /// Nothing is at a path any more.
    pub fn remove(&self, path: &str) {
        self.state.secrets.lock().remove(&(String::new(), path.to_owned()));
    }

    /// Another token lets in from now on.
    pub fn let_in(&self, token: &str) {
        token.clone_into(&mut self.state.token.lock());
    }

    /// From now on it fails like this.
    pub fn fail(&self, fault: Option<Fault>) {
        self.server.fail(fault);
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.server.requests()
    }
}

// === impl State ===

impl State {
    fn answer(&self, asked: &Asked) -> Answer {
        if asked.header("x-vault-token") != *self.token.lock() {
            return refused(StatusCode::FORBIDDEN, &["permission denied"]);
        }
        if asked.method != Method::GET {
            return refused(StatusCode::METHOD_NOT_ALLOWED, &[]);
        }
        let path = asked.path.strip_prefix("/v1/").unwrap_or_default().to_owned();
        let namespace = asked.header("x-vault-namespace").to_owned();
        match self.secrets.lock().get(&(namespace, path)) {
            None => refused(StatusCode::NOT_FOUND, &[]),
            Some(data) => Answer::json(&json!({
                "request_id": "5e0c1d4e-6ab6-7f0d-3f3b-3c1f3f0b9d11", "lease_id": "", "renewable": false,
                "lease_duration": 2_764_800, "data": data, "wrap_info": null, "warnings": null, "auth": null,
                "mount_type": "kv",
            })),
        }
    }
}

fn refused(status: StatusCode, errors: &[&str]) -> Answer {
    Answer { status, ..Answer::json(&json!({ "errors": errors })) }
}
