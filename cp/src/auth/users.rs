//! Users: keys of the key space; their password hashes lie in the secrets table.

use portolan_eventstore::proposal::{Actor, ActorKind, SecretWrite};
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Context, Decision, Intent, Proposal, View};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::ApiError;
use crate::rights::Role;

/// Prefix of the users.
const PREFIX: &str = "/portolan/users/";

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
}

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
}

/// The user of an id.
pub fn find(app: &App, id: &str) -> Option<User> {
    let kv = app.store.read(|view| view.get(format!("{PREFIX}{id}").as_bytes()))?;
    serde_json::from_slice(&kv.value).ok()
}

/// The hash of a user's password.
///
/// # Errors
/// When the store is unavailable.
pub async fn password_hash(app: &App, id: &str) -> Result<Option<Vec<u8>>, ApiError> {
    Ok(app.store.secret(&secret_name(id)).await?)
}

/// Makes the first user as an event, unless a user of that name exists: then nothing changes, not even the password.
///
/// # Errors
/// When hashing fails or the log is unavailable.
pub async fn create_first(app: &App, name: &str, password: &str) -> Result<(), ApiError> {
    if find(app, name).is_some() {
        return Ok(());
    }
    let hash = app.passwords.hash(password).await.map_err(ApiError::internal)?;
    let user = User {
        id: name.to_owned(),
        name: name.to_owned(),
        roles: vec![Role::Admin],
        create_time: app.clock.now_micros().div_euclid(1_000_000),
    };
    let key = format!("{PREFIX}{name}");
    let value = serde_json::to_vec(&user).map_err(ApiError::internal)?;
    let decide = move |view: &dyn View| match view.get(key.as_bytes()) {
        Some(_) => Decision::Unchanged,
        None => Decision::Apply(Txn::of(vec![Op::Put(Put::new(key.clone(), value.clone()))])),
    };
    let mut proposal = Proposal::new(Context::system(), "user.create", Intent::Decide(Box::new(decide)));
    proposal.secrets.push(SecretWrite { name: secret_name(name), value: Some(hash.into_bytes()) });
    app.append(proposal.on("user", name)).await?;
    Ok(())
}

fn secret_name(id: &str) -> String {
    format!("user/{id}/password")
}
