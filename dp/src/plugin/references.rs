//! References in place of secrets: `$env://NAME`, or `$env://NAME/field` for a field of a variable that holds JSON, and
//! `$secret://vault/ID/PATH/FIELD` for what a secret manager keeps.

use std::borrow::Cow;

use serde_json::Value;

use super::Error;
use crate::secrets::{Found, SECRET, Secrets};

const ENV: &str = "$env://";

/// The references that were resolved, and what they came to.
#[derive(Default)]
pub struct Resolved(Vec<(String, String)>);

// === impl Resolved ===

impl Resolved {
    /// Puts the references back into what somebody says of the configuration: it must not tell secrets.
    #[must_use]
    pub fn hidden_in(&self, message: String) -> String {
        let told = self.0.iter().filter(|(_, value)| !value.is_empty());
        told.fold(message, |message, (reference, value)| message.replace(value, reference))
    }
}

/// Puts secrets in place of the texts that refer to them, anywhere in a configuration.
///
/// # Errors
/// For what cannot be resolved: a text that everybody can read must not become a password.
pub fn resolve(config: &mut Value, secrets: &Secrets) -> Result<Resolved, Error> {
    let mut resolved = Resolved::default();
    each_text(config, &mut |text| {
        let found = match resolved_text(text, secrets)? {
            Cow::Owned(found) => found,
            Cow::Borrowed(_) => return Ok(()),
        };
        resolved.0.push((std::mem::replace(text, found.clone()), found));
        Ok(())
    })?;
    Ok(resolved)
}

/// The same for the environment only: what a secret manager itself needs.
pub fn resolve_environment(config: &mut Value) -> Result<(), Error> {
    each_text(config, &mut |text| {
        if let Some(found) = of_environment(text)? {
            *text = found;
        }
        Ok(())
    })
}

/// What a text refers to; otherwise itself.
pub fn resolved_text<'t>(text: &'t str, secrets: &Secrets) -> Result<Cow<'t, str>, Error> {
    if !text.starts_with(SECRET) {
        return Ok(of_environment(text)?.map_or(Cow::Borrowed(text), Cow::Owned));
    }
    match secrets.find(text) {
        Found::Text(found) => Ok(Cow::Owned(found)),
        Found::Gone(reason) | Found::Unknown(reason) => Err(Error::Refused(format!("{text}: {reason}"))),
    }
}

fn each_text(config: &mut Value, change: &mut dyn FnMut(&mut String) -> Result<(), Error>) -> Result<(), Error> {
    match config {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_text(item, change)),
        Value::Object(fields) => fields.values_mut().try_for_each(|field| each_text(field, change)),
        _ => Ok(()),
    }
}

fn of_environment(text: &str) -> Result<Option<String>, Error> {
    let is_env = text.get(..ENV.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(ENV));
    if !is_env {
        return Ok(None);
    }
    let (name, field) = text[ENV.len()..].split_once('/').unwrap_or((&text[ENV.len()..], ""));
    #[expect(clippy::disallowed_methods, reason = "the configuration names the variable, as APISIX lets it")]
    let value = std::env::var(name);
    let value = value.map_err(|_| Error::Refused(format!("{text}: the environment variable is not set")))?;
    if field.is_empty() {
        return Ok(Some(value));
    }
    let document = serde_json::from_str::<Value>(&value).ok();
    match document.as_ref().and_then(|document| document.get(field)) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Ok(Some(other.to_string())),
        None => Err(Error::Refused(format!("{text}: the environment variable has no such field"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_of_the_environment_take_the_place_of_their_names() {
        // Whoever runs tests has these.
        let (path, dir) = (std::env::vars().find(|(name, _)| name == "PATH"), env!("CARGO_MANIFEST_DIR"));
        let mut config =
            json!({"a": "$env://PATH", "b": ["$ENV://CARGO_MANIFEST_DIR", "$path", 7], "c": {"d": "$envy"}});
        let resolved = resolve(&mut config, &Secrets::default()).unwrap();
        assert_eq!(config, json!({"a": path.unwrap().1, "b": [dir, "$path", 7], "c": {"d": "$envy"}}));
        assert_eq!(resolved.hidden_in(format!("not {dir}!")), "not $ENV://CARGO_MANIFEST_DIR!");
    }

    #[test]
    fn what_cannot_be_resolved_is_refused() {
        for text in ["$env://PORTOLAN_NO_SUCH_VARIABLE", "$env://PATH/field", "$secret://vault/1/x/y", "$secret://x"] {
            let error = resolve(&mut json!({ "key": text }), &Secrets::default()).err().unwrap().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
