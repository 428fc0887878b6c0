//! Changing resources: the commands below both faces, written once over the kind.
//!
//! A command becomes one proposal. What needs no state is checked before; references, uniqueness and merging are decided
//! inside the append. Order and texts of the checks are APISIX's.

use bytes::Bytes;
use portolan_eventstore::proposal::ResourceRef;
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Appended, Decision, Intent, KeyRange, Refusal, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::groups;

pub mod check;
mod condition;
mod contents;
pub(crate) mod document;
pub(crate) mod mentions;
pub mod patch;
pub mod references;
pub(crate) mod unique;

pub use condition::Condition;

/// The kinds that are served whole, parents before children: in both faces, and in what etcd clients write.
pub const KINDS: &[Kind] = Kind::all();

/// What a missing key is called.
pub const KEY_NOT_FOUND: &str = "Key not found";

/// Which resources a command is about.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The gateway group.
    pub group: GroupId,
    /// The kind.
    pub kind: Kind,
    /// The time in seconds since 1970, for `create_time` and `update_time`.
    pub now: i64,
    /// The lease that written keys live by; 0 = none.
    pub lease: i64,
    /// What the resource must be for anything to happen.
    pub condition: Condition,
    /// What its secrets are encrypted with.
    pub keyring: Keyring,
}

/// A change of one resource.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create or replace.
    Put {
        /// The id of the path.
        id: Option<String>,
        /// The new document.
        body: Option<Value>,
    },
    /// Create under an id that the log gives.
    Post {
        /// The id of the path; there must be none.
        id: Option<String>,
        /// What it belongs to.
        parent: Option<String>,
        /// The new document.
        body: Option<Value>,
    },
    /// Change a part.
    Patch {
        /// The id of the path.
        id: Option<String>,
        /// Which part; empty = the whole is merged.
        sub_path: String,
        /// The part.
        body: Option<Value>,
    },
    /// Delete.
    Delete {
        /// The id of the path.
        id: Option<String>,
        /// Whether it may still be in use.
        force: bool,
    },
}

/// How a command ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The resource is what the caller wanted.
    Written {
        /// Its key.
        key: String,
        /// Its document, secrets in clear.
        value: Bytes,
        /// Whether it is new.
        created: bool,
    },
    /// The resource is gone.
    Deleted {
        /// Its key.
        key: String,
    },
    /// Nothing changed, and the log says why.
    Refused(Refusal),
}

pub(crate) type Document = Map<String, Value>;
type Decide = Box<dyn Fn(&dyn View) -> Decision + Send + Sync>;

/// The resource in an event.
pub fn named(kind: Kind, id: &str) -> ResourceRef {
    crate::refusal::named(kind.name(), id)
}

/// The served kind of a directory name.
pub fn kind(directory: &str) -> Option<Kind> {
    Kind::from_directory(directory).filter(|kind| KINDS.contains(kind))
}

/// Carries a command out: one proposal, one event.
///
/// # Errors
/// When the log is unavailable.
pub async fn run(app: &App, caller: &Caller, scope: Scope, command: Command) -> Result<Outcome, ApiError> {
    let (noun, kind, keyring) = (scope.kind.name(), scope.kind, scope.keyring.clone());
    let (verb, id, decided) = match command {
        Command::Put { id, body } => ("update", id.clone(), put(&scope, id, body)),
        Command::Post { id, parent, body } => ("create", id.clone(), post(&scope, id, parent, body)),
        Command::Patch { id, sub_path, body } => ("update", id.clone(), patch(&scope, id, sub_path, body)),
        Command::Delete { id, force } => ("delete", id.clone(), delete(&scope, id, force)),
    };
    let intent = match decided {
        Ok(decide) => Intent::Decide(decide),
        Err(text) => Intent::Refused(Refusal::invalid(400, text)),
    };
    let mut proposal = caller.proposal(format!("{noun}.{verb}"), intent).in_group(scope.group.as_str());
    let key = id.as_deref().map(|id| layout::resource_key(&scope.group, scope.kind, id)).unwrap_or_default();
    proposal.resource = id.map(|id| named(scope.kind, &id));
    match app.append(proposal).await? {
        Appended::Committed { changes, .. } if changes.is_empty() => Ok(Outcome::Deleted { key }),
        Appended::Committed { changes, .. } => {
            let change = changes.last().ok_or_else(|| ApiError::internal("a command that changed no key"))?;
            let key = String::from_utf8_lossy(&change.key).into_owned();
            Ok(match &change.after {
                Some(kv) => {
                    let value = in_clear(&keyring, kind, &key, &kv.value);
                    Outcome::Written { key, value, created: change.before.is_none() }
                }
                None => Outcome::Deleted { key },
            })
        }
        Appended::Refused { refusal, .. } => Ok(Outcome::Refused(refusal)),
        Appended::Unchanged { .. } => Err(ApiError::internal("a command that decided nothing")),
    }
}

