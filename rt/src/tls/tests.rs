use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType, SerialNumber};

use super::*;

struct Made {
    cert: String,
    key: String,
}

fn make(name: &str) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc, 0x01]));
    let uri = format!("portolan://data-plane/default/{name}");
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    let ca_key = KeyPair::generate().unwrap();
    let ca = Issuer::new(CertificateParams::new(Vec::new()).unwrap(), ca_key);
    let cert = params.signed_by(&key, &ca).unwrap();
    Made { cert: cert.pem(), key: key.serialize_pem() }
}

#[test]
fn a_certificate_says_who_the_peer_is() {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    let made = make("dp-1");
    let der = CertificateDer::from_pem_slice(made.cert.as_bytes()).unwrap();
    let peer = PeerCertificate::from_der(&der).unwrap();
    assert_eq!(peer.common_name, "dp-1");
    assert_eq!(peer.uris, ["portolan://data-plane/default/dp-1"]);
    assert_eq!(peer.serial, "abc01");
    assert_eq!(peer.fingerprint_sha256.len(), 64);
}

#[test]
fn nonsense_is_no_certificate() {
    let der = rustls_pki_types::CertificateDer::from(b"nonsense".to_vec());
    assert!(matches!(PeerCertificate::from_der(&der), Err(Error::Certificate(_))));
}

#[test]
fn a_key_of_another_certificate_is_refused_and_the_old_pair_stays() {
    let (one, two) = (make("one"), make("two"));
    let identity = Identity::from_pem(one.cert.as_bytes(), one.key.as_bytes()).unwrap();
    let error = identity.replace(two.cert.as_bytes(), one.key.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::Pair(_)));
    identity.replace(two.cert.as_bytes(), two.key.as_bytes()).unwrap();
}

#[test]
fn errors_say_what_was_expected() {
    let made = make("one");
    let text = |result: Result<Identity, Error>| result.unwrap_err().to_string();
    let no_cert = Identity::from_pem(b"", made.key.as_bytes());
    assert_eq!(text(no_cert), "the certificate file must hold certificates in PEM");
    let no_key = Identity::from_pem(made.cert.as_bytes(), made.cert.as_bytes());
    assert_eq!(text(no_key), "the key file must hold a private key in PEM");
    assert_eq!(text(Identity::load("/nowhere.pem", "/nowhere.key")), "/nowhere.pem cannot be read");
    assert!(matches!(Roots::from_pem(b"").unwrap_err(), Error::Pem(_)));
}
