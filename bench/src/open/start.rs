//! One start of a control plane, with the time it takes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::memory;
use crate::process::Stopped;

/// Longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Until its ports serve.
    pub serves: Duration,
    /// Until its status port says that it is ready: the log's signer, too, has looked at the log.
    pub ready: Duration,
    /// Resident memory then, in bytes.
    pub resident: i64,
}

/// Starts a control plane with that configuration, and stops it when it is ready.
pub fn start(portolan: &Path, config: &Path) -> anyhow::Result<Start> {
    let begin = Instant::now();
    let mut child = Command::new(portolan)
        .args(["cp", "--json", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(config.with_extension("log"))?)
        .spawn()
        .with_context(|| format!("could not start {}", portolan.display()))?;
    let output = child.stdout.take().context("the pipe was asked for")?;
    let process = Stopped(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let serves = begin.elapsed();
    let announced: Value = serde_json::from_str(&line).context("the control plane did not start")?;
    let url = format!("{}/status/ready", announced["status"].as_str().context("no status port")?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build()?;
        while !http.get(&url).send().await?.status().is_success() {
            ensure!(begin.elapsed() < PATIENCE, "not ready: {}", http.get(&url).send().await?.text().await?);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    })?;
    Ok(Start { serves, ready: begin.elapsed(), resident: memory::resident(process.pid())? })
}
