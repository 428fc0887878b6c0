//! What a plugin is: a configuration, its compiled form, and functions for the phases it takes part in.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attempts::{self, Earlier};
use crate::context::Context;
use crate::upstream::Node;

pub mod amount;
pub mod auth;
mod body_filter;
mod chain;
pub mod fields;
pub mod limit_key;
mod meta;
mod per_plugin;
pub mod redis;
pub(crate) mod references;
mod schema;
mod scope;
pub mod sharded;

pub use body_filter::{BodyFilter, announce_changed_body};
pub use chain::{Chain, Instance, Phase, Place};
pub use meta::Meta;
pub use per_plugin::PerPlugin;
pub use schema::{contract, of as schema_of, with_meta};
pub use scope::{Background, Scope, State, Surroundings};

/// What a phase decided.
pub enum Flow<'a> {
    /// Go on with the next plugin.
    Continue,
    /// Answer with this; the upstream is not asked.
    Respond(Answer),
    /// The decision takes I/O. It ends in one of the other two.
    Wait(Pin<Box<dyn Future<Output = Flow<'a>> + 'a>>),
}

/// What an authentication plugin keeps of a consumer's configuration: passwords and keys in the form that requests need.
/// `None` when the identity itself is the secret.
pub type Proof = Option<Arc<dyn Any + Send + Sync>>;

/// An answer of the gateway itself.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers; content-length is set by whoever sends it.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// What is known of a request only when it is over; for the log phase.
#[derive(Debug)]
pub struct Summary {
    /// From the request's head to the end of the response.
    pub latency: Duration,
    /// From the choice of the first node to the head of its response; unset without one.
    pub upstream_latency: Option<Duration>,
    /// Bytes of the request body.
    pub received: u64,
    /// Bytes of the response body.
    pub sent: u64,
    /// The node that was asked last.
    pub node: Option<Arc<Node>>,
    /// How long it took; unset without a node.
    pub last_attempt: Option<LastAttempt>,
    /// Nodes that were asked in vain before it.
    pub earlier: Earlier,
}

/// From the choice of a node on.
#[derive(Debug, Clone, Copy)]
pub struct LastAttempt {
    /// To the head of its response; unset when none came.
    pub head: Option<Duration>,
    /// To the end.
    pub whole: Duration,
}

impl Summary {
    /// The nodes that were asked.
    #[must_use]
    pub fn nodes(&self) -> Option<String> {
        let last = self.node.as_ref()?.name();
        Some(self.earlier.listed(|attempted| attempted.node.name(), last))
    }

    /// How long each took, in seconds.
    #[must_use]
    pub fn attempts(&self) -> Option<String> {
        let last = self.last_attempt?.whole;
        Some(self.earlier.listed(|attempted| attempts::seconds(attempted.took), attempts::seconds(last)))
    }

    /// How long the head of each response took.
    #[must_use]
    pub fn heads(&self) -> Option<String> {
        let last = self.last_attempt?.head.map_or_else(|| "-".to_owned(), attempts::seconds);
        Some(self.earlier.listed(|_| "-", last))
    }
}

/// Waits for the end of one response.
pub trait Logger {
    /// After the last byte, or when the client has gone away.
    fn log(self: Box<Self>, summary: &Summary);
}

/// The phases, in the order in which a request passes them. Each does nothing unless the plugin says otherwise.
///
/// A plugin names the phases it takes part in ([`Plugin::PHASES`]); the others are not called at all.
pub trait Phases: Send + Sync {
    /// First: who is it, what is asked; may change the request before routing to an upstream.
    fn rewrite<'a>(&'a self, _context: &'a mut Context<'_>) -> Flow<'a> {
        Flow::Continue
    }

    /// May the request pass.
    fn access<'a>(&'a self, _context: &'a mut Context<'_>) -> Flow<'a> {
        Flow::Continue
    }

    /// Last change of the request, just before the upstream is asked.
    fn before_proxy<'a>(&'a self, _context: &'a mut Context<'_>) -> Flow<'a> {
        Flow::Continue
    }

    /// The head of the response, be it the upstream's or the gateway's own ([`Context::upstream_status`] tells what became of
    /// the upstream).
    fn header_filter(&self, _context: &mut Context<'_>, _response: &mut Parts) {}

    /// A filter for this response's body, if it needs one. The response has no Content-Length then.
    fn body_filter(&self, _context: &mut Context<'_>, _response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        None
    }

    /// Who is told when the response is over, if anybody wants to know. The final head is there; what the entry needs
    /// of request and response is taken now.
    fn logger(&self, _context: &mut Context<'_>, _response: &Parts) -> Option<Box<dyn Logger>> {
        None
    }
}

