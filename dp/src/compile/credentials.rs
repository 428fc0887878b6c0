//! Who is who: identities from consumers and from their credentials, by authentication plugin.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use portolan_model::plugins::{Catalog, Place as CatalogPlace};
use serde_json::{Map, Value};

use super::{Compiler, read};
use crate::plugin::{Proof, references};
use crate::plugins;
use crate::resource::{Consumer, Credential, Document};
use crate::secrets::Secrets;

/// An authentication plugin and what names the caller to it.
pub(super) type Identity = (&'static str, String);

/// All claims on identities. The control plane keeps them unique; if two consumers claim one all the same, the last
/// by name has it, and the other gets it back when that one goes.
#[derive(Default)]
pub(super) struct Claims {
    by_identity: HashMap<Identity, BTreeSet<Claimant>>,
    by_claimant: HashMap<Claimant, Vec<(Identity, Proof)>>,
    /// Credentials of each consumer, which may arrive before it.
    credentials: HashMap<Arc<str>, HashMap<Box<str>, Arc<Document>>>,
}

/// A consumer, or one of its credentials.
type Claimant = (Arc<str>, Option<Box<str>>);

/// Username and credential id of a key relative to the prefix, if it is that of a credential.
pub(super) fn parse(relative: &str) -> Option<(&str, &str)> {
    let mut segments = relative.split('/');
    match (segments.next(), segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some("consumers"), Some(username), Some("credentials"), Some(id), None) if !id.is_empty() => {
            Some((username, id))
        }
        _ => None,
    }
}

/// The identities among the plugins of a consumer or credential.
pub(super) fn identities(plugins: &Map<String, Value>, secrets: &Secrets) -> Result<Vec<(Identity, Proof)>, String> {
    let mut found = Vec::new();
    for (name, config) in plugins {
        let Some(factory) = plugins::by_name(name) else { continue };
        let Some(field) = factory.identity() else { continue };
        let mut own = config.clone();
        if let Some(object) = own.as_object_mut() {
            object.shift_remove("_meta");
        }
        let refused = |e: String| format!("failed to check the configuration of plugin {name} err: {e}");
        check(name, &own).map_err(refused)?;
        let resolved = references::resolve(&mut own, secrets).map_err(|e| refused(e.to_string()))?;
        let proof = factory.compile_consumer(&own).map_err(|e| refused(resolved.hidden_in(e.to_string())))?;
        let Some(identity) = own.get(field).and_then(Value::as_str) else { continue };
        found.push(((factory.name(), identity.to_owned()), proof));
    }
    Ok(found)
}

/// Whether a plugin's configuration on a consumer has the right shape. Credentials have not been asked before.
fn check(name: &str, config: &Value) -> Result<(), String> {
    let plugin = Catalog::built_in().get(name).ok_or("it is not in the catalog")?;
    plugin.check(CatalogPlace::Consumer, config).map_err(|violation| violation.to_string())
}

// === impl Claims ===

impl Claims {
    fn proof(&self, claimant: &Claimant, identity: &Identity) -> Proof {
        let claims = self.by_claimant.get(claimant)?;
        claims.iter().find(|(claimed, _)| claimed == identity)?.1.clone()
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claims").field("identities", &self.by_identity.len()).finish_non_exhaustive()
    }
}

// === impl Compiler ===

impl Compiler {
    pub(super) fn replace_consumer(&mut self, consumer: Arc<Consumer>, identities: Vec<(Identity, Proof)>) {
        let username = consumer.username.clone();
        self.snapshot.consumers.insert(&username, consumer);
        self.claim((username.clone(), None), identities);
        let credentials = self.claims.credentials.get(&username).cloned().unwrap_or_default();
        for (id, document) in credentials {
            self.claim_credential(&username, &id, &document);
        }
    }

    pub(super) fn remove_consumer(&mut self, username: &Arc<str>) {
        self.snapshot.consumers.remove(username);
        let credentials = self.claims.credentials.get(username).into_iter().flatten();
        let ids: Vec<_> = credentials.map(|(id, _)| Some(id.clone())).chain([None]).collect();
        for id in ids {
            self.claim((username.clone(), id), Vec::new());
        }
    }

    pub(super) fn credential_put(&mut self, username: &str, id: &str, document: &Arc<Document>) {
        let of_consumer = self.claims.credentials.entry(username.into()).or_default();
        of_consumer.insert(id.into(), document.clone());
    }

    /// Unless it is gone again.
    pub(super) fn compile_credential(&mut self, username: &Arc<str>, id: &str) {
        let document = self.claims.credentials.get(username).and_then(|of_consumer| of_consumer.get(id)).cloned();
        if let Some(document) = document {
            self.claim_credential(username, id, &document);
        }
    }

    pub(super) fn credential_deleted(&mut self, username: &str, id: &str) {
        if let Some(of_consumer) = self.claims.credentials.get_mut(username) {
            of_consumer.remove(id);
        }
        self.claim((username.into(), Some(id.into())), Vec::new());
    }

    fn claim_credential(&mut self, username: &Arc<str>, id: &str, document: &Document) {
        let plugins = read::<Value>(document).map(|value| value.get("plugins").and_then(Value::as_object).cloned());
        match plugins.and_then(|plugins| identities(&plugins.unwrap_or_default(), self.secrets())) {
            Ok(found) => self.claim((username.clone(), Some(id.into())), found),
            Err(error) => {
                tracing::error!(consumer.name = &**username, credential.id = id, error, "credential is left out");
                if self.has_lost_a_secret(document) {
                    self.claim((username.clone(), Some(id.into())), Vec::new());
                }
            }
        }
    }

    /// Sets what a claimant claims, in place of what it claimed before.
    fn claim(&mut self, claimant: Claimant, identities: Vec<(Identity, Proof)>) {
        let now: Vec<Identity> = identities.iter().map(|(identity, _)| identity.clone()).collect();
        let before = if identities.is_empty() {
            self.claims.by_claimant.remove(&claimant)
        } else {
            self.claims.by_claimant.insert(claimant.clone(), identities)
        };
        let before = before.unwrap_or_default();
        for (identity, _) in &before {
            if let Some(claimants) = self.claims.by_identity.get_mut(identity) {
                claimants.remove(&claimant);
            }
        }
        for identity in &now {
            self.claims.by_identity.entry(identity.clone()).or_default().insert(claimant.clone());
        }
        for identity in before.iter().map(|(identity, _)| identity).chain(&now) {
            self.settle(identity);
        }
    }

    /// Gives an identity to the one who has it now.
    fn settle(&mut self, identity: &Identity) {
        let claimants = self.claims.by_identity.get(identity).into_iter().flatten();
        let holder = claimants.rev().find_map(|claimant| {
            let consumer = self.snapshot.consumers.get(claimant.0.as_bytes())?.clone();
            let proof = self.claims.proof(claimant, identity);
            Some(Arc::new(Credential { consumer, id: claimant.1.clone(), proof }))
        });
        let (plugin, key) = identity;
        let all = &mut self.snapshot.credentials;
        let at = all.iter().position(|(name, _)| name == plugin).unwrap_or_else(|| {
            all.push((plugin, crate::tree::Tree::default()));
            all.len() - 1
        });
        all[at].1.update(key.as_bytes(), |slot| *slot = holder);
        if self.claims.by_identity.get(identity).is_some_and(BTreeSet::is_empty) {
            self.claims.by_identity.remove(identity);
        }
    }
}
