//! Answers in which one odd entry must not hide the others.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The entries of a list that can be read. When none can, the list means something else, and is no empty list.
pub(super) fn readable<T: DeserializeOwned>(list: Vec<Value>, of: &str) -> Result<Vec<T>, serde_json::Error> {
    let (mut entries, mut odd) = (Vec::with_capacity(list.len()), None);
    for entry in list {
        match serde_json::from_value(entry) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                tracing::warn!(of, %error, "an entry that makes no sense is left out");
                odd = Some(error);
            }
        }
    }
    match odd {
        Some(error) if entries.is_empty() => Err(error),
        _ => Ok(entries),
    }
}

/// `null` is nothing.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number, or a text with one.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}
