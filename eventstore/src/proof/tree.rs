//! The hashes of the tree, from the stored leaf hashes.
//!
//! Subtrees of 256 leaves and more are kept in memory once computed, all levels: 64 bytes per 256 events, a quarter of a megabyte
//! for a million. What is in memory is not read again; a proof then reads at most three blocks of 256. The roots of the blocks also
//! stand in the database, so that a start reads them ([`Tree::resume`]) and not all leaf hashes. They are believed because they lead to
//! a signed root; whether the rows still lead to them is what [`Tree::recheck`] and [`Tree::scrub`] look at, little by little.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::range::{self, Node};
use crate::backend::Backend;
use crate::error::Error;
use crate::merkle::{self, Frontier, Hash};

mod known;

use known::Known;

/// Level of the subtrees that are kept.
const LEVEL: u32 = 8;
/// Leaves of such a subtree.
pub(crate) const BLOCK: u64 = 1 << LEVEL;
/// Leaf hashes per read: whole blocks.
const PAGE: u64 = 64 * BLOCK;
/// Kept roots per read and write.
const KEPT: u64 = 16 * 1024;
/// Events that one scrub reads again: bounds its cost, and the time until all of a log of n events was looked at.
const SCRUB: u64 = 16 * BLOCK;

/// The tree of one log.
pub(crate) struct Tree {
    backend: Arc<dyn Backend>,
    known: Mutex<Known>,
}

// === impl Tree ===

impl Tree {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, known: Mutex::default() }
    }

    /// Takes the roots of blocks over that the database keeps, if together with the leaves after them they lead to a signed root.
    /// Does nothing when something is known already.
    pub(crate) async fn resume(&self, size: u64, root: &Hash) -> Result<(), Error> {
        let mut known = self.known.lock().await;
        if known.blocks() > 0 {
            return Ok(());
        }
        let mut kept = Known::default();
        while kept.blocks() < size / BLOCK {
            let limit = KEPT.min(size / BLOCK - kept.blocks());
            let rows = self.backend.tree_blocks(signed(kept.blocks()), signed(limit)).await?;
            let (before, count) = (kept.blocks(), rows.len() as u64);
            for (block, root) in rows {
                let Ok(root) = root.try_into() else { break };
                if block != signed(kept.blocks()) {
                    break;
                }
                kept.push(root);
            }
            if kept.blocks() < before + count || count < limit {
                break;
            }
        }
        if kept.blocks() == 0 {
            return Ok(());
        }
        kept.resumed = kept.blocks();
        kept.stored = kept.blocks();
        if self.root_of(&mut kept, size).await? == *root {
            *known = kept;
        } else {
            tracing::warn!("the kept part of the log's tree does not lead to the signed root; it is made again");
        }
        Ok(())
    }

    /// Keeps the roots of blocks in the database that it does not have yet, up to a size.
    pub(crate) async fn keep(&self, size: u64) -> Result<(), Error> {
        let mut known = self.known.lock().await;
        let missing: Vec<Hash> = known.since(known.stored, size / BLOCK).to_vec();
        for roots in missing.chunks(KEPT as usize) {
            self.backend.tree_keep(signed(known.stored), roots).await?;
            known.stored += roots.len() as u64;
        }
        Ok(())
    }

    /// The root over the first `size` leaves.
    pub(crate) async fn root(&self, size: u64) -> Result<Hash, Error> {
        self.root_of(&mut *self.known.lock().await, size).await
    }

    async fn root_of(&self, known: &mut Known, size: u64) -> Result<Hash, Error> {
        let hashes = self.nodes_of(known, &range::cover(0..size)).await?;
        let frontier = range::frontier(size, &hashes);
        Ok(frontier.ok_or_else(|| Error::Corrupt(format!("no frontier of {size} leaves")))?.root())
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
        self.nodes_of(&mut *self.known.lock().await, nodes).await
    }

    async fn nodes_of(&self, known: &mut Known, nodes: &[Node]) -> Result<Vec<Hash>, Error> {
        let blocks =
            nodes.iter().filter(|node| node.level >= LEVEL).map(|node| (node.index + 1) << (node.level - LEVEL));
        self.extend(known, blocks.max().unwrap_or(0)).await?;
        let mut small = HashMap::new();
        let mut hashes = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Some(kept) = node.level.checked_sub(LEVEL) {
                let found = known.node(kept as usize, node.index);
                hashes.push(found.ok_or_else(|| Error::Corrupt("a subtree beyond the log".into()))?);
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
            if known.node(0, block).is_some_and(|kept| kept != perfect_root(&leaves)) {
                return Ok(Some(replaced(block)));
            }
        }
        known.scrub = from + SCRUB;
        Ok(None)
    }

    /// Compares the leaf hashes under the next blocks that [`Tree::resume`] took over with those. Answers what is wrong, if anything is.
    pub(crate) async fn recheck(&self) -> Result<Option<String>, Error> {
        let mut known = self.known.lock().await;
        let blocks = (PAGE / BLOCK).min(known.resumed - known.rechecked);
        let leaves = self.leaves(known.rechecked * BLOCK, blocks * BLOCK).await?;
        for (block, leaves) in (known.rechecked..).zip(leaves.chunks(BLOCK as usize)) {
            if known.node(0, block) != Some(perfect_root(leaves)) {
                return Ok(Some(replaced(block)));
            }
        }
        known.rechecked += blocks;
        Ok(None)
    }

    /// Computes the kept levels up to a number of blocks.
    async fn extend(&self, known: &mut Known, blocks: u64) -> Result<(), Error> {
        loop {
            let have = known.blocks();
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
        if count == 0 {
            return Ok(Vec::new());
        }
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

fn perfect_root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn replaced(block: u64) -> String {
    format!("an entry between revisions {} and {} was replaced", block * BLOCK + 1, (block + 1) * BLOCK)
}

fn missing(revision: u64) -> Error {
    Error::Corrupt(format!("revision {revision} is missing"))
}

fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
