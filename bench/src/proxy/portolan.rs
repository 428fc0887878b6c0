//! portolan as users run it: `portolan up`, and routes through its Admin API.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::peer::{Instance, Shape};
use super::site::{self, CONSUMERS, ROUTES, Site, free_port};
use crate::process::Stopped;

/// Requests to the Admin API at a time.
const AT_ONCE: usize = 32;

/// The Admin API.
struct Admin {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// Starts it, and waits until its routes are served.
pub fn proxy(site: &Site, shape: Shape, binary: &Path) -> anyhow::Result<Instance> {
    let data = site.dir.join(format!("portolan-{shape:?}"));
    let log = data.with_extension("log");
    let tcp = free_port()?;
    let mut child = Command::new(binary)
        .args(["up", "--free-ports", "--json", "--data-dir"])
        .arg(&data)
        .arg(format!("--set=runtime.workers={}", site.workers))
        .arg(format!("--set=dp.tls.cert={}", site.cert.display()))
        .arg(format!("--set=dp.tls.key={}", site.key.display()))
        .arg(format!("--set=dp.listen.stream={{tcp: ['127.0.0.1:{tcp}']}}"))
        .arg("--set=cp.stream.enabled=true")
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
    let port = |name: &str| -> anyhow::Result<u16> {
        Ok(text(name)?.rsplit(':').next().context("no port")?.trim_end_matches('/').parse()?)
    };
    let (http, https) = (port("proxy_http")?, port("proxy_https")?);
    let pid = ready["pids"]["dp"].as_u64().and_then(|pid| pid.try_into().ok()).context("no pid")?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let admin = Admin { http: client, url: text("admin_api")?.to_owned(), key: text("admin_key")?.to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(admin.configure(site, shape, &format!("http://127.0.0.1:{http}")))?;
    Ok(Instance { pid, http, https, grpc: Some(http), tcp: Some(tcp), _processes: vec![up] })
}

// === impl Admin ===

impl Admin {
    async fn configure(&self, site: &Site, shape: Shape, proxy: &str) -> anyhow::Result<()> {
        let upstream = |scheme: &str, port: u16| {
            let node = format!("127.0.0.1:{port}");
            json!({ "type": "roundrobin", "scheme": scheme, "nodes": { node: 1 } })
        };
        self.put("upstreams/up", &upstream("http", site.http)).await?;
        match shape {
            Shape::Usual => {
                let all = (0..CONSUMERS).map(|at| async move {
                    let name = format!("consumer_{at}");
                    let plugins = json!({ "key-auth": { "key": site::consumer_key(at) } });
                    self.put(&format!("consumers/{name}"), &json!({ "username": name, "plugins": plugins })).await
                });
                stream::iter(all).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
                let limit = json!({ "count": 1_000_000_000, "time_window": 60, "rejected_code": 429,
                    "key": "consumer_name" });
                let plugins = json!({ "key-auth": {}, "limit-count": limit });
                self.put("routes/auth", &json!({ "uri": "/auth/*", "upstream_id": "up", "plugins": plugins })).await?;
                self.put("routes/grpc", &json!({ "uri": "/bench.*", "upstream": upstream("grpc", site.grpc) })).await?;
                self.put("stream_routes/tcp", &json!({ "upstream": upstream("tcp", site.http) })).await?;
                self.put("routes/all", &json!({ "uri": "/*", "upstream_id": "up" })).await?;
            }
            Shape::ManyRoutes => {
                let all = (0..ROUTES).map(|at| async move {
                    let route = json!({ "uri": format!("{}*", site::route_prefix(at)), "upstream_id": "up" });
                    self.put(&format!("routes/{at}"), &route).await
                });
                stream::iter(all).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
                let last = json!({ "uri": "/last", "upstream_id": "up" });
                self.put("routes/last", &last).await?;
            }
        }
        self.wait(&format!("{proxy}/last")).await
    }

    async fn put(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let put = self.http.put(format!("{}/apisix/admin/{path}", self.url)).header("X-API-KEY", &self.key).json(body);
        let answer = put.send().await?;
        ensure!(answer.status().is_success(), "{path} was refused: {}", answer.text().await?);
        Ok(())
    }

    /// The last change is live, and with it all others.
    async fn wait(&self, url: &str) -> anyhow::Result<()> {
        for _ in 0..3000 {
            if self.http.get(url).send().await?.status().is_success() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        bail!("the routes are not served")
    }
}
