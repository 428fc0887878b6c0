//! Section `admin`.

use std::collections::HashSet;
use std::path::PathBuf;

use portolan_model::GroupId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use crate::rights::Role;

use super::Error;
use super::secret::{self, Secret};

/// The first user, and the keys of the Admin API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Login name of the first user; made on the first start, left alone afterwards.
    #[serde(deserialize_with = "name")]
    pub user: String,
    /// Password of the first user.
    pub password: Option<Secret>,
    /// File with that password.
    pub password_file: Option<PathBuf>,
    /// Whether the first user must change that password before anything else; then it may be a short one.
    pub change_password: bool,
    /// Keys of the Admin API.
    #[serde(deserialize_with = "keys")]
    pub keys: Vec<Key>,
}

/// A key of the Admin API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Name under which its holder appears in the log.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// The key.
    #[serde(default)]
    pub key: Option<Secret>,
    /// File with the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// What its holder may do.
    #[serde(default)]
    pub role: Role,
    /// The only gateway group in which its holder may do it; without it: all.
    #[serde(default)]
    pub gateway_group_id: Option<GroupId>,
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(valid) {
        return Ok(name);
    }
    Err(D::Error::custom("not a name; allowed: 1 to 64 of a-z A-Z 0-9 - _ . @"))
}

fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Key>, D::Error> {
    let keys = Vec::<Key>::deserialize(deserializer)?;
    let mut names = HashSet::new();
    for key in &keys {
        if !names.insert(&key.name) {
            return Err(D::Error::custom(format!(
                "two keys are named {:?}; allowed: a name of its own for each",
                key.name
            )));
        }
        if key.key.is_some() == key.key_file.is_some() {
            return Err(D::Error::custom(format!(
                "key {:?} is not given once; allowed: either key or key_file",
                key.name
            )));
        }
    }
    Ok(keys)
}

// === impl Admin ===

impl Admin {
    /// The password of the first user, when one is configured.
    ///
    /// # Errors
    /// When its file can't be read, or it is shorter than 8 characters.
    pub fn password(&self) -> Result<Option<Secret>, Error> {
        if self.password.is_some() && self.password_file.is_some() {
            return Err(Error::invalid("admin.password", "given twice", "either password or password_file"));
        }
        let password = secret::one_of("admin.password", self.password.as_ref(), self.password_file.as_deref())?;
        match &password {
            Some(given) if given.expose().chars().count() < 8 && !self.change_password => {
                Err(Error::invalid("admin.password", "too short", "8 characters or more"))
            }
            _ => Ok(password),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { user: "admin".into(), password: None, password_file: None, change_password: false, keys: Vec::new() }
    }
}

// === impl Key ===

impl Key {
    /// The key itself.
    ///
    /// # Errors
    /// When its file can't be read, or it is shorter than 8 characters.
    pub fn secret(&self) -> Result<Secret, Error> {
        let setting = format!("admin.keys[{}].key", self.name);
        let key = secret::one_of(&setting, self.key.as_ref(), self.key_file.as_deref())?;
        match key {
            Some(key) if key.expose().len() >= 8 => Ok(key),
            _ => Err(Error::invalid(setting, "too short", "8 characters or more")),
        }
    }
}
