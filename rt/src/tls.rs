//! TLS: who we are ([`Identity`]), whom we trust ([`Roots`]), and who the other side is
//! ([`PeerCertificate`]). One crypto provider, aws-lc-rs.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

mod clients;
mod configs;
mod identity;
mod peer;
mod roots;
mod servers;
#[cfg(test)]
mod tests;

pub use configs::{ClientAuth, client_config, server_config, server_config_with};
pub use identity::Identity;
pub use peer::PeerCertificate;
pub use roots::Roots;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not PEM, or PEM of something else. The text says what was expected.
    #[error("{0}")]
    Pem(&'static str),
    /// The key does not belong to the certificate, or is of a kind that cannot sign.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// An authority certificate that cannot be used as one.
    #[error("the authority certificate cannot be used")]
    Authority(#[source] rustls::Error),
    /// A certificate that cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// TLS refuses these settings.
    #[error("TLS settings cannot be used")]
    Settings(#[source] rustls::Error),
}

/// Makes aws-lc-rs the provider for all code that asks for the process's default. First thing in each
/// `main`, and in each test that uses TLS. Idempotent.
pub fn install_crypto_provider() {
    // An error means that a provider is there already, and there is only this one in our builds.
    aws_lc_rs::default_provider().install_default().ok();
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}
