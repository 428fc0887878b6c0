//! Which node is asked next: by turns, by hash, by load or by latency, and only among nodes of the highest priority that
//! has one to offer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use portolan_model::resource::Balancer as Kind;

use super::load::Load;

mod ring;
mod turns;

pub use ring::crc32;

use ring::Ring;
use turns::Turns;

/// The nodes of an upstream, ready to be picked from.
#[derive(Debug)]
pub struct Balancer {
    /// Highest priority first.
    groups: Vec<Group>,
}

/// What the balancer knows of a node.
pub struct Member<'a> {
    /// Host and port as APISIX writes them; what the hash ring is made of.
    pub name: Cow<'a, str>,
    /// Nodes of a lower priority serve only when all of a higher one are down.
    pub priority: i32,
    /// Its share; 0: none.
    pub weight: u32,
    /// Where its load is noted.
    pub load: Option<&'a Arc<Load>>,
}

/// What a pick depends on.
pub struct Pick<'a> {
    /// Nodes that were tried in vain.
    pub tried: &'a Tried,
    /// Whether a node is fit to be asked.
    pub usable: &'a dyn Fn(usize) -> bool,
    /// Hash of what the request is known by, for a ring.
    pub hash: &'a dyn Fn() -> u32,
}

/// A node of a group.
struct Share {
    node: usize,
    weight: u32,
}

#[derive(Debug)]
enum Group {
    Turns(Turns),
    Ring(Ring),
    LeastConnections { nodes: Vec<(usize, u32, Arc<Load>)>, next: AtomicUsize },
    Fastest { nodes: Vec<(usize, Arc<Load>)>, random: AtomicU64 },
}

/// Nodes that a request has tried in vain. Upstreams with more than 64 nodes note the others in a list.
#[derive(Debug, Default)]
pub struct Tried {
    low: u64,
    high: Vec<usize>,
}

// === impl Balancer ===

impl Balancer {
    /// From all nodes in their order.
    pub fn new(kind: &Kind, members: &[Member<'_>]) -> Self {
        let mut by_priority: BTreeMap<std::cmp::Reverse<i32>, Vec<Share>> = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            let group = by_priority.entry(std::cmp::Reverse(member.priority)).or_default();
            // Of two that are the same place the later one counts.
            group.retain(|share| members[share.node].name != member.name);
            group.push(Share { node: at, weight: member.weight });
        }
        let groups = by_priority.into_values().map(|mut group| {
            let shared = group.iter().any(|share| share.weight > 0);
            // As in APISIX: one node alone is asked whatever its weight; where none has any, all are the same, but a
            // ring has no points then.
            if members.len() == 1 || (!shared && *kind != Kind::Chash) {
                group.iter_mut().for_each(|share| share.weight = 1);
            }
            group.retain(|share| share.weight > 0);
            Group::new(kind, members, &group)
        });
        Self { groups: groups.collect() }
    }

    /// The next node; `None` when there is no other.
    pub fn pick(&self, pick: &Pick<'_>) -> Option<usize> {
        self.groups.iter().find_map(|group| group.pick(pick))
    }
}

// === impl Pick ===

impl Pick<'_> {
    fn allows(&self, node: usize) -> bool {
        !self.tried.contains(node) && (self.usable)(node)
    }
}

// === impl Group ===

impl Group {
    fn new(kind: &Kind, members: &[Member<'_>], shares: &[Share]) -> Self {
        let load = |node: usize| members[node].load.cloned().unwrap_or_default();
        let shares = shares.iter().map(|share| (share.node, share.weight));
        match kind {
            Kind::Chash => Self::Ring(Ring::new(shares.map(|(node, weight)| (node, &*members[node].name, weight)))),
            Kind::LeastConn => Self::LeastConnections {
                nodes: shares.map(|(node, weight)| (node, weight, load(node))).collect(),
                next: AtomicUsize::new(0),
            },
            Kind::Ewma => {
                Self::Fastest { nodes: shares.map(|(node, _)| (node, load(node))).collect(), random: AtomicU64::new(0) }
            }
            _ => Self::Turns(Turns::new(shares)),
        }
    }

    fn pick(&self, pick: &Pick<'_>) -> Option<usize> {
        match self {
            Self::Turns(turns) => turns.pick(|node| pick.allows(node)),
            Self::Ring(ring) => ring.pick((pick.hash)(), |node| pick.allows(node)),
            Self::LeastConnections { nodes, next } => least_connections(nodes, next, pick),
            Self::Fastest { nodes, random } => fastest(nodes, random, pick),
        }
    }
}

/// The smallest (connections + 1) / weight; equals take turns.
fn least_connections(nodes: &[(usize, u32, Arc<Load>)], next: &AtomicUsize, pick: &Pick<'_>) -> Option<usize> {
    let start = next.fetch_add(1, Ordering::Relaxed) % nodes.len().max(1);
    let (before, from) = nodes.split_at(start);
    let allowed = from.iter().chain(before).filter(|(node, ..)| pick.allows(*node));
    let scored = allowed.map(|(node, weight, load)| (*node, u64::from(load.connections()) + 1, u64::from(*weight)));
    // Compared without division.
    let best = scored.min_by(|(_, a, a_weight), (_, b, b_weight)| (a * b_weight).cmp(&(b * a_weight)));
    best.map(|(node, ..)| node)
}

/// The better one of two that chance picks, as in APISIX: asking only the best would send everybody there at once.
fn fastest(nodes: &[(usize, Arc<Load>)], random: &AtomicU64, pick: &Pick<'_>) -> Option<usize> {
    let allowed = || nodes.iter().filter(|(node, _)| pick.allows(*node));
    let count = allowed().count();
    if count < 2 {
        return allowed().next().map(|(node, _)| *node);
    }
    let drawn = splitmix(random.fetch_add(1, Ordering::Relaxed));
    let first = usize::try_from(drawn >> 32).unwrap_or(0) % count;
    let second = (first + 1 + usize::try_from(drawn & 0xffff_ffff).unwrap_or(0) % (count - 1)) % count;
    let (a, b) = (allowed().nth(first)?, allowed().nth(second)?);
    let now = super::load::now();
    Some(if a.1.latency(now) > b.1.latency(now) { b.0 } else { a.0 })
}

/// The generator SplitMix64: good enough to spread requests, and needs no state but a counter.
fn splitmix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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

#[cfg(test)]
mod tests;
