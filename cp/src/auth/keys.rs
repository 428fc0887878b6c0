//! Admin API keys: known by their hash, compared in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::config;
use crate::rights::Role;

/// The keys of the configuration.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    name: String,
    role: Role,
    hash: [u8; 32],
}

// === impl Keys ===

impl Keys {
    /// Reads the keys of the configuration and keeps their hashes.
    ///
    /// # Errors
    /// When a key's file can't be read or the key is too short.
    pub fn load(admin: &config::Admin) -> Result<Self, config::Error> {
        let load =
            |key: &config::Key| Ok(Key { name: key.name.clone(), role: key.role, hash: hash(key.secret()?.expose()) });
        admin.keys.iter().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// Name and role of the key's holder. Takes the same time whatever the key.
    pub fn find(&self, given: &str) -> Option<(&str, Role)> {
        let given = hash(given);
        let mut found = None;
        for key in &self.0 {
            if verify_slices_are_equal(&key.hash, &given).is_ok() {
                found = Some((key.name.as_str(), key.role));
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
        };
        let keys = vec![key("a", "first-key", Role::Admin), key("b", "second-key", Role::Viewer)];
        let keys = Keys::load(&config::Admin { keys, ..config::Admin::default() }).unwrap();
        assert_eq!(keys.find("first-key"), Some(("a", Role::Admin)));
        assert_eq!(keys.find("second-key"), Some(("b", Role::Viewer)));
        for wrong in ["", "first", "first-key ", "FIRST-KEY"] {
            assert_eq!(keys.find(wrong), None, "{wrong}");
        }
    }
}
