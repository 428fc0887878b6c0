//! Labels that metadata of the plugin prometheus leaves empty, to have fewer series.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{StatusLabels, TrafficLabels};
use crate::resource::next_serial;

/// What APISIX counts, each with the labels that may be left out. The last ten have to do with language models, which
/// this gateway does not count: they are accepted all the same.
const METRICS: [(&str, &[&str]); 13] = [
    ("http_status", &["route", "matched_uri", "matched_host", "service", "consumer", "node", "response_source"]),
    ("http_latency", &["route", "service", "consumer", "node"]),
    ("bandwidth", &["route", "service", "consumer", "node"]),
    ("llm_latency", IDS),
    ("llm_prompt_tokens", IDS),
    ("llm_completion_tokens", IDS),
    ("llm_prompt_tokens_dist", IDS),
    ("llm_completion_tokens_dist", IDS),
    (
        "llm_active_connections",
        &["route", "route_id", "matched_uri", "matched_host", "service", "service_id", "consumer", "node"],
    ),
    ("ai_cache_hits_total", BOTH),
    ("ai_cache_misses_total", BOTH),
    ("ai_cache_bypasses_total", BOTH),
    ("ai_cache_embedding_latency", BOTH),
];
const IDS: &[&str] = &["route_id", "service_id", "consumer", "node"];
const BOTH: &[&str] = &["route", "route_id", "service", "service_id", "consumer", "node"];
/// Labels that all of them have.
const ALL: [&str; 3] = ["request_type", "request_llm_model", "llm_model"];

/// The labels that are left empty.
#[derive(Debug, Default)]
pub struct Disabled {
    /// Another one for each change, so that caches can tell them apart.
    pub generation: u64,
    status: Vec<Box<str>>,
    latency: Vec<Box<str>>,
    bandwidth: Vec<Box<str>>,
}

/// The schema of the metadata.
#[must_use]
pub fn schema() -> Value {
    let properties = METRICS.iter().map(|(metric, labels)| {
        let labels: Vec<&str> = labels.iter().copied().chain(ALL).collect();
        ((*metric).to_owned(), json!({"type": "array", "items": {"type": "string", "enum": labels}}))
    });
    json!({"type": "object", "properties": {"disabled_labels": {
        "type": "object",
        "description": "labels that are left empty, by metric",
        "properties": properties.collect::<Map<_, _>>(),
        "additionalProperties": false,
    }}})
}

// === impl Disabled ===

impl Disabled {
    /// As the metadata says.
    #[must_use]
    pub fn of(metadata: &Value) -> Self {
        let list = |metric: &str| {
            let labels = metadata.pointer(&format!("/disabled_labels/{metric}")).and_then(Value::as_array);
            labels.into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
        };
        Self {
            generation: next_serial(),
            status: list("http_status"),
            latency: list("http_latency"),
            bandwidth: list("bandwidth"),
        }
    }

    pub(super) fn of_status(&self, mut labels: StatusLabels) -> StatusLabels {
        for name in &self.status {
            match &**name {
                "response_source" => labels.response_source = "",
                "request_type" => labels.request_type = "",
                "matched_uri" => labels.matched_uri = empty(),
                "matched_host" => labels.matched_host = empty(),
                "route" => labels.route = empty(),
                "service" => labels.service = empty(),
                "consumer" => labels.consumer = empty(),
                "node" => labels.node = empty(),
                // Those of language models are empty anyway.
                _ => {}
            }
        }
        labels
    }

    pub(super) fn of_latency(&self, labels: TrafficLabels) -> TrafficLabels {
        without(&self.latency, labels)
    }

    pub(super) fn of_bandwidth(&self, labels: TrafficLabels) -> TrafficLabels {
        without(&self.bandwidth, labels)
    }
}

fn without(names: &[Box<str>], mut labels: TrafficLabels) -> TrafficLabels {
    for name in names {
        match &**name {
            "request_type" => labels.request_type = "",
            "route" => labels.route = empty(),
            "service" => labels.service = empty(),
            "consumer" => labels.consumer = empty(),
            "node" => labels.node = empty(),
            _ => {}
        }
    }
    labels
}

fn empty() -> Arc<str> {
    Arc::from("")
}
