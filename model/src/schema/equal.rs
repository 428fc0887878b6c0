//! When two documents are the same: numbers by value, an empty list and an empty object alike.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

/// Deeper than any document that was parsed here; documents made otherwise are cut there.
const MAX_DEPTH: usize = 256;

/// Whether two documents are the same.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => fingerprint(a) == fingerprint(b),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

/// The first two items that are the same, counted from 1: texts, numbers and booleans go before lists and objects.
pub(super) fn first_repetition(items: &[Value]) -> Option<(usize, usize)> {
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut among_tables: Option<(usize, usize)> = None;
    for (index, item) in items.iter().enumerate() {
        let index = index + 1;
        let first = *seen.entry(fingerprint(item)).or_insert(index);
        if first == index {
            continue;
        }
        if !item.is_array() && !item.is_object() {
            return Some((first, index));
        }
        if among_tables.is_none_or(|(earliest, _)| first < earliest) {
            among_tables = Some((first, index));
        }
    }
    among_tables
}

/// A text that is equal for the same documents only.
fn fingerprint(value: &Value) -> String {
    let mut out = String::new();
    write_fingerprint(value, &mut out, 0);
    out
}

fn write_fingerprint(value: &Value, out: &mut String, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Null => out.push('n'),
        Value::Bool(flag) => out.push(if *flag { 't' } else { 'f' }),
        // -0 and 0 are equal and have different bits.
        Value::Number(number) => write_to(out, number.as_f64().unwrap_or(f64::NAN) + 0.0),
        // The length says where the text ends, so nothing in it needs an escape.
        Value::String(text) => {
            write_to(out, text.len());
            out.push('"');
            out.push_str(text);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('[');
            for item in list {
                write_fingerprint(item, out, depth + 1);
                out.push(',');
            }
            out.push(']');
        }
        Value::Array(_) => out.push_str("{}"),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, item) in members {
                write_to(out, key.len());
                out.push('"');
                out.push_str(key);
                write_fingerprint(item, out, depth + 1);
                out.push(',');
            }
            out.push('}');
        }
    }
}

fn write_to(out: &mut String, item: impl std::fmt::Display) {
    write!(out, "{item}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sameness() {
        for (a, b, expected) in [
            (json!(1), json!(1.0), true),
            (json!(0), json!(-0.0), true),
            (json!([]), json!({}), true),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1}), true),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(["a,", "b"]), json!(["a", ",b"]), false),
            (json!({"a": null}), json!({}), false),
            (json!("1"), json!(1), false),
            (json!(null), json!(false), false),
        ] {
            assert_eq!(same(&a, &b), expected, "{a} {b}");
        }
    }

    #[test]
    fn repetitions() {
        for (items, expected) in [
            (json!([1, 2, 3]), None),
            (json!(["a", "b", "a"]), Some((1, 3))),
            (json!([{"a": 1}, {"a": 1}, 5, 5]), Some((3, 4))),
            (json!([[2], [1], [1], [2]]), Some((1, 4))),
            (json!([1, 1.0]), Some((1, 2))),
            (json!([null, null]), Some((1, 2))),
            (json!([]), None),
        ] {
            assert_eq!(first_repetition(items.as_array().unwrap()), expected, "{items}");
        }
    }

    #[test]
    fn many_equal_objects_are_found_at_once() {
        let items: Vec<Value> = (0..50_000).map(|n| json!({"n": n})).chain([json!({"n": 7})]).collect();
        assert_eq!(first_repetition(&items), Some((8, 50_001)));
    }
}
