//! Many changes at once: all of them as one event, or none.
//!
//! A batch is a list of changes, or a whole desired state from which the changes follow ([`adc`]). What needs no state is
//! checked before ([`Batch::prepare`]); the plan is made inside the append ([`plan`]), so that what was looked at and what is done can't
//! differ unnoticed. All errors are found at once.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Appended, Decision, Intent, KeyRange, Refusal, View};
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::Value;

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::groups::{self, Expected};
use crate::resources::{Document, check, document};

pub mod adc;
pub mod diff;
pub mod export;
pub mod plan;
mod prefix;

pub use plan::{Plan, Step};
pub use prefix::Prefix;

/// The longest name and description that APISIX takes, and that the enterprise face takes.
const SHORT: usize = 256;
const LONG: usize = 65_536;

/// What is wrong with one resource of a batch.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Its kind, as in paths.
    pub resource_type: &'static str,
    /// Its id.
    pub resource_id: String,
    /// Its place in its list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// What is wrong.
    pub error: String,
    /// The status of an answer that says so.
    #[serde(skip)]
    pub status: u16,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The kind.
    pub kind: Kind,
    /// The id.
    pub id: String,
    /// The place in its list, from 0.
    pub index: Option<usize>,
    /// What shall become of it.
    pub wanted: Wanted,
}

/// What shall become of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// This.
    Document(Document),
    /// Gone.
    Nothing,
    /// Gone, if it is there.
    Absent,
    /// Gone, and everything that belongs to it with it.
    NothingBelow,
}

/// What a batch says of resources that it does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// They stay.
    #[default]
    Stays,
    /// Those of a whole desired state go, unless nobody would say so: resources that the format can only name in these lists
    /// stay when the list is absent.
    Goes(HashSet<Kind>),
    /// Those of these kinds go.
    GoesOf(HashSet<Kind>),
}

/// Changes that belong together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The changes.
    pub changes: Vec<Change>,
    /// What is already known to be wrong.
    pub problems: Vec<Problem>,
    /// The resources that it does not name.
    pub rest: Rest,
    /// Whether what is deleted may still be in use.
    pub forced: bool,
    /// Whether names and descriptions may be longer than APISIX takes them.
    pub long_texts: bool,
}

/// A batch whose documents are right as far as that can be said without the state.
#[derive(Clone, Debug)]
pub struct Prepared {
    group: GroupId,
    now: i64,
    changes: Vec<(Change, Option<check::Checked>)>,
    problems: Vec<Problem>,
    rest: Rest,
    forced: bool,
    keyring: Keyring,
}

/// How a batch ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is in the log.
    Done {
        /// The event.
        revision: i64,
        /// The key changes.
        changes: Vec<portolan_eventstore::Change>,
    },
    /// Everything is as it should be already.
    Unchanged {
        /// The current revision.
        revision: i64,
    },
    /// Nothing was changed, and the log says why.
    Refused {
        /// Why.
        refusal: Refusal,
        /// All that is wrong; empty when the refusal says it all, and for a repeated request.
        problems: Vec<Problem>,
    },
}

/// What the event of a batch is called.
#[derive(Clone, Debug)]
pub struct Naming {
    /// The action.
    pub action: String,
    /// Kind and id of the resource.
    pub resource: (String, String),
    /// Why.
    pub reason: Option<String>,
    /// The one resource that it is about, whose creation is then called so, and whose problems are told alone.
    pub of_resource: Option<(Kind, String)>,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn of(change: &Change, error: impl Into<String>) -> Self {
        let (resource_type, resource_id) = (change.kind.directory(), change.id.clone());
        Self { resource_type, resource_id, index: change.index, error: error.into(), status: 400 }
    }

    /// The refusal of a batch with these problems: all of one thing, or the first of many.
    fn refusal(problems: &[Self]) -> Option<Refusal> {
        let first = problems.first()?;
        let rest = match problems.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let Self { resource_type, resource_id, error, .. } = first;
        let text = format!("Configuration validation failed: {resource_type} {resource_id}: {error}{rest}");
        Some(Refusal::invalid(400, text))
    }
}

