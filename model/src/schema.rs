//! JSON schemas, compiled once and checked fast: the part of draft 7 that APISIX's schemas use.
//!
//! The answers are those of the validator that APISIX uses, to the word: clients show them to people and some match on
//! them. That includes where it leaves the standard:
//! - Defaults are filled in on the way, so that what follows in the same schema (`if`, `required`, `oneOf` …) sees them.
//! - An empty list and an empty object are the same thing. Numbers have no integer type, `1.0` is an integer.
//! - A text that refers to a secret (`$secret://…`, `$env://…`) passes wherever a text may stand; here only where the
//!   caller says that such references are resolved later ([`Secrets`]), and not for ids, names and paths.
//! - `required: []` allows nothing but the empty object. `dependencies` look at one property at a time.
//!
//! The order in which an object's members are looked at is undefined there; here it is the order of the schema, then that
//! of the document. `$ref`, `propertyNames` and boolean `items` are refused when compiling: nobody uses them.

use serde_json::Value;

use crate::lenient::{self, lua_type};
use crate::pattern;

mod array;
mod compile;
mod equal;
mod format;
mod object;
mod quote;
mod scalar;

use array::ArrayRules;
use format::Format;
use object::ObjectRules;
use scalar::{NumberRules, StringRules};

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Node,
}

/// What a text that refers to a secret is to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// It stands for a text that is not known yet, so it passes.
    Resolved,
    /// It is a text like any other.
    Unknown,
    /// It passes at these places of the schema, which are paths of keywords and names with dots between them, and is a text
    /// like any other elsewhere.
    At(&'static [&'static str]),
}

/// Why a document does not match, in the words of the Admin API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub String);

/// A schema that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A keyword has a value that means nothing.
    #[error("keyword {keyword:?} at {at:?} of the schema has no valid value")]
    Malformed {
        /// The keyword.
        keyword: &'static str,
        /// Where, as a path of keywords.
        at: String,
    },
    /// A keyword that is not supported.
    #[error("keyword {keyword:?} at {at:?} of the schema is not supported")]
    Unsupported {
        /// The keyword.
        keyword: &'static str,
        /// Where, as a path of keywords.
        at: String,
    },
    /// A pattern that cannot be compiled.
    #[error("pattern at {at:?} of the schema")]
    Pattern {
        /// Where, as a path of keywords.
        at: String,
        /// What is wrong with it.
        #[source]
        source: pattern::Error,
    },
    /// Schemas within schemas within schemas.
    #[error("the schema is nested more than {max} levels deep", max = compile::MAX_DEPTH)]
    TooDeep,
}

/// One schema within a schema.
#[derive(Clone, Debug)]
enum Node {
    /// `true` or `{}`.
    Anything,
    /// `false`.
    Nothing,
    Rules(Box<Rules>),
}

/// What a schema says, in the order in which it is checked.
#[derive(Clone, Debug, Default)]
struct Rules {
    types: Option<Types>,
    object: Option<ObjectRules>,
    array: Option<ArrayRules>,
    string: Option<StringRules>,
    number: Option<NumberRules>,
    one_of_values: Option<Vec<Value>>,
    all_of: Vec<Node>,
    any_of: Option<AnyOf>,
    one_of: Option<Vec<Node>>,
    condition: Option<Condition>,
    not: Option<Node>,
    format: Option<Format>,
    constant: Option<Value>,
    contains: Option<Node>,
    /// Whether a reference to a secret passes.
    passes_secrets: bool,
}

#[derive(Clone, Debug)]
struct Types {
    any: Vec<Type>,
    /// `expected string` or `expected one of string, number`.
    expected: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Object,
    Array,
    String,
    Number,
    Integer,
    Boolean,
    Null,
}

#[derive(Clone, Debug)]
struct AnyOf {
    nodes: Vec<Node>,
    /// What is said when none matches.
    message: String,
}

#[derive(Clone, Debug)]
struct Condition {
    test: Node,
    then: Option<Node>,
    otherwise: Option<Node>,
}

/// What a node answers; the text is the whole message so far, inner part last.
type Outcome = Result<(), String>;

// === impl Schema ===

impl Schema {
    /// Compiles a schema.
    pub fn compile(schema: &Value, secrets: Secrets) -> Result<Self, Error> {
        compile::compile(schema, secrets).map(|root| Self { root })
    }

    /// Whether the document matches.
    pub fn check(&self, document: &Value) -> Result<(), Violation> {
        // Defaults are part of the answer, and the caller's document stays as it is.
        self.fill(&mut document.clone())
    }

