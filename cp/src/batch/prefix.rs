//! The path prefix of a service, which the enterprise face and ADC's format say once for all its routes.
//!
//! Data planes know no such thing. The service keeps it as a label; its routes are stored with whole paths, and, when the prefix
//! is to be taken off again, with a `proxy-rewrite` that does so.

use serde_json::{Value, json};

use crate::resources::Document;

const PREFIX_LABEL: &str = "__PORTOLAN_PATH_PREFIX";
/// On services whose upstreams get the prefix, too.
const KEEP_LABEL: &str = "__PORTOLAN_KEEP_PATH_PREFIX";
/// Longest prefix, in characters: that of a label.
const LONGEST: usize = 256;
const REWRITE: &str = "proxy-rewrite";

/// What stands before the paths of a service's routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// As it was given.
    given: Option<String>,
    /// Whether the upstream gets it, too.
    keep: bool,
}

// === impl Prefix ===

impl Prefix {
    /// Takes `path_prefix` and `strip_path_prefix` out of a service.
    ///
    /// # Errors
    /// When they can't be any.
    pub fn take(service: &mut Document) -> Result<Self, String> {
        let given = match service.shift_remove("path_prefix") {
            None | Some(Value::Null) => None,
            Some(Value::String(prefix)) => Some(prefix).filter(|prefix| !prefix.is_empty()),
            Some(_) => return Err("Error at \"/path_prefix\": value must be a string".into()),
        };
        let fits = |c: char| c.is_ascii_graphic() && !"*:?#%\\".contains(c);
        if let Some(prefix) = &given
            && !(prefix.starts_with('/') && prefix.len() <= LONGEST && prefix.chars().all(fits))
        {
            return Err(format!(
                "Error at \"/path_prefix\": must be a path of at most {LONGEST} characters, without escapes, wildcards and parameters"
            ));
        }
        let keep = match service.shift_remove("strip_path_prefix") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(strip)) => !strip,
            Some(_) => return Err("Error at \"/strip_path_prefix\": value must be a boolean".into()),
        };
        Ok(Self { given, keep })
    }

    /// The prefix of a stored service.
    pub fn of(service: &Document) -> Self {
        let label = |name: &str| service.get("labels")?.get(name)?.as_str();
        Self { given: label(PREFIX_LABEL).map(str::to_owned), keep: label(KEEP_LABEL).is_some() }
    }

    /// Writes it into a service that will be stored.
    pub fn store(&self, service: &mut Document) {
        let labels = [(PREFIX_LABEL, self.given.clone()), (KEEP_LABEL, self.keep.then(|| "true".to_owned()))];
        for (name, value) in labels {
            let Some(value) = value else { continue };
            if let Value::Object(labels) = service.entry("labels").or_insert_with(|| json!({})) {
                labels.insert(name.to_owned(), json!(value));
            }
        }
    }

    /// Takes the labels off a stored service.
    pub fn unlabel(service: &mut Document) -> Self {
        let prefix = Self::of(service);
        for name in [PREFIX_LABEL, KEEP_LABEL] {
            super::adc::unlabel(service, name);
        }
        prefix
    }

    /// Says it in a service that is shown, as far as it is not the default.
    pub fn show(&self, service: &mut Document) {
        if let Some(prefix) = &self.given {
            service.insert("path_prefix".into(), json!(prefix));
        }
        if self.keep {
            service.insert("strip_path_prefix".into(), json!(false));
        }
    }

    /// Puts it before the paths of a route.
    ///
    /// # Errors
    /// When the route rewrites paths itself.
    pub fn add(&self, route: &mut Document) -> Result<(), String> {
        let Some(prefix) = self.path() else { return Ok(()) };
        each_path(route, |path| match path.starts_with('/') {
            true => format!("{prefix}{path}"),
            false => format!("{prefix}/{path}"),
        });
        if self.keep {
            return Ok(());
        }
        let plugins = route.entry("plugins").or_insert_with(|| json!({}));
        let rewrite = plugins.as_object_mut().map(|plugins| plugins.entry(REWRITE).or_insert_with(|| json!({})));
        // What is no object is refused for that later.
        let Some(Value::Object(rewrite)) = rewrite else { return Ok(()) };
        if rewrite.contains_key("regex_uri") {
            return Err(format!(
                "Error at \"/plugins/{REWRITE}/regex_uri\": the prefix {prefix} is taken off already; set strip_path_prefix of the service to false"
            ));
        }
        // A path that is replaced whole has no prefix left.
        if !rewrite.contains_key("uri") {
            rewrite.insert("regex_uri".into(), taking_off(prefix));
        }
        Ok(())
    }

    /// Takes it off the paths of a stored route.
    pub fn remove(&self, route: &mut Document) {
        let Some(prefix) = self.path() else { return };
        each_path(route, |path| path.strip_prefix(prefix).unwrap_or(path).to_owned());
        let Some(Value::Object(plugins)) = route.get_mut("plugins") else { return };
        let Some(Value::Object(rewrite)) = plugins.get_mut(REWRITE) else { return };
        if rewrite.get("regex_uri") != Some(&taking_off(prefix)) {
            return;
        }
        rewrite.shift_remove("regex_uri");
        if rewrite.is_empty() {
            plugins.shift_remove(REWRITE);
        }
        if plugins.is_empty() {
            route.shift_remove("plugins");
        }
    }

    /// What stands before the paths: `None` = nothing.
    fn path(&self) -> Option<&str> {
        Some(self.given.as_deref()?.trim_end_matches('/')).filter(|path| !path.is_empty())
    }
}

