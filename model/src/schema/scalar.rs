//! What a schema says about texts and numbers.

use serde_json::Number;

use super::Outcome;
use super::quote::quoted;
use crate::lenient::{double_text, number_text};
use crate::pattern::Pattern;

#[derive(Clone, Debug, Default)]
pub(super) struct StringRules {
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) pattern: Option<Pattern>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct NumberRules {
    pub(super) bounds: Vec<Bound>,
    pub(super) multiple_of: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) relation: Relation,
    pub(super) limit: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    AtLeast,
    GreaterThan,
    AtMost,
    SmallerThan,
}

// === impl StringRules ===

impl StringRules {
    pub(super) fn check(&self, text: &str) -> Outcome {
        if self.min.is_some() || self.max.is_some() {
            let length = text.chars().count();
            if let Some(min) = self.min.filter(|min| length < *min) {
                return Err(format!("string too short, expected at least {min}, got {length}"));
            }
            if let Some(max) = self.max.filter(|max| length > *max) {
                return Err(format!("string too long, expected at most {max}, got {length}"));
            }
        }
        match &self.pattern {
            Some(pattern) if !pattern.is_match(text) => {
                Err(format!("failed to match pattern {} with {}", quoted(pattern.as_str()), quoted(text)))
            }
            _ => Ok(()),
        }
    }
}

// === impl NumberRules ===

impl NumberRules {
    pub(super) fn check(&self, number: &Number) -> Outcome {
        let value = number.as_f64().unwrap_or(f64::NAN);
        for bound in &self.bounds {
            if !bound.holds(value) {
                let (text, limit) = (number_text(number), double_text(bound.limit));
                return Err(format!("expected {text} to be {} {limit}", bound.relation.text()));
            }
        }
        match self.multiple_of {
            Some(unit) if !is_multiple(value, unit) => {
                Err(format!("expected {} to be a multiple of {}", number_text(number), double_text(unit)))
            }
            _ => Ok(()),
        }
    }
}

/// With a tolerance for units that doubles cannot hold: 1.13 is a multiple of 0.01.
fn is_multiple(value: f64, unit: f64) -> bool {
    if unit % 1.0 == 0.0 {
        return value % unit == 0.0;
    }
    let quotient = value / unit;
    let rounded = (quotient + 0.5).floor();
    let magnitude = if rounded == 0.0 { 1.0 } else { rounded.abs() };
    (quotient - rounded).abs() <= 1e-12 * magnitude
}

// === impl Bound ===

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self.relation {
            Relation::AtLeast => value >= self.limit,
            Relation::GreaterThan => value > self.limit,
            Relation::AtMost => value <= self.limit,
            Relation::SmallerThan => value < self.limit,
        }
    }
}

// === impl Relation ===

impl Relation {
    const fn text(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::GreaterThan => "greater than",
            Self::AtMost => "at most",
            Self::SmallerThan => "smaller than",
        }
    }
}
