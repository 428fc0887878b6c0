//! Section `router`.

use serde::Deserialize;

use crate::path_rules::PathRules;

/// How requests find their routes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Router {
    /// For HTTP.
    pub http: HttpRouter,
    /// A slash at the end of a path is no part of it.
    pub delete_uri_tail_slash: bool,
    /// Parameters of segments, such as `;jsessionid=1`, are no part of the path.
    pub normalize_uri_like_servlet: bool,
    /// A slash that came as `%2F` separates nothing.
    pub match_uri_encoded_slash: bool,
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

// === impl Router ===

impl Router {
    /// What becomes of paths before routes are asked.
    #[must_use]
    pub fn path_rules(&self) -> PathRules {
        PathRules {
            delete_tail_slash: self.delete_uri_tail_slash,
            like_servlet: self.normalize_uri_like_servlet,
            match_encoded_slash: self.match_uri_encoded_slash,
        }
    }
}
