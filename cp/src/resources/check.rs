//! Whether a document is a resource: `model` decides, and here its answer is split at the references, which can only be
//! looked up inside the append.

use portolan_model::check::Checker;
use portolan_model::layout::ResourceKey;
use portolan_model::plugins::Catalog;
use portolan_model::{Keyring, Kind, Reference};
use serde_json::{Map, Value};

use super::contents::Reader;
use crate::mask::Mask;

/// A document that is right as far as that can be said without the state.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it refers to.
    pub references: Vec<Reference>,
    /// What else is wrong with it, of what APISIX finds only after the references.
    pub complaint: Option<String>,
}

/// Checks a document; `id` is what the path says, if anything.
///
/// # Errors
/// What is wrong, of what APISIX finds before the references.
pub fn document(kind: Kind, id: Option<&str>, document: &Map<String, Value>) -> Result<Checked, String> {
    let mut references = Vec::new();
    let collect = |reference: &Reference| {
        references.push(reference.clone());
        Ok(())
    };
    let result = checker().check_with(kind, id, Value::Object(document.clone()), collect);
    match result {
        Err(invalid) if references.is_empty() => Err(invalid.0),
        result => Ok(Checked { references, complaint: result.err().map(|invalid| invalid.0) }),
    }
}

/// Checks a value that an etcd client wants to store, its references taken to lead somewhere.
///
/// # Errors
/// What is wrong with it.
pub fn stored(keyring: &Keyring, key: &ResourceKey, value: &[u8]) -> Result<(), String> {
    let opened = keyring.opened(key.kind, &key.id, value);
    let value: Value =
        serde_json::from_slice(opened.as_deref().unwrap_or(value)).map_err(|error| format!("invalid JSON: {error}"))?;
    let checker = Checker::new(Catalog::built_in()).with_contents(&Reader::Etcd);
    checker.check(key.kind, Some(&key.id), &value).map_err(|invalid| invalid.0)
}

/// Checks a document that stands in no state: its references are taken to lead somewhere.
///
/// # Errors
/// What is wrong with it.
pub fn alone(kind: Kind, id: Option<&str>, document: &Value) -> Result<(), String> {
    checker().check(kind, id, document).map_err(|invalid| invalid.0)
}

/// What is said of a body that is no object.
pub fn not_an_object(kind: Kind, value: &Value) -> String {
    match checker().check(kind, None, value) {
        Err(invalid) => invalid.0,
        Ok(()) => "invalid configuration".into(),
    }
}

/// Hides the secrets that `model` names.
pub fn mask() -> Mask {
    Mask::default()
}

fn checker() -> Checker<'static> {
    Checker::new(Catalog::built_in()).with_contents(&Reader::AdminApi)
}
