//! Kubernetes: the ready addresses of all Endpoints, or of all EndpointSlices, of one or more clusters.
//!
//! ```text
//! list (in pages) → watch from its version; the stream ends → watch again from the last version
//! 410 Gone, or what cannot be understood → list again
//! ```
//! `service_name` is `namespace/name:port`, the port by its name, or by its number when it has no name; where several
//! clusters are configured, `id/namespace/name:port`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future;
use portolan_model as model;
use serde_json::{Value, json};

use super::{Around, Directory, Registry, Shown};
use crate::config::Invalid;
use crate::config::discovery::Kubernetes as Settings;

mod book;
mod cluster;
mod objects;

use cluster::Cluster;

/// The registry.
#[derive(Debug)]
pub(super) struct Kubernetes {
    settings: Settings,
    clusters: Vec<Cluster>,
}

// === impl Kubernetes ===

impl Kubernetes {
    pub(super) fn new(settings: &Settings, around: &Around) -> Result<Self, Invalid> {
        let clusters = settings.clusters.iter().map(|cluster| Cluster::new(cluster, around));
        Ok(Self { clusters: clusters.collect::<Result<_, _>>()?, settings: settings.clone() })
    }
}

impl Registry for Kubernetes {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        let name = upstream.service_name.as_deref()?;
        let (cluster, name) = if self.settings.has_ids() {
            let (id, name) = name.split_once('/')?;
            (self.clusters.iter().find(|cluster| cluster.settings.id.as_deref() == Some(id))?, name)
        } else {
            (self.clusters.first()?, name)
        };
        let (service, _) = name.rsplit_once(':')?;
        service.contains('/').then(|| (&cluster.directory, name.to_owned()))
    }

    fn directories(&self) -> Vec<&Directory> {
        self.clusters.iter().map(|cluster| &cluster.directory).collect()
    }

    fn show(&self, path: &str) -> Option<Shown> {
        let all: Vec<Value> = self.clusters.iter().map(Cluster::show).collect();
        (path == "dump").then(|| Shown::json(json!({"config": self.settings, "endpoints": all})))
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            future::join_all(self.clusters.iter().map(Cluster::follow)).await;
        })
    }
}

#[cfg(test)]
mod tests;
