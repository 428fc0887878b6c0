//! Sessions: a random token in a cookie, its hash in the key space.
//!
//! The key space knows only the hash, so that neither the log nor a reader of it can act as the user. Every login also
//! deletes the sessions that have ended, in the same event.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Decision, Intent, KeyRange, KeyValue, Refusal, View};
use serde::{Deserialize, Serialize};

use super::users;
use crate::app::App;
use crate::cookies;
use crate::error::ApiError;

/// Name of the cookie. Browsers take a name that begins like this only from this very host and over TLS: a neighbour under
/// the same domain can't plant a session of its own.
const COOKIE: &str = "__Host-portolan_session";
/// Prefix of the sessions.
const PREFIX: &str = "/portolan/sessions/";
/// A session ends this long after the login.
const LIFETIME_SECONDS: i64 = 12 * 3600;

/// A session, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Id of the user.
    pub user: String,
    /// When it began, in seconds since 1970.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
    /// Its key; not part of the value.
    #[serde(skip)]
    key: String,
}

/// A new session of the user as last changed at that revision: the change that begins it, and the `Set-Cookie` that belongs
/// to it. It does not begin when the user was changed since, for the password may have been, and old sessions have ended.
///
/// # Errors
/// When the machine has no randomness.
pub fn begin(app: &App, user: &str, changed: i64) -> Result<(Intent, HeaderValue), ApiError> {
    let mut token = [0; 32];
    aws_lc_rs::rand::fill(&mut token).map_err(ApiError::internal)?;
    let token = URL_SAFE_NO_PAD.encode(token);
    let now = app.clock.now_micros().div_euclid(1_000_000);
    let key = key(&token);
    let session =
        Session { user: user.to_owned(), created_at: now, expires_at: now + LIFETIME_SECONDS, key: key.clone() };
    let value = serde_json::to_vec(&session).map_err(ApiError::internal)?;
    let user = user.to_owned();
    let decide = move |view: &dyn View| {
        if users::changed(view, &user) != Some(changed) {
            return Decision::Refuse(Refusal::invalid(409, "the user was changed during the login; log in again"));
        }
        let ended = view.range(&KeyRange::prefix(PREFIX)).into_iter().filter(|kv| {
            serde_json::from_slice::<Session>(&kv.value).map_or(true, |session| session.expires_at <= now)
        });
        let mut ops: Vec<Op> = ended.map(|kv| Op::Delete(Delete::key(kv.key.clone()))).collect();
        ops.push(Op::Put(Put::new(key.clone(), value.clone())));
        Decision::Apply(Txn::of(ops))
    };
    Ok((Intent::Decide(Box::new(decide)), cookie(&token, LIFETIME_SECONDS)?))
}

// === impl Session ===

impl Session {
    /// Its key in the key space.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The change that ends a session.
pub fn end(session: &Session) -> Intent {
    Intent::Txn(Txn::of(vec![Op::Delete(Delete::key(session.key.clone()))]))
}

/// The changes that end a user's sessions, all but one.
pub fn end_all(view: &dyn View, user: &str, but: Option<&Session>) -> Vec<Op> {
    let sessions = view.range(&KeyRange::prefix(PREFIX));
    let ends = |kv: &KeyValue| {
        let own = serde_json::from_slice::<Session>(&kv.value).is_ok_and(|session| session.user == user);
        own && but.is_none_or(|session| kv.key != session.key.as_bytes())
    };
    sessions.iter().filter(|kv| ends(kv)).map(|kv| Op::Delete(Delete::key(kv.key.clone()))).collect()
}

/// A `Set-Cookie` that makes the browser forget the session.
///
/// # Errors
/// Never, in truth.
pub fn forget() -> Result<HeaderValue, ApiError> {
    cookie("", 0)
}

/// Whether a request has a session's cookie, of whatever worth.
pub fn is_shown(headers: &HeaderMap) -> bool {
    cookies::get(headers, COOKIE).is_some()
}

/// The session of a request, if it has one that has not ended.
pub fn find(app: &App, headers: &HeaderMap) -> Option<Session> {
    let key = key(cookies::get(headers, COOKIE)?);
    let kv = app.store.read(|view| view.get(key.as_bytes()))?;
    let session: Session = serde_json::from_slice(&kv.value).ok()?;
    let now = app.clock.now_micros().div_euclid(1_000_000);
    (session.expires_at > now).then_some(Session { key, ..session })
}

fn key(token: &str) -> String {
    format!("{PREFIX}{}", hex::encode(digest(&SHA256, token.as_bytes())))
}

/// Only for us, only over TLS, only from our own pages, and not for scripts.
fn cookie(token: &str, max_age_seconds: i64) -> Result<HeaderValue, ApiError> {
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={max_age_seconds}; HttpOnly; Secure; SameSite=Strict");
    HeaderValue::from_str(&text).map_err(ApiError::internal)
}
