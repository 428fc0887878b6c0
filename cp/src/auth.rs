//! Who is calling, and how they proved it.
//!
//! Two proofs: an Admin API key or a token (`X-API-KEY`, `Authorization: Bearer`, and on the APISIX face also the query
//! `api_key` and the cookie `x-api-key`), or the cookie of a session that began with a password. Failures without any valid
//! proof are counted by [`denials`] and never written one by one.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use portolan_eventstore::proposal::{Actor, ActorKind, Context, Decide};
use portolan_eventstore::{Decision, Intent, Proposal, Refusal, View};
use portolan_model::GroupId;

use crate::app::App;
use crate::error::ApiError;
use crate::groups;
use crate::origin::Origin;
use crate::rights::{self, Domain, Right, Role};

pub mod denials;
pub mod keys;
pub mod limiter;
pub mod passwords;
pub mod sessions;
pub mod tokens;
pub mod users;

/// The header that every login and every mutating request with a session cookie must carry when it comes from a browser:
/// no foreign page can set it.
const CSRF_HEADER: &str = "x-requested-with";
const CSRF_VALUE: &str = "portolan";

/// What only browsers send, with everything that changes something. Programs need not know of the header.
const OF_BROWSERS: [&str; 3] = ["origin", "sec-fetch-site", "referer"];

/// Why a request of a browser that lacks the header is turned away, for the log.
pub const FOREIGN_PAGE: &str = "missing header X-Requested-With";

const WHO_AM_I: &str = "/api/session";
/// What a user may do whose password must be changed first.
const BEFORE_CHANGE: [&str; 3] = [WHO_AM_I, "/api/password", "/api/logout"];

/// Somebody known.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As it goes into the log.
    pub actor: Actor,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Where the request came from.
    pub origin: Origin,
    /// The one gateway group that it has rights in; `None` = all.
    pub group: Option<GroupId>,
    /// Id of the user, for sessions and users' tokens.
    pub user: Option<String>,
    /// The session that the request belongs to.
    pub session: Option<sessions::Session>,
    /// The key of the session or token that the request showed.
    shown: Option<String>,
}

/// What the caller of a proposal must still have when it is decided.
#[derive(Clone, Debug)]
struct Standing {
    shown: Option<String>,
    user: Option<(String, Vec<Role>)>,
}

/// What is said to somebody who lost it in between.
const LOST: &str = "the session, the token or a role was taken away meanwhile";

/// Why somebody is not known. The texts are APISIX's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No proof was given.
    #[error("missing apikey")]
    Missing,
    /// The proof is worth nothing.
    #[error("wrong apikey")]
    Wrong,
}

/// The key that a request carries in its headers.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = || {
        let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    };
    match headers.get("x-api-key") {
        // A key that is no text is a wrong key, not a missing one.
        Some(key) => Some(key.to_str().unwrap_or("")),
        None => bearer(),
    }
}

/// Whether a request tries to prove who it comes from at all.
pub fn shows_something(headers: &HeaderMap) -> bool {
    key_of(headers).is_some() || sessions::is_shown(headers)
}

/// Whether no foreign page can have made a browser send this: neither with our cookie, nor a login that would make the
/// browser somebody else's.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    let marked = headers.get(CSRF_HEADER).is_some_and(|value| value == CSRF_VALUE);
    marked || !OF_BROWSERS.iter().any(|name| headers.contains_key(*name))
}

/// What such a request is answered.
pub fn foreign_page() -> ApiError {
    ApiError::Forbidden("the header X-Requested-With: portolan is missing".into())
}

// === impl Standing ===

impl Standing {
    /// What is decided only while nothing was lost.
    fn guard(self, decide: Decide) -> Intent {
        Intent::Decide(Box::new(move |view| match self.is_lost(view) {
            true => Decision::Refuse(Refusal::denied(403, LOST)),
            false => decide(view),
        }))
    }

    fn is_lost(&self, view: &dyn View) -> bool {
        let ended = self.shown.as_ref().is_some_and(|key| view.get(key.as_bytes()).is_none());
        let lacks = |(user, roles): &(String, Vec<Role>)| {
            users::in_view(view, user).is_none_or(|user| !roles.iter().all(|role| user.roles.contains(role)))
        };
        ended || self.user.as_ref().is_some_and(lacks)
    }
}

// === impl Caller ===

impl Caller {
    /// The holder of an Admin API key or a token.
    ///
    /// # Errors
    /// When there is no key or no such key; the failure is counted.
    pub fn by_key(app: &App, origin: &Origin, key: Option<&str>) -> Result<Self, Unknown> {
        let unknown = |unknown: Unknown| {
            app.denials.note(origin, &unknown.to_string());
            unknown
        };
        let key = key.ok_or(Unknown::Missing).map_err(unknown)?;
        if let Some(found) = app.keys.find(key) {
            return Ok(Self::holder(found.name.to_owned(), found.role, found.group.cloned(), origin));
        }
        Self::by_token(app, origin, key).ok_or(Unknown::Wrong).map_err(unknown)
    }

    fn by_token(app: &App, origin: &Origin, text: &str) -> Option<Self> {
        let token = app.store.read(|view| tokens::find(view, text, app.now_seconds()))?;
        let shown = Some(tokens::key(text));
        match token.holder {
            tokens::Holder::Group(group) => {
                let holder = Self::holder(format!("{group}-admin"), Role::Admin, Some(group), origin);
                Some(Self { shown, ..holder })
            }
            tokens::Holder::User(id) => {
                let user = users::find(app, &id)?;
                let (actor, origin) = (user.actor("token"), origin.clone());
                Some(Self { actor, roles: user.roles, origin, group: None, user: Some(id), session: None, shown })
            }
        }
    }

