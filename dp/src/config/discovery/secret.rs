//! What must not be seen in logs and on ports.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Stands for what is hidden.
const HIDDEN: &str = "******";

/// A token or a password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// The address of a server: `http://user:password@host:port/path`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

// === impl Secret ===

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
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
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { HIDDEN })
    }
}

// === impl Address ===

impl Address {
    /// The address without the user, and the user and password, as written.
    pub(crate) fn split(&self) -> (String, Option<&str>) {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let lead = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        // A password may hold an @ and, unless it is escaped, what ends a host.
        let end = host.rfind('@').or_else(|| rest.rfind('@'));
        match end {
            Some(at) => (format!("{lead}{}", &rest[at + 1..]), Some(&rest[..at])),
            None => (self.0.clone(), None),
        }
    }

    /// Whether it is an address of a server, with `http` or `https`.
    pub(crate) fn is_valid(&self) -> bool {
        let (bare, _) = self.split();
        let uri = bare.parse::<http::Uri>();
        uri.is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        })
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.split() {
            (bare, None) => f.write_str(&bare),
            (bare, Some(_)) => {
                let host = bare.find("://").map_or(0, |at| at + 3);
                write!(f, "{}{HIDDEN}@{}", &bare[..host], &bare[host..])
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (written, bare, user, shown) in [
            ("http://h:1", "http://h:1", None, "http://h:1"),
            ("http://u:p@h:1/x", "http://h:1/x", Some("u:p"), "http://******@h:1/x"),
            ("https://u:p@ss@h", "https://h", Some("u:p@ss"), "https://******@h"),
            ("http://u:p/w@h:8848", "http://h:8848", Some("u:p/w"), "http://******@h:8848"),
        ] {
            let address = Address::from(written);
            assert_eq!(address.split(), (bare.to_owned(), user), "{written}");
            assert_eq!(address.to_string(), shown);
            assert_eq!(serde_json::to_value(&address).unwrap(), shown);
            assert!(address.is_valid(), "{written}");
        }
        assert_eq!(Address::from("u:p@h").to_string(), "******@h");
        for wrong in ["h:1", "u:p@h", "ftp://h", "http://", "http://u:p@"] {
            assert!(!Address::from(wrong).is_valid(), "{wrong}");
        }
        assert_eq!(
            format!("{:?} {:?}", Secret::from("s3"), Address::from("http://u:p@h")),
            r#"****** "http://******@h""#
        );
    }
}
