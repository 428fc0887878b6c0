//! Expressions over the variables of a request: `[["arg_name", "==", "json"], ["OR", […], […]]]`.
//!
//! The language is lua-resty-expr's. A list of expressions is true when all are; `"AND"`, `"OR"`, `"!AND"`, `"!OR"` in
//! front of at least two of them say otherwise. A comparison is `[name, op, value]` or `[name, "!", op, value]`; the empty
//! list is true. Operators: `==` `~=` `>` `>=` `<` `<=` `~~` (pattern) `~*` (pattern, any case) `in` `has` `ipmatch`.
//! A pattern that cannot be compiled is refused here, where lua-resty-expr would never match.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::lenient::double_text;
use crate::pattern::{self, Pattern};

mod parse;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    root: Option<Group>,
}

/// The value of a variable: a text mostly, anything when it comes out of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable<'v> {
    /// A text.
    Text(Cow<'v, str>),
    /// A value of JSON.
    Json(Cow<'v, Value>),
}

/// An expression that cannot be parsed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A list without enough in it.
    #[error("rule too short")]
    TooShort,
    /// A comparison where a list of comparisons should be.
    #[error("rule should be wrapped inside brackets")]
    NotWrapped,
    /// Neither a comparison nor a list of expressions.
    #[error("invalid expression")]
    Invalid,
    /// Four elements, and the second is not `!`.
    #[error("bad 'not' expression")]
    BadNot,
    /// No such operator.
    #[error("invalid operator '{0}'")]
    Operator(String),
    /// `ipmatch` without an address.
    #[error("invalid ip address")]
    NoAddress,
    /// `ipmatch` with something that is no address and no network.
    #[error("invalid ip address: {0}")]
    Address(String),
    /// A pattern that cannot be compiled.
    #[error(transparent)]
    Pattern(#[from] pattern::Error),
    /// Lists within lists within lists.
    #[error("expression nested too deep")]
    TooDeep,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Group(Group),
    Comparison(Comparison),
}

#[derive(Clone, Debug, PartialEq)]
struct Group {
    logic: Logic,
    terms: Vec<Term>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logic {
    And,
    Or,
    NotAnd,
    NotOr,
}

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    name: Box<str>,
    sense: Sense,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Plain,
    Negated,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equal(Operand),
    Unequal(Operand),
    /// The numeric relations; `None` = not a number, so never true.
    Ordered(Order, Option<f64>),
    Matches(Pattern),
    /// `in`: the variable is one of these.
    OneOf(Vec<Operand>),
    /// `has`: the variable is a list and this is one of it.
    Holds(Operand),
    Address(Vec<IpNet>),
}

/// What a variable is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(String),
    Number(f64),
    Flag(bool),
    /// `null`: the variable is absent.
    Absent,
    /// A list or object: equal to nothing.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

// === impl Expr ===

impl Expr {
    /// Parses an expression.
    pub fn parse(document: &Value) -> Result<Self, Error> {
        parse::parse(document).map(|root| Self { root })
    }

    /// Whether it is true; `lookup` gives the value of a variable, or `None` when there is none.
    pub fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Variable<'v>>) -> bool {
        self.root.as_ref().is_none_or(|group| group.eval(lookup))
    }

    /// Whether it is true of every request.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

// === impl Group ===

impl Group {
    fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Variable<'v>>) -> bool {
        match self.logic {
            Logic::And => self.terms.iter().all(|term| term.eval(lookup)),
            Logic::Or => self.terms.iter().any(|term| term.eval(lookup)),
            Logic::NotAnd => !self.terms.iter().all(|term| term.eval(lookup)),
            Logic::NotOr => !self.terms.iter().any(|term| term.eval(lookup)),
        }
    }
}

// === impl Term ===

impl Term {
    fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Variable<'v>>) -> bool {
        match self {
            Self::Group(group) => group.eval(lookup),
            Self::Comparison(comparison) => {
                let holds = comparison.test.holds(lookup(&comparison.name).as_ref());
                holds == (comparison.sense == Sense::Plain)
            }
        }
    }
}

// === impl Test ===

