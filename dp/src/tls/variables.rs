//! Variables of a TLS connection, by their nginx names.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::{CipherSuite, ProtocolVersion};
use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::{Session, Verified};

/// A variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are nginx's")]
pub enum Variable {
    ServerName,
    Protocol,
    Cipher,
    SessionReused,
    AlpnProtocol,
    ClientVerify,
    ClientSubject,
    ClientIssuer,
    ClientSerial,
    ClientFingerprint,
    ClientCert,
    ClientRawCert,
    ClientEscapedCert,
    ClientStart,
    ClientEnd,
    ClientRemain,
}

const NAMES: &[(&str, Variable)] = &[
    ("server_name", Variable::ServerName),
    ("protocol", Variable::Protocol),
    ("cipher", Variable::Cipher),
    ("session_reused", Variable::SessionReused),
    ("alpn_protocol", Variable::AlpnProtocol),
    ("client_verify", Variable::ClientVerify),
    ("client_s_dn", Variable::ClientSubject),
    ("client_i_dn", Variable::ClientIssuer),
    ("client_serial", Variable::ClientSerial),
    ("client_fingerprint", Variable::ClientFingerprint),
    ("client_cert", Variable::ClientCert),
    ("client_raw_cert", Variable::ClientRawCert),
    ("client_escaped_cert", Variable::ClientEscapedCert),
    ("client_v_start", Variable::ClientStart),
    ("client_v_end", Variable::ClientEnd),
    ("client_v_remain", Variable::ClientRemain),
];

// === impl Variable ===

impl Variable {
    /// The variable of a name, which begins with `ssl_`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_prefix("ssl_")?;
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable)
    }

    /// Its value on a connection.
    #[must_use]
    pub fn read(self, session: &Session) -> Option<Cow<'_, str>> {
        match self {
            Self::ServerName => session.name.as_deref().map(Cow::Borrowed),
            Self::Protocol => Some(Cow::Borrowed(match session.version? {
                ProtocolVersion::TLSv1_2 => "TLSv1.2",
                _ => "TLSv1.3",
            })),
            Self::Cipher => Some(Cow::Borrowed(cipher(session.suite?))),
            Self::SessionReused => Some(Cow::Borrowed(if session.resumed { "r" } else { "." })),
            Self::AlpnProtocol => Some(String::from_utf8_lossy(session.alpn.as_deref()?)),
            Self::ClientVerify => Some(match &session.verified {
                Verified::None => Cow::Borrowed("NONE"),
                Verified::Success => Cow::Borrowed("SUCCESS"),
                Verified::Failed(reason) => Cow::Owned(format!("FAILED:{reason}")),
            }),
            of_certificate => of_certificate.read_certificate(session.client.as_ref()?).map(Cow::Owned),
        }
    }

    fn read_certificate(self, der: &[u8]) -> Option<String> {
        match self {
            Self::ClientFingerprint => return Some(hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref())),
            Self::ClientRawCert => return Some(pem(der)),
            // Each line but the first begins with a tab, so that it is one header.
            Self::ClientCert => return Some(pem(der).trim_end().replace('\n', "\n\t")),
            Self::ClientEscapedCert => return Some(escaped(&pem(der))),
            _ => {}
        }
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(self.read_parsed(&certificate))
    }

    fn read_parsed(self, certificate: &X509Certificate<'_>) -> String {
        let validity = certificate.validity();
        match self {
            Self::ClientIssuer => name(certificate.issuer()),
            Self::ClientSerial => serial(certificate.raw_serial()),
            Self::ClientStart => time(&validity.not_before),
            Self::ClientEnd => time(&validity.not_after),
            Self::ClientRemain => {
                let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
                ((validity.not_after.timestamp() - now).max(0) / 86400).to_string()
            }
            _ => name(certificate.subject()),
        }
    }
}

/// OpenSSL's name of a cipher suite, which is what people compare with.
fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or("unknown"),
    }
}

