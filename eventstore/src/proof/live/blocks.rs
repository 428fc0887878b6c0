//! The kept inner nodes of the tree, beside those that the leaves give.

use crate::merkle::{Frontier, Hash};
use crate::proof::error::Error;
use crate::proof::log::Log;
use crate::proof::report::{Failure, Kind};
use crate::proof::tree::BLOCK;

/// Rows per read.
const PAGE: i64 = 4_096;

/// The roots of the blocks so far.
#[derive(Default)]
pub(super) struct Blocks {
    roots: Vec<Hash>,
    /// The leaves of the last, unfinished one.
    rest: Frontier,
}

// === impl Blocks ===

impl Blocks {
    /// Adds the next leaf, whose length was checked.
    pub(super) fn leaf(&mut self, hash: &[u8]) {
        self.rest.push(hash.try_into().unwrap_or_default());
        if self.rest.size() == BLOCK {
            self.roots.push(std::mem::take(&mut self.rest).root());
        }
    }

    /// Compares with the table `tree_blocks`. It need not have all; what it has beyond the events that were read is younger than they.
    pub(super) async fn compare(&self, log: &Log) -> Result<Option<Failure>, Error> {
        let mut next = 0;
        loop {
            let page = log.backend().tree_blocks(next, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            next = last + 1;
            for (block, root) in page {
                let own = usize::try_from(block).ok().and_then(|block| self.roots.get(block));
                if own.is_some_and(|own| *own != root.as_slice()) {
                    let what = format!("block {block} of the kept tree is not that of the events");
                    return Ok(Some(Failure::of(Kind::Head, what)));
                }
            }
        }
    }
}
