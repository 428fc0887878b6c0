//! Gateway groups: each has its own part of the key space and its own data planes.
//!
//! The group `default` is always there; a key for it exists only once somebody changes its name or labels.

use std::sync::Arc;

use bytes::Bytes;
use portolan_eventstore::proposal::ResourceRef;
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Decision, KeyRange, KeyValue, Refusal, View};
use portolan_model::layout::{self, DATA_PLANE_DIRECTORY, DEFAULT_GROUP};
use portolan_model::{GroupId, resource::Labels};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::standalone;
use crate::app::App;
use crate::auth::tokens;
use crate::ca;
use crate::error::ApiError;
use crate::instances;
use crate::resources::Condition;

/// Prefix of the groups.
const PREFIX: &str = "/portolan/gateway_groups/";
/// The kind in events.
const KIND: &str = "gateway_group";
/// Longest name and description, in characters.
const LONGEST_NAME: usize = 256;
const LONGEST_DESCRIPTION: usize = 1024;

/// A gateway group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id, which stands in keys and certificates.
    pub id: GroupId,
    /// A name for people; unique.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: Labels,
    /// When it was made, in seconds since 1970.
    pub create_time: i64,
    /// When it was changed.
    pub update_time: i64,
}

/// What a caller says of a group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its id; taken from the name when absent.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Labels.
    pub labels: Option<Labels>,
}

/// All groups, the default one first.
pub fn all(view: &dyn View) -> Vec<Group> {
    let stored = view.range(&KeyRange::prefix(PREFIX));
    let mut groups: Vec<Group> = stored.iter().filter_map(|kv| read(kv)).collect();
    match groups.iter().position(|group| group.id.is_default()) {
        Some(at) => groups[..=at].rotate_right(1),
        None => groups.insert(0, Group::default()),
    }
    groups
}

/// The group of an id.
pub fn find(view: &dyn View, id: &GroupId) -> Option<Group> {
    match view.get(key(id).as_bytes()) {
        Some(kv) => read(&kv),
        None => id.is_default().then(Group::default),
    }
}

/// The revision that made the group; 0 = it was always there.
pub fn made_at(view: &dyn View, id: &GroupId) -> i64 {
    let made = view.get(key(id).as_bytes()).filter(|_| !id.is_default());
    made.map_or(0, |kv| kv.create_revision)
}

/// Whether the group is there.
pub fn exists(view: &dyn View, id: &GroupId) -> bool {
    id.is_default() || view.get(key(id).as_bytes()).is_some()
}

/// What is said of a group that is not there.
pub fn unknown(id: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(404, format!("gateway group {id} not found"))
}

/// Makes a group.
///
/// # Errors
/// When the facts are no group's.
pub fn create(
    facts: &Facts,
    now: i64,
) -> Result<impl Fn(&dyn View) -> Decision + Send + Sync + 'static + use<>, String> {
    let name = facts.name.clone().ok_or("name is missing")?;
    check(facts)?;
    let given = facts.id.as_deref().map(GroupId::new).transpose().map_err(|error| error.to_string())?;
    let (description, labels) = (facts.description.clone(), facts.labels.clone().unwrap_or_default());
    Ok(move |view: &dyn View| {
        // A name that can be an id is one; the id of others is the revision of their own event.
        let from_name = || GroupId::new(name.clone()).or_else(|_| GroupId::new(format!("g{}", view.revision() + 1)));
        let Ok(id) = given.clone().map_or_else(from_name, Ok) else { return refuse(400, "id can't be an id") };
        if exists(view, &id) {
            return refuse(409, &format!("gateway group {id} exists already"));
        }
        // Whoever had a group of this id before must not look into the new one.
        let former = ca::revocations(view, &id, now);
        let group = Group {
            id,
            name: name.clone(),
            description: description.clone(),
            labels: labels.clone(),
            create_time: now,
            update_time: now,
        };
        write(view, &group, "create", former)
    })
}

/// Changes what the facts name.
///
/// # Errors
/// When the facts are no group's.
pub fn update(
    id: GroupId,
    facts: Facts,
    condition: Condition,
    now: i64,
) -> Result<impl Fn(&dyn View) -> Decision + Send + Sync + 'static, String> {
    check(&facts)?;
    if facts.id.as_deref().is_some_and(|given| given != id.as_str()) {
        return Err("id differs from that of the path".into());
    }
    Ok(move |view: &dyn View| {
        if let Some(refusal) = condition.refused(view.get(key(&id).as_bytes()).as_deref()) {
            return Decision::Refuse(refusal);
        }
        let Some(mut group) = find(view, &id) else { return Decision::Refuse(unknown(&id)) };
        if let Some(name) = &facts.name {
            group.name.clone_from(name);
        }
        if facts.description.is_some() {
            group.description.clone_from(&facts.description);
        }
        if let Some(labels) = &facts.labels {
            group.labels.clone_from(labels);
        }
        group.update_time = now;
        write(view, &group, "update", Vec::new())
    })
}

