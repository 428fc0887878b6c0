//! The schemas of the resources.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::Kind;
use crate::resource::Manager;
use crate::schema::{Schema, Secrets};

static ROUTE: Lazy = LazyLock::new(|| Entry::new(with_upstream(include_str!("../../schema/route.json"))));
static SERVICE: Lazy = LazyLock::new(|| Entry::new(with_upstream(include_str!("../../schema/service.json"))));
static UPSTREAM: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/upstream.json"))));
static CONSUMER: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/consumer.json"))));
static CREDENTIAL: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/credential.json"))));
static SSL: Lazy =
    LazyLock::new(|| Entry::with_secrets(read(include_str!("../../schema/ssl.json")), Secrets::At(CERTIFICATES)));
static GLOBAL_RULE: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/global_rule.json"))));
static PLUGIN_CONFIG: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/plugin_config.json"))));
static CONSUMER_GROUP: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/consumer_group.json"))));
static PLUGIN_METADATA: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/plugin_metadata.json"))));
static PROTO: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/proto.json"))));
static STREAM_ROUTE: Lazy = LazyLock::new(|| Entry::new(with_upstream(include_str!("../../schema/stream_route.json"))));
static COST_DECORATION: Lazy =
    LazyLock::new(|| Entry::new(read(include_str!("../../schema/graphql_cost_decoration.json"))));
static VAULT: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/secret_vault.json"))));
static AWS: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/secret_aws.json"))));
static GCP: Lazy = LazyLock::new(|| Entry::new(read(include_str!("../../schema/secret_gcp.json"))));
static SECRET: Lazy = LazyLock::new(|| {
    let any = Manager::ALL.map(|manager| secret(manager).clone());
    Entry::new(json!({ "type": "object", "anyOf": any }))
});

/// Where in the schema of certificates a reference to a secret passes: the data plane resolves these.
const CERTIFICATES: &[&str] = &[
    "properties.cert",
    "properties.key",
    "properties.certs.items",
    "properties.keys.items",
    "properties.client.properties.ca",
];

type Lazy = LazyLock<Entry>;

struct Entry {
    document: Value,
    compiled: Schema,
}

/// The schema of a kind, for those who show it or build forms from it. That of secrets is any of the managers'.
pub fn document(kind: Kind) -> &'static Value {
    &entry(kind).document
}

/// The schema of secrets that a manager keeps.
pub fn secret(manager: Manager) -> &'static Value {
    &entry_of_secret(manager).document
}

pub(super) fn compiled(kind: Kind) -> &'static Schema {
    &entry(kind).compiled
}

pub(super) fn compiled_secret(manager: Manager) -> &'static Schema {
    &entry_of_secret(manager).compiled
}

fn entry(kind: Kind) -> &'static Entry {
    match kind {
        Kind::Route => &ROUTE,
        Kind::Service => &SERVICE,
        Kind::Upstream => &UPSTREAM,
        Kind::Consumer => &CONSUMER,
        Kind::Credential => &CREDENTIAL,
        Kind::Ssl => &SSL,
        Kind::GlobalRule => &GLOBAL_RULE,
        Kind::PluginConfig => &PLUGIN_CONFIG,
        Kind::ConsumerGroup => &CONSUMER_GROUP,
        Kind::PluginMetadata => &PLUGIN_METADATA,
        Kind::Proto => &PROTO,
        Kind::StreamRoute => &STREAM_ROUTE,
        Kind::Secret => &SECRET,
        Kind::CostDecoration => &COST_DECORATION,
    }
}

fn entry_of_secret(manager: Manager) -> &'static Entry {
    match manager {
        Manager::Vault => &VAULT,
        Manager::Aws => &AWS,
        Manager::Gcp => &GCP,
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
        Self::with_secrets(document, Secrets::Unknown)
    }

    fn with_secrets(document: Value, secrets: Secrets) -> Self {
        let compiled = Schema::compile(&document, secrets).expect("a test compiles the file");
        Self { document, compiled }
    }
}
