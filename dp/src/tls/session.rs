//! What is known of a TLS connection once its handshake is over.

use std::sync::Arc;

use rustls::{CipherSuite, HandshakeKind, ProtocolVersion, ServerConnection};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Demand, Purpose, Ssl};

/// A connection's TLS.
#[derive(Debug)]
pub struct Session {
    /// The name that the client asked for, in its normal form.
    pub name: Option<Box<str>>,
    /// The resource whose certificate it got; `None` for the default one.
    pub ssl: Option<Arc<Ssl>>,
    /// The version.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite.
    pub suite: Option<CipherSuite>,
    /// Whether an earlier session was taken up again.
    pub resumed: bool,
    /// The protocol that was agreed on.
    pub alpn: Option<Box<[u8]>>,
    /// What came of verifying the client.
    pub verified: Verified,
    /// The certificate that the client has shown.
    pub client: Option<CertificateDer<'static>>,
}

/// What came of verifying the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It has shown no certificate, or was not asked.
    None,
    /// It has shown one from the right authorities.
    Success,
    /// It has shown another one.
    Failed(Box<str>),
}

// === impl Session ===

impl Session {
    /// Reads what a handshake has come to.
    pub(super) fn new(
        connection: &ServerConnection,
        name: Option<Box<str>>,
        ssl: Option<Arc<Ssl>>,
        purpose: Purpose,
    ) -> Self {
        let chain = connection.peer_certificates().unwrap_or_default();
        let verified = match ssl.as_ref().and_then(|ssl| ssl.clients()) {
            None => Verified::None,
            Some(_) if chain.is_empty() => Verified::None,
            Some(clients) if purpose.demand(clients) == Demand::PerRequest => {
                match clients.verify(chain, UnixTime::now()) {
                    Ok(()) => Verified::Success,
                    Err(error) => Verified::Failed(error.to_string().into()),
                }
            }
            // Otherwise there would be no connection.
            Some(_) => Verified::Success,
        };
        Self {
            version: connection.protocol_version(),
            suite: connection.negotiated_cipher_suite().map(|suite| suite.suite()),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            alpn: connection.alpn_protocol().map(Into::into),
            client: chain.first().map(|certificate| certificate.clone().into_owned()),
            verified,
            name,
            ssl,
        }
    }
}
