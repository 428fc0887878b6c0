//! Conditions over variables, as `vars` of a route and `_meta.filter` of a plugin write them.
//!
//! `[["arg_x", "==", "1"], ["OR", ["host", "in", ["a", "b"]], ["remote_addr", "ipmatch", ["10.0.0.0/8"]]]]`

use std::net::IpAddr;

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::context::Context;
use crate::vars::Var;

/// How deep conditions may be nested. Deeper ones are a mistake or an attack on the stack.
const MAX_DEPTH: usize = 32;

/// A compiled condition.
#[derive(Debug, Clone)]
pub enum Expr {
    /// All of these.
    All(Vec<Expr>),
    /// At least one of these.
    Any(Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// One comparison.
    Compare {
        /// Left side.
        var: Var,
        /// Operator with its right side.
        test: Test,
    },
}

/// An operator with its right side, ready to run.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are the operators")]
pub enum Test {
    EqualNumber(f64),
    EqualText(Box<str>),
    /// Compared with null, or with what a text can never be.
    Absent,
    Never,
    Greater(f64),
    GreaterEqual(f64),
    Less(f64),
    LessEqual(f64),
    Matches(Regex),
    In(Vec<Box<str>>),
    IpMatch(Vec<IpNet>),
}

/// Why a condition cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("rule should be an array")]
    NotArray,
    #[error("rule should be wrapped inside brackets")]
    NotWrapped,
    #[error("rule too short")]
    TooShort,
    #[error("rule nested too deeply")]
    TooDeep,
    #[error("invalid expression")]
    Invalid,
    #[error("invalid operator '{0}'")]
    Operator(String),
    #[error("bad 'not' expression")]
    Not,
    #[error("invalid regular expression: {0}")]
    Regex(#[from] regex::Error),
    #[error("invalid address or network: {0}")]
    Network(String),
}

// === impl Expr ===

impl Expr {
    /// Compiles the JSON form; an empty list is always true.
    pub fn compile(rule: &Value) -> Result<Self, Error> {
        let items = rule.as_array().ok_or(Error::NotArray)?;
        match items.first() {
            None => Ok(Self::All(Vec::new())),
            Some(Value::Array(_)) => group(items, 0),
            Some(Value::String(word)) if Logic::parse(word).is_some() => group(items, 0),
            Some(_) => Err(Error::NotWrapped),
        }
    }

    /// Whether it holds for this request.
    #[must_use]
    pub fn holds(&self, context: &Context<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|e| e.holds(context)),
            Self::Any(any) => any.iter().any(|e| e.holds(context)),
            Self::Not(inner) => !inner.holds(context),
            Self::Compare { var, test } => test.passes(var.read(context).as_deref()),
        }
    }
}

#[derive(Clone, Copy)]
enum Logic {
    And,
    Or,
    NotAnd,
    NotOr,
}

impl Logic {
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_str() {
            "AND" => Self::And,
            "OR" => Self::Or,
            "!AND" => Self::NotAnd,
            "!OR" => Self::NotOr,
            _ => return None,
        })
    }
}

fn group(items: &[Value], depth: usize) -> Result<Expr, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    match items.first().ok_or(Error::TooShort)? {
        Value::Array(_) => Ok(Expr::All(members(items, depth)?)),
        Value::String(word) => match Logic::parse(word) {
            Some(_) if items.len() < 3 => Err(Error::TooShort),
            Some(logic) => {
                let members = members(&items[1..], depth)?;
                Ok(match logic {
                    Logic::And => Expr::All(members),
                    Logic::Or => Expr::Any(members),
                    Logic::NotAnd => Expr::Not(Box::new(Expr::All(members))),
                    Logic::NotOr => Expr::Not(Box::new(Expr::Any(members))),
                })
            }
            None => comparison(items),
        },
        _ => Err(Error::Invalid),
    }
}

fn members(items: &[Value], depth: usize) -> Result<Vec<Expr>, Error> {
    items.iter().map(|item| group(item.as_array().ok_or(Error::Invalid)?, depth + 1)).collect()
}

