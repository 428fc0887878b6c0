//! Secrets that managers outside keep, and that the configuration refers to: `$secret://vault/ID/PATH/FIELD`.
//!
//! ```text
//! compiler ─ wants paths ─→ Secrets ←─ answers ─ Keeper (configuration thread) ⇄ Vault
//!     ↑ compiles those again that refer to a path ─┘ whose answer is another one
//! ```
//! Requests never wait for a manager: they see what was there when their configuration was compiled. While a manager is away
//! the last answers stay; what it says is gone, is gone.
//!
//! Invariant: no value of a secret is logged or told, references and paths only.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portolan_model::Kind;
use portolan_model::resource::{Manager as ManagerKind, Secret};
use serde_json::{Map, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::plugin::references;

mod keeper;
mod reference;
mod vault;

pub use keeper::Keeper;
pub(crate) use reference::SECRET;
pub use reference::{Path, Reference, paths_in};

/// What is known of all secrets in use; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    /// Something is to be asked.
    work: Notify,
    /// Counts answers.
    answers: watch::Sender<u64>,
    /// Some answer is another one than before.
    changed: Notify,
}

#[derive(Default)]
struct Known {
    /// By `vault/ID`.
    managers: HashMap<Box<str>, Manager>,
    paths: HashMap<Path, Entry>,
    changed: BTreeSet<Path>,
}

/// Who is asked, or why nobody can be.
type Manager = Result<Arc<vault::Vault>, String>;

/// What is known of a path.
struct Entry {
    answer: Option<Answer>,
    /// When it is asked for again.
    due: Instant,
    /// Which question is under way; an answer to another one is of a manager that is no more.
    asking: Option<u64>,
}

/// What a manager says of a path.
#[derive(Debug, PartialEq)]
enum Answer {
    Fields(Arc<Map<String, Value>>),
    /// There is nothing.
    Gone(String),
    /// Nobody could say.
    Failed(String),
}

/// What a reference comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The secret.
    Text(String),
    /// The manager says that there is none, or there is no such manager.
    Gone(String),
    /// No manager has said anything yet.
    Unknown(String),
}

// === impl Secrets ===

impl Secrets {
    /// A manager is configured like this now, or not at all. What it keeps is asked for anew.
    pub fn manage(&self, id: &str, document: Option<&Value>) {
        let mut known = self.0.known.lock();
        let removed = document.is_none();
        match document {
            Some(document) => drop(known.managers.insert(id.into(), manager(id, document))),
            None => drop(known.managers.remove(id)),
        }
        let Known { paths, changed, .. } = &mut *known;
        for (path, entry) in paths.iter_mut().filter(|(path, _)| *path.manager == *id) {
            entry.asking = None;
            entry.due = Instant::now();
            // Nobody will answer any more.
            if removed {
                entry.answer = Some(Answer::Gone(no_manager(id)));
                changed.insert(path.clone());
            }
        }
        drop(known);
        self.0.work.notify_one();
        self.0.changed.notify_one();
    }

    /// These paths are in use from now on.
    pub fn want(&self, paths: &BTreeSet<Path>) {
        let mut known = self.0.known.lock();
        for path in paths {
            if !known.paths.contains_key(path) {
                let entry = Entry { answer: None, due: Instant::now(), asking: None };
                known.paths.insert(path.clone(), entry);
            }
        }
        self.0.work.notify_one();
    }

    /// Nobody refers to the path any more.
    pub fn forget(&self, path: &Path) {
        let mut known = self.0.known.lock();
        known.paths.remove(path);
        known.changed.remove(path);
    }

    /// What a reference comes to now.
    #[must_use]
    pub fn find(&self, text: &str) -> Found {
        let reference = match Reference::parse(text) {
            Ok(reference) => reference,
            Err(reason) => return Found::Gone(reason.to_owned()),
        };
        let known = self.0.known.lock();
        match known.paths.get(&reference.path).and_then(|entry| entry.answer.as_ref()) {
            None => Found::Unknown("its manager has not answered yet".to_owned()),
            Some(Answer::Failed(reason)) => Found::Unknown(reason.clone()),
            Some(Answer::Gone(reason)) => Found::Gone(reason.clone()),
            Some(Answer::Fields(fields)) => match field(fields, &reference.field) {
                Some(Value::String(text)) => Found::Text(text.clone()),
                Some(other) => Found::Text(other.to_string()),
                None => Found::Gone("the secret has no such field".to_owned()),
            },
        }
    }

    /// Waits until each of these paths has been answered, well or not; not for longer than this.
    pub async fn settled(&self, paths: &BTreeSet<Path>, longest: Duration) {
        if paths.is_empty() {
            return;
        }
        let mut answers = self.0.answers.subscribe();
        let settled = async { while !self.have_answers(paths) && answers.changed().await.is_ok() {} };
        // Who is late is compiled when the answer is there.
        let _in_time = timeout(longest, settled).await;
    }

    fn have_answers(&self, paths: &BTreeSet<Path>) -> bool {
        let known = self.0.known.lock();
        paths.iter().all(|path| known.paths.get(path).is_none_or(|entry| entry.answer.is_some()))
    }

    /// Waits until some answer is another one than before.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// The paths whose answers are others since this was last asked.
    #[must_use]
    pub fn take_changed(&self) -> BTreeSet<Path> {
        std::mem::take(&mut self.0.known.lock().changed)
    }
}

// === impl Entry ===

impl Entry {
    /// Takes an answer; tells whether it is another one than before. What was known before a failure stays.
    fn learn(&mut self, answer: Answer) -> bool {
        let stays = matches!((&self.answer, &answer), (Some(Answer::Fields(_)), Answer::Failed(_)));
        if stays || self.answer.as_ref() == Some(&answer) {
            return false;
        }
        self.answer = Some(answer);
        true
    }
}

fn no_manager(id: &str) -> String {
    format!("there is no secret manager {id}")
}

fn manager(id: &str, document: &Value) -> Manager {
    let mut document = document.clone();
    references::resolve_environment(&mut document).map_err(|error| error.to_string())?;
    let kind = Kind::Secret.split_id(id).0.and_then(ManagerKind::named).ok_or_else(|| no_manager(id))?;
    match Secret::read(kind, &document).map_err(|error| error.to_string())? {
        Secret::Vault(vault) => Ok(Arc::new(vault::Vault::new(vault))),
        Secret::Aws(_) | Secret::Gcp(_) => Err(format!("the data plane cannot ask secret managers of kind {kind}")),
    }
}

/// A field of version 1 of Vault's key-value engine, or of version 2, which puts the fields one deeper.
fn field<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f Value> {
    let versioned = || fields.get("metadata")?.get("version").and(fields.get("data")?.get(name));
    fields.get(name).or_else(versioned).filter(|value| !value.is_null())
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("paths", &self.paths.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
