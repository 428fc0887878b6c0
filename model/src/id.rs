//! What can name a resource.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The longest id of a route, service or upstream, in bytes.
pub const ID_MAX: usize = 64;
/// The longest username, in bytes.
pub const USERNAME_MAX: usize = 256;

/// The id of a resource as text: 1–64 of letters, digits, `-`, `_` and `.`.
///
/// Documents may write it as an integer ≥ 1 as well; the two forms name the same resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Id(String);

/// The name of a consumer: 1–256 of letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

/// Text that cannot name what it should name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not an id.
    #[error("an id is 1 to 64 letters, digits, '-', '_' or '.', or an integer from 1 on")]
    Id,
    /// Not a username.
    #[error("a username is 1 to 256 letters, digits, '-' or '_'")]
    Username,
}

/// Whether the text can be an id.
pub fn is_id(text: &str) -> bool {
    is_name(text, ID_MAX, b"-_.")
}

/// Whether the text can be a username.
pub fn is_username(text: &str) -> bool {
    is_name(text, USERNAME_MAX, b"-_")
}

/// The text of an id as a document writes it: a string or an integer. It says nothing about its validity.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            // All digits: ids are integers up to 2^53, where doubles stop telling neighbours apart.
            Some(integer) if crate::lenient::is_integer(number) => format!("{integer:.0}"),
            _ => number.to_string(),
        }),
        _ => None,
    }
}

pub(crate) fn is_name(text: &str, max: usize, also: &[u8]) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
}

// === impl Id ===

impl Id {
    /// Takes the text, if it can be an id.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        if is_id(&text) { Ok(Self(text)) } else { Err(Error::Id) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = match &value {
            Value::Number(number) if !crate::lenient::is_integer(number) => None,
            other => text_of(other),
        };
        text.and_then(|text| Self::new(text).ok()).ok_or_else(|| serde::de::Error::custom(Error::Id))
    }
}

// === impl Username ===

impl Username {
    /// Takes the text, if it can be a username.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        if is_username(&text) { Ok(Self(text)) } else { Err(Error::Username) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Username {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids() {
        let longest = "x".repeat(64);
        for good in ["1", "a-b_c.D", "..", longest.as_str()] {
            assert!(is_id(good), "{good}");
        }
        let too_long = "x".repeat(65);
        for bad in ["", "a b", "a/b", "é", "a\n", too_long.as_str()] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn usernames() {
        assert!(is_username("jack-1_X") && is_username(&"x".repeat(256)));
        for bad in ["", "a.b", "a b", &"x".repeat(257)] {
            assert!(!is_username(bad), "{bad}");
        }
    }

    #[test]
    fn a_document_writes_an_id_as_text_or_integer() {
        for (document, id) in [
            (json!("a"), Some("a")),
            (json!(7), Some("7")),
            (json!(7.0), Some("7")),
            (json!(1e15), Some("1000000000000000")),
            (json!(1_700_000_000_000_000_000_u64), Some("1700000000000000000")),
        ] {
            assert_eq!(serde_json::from_value::<Id>(document).ok().as_ref().map(Id::as_str), id);
        }
        for document in [json!(1.5), json!(-1.5), json!(1e300), json!(null), json!(["a"]), json!("a b"), json!(true)] {
            assert!(serde_json::from_value::<Id>(document.clone()).is_err(), "{document}");
        }
    }
}