    /// Whether the document matches; what is absent from it and has a default gets that. A document that does not match
    /// is left in an undefined state.
    pub fn fill(&self, document: &mut Value) -> Result<(), Violation> {
        self.root.check(document).map_err(Violation)
    }
}

// === impl Node ===

impl Node {
    fn check(&self, value: &mut Value) -> Outcome {
        match self {
            Self::Anything => Ok(()),
            Self::Nothing => Err("expect false always".to_owned()),
            Self::Rules(rules) => rules.check(value),
        }
    }

    fn matches(&self, value: &mut Value) -> bool {
        self.check(value).is_ok()
    }
}

// === impl Rules ===

impl Rules {
    fn check(&self, value: &mut Value) -> Outcome {
        if self.passes_secrets && value.as_str().is_some_and(is_secret_reference) {
            return Ok(());
        }
        if let Some(types) = &self.types {
            types.check(value)?;
        }
        if let Some(rules) = &self.object {
            rules.check(value)?;
        }
        if let Some(rules) = &self.array {
            rules.check(value)?;
        }
        match (&*value, &self.string, &self.number) {
            (Value::String(text), Some(rules), _) => rules.check(text)?,
            (Value::Number(number), _, Some(rules)) => rules.check(number)?,
            _ => {}
        }
        if let Some(allowed) = &self.one_of_values
            && !allowed.iter().any(|allowed| equal::same(value, allowed))
        {
            return Err("matches none of the enum values".to_owned());
        }
        self.check_compound(value)?;
        if let Some(format) = self.format {
            format.check(value)?;
        }
        if let Some(constant) = &self.constant
            && !equal::same(value, constant)
        {
            return Err("failed to check const value".to_owned());
        }
        self.contains.as_ref().map_or(Ok(()), |node| array::contains(node, value))
    }

    fn check_compound(&self, value: &mut Value) -> Outcome {
        for (index, node) in self.all_of.iter().enumerate() {
            node.check(value).map_err(|error| format!("allOf {} failed: {error}", index + 1))?;
        }
        if let Some(any_of) = &self.any_of
            && !any_of.nodes.iter().any(|node| node.matches(value))
        {
            return Err(any_of.message.clone());
        }
        if let Some(nodes) = &self.one_of {
            check_one_of(nodes, value)?;
        }
        if let Some(condition) = &self.condition {
            condition.check(value)?;
        }
        match &self.not {
            Some(node) if node.matches(value) => Err("value wasn't supposed to match schema".to_owned()),
            _ => Ok(()),
        }
    }
}

fn check_one_of(nodes: &[Node], value: &mut Value) -> Outcome {
    let mut matched = None;
    for (index, node) in nodes.iter().enumerate() {
        if !node.matches(value) {
            continue;
        }
        if let Some(first) = matched {
            let second = index + 1;
            return Err(format!("value should match only one schema, but matches both schemas {first} and {second}"));
        }
        matched = Some(index + 1);
    }
    match matched {
        Some(_) => Ok(()),
        None => Err("value should match only one schema, but matches none".to_owned()),
    }
}

/// Whether a text refers to a secret instead of being one.
pub fn is_secret_reference(text: &str) -> bool {
    const SECRET: &str = "$secret://";
    const ENVIRONMENT: &str = "$env://";
    text.starts_with(SECRET)
        || text.get(..ENVIRONMENT.len()).is_some_and(|start| start.eq_ignore_ascii_case(ENVIRONMENT))
}

// === impl Types ===

impl Types {
    fn check(&self, value: &Value) -> Outcome {
        if self.any.iter().any(|kind| kind.includes(value)) {
            return Ok(());
        }
        Err(format!("wrong type: {}, got {}", self.expected, lua_type(value)))
    }
}

// === impl Type ===

impl Type {
    fn includes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Object | Self::Array, Value::Object(map)) => self == Self::Object || map.is_empty(),
            (Self::Object | Self::Array, Value::Array(list)) => self == Self::Array || list.is_empty(),
            (Self::Integer, Value::Number(number)) => lenient::is_integer(number),
            (Self::String, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Null, Value::Null) => true,
            _ => false,
        }
    }
}

// === impl Condition ===

impl Condition {
    fn check(&self, value: &mut Value) -> Outcome {
        let (branch, message) = if self.test.matches(value) {
            (&self.then, "then clause did not match")
        } else {
            (&self.otherwise, "else clause did not match")
        };
        match branch {
            Some(node) if !node.matches(value) => Err(message.to_owned()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
