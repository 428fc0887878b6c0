//! The servers: a real etcd, and portolan's control plane on each database. All of them durable, all with mutual TLS.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use portolan_etcd_proto::etcdserverpb::RangeRequest;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::client::Dial;
use crate::process::Stopped;

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Its name in the table.
    pub name: &'static str,
    /// How to reach it.
    pub dial: Dial,
    /// The process that speaks etcd.
    pub pid: u32,
    /// Further processes whose time counts: those of the database.
    pub database: Option<u32>,
    // Dropped in this order: the database after its user.
    _process: Stopped,
    _database: Option<Stopped>,
}

/// A running control plane, and what it takes to make certificates.
#[derive(Debug)]
pub struct Up {
    process: Stopped,
    ready: Value,
}

/// Starts a control plane on SQLite and one on each database, and an etcd with certificates of the first one's authority.
pub async fn start(portolan: &Path, scripts: &Path, dir: &Path, databases: &[String]) -> anyhow::Result<Vec<Server>> {
    let sqlite = Up::start(portolan, &dir.join("sqlite"), None, &[])?;
    let mut servers = vec![etcd(&sqlite, &dir.join("etcd")).await?, sqlite.server("sqlite", None)?];
    for database in databases {
        let name = match database.as_str() {
            "postgres" => "postgres",
            "mariadb" => "mariadb",
            other => bail!("unknown database {other:?}; allowed: postgres, mariadb"),
        };
        let (url, process) = throwaway(&scripts.join(format!("throwaway-{name}")))?;
        let up = Up::start(portolan, &dir.join(name), Some(&url), &[])?;
        servers.push(up.server(name, Some(process))?);
    }
    for server in &servers {
        let kv = server.dial.connect()?.kv();
        let request = RangeRequest { key: "k".into(), ..RangeRequest::default() };
        let mut tries = 0;
        while let Err(status) = kv.clone().range(request.clone()).await {
            tries += 1;
            ensure!(tries < 200, "{} does not answer: {status}", server.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(servers)
}

/// A throw-away database server with durable settings.
pub fn throwaway(script: &Path) -> anyhow::Result<(String, Stopped)> {
    let mut child = Command::new(script)
        .args(["--durable", "--until-pid", &std::process::id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not run {}", script.display()))?;
    let output = child.stdout.take().context("the pipe was asked for")?;
    let process = Stopped(child);
    let mut url = String::new();
    // The pipe stays open: the script ends when nobody reads it any more.
    let mut lines = BufReader::new(output);
    lines.read_line(&mut url)?;
    std::mem::forget(lines);
    ensure!(!url.is_empty(), "{} did not start", script.display());
    Ok((url.trim_end().to_owned(), process))
}

/// A single etcd as its defaults are, with a certificate that the authority of `up` signs.
async fn etcd(up: &Up, dir: &Path) -> anyhow::Result<Server> {
    fs::create_dir_all(dir)?;
    let (certificate, key) = (dir.join("server.pem"), dir.join("server.key"));
    let pair = KeyPair::generate()?;
    let csr = CertificateParams::default().serialize_request(&pair)?.pem()?;
    let order = json!({ "kind": "server", "name": "etcd", "names": ["localhost", "127.0.0.1"], "csr": csr });
    let http = reqwest::Client::builder().no_proxy().build()?;
    let post = http.post(format!("{}/api/certificates", up.text("admin_api")?));
    let answer = post.header("X-API-KEY", up.text("admin_key")?).json(&order).send().await?;
    ensure!(answer.status().is_success(), "no certificate for etcd: {}", answer.text().await?);
    let answer: Value = answer.json().await?;
    fs::write(&certificate, answer["certificate"].as_str().context("no certificate")?)?;
    fs::write(&key, pair.serialize_pem())?;

    let (port, peer_port) = (free_port()?, free_port()?);
    let (url, peer) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let log = File::create(dir.join("log"))?;
    let child = Command::new("etcd")
        .arg(format!("--data-dir={}", dir.join("data").display()))
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .arg(format!("--cert-file={}", certificate.display()))
        .arg(format!("--key-file={}", key.display()))
        .arg(format!("--trusted-ca-file={}", up.text("ca")?))
        .arg("--client-cert-auth")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("could not start etcd; on Debian: apt-get install etcd-server")?;
    let pid = child.id();
    let dial = Dial::new(&url, &up.path("ca")?, &up.path("admin_cert")?, &up.path("admin_cert_key")?)?;
    Ok(Server { name: "etcd", dial, pid, database: None, _process: Stopped(child), _database: None })
}

/// etcd can't say which port it got, so it must be told one.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

// === impl Up ===

impl Up {
    /// Starts it, on SQLite unless a store is given, with further options.
    pub fn start(binary: &Path, dir: &Path, store: Option<&str>, options: &[&str]) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let log = dir.join("log");
        let mut command = Command::new(binary);
        command.args(["up", "--free-ports", "--json", "--data-dir"]).arg(dir.join("data"));
        command.args(options);
        if let Some(store) = store {
            command.args(["--store", store]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("could not start {}", binary.display()))?;
        let output = child.stdout.take().context("the pipe was asked for")?;
        let process = Stopped(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            bail!("portolan did not start:\n{}", fs::read_to_string(&log)?);
        }
        Ok(Self { process, ready: serde_json::from_str(&line)? })
    }

    fn server(self, name: &'static str, database: Option<Stopped>) -> anyhow::Result<Server> {
        let pid = self.control_plane().context("no pid")?;
        let (certificate, key) = (self.path("admin_cert")?, self.path("admin_cert_key")?);
        let dial = Dial::new(self.text("dp_manager")?, &self.path("ca")?, &certificate, &key)?;
        let database_pid = database.as_ref().map(Stopped::pid);
        Ok(Server { name, dial, pid, database: database_pid, _process: self.process, _database: database })
    }

    /// The process of the control plane.
    pub fn control_plane(&self) -> Option<u32> {
        self.ready["pids"]["cp"].as_u64().and_then(|pid| pid.try_into().ok())
    }

    /// What it said of itself.
    pub fn text(&self, name: &str) -> anyhow::Result<&str> {
        self.ready[name].as_str().with_context(|| format!("no {name} in {}", self.ready))
    }

    /// The same, of a file.
    pub fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.text(name).map(PathBuf::from)
    }
}
