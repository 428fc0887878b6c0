//! The conditions of a route beyond host and path.

use std::sync::Arc;

use http::Method;
use ipnet::IpNet;
use serde_json::Value;

use super::Pattern;
use crate::config::HttpRouter;
use crate::context::Context;
use crate::expr::{self, Expr};

/// Conditions of a route, as configured.
#[derive(Debug, Default, Clone)]
#[expect(missing_docs, reason = "the names are those of the route")]
pub struct MatcherSpec<'v> {
    pub hosts: Vec<String>,
    pub uris: Vec<String>,
    pub methods: Vec<String>,
    pub remote_addrs: Vec<String>,
    pub vars: Option<&'v Value>,
    pub priority: i64,
    pub router: HttpRouter,
}

/// Conditions of a route, compiled.
#[derive(Debug, Default)]
pub struct Matcher {
    /// Lower-case; `*…` for a wildcard. Empty: any host.
    pub hosts: Vec<Arc<str>>,
    /// Whether the host is asked for after the path, as a condition.
    pub by_path: bool,
    /// The paths.
    pub paths: Vec<Arc<Pattern>>,
    /// Higher goes first among routes of one path.
    pub priority: i64,
    methods: Methods,
    networks: Vec<IpNet>,
    vars: Option<Expr>,
}

/// A set of methods; empty stands for all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Methods(u16);

/// Why a route's conditions cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum MatcherError {
    #[error("the route has no uri")]
    NoUri,
    #[error("method {0:?} is not known")]
    Method(String),
    #[error("remote_addr: {0:?} is no address and no network")]
    RemoteAddr(String),
    #[error("failed to validate the 'vars' expression: {0}")]
    Vars(expr::Error),
}

// === impl Matcher ===

impl Matcher {
    /// Compiles the conditions.
    pub fn compile(spec: &MatcherSpec<'_>) -> Result<Self, MatcherError> {
        if spec.uris.is_empty() {
            return Err(MatcherError::NoUri);
        }
        let mut methods = Methods::default();
        for method in &spec.methods {
            methods.0 |= method_bit(method).ok_or_else(|| MatcherError::Method(method.clone()))?;
        }
        let pattern = match spec.router {
            HttpRouter::RadixtreeUriWithParameter => Pattern::with_variables,
            HttpRouter::RadixtreeHostUri | HttpRouter::RadixtreeUri => Pattern::plain,
        };
        let network = |text: &String| expr::network(text).ok_or_else(|| MatcherError::RemoteAddr(text.clone()));
        Ok(Self {
            by_path: spec.router != HttpRouter::RadixtreeHostUri,
            hosts: distinct(spec.hosts.iter().map(|host| host.to_ascii_lowercase())).map(Arc::from).collect(),
            paths: distinct(spec.uris.iter().cloned()).map(|uri| Arc::new(pattern(&uri))).collect(),
            priority: spec.priority,
            methods,
            networks: spec.remote_addrs.iter().map(network).collect::<Result<_, _>>()?,
            vars: spec.vars.map(Expr::compile).transpose().map_err(MatcherError::Vars)?,
        })
    }

    /// Its host that this request asks for, when hosts are conditions; empty without one.
    #[must_use]
    pub fn host_of(&self, context: &Context<'_>) -> Option<&str> {
        let asked = context.request.host();
        let fits = |host: &&Arc<str>| match host.strip_prefix('*') {
            Some(rest) => asked.ends_with(rest),
            None => ***host == *asked,
        };
        if self.hosts.is_empty() { Some("") } else { self.hosts.iter().find(fits).map(|host| &**host) }
    }

    /// Whether a request, whose path and place in the tree fit, meets the rest.
    #[must_use]
    pub fn accepts(&self, context: &Context<'_>) -> bool {
        (!self.by_path || self.host_of(context).is_some())
            && self.methods.accept(&context.request.parts.method)
            && (self.networks.is_empty() || {
                let ip = context.request.connection.remote.ip();
                self.networks.iter().any(|network| network.contains(&ip))
            })
            && self.vars.as_ref().is_none_or(|vars| vars.holds(context))
    }
}

// === impl Methods ===

impl Methods {
    fn accept(self, method: &Method) -> bool {
        self.0 == 0 || method_bit(method.as_str()).is_some_and(|bit| self.0 & bit != 0)
    }
}

fn method_bit(method: &str) -> Option<u16> {
    Some(match method {
        "GET" => 1,
        "POST" => 1 << 1,
        "PUT" => 1 << 2,
        "DELETE" => 1 << 3,
        "PATCH" => 1 << 4,
        "HEAD" => 1 << 5,
        "OPTIONS" => 1 << 6,
        "CONNECT" => 1 << 7,
        "TRACE" => 1 << 8,
        "PURGE" => 1 << 9,
        _ => return None,
    })
}

/// Without repetitions, in order: a path named twice must not be inserted twice.
fn distinct(items: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut seen = std::collections::HashSet::new();
    items.filter(move |item| seen.insert(item.clone()))
}
