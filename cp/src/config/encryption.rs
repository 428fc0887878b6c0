//! Section `encryption`.

use std::fs;
use std::path::PathBuf;

use portolan_model::Keyring;
use serde::Deserialize;

use super::{Error, Secret};

/// How secrets of the configuration are stored. Without keys they are stored as they come.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// Keys of 16 or 32 bytes: the first encrypts, all decrypt. Data planes need the same ones.
    pub keyring: Vec<Secret>,
    /// File with them, one a line.
    pub keyring_file: Option<PathBuf>,
}

// === impl Encryption ===

impl Encryption {
    /// The keys.
    ///
    /// # Errors
    /// When they are given twice, their file can't be read, or one has no cipher's length.
    pub fn keyring(&self) -> Result<Keyring, Error> {
        const SETTING: &str = "encryption.keyring";
        let keyring = match &self.keyring_file {
            None => Keyring::new(self.keyring.iter().map(Secret::expose)),
            Some(_) if !self.keyring.is_empty() => {
                return Err(Error::invalid(SETTING, "given twice", "either keyring or keyring_file"));
            }
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|source| Error::File {
                    setting: format!("{SETTING}_file"),
                    path: path.clone(),
                    source,
                })?;
                Keyring::parse(&text)
            }
        };
        let keyring = keyring
            .map_err(|bad| Error::invalid(SETTING, bad.to_string(), "keys of 16 or 32 bytes, one a line in a file"))?;
        match &self.keyring_file {
            Some(_) if keyring.is_empty() => Err(Error::invalid(SETTING, "the file holds no key", "one key a line")),
            _ => Ok(keyring),
        }
    }
}