impl Test {
    fn holds(&self, variable: Option<&Variable<'_>>) -> bool {
        match self {
            Self::Equal(operand) => operand.equals(variable),
            Self::Unequal(operand) => !operand.equals(variable),
            Self::Ordered(order, Some(limit)) => {
                variable.and_then(Variable::number).is_some_and(|value| order.holds(value, *limit))
            }
            Self::Matches(pattern) => {
                variable.and_then(Variable::as_subject).is_some_and(|text| pattern.is_match(&text))
            }
            Self::OneOf(operands) => {
                variable.is_some_and(|variable| operands.iter().any(|one| one.is(variable.scalar())))
            }
            Self::Holds(operand) => variable
                .and_then(Variable::list)
                .is_some_and(|list| list.iter().any(|one| operand.is(Variable::Json(Cow::Borrowed(one)).scalar()))),
            Self::Address(networks) => variable
                .and_then(Variable::text)
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address))),
            Self::Ordered(_, None) => false,
        }
    }
}

/// What a value is, as far as two can be the same.
enum Scalar<'v> {
    Text(&'v str),
    Number(f64),
    Flag(bool),
    Other,
}

// === impl Variable ===

impl<'v> From<Cow<'v, str>> for Variable<'v> {
    fn from(text: Cow<'v, str>) -> Self {
        Self::Text(text)
    }
}

impl Variable<'_> {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Json(value) => match &**value {
                Value::String(text) => Scalar::Text(text),
                Value::Number(number) => number.as_f64().map_or(Scalar::Other, Scalar::Number),
                Value::Bool(flag) => Scalar::Flag(*flag),
                Value::Null | Value::Array(_) | Value::Object(_) => Scalar::Other,
            },
        }
    }

    fn text(&self) -> Option<&str> {
        match self.scalar() {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As Lua's `tonumber`.
    fn number(&self) -> Option<f64> {
        match self.scalar() {
            Scalar::Text(text) => number(text),
            Scalar::Number(number) => Some(number),
            Scalar::Flag(_) | Scalar::Other => None,
        }
    }

    /// What a pattern is asked of. `false` has none, as if it were absent.
    fn as_subject(&self) -> Option<Cow<'_, str>> {
        match self.scalar() {
            Scalar::Text(text) => Some(Cow::Borrowed(text)),
            Scalar::Number(number) => Some(Cow::Owned(double_text(number))),
            Scalar::Flag(true) => Some(Cow::Borrowed("true")),
            Scalar::Flag(false) | Scalar::Other => None,
        }
    }

    fn list(&self) -> Option<&[Value]> {
        match self {
            Self::Json(value) => value.as_array().map(Vec::as_slice),
            Self::Text(_) => None,
        }
    }

    /// Its text, as it stands in a text with variables: of a list or object its JSON.
    pub fn to_text(&self) -> Cow<'_, str> {
        match (self.scalar(), self) {
            (Scalar::Text(text), _) => Cow::Borrowed(text),
            (Scalar::Number(number), _) => Cow::Owned(double_text(number)),
            (Scalar::Flag(flag), _) => Cow::Borrowed(if flag { "true" } else { "false" }),
            (Scalar::Other, Self::Json(value)) => Cow::Owned(value.to_string()),
            (Scalar::Other, Self::Text(text)) => Cow::Borrowed(text),
        }
    }
}

impl<'v> Variable<'v> {
    /// The same for who keeps the text.
    pub fn into_text(self) -> Cow<'v, str> {
        match self {
            Self::Text(text) => text,
            other => Cow::Owned(other.to_text().into_owned()),
        }
    }
}

// === impl Operand ===

impl Operand {
    fn equals(&self, variable: Option<&Variable<'_>>) -> bool {
        match (self, variable) {
            (Self::Absent, None) => true,
            (Self::Absent, Some(_)) | (_, None) => false,
            // With a number a text is read as one.
            (Self::Number(expected), Some(variable)) => variable.number() == Some(*expected),
            (other, Some(variable)) => other.is(variable.scalar()),
        }
    }

    /// Whether it is the same value, of the same kind.
    fn is(&self, scalar: Scalar<'_>) -> bool {
        match (self, scalar) {
            (Self::Text(own), Scalar::Text(text)) => own == text,
            (Self::Number(own), Scalar::Number(number)) => *own == number,
            (Self::Flag(own), Scalar::Flag(flag)) => *own == flag,
            _ => false,
        }
    }
}

// === impl Order ===

impl Order {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
        }
    }
}

/// A number as Lua reads it: decimal or `0x…`, blanks around it.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        // `from_str_radix` takes a sign of its own.
        let is_hex = hex.starts_with(|c: char| c.is_ascii_hexdigit());
        return u64::from_str_radix(hex, 16).ok().filter(|_| is_hex).map(|n| sign * n as f64);
    }
    // Rust reads names of infinity too, Lua's callers never mean them.
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests;
