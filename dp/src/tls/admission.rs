//! Whether a request may come over its connection, as far as client certificates go.

use super::{Demand, Names, Session, Verified};

/// Why it may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The client has shown no certificate.
    #[error("the client certificate is missing")]
    Missing,
    /// It has shown one that does not do.
    #[error("the client certificate is not accepted: {0}")]
    Failed(Box<str>),
    /// The host's clients show certificates, and the connection was made for another name.
    #[error("the host asks for client certificates, and the connection was made for another name")]
    OtherName,
}

/// Checks one request to a host and a path.
pub fn admit(names: &Names, session: &Session, host: &str, path: &str) -> Result<(), Refusal> {
    if let Some(clients) = session.ssl.as_ref().and_then(|ssl| ssl.clients())
        && clients.http_demand() == Demand::PerRequest
        && !clients.skips(path)
    {
        match &session.verified {
            Verified::Success => {}
            Verified::None => return Err(Refusal::Missing),
            Verified::Failed(reason) => return Err(Refusal::Failed(reason.clone())),
        }
    }
    if !names.asks_clients() || session.name.as_deref() == Some(host) {
        return Ok(());
    }
    match names.find(host) {
        Some(ssl) if ssl.clients().is_some() => Err(Refusal::OtherName),
        _ => Ok(()),
    }
}
