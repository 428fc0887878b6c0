//! A handshake: read which name the client asks for, then go on with that name's settings.

use std::io;
use std::sync::Arc;

use portolan_rt::tls::{self, ClientAuth, Identity};
use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, ClientHello, NoClientAuth, ResolvesServerCert, StoresServerSessions};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Clients, Demand, Session, Ssl, names, provider};

/// What a listener speaks under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// HTTP/1.1 or HTTP/2.
    Http,
    /// Whatever client and upstream agree on.
    Stream,
}

/// What clients get whose name has no certificate.
#[derive(Debug, Clone)]
pub struct Fallback {
    http: Arc<ServerConfig>,
    stream: Arc<ServerConfig>,
    /// The name of those that ask for none.
    name: Option<Arc<str>>,
}

/// Has no certificate for anyone, which ends a handshake with an alert.
#[derive(Debug)]
struct Nobody;

/// Settings of a server.
pub(crate) struct Settings {
    pub(crate) certificates: Arc<dyn ResolvesServerCert>,
    pub(crate) clients: Option<Arc<Clients>>,
    pub(crate) sessions: Arc<dyn StoresServerSessions>,
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
}

/// Shakes hands; `find` gives the certificate of a name.
pub async fn accept(
    stream: TcpStream,
    purpose: Purpose,
    fallback: &Fallback,
    find: impl FnOnce(&str) -> Option<Arc<Ssl>>,
) -> io::Result<(TlsStream<TcpStream>, Session)> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let asked = start.client_hello().server_name().map(names::normal).map(String::into_boxed_str);
    let name = asked.or_else(|| fallback.name.as_deref().map(Into::into));
    let ssl = name.as_deref().and_then(find);
    let config = match ssl.as_ref().and_then(|ssl| ssl.server()) {
        Some(server) => server.config(purpose),
        None => fallback.config(purpose),
    };
    let stream = start.into_stream(config.clone()).await?;
    let session = Session::new(stream.get_ref().1, name, ssl, purpose);
    Ok((stream, session))
}

// === impl Purpose ===

impl Purpose {
    /// Where clients without a good certificate are turned away. Nothing can be asked later of a stream.
    #[must_use]
    pub fn demand(self, clients: &Clients) -> Demand {
        match self {
            Self::Http => clients.http_demand(),
            Self::Stream => Demand::InHandshake,
        }
    }

    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Stream => Vec::new(),
        }
    }
}

// === impl Server ===

impl super::Server {
    fn config(&self, purpose: Purpose) -> &Arc<ServerConfig> {
        match purpose {
            Purpose::Http => &self.http,
            Purpose::Stream => &self.stream,
        }
    }
}

// === impl Settings ===

impl Settings {
    /// The settings of one kind of listener.
    pub(crate) fn config(&self, purpose: Purpose) -> Result<Arc<ServerConfig>, rustls::Error> {
        let versions: &[_] = match (self.tls12, self.tls13) {
            (true, false) => &[&TLS12],
            (false, _) => &[&TLS13],
            (true, true) => &[&TLS13, &TLS12],
        };
        let verifier: Arc<dyn ClientCertVerifier> = match &self.clients {
            Some(clients) => clients.verifier(purpose.demand(clients)),
            None => Arc::new(NoClientAuth),
        };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(self.certificates.clone());
        config.alpn_protocols = purpose.alpn();
        config.session_storage = self.sessions.clone();
        Ok(Arc::new(config))
    }
}

// === impl Fallback ===

impl Fallback {
    /// This certificate for every name without one of its own; without it such a handshake fails. `name` is taken for
    /// that of clients that give none.
    pub fn new(identity: Option<&Identity>, name: Option<&str>) -> Result<Self, tls::Error> {
        let certificates: Arc<dyn ResolvesServerCert> = match identity {
            Some(identity) => Arc::new(identity.clone()),
            None => Arc::new(Nobody),
        };
        let config = |purpose: Purpose| {
            let config = tls::server_config_with(certificates.clone(), ClientAuth::None, &[])?;
            let mut config = Arc::unwrap_or_clone(config);
            config.alpn_protocols = purpose.alpn();
            Ok(Arc::new(config))
        };
        Ok(Self {
            http: config(Purpose::Http)?,
            stream: config(Purpose::Stream)?,
            name: name.map(|name| names::normal(name).into()),
        })
    }

    fn config(&self, purpose: Purpose) -> &Arc<ServerConfig> {
        match purpose {
            Purpose::Http => &self.http,
            Purpose::Stream => &self.stream,
        }
    }
}

// === impl Nobody ===

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
