//! A control plane in this process, on free ports, with a store of its own; and clients for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portolan_cp::config::{Admin, DataDir, Key, Listen, Role, Store, Stream};
use portolan_cp::{Announcement, Config, start};
use portolan_rt::clock::{Clock, SystemClock};
use portolan_rt::task::Supervisor;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;

pub const ADMIN_KEY: &str = "admin-key-1234";
pub const VIEWER_KEY: &str = "viewer-key-1234";
pub const PASSWORD: &str = "correct horse battery";

/// A running control plane.
pub struct Plane {
    pub at: Announcement,
    pub dir: Arc<TempDir>,
    supervisor: Supervisor,
    client: Client,
}

/// An answer, read in full.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

/// Settings for a plane that keeps everything in one folder.
pub fn config(dir: &Path) -> Config {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let key = |name: &str, key: &str, role| Key {
        name: name.into(),
        key: Some(key.into()),
        key_file: None,
        role,
        gateway_group_id: None,
    };
    Config {
        store: Store { url: format!("sqlite:{}", dir.join("db/portolan.db").display()) },
        data_dir: DataDir { path: dir.join("cp"), secret_key_file: None },
        listen: Listen { dashboard: any, admin_api: any, dp_manager: any, status: any },
        admin: Admin {
            user: "root".into(),
            password: Some(PASSWORD.into()),
            password_file: None,
            change_password: false,
            keys: vec![key("ci", ADMIN_KEY, Role::Admin), key("eye", VIEWER_KEY, Role::Viewer)],
        },
        stream: Stream { enabled: true },
        ..Config::default()
    }
}

impl Plane {
    /// A new one, on SQLite.
    pub async fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self::with(dir.clone(), config(dir.path()), Arc::new(SystemClock)).await
    }

    /// A new one, on this store.
    pub async fn on(url: &str) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let mut settings = config(dir.path());
        settings.store.url = url.to_owned();
        Self::with(dir, settings, Arc::new(SystemClock)).await
    }

    /// One with these settings.
    pub async fn with(dir: Arc<TempDir>, config: Config, clock: Arc<dyn Clock>) -> Self {
        portolan_rt::tls::install_crypto_provider();
        let supervisor = Supervisor::new();
        let at = start(&config, clock, &supervisor).await.unwrap();
        let ca = Certificate::from_pem(&std::fs::read(&at.ca).unwrap()).unwrap();
        let client = Client::builder().tls_certs_only([ca]).build().unwrap();
        Self { at, dir, supervisor, client }
    }

    /// Ends it as a signal would; the folder stays.
    pub async fn stop(self) -> Arc<TempDir> {
        self.supervisor.shutdown().request();
        self.supervisor.run(Duration::from_secs(30)).await.unwrap();
        self.dir.clone()
    }

    pub fn ca(&self) -> PathBuf {
        self.at.ca.clone()
    }

    /// A request to 9180, without credentials.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse::<Method>().unwrap(), format!("{}{path}", self.at.admin_api))
    }

    /// A request to 7443, without credentials.
    pub fn dashboard(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse::<Method>().unwrap(), format!("{}{path}", self.at.dashboard))
    }

    /// A request to 9180 with the administrator's key and, unless it is null, a JSON body.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("x-api-key", ADMIN_KEY);
        send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }

    /// The same, whose answer must be this.
    pub async fn expect(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        answer.json()
    }

    /// The same with more headers.
    pub async fn with_headers(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = self.request(method, path).header("x-api-key", ADMIN_KEY);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }

    /// A request with another key.
    pub async fn as_key(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("x-api-key", key);
        send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }

    /// The newest events, newest first.
    pub async fn events(&self, limit: usize) -> Vec<Value> {
        let page = self.expect("GET", &format!("/api/audit/events?limit={limit}"), Value::Null, 200).await;
        page["events"].as_array().unwrap().clone()
    }

    /// The revision of the newest event.
    pub async fn head(&self) -> i64 {
        self.expect("GET", "/api/status", Value::Null, 200).await["revision"].as_i64().unwrap()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.supervisor.shutdown().request_now();
        self.supervisor.attendants().shutdown().request_now();
    }
}

/// Sends it and reads the answer.
pub async fn send(request: RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
