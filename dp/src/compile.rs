//! Makes a [`Snapshot`] of documents, and the next one of what changed: the work of one changed route does not grow
//! with the number of routes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use portolan_model::layout::parse_relative_key;
use portolan_model::{self as model, Keyring, Kind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::HttpRouter;
use crate::path_rules::PathRules;
use crate::plugin::{Chain, Place, State, Surroundings};
use crate::resource::{Consumer, Document, Service, Shared, Target, next_serial};
use crate::secrets::Path;
use crate::snapshot::Snapshot;
use crate::upstream;

mod credentials;
mod metadata;
mod references;
mod route;
mod secrets;
mod ssl;
mod stream_route;
mod upstreams;

use metadata::{certificates_of, with_metadata};
use references::References;
use secrets::Referrers;
use upstreams::{certificate_of, checker_of};

/// A change of one key.
#[derive(Debug, Clone)]
pub enum Change {
    /// The key has this document now.
    Put(Arc<Document>),
    /// The key, relative to the prefix, is gone.
    Delete(Box<str>),
}

/// A resource that is not in use as it is written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Key of the resource.
    pub key: String,
    /// Revision of the document that does not work.
    pub mod_revision: i64,
    /// Why.
    pub error: String,
    /// Whether an earlier document of the same resource stays in use.
    pub previous_in_use: bool,
}

/// Keeps the compiled resources and what depends on what. Owned by the sync task; requests never see it.
#[derive(Debug)]
pub struct Compiler {
    prefix: Box<str>,
    keyring: Keyring,
    router: HttpRouter,
    snapshot: Snapshot,
    state: Arc<State>,
    documents: HashMap<Name, Arc<Document>>,
    /// Settings by plugin.
    metadata: HashMap<Arc<str>, Value>,
    references: References,
    referrers: Referrers,
    claims: credentials::Claims,
    problems: BTreeMap<Name, Problem>,
}

/// Changes that are taken in and not yet compiled.
#[derive(Debug, Default)]
pub struct Noted {
    dirty: BTreeSet<Name>,
    /// Credentials: username and id.
    credentials: BTreeSet<(Arc<str>, Box<str>)>,
    /// Secrets that they refer to.
    pub secrets: BTreeSet<Path>,
}

/// A resource's kind and id.
type Name = (Kind, Arc<str>);

// === impl Compiler ===

