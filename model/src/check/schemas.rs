//! The schemas of the resources.

use std::sync::LazyLock;

use serde_json::Value;

use crate::Kind;
use crate::schema::{Schema, Secrets};

static ROUTE: LazyLock<Entry> = LazyLock::new(|| Entry::new(with_upstream(include_str!("../../schema/route.json"))));
static SERVICE: LazyLock<Entry> =
    LazyLock::new(|| Entry::new(with_upstream(include_str!("../../schema/service.json"))));
static UPSTREAM: LazyLock<Entry> = LazyLock::new(|| Entry::new(read(include_str!("../../schema/upstream.json"))));
static CONSUMER: LazyLock<Entry> = LazyLock::new(|| Entry::new(read(include_str!("../../schema/consumer.json"))));

struct Entry {
    document: Value,
    compiled: Schema,
}

/// The schema of a kind, for those who show it or build forms from it.
pub fn document(kind: Kind) -> &'static Value {
    &entry(kind).document
}

pub(super) fn compiled(kind: Kind) -> &'static Schema {
    &entry(kind).compiled
}

fn entry(kind: Kind) -> &'static Entry {
    match kind {
        Kind::Route => &ROUTE,
        Kind::Service => &SERVICE,
        Kind::Upstream => &UPSTREAM,
        Kind::Consumer => &CONSUMER,
    }
}

/// A schema whose property `upstream` is the schema of an upstream; the file leaves it open, to say it once.
fn with_upstream(text: &str) -> Value {
    let mut document = read(text);
    document["properties"]["upstream"] = UPSTREAM.document.clone();
    document
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("a test reads the file")
}

// === impl Entry ===

impl Entry {
    fn new(document: Value) -> Self {
        let compiled = Schema::compile(&document, Secrets::Unknown).expect("a test compiles the file");
        Self { document, compiled }
    }
}
