//! Seals bytes with AES-256-GCM under a key derived by HKDF-SHA256 from the instance's private key:
//! `magic 8, version u32, salt 32, nonce 12, ciphertext, tag 16`. The head is authenticated with the rest.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::Error;

const MAGIC: &[u8; 8] = b"PTLNSNAP";
const VERSION: u32 = 1;
const SALT: usize = 32;
const HEAD: usize = MAGIC.len() + 4 + SALT + NONCE_LEN;
/// What the derived key is for; another use of the same private key gets another key.
const PURPOSE: &[&[u8]] = &[b"portolan data plane snapshot v1"];

/// The secret that the sealing keys are derived from.
pub struct Key(Vec<u8>);

/// The private key cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("no private key in PEM in {path}")]
pub struct KeyError {
    path: String,
}

// === impl Key ===

impl Key {
    /// From the PEM file of the instance's private key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_file(path) {
            Ok(der) => Ok(Self(der.secret_der().to_vec())),
            Err(_) => Err(KeyError { path: path.display().to_string() }),
        }
    }

    /// A fresh key for each file, so that no nonce is ever used twice under one key.
    fn derive(&self, salt: &[u8]) -> Result<LessSafeKey, Error> {
        let failed = |_| Error::Sealed;
        let secret = Salt::new(HKDF_SHA256, salt).extract(&self.0);
        let mut key = [0_u8; 32];
        secret.expand(PURPOSE, Length).and_then(|okm| okm.fill(&mut key)).map_err(failed)?;
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(failed)?))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

pub(super) fn seal(key: &Key, mut plain: Vec<u8>) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::Sealed;
    let mut random = [0_u8; SALT + NONCE_LEN];
    rand::fill(&mut random).map_err(failed)?;
    let mut out = Vec::with_capacity(HEAD + plain.len() + 16);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&random);
    let (salt, nonce) = random.split_at(SALT);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(failed)?;
    key.derive(salt)?.seal_in_place_append_tag(nonce, Aad::from(out.as_slice()), &mut plain).map_err(failed)?;
    out.append(&mut plain);
    Ok(out)
}

pub(super) fn open(key: &Key, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    if bytes.len() < HEAD {
        return Err(if MAGIC.starts_with(&bytes[..bytes.len().min(8)]) { Error::Sealed } else { Error::Format });
    }
    let mut sealed = bytes.split_off(HEAD);
    let head = bytes;
    let (magic, rest) = head.split_at(MAGIC.len());
    let (version, rest) = rest.split_at(4);
    if magic != MAGIC || version != VERSION.to_le_bytes() {
        return Err(Error::Format);
    }
    let (salt, nonce) = rest.split_at(SALT);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Sealed)?;
    let opened = key.derive(salt)?.open_in_place(nonce, Aad::from(head.as_slice()), &mut sealed);
    let length = opened.map_err(|_| Error::Sealed)?.len();
    sealed.truncate(length);
    Ok(sealed)
}