fn each_path(route: &mut Document, change: impl Fn(&str) -> String) {
    let listed = |value: &mut Value| match value {
        Value::String(path) => *path = change(path),
        Value::Array(paths) => {
            for path in paths {
                if let Value::String(path) = path {
                    *path = change(path);
                }
            }
        }
        _ => {}
    };
    let (mut uri, mut uris) = (route.get("uri").cloned(), route.get("uris").cloned());
    [&mut uri, &mut uris].into_iter().flatten().for_each(listed);
    for (field, value) in [("uri", uri), ("uris", uris)] {
        if let (Some(value), Some(place)) = (value, route.get_mut(field)) {
            *place = value;
        }
    }
}

/// Replaces the first match, so what follows the prefix stays.
fn taking_off(prefix: &str) -> Value {
    let mut pattern = String::from("^");
    for c in prefix.chars() {
        if !c.is_ascii_alphanumeric() && !"/-_".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push_str("/?");
    json!([pattern, "/"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Document {
        let Value::Object(object) = value else { panic!("an object") };
        object
    }

    #[test]
    fn routes_get_it_and_lose_it_again() {
        let taking_off = |pattern: &str| json!({"regex_uri": [pattern, "/"]});
        for (service, sent, stored) in [
            (json!({}), json!({"uris": ["/a"]}), json!({"uris": ["/a"]})),
            (json!({"path_prefix": "/"}), json!({"uris": ["/a"]}), json!({"uris": ["/a"]})),
            (
                json!({"path_prefix": "/v1.0", "strip_path_prefix": false}),
                json!({"uris": ["/a", "/*"], "plugins": {}}),
                json!({"uris": ["/v1.0/a", "/v1.0/*"], "plugins": {}}),
            ),
            (
                json!({"path_prefix": "/v1.0/", "strip_path_prefix": true}),
                json!({"uri": "/a"}),
                json!({"uri": "/v1.0/a", "plugins": {"proxy-rewrite": taking_off("^/v1\\.0/?")}}),
            ),
            (
                json!({"path_prefix": "/v1"}),
                json!({"uris": ["/a"], "plugins": {"cors": {}, "proxy-rewrite": {"host": "h"}}}),
                json!({"uris": ["/v1/a"], "plugins": {"cors": {}, "proxy-rewrite": {"host": "h", "regex_uri": ["^/v1/?", "/"]}}}),
            ),
            (
                json!({"path_prefix": "/v1"}),
                json!({"uris": ["/a"], "plugins": {"proxy-rewrite": {"uri": "/b"}}}),
                json!({"uris": ["/v1/a"], "plugins": {"proxy-rewrite": {"uri": "/b"}}}),
            ),
        ] {
            let mut given = object(service);
            let prefix = Prefix::take(&mut given).unwrap();
            let mut route = object(sent.clone());
            prefix.add(&mut route).unwrap();
            assert_eq!(Value::Object(route.clone()), stored);
            let mut kept = Document::new();
            prefix.store(&mut kept);
            assert_eq!(Prefix::unlabel(&mut kept), prefix);
            assert!(kept.is_empty());
            prefix.remove(&mut route);
            assert_eq!(Value::Object(route), sent);
        }
    }

    #[test]
    fn what_can_be_none() {
        for (service, text) in [
            (json!({"path_prefix": 1}), "\"/path_prefix\": value must be a string"),
            (json!({"path_prefix": "v1"}), "must be a path"),
            (json!({"path_prefix": "/a b"}), "must be a path"),
            (json!({"path_prefix": "/:a"}), "must be a path"),
            (json!({"strip_path_prefix": "yes"}), "\"/strip_path_prefix\": value must be a boolean"),
        ] {
            let error = Prefix::take(&mut object(service)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        let prefix = Prefix::take(&mut object(json!({"path_prefix": "/v1"}))).unwrap();
        let mut own = object(json!({"uris": ["/"], "plugins": {"proxy-rewrite": {"regex_uri": ["^/", "/"]}}}));
        assert!(prefix.add(&mut own).unwrap_err().contains("regex_uri"));
    }
}