fn put(scope: &Scope, id: Option<String>, body: Option<Value>) -> Result<Decide, String> {
    let mut document = document::given(scope.kind, body)?;
    let named = document::identify(scope.kind, id.clone(), &mut document)?;
    document::no_times(&document)?;
    scope.keyring.open_private_keys(scope.kind, id.as_deref().unwrap_or_default(), &mut document);
    let checked = check::document(scope.kind, id.as_deref(), &document)?;
    let id = named.or_else(|| document.get("username").and_then(text_of)).unwrap_or_default();
    let scope = scope.clone();
    Ok(Box::new(move |view| match refused(view, &scope, &id, &document, &checked) {
        Some(refusal) => Decision::Refuse(refusal),
        None => write(view, &scope, &id, document.clone()),
    }))
}

fn post(scope: &Scope, id: Option<String>, parent: Option<String>, body: Option<Value>) -> Result<Decide, String> {
    let mut document = document::given(scope.kind, body)?;
    if id.is_some() || document.contains_key("id") {
        return Err(format!("wrong {} id, do not need it", scope.kind));
    }
    document::belong(scope.kind, parent.as_deref(), &mut document)?;
    document::no_times(&document)?;
    scope.keyring.open_private_keys(scope.kind, "", &mut document);
    let key_of = |own: &str| parent.as_ref().map_or_else(|| own.to_owned(), |parent| scope.kind.join_id(parent, own));
    // One with a parent refers to it by its key, which is known but for its own id.
    let checked = check::document(scope.kind, parent.as_ref().map(|_| key_of("1")).as_deref(), &document)?;
    let (scope, parent) = (scope.clone(), parent.clone());
    Ok(Box::new(move |view| {
        // The event's own revision: no two events have the same.
        let own = format!("{:020}", view.revision() + 1);
        let id = parent.as_ref().map_or_else(|| own.clone(), |parent| scope.kind.join_id(parent, &own));
        if let Some(refusal) = refused(view, &scope, &id, &document, &checked) {
            return Decision::Refuse(refusal);
        }
        let mut document = document.clone();
        document.insert("id".into(), Value::from(own));
        write(view, &scope, &id, document)
    }))
}

fn patch(scope: &Scope, id: Option<String>, sub_path: String, body: Option<Value>) -> Result<Decide, String> {
    let id = id.ok_or_else(|| format!("missing {} id", scope.kind))?;
    let body = body.ok_or("missing new configuration")?;
    if sub_path.is_empty() && !body.is_object() {
        return Err("invalid configuration".into());
    }
    if scope.kind == Kind::CostDecoration && body.get("service_id").is_some() {
        return Err("service_id can not be patched".into());
    }
    let scope = scope.clone();
    Ok(Box::new(move |view| {
        let found = view.get(layout::resource_key(&scope.group, scope.kind, &id).as_bytes());
        let Some(old) = found.filter(|_| scope.kind.accepts_id(&id)) else {
            return not_found();
        };
        let patched = || {
            let mut document = document::opened(&scope.keyring, scope.kind, &id, &old.value)?;
            document::patch(&mut document, &sub_path, &body, scope.now)?;
            document::identify(scope.kind, Some(id.clone()), &mut document)?;
            scope.keyring.open_private_keys(scope.kind, &id, &mut document);
            let checked = check::document(scope.kind, Some(&id), &document)?;
            Ok::<_, String>((refused(view, &scope, &id, &document, &checked), document))
        };
        match patched() {
            Ok((None, document)) => write(view, &scope, &id, document),
            Ok((Some(refusal), _)) => Decision::Refuse(refusal),
            Err(text) => Decision::Refuse(Refusal::invalid(400, text)),
        }
    }))
}