/// Deletes a group; one with resources or live data planes only when forced, and then with all of them.
pub fn delete(
    id: GroupId,
    condition: Condition,
    forced: bool,
) -> impl Fn(&dyn View) -> Decision + Send + Sync + 'static {
    move |view: &dyn View| {
        if id.is_default() {
            return refuse(400, "the default gateway group can't be deleted");
        }
        let Some(kv) = view.get(key(&id).as_bytes()) else { return Decision::Refuse(unknown(&id)) };
        if let Some(refusal) = condition.refused(Some(&kv)) {
            return Decision::Refuse(refusal);
        }
        let range = KeyRange::prefix(layout::group_prefix(&id));
        let status = format!("{}{DATA_PLANE_DIRECTORY}", layout::group_prefix(&id));
        let count = view.range(&range).iter().filter(|kv| !kv.key.starts_with(status.as_bytes())).count();
        let live = instances::of_group(view, &id).len();
        if !forced && count > 0 {
            return refuse(400, &format!("gateway group {id} still has {count} resources; force=true deletes them"));
        }
        if !forced && live > 0 {
            return refuse(
                400,
                &format!("gateway group {id} still has {live} live data planes; force=true ignores it"),
            );
        }
        let mut ops = vec![Op::Delete(Delete { range, prev_kv: false }), Op::Delete(Delete::key(key(&id)))];
        ops.push(Op::Delete(Delete::key(standalone::key(&id))));
        ops.extend(tokens::of_group(view, &id).into_iter().map(|key| Op::Delete(Delete::key(key))));
        named(&id, "delete", ops)
    }
}

/// What `If-Match: REVISION` demands of a whole group: that its configuration is what it was at that revision. Events of
/// other groups, logins and the like don't count.
#[derive(Clone, Debug, Default)]
pub struct Expected(Option<(i64, Vec<(Bytes, i64)>)>);

// === impl Expected ===

impl Expected {
    /// Reads what the group was.
    ///
    /// # Errors
    /// When the log is unavailable; inside, when there is no such revision.
    pub async fn of(app: &App, group: &GroupId, condition: Condition) -> Result<Result<Self, Refusal>, ApiError> {
        let Condition::Modified(revision) = condition else { return Ok(Ok(Self::default())) };
        let head = app.store.linearizable().await?;
        if !(1..=head).contains(&revision) {
            return Ok(Err(Refusal::invalid(412, format!("the revision is {head}, not {revision}"))));
        }
        let then = app.store.state_at(&KeyRange::prefix(layout::group_prefix(group)), revision).await?;
        Ok(Ok(Self(Some((revision, versions(&then))))))
    }

    /// The refusal, when the group is something else now.
    pub fn refused(&self, now: impl FnOnce() -> Vec<Arc<KeyValue>>) -> Option<Refusal> {
        let (revision, then) = self.0.as_ref()?;
        let changed = *then != versions(&now());
        changed.then(|| Refusal::invalid(412, format!("the gateway group has changed since revision {revision}")))
    }
}

/// Keys and when they were changed. What lives by a lease is no configuration.
fn versions(kvs: &[Arc<KeyValue>]) -> Vec<(Bytes, i64)> {
    kvs.iter().filter(|kv| kv.lease == 0).map(|kv| (kv.key.clone(), kv.mod_revision)).collect()
}

/// Writes it, after what goes with it.
fn write(view: &dyn View, group: &Group, verb: &str, mut ops: Vec<Op>) -> Decision {
    if all(view).iter().any(|other| other.id != group.id && other.name == group.name) {
        return refuse(409, &format!("another gateway group is named {:?}", group.name));
    }
    // Texts and numbers always serialise.
    let value = serde_json::to_vec(group).unwrap_or_default();
    ops.push(Op::Put(Put::new(key(&group.id), value)));
    named(&group.id, verb, ops)
}

fn named(id: &GroupId, verb: &str, ops: Vec<Op>) -> Decision {
    let resource = Some(ResourceRef { kind: KIND.into(), id: id.to_string() });
    Decision::ApplyAs { action: format!("{KIND}.{verb}"), resource, txn: Txn::of(ops) }
}

fn refuse(status: u16, text: &str) -> Decision {
    Decision::Refuse(Refusal::invalid(status, text))
}

fn check(facts: &Facts) -> Result<(), String> {
    let length = |text: &Option<String>| text.as_ref().map_or(1, |text| text.chars().count());
    if !(1..=LONGEST_NAME).contains(&length(&facts.name)) {
        return Err(format!("name must have 1 to {LONGEST_NAME} characters"));
    }
    if length(&facts.description) > LONGEST_DESCRIPTION {
        return Err(format!("description must have at most {LONGEST_DESCRIPTION} characters"));
    }
    let fits = |value: &Value| value.as_str().is_some_and(|text| (1..=LONGEST_NAME).contains(&text.chars().count()));
    match facts.labels.iter().flatten().find(|(_, value)| !fits(value)) {
        Some((label, _)) => Err(format!("label {label} must be a text of 1 to {LONGEST_NAME} characters")),
        None => Ok(()),
    }
}

fn read(kv: &KeyValue) -> Option<Group> {
    serde_json::from_slice(&kv.value).ok()
}

fn key(id: &GroupId) -> String {
    format!("{PREFIX}{id}")
}

// === impl Group ===

impl Default for Group {
    fn default() -> Self {
        Self {
            id: GroupId::default(),
            name: DEFAULT_GROUP.to_owned(),
            description: None,
            labels: Labels::default(),
            create_time: 0,
            update_time: 0,
        }
    }
}
