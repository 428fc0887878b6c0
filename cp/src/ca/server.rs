//! The server certificate of this replica: issued by our own authority, cached in the data folder, replaced in time.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portolan_eventstore::{Context, Intent, Proposal};
use portolan_rt::clock::Clock;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use portolan_rt::tls::Identity;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Authority, Error, Order};

/// How often the age of the certificate is looked at.
const PERIOD: Duration = Duration::from_secs(3600);
/// A certificate with less time left is replaced.
const RENEW_BEFORE_SECONDS: i64 = 30 * 86_400;

/// Keeps the server certificate current.
pub struct ServerCertificate {
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    names: Vec<String>,
    folder: PathBuf,
    identity: Identity,
}

// === impl ServerCertificate ===

impl ServerCertificate {
    /// Takes the certificate of the data folder, or has one issued when it is missing, about to expire, of other
    /// names or of another authority. Also writes the authority's certificate there, as `ca.pem`.
    ///
    /// # Errors
    /// When a file can't be written or the log can't take the event.
    pub async fn open(
        authority: Arc<Authority>,
        clock: Arc<dyn Clock>,
        names: Vec<String>,
        folder: &Path,
    ) -> Result<Self, Error> {
        write(&folder.join("ca.pem"), authority.certificate().as_bytes(), 0o644)?;
        let (cert, key) = (folder.join("server.pem"), folder.join("server.key"));
        let cached = fs::read(&cert).ok().zip(fs::read(&key).ok());
        let usable = cached.filter(|(cert, _)| is_current(cert, &authority, &names, clock.now_micros()));
        let identity = match usable.and_then(|(cert, key)| Identity::from_pem(&cert, &key).ok()) {
            Some(identity) => identity,
            None => {
                let (cert, key) = issue(&authority, &names, folder).await?;
                Identity::from_pem(cert.as_bytes(), key.as_bytes())?
            }
        };
        Ok(Self { authority, clock, names, folder: folder.to_owned(), identity })
    }

    /// What the listeners show; follows each renewal.
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// Starts the task that renews in time.
    pub fn watch(self, supervisor: &Supervisor) {
        let (this, shutdown) = (Arc::new(self), supervisor.shutdown());
        supervisor.spawn("server-certificate", Kind::Restart(Backoff::default()), move || {
            let (this, shutdown) = (this.clone(), shutdown.clone());
            async move {
                while shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_some() {
                    this.renew_if_due().await?;
                }
                Ok::<(), Error>(())
            }
        });
    }

    async fn renew_if_due(&self) -> Result<(), Error> {
        let cert = fs::read(self.folder.join("server.pem")).unwrap_or_default();
        if is_current(&cert, &self.authority, &self.names, self.clock.now_micros()) {
            return Ok(());
        }
        let (cert, key) = issue(&self.authority, &self.names, &self.folder).await?;
        self.identity.replace(cert.as_bytes(), key.as_bytes())?;
        tracing::info!("server certificate renewed");
        Ok(())
    }
}

async fn issue(authority: &Authority, names: &[String], folder: &Path) -> Result<(String, String), Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let order = Order::for_server(names.to_vec(), &key)?;
    let issued = authority
        .issue(|txn| Proposal::new(Context::system(), "certificate.issue", Intent::Txn(txn)), &order)
        .await?
        .map_err(|_| Error::Broken("a refused certificate"))?;
    let key = key.serialize_pem();
    // The key first: a certificate without its key is not taken for current on the next start.
    write(&folder.join("server.key"), key.as_bytes(), 0o600)?;
    write(&folder.join("server.pem"), issued.certificate.as_bytes(), 0o644)?;
    Ok((issued.certificate, key))
}

/// Whether the certificate holds for long enough, for these names, and is signed by the authority.
fn is_current(pem: &[u8], authority: &Authority, names: &[String], now_micros: i64) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem) else { return false };
    let Ok(root) = CertificateDer::from_pem_slice(authority.certificate().as_bytes()) else { return false };
    let (Ok((_, certificate)), Ok((_, root))) = (X509Certificate::from_der(&der), X509Certificate::from_der(&root))
    else {
        return false;
    };
    let left = certificate.validity().not_after.timestamp() - now_micros.div_euclid(1_000_000);
    let mut held: Vec<String> = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension.value.general_names.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    // Addresses have more than one spelling.
    let spelled = |name: &String| name.parse::<IpAddr>().map_or_else(|_| name.clone(), |address| address.to_string());
    let mut wanted: Vec<String> = names.iter().map(spelled).collect();
    held.sort();
    wanted.sort();
    left > RENEW_BEFORE_SECONDS && held == wanted && certificate.verify_signature(Some(root.public_key())).is_ok()
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        },
        _ => None,
    }
}

/// Writes a file beside its place and renames it there, so that a reader sees the old or the new one.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let draft = path.with_extension("new");
    let written = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    written().map_err(|source| Error::File { path: path.to_owned(), source })
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCertificate").field("names", &self.names).finish_non_exhaustive()
    }
}
