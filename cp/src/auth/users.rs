//! Users: keys of the key space; their password hashes lie in the secrets table.

use portolan_eventstore::proposal::{Actor, ActorKind, SecretWrite};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Appended, Context, Decision, Intent, KeyRange, KeyValue, Proposal, Refusal, View};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::passwords::LONGEST;
use super::{sessions, tokens};
use crate::app::App;
use crate::error::ApiError;
use crate::rights::Role;

/// Prefix of the users.
const PREFIX: &str = "/portolan/users/";
/// Shortest password that a user may choose, in characters.
const SHORTEST_PASSWORD: usize = 8;

/// A person with a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Stable id.
    pub id: String,
    /// Login name.
    pub name: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// When it was made, in seconds since 1970.
    pub create_time: i64,
    /// Whether the password must be changed before anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
}

/// The first user.
#[derive(Clone, Copy, Debug)]
pub struct First<'a> {
    /// Login name.
    pub name: &'a str,
    /// Password.
    pub password: &'a str,
    /// Whether it must be changed before anything else.
    pub must_change_password: bool,
}

type Decide = Box<dyn Fn(&dyn View) -> Decision + Send + Sync>;

// === impl User ===

impl User {
    /// As it goes into the log.
    pub fn actor(&self, auth_method: &str) -> Actor {
        Actor {
            id: self.id.clone(),
            kind: ActorKind::User,
            name: Some(self.name.clone()),
            auth_method: auth_method.to_owned(),
            roles: self.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        }
    }

    fn put(&self) -> Op {
        // Texts and numbers always serialise.
        Op::Put(Put::new(key(&self.id), serde_json::to_vec(self).unwrap_or_default()))
    }
}

/// All users.
pub fn all(view: &dyn View) -> Vec<User> {
    view.range(&KeyRange::prefix(PREFIX)).iter().filter_map(|kv| read(kv)).collect()
}

/// The user of an id.
pub fn find(app: &App, id: &str) -> Option<User> {
    app.store.read(|view| in_view(view, id))
}

/// The user of a login name, and the revision that last changed the user or their password.
pub fn named_and_changed(app: &App, name: &str) -> Option<(User, i64)> {
    app.store.read(|view| {
        let users = view.range(&KeyRange::prefix(PREFIX));
        users.iter().find_map(|kv| read(kv).filter(|user| user.name == name).map(|user| (user, kv.mod_revision)))
    })
}

/// The revision that last changed a user or the password.
pub fn changed(view: &dyn View, id: &str) -> Option<i64> {
    view.get(key(id).as_bytes()).map(|kv| kv.mod_revision)
}

/// The user of a login name.
pub fn named(app: &App, name: &str) -> Option<User> {
    app.store.read(|view| all(view).into_iter().find(|user| user.name == name))
}

/// The hash of a user's password.
///
/// # Errors
/// When the store is unavailable.
pub async fn password_hash(app: &App, id: &str) -> Result<Option<Vec<u8>>, portolan_eventstore::Error> {
    // Asked for whatever somebody gives as a name; PostgreSQL knows no text with a NUL in it.
    if id.contains('\0') {
        return Ok(None);
    }
    app.store.secret(&secret_name(id)).await
}

/// Makes the first user as an event, unless somebody can administer already: then nothing changes, not even a password, and
/// a first user that was deleted stays deleted. Somebody else who has the name already keeps it, and gets no rights by it.
///
/// # Errors
/// When hashing fails or the log is unavailable.
pub async fn create_first(app: &App, first: First<'_>) -> Result<(), ApiError> {
    if app.store.read(is_administered) {
        return Ok(());
    }
    let secret = secret(app, first.name, first.password).await?;
    let user = User {
        id: first.name.to_owned(),
        name: first.name.to_owned(),
        roles: vec![Role::Admin],
        create_time: app.now_seconds(),
        must_change_password: first.must_change_password,
    };
    // Another replica may start at the same moment.
    let decide = move |view: &dyn View| match is_administered(view) {
        true => Decision::Unchanged,
        false => added(view, &user),
    };
    let mut proposal = Proposal::new(Context::system(), "user.create", Intent::Decide(Box::new(decide)));
    proposal.secrets.push(secret);
    if let Appended::Refused { refusal, .. } = app.append(proposal.on("user", first.name)).await? {
        tracing::warn!(reason = %refusal.message, "nobody can administer: give that user the role, or set another admin.user");
    }
    Ok(())
}

/// Whether there is a user who may do everything.
pub fn is_administered(view: &dyn View) -> bool {
    all(view).iter().any(|user| user.roles.contains(&Role::Admin))
}

