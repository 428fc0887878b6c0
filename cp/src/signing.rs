//! The key that the log's checkpoints are signed with, and the task that signs them.
//!
//! The key is made by whichever replica starts first, as event `log.key_created`; the public side is a key of the key space, the
//! private one lies sealed in the store's secrets table.

use std::path::Path;

use portolan_eventstore::proof::{self, Checkpoints, PUBLISHED, Pace, Signer, Signing, note};
use portolan_eventstore::proposal::SecretWrite;
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Appended, Context, Decision, EventStore, Intent, Proposal, View};
use portolan_rt::status::Component;
use portolan_rt::task::Supervisor;
use serde::{Deserialize, Serialize};

use crate::ca::{Seal, seal};
use crate::config::Audit;

/// Name of the sealed private key in the secrets table.
const SECRET: &str = "log/key";

/// The public side, as the key space holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Published {
    /// Name of the log.
    origin: String,
    /// The verifier key.
    key: String,
}

/// Why the log can't be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log did not take or give something.
    #[error("the log's key can't be read or made")]
    Store(#[from] portolan_eventstore::Error),
    /// The private key can't be sealed or opened.
    #[error("the log's private key")]
    Seal(#[from] seal::Error),
    /// The key or the name can't be used.
    #[error("audit.origin")]
    Key(#[from] note::Error),
    /// The name was fixed at the first start.
    #[error("audit.origin: this log is signed as {fixed}, which can't change; {asked} is configured")]
    Origin {
        /// What the log is signed as.
        fixed: String,
        /// What the configuration asks for.
        asked: String,
    },
    /// The store holds half a key.
    #[error("the store holds no usable key of the log: {0}")]
    Broken(&'static str),
    /// The file for the verifier key can't be written.
    #[error("can't write {}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Starts signing, with the key of this log; made when there is none yet. Writes the verifier key to `folder/log.key`.
///
/// # Errors
/// When the key can't be made or opened, or the configured name is not the log's.
pub async fn start(
    store: &EventStore,
    seal: &Seal,
    settings: &Audit,
    folder: &Path,
    status: Component,
    supervisor: &Supervisor,
) -> Result<Checkpoints, Error> {
    if published(store)?.is_none() {
        create(store, seal, settings).await?;
    }
    // Another replica may have been faster: only what the store holds counts.
    let published = published(store)?.ok_or(Error::Broken("no public key"))?;
    if let Some(asked) = settings.origin.as_ref().filter(|asked| **asked != published.origin) {
        return Err(Error::Origin { fixed: published.origin, asked: asked.clone() });
    }
    let sealed = store.secret(SECRET).await?.ok_or(Error::Broken("no private key"))?;
    let signer = Signer::from_pkcs8(&seal.open(SECRET, &sealed)?, &published.origin)?;
    if signer.verifier().to_string() != published.key {
        return Err(Error::Broken("the public key is not that of the private one"));
    }
    let path = folder.join("log.key");
    std::fs::write(&path, format!("{}\n", published.key)).map_err(|source| Error::File { path, source })?;
    let signing = Signing { signer, sinks: settings.sinks(), pace: Pace::default(), status: Some(status) };
    Ok(proof::start(store, signing, supervisor))
}

fn published(store: &EventStore) -> Result<Option<Published>, Error> {
    let Some(kv) = store.read(|view| view.get(PUBLISHED.as_bytes())) else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&kv.value).map_err(|_| Error::Broken("the public key is no JSON"))?))
}

async fn create(store: &EventStore, seal: &Seal, settings: &Audit) -> Result<(), Error> {
    let origin = match &settings.origin {
        Some(origin) => origin.clone(),
        None => format!("portolan/{}", store.status().await?.epoch),
    };
    let (pkcs8, key) = Signer::generate(&origin)?;
    let value = serde_json::to_string(&Published { origin, key }).map_err(|_| Error::Broken("no JSON"))?;
    let decide = move |view: &dyn View| match view.get(PUBLISHED.as_bytes()) {
        Some(_) => Decision::Unchanged,
        None => Decision::Apply(Txn::of(vec![Op::Put(Put::new(PUBLISHED, value.clone()))])),
    };
    let mut proposal = Proposal::new(Context::system(), "log.key_created", Intent::Decide(Box::new(decide)));
    proposal.secrets.push(SecretWrite { name: SECRET.into(), value: Some(seal.seal(SECRET, &pkcs8)?) });
    if let Appended::Committed { revision, .. } = store.append(proposal.on("log", "key")).await? {
        tracing::info!(event.position = revision, "the log's signing key made");
    }
    Ok(())
}
