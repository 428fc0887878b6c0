//! The admin key and password, and the key that secrets are encrypted with: made at the first start, kept for the later ones.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::failure::Failure;
use crate::private;

/// The name of the first user.
pub const USER: &str = "admin";

/// What an administrator needs to get in.
#[derive(Debug)]
pub struct Secrets {
    /// The Admin API key.
    pub key: String,
    /// The password of [`USER`].
    pub password: String,
}

// === impl Secrets ===

impl Secrets {
    /// Reads them, makes what is missing. A given key replaces the kept one.
    pub fn load(data: &Path, given_key: Option<&str>) -> Result<Self, Failure> {
        if given_key.is_some_and(|key| key.len() < 8 || key.trim() != key) {
            return Err(Failure::Usage(
                "--admin-key: 8 characters or more, without spaces around them, are expected".to_owned(),
            ));
        }
        let key = keep(&key_file(data), given_key)?;
        let password = keep(&password_file(data), None)?;
        // More lines may have been added since.
        keep(&keyring_file(data), None)?;
        Ok(Self { key, password })
    }
}

/// Where the key is.
pub fn key_file(data: &Path) -> PathBuf {
    data.join("admin.key")
}

/// Where the password is.
pub fn password_file(data: &Path) -> PathBuf {
    data.join("admin.password")
}

/// Where the keys are that secrets of the configuration are encrypted with: 32 characters make a key of AES-256.
pub fn keyring_file(data: &Path) -> PathBuf {
    data.join("keyring")
}

fn keep(path: &Path, given: Option<&str>) -> anyhow::Result<String> {
    let kept = private::read(path)?.filter(|secret| !secret.is_empty());
    if let Some(kept) = kept
        && given.is_none_or(|given| given == kept)
    {
        return Ok(kept);
    }
    // 122 random bits.
    let secret = given.map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned);
    private::write(path, &format!("{secret}\n"))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_has_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let first = Secrets::load(dir.path(), None).unwrap();
        let second = Secrets::load(dir.path(), None).unwrap();
        assert_eq!((&first.key, &first.password), (&second.key, &second.password));
        let keyring = std::fs::read_to_string(keyring_file(dir.path())).unwrap();
        assert_eq!(keyring.trim().len(), 32);
        assert_ne!(first.key, first.password);
        let given = Secrets::load(dir.path(), Some("mine-mine")).unwrap();
        assert_eq!((given.key.as_str(), given.password), ("mine-mine", first.password));
        assert_eq!(Secrets::load(dir.path(), None).unwrap().key, "mine-mine");
        assert!(matches!(Secrets::load(dir.path(), Some("short")), Err(Failure::Usage(_))));
    }
}
