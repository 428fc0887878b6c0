//! Settings for both sides of a TLS connection.

use std::sync::Arc;

use rustls::server::{NoClientAuth, NoServerSessionStorage, ResolvesServerCert, danger::ClientCertVerifier};
use rustls::{ClientConfig, ServerConfig};

use super::clients::Clients;
use super::servers::Servers;
use super::{Error, Identity, Roots, provider};

/// Whether clients show a certificate, and who must have signed it.
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They may; one that is not signed by these ends the handshake.
    Optional(Roots),
    /// They must.
    Required(Roots),
}

/// A server that shows `identity`, whatever name the client asks for. `alpn` lists the protocols in the
/// order that the server prefers, usually `["h2", "http/1.1"]`.
pub fn server_config(identity: &Identity, clients: ClientAuth, alpn: &[&str]) -> Result<Arc<ServerConfig>, Error> {
    server_config_with(Arc::new(identity.clone()), clients, alpn)
}

/// A server whose certificate is chosen per connection, by the name that the client asks for.
pub fn server_config_with(
    certificates: Arc<dyn ResolvesServerCert>,
    clients: ClientAuth,
    alpn: &[&str],
) -> Result<Arc<ServerConfig>, Error> {
    let asks = !matches!(clients, ClientAuth::None);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Settings)?
        .with_client_cert_verifier(verifier(clients)?)
        .with_cert_resolver(certificates);
    if asks {
        // A resumed session brings its client certificate along, unverified: an authority that was removed would go on.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

/// A client that trusts what `roots` are at the time of each handshake and shows `identity` when the server asks. `alpn` must be empty where the
/// connector sets it itself, as hyper-rustls does.
pub fn client_config(roots: &Roots, identity: Option<&Identity>, alpn: &[&str]) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Settings)?
        .dangerous()
        // What rustls would do itself, with roots that may change.
        .with_custom_certificate_verifier(Arc::new(Servers::new(roots.clone())?));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(identity.clone())),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

fn verifier(clients: ClientAuth) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    Ok(match clients {
        ClientAuth::None => Arc::new(NoClientAuth),
        ClientAuth::Optional(roots) => Arc::new(Clients::new(roots, false)?),
        ClientAuth::Required(roots) => Arc::new(Clients::new(roots, true)?),
    })
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}