/// A distinguished name as RFC 2253 writes it: the last part first.
fn name(name: &X509Name<'_>) -> String {
    let registry = oid_registry();
    let mut parts: Vec<String> = Vec::new();
    for relative in name.iter() {
        let attributes = relative.iter().map(|attribute| {
            let oid = attribute.attr_type();
            let kind = oid2abbrev(oid, registry).map_or_else(|_| oid.to_id_string(), str::to_owned);
            let value = attribute.as_str().map_or_else(|_| format!("#{}", hex(attribute.as_slice())), quoted);
            format!("{kind}={value}")
        });
        parts.push(attributes.collect::<Vec<_>>().join("+"));
    }
    parts.reverse();
    parts.join(",")
}

fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let edge = (at == 0 && (c == ' ' || c == '#')) || (at == last && c == ' ');
        if edge || ",+\"\\<>;".contains(c) {
            out.push('\\');
        }
        if c.is_ascii() && !c.is_ascii_control() {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail.
                let _written = write!(out, "\\{byte:02X}");
            }
        }
    }
    out
}

/// Upper-case hex of a positive number, without the byte that keeps it positive.
fn serial(raw: &[u8]) -> String {
    let start = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len().saturating_sub(1));
    hex(&raw[start..]).to_ascii_uppercase()
}

/// `Nov 23 09:41:13 2026 GMT`, the day with a space where it has one digit.
fn time(time: &ASN1Time) -> String {
    let at = time.to_datetime();
    let month = at.month().to_string();
    let month = month.get(..3).unwrap_or(&month);
    format!("{month} {:>2} {:02}:{:02}:{:02} {} GMT", at.day(), at.hour(), at.minute(), at.second(), at.year())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _written = write!(out, "{byte:02x}");
        out
    })
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().copied().map(char::from));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn texts_are_quoted_as_rfc_2253_says() {
        for (value, expected) in
            [("plain", "plain"), ("a,b", r"a\,b"), (" a ", r"\ a\ "), ("#a", r"\#a"), ("é", r"\C3\A9"), ("", "")]
        {
            assert_eq!(quoted(value), expected);
        }
    }

    #[test]
    fn a_certificate_has_its_variables() {
        portolan_testkit::install_crypto();
        let authority = portolan_testkit::Certificates::new().unwrap();
        let made = authority.client("ops", "portolan://admin/ops").unwrap();
        let client = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
        let session = Session {
            name: Some("a.com".into()),
            ssl: None,
            version: Some(ProtocolVersion::TLSv1_3),
            suite: Some(CipherSuite::TLS13_AES_256_GCM_SHA384),
            resumed: false,
            alpn: Some(b"h2"[..].into()),
            verified: Verified::Failed("why".into()),
            client: Some(client),
        };
        let read = |name: &str| Variable::parse(name).unwrap().read(&session).unwrap_or_default().into_owned();
        for (name, expected) in [
            ("ssl_server_name", "a.com"),
            ("ssl_protocol", "TLSv1.3"),
            ("ssl_cipher", "TLS_AES_256_GCM_SHA384"),
            ("ssl_session_reused", "."),
            ("ssl_alpn_protocol", "h2"),
            ("ssl_client_verify", "FAILED:why"),
            ("ssl_client_s_dn", "CN=ops"),
            ("ssl_client_i_dn", "CN=Portolan test authority"),
            ("ssl_client_v_start", "Jan  1 00:00:00 1975 GMT"),
            ("ssl_client_v_end", "Jan  1 00:00:00 4096 GMT"),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
        let normal = made.certificate.replace("\r\n", "\n");
        assert_eq!(read("ssl_client_raw_cert"), normal);
        assert_eq!(read("ssl_client_cert").replace("\n\t", "\n"), normal.trim_end());
        assert!(read("ssl_client_escaped_cert").starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
        assert_eq!(read("ssl_client_fingerprint").len(), 40);
        assert!(read("ssl_client_v_remain").parse::<u64>().unwrap() > 700_000);
        assert!(Variable::parse("ssl_no_such").is_none() && Variable::parse("server_name").is_none());
    }
}
