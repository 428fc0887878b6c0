//! A whole gateway under `portolan up`, and its users' tools: an HTTP client, etcdctl, the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portolan_testkit::ports::Reserved;
use portolan_testkit::{Upstream, eventually};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{self, Output, Portolan};

/// Enough for anything that should be there at once, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// All listeners of both halves.
const LISTENERS: [&str; 9] = [
    "cp.listen.dashboard",
    "cp.listen.admin_api",
    "cp.listen.dp_manager",
    "cp.listen.status",
    "dp.listen.http",
    "dp.listen.https",
    "dp.listen.status",
    "dp.listen.metrics",
    "dp.listen.control",
];

/// The gateway; stopped and removed when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// `portolan up`.
    pub up: Portolan,
    http: reqwest::Client,
    data: PathBuf,
    ports: Vec<Reserved>,
    // Last: removed when the processes are gone.
    dir: Option<TempDir>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The body as JSON, or as a text when it is none.
    pub body: Value,
}

/// A key that etcdctl found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The revision that wrote it.
    pub mod_revision: u64,
}

/// What stands in for the administrator of an etcd client.
#[derive(Debug, Clone, Copy)]
pub enum Identity {
    /// The data plane's certificate.
    DataPlane,
    /// The administrative one.
    Admin,
}

// === impl Gateway ===

impl Gateway {
    /// Starts one with these further options of `up`, in a directory of its own, on ports that stay its own when a half is killed
    /// and comes back.
    pub async fn start(options: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("portolan-e2e.").tempdir().unwrap();
        let data = dir.path().join("data");
        let ports: Vec<Reserved> = LISTENERS.iter().map(|_| Reserved::take().unwrap()).collect();
        let pairs = LISTENERS.iter().zip(&ports);
        let sets: Vec<String> = pairs.map(|(name, port)| format!("--set={name}={}", port.address())).collect();
        let options: Vec<&str> = sets.iter().map(String::as_str).chain(options.iter().copied()).collect();
        let mut gateway = Self::start_in(&data, &options).await;
        gateway.dir = Some(dir);
        gateway.ports = ports;
        gateway
    }

    /// Starts one on an existing directory, on free ports.
    pub async fn start_in(data: &Path, options: &[&str]) -> Self {
        let data_dir = data.display().to_string();
        // What a data plane reports of itself is an event, at a time of its own: only tests of that want it.
        let mut args = vec!["up", "--free-ports", "--data-dir", &data_dir, "--set=dp.report.enabled=false"];
        args.extend(options);
        let up = Portolan::start(&args, &data.with_extension("log")).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { up, http, data: data.to_owned(), ports: Vec::new(), dir: None }
    }

