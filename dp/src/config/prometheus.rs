//! Section `prometheus`: what APISIX has under `plugin_attr.prometheus`, with its names.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Invalid;

/// How metrics are named, labelled and fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// What APISIX's metrics begin with.
    pub metric_prefix: String,
    /// Path of the metrics.
    pub export_uri: String,
    /// Upper bounds of the buckets of times, in milliseconds.
    pub default_buckets: Vec<u64>,
    /// More of single metrics.
    pub metrics: Metrics,
}

/// The metrics of requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Responses by status.
    pub http_status: Metric,
    /// Times.
    pub http_latency: Metric,
    /// Bytes of bodies.
    pub bandwidth: Metric,
}

/// One of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metric {
    /// Labels beside its own: each a name and the variable that is its value, `{upstream_addr: $upstream_addr}`.
    pub extra_labels: Vec<BTreeMap<String, String>>,
}

/// Labels that the metrics have anyway.
const OWN: [&str; 15] = [
    "code",
    "type",
    "le",
    "route",
    "matched_uri",
    "matched_host",
    "service",
    "consumer",
    "node",
    "request_type",
    "request_llm_model",
    "llm_model",
    "response_source",
    "route_id",
    "service_id",
];

// === impl Prometheus ===

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            metric_prefix: "apisix_".to_owned(),
            export_uri: "/apisix/prometheus/metrics".to_owned(),
            default_buckets: vec![1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000],
            metrics: Metrics::default(),
        }
    }
}

impl Prometheus {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let invalid = |setting, reason: &str| Err(Invalid { setting, reason: reason.to_owned() });
        if !self.metric_prefix.is_empty() && !is_name(&self.metric_prefix.replace(':', "_")) {
            return invalid("prometheus.metric_prefix", "must be letters, digits and _, no digit first");
        }
        if !self.export_uri.starts_with('/') || self.export_uri.contains(['?', '#']) {
            return invalid("prometheus.export_uri", "must be a path");
        }
        let buckets = &self.default_buckets;
        let grow = buckets.windows(2).all(|pair| pair[0] < pair[1]) && buckets.first().is_none_or(|first| *first > 0);
        if !grow || !(1..=64).contains(&buckets.len()) {
            return invalid("prometheus.default_buckets", "must be from 1 to 64 growing numbers");
        }
        let metrics = &self.metrics;
        for (setting, metric) in [
            ("prometheus.metrics.http_status.extra_labels", &metrics.http_status),
            ("prometheus.metrics.http_latency.extra_labels", &metrics.http_latency),
            ("prometheus.metrics.bandwidth.extra_labels", &metrics.bandwidth),
        ] {
            let names: Vec<&String> = metric.extra_labels.iter().flat_map(BTreeMap::keys).collect();
            let single = metric.extra_labels.iter().all(|label| label.len() == 1);
            let known = |name: &str| OWN.contains(&name) || names.iter().filter(|other| **other == name).count() > 1;
            if !single || names.iter().any(|name| !is_name(name) || known(name)) {
                return invalid(
                    setting,
                    "must be a list of one name and one variable each, of names that are not there yet",
                );
            }
            if !metric.extra_labels.iter().flat_map(BTreeMap::values).all(|var| var.len() > 1 && var.starts_with('$')) {
                return invalid(setting, "a label's value must be a variable, such as $upstream_addr");
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(word) && text.chars().next().is_some_and(|first| !first.is_ascii_digit())
}
