//! portolan as users run it: `portolan up`, and one route.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::process::Stopped;

/// A running gateway with a route for everything.
#[derive(Debug)]
pub struct Portolan {
    /// The data plane's process id.
    pub data_plane: u32,
    /// The proxy's address.
    pub url: String,
    // Stops the rest with it.
    _up: Stopped,
}

// === impl Portolan ===

impl Portolan {
    /// Starts it, and waits until the route is served.
    pub fn start(binary: &Path, dir: &Path, upstream: u16, workers: usize) -> anyhow::Result<Self> {
        let data = dir.join("portolan");
        let log = dir.join("portolan.log");
        let mut child = Command::new(binary)
            .args(["up", "--free-ports", "--json", "--data-dir"])
            .arg(&data)
            .arg(format!("--set=runtime.workers={workers}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("could not start {}", binary.display()))?;
        let output = child.stdout.take().context("the pipe was asked for")?;
        let up = Stopped(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            bail!("portolan did not start:\n{}", std::fs::read_to_string(&log)?);
        }
        let ready: Value = serde_json::from_str(&line)?;
        let text = |name: &str| ready[name].as_str().with_context(|| format!("no {name} in {ready}"));
        let data_plane = ready["pids"]["dp"].as_u64().and_then(|pid| pid.try_into().ok()).context("no pid")?;
        let url = text("proxy_http")?.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(route(text("admin_api")?, text("admin_key")?, &url, upstream))?;
        Ok(Self { data_plane, url, _up: up })
    }
}

async fn route(admin_api: &str, key: &str, proxy: &str, upstream: u16) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let node = format!("127.0.0.1:{upstream}");
    let body = json!({ "uri": "/*", "upstream": { "type": "roundrobin", "nodes": { node: 1 } } });
    let put = http.put(format!("{admin_api}/apisix/admin/routes/bench")).header("X-API-KEY", key).json(&body);
    let answer = put.send().await?;
    ensure!(answer.status().is_success(), "the route was refused: {}", answer.text().await?);
    for _ in 0..1000 {
        if http.get(proxy).send().await?.status().is_success() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bail!("the route is not served");
}
