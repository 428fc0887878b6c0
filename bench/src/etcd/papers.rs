//! Certificates of a foreign server, by an authority of its own: what ours have, and what etcd's gateway needs besides.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::client::Dial;

/// A certificate and its key, PEM.
#[derive(Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The files of one server and its clients.
#[derive(Debug)]
pub struct Papers {
    /// The authority of both.
    pub ca: PathBuf,
    /// The server's.
    pub server: Pair,
    client: Pair,
}

// === impl Papers ===

impl Papers {
    /// Issues them in a folder.
    pub fn new(dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let ca = dir.join("ca.pem");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        fs::write(&ca, params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);
        // etcd's gateway is a client of etcd with the server's certificate.
        let server = Pair::issue(dir, "server", &[ServerAuth, ClientAuth], &issuer)?;
        let client = Pair::issue(dir, "client", &[ClientAuth], &issuer)?;
        Ok(Self { ca, server, client })
    }

    /// How to reach the server.
    pub fn dial(&self, url: &str) -> anyhow::Result<Dial> {
        Dial::new(url, &self.ca, &self.client.certificate, &self.client.key)
    }
}

// === impl Pair ===

impl Pair {
    fn issue(
        dir: &Path,
        name: &str,
        usages: &[ExtendedKeyUsagePurpose],
        issuer: &Issuer<'_, KeyPair>,
    ) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        params.extended_key_usages = usages.to_vec();
        let key = KeyPair::generate()?;
        let pair = Self { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        fs::write(&pair.certificate, params.signed_by(&key, issuer)?.pem())?;
        fs::write(&pair.key, key.serialize_pem())?;
        Ok(pair)
    }
}
