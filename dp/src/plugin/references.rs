//! References in place of secrets: `$env://NAME`, or `$env://NAME/field` for a field of a variable that holds JSON.

use serde_json::Value;

use super::Error;

const ENV: &str = "$env://";
const SECRET: &str = "$secret://";

/// Puts the values of environment variables in place of the texts that name them, anywhere in a configuration.
///
/// # Errors
/// For a variable that is not set, and for references to secret managers, which nobody asks here: a text that everybody
/// can read must not become a password.
pub fn resolve(config: &mut Value) -> Result<(), Error> {
    match config {
        Value::String(text) => {
            if let Some(found) = referred(text)? {
                *text = found;
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(resolve),
        Value::Object(fields) => fields.values_mut().try_for_each(resolve),
        _ => Ok(()),
    }
}

fn referred(text: &str) -> Result<Option<String>, Error> {
    if text.starts_with(SECRET) {
        return Err(Error::Refused(format!("{text}: secret managers are not asked; use $env://")));
    }
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
        resolve(&mut config).unwrap();
        assert_eq!(config, json!({"a": path.unwrap().1, "b": [dir, "$path", 7], "c": {"d": "$envy"}}));
    }

    #[test]
    fn what_cannot_be_resolved_is_refused() {
        for text in ["$env://PORTOLAN_NO_SUCH_VARIABLE", "$env://PATH/field", "$secret://vault/1/x/y"] {
            let error = resolve(&mut json!({ "key": text })).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
