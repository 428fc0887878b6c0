use rcgen::{CertificateSigningRequestParams, PublicKeyData};
use rustls_pki_types::CertificateDer;

use super::super::root;
use super::*;

const NOW: i64 = 1_790_000_000_000_000;

fn csr(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "somebody-else");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn issuer() -> Issuer<'static, KeyPair> {
    let root = root::make(NOW).unwrap();
    Issuer::from_ca_cert_pem(&root.certificate, KeyPair::try_from(root.key.as_slice()).unwrap()).unwrap()
}

#[test]
fn nothing_of_the_request_but_its_key_is_taken() {
    let key = KeyPair::generate().unwrap();
    let subject = Subject::DataPlane { group: "default".into() };
    let order = Order::from_csr(subject, "dp-1", &csr(&key)).unwrap();
    let issued = sign(&issuer(), &order, NOW).unwrap();

    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), "O=Portolan, CN=dp-1");
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].to_string(), "URI(portolan://data-plane/default/dp-1)");
    assert!(!certificate.is_ca());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert_eq!(certificate.public_key().subject_public_key.data.as_ref(), key.der_bytes());
    assert_eq!(format!("{:x}", certificate.serial), issued.serial);
    assert_eq!(issued.not_after, "2027-09-21T14:13:20Z");
}

#[test]
fn bad_orders() {
    let good = csr(&KeyPair::generate().unwrap());
    let server = |names: &[&str]| Subject::Server { names: names.iter().map(|n| (*n).to_owned()).collect() };
    for (subject, name, csr, part) in [
        (Subject::Admin, "", good.as_str(), "name must be"),
        (Subject::Admin, "a/b", &good, "name must be"),
        (Subject::DataPlane { group: "x y".into() }, "dp", &good, "gateway_group_id must be"),
        (server(&[]), "cp", &good, "names must hold"),
        (server(&["a b"]), "cp", &good, "neither a DNS name nor an address"),
        (Subject::Admin, "ops", "hello", "csr must be"),
        (Subject::Admin, "ops", &root::make(NOW).unwrap().certificate, "csr must be"),
    ] {
        let error = Order::from_csr(subject, name, csr).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let request = csr(&KeyPair::generate().unwrap());
    assert!(CertificateSigningRequestParams::from_pem(&request).is_ok());
    let der = CertificateSigningRequestDer::from_pem_slice(request.as_bytes()).unwrap();
    let mut bytes = der.as_ref().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    let error = Order::from_csr(Subject::Admin, "ops", &pem).unwrap_err();
    assert_eq!(error.to_string(), "csr is not signed by its own key");
}
