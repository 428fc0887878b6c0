//! Which nodes prove what: RFC 6962 inclusion and consistency paths, and the perfect subtrees that cover a range of leaves.
//!
//! Pure arithmetic over indices; [`super::tree`] looks the hashes up. The two `check` functions follow RFC 9162 sections 2.1.3.2
//! and 2.1.4.2.

use std::ops::Range;

use crate::merkle::{Frontier, Hash, node_hash};

/// A perfect subtree: the leaves `index * 2^level ..(index + 1) * 2^level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub level: u32,
    pub index: u64,
}

/// The fewest perfect subtrees that cover the leaves, from left to right.
pub(crate) fn cover(leaves: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = leaves.start;
    while at < leaves.end {
        let fits = (leaves.end - at).ilog2();
        let level = if at == 0 { fits } else { fits.min(at.trailing_zeros()) };
        nodes.push(Node { level, index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The subtrees of an inclusion path, leaf side first (RFC 6962 section 2.1.1).
pub(crate) fn inclusion(leaf: u64, size: u64) -> Vec<Range<u64>> {
    let (mut low, mut high, mut path) = (0, size, Vec::new());
    while high - low > 1 {
        let middle = low + split(high - low);
        if leaf < middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees of a consistency path between two sizes (RFC 6962 section 2.1.2). None are needed from nothing, or from a size
/// to itself.
pub(crate) fn consistency(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old == new {
        return Vec::new();
    }
    let (mut low, mut high, mut path) = (0, new, Vec::new());
    // Whether the old tree is a subtree of the new one whose root the verifier holds.
    let mut held = true;
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
            held = false;
        }
    }
    if !held {
        path.push(low..high);
    }
    path.reverse();
    path
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The hash of a range whose covering subtrees have these hashes.
pub(crate) fn fold(hashes: &[Hash]) -> Option<Hash> {
    hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}

/// The frontier of the first `size` leaves, from the hashes of their cover.
pub(crate) fn frontier(size: u64, hashes: &[Hash]) -> Option<Frontier> {
    Frontier::from_bytes(size, &hashes.concat())
}

/// Whether a leaf hash is the leaf `index` of the tree with this size and root.
pub fn check_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether the tree of `new` leaves begins with the tree of `old` leaves.
pub fn check_consistency(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old == 0 || old >= new {
        return path.is_empty() && (old == 0 && new > 0 || old == new && old_root == new_root);
    }
    let mut path = path.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(&first) = first else { return false };
    let shift = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests;
