//! The certificates that `up` fetches for the data plane and for an administrator. Keys are made here and never leave.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use portolan_rt::clock::Clock;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::client::Client;
use crate::failure::Failure;
use crate::private;

/// A certificate that ends sooner is replaced.
const RENEW_BEFORE_SECONDS: i64 = 10 * 24 * 3600;

/// A certificate that this start needs.
#[derive(Debug)]
struct Wanted {
    /// As `POST /api/certificates` names it.
    kind: &'static str,
    name: &'static str,
    files: Files,
}

/// A certificate and its key on disk.
#[derive(Debug)]
pub struct Files {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Where the certificates of one data directory are.
#[derive(Debug)]
pub struct Certificates {
    ca: PathBuf,
    all: [Wanted; 3],
}

// === impl Certificates ===

impl Certificates {
    /// The places for this data directory.
    pub fn new(data: &Path) -> Self {
        let files =
            |stem: &str| Files { certificate: data.join(format!("{stem}.pem")), key: data.join(format!("{stem}.key")) };
        Self {
            ca: data.join("cp").join("ca.pem"),
            all: [
                Wanted { kind: "data_plane", name: "dp-1", files: files("dp/client") },
                Wanted { kind: "server", name: "dp-1", files: files("dp/server") },
                Wanted { kind: "admin", name: "etcd-admin", files: files("admin/client") },
            ],
        }
    }

    /// The authority's certificate.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// What the data plane shows the control plane.
    pub fn data_plane(&self) -> &Files {
        &self.all[0].files
    }

    /// An administrative etcd client.
    pub fn admin(&self) -> &Files {
        &self.all[2].files
    }

    /// Whether an earlier start left all that the data plane needs.
    pub fn complete(&self) -> bool {
        let files = self.all.iter().flat_map(|wanted| [&wanted.files.certificate, &wanted.files.key]);
        files.chain([&self.ca]).all(|path| path.is_file())
    }

    /// Fetches what is missing, near its end, or of another authority.
    pub async fn ensure(&self, client: &Client, server_names: &[String], clock: &dyn Clock) -> Result<(), Failure> {
        let ca = private::read(&self.ca)?.with_context(|| format!("there is no {}", self.ca.display()))?;
        let now = clock.now_micros() / 1_000_000;
        for wanted in &self.all {
            if wanted.files.good(&ca, now) {
                continue;
            }
            wanted.fetch(client, server_names).await?;
        }
        Ok(())
    }
}

// === impl Wanted ===

impl Wanted {
    async fn fetch(&self, client: &Client, server_names: &[String]) -> Result<(), Failure> {
        // The data plane's snapshot is sealed with a key that comes from this one, so a new certificate keeps it.
        let key = match private::read(&self.files.key)?.and_then(|pem| KeyPair::from_pem(&pem).ok()) {
            Some(key) => key,
            None => KeyPair::generate().context("could not make a key")?,
        };
        let request = json!({
            "kind": self.kind,
            "name": self.name,
            "gateway_group_id": "default",
            "names": if self.kind == "server" { server_names } else { &[] },
            "csr": signing_request(self.name, &key)?,
        });
        let answer = client.post(&["api", "certificates"], &request).await?;
        let certificate = answer["certificate"].as_str().context("the control plane's answer holds no certificate")?;
        if let Some(directory) = self.files.key.parent() {
            private::directory(directory)?;
        }
        // The key first: a reader that finds the new certificate finds its key too.
        private::write(&self.files.key, &key.serialize_pem())?;
        private::write(&self.files.certificate, certificate)?;
        Ok(())
    }
}

// === impl Files ===

impl Files {
    /// Whether there is a pair whose certificate this authority signed and that lasts a while. Anything unreadable is not.
    fn good(&self, ca: &str, now: i64) -> bool {
        let test = || -> anyhow::Result<bool> {
            let pem = private::read(&self.certificate)?.context("missing")?;
            let (ca, own) = (der(ca)?, der(&pem)?);
            let (_, authority) = X509Certificate::from_der(&ca)?;
            let (_, own) = X509Certificate::from_der(&own)?;
            let lasts = own.validity().not_after.timestamp() - now > RENEW_BEFORE_SECONDS;
            Ok(lasts && own.verify_signature(Some(authority.public_key())).is_ok())
        };
        self.key.is_file() && test().unwrap_or(false)
    }
}

fn signing_request(name: &str, key: &KeyPair) -> anyhow::Result<String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params.serialize_request(key)?.pem()?)
}

fn der(pem: &str) -> anyhow::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| anyhow!("no certificate: {error}"))
}

/// A client for what `up` asks the control plane, from its announcement. The Admin API's port may want certificates.
pub fn client(announcement: &Value, key: &str, ca: &Path) -> Result<Client, Failure> {
    let address =
        |name: &str| announcement[name].as_str().with_context(|| format!("the control plane did not say its {name}"));
    let plain = address("admin_api")?;
    if plain.starts_with("http://") {
        return Client::with(plain, key.to_owned(), None);
    }
    let ca = private::read(ca)?.with_context(|| format!("there is no {}", ca.display()))?;
    Client::with(address("dashboard")?, key.to_owned(), Some(&ca))
}
