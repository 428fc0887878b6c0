//! The Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write};

use super::Histogram;

/// What the names of APISIX's metrics begin with in this code.
const OWN_PREFIX: &str = "apisix_";

/// The text under construction.
#[derive(Debug)]
pub struct Exposition {
    /// What APISIX's metrics begin with.
    prefix: String,
    text: String,
}

// === impl Exposition ===

impl Default for Exposition {
    fn default() -> Self {
        Self::new(OWN_PREFIX)
    }
}

impl Exposition {
    /// One in which APISIX's metrics begin with this.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), text: String::new() }
    }

    /// Begins a family.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let (prefix, rest) = self.split(name);
        self.line(format_args!("# HELP {prefix}{rest} {help}\n# TYPE {prefix}{rest} {kind}\n"));
    }

    /// What it begins with here, and what follows.
    fn split<'n>(&self, name: &'n str) -> (String, &'n str) {
        match name.strip_prefix(OWN_PREFIX) {
            Some(rest) => (self.prefix.clone(), rest),
            None => (String::new(), name),
        }
    }

    /// Adds a sample.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let (prefix, rest) = self.split(name);
        self.text.push_str(&prefix);
        self.text.push_str(rest);
        self.labels(labels);
        self.line(format_args!(" {value}\n"));
    }

    /// Adds a histogram.
    pub fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut count = 0;
        let bucket = format!("{name}_bucket");
        for (bound, sum) in histogram.cumulated() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            let mut with_bound = labels.to_vec();
            with_bound.push(("le", &bound));
            self.sample(&bucket, &with_bound, sum);
            count = sum;
        }
        let micros = histogram.sum_micros();
        self.sample(&format!("{name}_sum"), labels, format_args!("{}.{:03}", micros / 1000, micros % 1000));
        self.sample(&format!("{name}_count"), labels, count);
    }

    /// The whole text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn labels(&mut self, labels: &[(&str, &str)]) {
        for (at, (name, value)) in labels.iter().enumerate() {
            let lead = if at == 0 { '{' } else { ',' };
            self.line(format_args!("{lead}{name}=\""));
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("writing into a String cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Settings;
    use std::time::Duration;

    #[test]
    fn the_format_is_prometheus_s() {
        let mut out = Exposition::default();
        out.family("a", "counter", "help");
        out.sample("a", &[("x", "1"), ("y", "q\"\\\n")], 7);
        let histogram = Histogram::new(&Settings::default().bounds);
        histogram.observe(Duration::from_micros(1500));
        histogram.observe(Duration::from_secs(100));
        out.histogram("h", &[("t", "r")], &histogram);
        let text = out.finish();
        assert!(text.starts_with("# HELP a help\n# TYPE a counter\na{x=\"1\",y=\"q\\\"\\\\\\n\"} 7\n"), "{text}");
        assert!(text.contains("h_bucket{t=\"r\",le=\"1\"} 0\nh_bucket{t=\"r\",le=\"2\"} 1\n"), "{text}");
        assert!(
            text.contains("h_bucket{t=\"r\",le=\"+Inf\"} 2\nh_sum{t=\"r\"} 100001.500\nh_count{t=\"r\"} 2\n"),
            "{text}"
        );
    }

    #[test]
    fn names_of_apisix_begin_as_configured() {
        let mut out = Exposition::new("gw_");
        out.family("apisix_a", "gauge", "help");
        out.sample("apisix_a", &[], 1);
        out.sample("portolan_b", &[], 2);
        assert_eq!(out.finish(), "# HELP gw_a help\n# TYPE gw_a gauge\ngw_a 1\nportolan_b 2\n");
    }
}
