//! Opens connections to nodes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use portolan_rt::tls::{self, Roots};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::error::Failure;
use super::identity::Identity;
use super::{Tls, trust};
use crate::stream::Stream;

/// Where the system keeps the authorities it trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// TLS settings for nodes, made once.
#[derive(Clone)]
pub struct Connector {
    unverified: Offers,
    /// Or why there is none.
    verified: Result<Offers, Arc<str>>,
    /// For streams nothing is said of the protocol that is spoken inside TLS.
    streams: bool,
}

/// The same settings with the protocols that are offered.
#[derive(Clone)]
struct Offers {
    nothing: ClientTls,
    http1: ClientTls,
    http2: ClientTls,
}

/// Settings of our side of a TLS connection. Two are equal when they are the same, not when they say the same:
/// connections made with one are not given to who asks for another.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

#[derive(Clone, Copy)]
enum Offer {
    Nothing,
    Http1,
    Http2,
}

// === impl Connector ===

impl Connector {
    /// Reads the trusted authorities. Not having any is an error only for upstreams that ask for verification.
    pub fn new(trusted_ca: Option<PathBuf>) -> Result<Self, rustls::Error> {
        let explicit = trusted_ca.is_some();
        let roots = Roots::load(trusted_ca.unwrap_or_else(|| SYSTEM_ROOTS.into()));
        let verified = match roots.and_then(|roots| tls::client_config(&roots, None, &[])) {
            Ok(config) => Ok(Offers::new(&config)),
            Err(error) => {
                if explicit {
                    tracing::error!(%error, "tls.trusted_ca cannot be used, upstreams with tls.verify will fail");
                }
                Err(Arc::from(error.to_string()))
            }
        };
        Ok(Self { unverified: Offers::new(&trust::anyone()?), verified, streams: false })
    }

    /// Settings that verify the other side.
    pub fn verified(&self) -> Result<ClientTls, Failure> {
        self.settings(&Tls { verify: true, ..Tls::default() })
    }

    /// Settings that take any certificate.
    #[must_use]
    pub fn unverified(&self) -> ClientTls {
        self.unverified.pick(self.offer(false)).clone()
    }

    /// For streams: nothing is said of the protocol that is spoken inside TLS.
    #[must_use]
    pub fn for_streams(&self) -> Self {
        Self { streams: true, ..self.clone() }
    }

    /// The settings for such nodes.
    pub fn settings(&self, tls: &Tls) -> Result<ClientTls, Failure> {
        let wrong = |error: &Arc<str>| Failure::Tls(error.to_string());
        let offers = if tls.verify { self.verified.as_ref().map_err(wrong)? } else { &self.unverified };
        let offer = self.offer(tls.http2);
        let usual = offers.pick(offer);
        let Some(identity) = &tls.identity else { return Ok(usual.clone()) };
        let slot = usize::from(tls.verify) * 3 + offer as usize;
        let made = identity.settings(slot).map(|cell| cell.get_or_init(|| usual.showing(identity)).clone());
        Ok(made.unwrap_or_else(|| usual.showing(identity)))
    }

    fn offer(&self, http2: bool) -> Offer {
        match (self.streams, http2) {
            (true, _) => Offer::Nothing,
            (false, false) => Offer::Http1,
            (false, true) => Offer::Http2,
        }
    }

    /// Connects to an address; `name` is whom TLS asks for.
    pub async fn connect(&self, address: SocketAddr, tls: Option<(&Tls, &str)>) -> Result<Stream, Failure> {
        let Some((tls, name)) = tls else { return self.open(address, None).await };
        self.open(address, Some((&self.settings(tls)?, name))).await
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

// === impl Offers ===

impl Offers {
    fn new(config: &ClientConfig) -> Self {
        let nothing = ClientTls(Arc::new(config.clone()));
        Self { http1: nothing.offering(&[b"http/1.1"]), http2: nothing.offering(&[b"h2"]), nothing }
    }

    fn pick(&self, offer: Offer) -> &ClientTls {
        match offer {
            Offer::Nothing => &self.nothing,
            Offer::Http1 => &self.http1,
            Offer::Http2 => &self.http2,
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

    /// The same offering these protocols.
    fn offering(&self, protocols: &[&[u8]]) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self(Arc::new(config))
    }

    /// The same showing a certificate of ours.
    fn showing(&self, identity: &Identity) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity.certificate().clone()));
        // Sessions of others must not be resumed: the node would take us for them.
        config.resumption = Resumption::default();
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