// === impl Batch ===

impl Batch {
    /// Checks everything that needs no state.
    pub fn prepare(self, group: GroupId, now: i64, keyring: Keyring) -> Prepared {
        let mut problems = self.problems;
        let mut named = HashSet::new();
        let mut changes = Vec::with_capacity(self.changes.len());
        for mut change in self.changes {
            if !named.insert((change.kind, change.id.clone())) {
                problems.push(Problem::of(
                    &change,
                    format!("found duplicate id {} in {}", change.id, change.kind.directory()),
                ));
                continue;
            }
            match checked(&mut change, &keyring, self.long_texts) {
                Ok(checked) => {
                    if let Some(complaint) = checked.as_ref().and_then(|checked| checked.complaint.clone()) {
                        problems.push(Problem::of(&change, complaint));
                    }
                    changes.push((change, checked));
                }
                Err(text) => problems.push(Problem::of(&change, text)),
            }
        }
        Prepared { group, now, changes, problems, rest: self.rest, forced: self.forced, keyring }
    }
}

fn checked(change: &mut Change, keyring: &Keyring, long_texts: bool) -> Result<Option<check::Checked>, String> {
    let Change { kind, id, wanted, .. } = change;
    if !kind.accepts_id(id) {
        return Err(format!("{id:?} can't be the id of a {kind}"));
    }
    let Wanted::Document(document) = wanted else { return Ok(None) };
    document::identify(*kind, Some(id.clone()), document)?;
    document::no_times(document)?;
    keyring.open_private_keys(*kind, id, document);
    match long_texts && document.values().any(|value| value.as_str().is_some_and(|text| text.len() > SHORT)) {
        true => check::document(*kind, Some(id), &shortened(document)?).map(Some),
        false => check::document(*kind, Some(id), document).map(Some),
    }
}

/// The document with its name and its description as short as APISIX takes them.
fn shortened(document: &Document) -> Result<Document, String> {
    let mut short = document.clone();
    for field in ["name", "desc"] {
        if let Some(Value::String(text)) = short.get_mut(field) {
            if text.len() > LONG {
                return Err(format!("Error at \"/{field}\": maximum string length is {LONG}"));
            }
            *text = text.chars().take(SHORT).collect();
        }
    }
    Ok(short)
}

// === impl Prepared ===

impl Prepared {
    /// What is wrong so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The same, of these kinds only, whose other resources go. What belongs to consumers goes with them.
    pub fn only(&self, kinds: &HashSet<Kind>) -> Self {
        let mut kinds = kinds.clone();
        if kinds.contains(&Kind::Consumer) {
            kinds.insert(Kind::Credential);
        }
        let mut only = self.clone();
        only.changes.retain(|(change, _)| kinds.contains(&change.kind));
        only.rest = Rest::GoesOf(kinds);
        only
    }

    /// What it would change now.
    pub fn look(&self, app: &App) -> Plan {
        app.store.read(|view| self.plan(view))
    }

