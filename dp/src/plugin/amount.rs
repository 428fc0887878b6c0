//! Numbers in a configuration that may come from the request.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::vars::{Template, Var};

/// Above it a number in JSON is no longer exact everywhere.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// A number, or a text with variables that comes to one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Amount {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

/// The compiled form.
#[derive(Debug)]
pub enum Bound {
    /// A number.
    Number(u64),
    /// What a text comes to.
    Text(Template),
}

// === impl Amount ===

impl Amount {
    /// Says in a schema what an amount is.
    pub fn refine(properties: &mut Value, name: &str, least: u64) {
        let about = properties[name]["description"].take();
        properties[name] = json!({
            "description": about,
            "oneOf": [{"type": "integer", "minimum": least}, {"type": "string"}],
        });
    }
}

// === impl Bound ===

impl Bound {
    /// Of what is configured.
    #[must_use]
    pub fn compile(amount: Amount) -> Self {
        match amount {
            Amount::Number(number) => Self::Number(number),
            Amount::Text(text) => Self::Text(Template::parse(&text)),
        }
    }

    /// The number for this request; none when the text comes to something else.
    #[must_use]
    pub fn read(&self, context: &Context<'_>) -> Option<u64> {
        self.read_with(&|var| var.read(context))
    }

    /// The same with values from elsewhere.
    #[must_use]
    pub fn read_with<'v>(&self, read: &dyn Fn(&Var) -> Option<Cow<'v, str>>) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(template) => {
                let number = template.render_with(read).0.trim().parse::<f64>().ok()?;
                let whole = number.fract() == 0.0 && (0.0..=LARGEST).contains(&number);
                whole.then_some(number as u64)
            }
        }
    }
}