impl Compiler {
    /// An empty configuration for keys under `prefix`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
            keyring: Keyring::default(),
            router: HttpRouter::default(),
            snapshot: Snapshot::default(),
            state: Arc::default(),
            documents: HashMap::new(),
            metadata: HashMap::new(),
            references: References::default(),
            referrers: Referrers::default(),
            claims: credentials::Claims::default(),
            problems: BTreeMap::new(),
        }
    }

    /// The same, and it reads secrets that were encrypted with these keys.
    #[must_use]
    pub fn with_keyring(self, keyring: Keyring) -> Self {
        Self { keyring, ..self }
    }

    /// The same, and its routes are found like this.
    #[must_use]
    pub fn routing_by(self, router: HttpRouter) -> Self {
        Self { router, ..self }
    }

    /// The same, and paths obey these rules.
    #[must_use]
    pub fn with_path_rules(mut self, rules: PathRules) -> Self {
        self.snapshot.path_rules = rules;
        self
    }

    /// The same, and its plugins may use what is around them.
    #[must_use]
    pub fn within(self, surroundings: Surroundings) -> Self {
        Self { state: Arc::new(State::new(surroundings)), ..self }
    }

    /// Applies changes that belong together and gives the configuration at `revision`.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>, revision: i64) -> Arc<Snapshot> {
        let noted = self.note(changes);
        self.finish(noted, revision)
    }

    /// The first half of [`Self::apply`]: what is asked of others for these changes is known after it.
    pub fn note(&mut self, changes: impl IntoIterator<Item = Change>) -> Noted {
        let mut noted = Noted::default();
        for change in changes {
            self.note_one(change, &mut noted);
        }
        noted
    }

    /// The second half.
    pub fn finish(&mut self, noted: Noted, revision: i64) -> Arc<Snapshot> {
        let Noted { mut dirty, credentials, .. } = noted;
        for (username, id) in &credentials {
            self.compile_credential(username, id);
        }
        // Kind::all() puts parents before children, so one pass sees every consequence.
        for kind in Kind::all() {
            let of_kind: Vec<Name> = dirty.iter().filter(|name| name.0 == *kind).cloned().collect();
            for name in of_kind {
                self.compile(&name);
                dirty.extend(self.references.users(&name).cloned());
            }
        }
        if dirty.iter().any(|name| name.0 == Kind::GlobalRule) {
            self.merge_global_rules();
        }
        self.snapshot.revision = revision;
        self.snapshot.loaded = true;
        Arc::new(self.snapshot.clone())
    }

    /// What is not in use as written.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.values().cloned().collect()
    }

    fn note_one(&mut self, change: Change, noted: &mut Noted) {
        let (key, document) = match change {
            Change::Put(document) => (document.key.clone(), Some(document)),
            Change::Delete(relative) => (format!("{}{relative}", self.prefix).into(), None),
        };
        let Some(relative) = key.strip_prefix(&*self.prefix) else { return };
        let document = document.map(|document| self.opened(relative, &document));
        if self.note_manager(relative, document.as_deref()) {
            return;
        }
        noted.secrets.extend(self.note_references(relative, document.as_deref()));
        if let Some((username, id)) = credentials::parse(relative) {
            match document {
                Some(document) => {
                    self.credential_put(username, id, &document);
                    noted.credentials.insert((username.into(), id.into()));
                }
                None => self.credential_deleted(username, id),
            }
        } else if let Some(name) = served(relative) {
            match document {
                Some(document) => drop(self.documents.insert(name.clone(), document)),
                None => drop(self.documents.remove(&name)),
            }
            noted.dirty.insert(name);
        }
    }

    /// The document with its secrets in clear.
    fn opened(&self, relative: &str, document: &Arc<Document>) -> Arc<Document> {
        let clear = parse_relative_key(relative).and_then(|(kind, id)| self.keyring.opened(kind, id, &document.value));
        clear.map_or_else(
            || document.clone(),
            |value| Arc::new(Document { value: value.into(), ..Document::clone(document) }),
        )
    }

    fn compile(&mut self, name: &Name) {
        let Some(document) = self.documents.get(name).cloned() else {
            self.remove(name);
            self.problems.remove(name);
            return;
        };
        let checked = check(name, &document);
        let compiled = checked.and_then(|()| match name.0 {
            Kind::Upstream => self.compile_upstream(&name.1, &document),
            Kind::Service => self.compile_service(name, &document),
            Kind::Consumer => self.compile_consumer(name, &document),
            Kind::PluginMetadata => self.compile_metadata(&name.1, &document),
            Kind::PluginConfig | Kind::ConsumerGroup | Kind::GlobalRule => self.compile_shared(name, &document),
            Kind::Ssl => self.compile_ssl(&name.1, &document),
            Kind::StreamRoute => self.compile_stream_route(name, &document),
            // served() lets no other kind in.
            _ => self.compile_route(name, &document),
        });
        match compiled {
            Ok(()) => drop(self.problems.remove(name)),
            Err(error) => self.failed(name, &document, error),
        }
    }

    /// The document does not compile. What the last good one of the same resource refers to may have changed.
    fn failed(&mut self, name: &Name, document: &Document, error: String) {
        self.drop_consumer_without_secret(name, document);
        let previous_in_use = match name.0 {
            Kind::Route => match self.snapshot.routes.get(name.1.as_bytes()).map(|good| good.document.clone()) {
                Some(good) => self.compile_route(name, &good).is_ok(),
                None => false,
            },
            Kind::Service => match self.snapshot.services.get(name.1.as_bytes()).map(|good| good.document.clone()) {
                Some(good) => self.compile_service(name, &good).is_ok(),
                None => false,
            },
            Kind::Upstream => self.snapshot.upstreams.get(name.1.as_bytes()).is_some(),
            Kind::PluginMetadata => self.metadata.contains_key(&name.1),
            Kind::PluginConfig => self.snapshot.plugin_configs.get(name.1.as_bytes()).is_some(),
            Kind::ConsumerGroup => self.snapshot.consumer_groups.get(name.1.as_bytes()).is_some(),
            Kind::GlobalRule => self.snapshot.global_rules.get(name.1.as_bytes()).is_some(),
            Kind::Ssl => self.snapshot.ssls.get(name.1.as_bytes()).is_some(),
            Kind::StreamRoute => {
                match self.snapshot.stream_routes.get(name.1.as_bytes()).map(|good| good.document.clone()) {
                    Some(good) => self.compile_stream_route(name, &good).is_ok(),
                    None => false,
                }
            }
            _ => self.snapshot.consumers.get(name.1.as_bytes()).is_some(),
        };
        self.await_certificate(name, document);
        tracing::error!(
            resource.kind = name.0.noun(),
            resource.id = &*name.1,
            revision = document.mod_revision,
            previous_in_use,
            error,
            "resource is left out",
        );
        let problem =
            Problem { key: document.key.to_string(), mod_revision: document.mod_revision, error, previous_in_use };
        self.problems.insert(name.clone(), problem);
    }

    /// A resource that fails may want a certificate that comes later: it is compiled again then.
    fn await_certificate(&mut self, name: &Name, document: &Document) {
        let Ok(value) = read::<Value>(document) else { return };
        let upstream = if name.0 == Kind::Upstream { Some(&value) } else { value.get("upstream") };
        let own = upstream.and_then(|upstream| upstream.pointer("/tls/client_cert_id")).and_then(Value::as_str);
        let inside = value.get("plugins").and_then(Value::as_object).into_iter().flat_map(certificates_of);
        for id in own.into_iter().chain(inside) {
            self.references.add(name, (Kind::Ssl, Arc::from(id)));
        }
    }

    fn remove(&mut self, name: &Name) {
        let id = &name.1;
        match name.0 {
            Kind::Upstream => self.snapshot.upstreams.remove(id),
            Kind::Service => self.snapshot.services.remove(id),
            Kind::Consumer => self.remove_consumer(id),
            Kind::PluginMetadata => self.remove_metadata(id),
            Kind::PluginConfig => self.snapshot.plugin_configs.remove(id),
            Kind::ConsumerGroup => self.snapshot.consumer_groups.remove(id),
            Kind::GlobalRule => self.snapshot.global_rules.remove(id),
            Kind::Ssl => self.remove_ssl(id),
            Kind::StreamRoute => self.remove_stream_route(id),
            _ => {
                if let Some(old) = self.snapshot.routes.get(id.as_bytes()).cloned() {
                    self.snapshot.router.remove(&old);
                    self.snapshot.routes.remove(id);
                }
            }
        }
        self.set_checker(name.0, id, None);
        self.references.set(name, &[]);
    }

    fn compile_service(&mut self, name: &Name, document: &Arc<Document>) -> Result<(), String> {
        let parsed: model::Service = read(document)?;
        let plugins = self.chain(&format!("services/{}", name.1), &parsed.plugins, false)?;
        let target = self.target(name, parsed.upstream.as_ref(), parsed.upstream_id.as_ref())?.unwrap_or(Target::None);
        let upstream = parsed.upstream_id.as_ref().map(|id| (Kind::Upstream, id.as_str()));
        let named = upstream.into_iter().chain(certificate_of(parsed.upstream.as_ref()));
        let references: Vec<_> = named.chain(with_metadata(&parsed.plugins)).collect();
        self.set_checker(Kind::Service, &name.1, checker_of(parsed.upstream.is_some(), &target));
        self.references.set(name, &references);
        let service = Service {
            id: name.1.clone(),
            name: parsed.name.as_deref().map(Into::into),
            hosts: parsed.hosts.clone(),
            plugins,
            target,
            websocket: parsed.enable_websocket.unwrap_or(false),
            document: document.clone(),
        };
        self.snapshot.services.insert(&name.1, Arc::new(service));
        Ok(())
    }

    /// Plugin configs, consumer groups and global rules: plugins with an id.
    fn compile_shared(&mut self, name: &Name, document: &Arc<Document>) -> Result<(), String> {
        // The three differ in labels and names only.
        let parsed: model::resource::PluginConfig = read(document)?;
        let of_consumers = name.0 == Kind::ConsumerGroup;
        let plugins = self.chain(&format!("{}/{}", name.0.directory(), name.1), &parsed.plugins, of_consumers)?;
        self.references.set(name, &with_metadata(&parsed.plugins).collect::<Vec<_>>());
        let shared = Arc::new(Shared { plugins, document: document.clone() });
        match name.0 {
            Kind::PluginConfig => self.snapshot.plugin_configs.insert(&name.1, shared),
            Kind::ConsumerGroup => self.snapshot.consumer_groups.insert(&name.1, shared),
            _ => self.snapshot.global_rules.insert(&name.1, shared),
        }
        Ok(())
    }

    /// A plugin is in one global rule only; if it is in two all the same, the first by id has it.
    fn merge_global_rules(&mut self) {
        let rules = self.snapshot.global_rules.values();
        self.snapshot.global = rules.into_iter().fold(Chain::default(), |all, rule| all.over(&rule.plugins));
    }

    fn compile_consumer(&mut self, name: &Name, document: &Arc<Document>) -> Result<(), String> {
        let username = &name.1;
        let parsed: model::Consumer = read(document)?;
        let own = self.chain(&format!("consumers/{username}"), &parsed.plugins, true)?;
        let identities = credentials::identities(&parsed.plugins, self.secrets())?;
        let group_id = parsed.group_id.as_ref().map(model::Id::as_str);
        let group = group_id.and_then(|id| self.snapshot.consumer_groups.get(id.as_bytes()).cloned());
        let plugins = group.as_ref().map_or_else(|| own.clone(), |group| own.over(&group.plugins));
        let named = group_id.map(|id| (Kind::ConsumerGroup, id));
        self.references.set(name, &named.into_iter().chain(with_metadata(&parsed.plugins)).collect::<Vec<_>>());
        let consumer = Consumer {
            username: username.clone(),
            serial: next_serial(),
            custom_id: parsed.labels.get("custom_id").and_then(Value::as_str).map(Into::into),
            plugins,
            group_id: group_id.map(Into::into),
            missing_group: group_id.filter(|_| group.is_none()).map(Into::into),
            document: document.clone(),
        };
        self.replace_consumer(Arc::new(consumer), identities);
        Ok(())
    }

    fn place<'a>(&'a self, resource: &'a str) -> upstream::Place<'a> {
        upstream::Place { resource, state: &self.state, certificates: Some(&self.snapshot.ssls) }
    }

    fn plugin_place<'a>(&'a self, resource: &'a str, consumer: bool) -> Place<'a> {
        let certificates = Some(&self.snapshot.ssls);
        Place { resource, consumer, metadata: &self.metadata, certificates, state: &self.state }
    }

    fn chain(&self, resource: &str, plugins: &Map<String, Value>, consumer: bool) -> Result<Chain, String> {
        Chain::compile(plugins, &self.plugin_place(resource, consumer))
    }
}

fn read<T: DeserializeOwned>(document: &Document) -> Result<T, String> {
    serde_json::from_slice(&document.value).map_err(|e| format!("the document cannot be read: {e}"))
}

/// The resource that a key names, if it is of a kind that this data plane serves, or should.
fn served(relative: &str) -> Option<Name> {
    let (kind, id) = parse_relative_key(relative)?;
    let stays_out = matches!(kind, Kind::Secret | Kind::Proto | Kind::Credential | Kind::CostDecoration);
    (!stays_out).then(|| (kind, Arc::from(id)))
}

/// Asks what the control plane has asked before it took the document; one written by others has not been asked.
fn check(name: &Name, document: &Document) -> Result<(), String> {
    let value: Value = read(document)?;
    model::check::check(name.0, Some(&name.1), &value).map_err(|invalid| invalid.0)
}

#[cfg(test)]
pub(crate) mod tests;
