//! TLS of the listeners: which certificate a name gets, whose clients show one of their own, and what is known of a
//! connection afterwards. Everything is made when configuration is compiled; a handshake only looks it up.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;

use crate::resource::Document;

mod admission;
mod certificate;
mod clients;
mod handshake;
mod names;
mod session;
mod sessions;
mod variables;

pub use admission::{Refusal, admit};
pub use certificate::{Certificates, pair};
pub use clients::{Clients, Demand};
pub(crate) use handshake::Settings;
pub use handshake::{Fallback, Purpose, accept};
pub use names::{Name, Names};
pub use session::{Session, Verified};
pub use sessions::Sessions;
pub use variables::Variable;

/// A compiled certificate resource.
#[derive(Debug)]
pub struct Ssl {
    /// Id.
    pub id: Arc<str>,
    /// How it is used.
    pub role: Role,
    /// What it was made of.
    pub document: Arc<Document>,
}

/// How a certificate is used.
#[derive(Debug)]
pub enum Role {
    /// Shown to clients that ask for one of its names.
    Server(Server),
    /// Shown to upstreams that name it.
    Client(Arc<CertifiedKey>),
}

/// Settings for the clients of some names.
#[derive(Debug)]
pub struct Server {
    /// The names; none while the resource is switched off.
    pub names: Vec<Name>,
    /// For HTTP.
    pub http: Arc<ServerConfig>,
    /// For stream routes.
    pub stream: Arc<ServerConfig>,
    /// Whom clients must come from, if they are asked.
    pub clients: Option<Arc<Clients>>,
}

// === impl Ssl ===

impl Ssl {
    /// The settings for clients, unless it is for upstreams.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match &self.role {
            Role::Server(server) => Some(server),
            Role::Client(_) => None,
        }
    }

    /// The certificate for upstreams, if it is for them.
    #[must_use]
    pub fn for_upstreams(&self) -> Option<&Arc<CertifiedKey>> {
        match &self.role {
            Role::Server(_) => None,
            Role::Client(certificate) => Some(certificate),
        }
    }

    /// Whom clients of its names must come from, if they are asked.
    #[must_use]
    pub fn clients(&self) -> Option<&Arc<Clients>> {
        self.server()?.clients.as_ref()
    }
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}
