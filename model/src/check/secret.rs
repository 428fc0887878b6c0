//! Secrets: the id says which manager keeps them, and that which schema they have.

use serde_json::Value;

use super::{Invalid, Result, not_an_object, schemas};
use crate::id::{is_id, text_of};
use crate::resource::Manager;
use crate::{Kind, lenient};

/// Checks a document whose id is `manager/id`.
pub(super) fn check(document: &mut Value) -> Result {
    if !document.is_object() {
        return Err(not_an_object(document));
    }
    let id = document.get("id").map_or_else(|| "nil".to_owned(), printed);
    let (Some(manager), own) = Kind::Secret.split_id(&id) else { return Err(wrong_id(&id)) };
    let Some(known) = Manager::named(manager) else {
        return Err(Invalid(format!("invalid secret manager: {manager}")));
    };
    schemas::compiled_secret(known).fill(document).map_err(Invalid::configuration)?;
    // APISIX takes any id here; one with a slash or a blank could never be referred to.
    if is_id(own) { Ok(()) } else { Err(wrong_id(&id)) }
}

fn wrong_id(id: &str) -> Invalid {
    Invalid(format!("invalid secret id: {id}"))
}

fn printed(id: &Value) -> String {
    text_of(id).unwrap_or_else(|| lenient::lua_type(id).to_owned())
}
