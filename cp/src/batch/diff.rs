//! In which fields two documents differ.

use serde_json::{Value, json};

/// The fields in which they differ, by JSON pointer; lists count as a whole. Times are left out.
pub fn fields(before: &Value, after: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    walk(&mut String::new(), before, after, &mut found);
    found
}

fn walk(path: &mut String, before: &Value, after: &Value, found: &mut Vec<Value>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            found.push(json!({ "path": path, "before": before, "after": after }));
        }
        return;
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        if path.is_empty() && matches!(name.as_str(), "create_time" | "update_time") {
            continue;
        }
        let length = path.len();
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        match (old.get(name), new.get(name)) {
            (Some(before), Some(after)) => walk(path, before, after, found),
            (before, after) => found.push(json!({ "path": path, "before": before, "after": after })),
        }
        path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_field() {
        let before = json!({"a": 1, "b": {"c/d": 2, "e": [1]}, "gone": {"x": 1}, "update_time": 1});
        let after = json!({"a": 1, "b": {"c/d": 3, "e": [2]}, "new": 1, "update_time": 2});
        let expected = [
            json!({"path": "/b/c~1d", "before": 2, "after": 3}),
            json!({"path": "/b/e", "before": [1], "after": [2]}),
            json!({"path": "/gone", "before": {"x": 1}, "after": null}),
            json!({"path": "/new", "before": null, "after": 1}),
        ];
        assert_eq!(fields(&before, &after), expected);
    }
}
