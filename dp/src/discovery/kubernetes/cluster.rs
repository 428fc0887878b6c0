//! One cluster, followed: a list, and then watches from where the last one ended.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use portolan_rt::tls::{self, Roots};
use regex::Regex;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::super::directory::{Missing, Services};
use super::super::lenient::readable;
use super::super::pace::Pace;
use super::super::server::{self, Server};
use super::super::{Around, Directory, shown_nodes};
use super::book::Book;
use super::objects::{Event, Kind, List, Object};
use crate::config::Invalid;
use crate::config::discovery::{Cluster as Settings, NamespaceSelector, Schema, whole};
use crate::http_client::{Client, Options, Trust};
use crate::uri::encode_component;

/// Objects asked for in one page.
const PAGE: usize = 500;
/// How long the API server has for a connection, and for the head of an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a watch stands, in seconds, before it is asked for anew; a dead connection is noticed a little later.
const WATCH: u64 = 300;
/// Most bytes of one object.
const LARGEST: usize = 64 * 1024 * 1024;

/// One cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) directory: Directory,
    pub(super) settings: Settings,
    pub(super) kind: Kind,
    url: String,
    client: Client,
    namespaces: Namespaces,
    /// What of the question does not change: selectors.
    selectors: String,
}

/// The namespaces that the API server does not choose.
#[derive(Debug)]
enum Namespaces {
    All,
    Match(Vec<Regex>),
    NotMatch(Vec<Regex>),
}

