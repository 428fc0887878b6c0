//! Opens connections to nodes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use portolan_rt::tls::{self, Roots};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::error::Failure;
use super::{Tls, trust};
use crate::stream::Stream;

/// Where the system keeps the authorities it trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// TLS settings for nodes, made once.
#[derive(Clone)]
pub struct Connector {
    unverified: ClientTls,
    /// Or why there is none.
    verified: Result<ClientTls, Arc<str>>,
}

/// Settings of our side of a TLS connection. Two are equal when they are the same, not when they say the same:
/// connections made with one are not given to who asks for another.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

// === impl Connector ===

impl Connector {
    /// Reads the trusted authorities. Not having any is an error only for upstreams that ask for verification.
    pub fn new(trusted_ca: Option<PathBuf>) -> Result<Self, rustls::Error> {
        let explicit = trusted_ca.is_some();
        let roots = Roots::load(trusted_ca.unwrap_or_else(|| SYSTEM_ROOTS.into()));
        let verified = match roots.and_then(|roots| tls::client_config(&roots, None, &["http/1.1"])) {
            Ok(config) => Ok(ClientTls(config)),
            Err(error) => {
                if explicit {
                    tracing::error!(%error, "tls.trusted_ca cannot be used, upstreams with tls.verify will fail");
                }
                Err(Arc::from(error.to_string()))
            }
        };
        let mut unverified = trust::anyone()?;
        unverified.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { unverified: ClientTls(Arc::new(unverified)), verified })
    }

    /// Settings that verify the other side.
    pub fn verified(&self) -> Result<ClientTls, Failure> {
        self.verified.clone().map_err(|error| Failure::Tls(error.to_string()))
    }

    /// Settings that take any certificate.
    #[must_use]
    pub fn unverified(&self) -> ClientTls {
        self.unverified.clone()
    }

    /// For streams: nothing is said of the protocol that is spoken inside TLS.
    #[must_use]
    pub fn for_streams(&self) -> Self {
        Self {
            unverified: self.unverified.for_streams(),
            verified: self.verified.as_ref().map(ClientTls::for_streams).map_err(Arc::clone),
        }
    }

    /// Connects to an address; `name` is whom TLS asks for.
    pub async fn connect(&self, address: SocketAddr, tls: Option<(Tls, &str)>) -> Result<Stream, Failure> {
        let Some((tls, name)) = tls else { return self.open(address, None).await };
        let settings = if tls.verify { self.verified()? } else { self.unverified() };
        self.open(address, Some((&settings, name))).await
    }

    /// The same with these settings of TLS.
    pub async fn open(&self, address: SocketAddr, tls: Option<(&ClientTls, &str)>) -> Result<Stream, Failure> {
        let stream = TcpStream::connect(address).await.map_err(Failure::Connect)?;
        // Small requests should leave at once; on failure they leave a little later.
        stream.set_nodelay(true).ok();
        match tls {
            Some((tls, name)) => tls.shake(stream, name).await,
            None => Ok(Stream::Plain(stream)),
        }
    }
}

// === impl ClientTls ===

impl ClientTls {
    /// Speaks TLS on a connection that is there; `name` is whom it asks for.
    pub async fn shake(&self, stream: TcpStream, name: &str) -> Result<Stream, Failure> {
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| Failure::Tls(format!("{name:?} is not a name")))?;
        let connector = TlsConnector::from(self.0.clone());
        let stream = connector.connect(name, stream).await.map_err(Failure::Connect)?;
        Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
    }

    /// The same without a word on which protocol is spoken inside.
    #[must_use]
    pub fn for_streams(&self) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols.clear();
        Self(Arc::new(config))
    }

    /// These settings.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ClientTls {}

impl std::hash::Hash for ClientTls {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
