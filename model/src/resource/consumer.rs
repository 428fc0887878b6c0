//! Consumers.

use serde::Deserialize;

use super::{Labels, Plugins};
use crate::{Id, Username, lenient};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Consumer {
    /// Its name; the key of the key space names it too.
    pub username: Username,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// How it proves who it is, and what happens to its requests.
    #[serde(default, deserialize_with = "lenient::object")]
    pub plugins: Plugins,
    /// Plugins shared with other consumers.
    #[serde(default)]
    pub group_id: Option<Id>,
}
