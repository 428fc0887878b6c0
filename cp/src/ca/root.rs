//! The root certificate.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::Error;
use super::issue::{DAY, serial, set_validity};

/// Ten years: replacing a root means touching every data plane.
const LIFETIME_SECONDS: i64 = 3650 * DAY;

/// A new root.
pub(super) struct Root {
    /// In PEM.
    pub certificate: String,
    /// PKCS#8.
    pub key: Vec<u8>,
    /// RFC 3339.
    pub not_after: String,
}

/// Makes a root: EC P-256, may sign leaves only.
pub(super) fn make(now_micros: i64) -> Result<Root, Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Portolan");
    params.distinguished_name.push(DnType::CommonName, "Portolan internal CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(serial()?);
    let not_after = set_validity(&mut params, now_micros, LIFETIME_SECONDS);
    let certificate = params.self_signed(&key)?.pem();
    Ok(Root { certificate, key: key.serialize_der(), not_after })
}
