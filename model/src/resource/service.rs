//! Services.

use serde::Deserialize;

use super::{Labels, Plugins, Upstream};
use crate::{Id, lenient};

/// What several routes share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// The hosts of its routes that name none.
    #[serde(deserialize_with = "lenient::list")]
    pub hosts: Vec<String>,
    /// Plugins of its routes.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
    /// Where requests go; goes before `upstream_id`.
    pub upstream: Option<Upstream>,
    /// Where requests go.
    pub upstream_id: Option<Id>,
    /// Whether requests may become WebSockets.
    pub enable_websocket: Option<bool>,
}
