//! What the settings say of the metrics of requests.

use std::sync::Arc;

use crate::config;
use crate::context::Context;
use crate::vars::Var;

/// Settings, as workers use them.
#[derive(Debug)]
pub struct Settings {
    /// Upper bounds of the buckets of times, in milliseconds.
    pub bounds: Arc<[u64]>,
    pub(super) status: ExtraLabels,
    pub(super) latency: ExtraLabels,
    pub(super) bandwidth: ExtraLabels,
}

/// Labels of one's own choice.
#[derive(Debug, Default)]
pub struct ExtraLabels(Vec<(Box<str>, Var)>);

/// Their values, in order.
pub type Values = Box<[Box<str>]>;

/// The values for one request.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    pub(super) status: Values,
    pub(super) latency: Values,
    pub(super) bandwidth: Values,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self::new(&config::Prometheus::default())
    }
}

impl Settings {
    /// Of the section.
    #[must_use]
    pub fn new(config: &config::Prometheus) -> Self {
        let metrics = &config.metrics;
        Self {
            bounds: config.default_buckets.clone().into(),
            status: ExtraLabels::new(&metrics.http_status),
            latency: ExtraLabels::new(&metrics.http_latency),
            bandwidth: ExtraLabels::new(&metrics.bandwidth),
        }
    }

    /// Whether requests differ in labels that no configuration names.
    #[must_use]
    pub fn has_extra(&self) -> bool {
        [&self.status, &self.latency, &self.bandwidth].iter().any(|labels| !labels.0.is_empty())
    }

    /// The values for a request; without one they are empty.
    #[must_use]
    pub fn extra(&self, context: Option<&Context<'_>>) -> Extra {
        Extra {
            status: self.status.values(context),
            latency: self.latency.values(context),
            bandwidth: self.bandwidth.values(context),
        }
    }
}

// === impl ExtraLabels ===

impl ExtraLabels {
    fn new(metric: &config::Metric) -> Self {
        let pairs = metric.extra_labels.iter().flatten();
        Self(pairs.map(|(name, var)| (name.as_str().into(), Var::parse(var.trim_start_matches('$')))).collect())
    }

    fn values(&self, context: Option<&Context<'_>>) -> Values {
        let value = |var: &Var| context.and_then(|context| var.read(context)).unwrap_or_default().as_ref().into();
        self.0.iter().map(|(_, var)| value(var)).collect()
    }

    /// Names and values.
    pub(super) fn with<'v>(&'v self, values: &'v Values) -> impl Iterator<Item = (&'v str, &'v str)> {
        self.0.iter().map(|(name, _)| &**name).zip(values.iter().map(|value| &**value))
    }
}
