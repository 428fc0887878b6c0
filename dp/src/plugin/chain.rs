//! The plugins of a route in the order they run, and how those of a consumer join them.

use std::collections::HashMap;
use std::ops::BitOr;
use std::sync::Arc;

use http::response::Parts;
use serde_json::{Map, Value};

use super::{Answer, BodyFilter, Error, Factory, Flow, Logger, Meta, Phases, Scope, State, references};
use crate::context::Context;
use crate::plugins;
use crate::tls::Ssl;
use crate::tree::Tree;
use crate::vars::content;

/// A set of phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phase(u8);

/// Compiled plugins, highest priority first.
#[derive(Clone, Default)]
pub struct Chain {
    instances: Vec<Arc<Instance>>,
    /// Configured here and disabled: they do not run, and those of the same name below do not either.
    disabled: Vec<&'static str>,
    phases: Phase,
    content: bool,
}

/// What a configuration comes to.
enum Compiled {
    Instance(Instance),
    /// `_meta.disable`.
    Disabled(&'static str),
    /// An identity of a consumer.
    Identity,
}

/// One plugin with one configuration.
pub struct Instance {
    factory: &'static dyn Factory,
    priority: i64,
    meta: Meta,
    /// Whether it came with the consumer.
    of_consumer: bool,
    /// See [`Chain::asks_for_content`].
    content: bool,
    plugin: Arc<dyn Phases>,
}

/// Where a chain is configured.
pub struct Place<'a> {
    /// Such as `routes/1`.
    pub resource: &'a str,
    /// Whether the resource is a consumer.
    pub consumer: bool,
    /// Metadata by plugin.
    pub metadata: &'a HashMap<Arc<str>, Value>,
    /// Certificates by id.
    pub certificates: Option<&'a Tree<Arc<Ssl>>>,
    /// State of plugins that outlives a snapshot.
    pub state: &'a State,
}

// === impl Phase ===

impl Phase {
    /// For a plugin that does its work elsewhere.
    pub const NONE: Self = Self(0);
    /// See [`Phases::rewrite`].
    pub const REWRITE: Self = Self(1);
    /// See [`Phases::access`].
    pub const ACCESS: Self = Self(2);
    /// See [`Phases::before_proxy`].
    pub const BEFORE_PROXY: Self = Self(4);
    /// See [`Phases::header_filter`].
    pub const HEADER_FILTER: Self = Self(8);
    /// See [`Phases::body_filter`].
    pub const BODY_FILTER: Self = Self(16);
    /// See [`Phases::logger`].
    pub const LOG: Self = Self(32);

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has the phase.
    #[must_use]
    pub const fn has(self, phase: Self) -> bool {
        self.0 & phase.0 != 0
    }
}

impl BitOr for Phase {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

// === impl Instance ===

impl Instance {
    /// Name of the plugin.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.factory.name()
    }

    fn compile(name: &str, config: &Value, place: &Place<'_>) -> Result<Compiled, Error> {
        let factory = plugins::by_name(name).ok_or_else(|| Error::Refused(format!("unknown plugin [{name}]")))?;
        if place.consumer && factory.identity().is_some() {
            return Ok(Compiled::Identity);
        }
        let content = content::is_named_in(config);
        let (meta, mut config) = Meta::split(config)?;
        // What never runs may be wrong, as in APISIX.
        if meta.disable {
            return Ok(Compiled::Disabled(factory.name()));
        }
        let resolved = references::resolve(&mut config, &place.state.surroundings().secrets)?;
        let metadata = place.metadata.get(name);
        let scope = Scope {
            resource: place.resource,
            config: &config,
            metadata,
            certificates: place.certificates,
            state: place.state,
        };
        let refused = |error: Error| Error::Refused(resolved.hidden_in(error.to_string()));
        let plugin = factory.compile(&config, &scope).map_err(refused)?;
        let priority = meta.priority.unwrap_or_else(|| factory.priority());
        Ok(Compiled::Instance(Self { factory, priority, meta, of_consumer: place.consumer, content, plugin }))
    }

    fn runs(&self, phase: Phase, context: &Context<'_>) -> bool {
        self.factory.phases().has(phase) && self.meta.filter.as_ref().is_none_or(|filter| filter.holds(context))
    }

    /// `_meta.error_response` takes the place of the body of a refusal.
    fn finish(&self, mut answer: Answer) -> Answer {
        let Some(replacement) = &self.meta.error_response else { return answer };
        if answer.status.as_u16() < 400 {
            return answer;
        }
        match replacement {
            Value::String(text) => {
                answer.headers.remove(http::header::CONTENT_TYPE);
                answer.body = text.clone().into();
            }
            other => {
                let headers = std::mem::take(&mut answer.headers);
                answer = Answer::json(answer.status, other);
                answer.headers.extend(headers);
            }
        }
        answer
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("name", &self.name()).field("priority", &self.priority).finish_non_exhaustive()
    }
}

