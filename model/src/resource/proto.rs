//! Definitions in Protocol Buffers.

use serde::Deserialize;

use super::Labels;
use crate::{Id, lenient};

/// A definition in Protocol Buffers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Proto {
    /// Its id; the key of the key space names it too.
    #[serde(default)]
    pub id: Option<Id>,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// The text of a `.proto` file, or a file descriptor set in base64.
    pub content: String,
}
