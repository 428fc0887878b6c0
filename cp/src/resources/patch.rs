//! Changing part of a resource: a merge of the whole, or a new value under a sub-path. The rules are APISIX's.

use portolan_model::json::MAX_DEPTH;
use serde_json::{Map, Value};

/// A sub-path that can't be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It crosses what is no object; the text is APISIX's.
    #[error("invalid sub-path: /{0}")]
    Nowhere(String),
    /// The document would be nested deeper than any body may be.
    #[error("invalid sub-path: nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// Merges `change` into `target`: objects are merged, everything else replaces, `null` deletes. An array or an empty
/// object on either side replaces too, because an empty Lua table counts as an array.
pub fn merge(target: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, change) in change {
        match (target.get_mut(&name), change) {
            (_, Value::Null) => {
                target.shift_remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) if !old.is_empty() && !new.is_empty() => merge(old, new),
            (_, new) => {
                target.insert(name, new);
            }
        }
    }
}

/// Puts `value` under the path `a/b/c`; missing objects on the way are made, `null` deletes.
///
/// # Errors
/// When the path crosses something that is no object, or leads too deep.
pub fn set(target: &mut Map<String, Value>, path: &str, value: Value) -> Result<(), BadPath> {
    let names: Vec<&str> = path.split('/').collect();
    // Before anything is made: what is nested thousands deep can't even be dropped without overflowing the stack.
    if names.len() + depth(&value) > MAX_DEPTH {
        return Err(BadPath::TooDeep);
    }
    let mut place = target;
    for (i, name) in names[..names.len() - 1].iter().enumerate() {
        let next = place.entry(*name).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(object) = next else { return Err(BadPath::Nowhere(names[..=i].join("/"))) };
        place = object;
    }
    let last = names[names.len() - 1];
    match value {
        Value::Null => {
            place.shift_remove(last);
        }
        value => {
            place.insert(last.to_owned(), value);
        }
    }
    Ok(())
}

/// How deep lists and objects are nested in a value, which a parser has let through.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("an object") };
        object
    }

    #[test]
    fn merging() {
        for (old, change, new) in [
            (json!({"a": 1, "b": 2}), json!({"a": 3}), json!({"a": 3, "b": 2})),
            (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 5}}), json!({"a": {"x": 5, "y": 2}})),
            (json!({"a": {"x": 1}}), json!({"a": {"x": null}}), json!({"a": {}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": {"x": 1}}), json!({"a": {}}), json!({"a": {}})),
            (json!({"a": {"x": 1}}), json!({"a": null}), json!({})),
            (json!({}), json!({"a": {"x": null}}), json!({"a": {"x": null}})),
        ] {
            let mut target = object(old);
            merge(&mut target, object(change));
            assert_eq!(Value::Object(target), new);
        }
    }

    #[test]
    fn the_order_of_keys_stays() {
        let mut target = object(json!({"c": 1, "a": 2, "b": 3}));
        merge(&mut target, object(json!({"a": 9, "d": 4, "c": null})));
        assert_eq!(serde_json::to_string(&target).unwrap(), r#"{"a":9,"b":3,"d":4}"#);
    }

    #[test]
    fn sub_paths() {
        let mut target = object(json!({"plugins": {"limit-count": {"count": 2}}, "uris": ["/a"]}));
        set(&mut target, "plugins/limit-count/count", json!(5)).unwrap();
        set(&mut target, "plugins/cors/allow_origins", json!("*")).unwrap();
        set(&mut target, "plugins/limit-count", Value::Null).unwrap();
        assert_eq!(target["plugins"], json!({"cors": {"allow_origins": "*"}}));
        let error = set(&mut target, "uris/0/x", json!("/b")).unwrap_err();
        assert_eq!(error.to_string(), "invalid sub-path: /uris");
        assert_eq!(set(&mut target, "uris/0", json!("/b")).unwrap_err().to_string(), "invalid sub-path: /uris");
    }
    #[test]
    fn sub_paths_lead_no_deeper_than_a_body_may() {
        let deep = |names: usize| vec!["a"; names].join("/");
        let mut target = Map::new();
        for (names, value, taken) in [
            (MAX_DEPTH, json!(1), true),
            (MAX_DEPTH - 2, json!([{"b": 1}]), true),
            (MAX_DEPTH - 1, json!([{"b": 1}]), false),
            (MAX_DEPTH + 1, json!(1), false),
            // Making it would end the process.
            (1_000_000, json!(1), false),
        ] {
            target.clear();
            let result = set(&mut target, &deep(names), value);
            assert_eq!(result, if taken { Ok(()) } else { Err(BadPath::TooDeep) }, "{names}");
            assert_eq!(target.is_empty(), !taken, "{names}");
        }
    }
}