    /// What it changes in this state.
    pub fn plan(&self, view: &dyn View) -> Plan {
        plan::make(self, view)
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the log is unavailable.
    pub async fn carry_out(
        self,
        app: &App,
        caller: &Caller,
        expected: Expected,
        naming: Naming,
    ) -> Result<Outcome, ApiError> {
        let group = self.group.clone();
        let plan = move |view: &dyn View| {
            let now = || view.range(&KeyRange::prefix(layout::group_prefix(&self.group)));
            expected.refused(now).map_or_else(|| Ok(self.plan(view)), Err)
        };
        carry_out(app, caller, &group, plan, naming).await
    }
}

/// Carries out what is planned inside the append.
///
/// # Errors
/// When the log is unavailable.
pub async fn carry_out(
    app: &App,
    caller: &Caller,
    group: &GroupId,
    plan: impl Fn(&dyn View) -> Result<Plan, Refusal> + Send + Sync + 'static,
    naming: Naming,
) -> Result<Outcome, ApiError> {
    // Decided anew after a conflict; the last one counts.
    let problems: Arc<Mutex<Vec<Problem>>> = Arc::default();
    let (found, in_group) = (problems.clone(), group.clone());
    let Naming { action, resource: (kind, id), reason, of_resource } = naming;
    let decide = move |view: &dyn View| {
        if !groups::exists(view, &in_group) {
            return Decision::Refuse(groups::unknown(&in_group));
        }
        let plan = match plan(view) {
            Ok(plan) => plan,
            Err(refusal) => return Decision::Refuse(refusal),
        };
        let refusal = match (&of_resource, plan.problems.first()) {
            (Some(_), Some(problem)) => Some(Refusal::invalid(problem.status, problem.error.clone())),
            _ => Problem::refusal(&plan.problems),
        };
        if let Some(refusal) = refusal {
            *found.lock() = plan.problems;
            return Decision::Refuse(refusal);
        }
        let made = of_resource.as_ref().filter(|(kind, id)| {
            let own = plan.steps.iter().find(|step| step.kind == *kind && step.id == *id);
            own.is_some_and(|step| step.before.is_none())
        });
        match made {
            _ if plan.steps.is_empty() && plan.also.is_empty() => Decision::Unchanged,
            None => Decision::Apply(plan.txn()),
            Some((kind, id)) => Decision::ApplyAs {
                action: format!("{}.create", kind.name()),
                resource: Some(crate::resources::named(*kind, id)),
                txn: plan.txn(),
            },
        }
    };
    let mut proposal = caller.proposal(action, Intent::Decide(Box::new(decide))).in_group(group.as_str()).on(kind, id);
    proposal.context.reason = reason;
    Ok(match app.append(proposal).await? {
        Appended::Committed { revision, changes, .. } => Outcome::Done { revision, changes },
        Appended::Unchanged { revision, .. } => Outcome::Unchanged { revision },
        Appended::Refused { refusal, .. } => {
            Outcome::Refused { refusal, problems: std::mem::take(&mut *problems.lock()) }
        }
    })
}

// === impl Plan ===

impl Plan {
    /// The transaction that carries it out.
    fn txn(&self) -> Txn {
        let op = |step: &Step| match &step.after {
            Some(value) => Op::Put(Put::new(step.key.clone(), value.clone())),
            None => Op::Delete(Delete::key(step.key.clone())),
        };
        Txn::of(self.steps.iter().map(op).chain(self.also.iter().cloned().map(Op::Put)).collect())
    }
}

/// Whether two documents say the same: times are the log's, and what is a default need not be said.
pub fn same(one: &Document, other: &Document) -> bool {
    let (one, other) = (said(one), said(other));
    // Ids may be numbers or texts.
    let id = |document: &Document| document.get("id").and_then(portolan_model::id::text_of);
    one.len() == other.len()
        && id(&one) == id(&other)
        && one.iter().all(|(name, value)| name == "id" || other.get(name) == Some(value))
}

/// What a document says, without times and the defaults that clients write out.
fn said(document: &Document) -> Document {
    let is_default = |name: &str, value: &Value| match name {
        "create_time" | "update_time" => true,
        "status" => value.as_i64() == Some(1),
        "type" => matches!(value.as_str(), Some("roundrobin" | "server")),
        "scheme" => value.as_str() == Some("http"),
        "pass_host" => value.as_str() == Some("pass"),
        _ => false,
    };
    let without_priority = |node: &Value| match node {
        Value::Object(node) => {
            let said = node.iter().filter(|(name, value)| *name != "priority" || value.as_i64() != Some(0));
            Value::Object(said.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    };
    let kept = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            ("upstream", Value::Object(upstream)) => Value::Object(said(upstream)),
            ("nodes", Value::Array(nodes)) => nodes.iter().map(without_priority).collect(),
            (name, value) if is_default(name, value) => return None,
            (_, value) => value.clone(),
        };
        Some((name.clone(), value))
    };
    document.iter().filter_map(kept).collect()
}