fn comparison(items: &[Value]) -> Result<Expr, Error> {
    let text = |at: usize| items.get(at).and_then(Value::as_str);
    let var = Var::parse(text(0).ok_or(Error::Invalid)?);
    match items.len() {
        4 if text(1) == Some("!") && items[2] == "~=" => {
            Ok(Expr::Compare { var, test: Test::compile("==", &items[3])? })
        }
        4 if text(1) == Some("!") => {
            let test = Test::compile(text(2).ok_or(Error::Invalid)?, &items[3])?;
            Ok(Expr::Not(Box::new(Expr::Compare { var, test })))
        }
        4 => Err(Error::Not),
        3 if items[1] == "~=" => {
            let test = Test::compile("==", &items[2])?;
            Ok(Expr::Not(Box::new(Expr::Compare { var, test })))
        }
        3 => Ok(Expr::Compare { var, test: Test::compile(text(1).ok_or(Error::Invalid)?, &items[2])? }),
        // ["arg_x", "1"] is short for equality.
        2 => Ok(Expr::Compare { var, test: Test::compile("==", &items[1])? }),
        _ => Err(Error::Invalid),
    }
}

// === impl Test ===

impl Test {
    fn compile(operator: &str, right: &Value) -> Result<Self, Error> {
        let number = || match right {
            Value::Number(n) => n.as_f64(),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        };
        let pattern = |insensitive: bool| match right {
            Value::String(text) => RegexBuilder::new(text).case_insensitive(insensitive).build(),
            other => RegexBuilder::new(&other.to_string()).case_insensitive(insensitive).build(),
        };
        Ok(match operator.to_ascii_lowercase().as_str() {
            "==" => match right {
                Value::Number(n) => n.as_f64().map_or(Self::Never, Self::EqualNumber),
                Value::String(text) => Self::EqualText(text.as_str().into()),
                Value::Null => Self::Absent,
                _ => Self::Never,
            },
            ">" => number().map_or(Self::Never, Self::Greater),
            ">=" => number().map_or(Self::Never, Self::GreaterEqual),
            "<" => number().map_or(Self::Never, Self::Less),
            "<=" => number().map_or(Self::Never, Self::LessEqual),
            "~~" => Self::Matches(pattern(false)?),
            "~*" => Self::Matches(pattern(true)?),
            "in" => Self::In(strings(right)),
            // A variable of a request is a text and never a list, so it has no elements.
            "has" => Self::Never,
            "ipmatch" => Self::IpMatch(strings(right).iter().map(|n| network(n)).collect::<Result<_, _>>()?),
            other => return Err(Error::Operator(other.to_owned())),
        })
    }

    fn passes(&self, left: Option<&str>) -> bool {
        let number = || left.and_then(|text| text.trim().parse::<f64>().ok());
        match self {
            Self::EqualNumber(right) => number() == Some(*right),
            Self::EqualText(right) => left == Some(right),
            Self::Absent => left.is_none(),
            Self::Never => false,
            Self::Greater(right) => number().is_some_and(|l| l > *right),
            Self::GreaterEqual(right) => number().is_some_and(|l| l >= *right),
            Self::Less(right) => number().is_some_and(|l| l < *right),
            Self::LessEqual(right) => number().is_some_and(|l| l <= *right),
            Self::Matches(regex) => left.is_some_and(|text| regex.is_match(text)),
            Self::In(list) => left.is_some_and(|text| list.iter().any(|item| **item == *text)),
            Self::IpMatch(networks) => left
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|ip| networks.iter().any(|network| network.contains(&ip))),
        }
    }
}

/// Parses an address or a network.
pub fn network(text: &str) -> Result<IpNet, Error> {
    let parsed = match text.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    };
    parsed.ok_or_else(|| Error::Network(text.to_owned()))
}

