//! The subtrees that are kept in memory.

use crate::merkle::{Hash, node_hash};

/// What is known of the tree, from the left.
#[derive(Default)]
pub(super) struct Known {
    /// Level 8, 9, …: the roots of the perfect subtrees.
    levels: Vec<Vec<Hash>>,
    /// Blocks that the database keeps.
    pub(super) stored: u64,
    /// Blocks that came from there at the start.
    pub(super) resumed: u64,
    /// How many of those were compared with the leaf hashes since.
    pub(super) rechecked: u64,
    /// Where the next scrub begins.
    pub(super) scrub: u64,
}

// === impl Known ===

impl Known {
    /// Number of known blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.len() as u64)
    }

    /// The root of a subtree; level 0 are the blocks.
    pub(super) fn node(&self, level: usize, index: u64) -> Option<Hash> {
        self.levels.get(level)?.get(usize::try_from(index).ok()?).copied()
    }

    /// The roots of the known blocks of a range.
    pub(super) fn since(&self, first: u64, end: u64) -> &[Hash] {
        let blocks = self.levels.first().map_or(&[][..], Vec::as_slice);
        let at = |block: u64| usize::try_from(block).unwrap_or(usize::MAX).min(blocks.len());
        &blocks[at(first)..at(end).max(at(first))]
    }

    /// Adds the root of the next block, and of all subtrees that it completes.
    pub(super) fn push(&mut self, root: Hash) {
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
