//! Who we are to nodes that ask for a client certificate.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use portolan_model::resource;
use rustls::sign::CertifiedKey;

use super::connect::ClientTls;
use super::{Error, Place};
use crate::plugin::State;
use crate::tls::pair;

/// A certificate and its key. Two are equal when they are the same; the same text gives the same, for as long as
/// somebody uses it, so that connections outlive a change of the resource that leaves the certificate.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    certificate: Arc<CertifiedKey>,
    /// TLS settings with it, made when they are first needed. See [`super::connect::Connector::settings`].
    settings: [OnceLock<ClientTls>; 6],
}

// === impl Identity ===

impl Identity {
    /// The one that the document asks for, if any.
    pub(super) fn compile(tls: &resource::Tls, place: &Place<'_>) -> Result<Option<Self>, Error> {
        let wrong = Error::ClientCertificate;
        if let Some(id) = &tls.client_cert_id {
            let id = id.as_str();
            let ssl = place.certificates.and_then(|all| all.get(id.as_bytes()));
            let ssl = ssl.ok_or_else(|| wrong(format!("there is no ssl {id}")))?;
            let certificate =
                ssl.for_upstreams().ok_or_else(|| wrong(format!("the type of ssl {id} is not client")))?;
            return Ok(Some(Self::of(certificate, place.state)));
        }
        match (&tls.client_cert, &tls.client_key) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(wrong("client_key is missing".to_owned())),
            (Some(cert), Some(key)) => Ok(Some(Self::of(&pair(cert, key).map_err(wrong)?, place.state))),
        }
    }

    fn of(certificate: &Arc<CertifiedKey>, state: &State) -> Self {
        // A certificate has one key.
        let chain: Vec<u8> = certificate.cert.iter().flat_map(|der| der.iter().copied()).collect();
        let name = digest(&SHA256, &chain);
        let make = || Inner { certificate: certificate.clone(), settings: Default::default() };
        Self(state.get(&format!("upstream identity {name:?}"), make))
    }

    /// The certificate.
    pub(super) fn certificate(&self) -> &Arc<CertifiedKey> {
        &self.0.certificate
    }

    /// The settings in this slot.
    pub(super) fn settings(&self, slot: usize) -> Option<&OnceLock<ClientTls>> {
        self.0.settings.get(slot)
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Identity {}

impl std::hash::Hash for Identity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}
