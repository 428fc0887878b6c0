//! Who this data plane is among those of its gateway group.

use std::fs;
use std::path::{Path, PathBuf};

use portolan_rt::tls::PeerCertificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use uuid::Uuid;

/// One data plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its own, also across restarts; several may share a certificate.
    pub id: Uuid,
    /// The name in its certificate.
    pub name: String,
}

// === impl Instance ===

impl Instance {
    /// The one that keeps its snapshot here; a new one when none has been here.
    #[must_use]
    pub fn load(snapshot: &Path, certificate: Option<&Path>) -> Self {
        let file = beside(snapshot);
        let known = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let id = known.unwrap_or_else(|| {
            let id = Uuid::new_v4();
            let made =
                file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, format!("{id}\n")));
            if let Err(error) = made {
                tracing::warn!(%error, path = %file.display(), "this data plane gets another id with each start");
            }
            id
        });
        Self { id, name: certificate.and_then(name).unwrap_or_default() }
    }
}

fn beside(snapshot: &Path) -> PathBuf {
    let mut path = snapshot.as_os_str().to_owned();
    path.push(".instance");
    path.into()
}

fn name(certificate: &Path) -> Option<String> {
    let certificate = CertificateDer::from_pem_file(certificate).ok()?;
    Some(PeerCertificate::from_der(&certificate).ok()?.common_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_the_same_where_it_was_before() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("dp/snapshot"), dir.path().join("other/snapshot"));
        let first = Instance::load(&here, None);
        assert_eq!(Instance::load(&here, None), first);
        assert_ne!(Instance::load(&there, None).id, first.id);
        assert_ne!(Instance::load(Path::new("/proc/nowhere/snapshot"), None).id, first.id);
    }
}
