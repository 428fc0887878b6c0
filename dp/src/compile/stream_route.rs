//! Compiles stream routes.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_model::{self as model, Kind, resource};

use super::metadata::with_metadata;
use super::upstreams::{certificate_of, checker_of};
use super::{Compiler, Name, read};
use crate::layer4::Route;
use crate::layer4::plugin::Chain;
use crate::resource::{Document, Target};
use crate::tls;

// === impl Compiler ===

impl Compiler {
    pub(super) fn compile_stream_route(&mut self, name: &Name, document: &Arc<Document>) -> Result<(), String> {
        let parsed: resource::StreamRoute = read(document)?;
        if let Some(protocol) = &parsed.protocol {
            return Err(format!("protocol {} is not supported", protocol.name));
        }
        let resource = format!("stream_routes/{}", name.1);
        let service = parsed.service_id.as_ref().and_then(|id| self.snapshot.services.get(id.as_str().as_bytes()));
        // The service was read once already, and says the same.
        let shared = service.and_then(|service| read::<model::Service>(&service.document).ok());
        let shared = shared.map(|service| service.plugins).unwrap_or_default();
        let plugins = Chain::compile(&parsed.plugins, &shared, &self.plugin_place(&resource, false))?;
        let own = self.target(name, parsed.upstream.as_ref(), parsed.upstream_id.as_ref())?;
        let target = own.unwrap_or_else(|| match &parsed.service_id {
            None => Target::None,
            Some(id) => match self.snapshot.services.get(id.as_str().as_bytes()) {
                Some(service) => service.target.clone(),
                None => Target::MissingService(id.as_str().into()),
            },
        });
        let route = Arc::new(Route {
            id: name.1.clone(),
            remote: network("remote_addr", parsed.remote_addr.as_deref())?,
            server: network("server_addr", parsed.server_addr.as_deref())?,
            port: parsed.server_port,
            name: parsed.sni.as_deref().map(tls::Name::parse),
            title: parsed.name.as_deref().map(Into::into),
            plugins,
            target,
            document: document.clone(),
        });
        let upstream = parsed.upstream_id.as_ref().map(|id| (Kind::Upstream, id.as_str()));
        let service = parsed.service_id.as_ref().map(|id| (Kind::Service, id.as_str()));
        let certificate = certificate_of(parsed.upstream.as_ref());
        let inside = with_metadata(&parsed.plugins);
        let references: Vec<_> = upstream.into_iter().chain(service).chain(certificate).chain(inside).collect();
        self.set_checker(Kind::StreamRoute, &name.1, checker_of(parsed.upstream.is_some(), &route.target));
        self.references.set(name, &references);
        self.remove_stream_route(&name.1);
        self.snapshot.streams.insert(&route);
        self.snapshot.stream_routes.insert(&name.1, route);
        Ok(())
    }

    pub(super) fn remove_stream_route(&mut self, id: &Arc<str>) {
        if let Some(old) = self.snapshot.stream_routes.get(id.as_bytes()).cloned() {
            self.snapshot.streams.remove(&old);
            self.snapshot.stream_routes.remove(id);
        }
    }
}

fn network(field: &str, text: Option<&str>) -> Result<Option<IpNet>, String> {
    let Some(text) = text else { return Ok(None) };
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(Some).ok_or_else(|| format!("{field}: {text} is no address and no network"))
}
