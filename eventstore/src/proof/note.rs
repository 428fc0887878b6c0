//! C2SP signed notes with Ed25519: a text, a blank line, signature lines.
//!
//! ```text
//! example.com/log        <- text, every line ends with a newline
//!
//! — NAME BASE64(key id, 4 bytes || signature, 64 bytes)
//! ```
//! Specification: <https://c2sp.org/signed-note>. A verifier key is written `NAME+KEY_ID_HEX+BASE64(0x01 || public key)`.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::sha256;

/// Signature type of Ed25519 in key ids and verifier keys.
const ED25519_TYPE: u8 = 1;
/// Notes of more bytes are refused unread.
const MAX_NOTE: usize = 64 * 1024;

/// Holds a private key and signs notes with it.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

/// A public key under its name: what an auditor trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// Why a key or a note can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a verifier key.
    #[error("this is no Ed25519 verifier key of the form NAME+ID+KEY")]
    VerifierKey,
    /// Not a private key.
    #[error("this is no Ed25519 private key in PKCS#8")]
    PrivateKey,
    /// A name with spaces or plus signs, or none.
    #[error("{0:?} can't be the name of a key: it must have no spaces and no plus signs")]
    Name(String),
    /// Not a note.
    #[error("this is no signed note")]
    Note,
    /// A signature of a known key does not fit the text.
    #[error("the signature of {0} does not fit the text")]
    Signature(String),
    /// No signature of a known key.
    #[error("the note is signed by no trusted key")]
    Untrusted,
}

// === impl Signer ===

impl Signer {
    /// A new private key, as PKCS#8, and the verifier key that goes with it.
    ///
    /// # Errors
    /// When the name can't be used, or the machine has no randomness.
    pub fn generate(name: &str) -> Result<(Vec<u8>, String), Error> {
        let pair = Ed25519KeyPair::generate().map_err(|_| Error::PrivateKey)?;
        let document = pair.to_pkcs8().map_err(|_| Error::PrivateKey)?.as_ref().to_vec();
        let vkey = Self::new(pair, name)?.verifier.to_string();
        Ok((document, vkey))
    }

    /// The signer of a private key.
    ///
    /// # Errors
    /// When the bytes are no Ed25519 key, or the name can't be used.
    pub fn from_pkcs8(pkcs8: &[u8], name: &str) -> Result<Self, Error> {
        Self::new(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| Error::PrivateKey)?, name)
    }

    /// The name that it signs under; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.verifier.name
    }

    /// The public side.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs a text, which must end with a newline and have no empty last line.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let line = STANDARD.encode([&self.verifier.id, signature.as_ref()].concat());
        format!("{text}\n\u{2014} {} {line}\n", self.verifier.name)
    }

    /// Adds its signature to a note.
    ///
    /// # Errors
    /// When it is no note.
    pub fn cosign(&self, note: &str) -> Result<String, Error> {
        let split = note.rfind("\n\n").ok_or(Error::Note)?;
        let own = self.sign(&note[..=split]);
        Ok(format!("{note}{}", &own[split + 2..]))
    }

    fn new(pair: Ed25519KeyPair, name: &str) -> Result<Self, Error> {
        let key = pair.public_key().as_ref().try_into().map_err(|_| Error::PrivateKey)?;
        let verifier = Verifier::new(name, key)?;
        Ok(Self { pair, verifier })
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

// === impl Verifier ===

impl Verifier {
    fn new(name: &str, key: [u8; 32]) -> Result<Self, Error> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(Error::Name(name.to_owned()));
        }
        let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], &key]);
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    /// Reads a verifier key.
    ///
    /// # Errors
    /// When it is malformed or its id does not fit.
    pub fn parse(vkey: &str) -> Result<Self, Error> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::VerifierKey);
        };
        let key = STANDARD.decode(key).map_err(|_| Error::VerifierKey)?;
        let Some((&ED25519_TYPE, key)) = key.split_first() else { return Err(Error::VerifierKey) };
        let verifier = Self::new(name, key.try_into().map_err(|_| Error::VerifierKey)?)?;
        if hex::encode(verifier.id) == id { Ok(verifier) } else { Err(Error::VerifierKey) }
    }

    /// Reads a file of verifier keys: one a line, empty lines and those that begin with `#` aside.
    ///
    /// # Errors
    /// When a line is no verifier key, or there is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<Self> = lines.map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(Error::VerifierKey) } else { Ok(keys) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.key].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}

/// The text of a note that at least one of the keys has signed. Signatures of other keys are passed over, a wrong one of a known
/// key spoils the note.
///
/// # Errors
/// When it is no note, or no trusted key signed exactly this text.
pub fn open<'a>(note: &'a str, trusted: &[Verifier]) -> Result<&'a str, Error> {
    if note.len() > MAX_NOTE || note.contains(|c: char| c < ' ' && c != '\n') {
        return Err(Error::Note);
    }
    let split = note.rfind("\n\n").ok_or(Error::Note)?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    let lines = signatures.strip_suffix('\n').ok_or(Error::Note)?;
    let mut found = false;
    for line in lines.split('\n') {
        let (name, signature) =
            line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(Error::Note)?;
        let signature = STANDARD.decode(signature).map_err(|_| Error::Note)?;
        let (id, signature) = signature.split_at_checked(4).filter(|(_, rest)| !rest.is_empty()).ok_or(Error::Note)?;
        let Some(key) = trusted.iter().find(|key| key.name == name && key.id == id) else { continue };
        let verified = UnparsedPublicKey::new(&ED25519, key.key).verify(text.as_bytes(), signature);
        verified.map_err(|_| Error::Signature(name.to_owned()))?;
        found = true;
    }
    if found { Ok(text) } else { Err(Error::Untrusted) }
}

#[cfg(test)]
mod tests;
