//! Signing leaves. Only the public key is taken from a request; every name comes from the order.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::Error;

/// A day in seconds.
pub(super) const DAY: i64 = 86_400;
/// Clocks of clients may be behind ours by this much.
const BACKDATED_SECONDS: i64 = 3600;
/// Names in one certificate.
const MOST_NAMES: usize = 100;

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A data plane of a gateway group.
    DataPlane {
        /// The group whose keys it sees.
        group: String,
    },
    /// An etcd client that sees and writes everything.
    Admin,
    /// A TLS server.
    Server {
        /// Its DNS names and addresses.
        names: Vec<String>,
    },
}

/// An order for a certificate.
#[derive(Debug)]
pub struct Order {
    /// What it is for.
    pub subject: Subject,
    /// Common name: the instance, the administrator, the server.
    pub name: String,
    /// The key to certify.
    pub public_key: SubjectPublicKeyInfo,
}

/// A signed certificate.
#[derive(Clone, Debug)]
pub struct Issued {
    /// In PEM.
    pub certificate: String,
    /// Lower-case hex, without leading zeros.
    pub serial: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
}

// === impl Subject ===

impl Subject {
    /// The word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DataPlane { .. } => "data_plane",
            Self::Admin => "admin",
            Self::Server { .. } => "server",
        }
    }

    /// The gateway group that it is bound to.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::DataPlane { group } => Some(group),
            Self::Admin | Self::Server { .. } => None,
        }
    }

    /// Servers renew by themselves, so theirs are short; the others are renewed by people for now.
    fn lifetime_seconds(&self) -> i64 {
        match self {
            Self::Server { .. } => 90 * DAY,
            Self::DataPlane { .. } | Self::Admin => 365 * DAY,
        }
    }

    fn alternative_names(&self, name: &str) -> Result<Vec<SanType>, Error> {
        let uri = |uri: String| Ok(vec![SanType::URI(uri.try_into()?)]);
        match self {
            Self::DataPlane { group } => uri(format!("portolan://data-plane/{group}/{name}")),
            Self::Admin => uri(format!("portolan://admin/{name}")),
            Self::Server { names } => names.iter().map(|name| host(name)).collect(),
        }
    }
}

// === impl Order ===

impl Order {
    /// An order by certificate request (PEM). Its signature must hold; what it asks for is not looked at.
    ///
    /// # Errors
    /// With a text for the caller.
    pub fn from_csr(subject: Subject, name: &str, csr: &str) -> Result<Self, Error> {
        check_name("name", name)?;
        match &subject {
            Subject::DataPlane { group } => check_name("gateway_group_id", group)?,
            Subject::Admin => {}
            Subject::Server { names } => check_hosts(names)?,
        }
        Ok(Self { subject, name: name.to_owned(), public_key: public_key(csr)? })
    }

    /// An order for our own server, with our own key.
    ///
    /// # Errors
    /// When the key is of a kind that can't be certified.
    pub(super) fn for_server(names: Vec<String>, key: &KeyPair) -> Result<Self, Error> {
        let name = names.first().cloned().unwrap_or_default().chars().take(64).collect();
        let public_key = SubjectPublicKeyInfo::from_pem(&key.public_key_pem())?;
        Ok(Self { subject: Subject::Server { names }, name, public_key })
    }
}

// === impl Issued ===

impl Issued {
    /// What [`Self::record`] said.
    pub(super) fn recorded(record: &[u8]) -> Option<Self> {
        let record: Value = serde_json::from_slice(record).ok()?;
        let text = |field: &str| record.get(field)?.as_str().map(str::to_owned);
        Some(Self {
            certificate: text("certificate")?,
            serial: text("serial")?,
            not_before: text("not_before")?,
            not_after: text("not_after")?,
        })
    }