// === impl Chain ===

impl Chain {
    /// Compiles `plugins` of a resource. Authentication plugins on a consumer are identities and do not run.
    pub fn compile(plugins: &Map<String, Value>, place: &Place<'_>) -> Result<Self, String> {
        let mut instances = Vec::with_capacity(plugins.len());
        let mut disabled = Vec::new();
        for (name, config) in plugins {
            let instance = Instance::compile(name, config, place)
                .map_err(|e| format!("failed to check the configuration of plugin {name} err: {e}"))?;
            match instance {
                Compiled::Instance(instance) => instances.push(Arc::new(instance)),
                Compiled::Disabled(name) => disabled.push(name),
                Compiled::Identity => {}
            }
        }
        Ok(Self::sorted(instances, disabled))
    }

    fn sorted(mut instances: Vec<Arc<Instance>>, disabled: Vec<&'static str>) -> Self {
        instances.sort_by_key(|instance| std::cmp::Reverse(instance.priority));
        let phases = instances.iter().fold(Phase::default(), |all, instance| all | instance.factory.phases());
        let content = instances.iter().any(|instance| instance.content);
        Self { instances, disabled, phases, content }
    }

    /// These plugins, and those of `below` that are not among them.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        if below.instances.is_empty() && below.disabled.is_empty() {
            return self.clone();
        }
        let named = |name: &str| self.instances.iter().any(|own| own.name() == name) || self.disabled.contains(&name);
        let mut all = self.instances.clone();
        all.extend(below.instances.iter().filter(|instance| !named(instance.name())).cloned());
        let mut disabled = self.disabled.clone();
        disabled.extend(below.disabled.iter().filter(|name| !named(name)));
        Self::sorted(all, disabled)
    }

    /// Whether no plugin runs at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Whether laying it over another chain changes nothing: it runs no plugin and keeps none from running.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.instances.is_empty() && self.disabled.is_empty()
    }

    /// Whether some plugin names a variable of the request's body: it must be here before the first phase.
    #[must_use]
    pub fn asks_for_content(&self) -> bool {
        self.content
    }

    /// Whether some plugin takes part in the phase.
    #[must_use]
    pub fn has(&self, phase: Phase) -> bool {
        self.phases.has(phase)
    }

    /// Names and priorities, in running order.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, i64)> {
        self.instances.iter().map(|instance| (instance.name(), instance.priority))
    }

    /// Runs a phase of the request; an answer ends it.
    pub async fn run(&self, phase: Phase, context: &mut Context<'_>) -> Option<Answer> {
        self.run_where(phase, context, |_| true).await
    }

    /// Runs the rewrite phase of the plugins that came with the consumer, who is known only after rewrite.
    pub async fn run_consumer_rewrite(&self, context: &mut Context<'_>) -> Option<Answer> {
        self.run_where(Phase::REWRITE, context, |instance| instance.of_consumer).await
    }

    async fn run_where(
        &self,
        phase: Phase,
        context: &mut Context<'_>,
        chosen: impl Fn(&Instance) -> bool,
    ) -> Option<Answer> {
        if !self.phases.has(phase) {
            return None;
        }
        for instance in &self.instances {
            if !chosen(instance) || !instance.runs(phase, context) {
                continue;
            }
            let plugin = &*instance.plugin;
            let mut flow = match phase {
                Phase::REWRITE => plugin.rewrite(context),
                Phase::ACCESS => plugin.access(context),
                _ => plugin.before_proxy(context),
            };
            loop {
                match flow {
                    Flow::Continue => break,
                    Flow::Respond(answer) => return Some(instance.finish(answer)),
                    Flow::Wait(future) => flow = future.await,
                }
            }
        }
        None
    }

    /// Runs the header filters.
    pub fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        if !self.phases.has(Phase::HEADER_FILTER) {
            return;
        }
        for instance in &self.instances {
            if instance.runs(Phase::HEADER_FILTER, context) {
                instance.plugin.header_filter(context, response);
            }
        }
    }

    /// Body filters for this response, in running order.
    pub fn body_filters(&self, context: &mut Context<'_>, response: &mut Parts) -> Vec<Box<dyn BodyFilter>> {
        let mut filters = Vec::new();
        if self.phases.has(Phase::BODY_FILTER) {
            for instance in &self.instances {
                if instance.runs(Phase::BODY_FILTER, context) {
                    filters.extend(instance.plugin.body_filter(context, response));
                }
            }
        }
        filters
    }

    /// Who is told when the response is over, in running order.
    #[must_use]
    pub fn loggers(&self, context: &mut Context<'_>, response: &Parts) -> Vec<Box<dyn Logger>> {
        let mut loggers = Vec::new();
        if self.phases.has(Phase::LOG) {
            for instance in &self.instances {
                if instance.runs(Phase::LOG, context) {
                    loggers.extend(instance.plugin.logger(context, response));
                }
            }
        }
        loggers
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
