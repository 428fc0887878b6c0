//! Who the other side of a connection is.

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Error;

/// What a verified client certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The subject's common name, empty if it has none.
    pub common_name: String,
    /// The URIs among the subject's alternative names, in their order.
    pub uris: Vec<String>,
    /// The serial number: lower-case hex, without leading zeros.
    pub serial: String,
    /// SHA-256 of the whole certificate: lower-case hex.
    pub fingerprint_sha256: String,
}

// === impl PeerCertificate ===

impl PeerCertificate {
    /// Reads a certificate. Says nothing about whether it is valid.
    pub fn from_der(der: &CertificateDer<'_>) -> Result<Self, Error> {
        let unreadable = |text: String| Error::Certificate(text);
        let (_, certificate) = X509Certificate::from_der(der).map_err(|e| unreadable(e.to_string()))?;
        let common_name = certificate
            .subject()
            .iter_common_name()
            .next()
            .map(|name| name.as_str().map(str::to_owned))
            .transpose()
            .map_err(|e| unreadable(e.to_string()))?
            .unwrap_or_default();
        let names = certificate.subject_alternative_name().map_err(|e| unreadable(e.to_string()))?;
        let uris = names.iter().flat_map(|names| &names.value.general_names);
        let uris = uris.filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        });
        Ok(Self {
            common_name,
            uris: uris.collect(),
            serial: format!("{:x}", certificate.serial),
            fingerprint_sha256: hex::encode(digest(&SHA256, der)),
        })
    }
}
