//! `If-Match`: what a resource must be for a change to happen, decided inside the append.

use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue};
use portolan_eventstore::{KeyValue, Refusal};

/// What must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It is there.
    Exists,
    /// It was last changed by this revision; 0 = it is not there.
    Modified(i64),
}

// === impl Condition ===

impl Condition {
    /// Reads the header `If-Match`: `*`, or a revision with or without quotation marks.
    ///
    /// # Errors
    /// When it is neither.
    pub fn of(headers: &HeaderMap) -> Result<Self, String> {
        let mut values = headers.get_all(IF_MATCH).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::None),
            (Some(value), None) => Self::read(value).ok_or_else(|| "If-Match must be a revision or *".to_owned()),
            (Some(_), Some(_)) => Err("If-Match is given twice".to_owned()),
        }
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?.trim();
        if text == "*" {
            return Some(Self::Exists);
        }
        let unquoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        unquoted.parse().ok().filter(|revision| *revision >= 0).map(Self::Modified)
    }

    /// The refusal, when it does not hold.
    pub fn refused(self, found: Option<&KeyValue>) -> Option<Refusal> {
        let modified = found.map_or(0, |kv| kv.mod_revision);
        let text = match self {
            Self::Exists if found.is_none() => "the resource does not exist".to_owned(),
            Self::Modified(wanted) if wanted != modified => format!("modifiedIndex is {modified}, not {wanted}"),
            _ => return None,
        };
        Some(Refusal::invalid(412, text))
    }
}
