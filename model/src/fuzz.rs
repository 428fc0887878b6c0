//! Documents that nobody would write, for tests: the same ones in every run.

use serde_json::{Map, Number, Value, json};

/// Texts that mean something somewhere, and some that never do.
const WORDS: &[&str] = &[
    "",
    "a",
    "/",
    "*",
    "*.a.com",
    "1.2.3.4",
    "10.0.0.0/8",
    "::1/129",
    "[::1]:80",
    "a:99999",
    "GET",
    "roundrobin",
    "chash",
    "rewrite",
    "vars",
    "uri",
    "a\u{0}é\n",
    "$env://X",
    "function() end",
    "key-auth",
    "limit-count",
    "_meta",
    "OR",
    "~~",
    "(",
];

/// As long as a certificate must be.
const LONG: &str = "-----BEGIN CERTIFICATE-----012345678901234567890123456789012345678901234567890123456789\
    01234567890123456789012345678901234567890123456789";

/// A sequence of numbers that is the same in every run.
pub(crate) struct Sequence(u64);

// === impl Sequence ===

impl Sequence {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Any document.
    pub(crate) fn document(&mut self, depth: usize, words: &[&str]) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(300)),
            3 => Number::from_f64([0.5, -1.0, 1e300, f64::MIN_POSITIVE][self.below(4)])
                .map_or(Value::Null, Value::Number),
            4 | 5 => json!(self.pick(words)),
            6 | 7 => (0..self.below(4)).map(|_| self.document(depth - 1, words)).collect(),
            _ => {
                let mut map = Map::new();
                for _ in 0..self.below(5) {
                    map.insert(self.pick(words).to_owned(), self.document(depth - 1, words));
                }
                Value::Object(map)
            }
        }
    }

    /// A document that often matches the schema, and is often not far from it.
    pub(crate) fn sample(&mut self, schema: &Value) -> Value {
        if self.below(60) == 0 {
            return self.document(2, WORDS);
        }
        if let Some(values) = schema["enum"].as_array() {
            return values[self.below(values.len())].clone();
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema),
            Some("array") => (0..self.below(3)).map(|_| self.sample(&schema["items"])).collect(),
            Some("string") if schema["minLength"].as_u64() > Some(1) && self.below(6) > 0 => json!(LONG),
            Some("string") => json!(self.pick(WORDS)),
            Some("boolean") => json!(self.below(2) == 0),
            Some("integer") => [json!(1), json!(0), json!(2.0), json!(1e15), json!(300)][self.below(5)].clone(),
            Some("number") => [json!(1), json!(0.5), json!(0)][self.below(3)].clone(),
            _ => match schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
                Some(branches) => {
                    let branch = self.below(branches.len());
                    self.sample(&branches[branch])
                }
                None => self.document(2, WORDS),
            },
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut map = Map::new();
        let required = schema["required"].as_array();
        let properties = schema["properties"].as_object();
        for (name, member) in properties.into_iter().flatten() {
            let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
            if is_required || self.below(6) == 0 {
                map.insert(name.clone(), self.sample(member));
            }
        }
        for member in schema["patternProperties"].as_object().into_iter().flat_map(Map::values) {
            for _ in 0..self.below(3) {
                map.insert(self.pick(WORDS).to_owned(), self.sample(member));
            }
        }
        Value::Object(map)
    }
}
