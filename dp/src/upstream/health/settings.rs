//! `checks` of an upstream, with the defaults of APISIX and, where a whole section is missing, of its checker.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) active: Active,
    pub(super) passive: Passive,
}

#[derive(Debug, Deserialize)]
struct Raw {
    #[serde(default)]
    active: Active,
    passive: Option<RawPassive>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Active {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    /// Seconds.
    pub(super) timeout: f64,
    pub(super) concurrency: i64,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) http_method: String,
    pub(super) http_path: String,
    pub(super) http_req_body: String,
    pub(super) https_verify_certificate: bool,
    pub(super) req_headers: Vec<String>,
    pub(super) healthy: ActiveHealthy,
    pub(super) unhealthy: ActiveUnhealthy,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Http,
    Https,
    Tcp,
}

#[derive(Debug, Deserialize)]
pub(super) struct ActiveHealthy {
    #[serde(default = "one")]
    pub(super) interval: u64,
    #[serde(default = "found")]
    pub(super) http_statuses: Vec<u16>,
    #[serde(default = "two")]
    pub(super) successes: u8,
}

#[derive(Debug, Deserialize)]
pub(super) struct ActiveUnhealthy {
    #[serde(default = "one")]
    pub(super) interval: u64,
    #[serde(default = "broken")]
    pub(super) http_statuses: Vec<u16>,
    #[serde(default = "five")]
    pub(super) http_failures: u8,
    #[serde(default = "two")]
    pub(super) tcp_failures: u8,
    #[serde(default = "three")]
    pub(super) timeouts: u8,
}

#[derive(Debug, Deserialize)]
struct RawPassive {
    healthy: Option<PassiveHealthy>,
    unhealthy: Option<PassiveUnhealthy>,
}

#[derive(Debug)]
pub(super) struct Passive {
    pub(super) healthy_given: bool,
    pub(super) healthy: PassiveHealthy,
    pub(super) unhealthy_given: bool,
    pub(super) unhealthy: PassiveUnhealthy,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct PassiveHealthy {
    pub(super) http_statuses: Vec<u16>,
    pub(super) successes: u8,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct PassiveUnhealthy {
    pub(super) http_statuses: Vec<u16>,
    pub(super) http_failures: u8,
    pub(super) tcp_failures: u8,
    pub(super) timeouts: u8,
}

// === impl Settings ===

impl Settings {
    pub(super) fn read(checks: &Value) -> Result<Self, String> {
        let raw = Raw::deserialize(checks).map_err(|e| format!("upstream: checks: {e}"))?;
        let (healthy, unhealthy) = raw.passive.map_or((None, None), |passive| (passive.healthy, passive.unhealthy));
        let passive = Passive {
            healthy_given: healthy.is_some(),
            healthy: healthy.unwrap_or_default(),
            unhealthy_given: unhealthy.is_some(),
            unhealthy: unhealthy.unwrap_or_default(),
        };
        // What is written into the request of a check must not become a second one.
        let active = &raw.active;
        let texts = active.req_headers.iter().chain([&active.http_method, &active.http_path]).chain(&active.host);
        if texts.into_iter().any(|text| text.contains(['\r', '\n'])) {
            return Err("upstream: checks: a line break in the request".to_owned());
        }
        Ok(Self { active: raw.active, passive })
    }
}

// === impl Kind ===

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
        }
    }
}

impl Default for Active {
    fn default() -> Self {
        Self {
            kind: Kind::Http,
            timeout: 1.0,
            concurrency: 10,
            host: None,
            port: None,
            http_method: "GET".to_owned(),
            http_path: "/".to_owned(),
            http_req_body: String::new(),
            https_verify_certificate: true,
            req_headers: Vec::new(),
            healthy: ActiveHealthy::default(),
            unhealthy: ActiveUnhealthy::default(),
        }
    }
}

impl Default for ActiveHealthy {
    /// Without the section nothing is checked, which interval 0 says.
    fn default() -> Self {
        Self { interval: 0, http_statuses: found(), successes: two() }
    }
}

impl Default for ActiveUnhealthy {
    fn default() -> Self {
        Self { interval: 0, http_statuses: broken(), http_failures: five(), tcp_failures: two(), timeouts: three() }
    }
}

impl Default for PassiveHealthy {
    fn default() -> Self {
        Self { http_statuses: (200..=208).chain([226]).chain(300..=308).collect(), successes: 5 }
    }
}

impl Default for PassiveUnhealthy {
    fn default() -> Self {
        Self { http_statuses: vec![429, 500, 503], http_failures: 5, tcp_failures: 2, timeouts: 7 }
    }
}

const fn one() -> u64 {
    1
}

const fn two() -> u8 {
    2
}

const fn three() -> u8 {
    3
}

const fn five() -> u8 {
    5
}

fn found() -> Vec<u16> {
    vec![200, 302]
}

fn broken() -> Vec<u16> {
    vec![429, 404, 500, 501, 502, 503, 504, 505]
}
