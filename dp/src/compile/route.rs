//! Compiles routes.

use std::sync::Arc;

use portolan_model::{self as model, Kind};
use serde_json::{Map, Value};

use super::metadata::with_metadata;
use super::upstreams::{certificate_of, checker_of};
use super::{Compiler, Name, read};
use crate::resource::{Document, Route, Target, next_serial};
use crate::router::{Matcher, MatcherSpec};

// === impl Compiler ===

impl Compiler {
    pub(super) fn compile_route(&mut self, name: &Name, document: &Arc<Document>) -> Result<(), String> {
        let parsed: model::Route = read(document)?;
        unsupported(document)?;
        let service_id = parsed.service_id.as_ref().map(|id| Arc::<str>::from(id.as_str()));
        let service = service_id.as_ref().and_then(|id| self.snapshot.services.get(id.as_bytes()).cloned());
        let own = self.chain(&format!("routes/{}", name.1), &parsed.plugins, false)?;
        let config_id = parsed.plugin_config_id.as_ref().map(|id| Arc::<str>::from(id.as_str()));
        let config = config_id.as_ref().and_then(|id| self.snapshot.plugin_configs.get(id.as_bytes()).cloned());
        let own_target = self.target(name, parsed.upstream.as_ref(), parsed.upstream_id.as_ref())?;
        let target = match (&config_id, &config, &service_id, &service) {
            (Some(id), None, _, _) => Target::MissingPluginConfig(id.clone()),
            (_, _, Some(id), None) => Target::MissingService(id.clone()),
            (_, _, _, service) => {
                let shared = || service.as_ref().map_or(Target::None, |service| service.target.clone());
                own_target.unwrap_or_else(shared)
            }
        };
        let own = config.as_ref().map_or_else(|| own.clone(), |config| own.over(&config.plugins));
        let checker = checker_of(parsed.upstream.is_some() && parsed.is_enabled(), &target);
        let mut hosts: Vec<String> = parsed.all_hosts().map(str::to_owned).collect();
        if let (true, Some(service)) = (hosts.is_empty(), &service) {
            hosts.clone_from(&service.hosts);
        }
        let vars = Value::Array(parsed.vars.clone());
        let matcher = Matcher::compile(&MatcherSpec {
            hosts,
            uris: parsed.paths().map(str::to_owned).collect(),
            methods: parsed.methods.clone(),
            remote_addrs: parsed.all_remote_addrs().map(str::to_owned).collect(),
            vars: (!parsed.vars.is_empty()).then_some(&vars),
            priority: parsed.priority,
            router: self.router,
        });
        let route = Arc::new(Route {
            id: name.1.clone(),
            serial: next_serial(),
            name: parsed.name.as_deref().map(Into::into),
            service_id: service_id.clone(),
            matcher: matcher.map_err(|e| e.to_string())?,
            plugins: service.as_ref().map_or_else(|| own.clone(), |service| own.over(&service.plugins)),
            target,
            timeouts: parsed.timeout.map(Into::into),
            websocket: parsed.enable_websocket.unwrap_or_else(|| service.is_some_and(|s| s.websocket)),
            document: document.clone(),
        });
        let upstream = parsed.upstream_id.as_ref().map(|id| (Kind::Upstream, id.as_str()));
        let service = service_id.as_ref().map(|id| (Kind::Service, &**id));
        let config = config_id.as_ref().map(|id| (Kind::PluginConfig, &**id));
        let named = upstream.into_iter().chain(service).chain(config).chain(certificate_of(parsed.upstream.as_ref()));
        let references: Vec<_> = named.chain(with_metadata(&parsed.plugins)).collect();
        self.set_checker(Kind::Route, &name.1, checker);
        self.references.set(name, &references);
        self.replace_route(&route, parsed.is_enabled());
        Ok(())
    }

    fn replace_route(&mut self, route: &Arc<Route>, enabled: bool) {
        if let Some(old) = self.snapshot.routes.get(route.id.as_bytes()).cloned() {
            self.snapshot.router.remove(&old);
        }
        if enabled {
            self.snapshot.router.insert(route);
        }
        self.snapshot.routes.insert(&route.id, route.clone());
    }
}

/// What a route may ask for and this gateway does not do. It must not be served without it.
fn unsupported(document: &Document) -> Result<(), String> {
    let value: Map<String, Value> = read(document)?;
    for field in ["filter_func", "script"] {
        if value.contains_key(field) {
            return Err(format!("{field} is not supported"));
        }
    }
    Ok(())
}
