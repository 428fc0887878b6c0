//! One round of the signer: what is looked at, and what is signed.

use super::Task;
use crate::backend::evidence::StoredCheckpoint;
use crate::keyspace::View;
use crate::merkle::Hash;
use crate::proof::error::Error;
use crate::proof::log::unsigned;
use crate::proof::{Checkpoint, PUBLISHED};
use crate::proposal::{Context, Decision, Intent, Proposal};

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// The period is over, or somebody asked: the time to look at old rows, too.
    Full,
    /// Many events came.
    Brief,
}

// === impl Task ===

impl Task {
    pub(super) async fn round(&mut self, round: Round) -> Result<(), Error> {
        // In this order: another replica may sign a larger tree in between, but the log never ends before what was signed.
        let last = self.log.backend().checkpoint_last().await?;
        let head = self.log.backend().head().await?;
        self.take_over(head.revision).await?;
        let size = unsigned(head.revision);
        if round == Round::Full {
            self.look_back(size).await?;
        }
        if let Some(last) = &last {
            let root = self.meet(last, head.revision, round).await?;
            self.known = Some((last.size, root));
            self.signed.send_if_modified(|signed| last.size > std::mem::replace(signed, last.size));
        } else if let Some((known, _)) = self.known {
            return Err(Error::Fork(format!("the checkpoint of size {known} is gone")));
        }
        let covered = last.as_ref().map_or(0, |last| last.size);
        if self.retiring.as_ref().is_some_and(|(_, since)| covered >= *since) {
            // Another replica has let it say its last word.
            self.retiring = None;
        }
        let root = self.log.tree().root(size).await?;
        if root != head.frontier.root() {
            let what = format!("the tree kept in the head at revision {size} is not that of the events");
            return Err(Error::Fork(what));
        }
        if head.revision > covered {
            self.sign(head.revision, root).await?;
        }
        self.log.tree().keep(size).await?;
        let idle = i64::try_from(self.pace.idle.as_micros()).unwrap_or(i64::MAX);
        if head.revision == covered && last.is_some_and(|last| self.store.now() - last.at >= idle) {
            self.beat(covered).await?;
        }
        Ok(())
    }

    /// Takes over the key that the log names at its head, when it is another one.
    async fn take_over(&mut self, head: i64) -> Result<(), Error> {
        let Some(renew) = &self.renew else { return Ok(()) };
        // The key is looked up in memory, which follows the database.
        self.store.head().wait_for(|applied| *applied >= head).await.map_err(|_| crate::Error::Closed)?;
        let Some((named, since)) = self.store.read(named) else { return Ok(()) };
        if since > head || named == self.signer.verifier().to_string() {
            return Ok(());
        }
        let keys = renew().await.map_err(Error::Renew)?;
        if keys.signer.verifier() == self.signer.verifier() {
            // The store was read before it had the new one.
            return Ok(());
        }
        self.trusted = keys.trusted();
        let old = std::mem::replace(&mut self.signer, keys.signer);
        tracing::info!(key = %self.signer.verifier(), event.position = since, "the log is signed with another key");
        self.retiring = Some((old, since));
        Ok(())
    }

    /// Reads a part of the old rows again.
    async fn look_back(&self, size: u64) -> Result<(), Error> {
        let mut wrong = self.log.tree().scrub(size).await?;
        // The first round is part of the start, which should not take longer because the log is long.
        if wrong.is_none() && self.known.is_some() {
            wrong = self.log.tree().recheck().await?;
        }
        wrong.map_or(Ok(()), |wrong| Err(Error::Fork(wrong)))
    }

    /// Whether the log still leads to the last checkpoint, and that one to the last that we know. Answers its root.
    async fn meet(&self, last: &StoredCheckpoint, head: i64, round: Round) -> Result<Hash, Error> {
        let fork = |what: String| Err(Error::Fork(what));
        let signed = match Checkpoint::open(&last.note, &self.trusted) {
            Ok(signed) if signed.size == unsigned(last.size) => signed,
            Ok(_) => return fork(format!("the note of checkpoint {} is of another size", last.size)),
            Err(error) => return fork(format!("checkpoint {}: {error}", last.size)),
        };
        if last.size > head {
            return fork(format!("the log ends at {head}, a checkpoint of size {} was signed", last.size));
        }
        let known = self.known == Some((last.size, signed.root));
        if known && round == Round::Brief {
            return Ok(signed.root);
        }
        self.log.tree().resume(signed.size, &signed.root).await?;
        if self.log.tree().root(signed.size).await? != signed.root {
            return fork(format!("the log does not lead to the signed root of checkpoint {}", last.size));
        }
        if let Some((size, root)) = self.known
            && !known
        {
            if last.size < size {
                return fork(format!("the checkpoint of size {size} is gone"));
            }
            if self.log.tree().root(unsigned(size)).await? != root {
                return fork(format!("the log no longer leads to the root of checkpoint {size}"));
            }
        }
        Ok(signed.root)
    }

    async fn sign(&mut self, size: i64, root: Hash) -> Result<(), Error> {
        let (_, mut note) = Checkpoint::sign(&self.signer, unsigned(size), root);
        // Who trusts the old key alone sees it vouch for the event that names the new one.
        let vouches = self.retiring.as_ref().filter(|(_, since)| size >= *since);
        if let Some((old, _)) = vouches {
            note = old.cosign(&note)?;
        }
        let last_word = vouches.is_some();
        let row = StoredCheckpoint { size, root: root.to_vec(), note, at: self.store.now() };
        if !self.log.backend().checkpoint_insert(&row).await? {
            // Another replica was faster. Two with different roots would be a fork that we take part in.
            let found = self.log.backend().checkpoints(size, 1).await?;
            if found.first().is_none_or(|found| found.size != size || found.root != row.root) {
                return Err(Error::Fork(format!("another replica signed another tree of size {size}")));
            }
        }
        if last_word {
            self.retiring = None;
        }
        self.known = Some((size, root));
        self.signed.send_if_modified(|signed| size > std::mem::replace(signed, size.max(*signed)));
        tracing::debug!(checkpoint.size = size, "checkpoint signed");
        Ok(())
    }

    /// Records that nothing happened; one replica does.
    async fn beat(&self, last: i64) -> Result<(), Error> {
        let decide = move |view: &dyn View| {
            if view.revision() == last { Decision::Record } else { Decision::Unchanged }
        };
        self.store.append(Proposal::new(Context::system(), "log.heartbeat", Intent::Decide(Box::new(decide)))).await?;
        self.wanted.ask(last + 1);
        Ok(())
    }
}

/// The verifier key that the log names, and since which revision.
fn named(view: &dyn View) -> Option<(String, i64)> {
    let kv = view.get(PUBLISHED.as_bytes())?;
    let value: serde_json::Value = serde_json::from_slice(&kv.value).ok()?;
    Some((value.get("key")?.as_str()?.to_owned(), kv.mod_revision))
}