/// Whether a text can be a login name.
///
/// # Errors
/// When it can't.
pub fn check_name(name: &str) -> Result<(), ApiError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(valid) {
        return Ok(());
    }
    Err(ApiError::Invalid("username must be 1 to 64 of a-z A-Z 0-9 - _ . @".into()))
}

/// Whether a text can be a password.
///
/// # Errors
/// When it can't.
pub fn check_password(password: &str) -> Result<(), ApiError> {
    if password.chars().count() >= SHORTEST_PASSWORD && password.len() <= LONGEST {
        return Ok(());
    }
    Err(ApiError::Invalid(format!("the password must have {SHORTEST_PASSWORD} to {LONGEST} characters")))
}

/// A new user, without any role; login names are unique.
pub fn invited(app: &App, name: &str) -> (User, Decide) {
    let user = User {
        id: Uuid::now_v7().to_string(),
        name: name.to_owned(),
        roles: Vec::new(),
        create_time: app.now_seconds(),
        must_change_password: false,
    };
    let new = user.clone();
    (user, Box::new(move |view| added(view, &new)))
}

/// Login names are unique.
fn added(view: &dyn View, new: &User) -> Decision {
    match all(view).iter().any(|other| other.name == new.name) {
        true => Decision::Refuse(Refusal::invalid(409, format!("a user named {} exists already", new.name))),
        false => Decision::Apply(Txn::of(vec![new.put()])),
    }
}

/// Gives a user these roles instead of the ones it has.
pub fn assign(id: String, roles: Vec<Role>) -> Decide {
    Box::new(move |view| {
        let Some(user) = in_view(view, &id) else { return unknown(&id) };
        if !roles.contains(&Role::Admin) && is_last_admin(view, &id) {
            return Decision::Refuse(Refusal::invalid(400, "the last super_admin must stay one"));
        }
        Decision::Apply(Txn::of(vec![User { roles: roles.clone(), ..user }.put()]))
    })
}

/// Deletes a user, its sessions and its tokens. Its password's hash goes with the proposal's secrets.
pub fn delete(id: String) -> Decide {
    Box::new(move |view| {
        if in_view(view, &id).is_none() {
            return unknown(&id);
        }
        if is_last_admin(view, &id) {
            return Decision::Refuse(Refusal::invalid(400, "the last super_admin can't be deleted"));
        }
        let mut ops = vec![Op::Delete(Delete::key(key(&id)))];
        ops.extend(sessions::end_all(view, &id, None));
        ops.extend(tokens::revoke(view, |token| token.holder == tokens::Holder::User(id.clone())));
        Decision::Apply(Txn::of(ops))
    })
}

/// Notes that the password was changed, and ends the user's other sessions. `seen` is the revision of the user whose old
/// password was verified.
pub fn password_changed(id: String, seen: Option<i64>, session: Option<sessions::Session>) -> Decide {
    Box::new(move |view| {
        if changed(view, &id) != seen {
            return Decision::Refuse(Refusal::invalid(400, "the user was changed meanwhile"));
        }
        let Some(user) = in_view(view, &id) else { return unknown(&id) };
        let mut ops = vec![User { must_change_password: false, ..user }.put()];
        ops.extend(sessions::end_all(view, &id, session.as_ref()));
        Decision::Apply(Txn::of(ops))
    })
}

/// The write of a password's hash.
///
/// # Errors
/// When hashing fails.
pub async fn secret(app: &App, id: &str, password: &str) -> Result<SecretWrite, ApiError> {
    let hash = app.passwords.hash(password).await.map_err(ApiError::internal)?;
    Ok(SecretWrite { name: secret_name(id), value: Some(hash.into_bytes()) })
}

/// The deletion of a password's hash.
pub fn no_secret(id: &str) -> SecretWrite {
    SecretWrite { name: secret_name(id), value: None }
}

fn is_last_admin(view: &dyn View, id: &str) -> bool {
    let mut admins = all(view).into_iter().filter(|user| user.roles.contains(&Role::Admin));
    admins.any(|user| user.id == id) && !all(view).iter().any(|user| user.id != id && user.roles.contains(&Role::Admin))
}

fn unknown(id: &str) -> Decision {
    Decision::Refuse(Refusal::invalid(404, format!("user {id} not found")))
}

/// The user of an id.
pub(super) fn in_view(view: &dyn View, id: &str) -> Option<User> {
    read(&*view.get(key(id).as_bytes())?)
}

fn read(kv: &KeyValue) -> Option<User> {
    serde_json::from_slice(&kv.value).ok()
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn secret_name(id: &str) -> String {
    format!("user/{id}/password")
}
