//! What a caller hands in: who, from where, why, and the change it wants; and what it gets back.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keyspace::{Change, View};
use crate::txn::{Txn, TxnAnswer};

/// The one way to write to the log.
pub struct Proposal {
    /// Who, from where and why.
    pub context: Context,
    /// What is being done, in the form `subject.verb`: `route.update`, `group.rollback`, `auth.login`.
    pub action: String,
    /// The gateway group concerned.
    pub gateway_group: Option<String>,
    /// The resource concerned.
    pub resource: Option<ResourceRef>,
    /// The revision that this event undoes or answers to.
    pub causation_revision: Option<i64>,
    /// The change.
    pub intent: Intent,
    /// Makes a repetition of the request harmless.
    pub idempotency: Option<Idempotency>,
    /// The deed that this does, if the log may record it only once, whoever proposes it: who comes second hears [`Error::Already`]. It is
    /// remembered as long as an idempotency key: for those who decided at the same time, not for those who can read that it was done.
    ///
    /// [`Error::Already`]: crate::Error::Already
    pub once: Option<String>,
    /// Writes to the secrets table, carried out in the same transaction when the event commits.
    pub secrets: Vec<SecretWrite>,
    /// The lease that ends with this proposal, event or not.
    pub(crate) ends_lease: Option<i64>,
    /// For a proposer who may use only leases of this owner: others do not exist for its transaction.
    pub lease_owner: Option<String>,
}

/// The change that a proposal wants.
pub enum Intent {
    /// An etcd transaction. If it changes nothing the answer is plain: no event, no revision.
    Txn(Txn),
    /// A decision over the state under the append lock: references, uniqueness, merge, rollback. It must be pure: it
    /// may be asked again after a conflict.
    Decide(Decide),
    /// An event that changes no key: a login, a read of secrets.
    Record,
    /// An attempt that was refused before it came here: recorded, changes nothing.
    Refused(Refusal),
}

/// The function of an [`Intent::Decide`].
pub type Decide = Box<dyn Fn(&dyn View) -> Decision + Send + Sync>;

/// The answer of an [`Intent::Decide`].
pub enum Decision {
    /// Carry this out.
    Apply(Txn),
    /// Carry this out, on a resource that was named only now (a generated id, a create instead of an update).
    ApplyAs {
        /// The action to record.
        action: String,
        /// The resource to record.
        resource: Option<ResourceRef>,
        /// The change.
        txn: Txn,
    },
    /// Record the event; it changes no key.
    Record,
    /// Refuse, with an event that says so.
    Refuse(Refusal),
    /// Nothing to do: a plain answer without event.
    Unchanged,
}

/// Why an attempt was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal; decides the event's outcome.
    pub outcome: Outcome,
    /// HTTP status that says the same.
    pub status: u16,
    /// Text for the caller.
    pub message: String,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Carried out.
    Success,
    /// Not valid, or in conflict with the state.
    Refused,
    /// Not allowed.
    Denied,
    /// Broke on the way.
    Failed,
}

/// The client's key for a request, per actor. The same key with the same body replays the first answer; with another body it is an
/// error. Only what became an event is remembered, for a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// SHA-256 over whatever makes the request what it is: method, path, body.
    pub body_hash: [u8; 32],
}

/// The resource that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRef {
    /// Its kind: `route`, `service`, `user` …
    pub kind: String,
    /// Its id within kind and gateway group.
    pub id: String,
}

/// A write to the secrets table: password hashes, private keys. Never part of the audit entry.
#[derive(Clone)]
pub struct SecretWrite {
    /// Name, for example `user/admin/password`.
    pub name: String,
    /// The bytes to keep, already sealed or hashed by the caller; `None` deletes.
    pub value: Option<Vec<u8>>,
}

/// Who did something, from where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub source: Source,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// Id of the request, made by the server; joins the event with the logs.
    pub request_id: Uuid,
    /// W3C trace id, when the client sent one.
    pub trace_id: Option<String>,
}

/// Who did something. The id is stable and never reused; the name is personal and can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Stable id: a user id, the name of an admin key, the common name of a certificate.
    pub id: String,
    /// What the id names.
    pub kind: ActorKind,
    /// Readable name, if it says more than the id.
    pub name: Option<String>,
    /// How the actor proved to be itself: `api_key`, `password`, `session`, `mtls`, `none`.
    pub auth_method: String,
    /// Roles held at that moment.
    pub roles: Vec<String>,
}

/// What an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person with a login.
    User,
    /// The holder of a configured Admin API key.
    AdminKey,
    /// The holder of a client certificate.
    Certificate,
    /// Portolan itself.
    System,
    /// Nobody known.
    Anonymous,
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Address of the peer.
    pub ip: Option<String>,
    /// `User-Agent`, cut at 256 characters.
    pub user_agent: Option<String>,
    /// Through which door: `admin_api`, `api`, `dashboard`, `etcd`, `internal`.
    pub interface: String,
}

/// The answer to a proposal that was not an error.
#[derive(Debug)]
pub enum Appended {
    /// The event is in the log.
    Committed {
        /// Its revision.
        revision: i64,
        /// Its key changes.
        changes: Vec<Change>,
        /// The answers of the transaction's operations.
        answer: TxnAnswer,
    },
    /// A plain answer; nothing was written.
    Unchanged {
        /// The current revision.
        revision: i64,
        /// The answers of the transaction's operations.
        answer: TxnAnswer,
    },
    /// Refused, and the log says so.
    Refused {
        /// Revision of the event that records the refusal.
        revision: i64,
        /// Why.
        refusal: Refusal,
    },
}

// === impl Refusal ===

impl Refusal {
    /// An invalid or conflicting request.
    pub fn invalid(status: u16, message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, status, message: message.into() }
    }

    /// A request without the right to it.
    pub fn denied(status: u16, message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Denied, status, message: message.into() }
    }
}

// === impl Outcome ===

impl Outcome {
    /// The word stored in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

// === impl ActorKind ===

impl ActorKind {
    /// The word stored in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::AdminKey => "admin_key",
            Self::Certificate => "certificate",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

// === impl Context ===

impl Context {
    /// Portolan itself, for background work and first-start set-up.
    pub fn system() -> Self {
        Self {
            actor: Actor {
                id: "system".into(),
                kind: ActorKind::System,
                name: None,
                auth_method: "none".into(),
                roles: Vec::new(),
            },
            source: Source { interface: "internal".into(), ..Source::default() },
            reason: None,
            request_id: Uuid::now_v7(),
            trace_id: None,
        }
    }
}

// === impl Proposal ===

impl Proposal {
    /// A proposal without resource, causation or secrets.
    pub fn new(context: Context, action: impl Into<String>, intent: Intent) -> Self {
        Self {
            context,
            action: action.into(),
            gateway_group: None,
            resource: None,
            causation_revision: None,
            intent,
            idempotency: None,
            once: None,
            secrets: Vec::new(),
            ends_lease: None,
            lease_owner: None,
        }
    }

    /// Names the gateway group concerned.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.gateway_group = Some(group.into());
        self
    }

    /// Names the resource concerned.
    #[must_use]
    pub fn on(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.resource = Some(ResourceRef { kind: kind.into(), id: id.into() });
        self
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal")
            .field("action", &self.action)
            .field("gateway_group", &self.gateway_group)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SecretWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretWrite").field("name", &self.name).finish_non_exhaustive()
    }
}
