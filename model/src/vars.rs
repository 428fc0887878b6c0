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

use crate::pattern::{self, Pattern};

mod parse;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    root: Option<Group>,
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
    OneOf(Vec<String>),
    /// `has` asks a list for a member. Variables are texts, so it is never true.
    Never,
    Address(Vec<IpNet>),
}

/// What a variable is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(String),
    Number(f64),
    /// `null`: the variable is absent.
    Absent,
    /// A boolean, list or object: equal to no text.
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
    pub fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Cow<'v, str>>) -> bool {
        self.root.as_ref().is_none_or(|group| group.eval(lookup))
    }

    /// Whether it is true of every request.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

// === impl Group ===

impl Group {
    fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Cow<'v, str>>) -> bool {
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
    fn eval<'v>(&self, lookup: &impl Fn(&str) -> Option<Cow<'v, str>>) -> bool {
        match self {
            Self::Group(group) => group.eval(lookup),
            Self::Comparison(comparison) => {
                let holds = comparison.test.holds(lookup(&comparison.name).as_deref());
                holds == (comparison.sense == Sense::Plain)
            }
        }
    }
}

// === impl Test ===

impl Test {
    fn holds(&self, variable: Option<&str>) -> bool {
        match self {
            Self::Equal(operand) => operand.equals(variable),
            Self::Unequal(operand) => !operand.equals(variable),
            Self::Ordered(order, Some(limit)) => {
                variable.and_then(number).is_some_and(|value| order.holds(value, *limit))
            }
            Self::Matches(pattern) => variable.is_some_and(|text| pattern.is_match(text)),
            Self::OneOf(texts) => variable.is_some_and(|text| texts.iter().any(|one| one == text)),
            Self::Address(networks) => variable
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address))),
            Self::Ordered(_, None) | Self::Never => false,
        }
    }
}

// === impl Operand ===

impl Operand {
    fn equals(&self, variable: Option<&str>) -> bool {
        match self {
            Self::Text(text) => variable == Some(text),
            Self::Number(expected) => variable.and_then(number).is_some_and(|value| value == *expected),
            Self::Absent => variable.is_none(),
            Self::Other => false,
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
