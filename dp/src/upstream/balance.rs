//! Smooth weighted round-robin: over any stretch, each node gets its share, and never in bursts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest schedule that is worked out. Weights with a larger sum are scaled down, by less than a thousandth.
const LONGEST: u64 = 16_384;

/// The order of the nodes, worked out when the upstream is compiled: picking one is an addition. The position is
/// shared by all workers, so that shares are exact for the process and not only for each worker.
#[derive(Debug)]
pub struct RoundRobin {
    /// Highest priority first.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    schedule: Vec<u32>,
    next: AtomicUsize,
}

/// Nodes that a request has tried in vain. Upstreams with more than 64 nodes note the others in a list.
#[derive(Debug, Default)]
pub struct Tried {
    low: u64,
    high: Vec<usize>,
}

// === impl RoundRobin ===

impl RoundRobin {
    /// From priority and weight of each node.
    pub fn new(nodes: impl Iterator<Item = (i32, u32)>) -> Self {
        let mut by_priority: BTreeMap<std::cmp::Reverse<i32>, Vec<(u32, u64)>> = BTreeMap::new();
        for (at, (priority, weight)) in (0_u32..).zip(nodes) {
            if weight > 0 {
                by_priority.entry(std::cmp::Reverse(priority)).or_default().push((at, u64::from(weight)));
            }
        }
        let groups = by_priority.into_values();
        Self { groups: groups.map(|nodes| Group { schedule: schedule(nodes), next: AtomicUsize::new(0) }).collect() }
    }

    /// The next node that has not been tried; `None` when there is no other.
    pub fn pick(&self, tried: &Tried) -> Option<usize> {
        self.groups.iter().find_map(|group| group.pick(tried))
    }
}

// === impl Group ===

impl Group {
    fn pick(&self, tried: &Tried) -> Option<usize> {
        let length = self.schedule.len();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        (0..length)
            .map(|step| self.schedule[start.wrapping_add(step) % length] as usize)
            .find(|node| !tried.contains(*node))
    }
}

// === impl Tried ===

impl Tried {
    /// Notes a node.
    pub fn add(&mut self, node: usize) {
        if node < 64 {
            self.low |= 1 << node;
        } else {
            self.high.push(node);
        }
    }

    fn contains(&self, node: usize) -> bool {
        if node < 64 { self.low & 1 << node != 0 } else { self.high.contains(&node) }
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

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(nodes: &[(i32, u32)], count: usize) -> Vec<usize> {
        let balancer = RoundRobin::new(nodes.iter().copied());
        (0..count).filter_map(|_| balancer.pick(&Tried::default())).collect()
    }

    #[test]
    fn shares_follow_weights_smoothly() {
        assert_eq!(picks(&[(0, 1), (0, 1)], 4), [0, 1, 0, 1]);
        assert_eq!(picks(&[(0, 50), (0, 10), (0, 10)], 7), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(picks(&[(0, 0), (0, 3)], 3), [1, 1, 1]);
        assert_eq!(picks(&[(0, 0)], 1), Vec::<usize>::new());
        assert_eq!(picks(&[], 1), Vec::<usize>::new());
        assert_eq!(picks(&[(-1, 1), (1, 1), (1, 1)], 4), [1, 2, 1, 2]);
        let many = picks(&[(0, u32::MAX), (0, 1)], 20_000);
        assert!(many.contains(&1) && many.iter().filter(|n| **n == 1).count() < 5);
    }

    #[test]
    fn tried_nodes_are_left_out_and_lower_priorities_step_in() {
        let balancer = RoundRobin::new([(1, 1), (1, 1), (0, 1)].into_iter());
        let mut tried = Tried::default();
        let mut order = Vec::new();
        while let Some(node) = balancer.pick(&tried) {
            order.push(node);
            tried.add(node);
        }
        order[..2].sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    }
}
