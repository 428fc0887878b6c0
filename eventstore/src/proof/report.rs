//! What a verifier says.

use serde::Serialize;

/// Who wants to know how far a verification has come: told the last revision that was checked, now and then.
pub type Progress<'a> = &'a (dyn Fn(i64) + Sync);

/// The end of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result")]
pub enum Verdict {
    /// Everything fits together, up to a checkpoint that a trusted key signed.
    #[serde(rename = "OK")]
    Ok(Report),
    /// Something does not.
    #[serde(rename = "FAIL")]
    Fail(Failure),
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Identity of the log.
    pub origin: String,
    /// First revision verified.
    pub from: i64,
    /// Last revision verified.
    pub to: i64,
    /// Size of the largest tree whose signed root was met.
    pub tree_size: i64,
    /// That root, in base64 as in the checkpoint.
    pub root: String,
    /// What could not be looked at because it was erased or pruned; the proof holds without it.
    pub redacted: Redacted,
}

/// How many payloads were no longer there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// Events without their personal context.
    pub contexts: i64,
    /// Events without their changes.
    pub changes: i64,
    /// The first few of these revisions.
    pub first: Vec<i64>,
}

/// The first thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The first bad revision; none when it is no event that is wrong.
    pub revision: Option<i64>,
    /// When only a root shows that something is wrong: the last revision that it may be.
    pub until: Option<i64>,
    /// What kind of thing.
    pub kind: Kind,
    /// What is wrong, for people.
    pub what: String,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The bundle is damaged or incomplete.
    Bundle,
    /// A checkpoint is not signed by a trusted key, or says something else than the others.
    Checkpoint,
    /// A revision is missing, or out of order.
    Gap,
    /// An entry is not the one that was hashed.
    Leaf,
    /// An entry can't be read, or belongs to another log.
    Entry,
    /// Time goes back.
    Time,
    /// The personal context is not the one that the entry commits to.
    Context,
    /// The changes are not those that the entry commits to.
    Changes,
    /// A payload is gone, and no event accounts for that.
    Missing,
    /// The tree has another root than was signed.
    Root,
    /// A column says something else than the entry.
    Column,
    /// The key space is not what the changes make.
    Keys,
    /// The head is not where the events end.
    Head,
}

/// Most revisions named as redacted.
const NAMED: usize = 10;

// === impl Redacted ===

impl Redacted {
    pub(crate) fn context(&mut self, revision: i64) {
        self.contexts += 1;
        self.name(revision);
    }

    pub(crate) fn changes(&mut self, revision: i64) {
        self.changes += 1;
        self.name(revision);
    }

    fn name(&mut self, revision: i64) {
        if self.first.len() < NAMED && self.first.last() != Some(&revision) {
            self.first.push(revision);
        }
    }
}

// === impl Failure ===

impl Failure {
    pub(crate) fn at(revision: i64, kind: Kind, what: impl Into<String>) -> Self {
        Self { revision: Some(revision), until: None, kind, what: what.into() }
    }

    pub(crate) fn between(first: i64, last: i64, what: impl Into<String>) -> Self {
        Self { revision: Some(first), until: (last > first).then_some(last), kind: Kind::Root, what: what.into() }
    }

    pub(crate) fn of(kind: Kind, what: impl Into<String>) -> Self {
        Self { revision: None, until: None, kind, what: what.into() }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Whether it verified.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok(report) => {
                let Report { origin, from, to, tree_size, root, redacted } = report;
                write!(
                    f,
                    "OK: revisions {from} to {to} of {origin}, in the signed tree of size {tree_size} with root {root}"
                )?;
                if to > tree_size {
                    write!(f, " (the last {} are not signed yet)", to - tree_size)?;
                }
                if !redacted.first.is_empty() {
                    let (contexts, changes) = (redacted.contexts, redacted.changes);
                    let more = if redacted.first.len() == NAMED { " …" } else { "" };
                    let first: Vec<String> = redacted.first.iter().map(ToString::to_string).collect();
                    write!(f, "\nREDACTED: {contexts} contexts, {changes} changes, at {}{more}", first.join(", "))?;
                }
                Ok(())
            }
            Self::Fail(Failure { revision, until, what, .. }) => match (revision, until) {
                (Some(revision), Some(until)) => write!(f, "FAIL between revisions {revision} and {until}: {what}"),
                (Some(revision), None) => write!(f, "FAIL at revision {revision}: {what}"),
                (None, _) => write!(f, "FAIL: {what}"),
            },
        }
    }
}
