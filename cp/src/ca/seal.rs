//! Seals private keys for the store: AES-256-GCM under a key that never leaves the replicas' own disks.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// First byte of what is sealed, so that the format can change.
const FORMAT: u8 = 1;

/// The key that seals.
pub struct Seal(RandomizedNonceKey);

/// Why something can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key's file can't be read or written.
    #[error("the secret key {} can't be read or made", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the secret key {} must hold 64 hex digits", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Sealing failed.
    #[error("sealing failed")]
    Seal,
    /// Sealed with another key, for another purpose, or damaged.
    #[error("the sealed {name} can't be opened: this replica has another secret key than the one that sealed it")]
    Open {
        /// Name of the sealed thing.
        name: String,
    },
}

// === impl Seal ===

impl Seal {
    /// The key of a file.
    ///
    /// # Errors
    /// When the file can't be read or holds no key.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::from_hex(&text, path)
    }

    /// The key of a file, made with mode 0600 when it does not exist.
    ///
    /// # Errors
    /// When the file can't be read, made, or holds no key.
    pub fn load_or_make(path: &Path) -> Result<Self, Error> {
        let file = |source| Error::File { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => Self::from_hex(&text, path),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                aws_lc_rs::rand::fill(&mut key).map_err(|_| Error::Seal)?;
                let text = hex::encode(key);
                let mut made =
                    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file)?;
                made.write_all(text.as_bytes()).and_then(|()| made.sync_all()).map_err(file)?;
                Self::from_hex(&text, path)
            }
            Err(source) => Err(file(source)),
        }
    }

    /// Seals `plain` under its name; it opens under that name only.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(name), &mut sealed).map_err(|_| Error::Seal)?;
        let mut out = vec![FORMAT];
        out.extend_from_slice(nonce.as_ref());
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// When it was sealed with another key or name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let refused = || Error::Open { name: name.to_owned() };
        let Some((&FORMAT, rest)) = sealed.split_first() else { return Err(refused()) };
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut text = rest.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(name), &mut text).map_err(|_| refused())?;
        Ok(plain.to_vec())
    }

    fn from_hex(text: &str, path: &Path) -> Result<Self, Error> {
        let wrong = || Error::Key { path: path.to_owned() };
        let key = hex::decode(text.trim()).map_err(|_| wrong())?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map(Self).map_err(|_| wrong())
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_name_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        let seal = Seal::load_or_make(&path).unwrap();
        let sealed = seal.seal("ca/key", b"private").unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"private"));
        assert_eq!(Seal::load(&path).unwrap().open("ca/key", &sealed).unwrap(), b"private");
        assert!(seal.open("other", &sealed).is_err());
        let other = Seal::load_or_make(&dir.path().join("other.key")).unwrap();
        assert!(other.open("ca/key", &sealed).is_err());
        assert!(seal.open("ca/key", b"").is_err());
    }
}