/// Why a cluster cannot be followed just now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error(transparent)]
    Settings(#[from] Invalid),
    #[error("the certificates of ca_file cannot be used")]
    Authorities(#[from] tls::Error),
    /// The versions that the server still knows begin later.
    #[error("the version is gone")]
    Gone,
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
}

// === impl Cluster ===

impl Cluster {
    pub(super) fn new(settings: &Settings, around: &Around) -> Result<Self, Invalid> {
        let name = settings.id.as_ref().map_or("kubernetes".to_owned(), |id| format!("kubernetes/{id}"));
        let selector = settings.namespace_selector.clone().unwrap_or_default();
        let mut selectors = String::new();
        let mut select = |kind: &str, text: &str| selectors.push_str(&format!("&{kind}={}", encode_component(text)));
        if let Some(labels) = settings.label_selector.as_deref().filter(|text| !text.is_empty()) {
            select("labelSelector", labels);
        }
        if let Some(namespace) = &selector.equal {
            select("fieldSelector", &format!("metadata.namespace={namespace}"));
        }
        if let Some(namespace) = &selector.not_equal {
            select("fieldSelector", &format!("metadata.namespace!={namespace}"));
        }
        Ok(Self {
            directory: Directory::new(name, Missing::NotReady, around),
            url: settings.service.url()?,
            settings: settings.clone(),
            kind: if settings.watch_endpoint_slices { Kind::Slices } else { Kind::Endpoints },
            client: around.client.clone(),
            namespaces: Namespaces::new(&selector)?,
            selectors,
        })
    }

    pub(super) async fn follow(&self) {
        let mut pace = Pace::default();
        loop {
            let Err(error) = self.session(&mut pace).await;
            if !matches!(error, Error::Gone) {
                self.directory.failed(&self.url, &error);
            }
            sleep(pace.pause()).await;
        }
    }

    /// Lists and then watches, as long as each watch can begin where the last one ended.
    async fn session(&self, pace: &mut Pace) -> Result<std::convert::Infallible, Error> {
        let (mut book, mut version) = self.list().await?;
        self.directory.replace(book.services());
        self.directory.succeeded(&self.url);
        tracing::info!(cluster = self.url, version, "endpoints listed");
        loop {
            let began = Instant::now();
            let watched = self.watch(&mut book, &mut version, pace).await;
            pace.stood(began.elapsed());
            match watched {
                Ok(()) => pace.reset(),
                // A connection is no reason to list again.
                Err(Error::Server(error)) => {
                    self.directory.failed(&self.url, &error);
                    sleep(pace.pause()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn list(&self) -> Result<(Book, String), Error> {
        let server = self.server()?;
        let (mut book, mut next) = (Book::new(self.kind), String::new());
        loop {
            let page = if next.is_empty() { String::new() } else { format!("&continue={}", encode_component(&next)) };
            let target = format!("{}?limit={PAGE}{page}{}", self.kind.path(), self.selectors);
            let list: List = server.get(&target).await.map_err(gone)?.body;
            if list.kind != self.kind.of_list() {
                return Err(Error::Nonsense(format!("a list of kind {:?}", list.kind)));
            }
            let objects =
                readable::<Object>(list.items, &self.url).map_err(|error| Error::Nonsense(error.to_string()))?;
            objects.iter().for_each(|object| self.put(&mut book, object));
            next = list.metadata.next.unwrap_or_default();
            if next.is_empty() {
                return Ok((book, list.metadata.resource_version.unwrap_or_default()));
            }
        }
    }

    /// Takes over changes until the stream ends.
    async fn watch(&self, book: &mut Book, version: &mut String, pace: &mut Pace) -> Result<(), Error> {
        let mut server = self.server()?;
        server.options.read = Duration::from_secs(WATCH) + PATIENCE * 2;
        let from = encode_component(version);
        let target = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH}&resourceVersion={from}{}",
            self.kind.path(),
            self.selectors
        );
        let late = |_| server::Error::Late(server.shown(&target));
        let opened = timeout(PATIENCE, server.open(Method::GET, &target, bytes::Bytes::new())).await.map_err(late)?;
        let (_, mut body) = opened.map_err(gone)?;
        self.directory.succeeded(&self.url);
        let broken = |error| Error::Server(server::Error::Request(server.shown(&target), error));
        let mut rest = Vec::new();
        while let Some(piece) = body.piece().await.map_err(broken)? {
            rest.extend_from_slice(&piece);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                self.take(book, version, &line)?;
                // It was well again. What comes later is another outage.
                pace.reset();
            }
            if rest.len() > LARGEST {
                return Err(Error::Nonsense("an object is too large".to_owned()));
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(Error::Nonsense("an event breaks off".to_owned())) }
    }

    pub(super) fn take(&self, book: &mut Book, version: &mut String, line: &[u8]) -> Result<(), Error> {
        let event: Event = serde_json::from_slice(line).map_err(|error| Error::Nonsense(error.to_string()))?;
        // It is read of an object that makes no sense, too.
        let next = event.object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
        let object = serde_json::from_value::<Object>(event.object).unwrap_or_else(|error| {
            tracing::warn!(cluster = self.url, %error, "an object that makes no sense is left as it was");
            Object::default()
        });
        match event.kind.as_str() {
            "ERROR" if object.code == Some(410) => return Err(Error::Gone),
            "ERROR" => return Err(Error::Nonsense(object.message.unwrap_or_default())),
            "ADDED" | "MODIFIED" => self.put(book, &object),
            "DELETED" => book.delete(&object),
            // Bookmarks tell a version only.
            _ => {}
        }
        if let Some(next) = next {
            *version = next;
        }
        for (service, nodes) in book.take_changes() {
            match nodes {
                Some(nodes) => self.directory.set(&service, nodes),
                None => self.directory.remove(&service),
            }
        }
        Ok(())
    }

    fn put(&self, book: &mut Book, object: &Object) {
        if self.namespaces.contain(object.namespace()) {
            book.put(object, self.settings.default_weight);
        }
    }

    /// With the token of this moment: the file of a service account changes all the time.
    fn server(&self) -> Result<Server, Error> {
        let trust = match (self.settings.service.is_verified(), &self.settings.service.ca_file) {
            (false, _) => Trust::Anyone,
            (true, None) => Trust::Usual,
            (true, Some(file)) => {
                let settings = tls::client_config(&Roots::load(file)?, None, &[])?;
                Trust::Own(crate::upstream::connect::ClientTls::new(settings))
            }
        };
        let options = Options { connect: PATIENCE, read: PATIENCE, trust, max_body: LARGEST, ..Options::default() };
        let server = Server::new(&self.url, &self.client, options);
        let token = match self.settings.client.token() {
            Ok(token) => token,
            // Without TLS, as through a proxy on this machine, there may be none.
            Err(_) if self.settings.service.schema == Schema::Http && self.settings.client.token_file.is_none() => {
                return Ok(server);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(if token.is_empty() { server } else { server.with_header(AUTHORIZATION, &format!("Bearer {token}")) })
    }

    /// As APISIX shows it: by service, its ports as a text of JSON.
    pub(super) fn show(&self) -> Value {
        let mut by_service: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let services: Services = self.directory.services();
        for (key, nodes) in &services {
            let (service, port) = key.rsplit_once(':').unwrap_or((key, ""));
            by_service.entry(service.to_owned()).or_default().insert(port.to_owned(), shown_nodes(nodes));
        }
        let endpoints = by_service.into_iter();
        let endpoints: Vec<Value> =
            endpoints.map(|(name, ports)| json!({"name": name, "value": Value::Object(ports).to_string()})).collect();
        match &self.settings.id {
            Some(id) => json!({"id": id, "endpoints": endpoints}),
            None => json!({ "endpoints": endpoints }),
        }
    }
}

/// The server says by its status, too, that it does not know the version any more.
fn gone(error: server::Error) -> Error {
    if error.status() == Some(StatusCode::GONE) { Error::Gone } else { Error::Server(error) }
}

// === impl Namespaces ===

impl Namespaces {
    fn new(selector: &NamespaceSelector) -> Result<Self, Invalid> {
        let setting = "discovery.kubernetes.namespace_selector";
        let all = |expressions: &[String]| {
            let compiled = expressions.iter().map(|text| whole(text)).collect::<Result<Vec<_>, _>>();
            compiled.map_err(|error| Invalid { setting, reason: error.to_string() })
        };
        Ok(match (selector.matches.as_slice(), selector.not_match.as_slice()) {
            ([], []) => Self::All,
            ([], none) => Self::NotMatch(all(none)?),
            (some, _) => Self::Match(all(some)?),
        })
    }

    fn contain(&self, namespace: &str) -> bool {
        let one_of = |expressions: &[Regex]| expressions.iter().any(|expression| expression.is_match(namespace));
        match self {
            Self::All => true,
            Self::Match(some) => one_of(some),
            Self::NotMatch(none) => !one_of(none),
        }
    }
}
