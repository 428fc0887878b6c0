//! A real etcd, to compare with and to follow: the system's, or the one whose path `PORTOLAN_ETCD` holds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::ports::Reserved;
use crate::process::Guarded;
use crate::{upstream, within};

/// A single-member etcd without TLS, in a temporary directory; gone when dropped.
#[derive(Debug)]
pub struct Etcd {
    process: Guarded,
    client: Reserved,
    _peer: Reserved,
}

// === impl Etcd ===

impl Etcd {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// When etcd is not installed or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("portolan-etcd.").tempdir()?;
        let (client_port, peer_port) = (Reserved::take()?, Reserved::take()?);
        let client = format!("http://{}", client_port.address());
        let peer = format!("http://{}", peer_port.address());
        let args = [
            "--name=test".to_owned(),
            format!("--data-dir={}", dir.path().join("data").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=test={peer}"),
            "--unsafe-no-fsync".to_owned(),
        ];
        // etcd 3.4 does not know the last one.
        let binary = binary();
        let known = if version_has_unsafe_no_fsync(&binary) { &args[..] } else { &args[..args.len() - 1] };
        let process = Guarded::start(&binary, known, dir).with_context(|| format!("could not start {binary}"))?;
        let etcd = Self { process, client: client_port, _peer: peer_port };
        let health = format!("{}/health", etcd.url());
        let up = within(Duration::from_secs(30), || async {
            let answer = upstream::get(&health).await?;
            if answer.contains("\"true\"") { Ok(()) } else { bail!("etcd says {answer}") }
        });
        if let Err(error) = up.await {
            bail!("{error:#}\n{}", std::fs::read_to_string(etcd.log()).unwrap_or_default());
        }
        Ok(etcd)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.client.address())
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.process.dir().join("log")
    }

    /// Kills it; a test of what happens then goes on. Its data is gone with it.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// The one of the system, or that of the variable.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not one of the product")]
fn binary() -> String {
    std::env::var("PORTOLAN_ETCD").unwrap_or_else(|_| "etcd".to_owned())
}

fn version_has_unsafe_no_fsync(binary: &str) -> bool {
    let Ok(output) = std::process::Command::new(binary).arg("--help").output() else {
        return false;
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).contains("unsafe-no-fsync")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_and_goes() {
        let etcd = Etcd::start().await.unwrap();
        let version = upstream::get(&format!("{}/version", etcd.url())).await.unwrap();
        assert!(version.contains("etcdserver"), "{version}");
        let url = etcd.url();
        drop(etcd);
        upstream::get(&format!("{url}/version")).await.unwrap_err();
    }
}
