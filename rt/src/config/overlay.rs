//! What the environment and `--set` put over the file.

use yaml_serde::Value;

use super::error::Error;
use super::tree::{Node, Origin};

const PREFIX: &str = "PORTOLAN_";

/// Puts the overrides into the tree: first the environment (in the order of names, so that the result
/// does not depend on the process's order), then `--set` as given.
pub(super) fn apply(root: &mut Node, env: &[(String, String)], sets: &[String]) -> Result<(), Error> {
    let mut env: Vec<_> = env.iter().filter_map(|(name, text)| Some((name, path_of(name)?, text))).collect();
    env.sort();
    for (name, path, text) in env {
        put(root, name, &path, text)?;
    }
    for set in sets {
        let Some((path, text)) = set.split_once('=') else {
            return Err(Error::Setting {
                name: format!("--set {set}"),
                message: "expected section.key=value".to_owned(),
            });
        };
        let segments: Vec<String> = path.split('.').map(str::to_owned).collect();
        put(root, &format!("--set {path}"), &segments, text)?;
    }
    Ok(())
}

/// `PORTOLAN_STORE__URL` is `store.url`; other names are not ours.
fn path_of(name: &str) -> Option<Vec<String>> {
    let path = name.strip_prefix(PREFIX)?;
    path.contains("__").then(|| path.split("__").map(str::to_lowercase).collect())
}

fn put(root: &mut Node, name: &str, path: &[String], text: &str) -> Result<(), Error> {
    if path.iter().any(String::is_empty) {
        let message = "expected the names of a section and a key".to_owned();
        return Err(Error::Setting { name: name.to_owned(), message });
    }
    let origin = Origin::Override(name.into());
    let mut node = root;
    for segment in path {
        node = node.child_or_new(segment, &origin);
    }
    *node = Node::from_value(value(text), &origin);
    node.raw = Some(text.to_owned());
    Ok(())
}

/// A scalar as YAML reads it; lists and mappings only where the text begins like one, so that
/// `key: value` and `@x` are texts.
fn value(text: &str) -> Value {
    let compound = text.trim_start().starts_with(['[', '{']);
    match yaml_serde::from_str::<Value>(text) {
        Ok(value @ (Value::Sequence(_) | Value::Mapping(_))) if compound => value,
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}
