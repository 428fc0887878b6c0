//! Reading: one resource, or a filtered and paged list.

use std::sync::Arc;

use portolan_eventstore::{KeyRange, KeyValue};
use portolan_model::pattern::{Case, Pattern};
use portolan_model::{GroupId, Kind, layout};
use serde_json::Value;

use super::Place;
use super::answer::{Answer, Item};
use crate::app::App;
use crate::query::Query;

/// Which resources a list holds; all conditions must hold.
struct Filter<'a> {
    name: Option<Option<Pattern>>,
    label: Option<&'a str>,
    uri: Option<Option<Pattern>>,
    fields: Query,
    /// The fields that `filter` knows; others say nothing.
    known: &'static [&'static str],
}

/// One page of a list.
struct Page {
    from: usize,
    size: usize,
}

/// What a GET has found.
pub enum Found {
    /// A resource.
    Item(Arc<KeyValue>),
    /// Resources, in order, and how many there are without paging.
    List(Vec<Arc<KeyValue>>, usize),
    /// What is answered where there is nothing to show.
    Nothing(Answer),
}

/// GET of an item or a collection.
pub fn get(app: &App, group: &GroupId, kind: Kind, place: &Place, query: &Query) -> Found {
    let Some(id) = &place.id else { return list(app, group, kind, place.parent.as_deref(), query) };
    let key = layout::resource_key(group, kind, id);
    let found = app.store.read(|view| view.get(key.as_bytes())).filter(|_| kind.accepts_id(id));
    found.map_or_else(|| Found::Nothing(Answer::missing()), Found::Item)
}

fn list(app: &App, group: &GroupId, kind: Kind, parent: Option<&str>, query: &Query) -> Found {
    let page = match Page::of(query) {
        Ok(page) => page,
        Err(text) => return Found::Nothing(Answer::bare(400, text)),
    };
    let filter = Filter::of(kind, query);
    let prefix = match parent {
        Some(parent) => layout::parent_prefix(group, kind, parent),
        None => layout::directory_prefix(group, kind),
    };
    let mut found = app.store.read(|view| view.range(&KeyRange::prefix(prefix)));
    // What stands below a resource, such as a consumer's credentials, is not in its list.
    found.retain(|kv| {
        let resource = std::str::from_utf8(&kv.key).ok().and_then(layout::parse_resource_key);
        resource.is_some_and(|resource| resource.kind == kind)
    });
    if found.is_empty() && !kind.lists_nothing() {
        return Found::Nothing(Answer::missing());
    }
    // What is no JSON, as the directory placeholders of APISIX, is no item.
    found.retain(|kv| kv.value.first() == Some(&b'{') && filter.admits(&kv.value));
    let total = found.len();
    if let Some(Page { from, size }) = page {
        found.sort_by_key(|kv| kv.create_revision);
        found = found.into_iter().skip(from).take(size).collect();
    }
    Found::List(found, total)
}

// === impl Found ===

impl Found {
    /// Whether it holds a secret that the face shows.
    pub fn has_secrets(&self, app: &App) -> bool {
        let found = match self {
            Self::Item(kv) => std::slice::from_ref(kv),
            Self::List(found, _) => found.as_slice(),
            Self::Nothing(_) => &[],
        };
        found.iter().any(|kv| app.mask.has_secrets(&kv.key, &kv.value))
    }

    /// In the face's envelope.
    pub fn answer(self, app: &App, kind: Kind) -> Answer {
        let read = |kv| Item::read(&app.keyring, kind, kv);
        match self {
            Self::Item(kv) => read(&kv).map_or_else(Answer::missing, |item| Answer::item(&item)),
            Self::List(found, total) => {
                Answer::list(total, &found.iter().filter_map(|kv| read(kv)).collect::<Vec<_>>())
            }
            Self::Nothing(answer) => answer,
        }
    }
}

// === impl Page ===

impl Page {
    /// No paging unless both parameters are numbers.
    fn of(query: &Query) -> Result<Option<Self>, &'static str> {
        let number = |name| query.get(name)?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let (Some(page), Some(size)) = (number("page"), number("page_size")) else { return Ok(None) };
        if !(10.0..=500.0).contains(&size) {
            return Err("page_size must be between 10 and 500");
        }
        let from = (page.max(1.0) - 1.0) * size;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0, and saturates")]
        Ok(Some(Self { from: from as usize, size: size as usize }))
    }
}

// === impl Filter ===

impl<'a> Filter<'a> {
    fn of(kind: Kind, query: &'a Query) -> Self {
        // A pattern that is none matches nothing, as in APISIX.
        let pattern = |name| query.get(name).map(|text| Pattern::compile(text, Case::Sensitive).ok());
        let fields = query.get("filter").map(Query::of).unwrap_or_default();
        let known = kind.filter_fields();
        Self { name: pattern("name"), label: query.get("label"), uri: pattern("uri"), fields, known }
    }

    fn admits(&self, value: &[u8]) -> bool {
        if self.name.is_none() && self.label.is_none() && self.uri.is_none() && self.fields.pairs().next().is_none() {
            return true;
        }
        let Ok(document) = serde_json::from_slice::<Value>(value) else { return false };
        let matches = |pattern: &Option<Pattern>, text: &Value| {
            pattern.as_ref().zip(text.as_str()).is_some_and(|(pattern, text)| pattern.is_match(text))
        };
        let name = |pattern| document.get("name").is_some_and(|name| matches(pattern, name));
        let uri = |pattern| {
            let uris = document.get("uris").and_then(Value::as_array);
            document.get("uri").into_iter().chain(uris.into_iter().flatten()).any(|uri| matches(pattern, uri))
        };
        let label = |label: &str| document.get("labels").is_some_and(|labels| labels.get(label).is_some());
        self.name.as_ref().is_none_or(name)
            && self.uri.as_ref().is_none_or(uri)
            && self.label.is_none_or(label)
            && self.known.iter().all(|field| {
                let wanted = self.fields.last(field);
                wanted.is_none_or(|wanted| document.get(*field).is_some_and(|own| *own == wanted))
            })
    }
}
