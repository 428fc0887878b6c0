//! Reads a typed value from the tree; an error carries the path to what is wrong.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::{Data, Node};

/// What is wrong, and where in the tree.
#[derive(Debug)]
pub(super) struct Wrong {
    message: String,
    /// Innermost first, since it grows while the error travels outwards.
    reversed: Vec<String>,
    /// Whether the last segment's name is wrong rather than its value.
    pub(super) at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Key,
    Value,
}

/// Reads the whole tree.
pub(super) fn read<T: DeserializeOwned>(root: &Node) -> Result<T, Wrong> {
    T::deserialize(root)
}

// === impl Wrong ===

impl Wrong {
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn path(&self) -> Vec<String> {
        self.reversed.iter().rev().cloned().collect()
    }

    fn under(mut self, segment: impl Into<String>) -> Self {
        self.reversed.push(segment.into());
        self
    }

    fn at_key(self, key: &str) -> Self {
        Self { at: At::Key, ..self }.under(key)
    }
}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: plain(message.to_string()), reversed: Vec::new(), at: At::Value }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

/// The names of our types mean nothing to an operator; their ranges and shapes do.
fn plain(message: String) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("u8", "a whole number from 0 to 255"),
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("u64", "a whole number from 0"),
        ("usize", "a whole number from 0"),
        ("i64", "a whole number"),
    ];
    let message = message.replace('\n', " ");
    let Some((found, expected)) = message.rsplit_once("expected ") else {
        return message;
    };
    let known = NAMES.iter().find(|(name, _)| *name == expected).map(|(_, text)| *text);
    let shape = expected.starts_with("struct ").then_some("a section");
    match known.or(shape) {
        Some(text) => format!("{found}expected {text}"),
        None => message,
    }
}

// === impl Deserializer for &Node ===

impl<'de> de::Deserializer<'de> for &Node {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.data {
            Data::Null => visitor.visit_unit(),
            Data::Bool(value) => visitor.visit_bool(*value),
            Data::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Data::Text(text) => visitor.visit_str(text),
            Data::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Data::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            Data::Tagged(tag) => Err(de::Error::custom(format!("tags such as {tag} are not used here"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.data {
            Data::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// An override for a text is the text: a password of digits needs no quotes.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.raw {
            Some(text) => visitor.visit_str(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    /// A section whose keys are all commented out is an empty section.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.data {
            Data::Null => visitor.visit_map(Entries { entries: [].iter(), value: None }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match (&self.data, &self.raw) {
            (Data::Map(entries), _) => {
                let access = Entries { entries: entries.iter(), value: None };
                visitor.visit_enum(de::value::MapAccessDeserializer::new(access))
            }
            (_, Some(text)) | (Data::Text(text), None) => {
                let name: StringDeserializer<Wrong> = text.clone().into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq
        tuple tuple_struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Wrong> for &Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (String, Node)>,
    value: Option<&'a (String, Node)>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some((place, item)) = self.items.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|wrong| wrong.under(place.to_string()))
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, Wrong> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|wrong| wrong.at_key(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let (key, node) = self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(node).map_err(|wrong| wrong.under(key))
    }
}
