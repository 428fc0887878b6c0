//! A fake Kubernetes API server, as far as endpoints go: lists in pages, watches from a version, 410 Gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Answer, Asked, Body, Fault, Server};
use crate::certificates::Issued;

/// Watchers that read slower than this many lines behind are waited for.
const BEHIND: usize = 64;

/// The running server.
#[derive(Debug)]
pub struct Kubernetes {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    token: Mutex<String>,
    content: Mutex<Content>,
    version: watch::Sender<u64>,
    /// Watches that began before it end when it changes.
    era: watch::Sender<u64>,
    watchers: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<String, Value>,
    log: Vec<(u64, &'static str, Value)>,
    /// Versions up to this one are forgotten.
    compacted: u64,
    queries: Vec<String>,
}

// === impl Kubernetes ===

impl Kubernetes {
    /// Starts one that wants this token.
    ///
    /// # Errors
    /// When no port is free, or the certificate cannot be used.
    pub fn start(token: &str, tls: Option<&Issued>) -> anyhow::Result<Self> {
        let state = Arc::new(State {
            token: Mutex::new(token.to_owned()),
            content: Mutex::default(),
            version: watch::Sender::new(100),
            era: watch::Sender::new(0),
            watchers: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(tls, move |asked| {
            let state = shared.clone();
            async move { state.answer(&asked) }
        })?;
        Ok(Self { server, state })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port.port()
    }

    /// From now on it wants this token.
    pub fn want(&self, token: &str) {
        token.clone_into(&mut self.state.token.lock());
    }

    /// Makes or changes an object: Endpoints, or EndpointSlice if it has `endpoints`.
    pub fn put(&self, mut object: Value) {
        let name = name(&object);
        self.state.change(|content, version| {
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            let known = content.objects.insert(name, object.clone()).is_some();
            content.log.push((version, if known { "MODIFIED" } else { "ADDED" }, object));
        });
    }

    /// Takes an object away.
    pub fn delete(&self, namespace: &str, object: &str) {
        let name = format!("{namespace}/{object}");
        self.state.change(|content, version| {
            if let Some(mut object) = content.objects.remove(&name) {
                object["metadata"]["resourceVersion"] = json!(version.to_string());
                content.log.push((version, "DELETED", object));
            }
        });
    }

    /// Takes an object away, forgets that it did, and ends all watches: they cannot go on where they were.
    pub fn delete_and_forget(&self, namespace: &str, object: &str) {
        let name = format!("{namespace}/{object}");
        self.state.change(|content, version| {
            content.objects.remove(&name);
            content.log.clear();
            content.compacted = version;
        });
        self.end_watches();
    }

    /// Ends all watches, as the real one does every few minutes.
    pub fn end_watches(&self) {
        self.state.era.send_modify(|era| *era += 1);
    }

    /// From now on it fails like this.
    pub fn fail(&self, fault: Option<Fault>) {
        self.server.fail(fault);
    }

    /// The paths and queries that were asked for since the last call.
    pub fn take_queries(&self) -> Vec<String> {
        std::mem::take(&mut self.state.content.lock().queries)
    }
}

fn name(object: &Value) -> String {
    let part = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", part("namespace"), part("name"))
}

// === impl State ===

impl State {
    fn change(&self, change: impl FnOnce(&mut Content, u64)) {
        let mut content = self.content.lock();
        let version = *self.version.borrow() + 1;
        change(&mut content, version);
        drop(content);
        self.version.send_replace(version);
    }

    fn answer(self: &Arc<Self>, asked: &Asked) -> Answer {
        let bearer = format!("Bearer {}", self.token.lock());
        if asked.header("authorization") != bearer {
            return Answer::status(401);
        }
        let mut query: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        query.sort();
        self.content.lock().queries.push(format!("{}?{}", asked.path, query.join("&")));
        let slices = match asked.path.as_str() {
            "/api/v1/endpoints" => false,
            "/apis/discovery.k8s.io/v1/endpointslices" => true,
            _ => return Answer::status(404),
        };
        let selection = Selection {
            slices,
            labels: asked.parameter("labelSelector").to_owned(),
            fields: asked.parameter("fieldSelector").to_owned(),
        };
        if asked.parameter("watch") == "true" { self.watch(asked, selection) } else { self.list(asked, &selection) }
    }

    fn list(&self, asked: &Asked, selection: &Selection) -> Answer {
        let content = self.content.lock();
        let version = *self.version.borrow();
        let from = match asked.parameter("continue").split_once('@') {
            // A page belongs to one version; it goes on only while that is the newest here.
            Some((_, of)) if of != version.to_string() => return Answer::status(410),
            Some((from, _)) => from.parse().unwrap_or(0),
            None => 0,
        };
        let limit = asked.parameter("limit").parse().unwrap_or(usize::MAX);
        let all: Vec<&Value> = content.objects.values().filter(|object| selection.has(object)).collect();
        let page: Vec<&Value> = all.iter().skip(from).take(limit).copied().collect();
        let end = from + page.len();
        let next = if end < all.len() { format!("{end}@{version}") } else { String::new() };
        let kind = if selection.slices { "EndpointSliceList" } else { "EndpointsList" };
        Answer::json(&json!({
            "kind": kind, "metadata": {"resourceVersion": version.to_string(), "continue": next}, "items": page,
        }))
    }

    fn watch(self: &Arc<Self>, asked: &Asked, selection: Selection) -> Answer {
        let from: u64 = asked.parameter("resourceVersion").parse().unwrap_or(0);
        let seconds = asked.parameter("timeoutSeconds").parse().unwrap_or(3600);
        let (lines, receiver) = mpsc::channel(BEHIND);
        let state = self.clone();
        let mut watchers = self.watchers.lock();
        watchers.spawn(async move {
            let (mut versions, mut era) = (state.version.subscribe(), state.era.subscribe());
            let stream = async {
                let mut sent = from;
                loop {
                    versions.borrow_and_update();
                    let Some(events) = state.events(&mut sent, &selection) else {
                        let gone = json!({"kind": "Status", "code": 410, "message": "too old resource version", "metadata": {}});
                        let line = json!({"type": "ERROR", "object": gone});
                        let _gone = lines.send(Bytes::from(format!("{line}\n"))).await;
                        return;
                    };
                    for event in events {
                        let (first, second) = event.split_at(event.len() / 2);
                        // In two pieces, as the network may cut them.
                        for piece in [first, second] {
                            if lines.send(Bytes::copy_from_slice(piece.as_bytes())).await.is_err() {
                                return;
                            }
                        }
                    }
                    if versions.changed().await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = stream => {}
                _ = era.changed() => {}
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            }
        });
        while watchers.try_join_next().is_some() {}
        Answer { body: Body::Stream(receiver), ..Answer::text("") }
    }

    /// What came after a version, as lines, and a bookmark; `None`: that is forgotten.
    fn events(&self, sent: &mut u64, selection: &Selection) -> Option<Vec<String>> {
        let content = self.content.lock();
        if *sent < content.compacted {
            return None;
        }
        let news = content.log.iter().filter(|(version, _, object)| version > sent && selection.has(object));
        let mut lines: Vec<String> =
            news.map(|(_, kind, object)| format!("{}\n", json!({"type": kind, "object": object}))).collect();
        *sent = content.log.last().map_or(*sent, |(version, ..)| (*version).max(*sent));
        let bookmark = json!({"kind": "Endpoints", "metadata": {"resourceVersion": sent.to_string()}});
        lines.push(format!("{}\n", json!({"type": "BOOKMARK", "object": bookmark})));
        Some(lines)
    }
}

/// What a client wants to see.
struct Selection {
    slices: bool,
    labels: String,
    fields: String,
}

// === impl Selection ===

impl Selection {
    fn has(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let label = |pair: &str| pair.split_once('=').is_none_or(|(name, value)| metadata["labels"][name] == value);
        let field =
            match (self.fields.strip_prefix("metadata.namespace!="), self.fields.strip_prefix("metadata.namespace=")) {
                (Some(not), _) => metadata["namespace"] != not,
                (None, Some(only)) => metadata["namespace"] == only,
                (None, None) => true,
            };
        object.get("endpoints").is_some() == self.slices && field && self.labels.split(',').all(label)
    }
}
