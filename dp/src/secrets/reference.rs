//! References to secrets in documents.

use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::Value;

/// What a reference begins with.
pub(crate) const SECRET: &str = "$secret://";

/// Where fields are kept: at a path of a manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// `vault/ID`.
    pub manager: Box<str>,
    /// The path in it.
    pub key: Box<str>,
}

/// `$secret://vault/ID/PATH/FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where its field is.
    pub path: Path,
    /// The field.
    pub field: Box<str>,
}

// === impl Reference ===

impl Reference {
    /// Reads one; says what is missing otherwise.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix(SECRET).ok_or("it is no reference to a secret")?;
        let (kind, rest) = rest.split_once('/').ok_or("it names no secret manager")?;
        let (id, rest) = rest.split_once('/').ok_or("it names no secret manager's id")?;
        let (key, field) = rest.rsplit_once('/').ok_or("it names no path and field")?;
        if key.is_empty() || field.is_empty() {
            return Err("it names no path and field");
        }
        Ok(Self { path: Path { manager: format!("{kind}/{id}").into(), key: key.into() }, field: field.into() })
    }
}

/// The paths that a document refers to. Most refer to none, and are not read for it.
#[must_use]
pub fn paths_in(document: &[u8]) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    // A slash may be written with a backslash before it; a dollar sign is always itself, or an escape.
    let may_refer = [&b"$secret:"[..], b"\\u0024"].iter().any(|part| memmem::find(document, part).is_some());
    if may_refer && let Ok(value) = serde_json::from_slice(document) {
        collect(&value, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Path>) {
    match value {
        Value::String(text) => found.extend(Reference::parse(text).ok().map(|reference| reference.path)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(key: &str) -> Path {
        Path { manager: "vault/1".into(), key: key.into() }
    }

    #[test]
    fn references_name_manager_path_and_field() {
        let cases = [
            ("$secret://vault/1/jack/key", Ok((path("jack"), "key"))),
            ("$secret://vault/1/a/b/c", Ok((path("a/b"), "c"))),
            ("$secret://vault", Err("it names no secret manager")),
            ("$secret://vault/1", Err("it names no secret manager's id")),
            ("$secret://vault/1/jack", Err("it names no path and field")),
            ("$secret://vault/1/jack/", Err("it names no path and field")),
            ("$secret://vault/1//key", Err("it names no path and field")),
            ("$SECRET://vault/1/jack/key", Err("it is no reference to a secret")),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(path, field)| Reference { path, field: field.into() });
            assert_eq!(Reference::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn documents_are_searched_for_them() {
        let document =
            json!({"plugins": {"a": {"key": "$secret://vault/1/a/k", "list": ["$secret://vault/1/b/k", "$env://X"]}}});
        assert_eq!(paths_in(document.to_string().as_bytes()), BTreeSet::from([path("a"), path("b")]));
        let escaped = br#"{"k":"\u0024secret:\/\/vault\/1\/a\/k"}"#;
        assert_eq!(paths_in(escaped), BTreeSet::from([path("a")]));
        assert_eq!(paths_in(br#"{"k":"$secret://vault"}"#), BTreeSet::new());
    }
}
