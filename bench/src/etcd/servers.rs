//! The servers: a real etcd, and portolan's control plane on each database. All of them durable, all with mutual TLS.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use portolan_etcd_proto::etcdserverpb::RangeRequest;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::client::Dial;
use crate::process::Stopped;
use crate::up::{self, Up};

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

/// Starts a control plane on SQLite and one on each database, and an etcd with certificates of the first one's authority.
pub async fn start(
    portolan: &Path,
    scripts: &Path,
    dir: &Path,
    databases: &[String],
    kine: Option<&Path>,
) -> anyhow::Result<Vec<Server>> {
    let sqlite = Up::start(portolan, &dir.join("sqlite"), None, &[])?;
    let papers = Papers::new(&sqlite, &dir.join("etcd")).await?;
    let mut servers = vec![etcd(&papers)?];
    if let Some(binary) = kine {
        let (_, url, process) = up::throwaway(scripts, "postgres")?;
        servers.push(self::kine(&papers, binary, &url, process)?);
    }
    servers.push(server(sqlite, "sqlite", None)?);
    for database in databases {
        let (name, url, process) = up::throwaway(scripts, database)?;
        let up = Up::start(portolan, &dir.join(name), Some(&url), &[])?;
        servers.push(server(up, name, Some(process))?);
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

/// What a foreign server needs to be reached like ours: a certificate that the authority of ours signed.
struct Papers {
    dir: PathBuf,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    admin: (PathBuf, PathBuf),
}

/// A single etcd as its defaults are.
fn etcd(papers: &Papers) -> anyhow::Result<Server> {
    let (port, peer_port) = (free_port()?, free_port()?);
    let (url, peer) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = Command::new("etcd");
    command
        .arg(format!("--data-dir={}", papers.dir.join("data").display()))
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .arg(format!("--cert-file={}", papers.certificate.display()))
        .arg(format!("--key-file={}", papers.key.display()))
        .arg(format!("--trusted-ca-file={}", papers.ca.display()))
        .arg("--client-cert-auth");
    papers.server("etcd", command, &url, None).context("could not start etcd; on Debian: apt-get install etcd-server")
}

/// kine on a PostgreSQL of its own.
fn kine(papers: &Papers, binary: &Path, database: &str, process: Stopped) -> anyhow::Result<Server> {
    let url = format!("https://127.0.0.1:{}", free_port()?);
    let database = database.replacen("/postgres?", "/kine?sslmode=disable&", 1);
    let mut command = Command::new(binary);
    command
        .arg(format!("--listen-address={url}"))
        .arg(format!("--endpoint={database}"))
        .arg("--metrics-bind-address=0")
        .arg(format!("--server-cert-file={}", papers.certificate.display()))
        .arg(format!("--server-key-file={}", papers.key.display()))
        .arg(format!("--trusted-ca-file={}", papers.ca.display()));
    papers.server("kine", command, &url, Some(process)).with_context(|| format!("could not start {}", binary.display()))
}

// === impl Papers ===

impl Papers {
    async fn new(up: &Up, dir: &Path) -> anyhow::Result<Self> {
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
        let admin = (up.path("admin_cert")?, up.path("admin_cert_key")?);
        Ok(Self { dir: dir.to_owned(), ca: up.path("ca")?, certificate, key, admin })
    }

    fn server(
        &self,
        name: &'static str,
        mut command: Command,
        url: &str,
        database: Option<Stopped>,
    ) -> anyhow::Result<Server> {
        let log = File::create(self.dir.join(format!("{name}.log")))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let pid = child.id();
        let dial = Dial::new(url, &self.ca, &self.admin.0, &self.admin.1)?;
        let database_pid = database.as_ref().map(Stopped::pid);
        Ok(Server { name, dial, pid, database: database_pid, _process: Stopped(child), _database: database })
    }
}

/// etcd can't say which port it got, so it must be told one.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn server(up: Up, name: &'static str, database: Option<Stopped>) -> anyhow::Result<Server> {
    let (pid, dial) = (up.control_plane()?, up.dial()?);
    let database_pid = database.as_ref().map(Stopped::pid);
    Ok(Server { name, dial, pid, database: database_pid, _process: up.process, _database: database })
}