    /// Stops it in order and keeps its directory.
    pub async fn stop(mut self) -> Option<TempDir> {
        let dir = self.dir.take();
        let (code, lines) = self.up.terminate().await;
        assert_eq!((code, lines), (Some(0), vec![]));
        dir
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The process id of a half, `cp` or `dp`, as first announced.
    pub fn pid(&self, half: &str) -> i32 {
        self.up.ready()["pids"][half].as_i64().unwrap().try_into().unwrap()
    }

    /// Starts a half by hand from the file that `up` wrote.
    pub async fn start_half(&self, half: &str) -> Portolan {
        let config = self.data.join(format!("{half}.yaml")).display().to_string();
        Portolan::start(&[half, "--config", &config], &self.data.with_extension(format!("{half}.log"))).await.unwrap()
    }

    /// The same, and a write beyond a limit on the size of files is an error to it, not the end.
    pub async fn start_half_without_file_size_signal(&self, half: &str) -> Portolan {
        let config = self.data.join(format!("{half}.yaml"));
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(process::binary());
        command.args([half, "--config"]).arg(config);
        Portolan::start_command(command, &self.data.with_extension(format!("{half}.log"))).await.unwrap()
    }

    /// A request to the Admin API's listener with the admin key.
    pub async fn admin(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.try_admin(method, path, body).await.unwrap()
    }

    /// The same; an error when the control plane can't be reached.
    pub async fn try_admin(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.raw(method, path, self.up.field("admin_key"), body).await
    }

    /// The same with any key (none when it is empty) and any bytes.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.up.field("admin_api"));
        let mut request = self.http.request(method, url).body(body);
        if !key.is_empty() {
            request = request.header("X-API-KEY", key);
        }
        let answer = request.send().await?;
        let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, retry_after, body })
    }

    /// Puts a route for `uri` to an upstream.
    pub async fn put_route(&self, id: &str, uri: &str, upstream: &Upstream) -> Answer {
        let path = format!("/apisix/admin/routes/{id}");
        self.admin(Method::PUT, &path, Some(&route(uri, upstream))).await
    }

    /// Events of the log, newest first; `query` is that of `/api/audit/events`.
    pub async fn events(&self, query: &str) -> Vec<Value> {
        let answer = self.admin(Method::GET, &format!("/api/audit/events?{query}"), None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["events"].as_array().unwrap().clone()
    }

    /// The newest revision.
    pub async fn head(&self) -> u64 {
        self.admin(Method::GET, "/api/audit/events?limit=1", None).await.body["head"].as_u64().unwrap()
    }

    /// The status and body of a request through the proxy.
    pub async fn proxied(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let answer = self.http.get(format!("{}{path}", self.up.field("proxy_http"))).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// Waits until the proxy answers with this status.
    pub async fn becomes(&self, path: &str, status: StatusCode) {
        eventually(SOON, || async {
            let (now, _) = self.proxied(path).await?;
            ensure!(now == status, "{path} answers {now}, not {status}");
            Ok(())
        })
        .await;
    }

    /// `/status/ready` of the data plane.
    pub async fn readiness(&self) -> anyhow::Result<(StatusCode, Value)> {
        let answer = self.http.get(format!("{}/status/ready", self.up.field("status"))).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// Runs etcdctl with a client certificate.
    pub async fn etcdctl(&self, identity: Identity, args: &[&str]) -> Output {
        let (cert, key) = match identity {
            Identity::DataPlane => ("dp_cert", "dp_key"),
            Identity::Admin => ("admin_cert", "admin_cert_key"),
        };
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(args).args(["--dial-timeout", "5s", "--command-timeout", "10s"]);
        command.args(["--endpoints", self.up.field("dp_manager"), "--cacert", self.up.field("ca")]);
        command.args(["--cert", self.up.field(cert), "--key", self.up.field(key)]);
        process::output(&mut command).await
    }

    /// All keys under a prefix, and the revision of the answer.
    pub async fn etcd_list(&self, identity: Identity, prefix: &str) -> (u64, Vec<Found>) {
        let output = self.etcdctl(identity, &["get", "--prefix", prefix, "-w", "json"]).await;
        assert_eq!(output.code, 0, "{}", output.stderr);
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        let text = |field: &Value| String::from_utf8(STANDARD.decode(field.as_str().unwrap()).unwrap()).unwrap();
        let keys = answer["kvs"].as_array().into_iter().flatten().map(|kv| Found {
            key: text(&kv["key"]),
            value: text(&kv["value"]),
            mod_revision: kv["mod_revision"].as_u64().unwrap(),
        });
        (answer["header"]["revision"].as_u64().unwrap(), keys.collect())
    }

    /// Runs a client command of the binary.
    pub async fn command(&self, args: &[&str]) -> Output {
        let env = [("PORTOLAN_SERVER", self.up.field("admin_api")), ("PORTOLAN_TOKEN", self.up.field("admin_key"))];
        process::run(args, &env).await
    }
}

/// A route in APISIX's JSON.
pub fn route(uri: &str, upstream: &Upstream) -> Value {
    json!({ "uri": uri, "upstream": { "type": "roundrobin", "nodes": { upstream.node(): 1 } } })
}
