//! Resource types, ids, keys and checks of the Portolan configuration; pure, no I/O.
//!
//! Owns: what a route, a service and all other resources are ([`resource`]), how they are named and what can be done with
//! them ([`id`], [`kind`]) and where they stand in the key space ([`layout`]); whether a document is one of them
//! ([`mod@check`], [`schema`], [`plugins`], [`vars`]); which of its texts are secret ([`sensitive`]), and how those are
//! stored ([`keyring`]); how a request body becomes JSON ([`json`]).
//!
//! Invariant: no I/O, no clock, no async, no logging, and nothing of ours: this crate knows no other crate of the project.
//! Invariant: the control plane and the data plane ask [`mod@check`] the same question and get the same answer, word for word.
//! Invariant: nothing here panics or recurses without bound on a document, however it was made.
//! Invariant: the message texts are those of the APISIX Admin API; they are part of the interface and stand in tests.
//!
//! Called by: eventstore, kine-shim, cp, dp, cli. Calls: serde_json, regex, ipnet, aws-lc-rs.
//! Start reading: `check.rs`, then `schema.rs`. The resource schemas are `schema/*.json`; `schema/plugins.json` is written
//! by dp (`UPDATE=1 cargo test -p portolan-dp plugin_contract`).
//! Test: `cargo test -p portolan-model`.

pub mod check;
#[cfg(test)]
mod fuzz;
pub mod id;
pub mod json;
pub mod keyring;
pub mod kind;
pub mod layout;
mod lenient;
pub mod pattern;
pub mod plugins;
pub mod resource;
pub mod schema;
pub mod sensitive;
pub mod vars;

pub use check::{Invalid, Reference, Usage, check, references, usages};
pub use id::{Id, Username};
pub use json::{ParseError, parse_json};
pub use keyring::Keyring;
pub use kind::Kind;
pub use layout::GroupId;
pub use resource::{
    Consumer, ConsumerGroup, Credential, GlobalRule, PluginConfig, PluginMetadata, Plugins, Proto, Route, Secret,
    Service, Ssl, StreamRoute, Upstream,
};
