//! `configs`: the whole configuration of a group as one document, as an APISIX without etcd takes it.
//!
//! A PUT is one event, whatever it changes. Beside the resources it writes what only this document has: the digest that the
//! client gave it, and the version of each list. The digest is told only while the group is what that PUT made of it, so that
//! a client whose digest is known need not look further.

use std::collections::{BTreeMap, HashSet};

use axum::body::Body;
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Method};
use portolan_eventstore::txn::Put;
use portolan_eventstore::{Intent, KeyRange, Refusal, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Kind, layout};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::helpers;
use crate::app::App;
use crate::auth::Caller;
use crate::batch::{self, Batch, Change, Naming, Outcome, Rest, Wanted};
use crate::body;
use crate::error::ApiError;
use crate::groups;
use crate::resources::{Document, KINDS, document};
use crate::rights::{Domain, Right};

/// Below it stands, by group, what only the document has.
pub const PREFIX: &str = "/portolan/standalone/";
/// Largest body, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
const DIGEST: &str = "x-digest";
const LAST_MODIFIED: &str = "x-last-modified";
/// What has a version and no resources here: which plugins run is the data planes' affair.
const PLUGINS: &str = "plugins";

/// What only the document has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Facts {
    /// What the client called the document.
    digest: String,
    /// When it came, in seconds since 1970.
    last_modified: i64,
    /// The event that it was.
    revision: i64,
    /// How many resources it left.
    resources: usize,
    /// The versions of the lists.
    versions: BTreeMap<String, Value>,
}

/// The key of a group's facts.
pub fn key(group: &GroupId) -> String {
    format!("{PREFIX}{group}")
}

/// Answers GET, HEAD and PUT.
pub async fn answer(app: &App, caller: &Caller, group: GroupId, parts: &Parts, body: Body) -> Result<Answer, ApiError> {
    match parts.method {
        Method::PUT => put(app, caller, group, &parts.headers, body).await,
        Method::HEAD => Ok(app
            .store
            .read(|view| facts(view, &group))
            .map_or_else(Answer::empty, |facts| facts.mark(Answer::empty()))),
        _ => get(app, caller, &group, &parts.headers).await,
    }
}

async fn get(app: &App, caller: &Caller, group: &GroupId, headers: &HeaderMap) -> Result<Answer, ApiError> {
    let secrets = caller.may(Right::Export, Domain::Group(group));
    if secrets {
        // Whoever takes the secrets away leaves a trace.
        let proposal = caller.proposal("group.export", Intent::Record);
        app.commit(proposal.in_group(group.as_str()).on("gateway_group", group.as_str())).await?;
    }
    let (facts, document) = app.store.read(|view| (facts(view, group), shown(app, view, group, secrets)));
    let yaml = headers
        .get(ACCEPT)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/yaml"));
    let answer = match yaml {
        true => Answer::yaml(yaml_serde::to_string(&document).map_err(ApiError::internal)?),
        false => Answer::json(200, &document),
    };
    Ok(match facts {
        Some(facts) => facts.mark(answer),
        None => answer,
    })
}

/// The lists that have something in them, and the versions of all.
fn shown(app: &App, view: &dyn View, group: &GroupId, secrets: bool) -> Map<String, Value> {
    let mut document = Map::new();
    for kv in view.range(&KeyRange::prefix(layout::group_prefix(group))) {
        let place = std::str::from_utf8(&kv.key).ok().and_then(layout::parse_resource_key);
        let Some(place) = place.filter(|place| kv.lease == 0 && place.kind != Kind::CostDecoration) else { continue };
        let item = match secrets {
            true => document::opened(&app.keyring, place.kind, &place.id, &kv.value).ok(),
            false => app.mask.value(&kv.key, &kv.value).as_object().cloned(),
        };
        let Some(mut item) = item else { continue };
        document::untimed(&mut item);
        if place.kind == Kind::Credential {
            item.insert("id".into(), json!(place.id));
        }
        // All of a plugin's metadata is the plugin's: clients would take a mark for a setting.
        if place.kind != Kind::PluginMetadata {
            item.insert("modifiedIndex".into(), json!(kv.mod_revision));
        }
        let list = document.entry(place.kind.key_directory()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(Value::Object(item));
        }
    }
    let stored = stored(view, group).unwrap_or_default();
    for list in lists() {
        document.insert(version_of(list), stored.versions.get(list).cloned().unwrap_or_else(|| json!(0)));
    }
    document
}

