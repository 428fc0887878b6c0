//! Passwords: argon2id, off the async threads, few at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

/// Each takes 19 MiB and a few tens of milliseconds of a core.
const AT_ONCE: usize = 2;
/// In bytes. Longer ones are refused before any work is done on them.
pub const LONGEST: usize = 1024;

/// Hashes and verifies passwords.
#[derive(Debug)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    /// Verified in place of a user's hash when there is no such user, so that both take the same time.
    nobody: String,
}

/// A password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hash function refused.
    #[error("the password can't be hashed")]
    Hash(#[from] password_hash::Error),
    /// The work was dropped: the process is ending.
    #[error("password work was interrupted")]
    Interrupted,
}

// === impl Passwords ===

impl Passwords {
    /// Takes the time of one hash.
    ///
    /// # Errors
    /// When the hash function refuses.
    pub fn new() -> Result<Self, Error> {
        let nobody = Argon2::default().hash_password(b"nobody has this one")?.to_string();
        Ok(Self { slots: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    /// The hash to keep, as a PHC string.
    ///
    /// # Errors
    /// When the hash function refuses or the process is ending.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = password.as_bytes().to_vec();
        self.work(move || Ok(Argon2::default().hash_password(&password)?.to_string())).await
    }

    /// Whether the password belongs to the hash; without a hash the answer is no, after the same time.
    ///
    /// # Errors
    /// When the process is ending.
    pub async fn verify(&self, password: &str, hash: Option<Vec<u8>>) -> Result<bool, Error> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let password = password.as_bytes().to_vec();
        let known = hash.is_some();
        let hash = hash.and_then(|hash| String::from_utf8(hash).ok()).unwrap_or_else(|| self.nobody.clone());
        self.work(move || {
            let hash = PasswordHash::new(&hash).map_err(password_hash::Error::from)?;
            Ok(Argon2::default().verify_password(&password, &hash).is_ok() && known)
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| Error::Interrupted)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        })
        .await
        .map_err(|_| Error::Interrupted)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hash_and_verify() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse").await.unwrap().into_bytes();
        assert!(hash.starts_with(b"$argon2id$"));
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this one", None).await.unwrap());
    }
}