fn strings(value: &Value) -> Vec<Box<str>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.as_str().into()),
        // A request's value is a text, so a number in the list equals no value (as in APISIX).
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;

    #[test]
    fn conditions_hold_or_not() {
        let head = http::Request::get("/p?n=10&s=Hello&neg=-3").header("host", "a.example").header("x-v", "v1");
        with_context(head, |context| {
            let cases = [
                ("[]", true),
                (r#"[["arg_n","==","10"]]"#, true),
                (r#"[["arg_n","==",10]]"#, true),
                (r#"[["arg_n","10"]]"#, true),
                (r#"[["arg_n","~=",10]]"#, false),
                (r#"[["arg_x","~=","10"]]"#, true),
                (r#"[["arg_x","~=",10]]"#, true),
                (r#"[["arg_x","==",null]]"#, true),
                (r#"[["arg_n","==",null]]"#, false),
                (r#"[["arg_n",">",9]]"#, true),
                (r#"[["arg_n",">","10"]]"#, false),
                (r#"[["arg_n",">=",10]]"#, true),
                (r#"[["arg_neg","<",0]]"#, true),
                (r#"[["arg_s","<",0]]"#, false),
                (r#"[["arg_n","<=",9]]"#, false),
                (r#"[["arg_s","~~","^Hel"]]"#, true),
                (r#"[["arg_s","~~","^hel"]]"#, false),
                (r#"[["arg_s","~*","^hel"]]"#, true),
                (r#"[["arg_s","in",["x","Hello"]]]"#, true),
                (r#"[["arg_n","in",[10]]]"#, false),
                (r#"[["arg_s","!","in",["x"]]]"#, true),
                (r#"[["arg_s","IN",["x"]]]"#, false),
                (r#"[["arg_s","has","H"]]"#, false),
                (r#"[["remote_addr","ipmatch",["10.0.0.0/8","192.0.2.0/24"]]]"#, true),
                (r#"[["remote_addr","!","ipmatch",["192.0.2.7"]]]"#, false),
                (r#"[["http_x_v","==","v1"],["host","==","b.example"]]"#, false),
                (r#"["OR",["http_x_v","==","v2"],["host","==","a.example"]]"#, true),
                (r#"["!OR",["http_x_v","==","v2"],["host","==","a.example"]]"#, false),
                (r#"["!AND",["http_x_v","==","v2"],["host","==","a.example"]]"#, true),
                (r#"[["AND",["http_x_v","==","v1"],["or",["uri","==","/p"],["uri","==","/q"]]]]"#, true),
            ];
            for (rule, expected) in cases {
                let expr = Expr::compile(&serde_json::from_str(rule).unwrap()).unwrap();
                assert_eq!(expr.holds(context), expected, "{rule}");
            }
        });
    }

    #[test]
    fn nonsense_is_refused() {
        let cases = [
            (r#"["arg_x","==","1"]"#, "rule should be wrapped inside brackets"),
            (r#"[["arg_x","=>","1"]]"#, "invalid operator '=>'"),
            (r#"["OR",["arg_x","==","1"]]"#, "rule too short"),
            (r#"[["arg_x","not","in","1"]]"#, "bad 'not' expression"),
            (r#"[["remote_addr","ipmatch",["10.0.0.0/99"]]]"#, "invalid address or network: 10.0.0.0/99"),
            (r#"{"a":1}"#, "rule should be an array"),
            (r#"[[]]"#, "rule too short"),
        ];
        for (rule, message) in cases {
            let error = Expr::compile(&serde_json::from_str(rule).unwrap()).unwrap_err();
            assert_eq!(error.to_string(), message, "{rule}");
        }
        let mut deep = serde_json::json!(["arg_x", "==", "1"]);
        for _ in 0..100 {
            deep = serde_json::json!([deep]);
        }
        assert!(matches!(Expr::compile(&deep), Err(Error::TooDeep)));
        assert!(matches!(Expr::compile(&serde_json::json!([["arg_x", "~~", "("]])), Err(Error::Regex(_))));
    }
}
