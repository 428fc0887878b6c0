//! The canonical audit entry of an event and its salted commitments.
//!
//! `entry` is RFC 8785 JSON that an auditor reads with `jq`. What may have to be pruned (the changes) or erased (the
//! personal context) stands outside; the entry commits to each with SHA-256 over (tag, 32-byte salt, payload), so that
//! the proof of the log survives their deletion and a low-entropy payload can't be guessed from its commitment.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::canonical::Json;
use crate::error::Error;
use crate::keyspace::{Change, KeyValue};
use crate::merkle::{self, Hash};
use crate::proposal::{Context, Outcome, Refusal, ResourceRef};

/// Version of the entry's format; stored first, old versions are upcast when read.
pub(crate) const FORMAT: i64 = 1;
/// Largest entry, in bytes (C2SP tlog-tiles, entry bundles).
const MAX_ENTRY: usize = 65_535;
pub(crate) const CHANGES_TAG: &[u8] = b"portolan/changes/v1\0";
pub(crate) const CONTEXT_TAG: &[u8] = b"portolan/context/v1\0";

/// A 32-byte salt.
pub(crate) type Salt = [u8; 32];

/// Everything an entry says, before it is sealed.
pub(crate) struct Facts<'a> {
    pub epoch: &'a str,
    pub revision: i64,
    pub recorded_at: i64,
    pub event_id: Uuid,
    pub action: &'a str,
    pub outcome: Outcome,
    pub context: &'a Context,
    pub gateway_group: Option<&'a str>,
    pub resource: Option<&'a ResourceRef>,
    pub causation_revision: Option<i64>,
    pub refusal: Option<&'a Refusal>,
    pub changes: &'a [Change],
}

/// The bytes that go into the tables.
pub(crate) struct Sealed {
    pub entry: Vec<u8>,
    pub leaf_hash: Hash,
    pub context_salt: Salt,
    pub context_body: Vec<u8>,
    /// Absent for events without changes.
    pub changes_salt: Option<Salt>,
}

/// Seals an event's facts.
pub(crate) fn seal(facts: &Facts<'_>) -> Result<Sealed, Error> {
    let context_salt = salt();
    let context_body = context_payload(facts.context, facts.refusal);
    let changes_salt = (!facts.changes.is_empty()).then(salt);
    let changes = changes_salt.map(|salt| commitment(CHANGES_TAG, &salt, &changes_payload(facts.changes)));
    let context = commitment(CONTEXT_TAG, &context_salt, &context_body);
    let entry = entry(facts, changes.as_deref(), &context).to_bytes();
    if entry.len() > MAX_ENTRY {
        return Err(Error::EntryTooLarge { size: entry.len() });
    }
    let leaf_hash = merkle::leaf_hash(&entry);
    Ok(Sealed { entry, leaf_hash, context_salt, context_body, changes_salt })
}

fn entry(facts: &Facts<'_>, changes: Option<&str>, context: &str) -> Json {
    let actor = &facts.context.actor;
    let roles = actor.roles.iter().map(|role| Json::from(role.as_str())).collect();
    Json::Object(BTreeMap::from([
        ("action", facts.action.into()),
        (
            "actor",
            Json::Object(BTreeMap::from([
                ("auth_method", actor.auth_method.as_str().into()),
                ("id", actor.id.as_str().into()),
                ("kind", actor.kind.as_str().into()),
                ("roles", Json::List(roles)),
            ])),
        ),
        ("causation_revision", facts.causation_revision.map_or(Json::Null, Json::Int)),
        ("changes", changes.into()),
        ("context", context.into()),
        ("epoch", facts.epoch.into()),
        ("event_id", facts.event_id.to_string().as_str().into()),
        ("format", Json::Int(FORMAT)),
        ("gateway_group", facts.gateway_group.into()),
        ("interface", facts.context.source.interface.as_str().into()),
        ("outcome", facts.outcome.as_str().into()),
        ("recorded_at", Json::Int(facts.recorded_at)),
        ("request_id", facts.context.request_id.to_string().as_str().into()),
        (
            "resource",
            facts.resource.map_or(Json::Null, |resource| {
                Json::Object(BTreeMap::from([
                    ("id", resource.id.as_str().into()),
                    ("kind", resource.kind.as_str().into()),
                ]))
            }),
        ),
        ("revision", Json::Int(facts.revision)),
        ("status", facts.refusal.map_or(Json::Null, |refusal| Json::Int(refusal.status.into()))),
        ("trace_id", facts.context.trace_id.as_deref().into()),
    ]))
}

/// The personal and free-text part. A refusal's message belongs here: it may quote what the client sent.
fn context_payload(context: &Context, refusal: Option<&Refusal>) -> Vec<u8> {
    Json::Object(BTreeMap::from([
        ("actor_name", context.actor.name.as_deref().into()),
        ("ip", context.source.ip.as_deref().into()),
        ("message", refusal.map(|refusal| refusal.message.as_str()).into()),
        ("reason", context.reason.as_deref().into()),
        ("user_agent", context.source.user_agent.as_deref().into()),
    ]))
    .to_bytes()
}

fn changes_payload(changes: &[Change]) -> Vec<u8> {
    let counter = |kv: &Option<_>, of: fn(&KeyValue) -> i64| kv.as_deref().map_or(0, of);
    committed_payload(changes.iter().map(|change| CommittedChange {
        key: &change.key,
        value: change.after.as_ref().map(|kv| kv.value.as_ref()),
        create_revision: counter(&change.after, |kv| kv.create_revision),
        version: counter(&change.after, |kv| kv.version),
        prev_revision: counter(&change.before, |kv| kv.mod_revision),
        lease_id: counter(&change.after, |kv| kv.lease),
    }))
}

/// A row of `changes`, as far as its event's entry commits to it. The order of the rows is committed to as well.
pub(crate) struct CommittedChange<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
    pub create_revision: i64,
    pub version: i64,
    pub prev_revision: i64,
    pub lease_id: i64,
}

/// The bytes that the commitment to an event's changes is made over.
pub(crate) fn committed_payload<'a>(changes: impl Iterator<Item = CommittedChange<'a>>) -> Vec<u8> {
    let list = changes.map(|change| {
        let value = change.value.map(|value| STANDARD.encode(value));
        Json::Object(BTreeMap::from([
            ("create_revision", Json::Int(change.create_revision)),
            ("key", STANDARD.encode(change.key).as_str().into()),
            ("lease_id", Json::Int(change.lease_id)),
            ("prev_revision", Json::Int(change.prev_revision)),
            ("value", value.as_deref().into()),
            ("version", Json::Int(change.version)),
        ]))
    });
    Json::List(list.collect()).to_bytes()
}

/// What an entry says of a payload, in hex.
pub(crate) fn commitment(tag: &[u8], salt: &[u8], payload: &[u8]) -> String {
    hex::encode(merkle::sha256(&[tag, salt, payload]))
}

fn salt() -> Salt {
    let mut salt = [0; 32];
    rand::fill(&mut salt).expect("the operating system gives random bytes");
    salt
}

#[cfg(test)]
mod tests;
