//! Admin API keys: known by their hash, compared in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use portolan_model::GroupId;

use crate::config;
use crate::rights::Role;

/// The keys of the configuration.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    name: String,
    role: Role,
    group: Option<GroupId>,
    hash: [u8; 32],
}

/// The holder of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// The only gateway group that it may do it in.
    pub group: Option<&'a GroupId>,
}

// === impl Keys ===

impl Keys {
    /// Reads the keys of the configuration and keeps their hashes.
    ///
    /// # Errors
    /// When a key's file can't be read, or the key is too short or that of another holder.
    pub fn load(admin: &config::Admin) -> Result<Self, config::Error> {
        let load = |key: &config::Key| {
            let hash = hash(key.secret()?.expose());
            Ok(Key { name: key.name.clone(), role: key.role, group: key.gateway_group_id.clone(), hash })
        };
        let keys: Vec<Key> = admin.keys.iter().map(load).collect::<Result<_, _>>()?;
        // Which of them somebody means would be a matter of order.
        let twice = keys.iter().enumerate().find_map(|(index, key)| {
            let other = keys[..index].iter().find(|other| other.hash == key.hash)?;
            Some(config::Error::invalid(
                format!("admin.keys[{}].key", key.name),
                format!("the same as that of {:?}", other.name),
                "a key of its own",
            ))
        });
        twice.map_or(Ok(Self(keys)), Err)
    }

    /// The key's holder. Takes the same time whatever the key.
    pub fn find(&self, given: &str) -> Option<Found<'_>> {
        let given = hash(given);
        let mut found = None;
        for key in &self.0 {
            if verify_slices_are_equal(&key.hash, &given).is_ok() {
                found = Some(Found { name: &key.name, role: key.role, group: key.group.as_ref() });
            }
        }
        found
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_is_the_key() {
        let key = |name: &str, text: &str, role| config::Key {
            name: name.into(),
            key: Some(text.into()),
            key_file: None,
            role,
            gateway_group_id: None,
        };
        let found = |name, role| Some(Found { name, role, group: None });
        let keys = vec![key("a", "first-key", Role::Admin), key("b", "second-key", Role::Viewer)];
        let keys = Keys::load(&config::Admin { keys, ..config::Admin::default() }).unwrap();
        assert_eq!(keys.find("first-key"), found("a", Role::Admin));
        assert_eq!(keys.find("second-key"), found("b", Role::Viewer));
        let same = vec![key("a", "same-key", Role::Admin), key("b", "same-key", Role::Viewer)];
        let error = Keys::load(&config::Admin { keys: same, ..config::Admin::default() }).unwrap_err();
        assert!(error.to_string().contains("admin.keys[b].key"), "{error}");
        for wrong in ["", "first", "first-key ", "FIRST-KEY"] {
            assert_eq!(keys.find(wrong), None, "{wrong}");
        }
    }
}
