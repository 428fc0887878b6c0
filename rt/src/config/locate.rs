//! Line and column of a setting in the file's text.
//!
//! The YAML reader tells positions only in its errors. So the text is read once more, by a reader that
//! follows the path and then refuses whatever stands there.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::de::At;

/// Line and column, counted from one; `None` if the path is not in the text.
pub(super) fn locate(text: &str, path: &[String], at: At) -> Option<(usize, usize)> {
    let refusal = Follow { path, at }.deserialize(yaml_serde::Deserializer::from_str(text)).err()?;
    let place = refusal.location()?;
    Some((place.line(), place.column()))
}

#[derive(Clone, Copy)]
struct Follow<'a> {
    path: &'a [String],
    at: At,
}

/// Reads a key, and refuses it if it is the one that is looked for.
struct Key<'a> {
    refused: Option<&'a str>,
}

/// Refuses everything.
struct Nothing;

impl<'de> DeserializeSeed<'de> for Follow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() { deserializer.deserialize_any(Nothing) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Follow<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return Ok(()) };
        let refused = (rest.is_empty() && self.at == At::Key).then_some(wanted.as_str());
        while let Some(key) = map.next_key_seed(Key { refused })? {
            if key == *wanted {
                map.next_value_seed(Follow { path: rest, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return Ok(()) };
        let Ok(wanted) = wanted.parse::<usize>() else { return Ok(()) };
        for _ in 0..wanted {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        seq.next_element_seed(Follow { path: rest, ..self })?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        if self.refused == Some(key) {
            return Err(E::custom("found"));
        }
        Ok(key.to_owned())
    }
}

impl Visitor<'_> for Nothing {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}
