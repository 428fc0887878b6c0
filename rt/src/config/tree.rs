//! Settings as a tree that remembers where each part came from.

use std::sync::Arc;

use yaml_serde::{Mapping, Number, Value};

/// Part of the settings.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) data: Data,
    /// The text of an override as it was given, for settings that are texts themselves.
    pub(super) raw: Option<String>,
}

/// Where a part came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    File,
    /// The name of an environment variable, or `--set a.b`.
    Override(Arc<str>),
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// `!name value`, which no setting takes.
    Tagged(String),
}

// === impl Node ===

impl Node {
    pub(super) fn empty() -> Self {
        Self::new(Origin::File, Data::Null)
    }

    pub(super) fn new(origin: Origin, data: Data) -> Self {
        Self { origin, data, raw: None }
    }

    pub(super) fn from_value(value: Value, origin: &Origin) -> Self {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(value) => Data::Bool(value),
            Value::Number(value) => Data::Number(value),
            Value::String(value) => Data::Text(value),
            Value::Sequence(items) => {
                Data::List(items.into_iter().map(|item| Self::from_value(item, origin)).collect())
            }
            Value::Mapping(mapping) => Data::Map(entries(mapping, origin)),
            Value::Tagged(tagged) => Data::Tagged(tagged.tag.to_string()),
        };
        Self::new(origin.clone(), data)
    }

    /// The part below, by the name of a key or the number of an item.
    pub(super) fn child(&self, segment: &str) -> Option<&Node> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|(key, _)| key == segment).map(|(_, node)| node),
            Data::List(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The same for writing; makes the key, and a mapping in place of whatever cannot have keys.
    pub(super) fn child_or_new(&mut self, segment: &str, origin: &Origin) -> &mut Node {
        let item = match &self.data {
            Data::List(items) => segment.parse::<usize>().ok().filter(|item| *item < items.len()),
            _ => None,
        };
        if item.is_none() && !matches!(self.data, Data::Map(_)) {
            *self = Self::new(origin.clone(), Data::Map(Vec::new()));
        }
        match (&mut self.data, item) {
            (Data::List(items), Some(item)) => &mut items[item],
            (Data::Map(entries), _) => entry_or_new(entries, segment, origin),
            _ => unreachable!("whatever is neither was made a mapping just above"),
        }
    }
}

/// Reads a file's text.
pub(super) fn parse(text: &str) -> Result<Node, yaml_serde::Error> {
    yaml_serde::from_str(text).map(|value| Node::from_value(value, &Origin::File))
}

fn entries(mapping: Mapping, origin: &Origin) -> Vec<(String, Node)> {
    let named = mapping.into_iter().map(|(key, value)| (name(&key), Node::from_value(value, origin)));
    named.collect()
}

fn entry_or_new<'a>(entries: &'a mut Vec<(String, Node)>, key: &str, origin: &Origin) -> &'a mut Node {
    let place = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        entries.push((key.to_owned(), Node::new(origin.clone(), Data::Null)));
        entries.len() - 1
    });
    &mut entries[place].1
}

/// Keys are texts; `1:` and `true:` are taken as the texts they look like.
fn name(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