async fn put(app: &App, caller: &Caller, group: GroupId, headers: &HeaderMap, body: Body) -> Result<Answer, ApiError> {
    let (digest, document) = match read(headers, body).await {
        Ok(read) => read,
        Err(text) => return refuse(app, caller, &group, &text).await,
    };
    if app.store.read(|view| facts(view, &group)).is_some_and(|facts| facts.digest == digest) {
        return Ok(Answer::bodiless(204));
    }
    // Checking thousands of documents takes a while.
    let (keyring, now, in_group) = (app.keyring.clone(), app.now_seconds(), group.clone());
    let checked = tokio::task::spawn_blocking(move || {
        if let Some(error) = helpers::errors(&document).first() {
            return Err(said(error));
        }
        Ok((batch_of(&document).map(|batch| batch.prepare(in_group, now, keyring))?, given(&document)))
    });
    let (prepared, given) = match checked.await.map_err(ApiError::internal)? {
        Ok(checked) => checked,
        Err(text) => return refuse(app, caller, &group, &text).await,
    };
    let (own, told) = (group.clone(), digest.clone());
    let plan = move |view: &dyn View| {
        let old = stored(view, &own).unwrap_or_default();
        let versions = next(&old.versions, &given).map_err(|text| Refusal::invalid(400, text))?;
        let replaced = lists().filter(|list| versions.get(*list) != Some(&old.version(list)));
        let replaced: HashSet<Kind> = replaced.filter_map(Kind::from_directory).collect();
        let mut plan = prepared.only(&replaced).plan(view);
        let gone = plan.steps.iter().filter(|step| step.after.is_none()).count();
        let made = plan.steps.iter().filter(|step| step.before.is_none()).count();
        let resources = count(view, &own) + made - gone;
        let revision = view.revision() + 1;
        let facts = Facts { digest: told.clone(), last_modified: now, revision, resources, versions };
        // Texts and numbers always serialise.
        plan.also.push(Put::new(key(&own), serde_json::to_vec(&facts).unwrap_or_default()));
        Ok(plan)
    };
    let naming = Naming {
        action: "group.apply".into(),
        resource: ("gateway_group".into(), group.to_string()),
        reason: None,
        of_resource: None,
    };
    Ok(match batch::carry_out(app, caller, &group, plan, naming).await? {
        Outcome::Done { .. } | Outcome::Unchanged { .. } => {
            Facts { digest, last_modified: now, ..Facts::default() }.mark(Answer::bodiless(202))
        }
        Outcome::Refused { refusal, problems } => {
            let text = problems.first().map_or(refusal.message.as_str(), |problem| problem.error.as_str());
            Answer::error(refusal.status, text)
        }
    })
}

async fn refuse(app: &App, caller: &Caller, group: &GroupId, text: &str) -> Result<Answer, ApiError> {
    let proposal = caller.proposal("group.apply", Intent::Refused(Refusal::invalid(400, text)));
    app.append(proposal.in_group(group.as_str()).on("gateway_group", group.as_str())).await?;
    Ok(Answer::error(400, text))
}

/// The digest and the document of a request.
async fn read(headers: &HeaderMap, body: Body) -> Result<(String, Value), String> {
    let digest = headers.get(DIGEST).and_then(|digest| digest.to_str().ok()).filter(|digest| !digest.is_empty());
    let digest = digest.ok_or("missing digest header")?;
    let bytes =
        body::read_up_to(headers, body, LARGEST).await.map_err(|error| format!("invalid request body: {error}"))?;
    let document = helpers::parsed(headers, &bytes).map_err(|text| format!("invalid request body: {text}"))?;
    Ok((digest.to_owned(), document))
}

/// What an entry of [`helpers::errors`] says; of versions less than there.
fn said(error: &Value) -> String {
    let text = error["error"].as_str().unwrap_or_default();
    let end = text.find("_conf_version must be a number").map(|at| at + "_conf_version must be a number".len());
    text[..end.unwrap_or(text.len())].to_owned()
}

