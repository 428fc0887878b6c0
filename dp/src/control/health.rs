//! `/v1/healthcheck`: how the nodes of checked upstreams are.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::snapshot::Snapshot;
use crate::upstream::dns::Dns;

/// The answer to what follows `/v1/healthcheck`: nothing, or `/routes/1`.
pub(super) fn answer(snapshot: &Snapshot, dns: &Dns, rest: &str) -> (StatusCode, Value) {
    let mut segments = rest.split('/').skip(1).filter(|segment| !segment.is_empty());
    let Some(kind) = segments.next() else { return (StatusCode::OK, all(snapshot, dns)) };
    let refused = |status, text: String| (status, json!({ "error_msg": text }));
    let Some(id) = segments.next() else {
        return refused(StatusCode::NOT_FOUND, format!("missing src id for src type {kind}"));
    };
    if !["routes", "services", "upstreams", "stream_routes"].contains(&kind) {
        return refused(StatusCode::BAD_REQUEST, format!("invalid src type {kind}"));
    }
    let Some(document) = snapshot.document(kind, id) else {
        return refused(StatusCode::NOT_FOUND, format!("{kind}[{id}] not found"));
    };
    match snapshot.checkers.get(format!("{kind}/{id}").as_bytes()).and_then(|checked| checked.upstream.checks()) {
        Some(checker) => (StatusCode::OK, checker.describe(&document.key, dns)),
        None => refused(StatusCode::NOT_FOUND, format!("no checker for {kind}[{id}]")),
    }
}

/// The same for people.
pub(super) fn page(body: &Value) -> Response<Full<Bytes>> {
    let one = [body.clone()];
    let checkers = body.as_array().map_or(if body.get("name").is_some() { &one[..] } else { &[] }, Vec::as_slice);
    let mut rows = String::new();
    let nodes = checkers
        .iter()
        .flat_map(|checker| checker["nodes"].as_array().into_iter().flatten().map(move |node| (checker, node)));
    for (index, (checker, node)) in (1..).zip(nodes) {
        let status = text(&node["status"]);
        let color = if status.ends_with("unhealthy") { " bgcolor=\"#FF0000\"" } else { "" };
        let counter = &node["counter"];
        let cells = [
            format!("{index}"),
            text(&checker["name"]),
            text(&checker["type"]),
            format!("{}:{}", text(&node["ip"]), node["port"]),
            status,
            counter["success"].to_string(),
            counter["tcp_failure"].to_string(),
            counter["http_failure"].to_string(),
            counter["timeout_failure"].to_string(),
        ];
        rows.push_str(&format!("<tr{color}><td>{}</td></tr>\n", cells.join("</td><td>")));
    }
    let titles = "<tr><th>Index</th><th>Upstream</th><th>Check type</th><th>Host</th><th>Status</th>\
                  <th>Success counts</th><th>TCP Failures</th><th>HTTP Failures</th><th>TIMEOUT Failures</th></tr>";
    let title = "Upstream check status";
    let html = format!(
        "<html><head><title>{title}</title></head><body><h1>{title}</h1>\n<table border=\"1\">{titles}\n{rows}</table></body></html>\n"
    );
    let mut response = Response::new(Full::from(html));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// APISIX writes an empty list as an object.
fn all(snapshot: &Snapshot, dns: &Dns) -> Value {
    let list: Vec<Value> = snapshot
        .checkers
        .values()
        .into_iter()
        .filter_map(|checked| {
            let document = snapshot.document(checked.directory, &checked.id)?;
            Some(checked.upstream.checks()?.describe(&document.key, dns))
        })
        .collect();
    if list.is_empty() { json!({}) } else { Value::Array(list) }
}

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.replace('&', "&amp;").replace('<', "&lt;")
}
