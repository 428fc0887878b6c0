//! The canonical audit entry of an event and its salted commitments.
//!
//! `entry` is RFC 8785 JSON that an auditor reads with `jq`. What may have to be pruned (the changes) or erased (the
//! personal context) stands outside; the entry commits to each with SHA-256 over (tag, 32-byte salt, payload), so that
//! the proof of the log survives their deletion and a low-entropy payload can't be guessed from its commitment.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::canonical::{Object, list, string};
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

/// Salts for the events of a batch: the generator is asked for many at once, since it asks the kernel each time.
#[derive(Default)]
pub(crate) struct Salts {
    drawn: [Salt; 32],
    left: usize,
}

/// Seals an event's facts.
pub(crate) fn seal(facts: &Facts<'_>, salts: &mut Salts) -> Result<Sealed, Error> {
    let context_salt = salts.draw();
    let context_body = context_payload(facts.context, facts.refusal);
    let changes_salt = (!facts.changes.is_empty()).then(|| salts.draw());
    let changes = changes_salt.map(|salt| commitment(CHANGES_TAG, &salt, &changes_payload(facts.changes)));
    let context = commitment(CONTEXT_TAG, &context_salt, &context_body);
    let entry = entry(facts, changes.as_deref(), &context);
    if entry.len() > MAX_ENTRY {
        return Err(Error::EntryTooLarge { size: entry.len() });
    }
    let leaf_hash = merkle::leaf_hash(&entry);
    Ok(Sealed { entry, leaf_hash, context_salt, context_body, changes_salt })
}

fn entry(facts: &Facts<'_>, changes: Option<&str>, context: &str) -> Vec<u8> {
    let actor = &facts.context.actor;
    let mut out = Vec::with_capacity(1_024);
    Object::write(&mut out, |entry| {
        entry.text("action", facts.action);
        entry.object("actor", Some(actor), |actor, object| {
            object.text("auth_method", actor.auth_method.as_str());
            object.text("id", actor.id.as_str());
            object.text("kind", actor.kind.as_str());
            list(object.value("roles"), &actor.roles, |out, role| string(out, role));
        });
        entry.int("causation_revision", facts.causation_revision);
        entry.text("changes", changes);
        entry.text("context", context);
        entry.text("epoch", facts.epoch);
        entry.text("event_id", &*facts.event_id.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
        entry.int("format", FORMAT);
        entry.text("gateway_group", facts.gateway_group);
        entry.text("interface", facts.context.source.interface.as_str());
        entry.text("outcome", facts.outcome.as_str());
        entry.int("recorded_at", facts.recorded_at);
        entry.text("request_id", &*facts.context.request_id.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
        entry.object("resource", facts.resource, |resource, object| {
            object.text("id", resource.id.as_str());
            object.text("kind", resource.kind.as_str());
        });
        entry.int("revision", facts.revision);
        entry.int("status", facts.refusal.map(|refusal| refusal.status.into()));
        entry.text("trace_id", facts.context.trace_id.as_deref());
    });
    out
}

/// The personal and free-text part. A refusal's message belongs here: it may quote what the client sent.
fn context_payload(context: &Context, refusal: Option<&Refusal>) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    Object::write(&mut out, |object| {
        object.text("actor_name", context.actor.name.as_deref());
        object.text("ip", context.source.ip.as_deref());
        object.text("message", refusal.map(|refusal| refusal.message.as_str()));
        object.text("reason", context.reason.as_deref());
        object.text("user_agent", context.source.user_agent.as_deref());
    });
    out
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
    let mut out = Vec::with_capacity(1_024);
    list(&mut out, changes, |out, change| {
        Object::write(out, |object| {
            object.int("create_revision", change.create_revision);
            base64(object.value("key"), change.key);
            object.int("lease_id", change.lease_id);
            object.int("prev_revision", change.prev_revision);
            match change.value {
                Some(value) => base64(object.value("value"), value),
                None => object.text("value", None),
            }
            object.int("version", change.version);
        });
    });
    out
}

/// A JSON string; its alphabet has nothing to escape.
fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).expect("four characters for each three bytes");
    out.truncate(start + written);
    out.push(b'"');
}

/// What an entry says of a payload, in hex.
pub(crate) fn commitment(tag: &[u8], salt: &[u8], payload: &[u8]) -> String {
    let mut text = vec![0; 64];
    hex::encode_to_slice(merkle::sha256(&[tag, salt, payload]), &mut text).expect("two digits for each of 32 bytes");
    String::from_utf8(text).expect("digits are text")
}

// === impl Salts ===

impl Salts {
    fn draw(&mut self) -> Salt {
        if self.left == 0 {
            rand::fill(self.drawn.as_flattened_mut()).expect("the operating system gives random bytes");
            self.left = self.drawn.len();
        }
        self.left -= 1;
        self.drawn[self.left]
    }
}

#[cfg(test)]
mod tests;
