//! Certificates with their keys, and which of several a client gets.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SupportedCipherSuite};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::provider;

/// One or more certificates for the same names, with keys of different kinds.
#[derive(Debug)]
pub struct Certificates {
    /// ECDSA before RSA: it costs a fraction.
    pairs: Vec<Arc<CertifiedKey>>,
    tls13: bool,
    suites: Vec<SupportedCipherSuite>,
}

/// Reads a chain and its key, both PEM.
pub fn pair(cert: &str, key: &str) -> Result<Arc<CertifiedKey>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the certificate is not PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| format!("the key is not PEM: {error}"))?;
    let pair = CertifiedKey::from_der(chain, key, &provider());
    pair.map(Arc::new).map_err(|error| format!("certificate and key cannot be used together: {error}"))
}

// === impl Certificates ===

impl Certificates {
    /// From at least one pair; `tls13` says whether that version is spoken at all.
    #[must_use]
    pub fn new(mut pairs: Vec<Arc<CertifiedKey>>, tls13: bool) -> Self {
        pairs.sort_by_key(|pair| pair.key.algorithm() == SignatureAlgorithm::RSA);
        Self { pairs, tls13, suites: provider().cipher_suites.clone() }
    }

    /// Whether the client can use a key of this kind.
    fn suits(&self, pair: &CertifiedKey, hello: &ClientHello<'_>) -> bool {
        if pair.key.choose_scheme(hello.signature_schemes()).is_none() {
            return false;
        }
        // TLS 1.2 has the kind of key in the cipher suite, too.
        let mut common = self.suites.iter().filter(|suite| hello.cipher_suites().contains(&suite.suite()));
        common.any(|suite| match suite {
            SupportedCipherSuite::Tls13(_) => self.tls13,
            SupportedCipherSuite::Tls12(_) => suite.usable_for_signature_algorithm(pair.key.algorithm()),
        })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let [only] = &*self.pairs {
            return Some(only.clone());
        }
        self.pairs.iter().find(|pair| self.suits(pair, &hello)).or(self.pairs.first()).cloned()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A certificate for a name and its key, PEM.
    pub(crate) fn made(name: &str) -> (String, String) {
        portolan_testkit::install_crypto();
        let made = portolan_testkit::Certificates::new().unwrap().server(&[name]).unwrap();
        (made.certificate, made.key)
    }

    #[test]
    fn a_pair_must_fit() {
        let ((cert, key), (_, other)) = (made("a.com"), made("b.com"));
        pair(&cert, &key).unwrap();
        for (cert, key, expected) in [
            (&*cert, &*other, "certificate and key cannot be used together"),
            (&*cert, "nonsense", "the key is not PEM"),
            ("nonsense", &*key, "the certificate is not PEM"),
            (&*key, &*key, "the certificate is not PEM"),
        ] {
            let error = pair(cert, key).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
