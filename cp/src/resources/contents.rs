//! What stands inside certificates, keys and definitions in Protocol Buffers, for the checks of `model`.
//!
//! Stricter than APISIX in one thing: a key must be that of its certificate.

use portolan_model::check::{BadPair, Contents};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::parse_x509_certificate;

mod proto;

/// The start of a key that is not encrypted.
const PLAIN: &str = "---";

/// Reads certificates, keys and definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Of the Admin API: a key that somebody encrypted can't be used, there is no keyring.
    AdminApi,
    /// Of etcd clients: another control plane stores keys as it has encrypted them.
    Etcd,
}

// === impl Reader ===

impl Contents for Reader {
    fn pair(&self, certificate: &str, key: Option<&str>) -> Result<(), BadPair> {
        let public = public_key(certificate)?;
        let Some(key) = key else { return Ok(()) };
        if !key.starts_with(PLAIN) {
            return if *self == Self::Etcd { Ok(()) } else { Err(BadPair::Sealed) };
        }
        let unreadable = || BadPair::Key("PEM_read_bio_PrivateKey() failed".into());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| unreadable())?;
        let key = any_supported_type(&key).map_err(|_| unreadable())?;
        match key.public_key() {
            Some(own) if own.as_ref() != public => Err(BadPair::Key("key values mismatch".into())),
            _ => Ok(()),
        }
    }

    fn proto(&self, definition: &str) -> Result<(), String> {
        proto::check(definition)
    }
}

/// The public key of the first certificate; all of them must be certificates.
fn public_key(chain: &str) -> Result<Vec<u8>, BadPair> {
    let unreadable = || BadPair::Certificate("PEM_read_bio_X509_AUX() failed".into());
    let mut first = None;
    for certificate in CertificateDer::pem_slice_iter(chain.as_bytes()) {
        let certificate = certificate.map_err(|_| unreadable())?;
        let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| unreadable())?;
        first.get_or_insert_with(|| parsed.public_key().raw.to_vec());
    }
    first.ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    #[test]
    fn pairs() {
        let keys = [
            KeyPair::generate().unwrap(),
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
            KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        ];
        for (index, key) in keys.iter().enumerate() {
            let certificate = CertificateParams::new(["a.com".to_owned()]).unwrap().self_signed(key).unwrap().pem();
            let pair = |key: Option<&str>| Reader::AdminApi.pair(&certificate, key);
            assert_eq!(pair(None), Ok(()));
            assert_eq!(pair(Some(&key.serialize_pem())), Ok(()), "{index}");
            let other = keys[(index + 1) % keys.len()].serialize_pem();
            assert_eq!(pair(Some(&other)), Err(BadPair::Key("key values mismatch".into())), "{index}");
            assert!(matches!(pair(Some("---")), Err(BadPair::Key(_))));
            assert_eq!(pair(Some("c2VhbGVk")), Err(BadPair::Sealed));
            assert_eq!(Reader::Etcd.pair(&certificate, Some("c2VhbGVk")), Ok(()));
            let cut = certificate.replacen('M', "", 2);
            for bad in ["", "---", &key.serialize_pem(), &cut, &format!("{certificate}{cut}")] {
                assert!(matches!(Reader::AdminApi.pair(bad, None), Err(BadPair::Certificate(_))), "{bad}");
            }
        }
    }
}
