//! From the document of an expression to its terms.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::{Comparison, Error, Group, Logic, Operand, Order, Sense, Term, Test, number};
use crate::lenient::number_text;
use crate::pattern::{Case, Pattern};

/// How deep expressions may be nested; evaluating recurses as deep.
const MAX_DEPTH: usize = 32;

pub(super) fn parse(document: &Value) -> Result<Option<Group>, Error> {
    let rules = match document {
        Value::Array(rules) => rules,
        Value::Object(map) if map.is_empty() => return Ok(None),
        _ => return Err(Error::Invalid),
    };
    match rules.first() {
        None => return Ok(None),
        Some(Value::Array(_) | Value::Object(_)) => {}
        Some(first) => {
            Logic::named(first).ok_or(Error::NotWrapped)?;
        }
    }
    match term(document, 0)? {
        Term::Group(group) => Ok(Some(group)),
        Term::Comparison(_) => Err(Error::NotWrapped),
    }
}

fn term(document: &Value, depth: usize) -> Result<Term, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    let rules = match document {
        Value::Array(rules) => rules.as_slice(),
        Value::Object(map) if map.is_empty() => &[],
        _ => return Err(Error::Invalid),
    };
    let group = |logic, rules: &[Value]| {
        let terms = rules.iter().map(|rule| term(rule, depth + 1)).collect::<Result<_, _>>()?;
        Ok(Term::Group(Group { logic, terms }))
    };
    match rules.first() {
        None => Err(Error::TooShort),
        Some(Value::Array(_) | Value::Object(_)) => group(Logic::And, rules),
        Some(first) => match Logic::named(first) {
            Some(_) if rules.len() <= 2 => Err(Error::TooShort),
            Some(logic) => group(logic, &rules[1..]),
            None => comparison(rules).map(Term::Comparison),
        },
    }
}

fn comparison(rules: &[Value]) -> Result<Comparison, Error> {
    let (name, sense, op, operand) = match rules {
        [name, not, op, operand] => {
            if not.as_str() != Some("!") {
                return Err(Error::BadNot);
            }
            (name, Sense::Negated, Some(op), Some(operand))
        }
        [name, rest @ ..] => (name, Sense::Plain, rest.first(), rest.get(1)),
        [] => return Err(Error::TooShort),
    };
    let name: Box<str> = name.as_str().ok_or(Error::Invalid)?.into();
    let op = text(op.ok_or(Error::Invalid)?).ok_or(Error::Invalid)?.to_lowercase();
    let test = match operand {
        // Two elements are a comparison for equality. That its text is in lower case is how it always was.
        None if !is_operator(&op) => Test::Equal(Operand::Text(op)),
        operand => test(&op, operand.unwrap_or(&Value::Null))?,
    };
    Ok(Comparison { name, sense, test })
}

fn is_operator(op: &str) -> bool {
    matches!(op, "==" | "~=" | ">" | ">=" | "<" | "<=" | "~~" | "~*" | "in" | "has" | "ipmatch")
}

fn test(op: &str, operand: &Value) -> Result<Test, Error> {
    let ordered = |order| Test::Ordered(order, text(operand).as_deref().and_then(number));
    Ok(match op {
        "==" => Test::Equal(Operand::of(operand)),
        "~=" => Test::Unequal(Operand::of(operand)),
        ">" => ordered(Order::Greater),
        ">=" => ordered(Order::GreaterOrEqual),
        "<" => ordered(Order::Less),
        "<=" => ordered(Order::LessOrEqual),
        "~~" => Test::Matches(Pattern::compile(&text(operand).ok_or(Error::Invalid)?, Case::Sensitive)?),
        "~*" => Test::Matches(Pattern::compile(&text(operand).ok_or(Error::Invalid)?, Case::Insensitive)?),
        "in" => Test::OneOf(operand.as_array().into_iter().flatten().map(Operand::of).collect()),
        "has" => Test::Holds(Operand::of(operand)),
        "ipmatch" => Test::Address(networks(operand)?),
        other => return Err(Error::Operator(other.to_owned())),
    })
}

fn networks(operand: &Value) -> Result<Vec<IpNet>, Error> {
    let networks = match operand {
        Value::Array(list) => list.as_slice(),
        Value::String(text) if !text.is_empty() => std::slice::from_ref(operand),
        Value::String(_) | Value::Null | Value::Bool(false) | Value::Object(_) => &[],
        other => return Err(Error::Address(other.to_string())),
    };
    if networks.is_empty() {
        return Err(Error::NoAddress);
    }
    networks.iter().map(network).collect()
}

fn network(text: &Value) -> Result<IpNet, Error> {
    let Some(text) = text.as_str() else { return Err(Error::Address(text.to_string())) };
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| Error::Address(text.to_owned()))
}

/// The text of a text or number.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number_text(number)),
        _ => None,
    }
}

// === impl Logic ===

impl Logic {
    fn named(name: &Value) -> Option<Self> {
        Some(match name.as_str()?.to_ascii_uppercase().as_str() {
            "AND" => Self::And,
            "OR" => Self::Or,
            "!AND" => Self::NotAnd,
            "!OR" => Self::NotOr,
            _ => return None,
        })
    }
}

// === impl Operand ===

impl Operand {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(number) => number.as_f64().map_or(Self::Other, Self::Number),
            Value::Null => Self::Absent,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }
}