/// A plugin's identity, configuration and compilation.
pub trait Plugin: Phases + Sized + 'static {
    /// Name in `plugins`.
    const NAME: &'static str;
    /// Higher runs first.
    const PRIORITY: i64;
    /// Version that the plugin list shows.
    const VERSION: f64;
    /// Phases that it takes part in.
    const PHASES: Phase;
    /// For an authentication plugin: the field of a consumer's configuration that names the caller uniquely.
    const IDENTITY: Option<&'static str> = None;
    /// Fields that the control plane encrypts at rest and masks in answers.
    const ENCRYPT_FIELDS: &'static [&'static str] = &[];

    /// Configuration on routes and services.
    type Config: DeserializeOwned + JsonSchema;

    /// Makes the form that requests use: regexes, keys and networks are built here, once per change.
    fn compile(config: Self::Config, scope: &Scope<'_>) -> Result<Self, Error>;

    /// Makes what requests of a consumer are checked against of the configuration on it, which matches the schema.
    fn compile_consumer(_config: &Value) -> Result<Proof, Error> {
        Err(Error::Refused("the plugin has no consumer configuration".to_owned()))
    }

    /// Schema of the configuration on a consumer, for an authentication plugin.
    #[must_use]
    fn consumer_schema() -> Option<Value> {
        None
    }

    /// Schema of the plugin's metadata.
    #[must_use]
    fn metadata_schema() -> Option<Value> {
        None
    }

    /// Last changes to the derived schema: conditions across fields.
    fn refine_schema(_schema: &mut Value) {}
}

/// A plugin without its types: what the list of plugins holds.
pub trait Factory: Sync {
    /// See [`Plugin::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Plugin::PRIORITY`].
    fn priority(&self) -> i64;
    /// See [`Plugin::VERSION`].
    fn version(&self) -> f64;
    /// See [`Plugin::PHASES`].
    fn phases(&self) -> Phase;
    /// See [`Plugin::IDENTITY`].
    fn identity(&self) -> Option<&'static str>;
    /// See [`Plugin::ENCRYPT_FIELDS`].
    fn encrypt_fields(&self) -> &'static [&'static str];
    /// Schema of the configuration.
    fn schema(&self) -> Value;
    /// See [`Plugin::consumer_schema`].
    fn consumer_schema(&self) -> Option<Value>;
    /// See [`Plugin::metadata_schema`].
    fn metadata_schema(&self) -> Option<Value>;
    /// Whether it has metadata at all.
    fn has_metadata(&self) -> bool;
    /// Decodes and compiles a configuration.
    fn compile(&self, config: &Value, scope: &Scope<'_>) -> Result<Arc<dyn Phases>, Error>;
    /// See [`Plugin::compile_consumer`].
    fn compile_consumer(&self, config: &Value) -> Result<Proof, Error>;
}

/// The [`Factory`] of a plugin.
pub struct Of<P>(PhantomData<fn() -> P>);

/// Why a plugin cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has not the right shape.
    #[error("{0}")]
    Config(#[from] serde_json::Error),
    /// The configuration has the right shape and makes no sense; the text says why.
    #[error("{0}")]
    Refused(String),
}

// === impl Flow ===

impl Flow<'_> {
    /// Answer with a status and a JSON body.
    #[must_use]
    pub fn respond(status: StatusCode, body: &Value) -> Self {
        Self::Respond(Answer::json(status, body))
    }
}

// === impl Answer ===

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::json_text(status, Bytes::from(body.to_string()))
    }

    /// A JSON answer whose body is text already.
    #[must_use]
    pub fn json_text(status: StatusCode, body: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body }
    }

    /// A status and its name.
    #[must_use]
    pub fn plain(status: StatusCode) -> Self {
        let text = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default());
        Self::json(status, &serde_json::json!({ "error_msg": text }))
    }

    /// An answer without body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

// === impl Of ===

impl<P> Of<P> {
    /// For the list of plugins.
    pub const NEW: Self = Self(PhantomData);
}

impl<P: Plugin> Factory for Of<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn priority(&self) -> i64 {
        P::PRIORITY
    }

    fn version(&self) -> f64 {
        P::VERSION
    }

    fn phases(&self) -> Phase {
        P::PHASES
    }

    fn identity(&self) -> Option<&'static str> {
        P::IDENTITY
    }

    fn encrypt_fields(&self) -> &'static [&'static str] {
        P::ENCRYPT_FIELDS
    }

    fn schema(&self) -> Value {
        let mut schema = schema::of::<P::Config>();
        P::refine_schema(&mut schema);
        schema::with_meta(schema)
    }

    fn consumer_schema(&self) -> Option<Value> {
        P::consumer_schema().map(schema::with_meta)
    }

    fn metadata_schema(&self) -> Option<Value> {
        P::metadata_schema()
    }

    fn has_metadata(&self) -> bool {
        P::metadata_schema().is_some()
    }

    fn compile(&self, config: &Value, scope: &Scope<'_>) -> Result<Arc<dyn Phases>, Error> {
        Ok(Arc::new(P::compile(P::Config::deserialize(config)?, scope)?))
    }

    fn compile_consumer(&self, config: &Value) -> Result<Proof, Error> {
        P::compile_consumer(config)
    }
}
