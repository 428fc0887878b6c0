//! What a check asks of those who can read certificates and protocol definitions; this crate can't.

use std::fmt;

use super::{Invalid, Result};
use crate::schema::is_secret_reference;

/// Reads what stands inside texts.
pub trait Contents: fmt::Debug + Sync {
    /// Whether the text is a certificate in PEM, and whether the other is a private key in PEM or one that we have encrypted.
    fn pair(&self, certificate: &str, key: Option<&str>) -> std::result::Result<(), BadPair>;

    /// Whether the text is a `.proto` file or a file descriptor set in base64; if not, why.
    fn proto(&self, definition: &str) -> std::result::Result<(), String>;
}

/// What is wrong with a certificate or its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPair {
    /// It is no certificate.
    #[error("failed to parse cert: {0}")]
    Certificate(String),
    /// It is no key.
    #[error("failed to parse key: {0}")]
    Key(String),
    /// It is no key in PEM, and not one that can be decrypted.
    #[error("failed to decrypt previous encrypted key")]
    Sealed,
}

/// Asks about a pair, unless one of the two is not known yet.
pub(super) fn pair(contents: Option<&dyn Contents>, certificate: &str, key: Option<&str>) -> Result {
    match contents {
        Some(contents) if !is_secret_reference(certificate) && !key.is_some_and(is_secret_reference) => {
            contents.pair(certificate, key).map_err(|error| Invalid(error.to_string()))
        }
        _ => Ok(()),
    }
}
