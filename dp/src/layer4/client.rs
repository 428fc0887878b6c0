//! What is known of a stream's client.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::tls::Session;
use crate::vars::{BuiltIn, Var};

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Who it is, as far as the proxies before this one are believed.
    pub remote: SocketAddr,
    /// Where it came in.
    pub local: SocketAddr,
    /// What it speaks.
    pub transport: Transport,
    /// Its TLS.
    pub tls: Option<Box<Session>>,
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

// === impl Client ===

impl Client {
    /// A client without TLS.
    #[must_use]
    pub fn new(remote: SocketAddr, local: SocketAddr, transport: Transport) -> Self {
        // An IPv4 peer of a dual-stack socket is an IPv4 peer.
        let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Self { remote: canonical(remote), local: canonical(local), transport, tls: None }
    }

    /// The name that it asked for in TLS.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.tls.as_ref()?.name.as_deref()
    }

    /// The value of a variable; those of requests have none.
    #[must_use]
    pub fn read(&self, var: &Var) -> Option<Cow<'_, str>> {
        let Var::BuiltIn(built_in) = var else { return None };
        let text = match built_in {
            BuiltIn::RemoteAddr => self.remote.ip().to_string(),
            BuiltIn::RemotePort => self.remote.port().to_string(),
            BuiltIn::ServerAddr => self.local.ip().to_string(),
            BuiltIn::ServerPort => self.local.port().to_string(),
            BuiltIn::Tls(variable) => return variable.read(self.tls.as_deref()?),
            _ => return None,
        };
        Some(Cow::Owned(text))
    }

    /// The value of the variable of this name.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<Cow<'_, str>> {
        self.read(&Var::parse(name))
    }
}
