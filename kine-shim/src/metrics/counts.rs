//! What is counted of keys, leases and the log.

use std::time::Instant;

use portolan_eventstore::txn::{OpAnswer, TxnAnswer};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Operations that were carried out, and what it took to write them.
#[derive(Debug)]
pub(crate) struct Counts {
    puts: Counter,
    deletes: Counter,
    ranges: Counter,
    txns: Counter,
    /// Leases that were granted.
    pub(crate) granted: Counter,
    /// Leases that were revoked by request.
    pub(crate) revoked: Counter,
    /// Keep-alives of leases that are there.
    pub(crate) renewed: Counter,
    pending: Gauge,
    failed: Counter,
    commit: Histogram,
}

/// A write on its way into the log.
pub(crate) struct Writing<'a> {
    counts: &'a Counts,
    start: Instant,
}

// === impl Counts ===

impl Counts {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let counter = |registry: &mut Registry, name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let pending = Gauge::default();
        registry.register("etcd_server_proposals_pending", "Writes that wait for the log", pending.clone());
        // As etcd's: from a millisecond to eight seconds.
        let commit = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let help = "Time of a write, from its handing over to the log until it is durable";
        registry.register("etcd_disk_backend_commit_duration_seconds", help, commit.clone());
        Self {
            puts: counter(registry, "etcd_mvcc_put", "Puts, those in transactions too"),
            deletes: counter(registry, "etcd_mvcc_delete", "Deletes, those in transactions too"),
            ranges: counter(registry, "etcd_mvcc_range", "Ranges, those in transactions too"),
            txns: counter(registry, "etcd_mvcc_txn", "Transactions"),
            granted: counter(registry, "etcd_debugging_lease_granted", "Leases granted"),
            revoked: counter(registry, "etcd_debugging_lease_revoked", "Leases revoked by request"),
            renewed: counter(registry, "etcd_debugging_lease_renewed", "Leases kept alive"),
            failed: counter(registry, "etcd_server_proposals_failed", "Writes that the log did not take"),
            pending,
            commit,
        }
    }

    /// A range that is no part of a transaction.
    pub(crate) fn range(&self) {
        self.ranges.inc();
    }

    /// A transaction that a client asked for as such.
    pub(crate) fn txn(&self) {
        self.txns.inc();
    }

    /// What a transaction did.
    pub(crate) fn answered(&self, answer: &TxnAnswer) {
        for answer in &answer.answers {
            match answer {
                OpAnswer::Range { .. } => self.ranges.inc(),
                OpAnswer::Put { .. } => self.puts.inc(),
                OpAnswer::Delete { .. } => self.deletes.inc(),
                OpAnswer::Txn(inner) => {
                    self.answered(inner);
                    continue;
                }
            };
        }
    }

    /// A write begins.
    pub(crate) fn writing(&self) -> Writing<'_> {
        self.pending.inc();
        Writing { counts: self, start: Instant::now() }
    }
}

// === impl Writing ===

impl Writing<'_> {
    /// The log has answered.
    pub(crate) fn ended(self, taken: bool) {
        if !taken {
            self.counts.failed.inc();
        }
        self.counts.commit.observe(self.start.elapsed().as_secs_f64());
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.counts.pending.dec();
    }
}
