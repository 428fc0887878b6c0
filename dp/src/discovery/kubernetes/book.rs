//! The endpoints of a cluster, put together: a service may be spread over several slices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_model::resource::Node;

use super::super::directory::Services;
use super::objects::{Kind, Object};

/// Nodes by the name of the port.
type Ports = BTreeMap<String, Vec<Node>>;

/// All services.
#[derive(Debug)]
pub(super) struct Book {
    kind: Kind,
    /// By `namespace/name`, and then by slice.
    services: BTreeMap<String, BTreeMap<String, Ports>>,
    /// Services that have changed, with the ports that they had.
    changed: BTreeMap<String, BTreeSet<String>>,
}

// === impl Book ===

impl Book {
    /// Nothing yet.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, services: BTreeMap::new(), changed: BTreeMap::new() }
    }

    /// The object is there, or is another now.
    pub(super) fn put(&mut self, object: &Object, weight: u32) {
        let Some((service, slice)) = object.place(self.kind) else { return };
        let node = |host: &String, port| Node { host: host.clone(), port: Some(port), weight, ..Node::default() };
        let mut ports = Ports::new();
        for subset in &object.subsets {
            for (name, number) in subset.ports.iter().filter_map(|port| port.key()) {
                let nodes = subset.addresses.iter().map(|address| node(&address.ip, number));
                ports.entry(name).or_default().extend(nodes);
            }
        }
        let ready = object.endpoints.iter().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true));
        let addresses: Vec<&String> = ready.flat_map(|endpoint| &endpoint.addresses).collect();
        for (name, number) in object.ports.iter().filter_map(|port| port.key()) {
            ports.entry(name).or_default().extend(addresses.iter().map(|host| node(host, number)));
        }
        ports.retain(|_, nodes| !nodes.is_empty());
        self.note(&service);
        self.services.entry(service).or_default().insert(slice, ports);
    }

    /// The object is gone.
    pub(super) fn delete(&mut self, object: &Object) {
        let Some((service, slice)) = object.place(self.kind) else { return };
        self.note(&service);
        if let Some(slices) = self.services.get_mut(&service) {
            slices.remove(&slice);
            if slices.is_empty() {
                self.services.remove(&service);
            }
        }
    }

    /// All services by `namespace/name:port`.
    pub(super) fn services(&mut self) -> Services {
        self.changed.clear();
        let all = self.services.keys().flat_map(|service| {
            let ports = self.ports(service).into_iter();
            ports.map(move |(port, nodes)| (format!("{service}:{port}").into(), nodes.into()))
        });
        all.collect()
    }

    /// What is another since the last call; `None`: it is gone.
    pub(super) fn take_changes(&mut self) -> Vec<(Arc<str>, Option<Vec<Node>>)> {
        let mut changes = Vec::new();
        for (service, before) in std::mem::take(&mut self.changed) {
            let mut now = self.ports(&service);
            let all: BTreeSet<String> = before.into_iter().chain(now.keys().cloned()).collect();
            for port in all {
                changes.push((format!("{service}:{port}").into(), now.remove(&port)));
            }
        }
        changes
    }

    fn note(&mut self, service: &str) {
        if !self.changed.contains_key(service) {
            let ports = self.ports(service).into_keys().collect();
            self.changed.insert(service.to_owned(), ports);
        }
    }

    /// Over all slices. While an address moves from one to another it may be in both.
    fn ports(&self, service: &str) -> Ports {
        let mut all = Ports::new();
        for (port, nodes) in self.services.get(service).into_iter().flat_map(BTreeMap::values).flatten() {
            all.entry(port.clone()).or_default().extend(nodes.iter().cloned());
        }
        for nodes in all.values_mut() {
            nodes.sort_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port)));
            nodes.dedup();
        }
        all
    }
}
