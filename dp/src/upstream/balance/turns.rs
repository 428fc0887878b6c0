//! Smooth weighted round-robin: over any stretch, each node gets its share, and never in bursts.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest schedule that is worked out. Weights with a larger sum are scaled down, by less than a thousandth.
const LONGEST: u64 = 16_384;

/// The order of the nodes, worked out when the upstream is compiled: picking one is an addition. The position is
/// shared by all workers, so that shares are exact for the process and not only for each worker.
#[derive(Debug)]
pub(super) struct Turns {
    schedule: Vec<u32>,
    next: AtomicUsize,
    /// The turns of nodes that are not allowed go round among the others: given each time to the one that follows, they
    /// would double its share.
    spare: AtomicUsize,
}

// === impl Turns ===

impl Turns {
    /// From the nodes and their weights.
    pub(super) fn new(nodes: impl Iterator<Item = (usize, u32)>) -> Self {
        let nodes = nodes.filter_map(|(at, weight)| Some((u32::try_from(at).ok()?, u64::from(weight))));
        Self { schedule: schedule(nodes.collect()), next: AtomicUsize::new(0), spare: AtomicUsize::new(0) }
    }

    /// The next node that is allowed.
    pub(super) fn pick(&self, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let length = self.schedule.len();
        if length == 0 {
            return None;
        }
        let turn = |counter: &AtomicUsize| self.schedule[counter.fetch_add(1, Ordering::Relaxed) % length] as usize;
        let due = turn(&self.next);
        if allowed(due) {
            return Some(due);
        }
        let spare = (0..length).map(|_| turn(&self.spare)).find(|node| allowed(*node));
        // Others take turns at the same time, and may have had the only one.
        spare.or_else(|| self.schedule.iter().map(|node| *node as usize).find(|node| allowed(*node)))
    }
}

fn schedule(mut nodes: Vec<(u32, u64)>) -> Vec<u32> {
    let divisor = nodes.iter().fold(0, |all, (_, weight)| gcd(all, *weight));
    nodes.iter_mut().for_each(|(_, weight)| *weight /= divisor.max(1));
    let sum: u64 = nodes.iter().map(|(_, weight)| *weight).sum();
    if sum > LONGEST {
        nodes.iter_mut().for_each(|(_, weight)| *weight = (*weight * LONGEST / sum).max(1));
    }
    let total: i64 = nodes.iter().map(|(_, weight)| signed(*weight)).sum();
    let mut current = vec![0_i64; nodes.len()];
    let mut order = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        let mut best = 0;
        for (at, (_, weight)) in nodes.iter().enumerate() {
            current[at] += signed(*weight);
            if current[at] > current[best] {
                best = at;
            }
        }
        current[best] -= total;
        order.push(nodes[best].0);
    }
    order
}

fn signed(weight: u64) -> i64 {
    i64::try_from(weight).unwrap_or(i64::MAX)
}

/// The greatest common divisor.
pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