    /// What the key space keeps of it.
    pub(super) fn record(&self, order: &Order) -> Value {
        let mut record = json!({
            "serial": self.serial,
            "kind": order.subject.kind(),
            "name": order.name,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "certificate": self.certificate,
        });
        match &order.subject {
            Subject::DataPlane { group } => record["gateway_group_id"] = json!(group),
            Subject::Server { names } => record["names"] = json!(names),
            Subject::Admin => {}
        }
        record
    }
}

/// Signs what was ordered.
pub(super) fn sign(issuer: &Issuer<'_, KeyPair>, order: &Order, now_micros: i64) -> Result<Issued, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Portolan");
    params.distinguished_name.push(DnType::CommonName, order.name.as_str());
    params.subject_alt_names = order.subject.alternative_names(&order.name)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match order.subject {
        Subject::Server { .. } => ExtendedKeyUsagePurpose::ServerAuth,
        Subject::DataPlane { .. } | Subject::Admin => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    let number = serial()?;
    let serial = hex::encode(number.to_bytes());
    params.serial_number = Some(number);
    let not_after = set_validity(&mut params, now_micros, order.subject.lifetime_seconds());
    let not_before = rfc3339(now_micros.div_euclid(1_000_000) - BACKDATED_SECONDS);
    let certificate = params.signed_by(&order.public_key, issuer)?.pem();
    Ok(Issued { certificate, serial, not_before, not_after })
}

/// 127 random bits: positive in DER, and never the same twice.
pub(super) fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Broken("no randomness"))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Sets from when to when the certificate holds; gives the end in RFC 3339.
pub(super) fn set_validity(params: &mut CertificateParams, now_micros: i64, lifetime_seconds: i64) -> String {
    let now = now_micros.div_euclid(1_000_000);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |seconds: i64| epoch + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    params.not_before = at(now - BACKDATED_SECONDS);
    params.not_after = at(now + lifetime_seconds);
    rfc3339(now + lifetime_seconds)
}

fn rfc3339(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn host(name: &str) -> Result<SanType, Error> {
    Ok(match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into()?),
    })
}

fn check_name(field: &str, name: &str) -> Result<(), Error> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(valid) {
        return Ok(());
    }
    Err(Error::Request(format!("{field} must be 1 to 64 of a-z A-Z 0-9 - _ .")))
}

fn check_hosts(names: &[String]) -> Result<(), Error> {
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(Error::Request(format!("names must hold 1 to {MOST_NAMES} DNS names or addresses")));
    }
    match names.iter().find(|name| !crate::config::is_host(name)) {
        Some(name) => Err(Error::Request(format!("{name:?} in names is neither a DNS name nor an address"))),
        None => Ok(()),
    }
}

fn public_key(csr: &str) -> Result<SubjectPublicKeyInfo, Error> {
    let refused = |text: &str| Error::Request(format!("csr {text}"));
    let der = CertificateSigningRequestDer::from_pem_slice(csr.as_bytes())
        .map_err(|_| refused("must be a PKCS#10 certificate request in PEM"))?;
    let (rest, request) = X509CertificationRequest::from_der(&der)
        .map_err(|_| refused("must be a PKCS#10 certificate request in PEM"))?;
    if !rest.is_empty() {
        return Err(refused("has bytes after its end"));
    }
    request.verify_signature().map_err(|_| refused("is not signed by its own key"))?;
    let info = &request.certification_request_info.subject_pki;
    match info.parsed().map_err(|_| refused("holds no readable key"))? {
        PublicKey::RSA(key) if key.key_size() < 2048 => return Err(refused("holds an RSA key of less than 2048 bits")),
        PublicKey::RSA(_) | PublicKey::EC(_) => {}
        PublicKey::Unknown(_) if info.algorithm.algorithm == x509_parser::oid_registry::OID_SIG_ED25519 => {}
        _ => return Err(refused("holds a key of an unknown kind; use EC P-256, EC P-384, Ed25519 or RSA")),
    }
    SubjectPublicKeyInfo::from_der(info.raw)
        .map_err(|_| refused("holds a key of an unknown kind; use EC P-256, EC P-384, Ed25519 or RSA"))
}

#[cfg(test)]
mod tests;
