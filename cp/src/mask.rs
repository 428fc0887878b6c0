//! Hides secrets in everything that `/api` answers: fields that plugins declare as such, private keys, credentials.

use portolan_model::Kind;
use portolan_model::layout::{self, APISIX_PREFIX, GROUPS_PREFIX};
use portolan_model::schema::is_secret_reference;
use portolan_model::sensitive::Secrets;
use serde_json::{Map, Value};

/// Stands in place of a secret.
const MASKED: &str = "******";

/// Knows where secrets stand; `model` says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mask {
    secrets: Secrets<'static>,
}

// === impl Mask ===

impl Mask {
    /// With these secrets.
    pub const fn new(secrets: Secrets<'static>) -> Self {
        Self { secrets }
    }

    /// The value of a key, for showing: JSON without its secrets. What is no JSON is shown as a text.
    pub fn value(&self, key: &[u8], value: &[u8]) -> Value {
        let Ok(mut value) = serde_json::from_slice::<Value>(value) else {
            return Value::from(String::from_utf8_lossy(value));
        };
        if let Some((kind, id)) = place(&String::from_utf8_lossy(key)) {
            self.secrets.visit(kind, &id, &mut value, |found| *found.value = Value::from(MASKED));
        }
        value
    }

    /// Whether a face that hides nothing would show a secret of this value: one that is there, is no name of one that a secret
    /// manager keeps, and is not withheld from everybody.
    pub fn has_secrets(&self, key: &[u8], value: &[u8]) -> bool {
        let Some((kind, id)) = place(&String::from_utf8_lossy(key)) else { return false };
        if !self.secrets.may_be_in(kind, &id, value) {
            return false;
        }
        serde_json::from_slice(value).is_ok_and(|mut document| self.shows_secrets(kind, &id, &mut document))
    }

    /// The same of a document, which stays as it is.
    pub fn shows_secrets(&self, kind: Kind, id: &str, document: &mut Map<String, Value>) -> bool {
        let mut found = false;
        self.secrets.visit_fields(kind, id, document, |secret| {
            found |= !secret.withheld && !secret.value.as_str().is_some_and(is_secret_reference);
        });
        found
    }
}

/// Kind and id that a key names; `None` for Portolan's own objects, which hold no secrets. An etcd client may have put a
/// resource under an id that can be none: its secrets are secrets all the same.
fn place(key: &str) -> Option<(Kind, String)> {
    if let Some(resource) = layout::parse_resource_key(key) {
        return Some((resource.kind, resource.id));
    }
    let (directory, id) = relative(key)?.split_once('/')?;
    Kind::from_directory(directory).map(|kind| (kind, id.to_owned()))
}

/// The key without the prefix of its group; `None` for Portolan's own objects, which hold no secrets.
fn relative(key: &str) -> Option<&str> {
    key.strip_prefix(APISIX_PREFIX).or_else(|| key.strip_prefix(GROUPS_PREFIX)?.split_once('/').map(|(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use portolan_model::plugins::Catalog;
    use serde_json::json;

    use super::*;

    const PLUGINS: &str = r#"{
        "key-auth": {"version": 1, "priority": 2, "schema": {}, "encrypt_fields": ["key"]},
        "x": {"version": 1, "priority": 1, "schema": {}, "encrypt_fields": ["redis.password", "list.secret", "headers"]}}"#;

    fn mask() -> Mask {
        let catalog: &'static Catalog = Box::leak(Box::new(Catalog::parse(PLUGINS).unwrap()));
        Mask::new(Secrets::new(catalog, catalog))
    }

    fn shown(key: &str, value: &Value) -> Value {
        mask().value(key.as_bytes(), value.to_string().as_bytes())
    }

    #[test]
    fn declared_fields_are_hidden_wherever_plugins_stand() {
        let document = json!({"username": "jack", "plugins": {"key-auth": {"key": "s3cret", "header": "apikey"}}});
        for key in ["/apisix/consumers/jack", "/portolan/groups/prod/consumers/jack", "/apisix/global_rules/1"] {
            let masked = shown(key, &document);
            assert_eq!(masked["plugins"]["key-auth"], json!({"key": "******", "header": "apikey"}), "{key}");
        }
    }

    #[test]
    fn paths_lists_and_objects() {
        let config = json!({"redis": {"password": "p", "host": "h"}, "list": [{"secret": 1}, {"open": 2}],
            "headers": {"a": "b", "c": ["d", null]}});
        let masked = shown("/apisix/routes/1", &json!({"plugins": {"x": config}}));
        assert_eq!(
            masked["plugins"]["x"],
            json!({"redis": {"password": "******", "host": "h"}, "list": [{"secret": "******"}, {"open": 2}],
                "headers": {"a": "******", "c": ["******", null]}})
        );
        assert_eq!(shown("/apisix/plugin_metadata/x", &config)["redis"]["password"], "******");
    }

    #[test]
    fn private_keys_and_credentials() {
        let ssl = shown("/apisix/ssls/1", &json!({"cert": "c", "key": "k", "keys": ["k2"]}));
        assert_eq!(ssl, json!({"cert": "c", "key": "******", "keys": ["******"]}));
        assert_eq!(shown("/apisix/ssls/a b", &json!({"key": "k"}))["key"], "******");
        let credential =
            shown("/apisix/consumers/jack/credentials/c1", &json!({"plugins": {"key-auth": {"key": "k"}}}));
        assert_eq!(credential["plugins"]["key-auth"]["key"], "******");
        assert_eq!(shown("/apisix/secrets/vault/1", &json!({"token": "t", "uri": "u"}))["token"], "******");
        assert_eq!(shown("/apisix/upstreams/1", &json!({"tls": {"client_key": "k"}}))["tls"]["client_key"], "******");
    }

    #[test]
    fn odd_documents_stay_what_they_are() {
        for value in [json!(1), json!(null), json!([1]), json!({"plugins": "x"}), json!({"plugins": {"x": 5}})] {
            assert_eq!(shown("/apisix/routes/1", &value), value);
        }
        assert_eq!(mask().value(b"/apisix/routes/", b"init_dir"), json!("init_dir"));
    }
}
