//! Envoy, as a proxy to compare with.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::peer::{Instance, Shape};
use super::site::{self, CONSUMERS, ROUTES, Site, free_port};
use crate::process::Stopped;

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";
const HTTP_OPTIONS: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Passes every request on, over connections that it keeps.
pub fn proxy(site: &Site, shape: Shape, program: &Path) -> anyhow::Result<Instance> {
    let [http, https, grpc, tcp] = [free_port()?, free_port()?, free_port()?, free_port()?];
    let dir = site.dir.join(format!("envoy-{shape:?}"));
    fs::create_dir_all(&dir)?;
    let file = |path: &Path| json!({ "filename": path });
    let tls = json!({ "name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": { "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificates": [{ "certificate_chain": file(&site.cert), "private_key": file(&site.key) }] } } });
    let up = manager(&routes(shape), shape == Shape::Usual);
    let to_grpc = manager(&[json!({ "match": { "prefix": "/" }, "route": { "cluster": "grpc" } })], false);
    let relay = json!({ "name": "tcp", "typed_config": {
        "@type": format!("{FILTERS}.network.tcp_proxy.v3.TcpProxy"), "stat_prefix": "t", "cluster": "up" } });
    let config = json!({ "static_resources": {
        "listeners": [
            listener(http, &up, None), listener(https, &up, Some(&tls)), listener(grpc, &to_grpc, None),
            listener(tcp, &relay, None),
        ],
        "clusters": [
            cluster("up", site.http, &json!({ "http_protocol_options": {} })),
            cluster("grpc", site.grpc, &json!({ "http2_protocol_options": {} })),
        ],
    } });
    let path = dir.join("envoy.json");
    fs::write(&path, config.to_string())?;
    let log = dir.join("log");
    let mut command = Command::new(program);
    command.arg("-c").arg(&path).args(["--disable-hot-restart", "-l", "error", "--concurrency"]);
    command.arg(site.workers.to_string()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    let mut process = Stopped(command.spawn().context("could not start envoy")?);
    site::wait_for(http, &mut process, &log)?;
    Ok(Instance { pid: process.pid(), http, https, grpc: Some(grpc), tcp: Some(tcp), _processes: vec![process] })
}

fn routes(shape: Shape) -> Vec<Value> {
    let route = |prefix: &str| json!({ "match": { "prefix": prefix }, "route": { "cluster": "up", "timeout": "0s" } });
    match shape {
        Shape::Usual => {
            let keys = (0..CONSUMERS).map(|at| json!({ "key": site::consumer_key(at), "client": at.to_string() }));
            let keys = json!({ "@type": format!("{FILTERS}.http.api_key_auth.v3.ApiKeyAuthPerRoute"),
                "key_sources": [{ "header": "apikey" }], "credentials": keys.collect::<Vec<_>>() });
            let bucket =
                json!({ "max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "60s" });
            let all = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
            let limit = json!({ "@type": format!("{FILTERS}.http.local_ratelimit.v3.LocalRateLimit"),
                "stat_prefix": "l", "token_bucket": bucket, "filter_enabled": all, "filter_enforced": all });
            let mut auth = route("/auth/");
            auth["typed_per_filter_config"] = json!({ "keys": keys, "limit": limit });
            vec![auth, route("/")]
        }
        Shape::ManyRoutes => (0..ROUTES).map(|at| route(&site::route_prefix(at))).collect(),
    }
}

fn manager(routes: &[Value], guarded: bool) -> Value {
    let mut filters = Vec::new();
    if guarded {
        let keys = format!("{FILTERS}.http.api_key_auth.v3.ApiKeyAuth");
        let limit = format!("{FILTERS}.http.local_ratelimit.v3.LocalRateLimit");
        let disabled = |name: &str, config: Value| json!({ "name": name, "typed_config": config });
        filters.push(disabled("limit", json!({ "@type": limit, "stat_prefix": "l" })));
        let mut keys = disabled("keys", json!({ "@type": keys }));
        keys["disabled"] = true.into();
        filters.insert(0, keys);
    }
    filters.push(json!({ "name": "router", "typed_config": { "@type": format!("{FILTERS}.http.router.v3.Router") } }));
    json!({ "name": "http", "typed_config": {
        "@type": format!("{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "h", "generate_request_id": false, "use_remote_address": true, "http_filters": filters,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }] } } })
}

fn listener(port: u16, filter: &Value, tls: Option<&Value>) -> Value {
    let mut chain = json!({ "filters": [filter] });
    if let Some(tls) = tls {
        chain["transport_socket"] = tls.clone();
    }
    json!({ "address": address(port), "filter_chains": [chain] })
}

fn cluster(name: &str, port: u16, protocol: &Value) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    json!({ "name": name, "type": "STATIC", "connect_timeout": "5s",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
            { "@type": HTTP_OPTIONS, "explicit_http_config": protocol } },
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] } })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
