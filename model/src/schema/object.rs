//! What a schema says about objects.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::quote::quoted;
use super::{Node, Outcome};
use crate::pattern::Pattern;

#[derive(Clone, Debug, Default)]
pub(super) struct ObjectRules {
    pub(super) properties: Vec<Property>,
    /// Names of all `properties`.
    pub(super) names: HashSet<Box<str>>,
    /// Required names that are not among the properties.
    pub(super) required: Vec<Box<str>>,
    /// Dependencies of names that are not among the properties.
    pub(super) dependencies: Vec<(Box<str>, Dependency)>,
    pub(super) patterns: Vec<(Pattern, Node)>,
    /// What holds for names that are neither properties nor match a pattern.
    pub(super) additional: Additional,
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) emptiness: Emptiness,
}

#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: Box<str>,
    pub(super) node: Node,
    pub(super) absence: Absence,
    pub(super) dependency: Option<Dependency>,
}

/// What it means that a property is not there.
#[derive(Clone, Debug)]
pub(super) enum Absence {
    Allowed,
    Refused,
    Filled(Value),
}

#[derive(Clone, Debug)]
pub(super) enum Dependency {
    /// These must be there too.
    Names(Vec<Box<str>>),
    /// The whole object must match.
    Object(Node),
}

#[derive(Clone, Debug, Default)]
pub(super) enum Additional {
    #[default]
    Allowed,
    Forbidden,
    Matching(Node),
}

/// `required: []` allows nothing but the empty object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Emptiness {
    #[default]
    Free,
    Demanded,
}

// === impl ObjectRules ===

impl ObjectRules {
    pub(super) fn check(&self, value: &mut Value) -> Outcome {
        // The empty list becomes the empty object, so that defaults have a place.
        if value.as_array().is_some_and(Vec::is_empty) {
            *value = Value::Object(Map::new());
        }
        if value.is_object() {
            for property in &self.properties {
                property.check(value)?;
            }
            self.check_absent(value)?;
            for (name, dependency) in &self.dependencies {
                if has(value, name) {
                    dependency.check(name, value)?;
                }
            }
            self.check_members(value)?;
            self.check_count(value)?;
        }
        let is_empty = value.as_object().is_some_and(Map::is_empty);
        if self.emptiness == Emptiness::Demanded && !is_empty {
            return Err("the input data should be an empty table".to_owned());
        }
        Ok(())
    }

    fn check_absent(&self, value: &Value) -> Outcome {
        match self.required.iter().find(|name| !has(value, name)) {
            Some(name) => Err(format!("property {} is required", quoted(name))),
            None => Ok(()),
        }
    }

    fn check_members(&self, value: &mut Value) -> Outcome {
        let Value::Object(map) = value else { return Ok(()) };
        if self.patterns.is_empty() && matches!(self.additional, Additional::Allowed) {
            return Ok(());
        }
        for (name, member) in map {
            let mut matched = false;
            for (pattern, node) in &self.patterns {
                if pattern.is_match(name) {
                    node.check(member).map_err(|error| {
                        format!("failed to validate {name} (matching \"{}\"): {error}", pattern.as_str())
                    })?;
                    matched = true;
                }
            }
            if matched || self.names.contains(name.as_str()) {
                continue;
            }
            match &self.additional {
                Additional::Allowed => {}
                Additional::Forbidden => return Err(format!("additional properties forbidden, found {name}")),
                Additional::Matching(node) => node
                    .check(member)
                    .map_err(|error| format!("failed to validate additional property {name}: {error}"))?,
            }
        }
        Ok(())
    }

    fn check_count(&self, value: &Value) -> Outcome {
        let count = value.as_object().map_or(0, Map::len);
        if let Some(min) = self.min.filter(|min| count < *min) {
            return Err(format!("expect object to have at least {min} properties"));
        }
        if let Some(max) = self.max.filter(|max| count > *max) {
            return Err(format!("expect object to have at most {max} properties"));
        }
        Ok(())
    }
}

// === impl Property ===

impl Property {
    fn check(&self, value: &mut Value) -> Outcome {
        let Value::Object(map) = value else { return Ok(()) };
        let Some(member) = map.get_mut(&*self.name) else {
            return match &self.absence {
                Absence::Allowed => Ok(()),
                Absence::Refused => Err(format!("property {} is required", quoted(&self.name))),
                Absence::Filled(default) => {
                    map.insert(self.name.to_string(), default.clone());
                    Ok(())
                }
            };
        };
        self.node
            .check(member)
            .map_err(|error| format!("property {} validation failed: {error}", quoted(&self.name)))?;
        self.dependency.as_ref().map_or(Ok(()), |dependency| dependency.check(&self.name, value))
    }
}

// === impl Dependency ===

impl Dependency {
    fn check(&self, of: &str, value: &mut Value) -> Outcome {
        match self {
            Self::Names(names) => match names.iter().find(|name| !has(value, name)) {
                Some(name) => Err(format!("property {} is required when {} is set", quoted(name), quoted(of))),
                None => Ok(()),
            },
            Self::Object(node) => node
                .check(value)
                .map_err(|error| format!("failed to validate dependent schema for {}: {error}", quoted(of))),
        }
    }
}

fn has(value: &Value, name: &str) -> bool {
    value.as_object().is_some_and(|map| map.contains_key(name))
}
