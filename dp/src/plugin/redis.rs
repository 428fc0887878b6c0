//! Counters in Redis, which several data planes share: one server, a cluster, or the master that sentinels name.
//!
//! A plugin's decision is one script, which Redis runs as a whole on one key and by its own clock, so that it is one
//! decision however many data planes ask at once. Each worker has a connection of its own, opened when it is first
//! needed and shared by the requests of that worker.

mod client;
mod script;
mod servers;
mod settings;

pub use client::{Client, Failure};
pub use script::Script;
pub use settings::{Kind, refine};

use std::sync::Arc;

use super::{Error, Scope};
use servers::Servers;

/// The client for the servers that a plugin's configuration names. Equal settings have one client.
pub fn client(kind: Kind, scope: &Scope<'_>) -> Result<Arc<Client>, Error> {
    let settings = settings::Settings::read(kind, scope.config)?;
    let key = format!("redis {settings:?}");
    let servers = Servers::new(settings, scope.state.surroundings().trusted_ca.as_deref())?;
    Ok(scope.state.get(&key, || Client::new(servers)))
}

/// What the keys of a configuration's counters begin with: the same on every data plane that has it, another one after
/// it was changed.
#[must_use]
pub fn counters(plugin: &str, scope: &Scope<'_>) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, scope.config.to_string().as_bytes());
    let version: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{plugin}:{}:{version}:", scope.resource)
}

#[cfg(test)]
mod tests;
