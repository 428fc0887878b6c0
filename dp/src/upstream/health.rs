//! Which nodes are fit to be asked: what active checks and the requests themselves have shown, counted as APISIX counts.
//!
//! Workers read and write the state of a node without a lock. The checks themselves run on the configuration thread
//! ([`prober`]). The state outlives a change of the resource, as long as the node stays.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_model as model;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::dns::Dns;
use super::error::Failure;
use super::{Host, Node, Place};
use crate::resource::seconds;

mod settings;
mod state;

pub mod prober;

use settings::Settings;
use state::{Counter, Report, State};

/// The checks of one upstream.
#[derive(Debug)]
pub struct Checker {
    settings: Settings,
    /// One per node, in their order.
    targets: Vec<Target>,
    schedule: Arc<Schedule>,
}

/// What is checked for one node.
#[derive(Debug)]
struct Target {
    host: Arc<str>,
    port: u16,
    /// What the target is called beside its address.
    hostname: Arc<str>,
    /// What the target is asked for.
    host_header: Option<Arc<str>>,
    state: Arc<State>,
}

/// When the last rounds began. The same for all compiled forms of a resource, so that frequent changes of it do not
/// make its nodes be asked more often.
#[derive(Debug, Default)]
struct Schedule {
    /// Of the healthy and of the unhealthy targets. Only the configuration thread asks.
    last: Mutex<[Option<Instant>; 2]>,
}

// === impl Checker ===

impl Checker {
    /// The checks that the document asks for, if any.
    pub(super) fn compile(
        document: &model::Upstream,
        nodes: &[Arc<Node>],
        host: &Host,
        place: &Place<'_>,
    ) -> Result<Option<Arc<Self>>, String> {
        let Some(checks) = &document.checks else { return Ok(None) };
        let settings = Settings::read(checks)?;
        let rewritten = match host {
            Host::Rewrite(host) => host.to_str().ok().map(Arc::<str>::from),
            Host::Pass | Host::Node => None,
        };
        let target = |node: &Arc<Node>| {
            let port = settings.active.port.unwrap_or(node.port);
            let hostname = settings.active.host.as_deref().map_or_else(|| shown(&node.host), Arc::from);
            let key = format!("health {} {}:{port}:{hostname}", place.resource, node.host);
            let domain = node.address.is_none().then(|| node.host.clone());
            Target {
                host: node.host.clone(),
                port,
                hostname,
                host_header: rewritten.clone().or(domain),
                state: place.state.get(&key, State::default),
            }
        };
        let schedule = place.state.get(&format!("health schedule {}", place.resource), Schedule::default);
        Ok(Some(Arc::new(Self { targets: nodes.iter().map(target).collect(), settings, schedule })))
    }

    /// Whether some nodes are fit and some are not. If none is, all are asked: that is better than nobody.
    #[must_use]
    pub fn divides(&self) -> bool {
        let fit = self.targets.iter().filter(|target| target.state.is_usable()).count();
        fit > 0 && fit < self.targets.len()
    }

    /// Whether a node is fit.
    #[must_use]
    pub fn is_usable(&self, node: usize) -> bool {
        self.targets.get(node).is_none_or(|target| target.state.is_usable())
    }

    /// A request went to another node after this failure.
    pub fn failed(&self, node: usize, failure: &Failure) {
        let unhealthy = &self.settings.passive.unhealthy;
        let late = matches!(failure, Failure::ConnectTimeout | Failure::SendTimeout | Failure::ReadTimeout);
        let (counter, limit) =
            if late { (Counter::Timeout, unhealthy.timeouts) } else { (Counter::Tcp, unhealthy.tcp_failures) };
        self.report(node, Report::Unhealthy, counter, limit);
    }

    /// A request ended with this status.
    pub fn answered(&self, node: usize, status: u16) {
        let passive = &self.settings.passive;
        let (good, bad) = (&passive.healthy, &passive.unhealthy);
        let (is_good, is_bad) = (good.http_statuses.contains(&status), bad.http_statuses.contains(&status));
        // Only a section that is configured has a say; what it says is then told by both, the good one first.
        if !(passive.healthy_given && is_good || passive.unhealthy_given && is_bad) {
            return;
        }
        if is_good {
            self.report(node, Report::Healthy, Counter::Success, good.successes);
        } else {
            self.report(node, Report::Unhealthy, Counter::Http, bad.http_failures);
        }
    }

    fn report(&self, node: usize, report: Report, counter: Counter, limit: u8) {
        let Some(target) = self.targets.get(node) else { return };
        if let Some(now) = target.state.report(report, counter, limit) {
            tracing::warn!(
                node.host = &*target.host,
                node.port = target.port,
                status = now,
                "the node's health changed"
            );
        }
    }

    /// Whether a round over the healthy or the unhealthy targets is due; if so, it begins.
    fn due(&self, healthy: bool, now: Instant) -> bool {
        let active = &self.settings.active;
        let interval = if healthy { active.healthy.interval } else { active.unhealthy.interval };
        if interval == 0 {
            return false;
        }
        let mut last = self.schedule.last.lock();
        let last = &mut last[usize::from(healthy)];
        if last.is_some_and(|last| now < last + Duration::from_secs(interval)) {
            return false;
        }
        *last = Some(now);
        true
    }

    fn timeout(&self) -> Duration {
        seconds(self.settings.active.timeout)
    }

    /// What the control port says of it, under the key of its resource.
    #[must_use]
    pub fn describe(&self, key: &str, dns: &Dns) -> Value {
        let nodes: Vec<Value> = self.targets.iter().map(|target| target.describe(dns)).collect();
        json!({"name": key, "type": self.settings.active.kind.as_str(), "nodes": nodes})
    }

    /// Address, port and fitness of each node.
    pub fn states(&self, dns: &Dns) -> impl Iterator<Item = (String, u16, bool)> {
        self.targets.iter().map(|target| (target.address(dns), target.port, target.state.is_usable()))
    }
}

// === impl Target ===

impl Target {
    /// Of a name that was asked for, the first of its addresses.
    fn address(&self, dns: &Dns) -> String {
        match dns.known(&self.host) {
            Some(address) => shown(&address.to_string()).to_string(),
            None => shown(&self.host).to_string(),
        }
    }

    fn describe(&self, dns: &Dns) -> Value {
        let (status, counters) = self.state.read();
        let mut node = json!({
            "ip": self.address(dns),
            "port": self.port,
            "hostname": &*self.hostname,
            "status": status.as_str(),
            "counter": {
                "success": counters[0],
                "http_failure": counters[1],
                "tcp_failure": counters[2],
                "timeout_failure": counters[3],
            },
        });
        if let Some(header) = &self.host_header {
            node["hostheader"] = json!(&**header);
        }
        node
    }
}

/// APISIX shows IPv6 in brackets, in `Host` too.
fn shown(host: &str) -> Arc<str> {
    match host.parse() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]").into(),
        _ => host.into(),
    }
}

#[cfg(test)]
mod tests;
