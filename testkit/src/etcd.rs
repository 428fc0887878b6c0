//! A real etcd, to compare with and to follow.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::process::Guarded;
use crate::{ports, upstream, within};

/// A single-member etcd without TLS, in a temporary directory; gone when dropped.
#[derive(Debug)]
pub struct Etcd {
    process: Guarded,
    dir: TempDir,
    port: u16,
}

// === impl Etcd ===

impl Etcd {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// When etcd is not installed or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("portolan-etcd.").tempdir()?;
        let port = ports::reserve()?;
        let client = format!("http://127.0.0.1:{port}");
        let peer = format!("http://127.0.0.1:{}", ports::reserve()?);
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
        let known = if version_has_unsafe_no_fsync() { &args[..] } else { &args[..args.len() - 1] };
        let process = Guarded::start("etcd", known, &dir.path().join("log")).context("could not start etcd")?;
        let etcd = Self { process, dir, port };
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
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Kills it; a test of what happens then goes on.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

fn version_has_unsafe_no_fsync() -> bool {
    let Ok(output) = std::process::Command::new("etcd").arg("--help").output() else {
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
