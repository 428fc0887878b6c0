//! What a path finds in a document: `a.b` one value, paths with `[…]`, `*` or `..` the list of all.

use std::borrow::Cow;

use serde_json::Value;

/// Steps of a path; more are not looked for.
const STEPS: usize = 64;

enum Step<'p> {
    Name(&'p str),
    Index(usize),
    All,
    /// The same name in whatever depth.
    Anywhere(&'p str),
}

pub(super) fn find<'v>(document: &'v Value, path: &str) -> Option<Cow<'v, Value>> {
    if !path.contains(['[', '*']) && !path.contains("..") {
        // A list is no table of names: as in APISIX its members are not found without brackets.
        return path.split('.').try_fold(document, |value, name| value.as_object()?.get(name)).map(Cow::Borrowed);
    }
    let mut found = vec![document];
    for step in steps(path)? {
        let mut next = Vec::new();
        for value in found {
            match &step {
                Step::Name(name) => next.extend(value.as_object().and_then(|map| map.get(*name))),
                Step::Index(at) => next.extend(value.as_array().and_then(|list| list.get(*at))),
                Step::All => next.extend(members(value)),
                Step::Anywhere(name) => gather(value, name, &mut next),
            }
        }
        found = next;
    }
    (!found.is_empty()).then(|| Cow::Owned(found.into_iter().cloned().collect()))
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() && steps.len() < STEPS {
        if let Some(bracket) = rest.strip_prefix('[') {
            let (inner, after) = bracket.split_once(']')?;
            let quoted = |quote| inner.strip_prefix(quote).and_then(|text: &str| text.strip_suffix(quote));
            steps.push(match quoted('\'').or_else(|| quoted('"')) {
                Some(name) => Step::Name(name),
                None if inner == "*" => Step::All,
                None => Step::Index(inner.parse().ok()?),
            });
            rest = after;
            continue;
        }
        let (anywhere, from) = match rest.strip_prefix("..") {
            Some(from) => (true, from),
            None => (false, rest.strip_prefix('.').unwrap_or(rest)),
        };
        let end = from.find(['.', '[']).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        steps.push(match (name, anywhere) {
            ("", _) => return None,
            ("*", false) => Step::All,
            (name, true) => Step::Anywhere(name),
            (name, false) => Step::Name(name),
        });
        rest = after;
    }
    rest.is_empty().then_some(steps)
}

fn members(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The document's depth is bounded by who parsed it.
fn gather<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    if name == "*" {
        found.extend(members(value));
    } else {
        found.extend(value.as_object().and_then(|map| map.get(name)));
    }
    members(value).for_each(|member| gather(member, name, found));
}
