//! A stream route, compiled.

use std::sync::Arc;

use ipnet::IpNet;

use super::Client;
use super::plugin::{Chain, Kept};
use crate::resource::{Document, Target};
use crate::tls::Name;

/// A stream route.
#[derive(Debug)]
pub struct Route {
    /// Id.
    pub id: Arc<str>,
    /// The clients that it takes; `None`: all.
    pub remote: Option<IpNet>,
    /// The own addresses that it takes clients on; `None`: all.
    pub server: Option<IpNet>,
    /// The own port; `None`: all.
    pub port: Option<u16>,
    /// The name that clients ask for in TLS; `None`: whatever they ask for.
    pub name: Option<Name>,
    /// Its own name for people.
    pub title: Option<Arc<str>>,
    /// Its plugins over those of its service.
    pub plugins: Chain,
    /// Where streams go.
    pub target: Target,
    /// What it was made of.
    pub document: Arc<Document>,
}

// === impl Route ===

impl Route {
    /// Whether it takes a client, its name aside.
    #[must_use]
    pub fn admits(&self, client: &Client) -> bool {
        self.port.is_none_or(|port| port == client.local.port())
            && self.server.is_none_or(|network| network.contains(&client.local.ip()))
            && self.remote.is_none_or(|network| network.contains(&client.remote.ip()))
    }

    /// What metrics call it.
    #[must_use]
    pub fn label(&self, kept: &Kept) -> &Arc<str> {
        self.title.as_ref().filter(|_| kept.prefer_name).unwrap_or(&self.id)
    }
}