    fn holder(name: String, role: Role, group: Option<GroupId>, origin: &Origin) -> Self {
        let actor = Actor {
            id: name,
            kind: ActorKind::AdminKey,
            name: None,
            auth_method: "api_key".into(),
            roles: vec![role.as_str().into()],
        };
        Self { actor, roles: vec![role], origin: origin.clone(), group, user: None, session: None, shown: None }
    }

    /// A proposal of this caller; the log answers a repeated request with its first answer. What has been taken from the
    /// caller since the request came in, session, token or role, opens nothing any more.
    pub fn proposal(&self, action: impl Into<String>, intent: Intent) -> Proposal {
        let standing =
            Standing { shown: self.shown.clone(), user: self.user.clone().map(|user| (user, self.roles.clone())) };
        let intent = match intent {
            Intent::Decide(decide) => standing.guard(decide),
            Intent::Txn(txn) => standing.guard(Box::new(move |_| Decision::Apply(txn.clone()))),
            Intent::Record => standing.guard(Box::new(|_| Decision::Record)),
            refused @ Intent::Refused(_) => refused,
        };
        let mut proposal = Proposal::new(self.context(), action, intent);
        proposal.idempotency =
            self.origin.repeatable.as_ref().map(|repeatable| repeatable.idempotency(self.namespace()));
        proposal
    }

    /// Where the actor's id comes from: the configuration, the gateway groups and the users name theirs without looking at each other.
    fn namespace(&self) -> &'static str {
        match (self.actor.kind, &self.shown) {
            (ActorKind::AdminKey, None) => "key",
            (ActorKind::AdminKey, Some(_)) => "group",
            _ => "user",
        }
    }

    /// The context of an event that this caller causes.
    pub fn context(&self) -> Context {
        self.origin.context(self.actor.clone())
    }

    /// Whether the caller has the right there.
    pub fn may(&self, right: Right, domain: Domain<'_>) -> bool {
        rights::allows(&self.roles, self.group.as_ref(), right, domain)
    }

    /// The gateway group that a request means: the one it names, else the one that the caller is confined to, else the
    /// default one. Whether it exists is another question.
    pub fn group(&self, named: Option<&str>) -> Result<GroupId, ApiError> {
        match named {
            Some(name) => GroupId::new(name).map_err(|_| ApiError::NotFound(format!("gateway group {name} not found"))),
            None => Ok(self.group.clone().unwrap_or_default()),
        }
    }

    /// The first revision that the caller may look back to: whoever is confined to a group knows nothing of another one that had
    /// its id before.
    pub fn earliest(&self, app: &App) -> i64 {
        let made = |group| app.store.read(|view| groups::made_at(view, group));
        self.group.as_ref().map_or(0, made)
    }

    /// Refuses, with an event, a caller that does not have the right.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`], or that the log is unavailable.
    pub async fn require(&self, app: &App, right: Right, domain: Domain<'_>) -> Result<(), ApiError> {
        if self.may(right, domain) {
            return Ok(());
        }
        let place = match domain {
            Domain::Group(group) if self.group.is_some() => format!(" in gateway group {group}"),
            _ => String::new(),
        };
        let text = format!("{} may not {}{place}", self.actor.id, right.as_str());
        let intent = Intent::Refused(Refusal::denied(403, text.clone()));
        app.append(Proposal::new(self.context(), "auth.denied", intent)).await?;
        Err(ApiError::Forbidden(text))
    }

    /// The gateway group that a request means, when the caller has the right there and it exists.
    ///
    /// # Errors
    /// As [`Self::require`], or that there is no such group.
    pub async fn require_in(&self, app: &App, right: Right, named: Option<&str>) -> Result<GroupId, ApiError> {
        let group = self.group(named)?;
        self.require(app, right, Domain::Group(&group)).await?;
        if !app.store.read(|view| groups::exists(view, &group)) {
            return Err(ApiError::Refused(groups::unknown(&group)));
        }
        Ok(group)
    }

    fn by_session(app: &App, origin: &Origin, parts: &Parts) -> Result<Option<Self>, ApiError> {
        let Some(session) = sessions::find(app, &parts.headers) else { return Ok(None) };
        let Some(user) = users::find(app, &session.user) else { return Ok(None) };
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        if !safe && !is_from_own_page(&parts.headers) {
            app.denials.note(origin, FOREIGN_PAGE);
            return Err(foreign_page());
        }
        if user.must_change_password && !BEFORE_CHANGE.contains(&parts.uri.path()) {
            app.denials.note(origin, "the password must be changed first");
            return Err(ApiError::Forbidden("the password must be changed first: PUT /api/password".into()));
        }
        let mut origin = origin.clone();
        origin.interface = "dashboard";
        let (actor, id, shown) = (user.actor("session"), Some(user.id), Some(session.key().to_owned()));
        Ok(Some(Self { actor, roles: user.roles, origin, group: None, user: id, session: Some(session), shown }))
    }
}

impl axum::extract::FromRequestParts<std::sync::Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &std::sync::Arc<App>) -> Result<Self, ApiError> {
        let origin = Origin::of(&parts.extensions);
        if let Some(key) = key_of(&parts.headers) {
            return Self::by_key(app, &origin, Some(key)).map_err(ApiError::Unauthenticated);
        }
        if let Some(caller) = Self::by_session(app, &origin, parts)? {
            return Ok(caller);
        }
        // The dashboard asks who is logged in before anybody is: that is no attempt to get at something.
        if parts.uri.path() != WHO_AM_I {
            app.denials.note(&origin, &Unknown::Missing.to_string());
        }
        Err(ApiError::Unauthenticated(Unknown::Missing))
    }
}

#[cfg(test)]
mod tests;
