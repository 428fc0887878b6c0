//! Who is calling, and how they proved it.
//!
//! Two proofs: an Admin API key (`X-API-KEY`, `Authorization: Bearer`, and on the APISIX face also the query `api_key`
//! and the cookie `x-api-key`), or the cookie of a session that began with a password. Failures without any valid
//! proof are counted by [`denials`] and never written one by one.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use portolan_eventstore::proposal::{Actor, ActorKind, Context};
use portolan_eventstore::{Intent, Proposal, Refusal};

use crate::app::App;
use crate::error::ApiError;
use crate::origin::Origin;
use crate::rights::{self, Right, Role};

pub mod denials;
pub mod keys;
pub mod limiter;
pub mod passwords;
pub mod sessions;
pub mod users;

/// The header that every mutating request with a session cookie must carry: no foreign page can set it.
const CSRF_HEADER: &str = "x-requested-with";
const CSRF_VALUE: &str = "portolan";

const WHO_AM_I: &str = "/api/session";

/// Somebody known.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As it goes into the log.
    pub actor: Actor,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Where the request came from.
    pub origin: Origin,
    /// The session that the request belongs to.
    pub session: Option<sessions::Session>,
}

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

// === impl Caller ===

impl Caller {
    /// The holder of an Admin API key.
    ///
    /// # Errors
    /// When there is no key or no such key; the failure is counted.
    pub fn by_key(app: &App, origin: &Origin, key: Option<&str>) -> Result<Self, Unknown> {
        let unknown = |unknown: Unknown| {
            app.denials.note(origin, &unknown.to_string());
            unknown
        };
        let key = key.ok_or(Unknown::Missing).map_err(unknown)?;
        let (name, role) = app.keys.find(key).ok_or(Unknown::Wrong).map_err(unknown)?;
        let actor = Actor {
            id: name.to_owned(),
            kind: ActorKind::AdminKey,
            name: None,
            auth_method: "api_key".into(),
            roles: vec![role.as_str().into()],
        };
        Ok(Self { actor, roles: vec![role], origin: origin.clone(), session: None })
    }

    /// The context of an event that this caller causes.
    pub fn context(&self) -> Context {
        self.origin.context(self.actor.clone())
    }

    /// Whether the caller has the right.
    pub fn may(&self, right: Right) -> bool {
        rights::allows(&self.roles, right)
    }

    /// Refuses, with an event, a caller that does not have the right.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`], or that the log is unavailable.
    pub async fn require(&self, app: &App, right: Right) -> Result<(), ApiError> {
        if self.may(right) {
            return Ok(());
        }
        let text = format!("{} may not {}", self.actor.id, right.as_str());
        let intent = Intent::Refused(Refusal::denied(403, text.clone()));
        app.append(Proposal::new(self.context(), "auth.denied", intent)).await?;
        Err(ApiError::Forbidden(text))
    }

    fn by_session(app: &App, origin: &Origin, parts: &Parts) -> Result<Option<Self>, ApiError> {
        let Some(session) = sessions::find(app, &parts.headers) else { return Ok(None) };
        let Some(user) = users::find(app, &session.user) else { return Ok(None) };
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        let marked = parts.headers.get(CSRF_HEADER).is_some_and(|value| value == CSRF_VALUE);
        if !safe && !marked {
            app.denials.note(origin, "missing header X-Requested-With");
            return Err(ApiError::Forbidden("the header X-Requested-With: portolan is missing".into()));
        }
        let mut origin = origin.clone();
        origin.interface = "dashboard";
        Ok(Some(Self { actor: user.actor("session"), roles: user.roles, origin, session: Some(session) }))
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