/// The resources of a document.
fn batch_of(document: &Value) -> Result<Batch, String> {
    let mut batch = Batch { rest: Rest::GoesOf(HashSet::new()), ..Batch::default() };
    for kind in KINDS {
        let items = document.get(kind.directory()).and_then(Value::as_array).into_iter().flatten();
        for (index, item) in items.enumerate() {
            let Value::Object(item) = item else { return Err(format!("an item of {} is no object", kind.directory())) };
            let mut item: Document = item.clone();
            document::untimed(&mut item);
            item.shift_remove("modifiedIndex");
            let said = item.get(kind.id_field()).or_else(|| item.get("id")).and_then(text_of);
            let own = item.get("id").and_then(text_of);
            let (kind, id) = match own.filter(|id| *kind == Kind::Consumer && Kind::Credential.accepts_id(id)) {
                Some(id) => {
                    item.insert("id".into(), json!(Kind::Credential.document_id(&id)));
                    (Kind::Credential, id)
                }
                None => (*kind, said.ok_or_else(|| format!("missing {kind} id"))?),
            };
            batch.changes.push(Change { kind, id, index: Some(index), wanted: Wanted::Document(item) });
        }
    }
    Ok(batch)
}

/// The versions that a document gives.
fn given(document: &Value) -> BTreeMap<&'static str, Value> {
    lists().filter_map(|list| Some((list, document.get(version_of(list))?.clone()))).collect()
}

/// The versions after a document with these, or why it is too old.
fn next(
    old: &BTreeMap<String, Value>,
    given: &BTreeMap<&'static str, Value>,
) -> Result<BTreeMap<String, Value>, String> {
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let mut versions = BTreeMap::new();
    for list in lists() {
        let old = old.get(list).cloned().unwrap_or_else(|| json!(0));
        let new = match given.get(list) {
            Some(new) if number(new) < number(&old) => {
                return Err(format!("{} must be greater than or equal to ({old})", version_of(list)));
            }
            Some(new) if number(new) == number(&old) => old,
            Some(new) => new.clone(),
            None => old.as_i64().map_or_else(|| json!(number(&old) + 1.0), |old| json!(old.saturating_add(1))),
        };
        versions.insert(list.to_owned(), new);
    }
    Ok(versions)
}

/// The lists that have versions. Credentials stand among the consumers.
fn lists() -> impl Iterator<Item = &'static str> {
    let kinds = KINDS.iter().filter(|kind| !matches!(kind, Kind::Credential | Kind::CostDecoration));
    kinds.map(|kind| kind.directory()).chain([PLUGINS])
}

fn version_of(list: &str) -> String {
    format!("{list}_conf_version")
}

fn stored(view: &dyn View, group: &GroupId) -> Option<Facts> {
    serde_json::from_slice(&view.get(key(group).as_bytes())?.value).ok()
}

/// What is stored, if the group still is what it says.
fn facts(view: &dyn View, group: &GroupId) -> Option<Facts> {
    let facts = stored(view, group)?;
    let mut resources = 0;
    for kv in view.range(&KeyRange::prefix(layout::group_prefix(group))) {
        if is_resource(&kv) {
            resources += 1;
            if kv.mod_revision > facts.revision {
                return None;
            }
        }
    }
    (resources == facts.resources && groups::exists(view, group)).then_some(facts)
}

fn count(view: &dyn View, group: &GroupId) -> usize {
    view.range(&KeyRange::prefix(layout::group_prefix(group))).iter().filter(|kv| is_resource(kv)).count()
}

/// What lives by a lease is no configuration, nor are placeholders of directories.
fn is_resource(kv: &portolan_eventstore::KeyValue) -> bool {
    let named = || std::str::from_utf8(&kv.key).ok().and_then(layout::parse_resource_key).is_some();
    kv.lease == 0 && kv.value.first() == Some(&b'{') && named()
}

// === impl Facts ===

impl Facts {
    fn version(&self, list: &str) -> Value {
        self.versions.get(list).cloned().unwrap_or_else(|| json!(0))
    }

    /// The answer with its two headers.
    fn mark(&self, answer: Answer) -> Answer {
        answer.with(LAST_MODIFIED, &self.last_modified.to_string()).with(DIGEST, &self.digest)
    }
}
