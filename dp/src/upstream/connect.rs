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
    unverified: TlsConnector,
    /// Or why there is none.
    verified: Result<TlsConnector, Arc<str>>,
}

// === impl Connector ===

impl Connector {
    /// Reads the trusted authorities. Not having any is an error only for upstreams that ask for verification.
    pub fn new(trusted_ca: Option<PathBuf>) -> Result<Self, rustls::Error> {
        let explicit = trusted_ca.is_some();
        let roots = Roots::load(trusted_ca.unwrap_or_else(|| SYSTEM_ROOTS.into()));
        let verified = match roots.and_then(|roots| tls::client_config(&roots, None, &["http/1.1"])) {
            Ok(config) => Ok(TlsConnector::from(config)),
            Err(error) => {
                if explicit {
                    tracing::error!(%error, "tls.trusted_ca cannot be used, upstreams with tls.verify will fail");
                }
                Err(Arc::from(error.to_string()))
            }
        };
        let mut unverified = trust::anyone()?;
        unverified.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { unverified: TlsConnector::from(Arc::<ClientConfig>::new(unverified)), verified })
    }

    /// Connects to an address; `name` is whom TLS asks for.
    pub async fn connect(&self, address: SocketAddr, tls: Option<(Tls, &str)>) -> Result<Stream, Failure> {
        let stream = TcpStream::connect(address).await.map_err(Failure::Connect)?;
        // Small requests should leave at once; on failure they leave a little later.
        stream.set_nodelay(true).ok();
        let Some((tls, name)) = tls else { return Ok(Stream::Plain(stream)) };
        let connector = if tls.verify {
            self.verified.as_ref().map_err(|error| Failure::Tls(error.to_string()))?
        } else {
            &self.unverified
        };
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| Failure::Tls(format!("{name:?} is not a name")))?;
        let stream = connector.connect(name, stream).await.map_err(Failure::Connect)?;
        Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
