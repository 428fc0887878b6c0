//! The hashes of the tree, from the stored leaf hashes.
//!
//! Subtrees of 256 leaves and more are kept in memory once computed, all levels: 64 bytes per 256 events, a quarter of a megabyte
//! for a million. The first question after a start reads all leaf hashes (32 bytes an event), later ones only what is new; a proof
//! then reads at most three blocks of 256. What is in memory is not read again, so it can't see a row that changes later: that is
//! what [`Tree::scrub`] is for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::range::{self, Node};
use crate::backend::Backend;
use crate::error::Error;
use crate::merkle::{self, Frontier, Hash, node_hash};

/// Level of the subtrees that are kept.
const LEVEL: u32 = 8;
/// Leaves of such a subtree.
const BLOCK: u64 = 1 << LEVEL;
/// Leaf hashes per read: whole blocks.
const PAGE: u64 = 64 * BLOCK;
/// Events that one scrub reads again: bounds its cost, and the time until all of a log of n events was looked at.
const SCRUB: u64 = 16 * BLOCK;

/// The tree of one log.
pub(crate) struct Tree {
    backend: Arc<dyn Backend>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Level 8, 9, …: the roots of the perfect subtrees from the left.
    levels: Vec<Vec<Hash>>,
    /// Where the next scrub begins.
    scrub: u64,
}

// === impl Tree ===

impl Tree {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, known: Mutex::default() }
    }

    /// The right edge of the first `size` leaves.
    pub(crate) async fn frontier(&self, size: u64) -> Result<Frontier, Error> {
        let hashes = self.nodes(&range::cover(0..size)).await?;
        range::frontier(size, &hashes).ok_or_else(|| Error::Corrupt(format!("no frontier of {size} leaves")))
    }

    /// The root over the first `size` leaves.
    pub(crate) async fn root(&self, size: u64) -> Result<Hash, Error> {
        Ok(self.frontier(size).await?.root())
    }

    /// The hashes of ranges that are subtrees.
    pub(crate) async fn ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Hash>, Error> {
        let covers: Vec<Vec<Node>> = ranges.iter().cloned().map(range::cover).collect();
        let hashes = self.nodes(&covers.concat()).await?;
        let mut rest = hashes.as_slice();
        let mut folded = Vec::with_capacity(covers.len());
        for cover in covers {
            let (own, others) = rest.split_at(cover.len());
            rest = others;
            folded.push(range::fold(own).ok_or_else(|| Error::Corrupt("an empty subtree".into()))?);
        }
        Ok(folded)
    }

    /// The hashes of perfect subtrees.
    pub(crate) async fn nodes(&self, nodes: &[Node]) -> Result<Vec<Hash>, Error> {
        let mut known = self.known.lock().await;
        let blocks =
            nodes.iter().filter(|node| node.level >= LEVEL).map(|node| (node.index + 1) << (node.level - LEVEL));
        self.extend(&mut known, blocks.max().unwrap_or(0)).await?;
        let mut small = HashMap::new();
        let mut hashes = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Some(kept) = node.level.checked_sub(LEVEL) {
                let of_level =
                    known.levels.get(kept as usize).and_then(|level| level.get(usize::try_from(node.index).ok()?));
                hashes.push(*of_level.ok_or_else(|| Error::Corrupt("a subtree beyond the log".into()))?);
                continue;
            }
            let first = node.index << node.level;
            let block = first / BLOCK;
            if let std::collections::hash_map::Entry::Vacant(vacant) = small.entry(block) {
                vacant.insert(self.leaves(block * BLOCK, BLOCK).await?);
            }
            let within = usize::try_from(first % BLOCK).unwrap_or(0);
            let leaves = small.get(&block).and_then(|leaves| leaves.get(within..within + (1 << node.level)));
            let leaves = leaves.ok_or_else(|| missing(first + 1))?;
            hashes.push(perfect_root(leaves));
        }
        Ok(hashes)
    }

    /// Reads the next few thousand entries again, and compares them with their leaf hashes and with what is in memory. Answers what
    /// is wrong, if anything is.
    pub(crate) async fn scrub(&self, size: u64) -> Result<Option<String>, Error> {
        let mut known = self.known.lock().await;
        let from = if known.scrub < size { known.scrub } else { 0 };
        let leaves = self.backend.leaves(signed(from), signed(SCRUB.min(size - from))).await?;
        for (expected, leaf) in (from + 1..).zip(&leaves) {
            if leaf.revision != signed(expected) {
                return Ok(Some(format!("revision {expected} is missing")));
            }
            if merkle::leaf_hash(&leaf.entry) != leaf.leaf_hash.as_slice() {
                return Ok(Some(format!("the entry of revision {expected} is not the one that was hashed")));
            }
        }
        if leaves.len() as u64 != SCRUB.min(size - from) {
            return Ok(Some(format!("revision {} is missing", from + leaves.len() as u64 + 1)));
        }
        for (block, leaves) in (from / BLOCK..).zip(leaves.chunks_exact(BLOCK as usize)) {
            let leaves: Vec<Hash> = leaves.iter().map(|leaf| merkle::leaf_hash(&leaf.entry)).collect();
            let kept = known.levels.first().and_then(|level| level.get(usize::try_from(block).ok()?));
            if kept.is_some_and(|kept| *kept != perfect_root(&leaves)) {
                let (first, last) = (block * BLOCK + 1, (block + 1) * BLOCK);
                return Ok(Some(format!("an entry between revisions {first} and {last} was replaced")));
            }
        }
        known.scrub = from + SCRUB;
        Ok(None)
    }

    /// Computes the kept levels up to a number of blocks.
    async fn extend(&self, known: &mut Known, blocks: u64) -> Result<(), Error> {
        loop {
            let have = known.levels.first().map_or(0, |level| level.len() as u64);
            if have >= blocks {
                return Ok(());
            }
            let leaves = self.leaves(have * BLOCK, PAGE.min((blocks - have) * BLOCK)).await?;
            for leaves in leaves.chunks_exact(BLOCK as usize) {
                known.push(perfect_root(leaves));
            }
            if leaves.len() < BLOCK as usize {
                return Err(missing(have * BLOCK + leaves.len() as u64 + 1));
            }
        }
    }

    /// Leaf hashes after a number of leaves, without holes.
    async fn leaves(&self, after: u64, count: u64) -> Result<Vec<Hash>, Error> {
        let rows = self.backend.leaf_hashes(signed(after), signed(count)).await?;
        let mut hashes = Vec::with_capacity(rows.len());
        for (expected, (revision, hash)) in (after + 1..).zip(rows) {
            if revision != signed(expected) {
                return Err(missing(expected));
            }
            hashes.push(hash.try_into().map_err(|_| Error::Corrupt(format!("revision {revision} has no leaf hash")))?);
        }
        Ok(hashes)
    }
}

// === impl Known ===

impl Known {
    /// Adds the root of the next block, and of all subtrees that it completes.
    fn push(&mut self, root: Hash) {
        let mut hash = root;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(hash);
            let [.., left, right] = self.levels[level].as_slice() else { return };
            if self.levels[level].len() % 2 == 1 {
                return;
            }
            hash = node_hash(left, right);
        }
    }
}

fn perfect_root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn missing(revision: u64) -> Error {
    Error::Corrupt(format!("revision {revision} is missing"))
}

fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
