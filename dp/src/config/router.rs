//! Section `router`.

use serde::Deserialize;

/// How requests find their routes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Router {
    /// For HTTP.
    pub http: HttpRouter,
}

/// The routers of APISIX, by their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpRouter {
    /// Host first, then path; `:` in a path is a colon.
    #[default]
    RadixtreeHostUri,
    /// Path first; a route's host is a condition like others.
    RadixtreeUri,
    /// The same, and `:name` in a path stands for a segment, `*name` for the rest.
    RadixtreeUriWithParameter,
}
