//! The keys that the log's checkpoints are signed with, and the task that signs them.
//!
//! The first key is made by whichever replica starts first, as event `log.key_created`; another takes over when an administrator says so,
//! as `log.key_rotated`. The public sides are a key of the key space, the private one lies sealed in the store's secrets table and the
//! one before it is gone: each replica holds it in memory until a checkpoint that covers the event has its last signature.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portolan_eventstore::proof::{self, Checkpoints, Keys, PUBLISHED, Pace, Signer, Signing, Verifier, note};
use portolan_eventstore::proposal::SecretWrite;
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Appended, Context, Decision, EventStore, Intent, Proposal, Refusal, View};
use portolan_rt::status::Component;
use portolan_rt::task::Supervisor;
use serde::{Deserialize, Serialize};

use crate::ca::{Seal, seal};
use crate::config::Audit;

/// Name of the sealed private key in the secrets table.
const SECRET: &str = "log/key";

/// The public sides, as the key space holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Name of the log.
    pub origin: String,
    /// The verifier key.
    pub key: String,
    /// Those before it, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<String>,
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
    /// The file for the verifier keys can't be written.
    #[error("can't write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Where the keys are: the store, what opens them, and the file that shows the public ones.
#[derive(Clone)]
struct Place {
    store: EventStore,
    seal: Arc<Seal>,
    file: PathBuf,
}

/// Starts signing, with the key of this log; made when there is none yet. Writes the verifier keys to `folder/log.key`.
///
/// # Errors
/// When the key can't be made or opened, or the configured name is not the log's.
pub async fn start(
    store: &EventStore,
    seal: &Arc<Seal>,
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
    let place = Place { store: store.clone(), seal: seal.clone(), file: folder.join("log.key") };
    let keys = place.keys().await?;
    let renew = move || {
        let place = place.clone();
        let keys: futures_util::future::BoxFuture<'static, _> =
            Box::pin(async move { place.keys().await.map_err(|error| Box::new(error) as _) });
        keys
    };
    let (sinks, status) = (settings.sinks(), Some(status));
    let signing = Signing { keys, renew: Some(Box::new(renew)), sinks, pace: Pace::default(), status };
    Ok(proof::start(store, signing, supervisor))
}

/// The public sides; `None` before the first start.
///
/// # Errors
/// When what the key space holds can't be read.
pub fn published(store: &EventStore) -> Result<Option<Published>, Error> {
    let Some(kv) = store.read(|view| view.get(PUBLISHED.as_bytes())) else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&kv.value).map_err(|_| Error::Broken("the public key is no JSON"))?))
}

/// Makes a new key that takes over from the present one. Only if that is still the one when it is appended.
///
/// # Errors
/// When there is no key yet, or the new one can't be made or sealed.
pub fn rotation(store: &EventStore, seal: &Seal) -> Result<(Intent, SecretWrite), Error> {
    let now = published(store)?.ok_or(Error::Broken("no public key"))?;
    let (pkcs8, key) = Signer::generate(&now.origin)?;
    let previous = [now.key.clone()].into_iter().chain(now.previous).collect();
    let next = Published { origin: now.origin, key, previous };
    let (expected, value) = (now.key, json(&next)?);
    let decide = move |view: &dyn View| {
        let kv = view.get(PUBLISHED.as_bytes());
        let present: Option<Published> = kv.and_then(|kv| serde_json::from_slice(&kv.value).ok());
        match present.is_some_and(|present| present.key == expected) {
            true => Decision::Apply(Txn::of(vec![Op::Put(Put::new(PUBLISHED, value.clone()))])),
            false => Decision::Refuse(Refusal::invalid(409, "somebody else has just changed the key")),
        }
    };
    let secret = SecretWrite { name: SECRET.into(), value: Some(seal.seal(SECRET, &pkcs8)?) };
    Ok((Intent::Decide(Box::new(decide)), secret))
}

async fn create(store: &EventStore, seal: &Seal, settings: &Audit) -> Result<(), Error> {
    let origin = match &settings.origin {
        Some(origin) => origin.clone(),
        None => format!("portolan/{}", store.status().await?.epoch),
    };
    let (pkcs8, key) = Signer::generate(&origin)?;
    let value = json(&Published { origin, key, previous: Vec::new() })?;
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

fn json(published: &Published) -> Result<String, Error> {
    serde_json::to_string(published).map_err(|_| Error::Broken("no JSON"))
}

// === impl Place ===

impl Place {
    /// The keys that the store holds now. The file of the public ones says the same from here on.
    async fn keys(&self) -> Result<Keys, Error> {
        let published = published(&self.store)?.ok_or(Error::Broken("no public key"))?;
        let sealed = self.store.secret(SECRET).await?.ok_or(Error::Broken("no private key"))?;
        let signer = Signer::from_pkcs8(&self.seal.open(SECRET, &sealed)?, &published.origin)?;
        if signer.verifier().to_string() != published.key {
            return Err(Error::Broken("the public key is not that of the private one"));
        }
        let previous = published.previous.iter().map(|key| Verifier::parse(key)).collect::<Result<_, _>>()?;
        let failed = |source| Error::File { path: self.file.clone(), source };
        std::fs::write(&self.file, published.file()).map_err(failed)?;
        Ok(Keys { signer, previous })
    }
}

// === impl Published ===

impl Published {
    /// All keys, as a file of verifier keys.
    fn file(&self) -> String {
        let previous = self.previous.iter().map(|key| format!("# before it\n{key}\n"));
        [format!("{}\n", self.key)].into_iter().chain(previous).collect()
    }
}
