//! Hides secrets in everything that `/api` answers: fields that plugins declare as such, private keys, credentials.

use std::collections::HashMap;

use portolan_model::layout::{APISIX_PREFIX, GROUPS_PREFIX};
use serde_json::Value;

/// Stands in place of a secret.
const MASKED: &str = "******";
/// Fields below `secrets/`, where the credentials of secret managers stand.
const MANAGER_FIELDS: [&str; 5] = ["token", "secret_access_key", "session_token", "auth_config", "access_key_id"];

/// Knows where secrets stand.
#[derive(Debug, Default)]
pub struct Mask {
    /// Dotted paths by plugin name.
    plugins: HashMap<String, Vec<String>>,
}

// === impl Mask ===

impl Mask {
    /// From the plugins' names and their `encrypt_fields`.
    pub fn new<N, F>(plugins: impl IntoIterator<Item = (N, F)>) -> Self
    where
        N: Into<String>,
        F: IntoIterator<Item: Into<String>>,
    {
        let fields = |(name, fields): (N, F)| (name.into(), fields.into_iter().map(Into::into).collect());
        Self { plugins: plugins.into_iter().map(fields).collect() }
    }

    /// The value of a key, for showing: JSON without its secrets. What is no JSON is shown as a text.
    pub fn value(&self, key: &[u8], value: &[u8]) -> Value {
        let Ok(mut value) = serde_json::from_slice::<Value>(value) else {
            return Value::from(String::from_utf8_lossy(value));
        };
        let key = String::from_utf8_lossy(key);
        if let Some(place) = relative(&key) {
            self.hide(place, &mut value);
        }
        value
    }

    fn hide(&self, place: &str, value: &mut Value) {
        let (directory, rest) = place.split_once('/').unwrap_or((place, ""));
        match directory {
            "ssls" => {
                hide_at(value, "key");
                hide_at(value, "keys");
            }
            "secrets" => MANAGER_FIELDS.iter().for_each(|field| hide_at(value, field)),
            "plugin_metadata" => self.hide_in_plugin(rest, value),
            _ => {
                if let Some(Value::Object(plugins)) = value.get_mut("plugins") {
                    for (name, config) in plugins {
                        self.hide_in_plugin(name, config);
                    }
                }
                hide_at(value, "tls.client_key");
                hide_at(value, "upstream.tls.client_key");
            }
        }
    }

    fn hide_in_plugin(&self, name: &str, config: &mut Value) {
        for field in self.plugins.get(name).into_iter().flatten() {
            hide_at(config, field);
        }
    }
}

/// The key without the prefix of its group; `None` for Portolan's own objects, which hold no secrets.
fn relative(key: &str) -> Option<&str> {
    key.strip_prefix(APISIX_PREFIX).or_else(|| key.strip_prefix(GROUPS_PREFIX)?.split_once('/').map(|(_, rest)| rest))
}

/// Hides what stands at a dotted path; lists on the way are walked through.
fn hide_at(value: &mut Value, path: &str) {
    if let Value::Array(items) = value {
        return items.iter_mut().for_each(|item| hide_at(item, path));
    }
    let Value::Object(object) = value else { return };
    // A field's own name may hold dots.
    if let Some(found) = object.get_mut(path) {
        return hide_all(found);
    }
    if let Some((first, rest)) = path.split_once('.')
        && let Some(next) = object.get_mut(first)
    {
        hide_at(next, rest);
    }
}

fn hide_all(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter_mut().for_each(hide_all),
        Value::Object(fields) => fields.values_mut().for_each(hide_all),
        secret => *secret = Value::from(MASKED),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mask() -> Mask {
        Mask::new([("key-auth", vec!["key"]), ("x", vec!["redis.password", "list.secret", "headers"])])
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
