//! The servers: a real etcd, and portolan's control plane on each database. All of them durable, all with mutual TLS.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use portolan_etcd_proto::etcdserverpb::RangeRequest;

use super::client::Dial;
use super::papers::Papers;
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

/// Starts a control plane on SQLite and one on each database, an etcd, and a kine where there is one.
pub async fn start(
    portolan: &Path,
    scripts: &Path,
    dir: &Path,
    databases: &[String],
    kine: Option<&Path>,
) -> anyhow::Result<Vec<Server>> {
    let sqlite = Up::start(portolan, &dir.join("sqlite"), None, &[])?;
    let mut servers = vec![etcd(&dir.join("etcd"))?];
    if let Some(binary) = kine {
        let (_, url, process) = up::throwaway(scripts, "postgres")?;
        servers.push(self::kine(&dir.join("kine"), binary, &url, process)?);
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

/// A single etcd as its defaults are.
fn etcd(dir: &Path) -> anyhow::Result<Server> {
    let papers = Papers::new(dir)?;
    let (port, peer_port) = (free_port()?, free_port()?);
    let (url, peer) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = Command::new("etcd");
    command
        .arg(format!("--data-dir={}", dir.join("data").display()))
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .arg(format!("--cert-file={}", papers.server.certificate.display()))
        .arg(format!("--key-file={}", papers.server.key.display()))
        .arg(format!("--trusted-ca-file={}", papers.ca.display()))
        .arg("--client-cert-auth");
    let process = start_logged(command, &dir.join("log"))
        .context("could not start etcd; on Debian: apt-get install etcd-server")?;
    Ok(Server::new("etcd", papers.dial(&url)?, process, None))
}

/// kine on a PostgreSQL of its own.
fn kine(dir: &Path, binary: &Path, database: &str, process: Stopped) -> anyhow::Result<Server> {
    let papers = Papers::new(dir)?;
    let url = format!("https://127.0.0.1:{}", free_port()?);
    let database = database.replacen("/postgres?", "/kine?sslmode=disable&", 1);
    let mut command = Command::new(binary);
    command
        .arg(format!("--listen-address={url}"))
        .arg(format!("--endpoint={database}"))
        .arg("--metrics-bind-address=0")
        .arg(format!("--server-cert-file={}", papers.server.certificate.display()))
        .arg(format!("--server-key-file={}", papers.server.key.display()))
        .arg(format!("--trusted-ca-file={}", papers.ca.display()));
    let kine =
        start_logged(command, &dir.join("log")).with_context(|| format!("could not start {}", binary.display()))?;
    Ok(Server::new("kine", papers.dial(&url)?, kine, Some(process)))
}

/// etcd can't say which port it got, so it must be told one.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start_logged(mut command: Command, log: &Path) -> anyhow::Result<Stopped> {
    let log = File::create(log)?;
    Ok(Stopped(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?))
}

fn server(up: Up, name: &'static str, database: Option<Stopped>) -> anyhow::Result<Server> {
    let (pid, dial) = (up.control_plane()?, up.dial()?);
    Ok(Server { pid, ..Server::new(name, dial, up.process, database) })
}

// === impl Server ===

impl Server {
    fn new(name: &'static str, dial: Dial, process: Stopped, database: Option<Stopped>) -> Self {
        let (pid, database_pid) = (process.pid(), database.as_ref().map(Stopped::pid));
        Self { name, dial, pid, database: database_pid, _process: process, _database: database }
    }
}
