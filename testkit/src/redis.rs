//! Real Redis servers: one, a cluster, and sentinels.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::certificates::Files;
use crate::ports::Reserved;
use crate::process::Guarded;
use crate::within;

/// How long a server may take to come up on a busy machine.
const UP: Duration = Duration::from_secs(30);

/// A server that keeps nothing on disk; gone when dropped.
#[derive(Debug)]
pub struct Redis {
    process: Option<Guarded>,
    port: Reserved,
    /// Of its TLS port or its cluster's bus, if it has one.
    second: Option<Reserved>,
    options: Vec<String>,
    password: Option<String>,
}

/// Three masters that share the slots.
#[derive(Debug)]
pub struct Cluster {
    /// They.
    pub nodes: Vec<Redis>,
}

/// A sentinel that watches one server under the name `main`.
#[derive(Debug)]
pub struct Sentinel {
    _process: Guarded,
    port: Reserved,
}

// === impl Redis ===

impl Redis {
    /// A server without a password.
    ///
    /// # Errors
    /// When Redis is not installed or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(None, &[], None).await
    }

    /// A server that wants this password of everybody.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with_password(password: &str) -> anyhow::Result<Self> {
        Self::with(Some(password), &[], None).await
    }

    /// A server with a second port for TLS, which wants no certificate of its clients.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with_tls(files: &Files) -> anyhow::Result<Self> {
        let port = Reserved::take()?;
        let options = [
            format!("--tls-port {}", port.port()),
            format!("--tls-cert-file {}", files.certificate.display()),
            format!("--tls-key-file {}", files.key.display()),
            format!("--tls-ca-cert-file {}", files.certificate.display()),
            "--tls-auth-clients no".to_owned(),
        ];
        Self::with(None, &options, Some(port)).await
    }

    async fn with(password: Option<&str>, options: &[String], second: Option<Reserved>) -> anyhow::Result<Self> {
        let port = Reserved::take()?;
        let mut all = vec![
            format!("--port {}", port.port()),
            "--bind 127.0.0.1".to_owned(),
            "--appendonly no".to_owned(),
            "--loglevel notice".to_owned(),
        ];
        all.extend_from_slice(options);
        all.extend(password.map(|password| format!("--requirepass {password}")));
        let options = all.iter().flat_map(|option| option.split(' ')).map(str::to_owned).collect();
        let mut redis = Self { process: None, port, second, options, password: password.map(str::to_owned) };
        redis.start_again().await?;
        Ok(redis)
    }

    /// Starts it, empty, on the same port as before.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.kill();
        let dir = tempfile::Builder::new().prefix("portolan-redis.").tempdir()?;
        let mut args = vec!["--dir".to_owned(), dir.path().display().to_string(), "--save".to_owned(), String::new()];
        args.extend_from_slice(&self.options);
        let process = Guarded::start("redis-server", &args, dir).context("could not start redis-server")?;
        let log = process.dir().join("log");
        self.process = Some(process);
        let up = within(UP, || async {
            let answer = self.command(&["PING"])?;
            ensure!(answer == "PONG", "Redis says {answer}");
            Ok(())
        });
        explained(up.await, log)
    }

    /// Kills it; what it held is gone.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// Its port for TLS.
    pub fn tls_port(&self) -> Option<u16> {
        self.second.as_ref().map(Reserved::port)
    }

    /// What it answers to a command, as redis-cli shows it.
    ///
    /// # Errors
    /// When redis-cli is not there or finds no server.
    pub fn command(&self, words: &[&str]) -> anyhow::Result<String> {
        let password = self.password.as_deref().map(|password| vec!["--no-auth-warning", "-a", password]);
        cli(self.port(), &[&password.unwrap_or_default(), words].concat())
    }
}

// === impl Cluster ===

impl Cluster {
    /// Starts one and waits until all slots are served.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn start() -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let bus = Reserved::take()?;
            let options = [
                "--cluster-enabled yes".to_owned(),
                format!("--cluster-port {}", bus.port()),
                "--cluster-node-timeout 1000".to_owned(),
            ];
            nodes.push(Redis::with(None, &options, Some(bus)).await?);
        }
        let addresses: Vec<String> = nodes.iter().map(|node| node.port.address()).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.push("--cluster-yes");
        cli(nodes[0].port(), &create)?;
        let cluster = Self { nodes };
        within(UP, || async {
            for node in &cluster.nodes {
                let info = node.command(&["CLUSTER", "INFO"])?;
                ensure!(info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"), "{info}");
            }
            Ok(())
        })
        .await?;
        Ok(cluster)
    }

    /// `host:port` of each node.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.port.address()).collect()
    }
}

// === impl Sentinel ===

impl Sentinel {
    /// Starts one and waits until it knows the server.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn watching(redis: &Redis) -> anyhow::Result<Self> {
        let port = Reserved::take()?;
        let dir = tempfile::Builder::new().prefix("portolan-sentinel.").tempdir()?;
        let file = dir.path().join("sentinel.conf");
        let lines = [
            format!("port {}", port.port()),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", dir.path().display()),
            format!("sentinel monitor main 127.0.0.1 {} 1", redis.port()),
        ];
        std::fs::write(&file, lines.join("\n") + "\n")?;
        let args = [file.display().to_string(), "--sentinel".to_owned()];
        let process = Guarded::start("redis-server", &args, dir).context("could not start a sentinel")?;
        let log = process.dir().join("log");
        let up = within(UP, || async {
            let answer = cli(port.port(), &["SENTINEL", "get-master-addr-by-name", "main"])?;
            ensure!(answer.contains(&redis.port().to_string()), "the sentinel says {answer}");
            Ok(())
        });
        explained(up.await, log)?;
        Ok(Self { _process: process, port })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port.port()
    }
}

fn cli(port: u16, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(words).output();
    let output = output.context("could not run redis-cli")?;
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() {
        bail!("redis-cli: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}

fn explained(outcome: anyhow::Result<()>, log: PathBuf) -> anyhow::Result<()> {
    outcome.map_err(|error| error.context(std::fs::read_to_string(log).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_goes_and_comes_back_empty() {
        let mut redis = Redis::with_password("secret").await.unwrap();
        assert_eq!(redis.command(&["SET", "a", "1"]).unwrap(), "OK");
        redis.kill();
        redis.command(&["GET", "a"]).unwrap_err();
        redis.start_again().await.unwrap();
        assert_eq!(redis.command(&["GET", "a"]).unwrap(), "");
    }
}