fn delete(scope: &Scope, id: Option<String>, force: bool) -> Result<Decide, String> {
    let id = id.ok_or_else(|| format!("missing {} id", scope.kind))?;
    let scope = scope.clone();
    Ok(Box::new(move |view| {
        if !groups::exists(view, &scope.group) {
            return Decision::Refuse(groups::unknown(&scope.group));
        }
        let user = if force { None } else { references::user(view, &scope.group, scope.kind, &id) };
        if let Some(text) = user {
            return Decision::Refuse(Refusal::invalid(400, text));
        }
        let key = layout::resource_key(&scope.group, scope.kind, &id);
        // A key that another kind stands under is none of this one.
        let Some(old) = view.get(key.as_bytes()).filter(|_| scope.kind.accepts_id(&id)) else {
            // A consumer takes its credentials along; clients that delete them afterwards have what they want.
            let parent = scope.kind.split_id(&id).0.filter(|_| scope.kind == Kind::Credential);
            let consumer = parent.map(|parent| layout::resource_key(&scope.group, Kind::Consumer, parent));
            let gone = consumer.is_some_and(|consumer| view.get(consumer.as_bytes()).is_none());
            return if gone { Decision::Record } else { not_found() };
        };
        if let Some(refusal) = scope.condition.refused(Some(&old)) {
            return Decision::Refuse(refusal);
        }
        // What stands below it goes with it: the credentials of a consumer.
        let below = Delete { range: KeyRange::prefix(format!("{key}/")), prev_kv: false };
        Decision::Apply(Txn::of(vec![Op::Delete(below), Op::Delete(Delete::key(key))]))
    }))
}

/// What speaks against the document, in this state.
pub(crate) fn refused(
    view: &dyn View,
    scope: &Scope,
    id: &str,
    document: &Document,
    checked: &check::Checked,
) -> Option<Refusal> {
    if !groups::exists(view, &scope.group) {
        return Some(groups::unknown(&scope.group));
    }
    let invalid = |text| Refusal::invalid(400, text);
    let missing = || references::missing(view, &scope.group, &checked.references);
    let complaint = || checked.complaint.clone().map(invalid);
    let taken = || unique::taken(view, scope, id, document).map(invalid);
    match scope.kind {
        Kind::Consumer | Kind::Credential => complaint().or_else(taken).or_else(missing),
        _ => missing().or_else(complaint).or_else(taken),
    }
}

fn write(view: &dyn View, scope: &Scope, id: &str, mut document: Document) -> Decision {
    let key = layout::resource_key(&scope.group, scope.kind, id);
    let old = view.get(key.as_bytes());
    if let Some(refusal) = scope.condition.refused(old.as_deref()) {
        return Decision::Refuse(refusal);
    }
    if scope.kind.is_stamped() {
        document::stamp(&mut document, old.as_deref(), scope.now);
    }
    let value = document::sealed(&scope.keyring, scope.kind, id, document);
    let verb = if old.is_some() { "update" } else { "create" };
    let put = Put { lease: Some(scope.lease), ..Put::new(key, value) };
    Decision::ApplyAs {
        action: format!("{}.{verb}", scope.kind.name()),
        resource: Some(named(scope.kind, id)),
        txn: Txn::of(vec![Op::Put(put)]),
    }
}

/// A stored document with its secrets in clear.
fn in_clear(keyring: &Keyring, kind: Kind, key: &str, value: &Bytes) -> Bytes {
    let id = layout::parse_resource_key(key).map(|key| key.id).unwrap_or_default();
    keyring.opened(kind, &id, value).map_or_else(|| value.clone(), Bytes::from)
}

fn not_found() -> Decision {
    Decision::Refuse(Refusal::invalid(404, KEY_NOT_FOUND))
}
