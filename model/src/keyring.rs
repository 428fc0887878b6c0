//! Secrets at rest: encrypted as APISIX encrypts them, so that each side's data planes read what the other's control plane wrote.
//!
//! AES in CBC mode with PKCS#7 padding, in base64. A key is a text of 16 or 32 bytes, and its first 16 bytes are the
//! initialisation vector too: equal texts give equal ciphertexts, and nothing tells a changed ciphertext from another. That is the
//! format; what it protects is a copy of the store, and nothing more.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::Kind;
use crate::sensitive::{AtRest, Secrets};

/// The start of a private key that is not encrypted.
const PEM: &str = "---";
/// Bytes of an initialisation vector.
const IV: usize = 16;

/// Keys of which the first encrypts and all decrypt. Without any, everything stays as it is. A copy shares them.
#[derive(Clone, Default)]
pub struct Keyring(Arc<[Key]>);

struct Key {
    iv: [u8; IV],
    encrypt: PaddedBlockEncryptingKey,
    decrypt: PaddedBlockDecryptingKey,
}

/// A key of a length that no cipher has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {place} has {length} bytes; allowed: 16 (AES-128) or 32 (AES-256)")]
pub struct BadKey {
    /// Its place, from 1.
    pub place: usize,
    /// How many bytes it has.
    pub length: usize,
}

// === impl Keyring ===

impl Keyring {
    /// With these keys.
    ///
    /// # Errors
    /// When one is too short or too long.
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self, BadKey> {
        let key = |(at, key): (usize, K)| {
            let bytes = key.as_ref().as_bytes();
            Key::new(bytes).ok_or(BadKey { place: at + 1, length: bytes.len() })
        };
        keys.into_iter().enumerate().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// With the keys of a file: one a line, empty lines aside.
    ///
    /// # Errors
    /// When one is too short or too long.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        Self::new(text.lines().map(str::trim).filter(|line| !line.is_empty()))
    }

    /// Whether it has no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it is stored.
    pub fn encrypt(&self, text: &str) -> String {
        self.0.first().and_then(|key| key.encrypt(text)).unwrap_or_else(|| text.to_owned())
    }

    /// The text as each of the keys stores it: where to look for it.
    pub fn all(&self, text: &str) -> Vec<String> {
        self.0.iter().filter_map(|key| key.encrypt(text)).collect()
    }

    /// The text that was encrypted with one of the keys; `None` when none fits.
    pub fn decrypt(&self, stored: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let sealed = STANDARD.decode(stored).ok()?;
        self.0.iter().find_map(|key| key.decrypt(&sealed))
    }

    /// Encrypts the secrets of a document. `id` is what its key says.
    pub fn seal(&self, kind: Kind, id: &str, document: &mut Map<String, Value>) {
        if self.is_empty() {
            return;
        }
        Secrets::default().visit_fields(kind, id, document, |secret| {
            if let Value::String(text) = secret.value
                && (secret.at_rest == AtRest::Encrypted
                    || secret.at_rest == AtRest::EncryptedPem && text.starts_with(PEM))
            {
                *text = self.encrypt(text);
            }
        });
    }

    /// Decrypts the secrets of a document, and says whether there were any. What no key opens stays as it is: it was stored
    /// without a keyring, or is another's.
    pub fn open(&self, kind: Kind, id: &str, document: &mut Map<String, Value>) -> bool {
        self.open_those(kind, id, document, |at_rest| at_rest != AtRest::Plain)
    }

    /// Decrypts the private keys of a document that somebody sends: they may come as they were stored.
    pub fn open_private_keys(&self, kind: Kind, id: &str, document: &mut Map<String, Value>) {
        self.open_those(kind, id, document, |at_rest| at_rest == AtRest::EncryptedPem);
    }

    /// Decrypts the secrets of a stored document; `None` when it stays as it is.
    pub fn opened(&self, kind: Kind, id: &str, stored: &[u8]) -> Option<Vec<u8>> {
        // Most hold none, and lists are long.
        if self.is_empty() || !Secrets::default().may_be_in(kind, id, stored) {
            return None;
        }
        let mut document: Map<String, Value> = serde_json::from_slice(stored).ok()?;
        let changed = self.open(kind, id, &mut document);
        // A map with text keys always serialises.
        changed.then(|| serde_json::to_vec(&document).unwrap_or_default())
    }

    fn open_those(
        &self,
        kind: Kind,
        id: &str,
        document: &mut Map<String, Value>,
        which: impl Fn(AtRest) -> bool,
    ) -> bool {
        let mut changed = false;
        if self.is_empty() {
            return changed;
        }
        Secrets::default().visit_fields(kind, id, document, |secret| {
            let Value::String(text) = secret.value else { return };
            if !which(secret.at_rest) || secret.at_rest == AtRest::EncryptedPem && text.starts_with(PEM) {
                return;
            }
            if let Some(plain) = self.decrypt(text) {
                *text = plain;
                changed = true;
            }
        });
        changed
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring of {}", self.0.len())
    }
}

// === impl Key ===

impl Key {
    fn new(bytes: &[u8]) -> Option<Self> {
        let algorithm = match bytes.len() {
            16 => &AES_128,
            32 => &AES_256,
            _ => return None,
        };
        let unbound = || UnboundCipherKey::new(algorithm, bytes).ok();
        Some(Self {
            iv: *bytes.first_chunk()?,
            encrypt: PaddedBlockEncryptingKey::cbc_pkcs7(unbound()?).ok()?,
            decrypt: PaddedBlockDecryptingKey::cbc_pkcs7(unbound()?).ok()?,
        })
    }

    fn encrypt(&self, text: &str) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let context = EncryptionContext::Iv128(FixedLength::from(&self.iv));
        self.encrypt.less_safe_encrypt(&mut bytes, context).ok()?;
        Some(STANDARD.encode(bytes))
    }

    fn decrypt(&self, sealed: &[u8]) -> Option<String> {
        let mut bytes = sealed.to_vec();
        let context = DecryptionContext::Iv128(FixedLength::from(&self.iv));
        let plain = self.decrypt.decrypt(&mut bytes, context).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests;
