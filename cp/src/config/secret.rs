//! A secret given in the configuration: in place, or in a file of its own.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::Error;

/// A secret text. Never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// The secret of one of two settings: the value itself, or the file that holds it (its line end is cut off).
pub(super) fn one_of(setting: &str, value: Option<&Secret>, file: Option<&Path>) -> Result<Option<Secret>, Error> {
    let Some(path) = file else { return Ok(value.cloned()) };
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))),
        Err(source) => Err(Error::File { setting: format!("{setting}_file"), path: path.to_owned(), source }),
    }
}

// === impl Secret ===

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}
