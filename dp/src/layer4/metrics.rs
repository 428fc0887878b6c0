//! Counters of streams: by port while they run, by route when they begin.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::metrics::{Exposition, WorkerStats};

/// One worker's counters. The maps are locked when a stream begins or ends, and by a scrape.
#[derive(Debug, Default)]
pub struct Stats {
    routes: Mutex<HashMap<Arc<str>, u64>>,
    ports: Mutex<Vec<Arc<Port>>>,
}

/// Counters of one port.
#[derive(Debug, Default)]
pub struct Port {
    address: Box<str>,
    /// Streams open now.
    pub active: AtomicI64,
    /// Bytes from clients.
    pub from_clients: AtomicU64,
    /// Bytes to clients.
    pub to_clients: AtomicU64,
    /// Bytes to nodes.
    pub to_nodes: AtomicU64,
    /// Bytes from nodes.
    pub from_nodes: AtomicU64,
    ended: Mutex<HashMap<(u16, Box<str>), u64>>,
}

/// Counts a stream for as long as it lives.
#[derive(Debug)]
pub struct Open(Arc<Port>);

// === impl Stats ===

impl Stats {
    /// The counters of a port.
    pub fn port(&self, address: &str) -> Arc<Port> {
        let port = Arc::new(Port { address: address.into(), ..Port::default() });
        self.ports.lock().push(port.clone());
        port
    }

    /// A route has taken a client.
    pub(super) fn routed(&self, route: &Arc<str>) {
        *self.routes.lock().entry(route.clone()).or_default() += 1;
    }
}

// === impl Port ===

impl Port {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.active.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// A stream has ended, with nginx's code for the way it did; `node` is empty when there was none.
    pub(super) fn ended(&self, code: u16, node: &str) {
        *self.ended.lock().entry((code, node.into())).or_default() += 1;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes the sum over all workers.
pub fn write(workers: &[Arc<WorkerStats>], out: &mut Exposition) {
    let mut routes: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    let mut ports: BTreeMap<Box<str>, Vec<Arc<Port>>> = BTreeMap::new();
    for worker in workers {
        for (route, count) in worker.streams.routes.lock().iter() {
            *routes.entry(route.clone()).or_default() += count;
        }
        for port in worker.streams.ports.lock().iter() {
            ports.entry(port.address.clone()).or_default().push(port.clone());
        }
    }
    if ports.is_empty() {
        return;
    }
    out.family("apisix_stream_connection_total", "counter", "streams taken, by stream route");
    for (route, count) in &routes {
        out.sample("apisix_stream_connection_total", &[("route", route)], *count);
    }
    out.family("apisix_stream_active_connections", "gauge", "streams open now, by port");
    for (address, all) in &ports {
        let active: i64 = all.iter().map(|port| port.active.load(Ordering::Relaxed)).sum();
        out.sample("apisix_stream_active_connections", &[("listen_addr", address)], active.max(0));
    }
    out.family("apisix_stream_status", "counter", "streams by the way they ended");
    for (address, all) in &ports {
        let mut ended: BTreeMap<(u16, Box<str>), u64> = BTreeMap::new();
        for port in all {
            for (key, count) in port.ended.lock().iter() {
                *ended.entry(key.clone()).or_default() += count;
            }
        }
        for ((code, node), count) in ended {
            let labels = [("code", &*code.to_string()), ("listen_addr", &**address), ("node", &*node)];
            out.sample("apisix_stream_status", &labels, count);
        }
    }
    out.family("apisix_stream_bandwidth", "counter", "bytes of streams, by port and side");
    for (address, all) in &ports {
        let sum = |of: fn(&Port) -> &AtomicU64| all.iter().map(|port| of(port).load(Ordering::Relaxed)).sum::<u64>();
        for (kind, side, bytes) in [
            ("ingress", "downstream", sum(|port| &port.from_clients)),
            ("egress", "downstream", sum(|port| &port.to_clients)),
            ("egress", "upstream", sum(|port| &port.to_nodes)),
            ("ingress", "upstream", sum(|port| &port.from_nodes)),
        ] {
            let labels = [("listen_addr", &**address), ("type", kind), ("side", side)];
            out.sample("apisix_stream_bandwidth", &labels, bytes);
        }
    }
}
