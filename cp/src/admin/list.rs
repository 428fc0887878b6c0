//! Reading: one resource, or a filtered and paged list.

use portolan_eventstore::KeyRange;
use portolan_model::pattern::{Case, Pattern};
use portolan_model::{GroupId, Kind, layout};
use serde_json::Value;

use super::Place;
use super::answer::{Answer, Item};
use super::query::Query;
use crate::app::App;

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

/// GET of an item or a collection.
pub fn get(app: &App, group: &GroupId, kind: Kind, place: &Place, query: &Query) -> Answer {
    let Some(id) = &place.id else { return list(app, group, kind, place.parent.as_deref(), query) };
    let key = layout::resource_key(group, kind, id);
    let found = app.store.read(|view| view.get(key.as_bytes())).filter(|_| kind.accepts_id(id));
    match found.as_deref().and_then(|kv| Item::read(&app.keyring, kind, kv)) {
        Some(item) => Answer::item(&item),
        None => Answer::missing(),
    }
}

fn list(app: &App, group: &GroupId, kind: Kind, parent: Option<&str>, query: &Query) -> Answer {
    let page = match Page::of(query) {
        Ok(page) => page,
        Err(text) => return Answer::bare(400, text),
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
        return Answer::missing();
    }
    found.retain(|kv| filter.admits(&kv.value));
    if page.is_some() {
        found.sort_by_key(|kv| kv.create_revision);
    }
    let mut items: Vec<Item<'_>> = found.iter().filter_map(|kv| Item::read(&app.keyring, kind, kv)).collect();
    let total = items.len();
    if let Some(Page { from, size }) = page {
        items = items.into_iter().skip(from).take(size).collect();
    }
    Answer::list(total, &items)
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
