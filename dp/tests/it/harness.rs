//! A data plane in this process, and the etcd it follows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::ensure;
use portolan_dp::run::run_under;
use portolan_dp::{Announcement, Config, Error};
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_etcd_proto::etcdserverpb::{DeleteRangeRequest, PutRequest};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;
use portolan_testkit::certificates::Files;
use portolan_testkit::etcd::Etcd;
use portolan_testkit::{Certificates, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub const SOON: Duration = Duration::from_secs(20);

/// One etcd for all tests of this process; each test has a prefix of its own.
static ETCD: OnceCell<Etcd> = OnceCell::const_new();

/// Made once, for that takes longer than a request; each request has a connection of its own, since tests have a runtime of their own.
static CLIENT: LazyLock<reqwest::Client> =
    LazyLock::new(|| reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap());

/// A place in the key space.
#[derive(Debug, Clone)]
pub struct Space {
    pub url: String,
    pub prefix: String,
}

/// A running data plane; dropped, it ends.
pub struct Gateway {
    pub announced: Announcement,
    pub space: Space,
    supervisor: Supervisor,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

/// Files of one instance, which outlive a gateway.
pub struct Instance {
    pub dir: TempDir,
    pub files: Files,
    pub ca: PathBuf,
}

// === impl Space ===

impl Space {
    pub async fn new() -> Self {
        let etcd = ETCD.get_or_init(|| async { Etcd::start().await.unwrap() }).await;
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("/test-{}/", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { url: etcd.url(), prefix }
    }

    /// A client of the etcd itself.
    pub async fn client(&self) -> KvClient<tonic::transport::Channel> {
        KvClient::new(tonic::transport::Endpoint::from_shared(self.url.clone()).unwrap().connect().await.unwrap())
    }

    /// Puts a resource; gives the revision.
    pub async fn put(&self, key: &str, value: &Value) -> i64 {
        let request = PutRequest {
            key: format!("{}{key}", self.prefix).into(),
            value: value.to_string().into(),
            ..PutRequest::default()
        };
        let mut client = self.client().await;
        client.put(request).await.unwrap().into_inner().header.unwrap().revision
    }

    /// Deletes a resource; gives the revision.
    pub async fn delete(&self, key: &str) -> i64 {
        let request =
            DeleteRangeRequest { key: format!("{}{key}", self.prefix).into(), ..DeleteRangeRequest::default() };
        let mut client = self.client().await;
        client.delete_range(request).await.unwrap().into_inner().header.unwrap().revision
    }
}

// === impl Instance ===

impl Instance {
    pub fn new() -> Self {
        portolan_testkit::install_crypto();
        let dir = tempfile::tempdir().unwrap();
        let authority = Certificates::new().unwrap();
        let issued = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let files = issued.write(dir.path(), "dp").unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, authority.ca()).unwrap();
        Self { dir, files, ca }
    }

    pub fn snapshot(&self) -> PathBuf {
        self.dir.path().join("snapshot")
    }

    pub fn config(&self, space: &Space) -> Config {
        let any = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::default();
        config.control_plane.endpoints = vec![space.url.clone()];
        config.control_plane.prefix = space.prefix.clone();
        config.control_plane.cert = Some(self.files.certificate.clone());
        config.control_plane.key = Some(self.files.key.clone());
        config.listen.http = any;
        config.listen.https = any;
        config.listen.status = any;
        config.listen.metrics = any;
        config.listen.control = any;
        config.tls.cert = Some(self.files.certificate.clone());
        config.tls.key = Some(self.files.key.clone());
        config.snapshot.path = self.snapshot();
        config.runtime.workers = 2;
        config.shutdown.drain_seconds = 5;
        config
    }
}

// === impl Gateway ===

impl Gateway {
    /// A gateway of its own instance, following a fresh place.
    pub async fn new() -> (Self, Instance) {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> (Self, Instance) {
        let instance = Instance::new();
        let space = Space::new().await;
        let mut config = instance.config(&space);
        change(&mut config);
        let gateway = Self::start(config, space);
        gateway.ready().await;
        (gateway, instance)
    }

    /// Starts with these settings; does not wait for readiness.
    pub fn start(config: Config, space: Space) -> Self {
        let supervisor = Supervisor::new();
        let (announce, announced) = mpsc::sync_channel(1);
        let life = supervisor.clone();
        let thread = std::thread::spawn(move || {
            run_under(&life, &config, Arc::new(SystemClock), move |it| announce.send(it).unwrap())
        });
        let announced = match announced.recv_timeout(SOON) {
            Ok(announced) => announced,
            Err(_) => panic!("not started: {:?}", thread.join()),
        };
        Self { announced, space, supervisor, thread: Some(thread) }
    }

    pub fn http(&self) -> String {
        self.announced.proxy_http.clone()
    }

    pub fn address(&self) -> String {
        self.announced.proxy_http.strip_prefix("http://").unwrap().to_owned()
    }

    pub fn https_address(&self) -> String {
        self.announced.proxy_https.as_ref().unwrap().strip_prefix("https://").unwrap().to_owned()
    }

    /// The readiness answer: status and body.
    pub async fn status(&self) -> anyhow::Result<(u16, Value)> {
        let response = CLIENT.get(format!("{}/status/ready", self.announced.status)).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    pub async fn ready(&self) -> Value {
        eventually(SOON, || async {
            let (status, body) = self.status().await?;
            ensure!(status == 200, "{body}");
            Ok(body)
        })
        .await
    }

    /// Waits until this revision is in use.
    pub async fn applied(&self, revision: i64) {
        eventually(SOON, || async {
            let (_, body) = self.status().await?;
            ensure!(body["revision"].as_i64() >= Some(revision), "{body}");
            Ok(())
        })
        .await;
    }

    /// Puts a resource and waits until it is in use.
    pub async fn put(&self, key: &str, value: Value) {
        let revision = self.space.put(key, &value).await;
        self.applied(revision).await;
    }

    /// Puts a route for `/*` to these nodes, with more fields of the upstream.
    pub async fn route_to(&self, nodes: &[String], more: Value) {
        let mut upstream =
            json!({"nodes": nodes.iter().map(|node| (node.clone(), json!(1))).collect::<serde_json::Map<_, _>>()});
        upstream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put("routes/all", json!({"uri": "/*", "upstream": upstream})).await;
    }

    pub fn request_shutdown(&self) {
        self.supervisor.shutdown().request();
    }

    /// Ends it and gives its result.
    pub fn stop(mut self) -> Result<(), Error> {
        self.request_shutdown();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.supervisor.shutdown().request_now();
        if let Some(thread) = self.thread.take() {
            // What it says was for the test, which has ended.
            let _ended = thread.join();
        }
    }
}

pub async fn text(url: &str) -> (u16, String) {
    let response = CLIENT.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

pub async fn get_json(url: &str) -> Value {
    CLIENT.get(url).send().await.unwrap().json().await.unwrap()
}

pub fn exists(path: &Path) -> anyhow::Result<()> {
    ensure!(path.exists(), "{} is not there", path.display());
    Ok(())
}
