//! Reading: resources as the enterprise face shows them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::Value;

use super::shape;
use crate::app::App;
use crate::batch::Prefix;
use crate::batch::adc::OWNER_LABEL;
use crate::mask::Mask;
use crate::query::Query;
use crate::resources::{Document, document};

/// Reads one gateway group in one state.
pub(super) struct Reader<'a> {
    view: &'a dyn View,
    group: &'a GroupId,
    keyring: &'a Keyring,
    /// What hides secrets from who may not see them.
    mask: Option<Mask>,
    /// Of services that were looked up already.
    prefixes: RefCell<HashMap<String, Prefix>>,
    /// What knows secrets, where somebody has to know whether any were shown; and whether so far any were.
    noticing: Option<Mask>,
    disclosed: Cell<bool>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(app: &'a App, view: &'a dyn View, group: &'a GroupId, secrets: bool) -> Self {
        let mask = (!secrets).then_some(app.mask);
        let reader = Self::open(view, group, &app.keyring);
        Self { mask, ..reader }
    }

    /// Notices whether it shows secrets.
    pub(super) fn noticing(self, mask: Mask) -> Self {
        Self { noticing: Some(mask).filter(|_| self.mask.is_none()), ..self }
    }

    /// Whether it has shown any.
    pub(super) fn has_disclosed(&self) -> bool {
        self.disclosed.get()
    }

    /// For changes: nothing is hidden.
    pub(super) fn open(view: &'a dyn View, group: &'a GroupId, keyring: &'a Keyring) -> Self {
        let (prefixes, disclosed) = (RefCell::default(), Cell::default());
        Self { view, group, keyring, mask: None, prefixes, noticing: None, disclosed }
    }

    /// One resource and the revision that wrote it; `parent` is what it must belong to.
    pub(super) fn one(&self, kind: Kind, parent: Option<&str>, id: &str) -> Option<(Value, i64)> {
        let kv = self.found(kind, id)?;
        let stored = self.document(kind, id, &kv)?;
        let item = belongs(kind, parent, id, &stored).then(|| self.shown(kind, id, stored))?;
        Some((item, kv.mod_revision))
    }

    /// Whether there is such a resource.
    pub(super) fn exists(&self, kind: Kind, id: &str) -> bool {
        self.found(kind, id).is_some()
    }

    /// What is stored of a resource.
    pub(super) fn stored(&self, kind: Kind, id: &str) -> Option<Document> {
        self.document(kind, id, &*self.found(kind, id)?)
    }

    /// What is stored under the key of a resource.
    pub(super) fn found(&self, kind: Kind, id: &str) -> Option<std::sync::Arc<KeyValue>> {
        let key = layout::resource_key(self.group, kind, id);
        self.view.get(key.as_bytes()).filter(|_| kind.accepts_id(id))
    }

    /// Those of a kind that the query means, by id; `parent` is the service of upstreams, the consumer of credentials.
    pub(super) fn list(&self, kind: Kind, parent: Option<&str>, query: &Query) -> Vec<(String, Value)> {
        let found = self.all(kind, parent);
        let wanted = found.into_iter().filter(|(_, stored)| admits(query, stored));
        wanted.map(|(id, stored)| (id.clone(), self.shown(kind, &id, stored))).collect()
    }

    /// All of a kind, as stored.
    pub(super) fn all(&self, kind: Kind, parent: Option<&str>) -> Vec<(String, Document)> {
        let prefix = match (kind, parent) {
            (Kind::Credential, Some(consumer)) => layout::parent_prefix(self.group, kind, consumer),
            _ => layout::directory_prefix(self.group, kind),
        };
        let read = |kv: &KeyValue| {
            let place = layout::parse_resource_key(std::str::from_utf8(&kv.key).ok()?)?;
            let stored = self.document(place.kind, &place.id, kv).filter(|_| place.kind == kind)?;
            let owned = kind == Kind::Upstream && parent == Some(place.id.as_str());
            // The service shows its own upstream itself.
            (!owned && belongs(kind, parent, &place.id, &stored)).then_some((place.id, stored))
        };
        self.view.range(&KeyRange::prefix(prefix)).iter().filter_map(|kv| read(kv)).collect()
    }

    /// The path prefix of a service.
    pub(super) fn prefix(&self, service: &str) -> Prefix {
        if let Some(known) = self.prefixes.borrow().get(service) {
            return known.clone();
        }
        let prefix = self.stored(Kind::Service, service).as_ref().map(Prefix::of).unwrap_or_default();
        self.prefixes.borrow_mut().insert(service.to_owned(), prefix.clone());
        prefix
    }

    /// A resource as requests say it, without defaults.
    pub(super) fn plain(&self, kind: Kind, id: &str, stored: Document) -> Document {
        let apart = stored.get("upstream_id").and_then(text_of).filter(|_| kind == Kind::Service);
        let own = apart.and_then(|upstream| self.stored(Kind::Upstream, &upstream));
        let service = stored.get("service_id").and_then(text_of).filter(|_| kind == Kind::Route);
        let prefix = service.map(|service| self.prefix(&service));
        shape::outward(kind, kind.split_id(id).1, stored, own, prefix.as_ref())
    }

    fn shown(&self, kind: Kind, id: &str, stored: Document) -> Value {
        let mut object = self.plain(kind, id, stored);
        if let Some(mask) = self.noticing.filter(|_| !self.disclosed.get()) {
            self.disclosed.set(mask.shows_secrets(kind, id, &mut object));
        }
        shape::fill_defaults(kind, &mut object);
        Value::Object(object)
    }

    fn document(&self, kind: Kind, id: &str, kv: &KeyValue) -> Option<Document> {
        match self.mask {
            None => document::opened(self.keyring, kind, id, &kv.value).ok(),
            Some(mask) => match mask.value(&kv.key, &kv.value) {
                Value::Object(document) => Some(document),
                _ => None,
            },
        }
    }
}

/// Whether a stored resource is what a path below a parent means.
pub(super) fn belongs(kind: Kind, parent: Option<&str>, id: &str, stored: &Document) -> bool {
    match (kind, parent) {
        (Kind::Upstream, Some(service)) => id == service || label(stored, OWNER_LABEL) == Some(service),
        _ => true,
    }
}

fn admits(query: &Query, stored: &Document) -> bool {
    query.pairs().all(|(name, value)| {
        if let Some(wanted) = name.strip_prefix("labels[").and_then(|rest| rest.strip_suffix(']')) {
            return label(stored, wanted) == Some(value);
        }
        name != "service_id" || stored.get("service_id").and_then(text_of).as_deref() == Some(value)
    })
}

fn label<'a>(stored: &'a Document, name: &str) -> Option<&'a str> {
    stored.get("labels")?.get(name)?.as_str()
}
