//! YAML bodies, as JSON. What aliases stand for counts as if it were written out: a few lines of them can stand for more than any
//! memory holds, and the parser's own limit lets gigabytes through.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// What a short text may become by its aliases: so many values, and so many bytes of texts.
const VALUES: usize = 250_000;
const TEXT: usize = 8 * 1024 * 1024;

/// Brackets that may be open at a time, those in texts included. The parser looks at all open ones for each token: at 50,000 levels
/// that takes seconds, and a body has room for millions.
const OPEN: usize = 256;

/// What a document may still hold.
struct Budget {
    values: Cell<usize>,
    text: Cell<usize>,
}

/// A value anywhere in the document.
#[derive(Clone, Copy)]
struct Node<'b>(&'b Budget);

/// Parses one document.
///
/// # Errors
/// When it is none, or its aliases stand for too much; a text for the caller.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    if deepest(bytes) > OPEN {
        return Err(format!("more than {OPEN} brackets are open at a time; say it in JSON, or in indented YAML"));
    }
    // Without aliases a value takes two bytes at least, and a text no more than twice what it is written with.
    let budget =
        Budget { values: Cell::new(bytes.len() / 2 + VALUES), text: Cell::new(bytes.len().saturating_mul(2) + TEXT) };
    Node(&budget).deserialize(yaml_serde::Deserializer::from_slice(bytes)).map_err(|error| error.to_string())
}

/// The most brackets that are open at a time.
fn deepest(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

// === impl Budget ===

impl Budget {
    fn take<E: Error>(left: &Cell<usize>, count: usize) -> Result<(), E> {
        let rest = left.get().checked_sub(count).ok_or_else(|| E::custom("aliases stand for too much"))?;
        left.set(rest);
        Ok(())
    }

    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        Self::take(&self.text, text.len())
    }
}

// === impl Node ===

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Budget::take(&self.0.values, 1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has, too")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text)?;
        Ok(Value::from(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.text(&name)?;
            let value = members.next_value_seed(self)?;
            match map.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(place) => return Err(A::Error::custom(format!("duplicate key {:?}", place.key()))),
            };
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use portolan_testkit::cpu;

    use super::*;

    #[test]
    fn what_json_has_too() {
        let text = "a: &a {b: 1, c: [x, -2, 1.5, true, null, ~, \"é\"]}\nd: *a\n";
        let inner = json!({"b": 1, "c": ["x", -2, 1.5, true, null, null, "é"]});
        assert_eq!(parse(text.as_bytes()).unwrap(), json!({"a": inner, "d": inner}));
        for wrong in ["a: 1\na: 2\n", "a: [", "- a\nb: 1", "[1]: 2", "*a"] {
            parse(wrong.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn aliases_stand_for_no_more_than_memory_has() {
        let many = |what: &str, count: usize| vec![what; count].join(",");
        for bomb in [
            format!("_x: &a [{}]\n_b: &b [{}]\n_c: [{}]\n", many("x", 1000), many("*a", 1000), many("*b", 1000)),
            format!("_x: &a {}\n_b: [{}]\n", "x".repeat(1_000_000), many("*a", 1000)),
            format!("_x: &a {{{}: 1}}\n_b: [{}]\n", "x".repeat(1000), many("*a", 100_000)),
        ] {
            let error = parse(bomb.as_bytes()).unwrap_err();
            assert!(error.contains("aliases stand for too much") || error.contains("limit"), "{error}");
        }
        let plain = format!("[{}]", many("x", 100_000));
        assert_eq!(parse(plain.as_bytes()).unwrap().as_array().unwrap().len(), 100_000);
        assert_eq!(parse("-\n".repeat(100_000).as_bytes()).unwrap().as_array().unwrap().len(), 100_000);
    }

    #[test]
    fn nothing_goes_too_deep_or_takes_too_long() {
        let start = cpu::of_thread();
        for deep in ["[".repeat(1_000_000), "{a: ".repeat(500_000), "- ".repeat(50_000), "? ".repeat(50_000)] {
            parse(deep.as_bytes()).unwrap_err();
        }
        let took = cpu::of_thread() - start;
        assert!(took.as_secs() < 10, "without optimisation it took {took:?}");
        let flat = format!("a: [{}]", vec!["[b]"; 1000].join(","));
        assert_eq!(parse(flat.as_bytes()).unwrap()["a"].as_array().unwrap().len(), 1000);
    }
}
