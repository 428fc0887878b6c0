//! The internal certificate authority: its root, and what it signs.
//!
//! The root is made by whichever replica starts first, as event `ca.create`; its certificate is a key of the key
//! space, its private key lies sealed in the store's secrets table. A certificate is handed out only after the event
//! that records it is in the log.

use std::sync::Arc;

use portolan_eventstore::proposal::SecretWrite;
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{
    Appended, Context, Decision, EventStore, Intent, KeyRange, KeyValue, Proposal, Refusal, View,
};
use portolan_kine_shim::REVOKED_PREFIX;
use portolan_model::GroupId;
use portolan_rt::clock::Clock;
use rcgen::{Issuer, KeyPair};
use serde_json::json;

mod issue;
mod root;
pub mod seal;
pub mod server;

pub use issue::{Issued, Order, Subject};
pub use seal::Seal;

/// Prefix of the records of certificates; below it stand their serial numbers.
const ISSUED_PREFIX: &str = "/portolan/certificates/";
/// Key of the root certificate.
const ROOT_KEY: &str = "/portolan/ca";
/// Name of the sealed private key in the secrets table.
const SECRET: &str = "ca/key";

/// The authority, ready to sign.
pub struct Authority {
    store: EventStore,
    clock: Arc<dyn Clock>,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why the authority can't work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log did not take or give something.
    #[error("the certificate authority can't reach the log")]
    Store(#[from] portolan_eventstore::Error),
    /// The private key can't be sealed or opened.
    #[error("the authority's private key")]
    Seal(#[from] seal::Error),
    /// Making a certificate failed.
    #[error("a certificate can't be made")]
    Make(#[from] rcgen::Error),
    /// The store holds half an authority.
    #[error("the store holds no usable authority: {0}")]
    Broken(&'static str),
    /// The certificate request can't be used; the text says why.
    #[error("{0}")]
    Request(String),
    /// A file of the data folder can't be written.
    #[error("can't write {}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// TLS refuses what was made.
    #[error("the server certificate can't be used")]
    Tls(#[from] portolan_rt::tls::Error),
}

// === impl Authority ===

impl Authority {
    /// The authority of this store; made when there is none yet.
    ///
    /// # Errors
    /// When the store can't be reached or its authority can't be opened with this replica's secret key.
    pub async fn open(store: EventStore, seal: &Seal, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        if store.read(|view| view.get(ROOT_KEY.as_bytes())).is_none() {
            create(&store, seal, clock.as_ref()).await?;
        }
        // Another replica may have been faster: only what the store holds counts.
        let root = store.read(|view| view.get(ROOT_KEY.as_bytes())).ok_or(Error::Broken("no certificate"))?;
        let root: serde_json::Value = serde_json::from_slice(&root.value).map_err(|_| Error::Broken("no JSON"))?;
        let certificate = root["certificate"].as_str().ok_or(Error::Broken("no certificate"))?.to_owned();
        let sealed = store.secret(SECRET).await?.ok_or(Error::Broken("no private key"))?;
        let key = seal.open(SECRET, &sealed)?;
        let key = KeyPair::try_from(key.as_slice())?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
        Ok(Self { store, clock, certificate, issuer })
    }

    /// The root certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Signs what was ordered, records it, and only then gives it out. `propose` makes a proposal of the change, under whatever
    /// conditions. A repeated request gets the certificate of the first.
    ///
    /// # Errors
    /// When the order can't be used or the log can't take the event.
    pub async fn issue(
        &self,
        propose: impl FnOnce(Txn) -> Proposal,
        order: &Order,
    ) -> Result<Result<Issued, Refusal>, Error> {
        let issued = issue::sign(&self.issuer, order, self.clock.now_micros())?;
        let key = issued_key(&issued.serial);
        let record = issued.record(order).to_string();
        let mut proposal = propose(Txn::of(vec![Op::Put(Put::new(key, record))]));
        if let Some(group) = order.subject.group() {
            proposal = proposal.in_group(group);
        }
        match self.store.append(proposal.on("certificate", issued.serial.clone())).await? {
            Appended::Committed { changes, .. } => {
                let first = changes.first().and_then(|change| Issued::recorded(&change.after.as_ref()?.value));
                Ok(Ok(first.unwrap_or(issued)))
            }
            Appended::Unchanged { .. } => Ok(Ok(issued)),
            Appended::Refused { refusal, .. } => Ok(Err(refusal)),
        }
    }
}

/// Where the record of a certificate stands.
pub fn issued_key(serial: &str) -> String {
    format!("{ISSUED_PREFIX}{serial}")
}

/// The key by which a certificate is revoked, in the data-plane manager of every replica.
pub fn revoked_key(serial: &str) -> String {
    format!("{REVOKED_PREFIX}{serial}")
}

/// The change that revokes a certificate.
pub fn revocation(serial: &str, now: i64) -> Put {
    Put::new(revoked_key(serial), json!({ "serial": serial, "revoked_at": now }).to_string())
}

/// The changes that revoke what was issued to data planes of a group and is not revoked yet.
pub fn revocations(view: &dyn View, group: &GroupId, now: i64) -> Vec<Op> {
    let issued = view.range(&KeyRange::prefix(ISSUED_PREFIX));
    let serial = |kv: &KeyValue| {
        let record: serde_json::Value = serde_json::from_slice(&kv.value).ok()?;
        let serial = record["serial"].as_str()?;
        let valid = record["gateway_group_id"] == group.as_str() && view.get(revoked_key(serial).as_bytes()).is_none();
        valid.then(|| Op::Put(revocation(serial, now)))
    };
    issued.iter().filter_map(|kv| serial(kv)).collect()
}

async fn create(store: &EventStore, seal: &Seal, clock: &dyn Clock) -> Result<(), Error> {
    let root = root::make(clock.now_micros())?;
    let value = json!({ "certificate": root.certificate, "not_after": root.not_after }).to_string();
    let decide = move |view: &dyn View| match view.get(ROOT_KEY.as_bytes()) {
        Some(_) => Decision::Unchanged,
        None => Decision::Apply(Txn::of(vec![Op::Put(Put::new(ROOT_KEY, value.clone()))])),
    };
    let mut proposal = Proposal::new(Context::system(), "ca.create", Intent::Decide(Box::new(decide)));
    proposal.secrets.push(SecretWrite { name: SECRET.into(), value: Some(seal.seal(SECRET, &root.key)?) });
    if let Appended::Committed { revision, .. } = store.append(proposal.on("ca", "root")).await? {
        tracing::info!(event.position = revision, "certificate authority made");
    }
    Ok(())
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}
