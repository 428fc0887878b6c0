//! Certificates for tests: one authority, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

mod chain;

/// A throw-away authority (EC P-256).
#[derive(Debug)]
pub struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    ca: String,
}

/// A certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// Where [`Issued::write`] put the two.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

// === impl Certificates ===

impl Certificates {
    /// A new authority.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = named("Portolan test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), ca })
    }

    /// The authority's certificate, PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// A server certificate for these DNS names and IP addresses.
    ///
    /// # Errors
    /// When a name is no name.
    pub fn server(&self, names: &[&str]) -> anyhow::Result<Issued> {
        let mut params = named(names.first().context("a server certificate needs a name")?);
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into()?),
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A client certificate with this common name and this URI as its identity, such as `portolan://admin/ops`.
    ///
    /// # Errors
    /// When the URI is no URI.
    pub fn client(&self, common_name: &str, uri: &str) -> anyhow::Result<Issued> {
        let mut params = named(common_name);
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> anyhow::Result<Issued> {
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

// === impl Issued ===

impl Issued {
    /// Writes `NAME.pem` and `NAME.key` into `dir`.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write(&self, dir: &Path, name: &str) -> anyhow::Result<Files> {
        let files = Files { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        std::fs::write(&files.certificate, &self.certificate)?;
        std::fs::write(&files.key, &self.key)?;
        Ok(files)
    }

    /// The server's side of TLS with this certificate. With an authority (PEM) clients must show one of it.
    ///
    /// # Errors
    /// When the PEM is none, or no certificate of a server.
    pub fn acceptor(&self, client_ca: Option<&str>, alpn: &[&str]) -> anyhow::Result<TlsAcceptor> {
        crate::install_crypto();
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        let builder = match client_ca {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build()?;
                ServerConfig::builder().with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_signs_both_kinds() {
        let authority = Certificates::new().unwrap();
        assert!(authority.ca().contains("BEGIN CERTIFICATE"));
        let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let client = authority.client("ops", "portolan://admin/ops").unwrap();
        assert!(server.key.contains("PRIVATE KEY"));
        assert_ne!(server.certificate, client.certificate);
    }
}
