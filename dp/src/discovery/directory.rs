//! What a registry knows, who wants to hear of it, and how asking it goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use portolan_model::resource::Node;
use portolan_rt::logs::chain;
use portolan_rt::status::{Component, State as Line};
use tokio::sync::Notify;

use super::Around;
use crate::metrics::Exposition;
use crate::upstream::discovered::Discovered;

/// Nodes by service.
pub type Services = BTreeMap<Arc<str>, Arc<[Node]>>;

/// The services of one registry.
pub struct Directory {
    /// `consul`, or `kubernetes/ID`.
    name: Arc<str>,
    before_first: Missing,
    clock: Arc<dyn portolan_rt::clock::Clock>,
    line: Component,
    state: Mutex<State>,
    wanted: Notify,
}

/// What a registry that has not answered yet is to the readiness of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Other traffic does not wait for it.
    Tolerated,
    /// The process is not ready.
    NotReady,
}

#[derive(Default)]
struct State {
    services: Services,
    /// For services that are not known.
    fallback: Option<Arc<[Node]>>,
    subscribers: HashMap<Arc<str>, Vec<Weak<Discovered>>>,
    /// What failed last, by server or name that was asked for.
    failing: BTreeMap<Arc<str>, String>,
    failures: u64,
    /// Unix time in microseconds.
    last_success: Option<i64>,
}

// === impl Directory ===

impl Directory {
    pub(super) fn new(name: impl Into<Arc<str>>, before_first: Missing, around: &Around) -> Self {
        let name = name.into();
        let line = around.board.component(format!("discovery {name}"));
        Self { name, before_first, clock: around.clock.clone(), line, state: Mutex::default(), wanted: Notify::new() }
    }

    /// The same with nodes for services that are not known.
    pub(super) fn with_fallback(self, nodes: Vec<Node>) -> Self {
        self.state.lock().fallback = Some(nodes.into());
        self
    }

    /// Offers the nodes of a service to an upstream, now and whenever they change.
    pub(super) fn subscribe(&self, service: &str, discovered: &Arc<Discovered>) {
        let mut state = self.state.lock();
        // Under the lock: what comes later must be offered later.
        discovered.offer(state.nodes(service).map(|nodes| &**nodes));
        match state.subscribers.get_mut(service) {
            Some(subscribers) => {
                subscribers.retain(|known| known.strong_count() > 0);
                subscribers.push(Arc::downgrade(discovered));
            }
            None => drop(state.subscribers.insert(service.into(), vec![Arc::downgrade(discovered)])),
        }
        drop(state);
        self.wanted.notify_one();
    }

    /// Returns when a service may be wanted that was not before.
    pub(super) async fn asked(&self) {
        self.wanted.notified().await;
    }

    /// The services that upstreams want.
    pub(super) fn wanted(&self) -> Vec<Arc<str>> {
        let mut state = self.state.lock();
        state.subscribers.retain(|_, all| all.iter().any(|known| known.strong_count() > 0));
        state.subscribers.keys().cloned().collect()
    }

    /// Whether an upstream wants this service.
    pub(super) fn wants(&self, service: &str) -> bool {
        let state = self.state.lock();
        state.subscribers.get(service).is_some_and(|all| all.iter().any(|known| known.strong_count() > 0))
    }

    /// The service has these nodes now.
    pub(super) fn set(&self, service: &Arc<str>, nodes: Vec<Node>) {
        self.state.lock().change(service, Some(nodes.into()));
    }

    /// The service is not there any more.
    pub(super) fn remove(&self, service: &Arc<str>) {
        self.state.lock().change(service, None);
    }

    /// These are all services.
    pub(super) fn replace(&self, services: Services) {
        let mut state = self.state.lock();
        let gone: Vec<Arc<str>> =
            state.services.keys().filter(|known| !services.contains_key(*known)).cloned().collect();
        for service in gone {
            state.change(&service, None);
        }
        for (service, nodes) in services {
            state.change(&service, Some(nodes));
        }
    }

    /// All that is known.
    pub(super) fn services(&self) -> Services {
        self.state.lock().services.clone()
    }

    /// What was asked of `whom` was answered.
    pub(super) fn succeeded(&self, whom: &str) {
        let mut state = self.state.lock();
        state.last_success = Some(self.clock.now_micros());
        if state.failing.remove(whom).is_some() {
            tracing::info!(discovery = &*self.name, from = whom, "the registry answers again");
        }
        self.show(&state);
    }

    /// It was not. The last nodes stay.
    pub(super) fn failed(&self, whom: &str, error: &(dyn std::error::Error + 'static)) {
        let mut state = self.state.lock();
        state.failures += 1;
        let text = chain(error);
        // One line when it begins; while it lasts the status port says so.
        if state.failing.insert(whom.into(), text.clone()).is_none() {
            tracing::warn!(
                discovery = &*self.name,
                from = whom,
                error = text,
                "the registry cannot be asked, its last nodes stay"
            );
        } else {
            tracing::debug!(discovery = &*self.name, from = whom, error = text, "the registry cannot be asked");
        }
        self.show(&state);
    }

    /// Nothing is asked as long as no upstream wants anything.
    pub(super) fn idle(&self) {
        self.show(&self.state.lock());
    }

    /// Nobody is asked about this any more.
    pub(super) fn forgotten(&self, whom: &str) {
        let mut state = self.state.lock();
        state.failing.remove(whom);
        self.show(&state);
    }

    fn show(&self, state: &State) {
        match state.failing.first_key_value() {
            None => self.line.ready(),
            Some((whom, error)) => {
                let waits = state.last_success.is_none() && self.before_first == Missing::NotReady;
                let how = if waits { Line::Starting } else { Line::Degraded };
                self.line.set(how, format!("{whom}: {error}"));
            }
        }
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("name", &self.name).finish_non_exhaustive()
    }
}

// === impl State ===

impl State {
    fn nodes(&self, service: &str) -> Option<&Arc<[Node]>> {
        self.services.get(service).or(self.fallback.as_ref())
    }

    fn change(&mut self, service: &Arc<str>, nodes: Option<Arc<[Node]>>) {
        if self.services.get(service) == nodes.as_ref() {
            return;
        }
        match nodes {
            Some(nodes) => drop(self.services.insert(service.clone(), nodes)),
            None => drop(self.services.remove(service)),
        }
        let nodes = self.nodes(service);
        for discovered in self.subscribers.get(service).into_iter().flatten().filter_map(Weak::upgrade) {
            discovered.offer(nodes.map(|nodes| &**nodes));
        }
    }
}

/// Adds the metrics of all directories.
pub(super) fn write(all: &[&Directory], out: &mut Exposition) {
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&State) -> Option<String>| {
        out.family(name, kind, help);
        for directory in all {
            if let Some(value) = value(&directory.state.lock()) {
                out.sample(name, &[("registry", &directory.name)], value);
            }
        }
    };
    let seconds = |state: &State| state.last_success.map(|micros| format!("{}", micros.div_euclid(1_000_000)));
    family("portolan_dp_discovery_last_success", "gauge", "unix time of the registry's last good answer", &seconds);
    family("portolan_dp_discovery_services", "gauge", "services that are known", &|state| {
        Some(state.services.len().to_string())
    });
    family("portolan_dp_discovery_nodes", "gauge", "nodes of all services that are known", &|state| {
        Some(state.services.values().map(|nodes| nodes.len()).sum::<usize>().to_string())
    });
    family("portolan_dp_discovery_failures", "counter", "questions that a registry did not answer", &|state| {
        Some(state.failures.to_string())
    });
}
