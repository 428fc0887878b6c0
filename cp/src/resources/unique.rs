//! What only one resource of a group may have: the credentials of a consumer, the plugin of a global rule. And of a
//! service: the field that a cost decoration is for.

use portolan_eventstore::{KeyRange, View};
use portolan_model::check::plugin_taken;
use portolan_model::id::text_of;
use portolan_model::schema::is_secret_reference;
use portolan_model::{Keyring, Kind, layout};
use serde_json::{Map, Value};

use super::mentions::Mentions;
use super::{Scope, document};

/// The field by which each authentication plugin finds its consumer.
const FIELDS: [(&str, &str); 6] = [
    ("key-auth", "key"),
    ("basic-auth", "username"),
    ("jwt-auth", "key"),
    ("hmac-auth", "key_id"),
    ("ldap-auth", "user_dn"),
    ("ldap-auth-advanced", "user_dn"),
];

/// Says who else has a credential of this consumer, in APISIX's words.
pub(super) fn taken(view: &dyn View, scope: &Scope, id: &str, document: &Map<String, Value>) -> Option<String> {
    match scope.kind {
        Kind::Consumer => credential(view, scope, id, document),
        Kind::Credential => credential(view, scope, scope.kind.split_id(id).0.unwrap_or(id), document),
        Kind::GlobalRule => plugin(view, scope, id, document),
        Kind::CostDecoration => field_path(view, scope, id, document),
        _ => None,
    }
}

/// Each plugin may be in one global rule only.
fn plugin(view: &dyn View, scope: &Scope, id: &str, document: &Map<String, Value>) -> Option<String> {
    let plugins = document.get("plugins")?.as_object()?;
    let directory = layout::directory_prefix(&scope.group, Kind::GlobalRule);
    view.range(&KeyRange::prefix(directory.clone())).iter().find_map(|kv| {
        let other = std::str::from_utf8(&kv.key).ok()?.strip_prefix(&directory)?;
        let value: Value = serde_json::from_slice(&kv.value).ok().filter(|_| other != id)?;
        plugin_taken(plugins, other, value.get("plugins")?.as_object()?).map(|taken| taken.0)
    })
}

/// Each field of a service's schema has one decoration.
fn field_path(view: &dyn View, scope: &Scope, id: &str, document: &Map<String, Value>) -> Option<String> {
    let path = document.get("field_path")?.as_str()?;
    let among = layout::parent_prefix(&scope.group, scope.kind, scope.kind.split_id(id).0?);
    let own = layout::resource_key(&scope.group, scope.kind, id);
    view.range(&KeyRange::prefix(among)).iter().filter(|kv| kv.key != own.as_bytes()).find_map(|kv| {
        let other: Value = serde_json::from_slice(&kv.value).ok()?;
        let same = other.get("field_path")?.as_str()? == path;
        let by = text_of(other.get("id")?)?;
        same.then(|| format!("field_path {path} is already decorated on this service by [{by}]"))
    })
}

fn credential(view: &dyn View, scope: &Scope, username: &str, document: &Map<String, Value>) -> Option<String> {
    let wanted: Vec<(&str, &str, &str)> = credentials(document.get("plugins")?);
    if wanted.is_empty() {
        return None;
    }
    // As it is stored, or as it came where it is not encrypted.
    let spelt: Vec<Vec<u8>> = wanted.iter().flat_map(|(_, _, text)| spellings(&scope.keyring, text)).collect();
    let mentions = Mentions::of(spelt.iter().map(Vec::as_slice));
    let directory = layout::directory_prefix(&scope.group, Kind::Consumer);
    for kv in view.range(&KeyRange::prefix(directory.clone())) {
        let Some(place) = std::str::from_utf8(&kv.key).ok().and_then(|key| key.strip_prefix(&directory)) else {
            continue;
        };
        let (owner, below) = place.split_once('/').map_or((place, None), |(owner, below)| (owner, Some(below)));
        if owner == username || !mentions.may_be_in(&kv.value) {
            continue;
        }
        let kind = if below.is_some() { Kind::Credential } else { Kind::Consumer };
        let Ok(other) = document::opened(&scope.keyring, kind, place, &kv.value) else { continue };
        let others = other.get("plugins").map(credentials).unwrap_or_default();
        if let Some((plugin, field, _)) = wanted.iter().find(|credential| others.contains(credential)) {
            let owner = match below.and_then(|below| below.strip_prefix("credentials/")) {
                Some(credential) => format!("credential: {credential} of consumer: {owner}"),
                None => format!("consumer: {owner}"),
            };
            return Some(format!("duplicate {field} of plugin {plugin} found with {owner}"));
        }
    }
    None
}

/// Plugin, field and value of each credential; what stands in a secret manager can't be compared.
pub(crate) fn credentials(plugins: &Value) -> Vec<(&str, &'static str, &str)> {
    let mut found = Vec::new();
    for (name, config) in plugins.as_object().into_iter().flatten() {
        let Some((_, field)) = FIELDS.iter().find(|(plugin, _)| plugin == name) else { continue };
        let Some(text) = config.get(field).and_then(Value::as_str) else { continue };
        if !is_secret_reference(text) {
            found.push((name.as_str(), *field, text));
        }
    }
    found
}

fn spellings(keyring: &Keyring, text: &str) -> Vec<Vec<u8>> {
    let stored = keyring.all(text).into_iter().map(String::into_bytes);
    stored.chain([text.as_bytes().to_vec()]).collect()
}
