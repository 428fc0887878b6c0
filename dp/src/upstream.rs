//! Where requests go: nodes with weights, and how they are spoken to.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use portolan_model as model;
use portolan_model::resource::{self, Balancer as Kind, HashOn, PassHost, Scheme};

use crate::context::Context;
use crate::plugin::State;
use crate::resource::{Timeouts, next_serial, seconds};
use crate::tls::Ssl;
use crate::tree::Tree;
use crate::vars::{Template, Var};

pub mod alarm;
mod balance;
pub mod body;
pub mod connect;
pub mod discovered;
pub mod dns;
pub mod error;
pub mod health;
pub mod http1;
mod http2;
mod identity;
pub mod incoming;
pub mod link;
pub mod load;
pub mod patience;
pub mod pool;
mod renamed;
mod trust;

pub use balance::{Balancer, Tried};
pub use identity::Identity;

use balance::{Member, Pick, crc32};
use discovered::Discovered;
use dns::Dns;
use health::Checker;
use load::Load;
use renamed::Renamed;

/// A compiled upstream.
#[derive(Debug)]
pub struct Upstream {
    /// Its nodes; none when they are discovered.
    pub nodes: Vec<Arc<Node>>,
    /// Who knows the nodes. See [`Upstream::pinned`].
    pub discovered: Option<Arc<Discovered>>,
    /// Which node is next.
    pub balancer: Balancer,
    /// Which nodes are fit, when they are checked.
    pub checker: Option<Arc<Checker>>,
    /// The same for a hash ring of names, with their addresses instead.
    renamed: Option<Renamed>,
    /// What requests are known by, for a hash ring.
    hash_on: Option<HashKey>,
    /// TLS or not.
    pub tls: Option<Tls>,
    /// HTTP/2, or HTTP/1.1.
    pub http2: bool,
    /// The host that nodes see.
    pub host: Host,
    /// How many more nodes are tried after the first.
    pub retries: usize,
    /// No more tries after this long; `None`: no such bound.
    pub retry_timeout: Option<Duration>,
    /// Bounds on slowness.
    pub timeouts: Timeouts,
    /// Whether they are configured: streams have other bounds of their own.
    pub timeouts_given: bool,
    /// Idle connections.
    pub keepalive: Keepalive,
}

/// Where an upstream is configured.
pub struct Place<'a> {
    /// Such as `routes/1`.
    pub resource: &'a str,
    /// State that outlives a snapshot.
    pub state: &'a State,
    /// Certificates that the upstream may name.
    pub certificates: Option<&'a Tree<Arc<Ssl>>>,
}

/// One place requests can go to.
#[derive(Debug)]
pub struct Node {
    /// See [`crate::resource::Route::serial`].
    pub serial: u64,
    /// Name or address, as configured.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Where it is, when the host is an address.
    pub address: Option<SocketAddr>,
    /// Host header for `pass_host: node`.
    pub host_header: HeaderValue,
    /// How busy it is, when the balancer asks.
    pub load: Option<Arc<Load>>,
}

/// What a hash is taken of.
#[derive(Debug, Clone)]
enum HashKey {
    Var(Var),
    Consumer,
    Combination(Template),
}

/// The host that a node sees.
#[derive(Debug, Clone)]
pub enum Host {
    /// The client's.
    Pass,
    /// The node's own.
    Node,
    /// This one.
    Rewrite(HeaderValue),
}

/// TLS to the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Whether their certificates are verified.
    pub verify: bool,
    /// Whether HTTP/2 is offered, or HTTP/1.1.
    pub http2: bool,
    /// Who we are.
    pub identity: Option<Identity>,
}

/// How idle connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keepalive {
    /// How many per node and worker.
    pub size: usize,
    /// For how long.
    pub idle: Duration,
    /// For how many requests.
    pub requests: u32,
}

/// Why an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("upstream: discovery_args: {0}")]
    Discovery(String),
    #[error("upstream: balancer type {0} is not supported")]
    Balancer(String),
    #[error("upstream: scheme {0:?} is not supported")]
    Scheme(Scheme),
    #[error("{0}")]
    Checks(String),
    #[error("upstream: tls: {0}")]
    ClientCertificate(String),
    #[error("upstream: node {0} has no valid host")]
    NodeHost(String),
    #[error("upstream: upstream_host is required when pass_host is rewrite")]
    NoUpstreamHost,
    #[error("upstream: upstream_host {0:?} is not a valid host")]
    UpstreamHost(String),
}

// === impl Upstream ===

impl Upstream {
    /// Compiles a document.
    pub fn compile(document: &model::Upstream, place: &Place<'_>) -> Result<Self, Error> {
        if let Kind::Other(name) = &document.balancer {
            return Err(Error::Balancer(name.clone()));
        }
        let scheme = document.scheme;
        if scheme == Scheme::Kafka {
            return Err(Error::Scheme(scheme));
        }
        let http2 = matches!(scheme, Scheme::Grpc | Scheme::Grpcs);
        let tls = scheme.is_tls().then(|| Tls::compile(document.tls.as_ref(), http2, place)).transpose()?;
        let keepalive = document.keepalive_pool.unwrap_or_default();
        let settled = Self {
            nodes: Vec::new(),
            discovered: None,
            balancer: Balancer::new(&document.balancer, &[]),
            checker: None,
            renamed: None,
            hash_on: (document.balancer == Kind::Chash).then(|| HashKey::compile(document)),
            tls,
            http2,
            host: Host::compile(document)?,
            retries: 0,
            retry_timeout: document.retry_timeout.filter(|s| *s > 0.0).map(seconds),
            timeouts: document.timeout.map(Timeouts::from).unwrap_or_default(),
            timeouts_given: document.timeout.is_some(),
            keepalive: Keepalive {
                size: usize::try_from(keepalive.size).unwrap_or(usize::MAX),
                idle: seconds(keepalive.idle_timeout),
                requests: keepalive.requests,
            },
        };
        if document.service_name.is_some() {
            return Discovered::upstream(settled, document, place);
        }
        let given = document.nodes.as_ref().map(|nodes| nodes.0.as_slice()).unwrap_or_default();
        let nodes = given.iter().map(|node| Ok((node, Arc::new(Node::compile(node, document, place)?))));
        settled.with_nodes(&nodes.collect::<Result<Vec<_>, _>>()?, document, place)
    }

    /// The same upstream over these nodes.
    fn with_nodes(
        &self,
        given: &[(&resource::Node, Arc<Node>)],
        document: &model::Upstream,
        place: &Place<'_>,
    ) -> Result<Self, Error> {
        let members = given.iter().map(|(given, node)| Member {
            name: Cow::Owned(node.name()),
            priority: given.priority,
            weight: given.weight,
            load: node.load.as_ref(),
        });
        let members: Vec<_> = members.collect();
        let nodes: Vec<_> = given.iter().map(|(_, node)| node.clone()).collect();
        let named = document.balancer == Kind::Chash && nodes.iter().any(|node| node.address.is_none());
        Ok(Self {
            checker: Checker::compile(document, &nodes, &self.host, place).map_err(Error::Checks)?,
            balancer: Balancer::new(&document.balancer, &members),
            renamed: named.then(|| Renamed::new(&members)),
            retries: document
                .retries
                .map_or(nodes.len().saturating_sub(1), |n| usize::try_from(n).unwrap_or(usize::MAX)),
            nodes,
            discovered: None,
            hash_on: self.hash_on.clone(),
            tls: self.tls.clone(),
            http2: self.http2,
            host: self.host.clone(),
            retry_timeout: self.retry_timeout,
            timeouts: self.timeouts,
            timeouts_given: self.timeouts_given,
            keepalive: self.keepalive,
        })
    }

    /// The upstream with the nodes of this moment, for one request or stream; `None` while no node is known.
    pub fn pinned<'u>(self: &'u Arc<Self>, discovered: &'u mut Option<Arc<Self>>) -> Option<&'u Arc<Self>> {
        match &self.discovered {
            None => Some(self),
            Some(found) => {
                *discovered = found.now();
                discovered.as_ref()
            }
        }
    }

    /// The health checks of this moment.
    #[must_use]
    pub fn checks(&self) -> Option<Arc<Checker>> {
        match &self.discovered {
            None => self.checker.clone(),
            Some(found) => found.now().and_then(|upstream| upstream.checker.clone()),
        }
    }

    /// The node to ask next; `None` when there is no other.
    pub fn pick(&self, context: &Context<'_>, dns: &Dns, tried: &Tried) -> Option<usize> {
        self.pick_by(dns, tried, &|| self.hash_on.as_ref().map_or(0, |key| key.hash(context)))
    }

    /// Whether [`Self::prepare`] has anything to do.
    #[must_use]
    pub fn needs_addresses(&self) -> bool {
        self.renamed.is_some()
    }

    /// Learns what has to be known before a pick: the addresses of a ring's names.
    pub async fn prepare(&self, dns: &Dns) {
        if self.needs_addresses() {
            renamed::resolve(&self.nodes, dns, self.timeouts.connect).await;
        }
    }

    /// How its nodes are spoken to, for streams aside.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match (self.http2, self.tls.is_some()) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "grpc",
            (true, true) => "grpcs",
        }
    }

    /// Whether a node that was tried may be asked again when there is no other.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.nodes.len() == 1
    }

    /// The same for a stream: `read` gives the values of its variables, `remote` is the client's address.
    pub fn pick_for_stream<'v>(
        &self,
        read: &dyn Fn(&Var) -> Option<Cow<'v, str>>,
        remote: &str,
        dns: &Dns,
        tried: &Tried,
    ) -> Option<usize> {
        let hash = || match &self.hash_on {
            Some(key) => crc32(key.text(read).as_deref().unwrap_or(remote).as_bytes()),
            None => 0,
        };
        self.pick_by(dns, tried, &hash)
    }

    fn pick_by(&self, dns: &Dns, tried: &Tried, hash: &dyn Fn() -> u32) -> Option<usize> {
        let checker = self.checker.as_ref().filter(|checker| checker.divides());
        let usable = |node| checker.is_none_or(|checker| checker.is_usable(node));
        let pick = Pick { tried, usable: &usable, hash };
        match &self.renamed {
            Some(renamed) => renamed.balancer(&self.nodes, dns).pick(&pick),
            None => self.balancer.pick(&pick),
        }
    }
}

// === impl HashKey ===

impl HashKey {
    fn compile(document: &model::Upstream) -> Self {
        let key = document.key.as_deref().unwrap_or_default();
        match document.hash_on {
            HashOn::Vars => Self::Var(Var::parse(key)),
            HashOn::Header => Self::Var(Var::parse(&format!("http_{}", key.replace('-', "_")))),
            HashOn::Cookie => Self::Var(Var::parse(&format!("cookie_{key}"))),
            HashOn::Consumer => Self::Consumer,
            HashOn::VarsCombinations => Self::Combination(Template::parse(key)),
        }
    }

    /// What a stream is known by. It has no consumer.
    fn text<'v>(&self, read: &dyn Fn(&Var) -> Option<Cow<'v, str>>) -> Option<Cow<'v, str>> {
        match self {
            Self::Var(var) => read(var),
            Self::Consumer => None,
            Self::Combination(template) => {
                let (text, resolved) = template.render_with(read);
                (resolved > 0).then_some(Cow::Owned(text))
            }
        }
    }

    /// A request without a value is known by its client's address.
    fn hash(&self, context: &Context<'_>) -> u32 {
        let of = |text: &str| crc32(text.as_bytes());
        let found = match self {
            Self::Var(var) => var.read(context).map(|value| of(&value)),
            Self::Consumer => context.credential.as_ref().map(|credential| of(&credential.consumer.username)),
            Self::Combination(template) => {
                let (text, resolved) = template.render(context);
                (resolved > 0).then(|| of(&text))
            }
        };
        found.unwrap_or_else(|| of(&context.request.connection.remote_ip))
    }
}

// === impl Node ===

impl Node {
    fn compile(node: &model::resource::Node, upstream: &model::Upstream, place: &Place<'_>) -> Result<Self, Error> {
        let scheme = upstream.scheme;
        let wrong = || Error::NodeHost(node.host.clone());
        let usual = scheme.default_port();
        let port = node.port.filter(|port| *port != 0).or(usual).unwrap_or(80);
        let ip = node.host.parse::<IpAddr>().ok();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if ip.is_none() && (node.host.is_empty() || !node.host.bytes().all(plain)) {
            return Err(wrong());
        }
        let shown = if matches!(ip, Some(IpAddr::V6(_))) { format!("[{}]", node.host) } else { node.host.clone() };
        let header = if usual == Some(port) { shown } else { format!("{shown}:{port}") };
        Ok(Self {
            serial: next_serial(),
            host: node.host.as_str().into(),
            port,
            address: ip.map(|ip| SocketAddr::new(ip, port)),
            host_header: HeaderValue::try_from(header).map_err(|_| wrong())?,
            load: match upstream.balancer {
                Kind::LeastConn => Some(place.load(&format!("of {} {}:{port}", place.resource, node.host))),
                // One latency for all upstreams that have the node, as in APISIX.
                Kind::Ewma => Some(place.load(&format!("at {}:{port}", node.host))),
                _ => None,
            },
        })
    }

    /// Host and port as APISIX puts them together.
    #[must_use]
    pub fn name(&self) -> String {
        match self.address {
            // The text of an address as it is configured: a ring is made of it.
            Some(SocketAddr::V6(_)) => format!("[{}]:{}", self.host, self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

// === impl Tls ===

impl Tls {
    fn compile(document: Option<&resource::Tls>, http2: bool, place: &Place<'_>) -> Result<Self, Error> {
        let Some(document) = document else { return Ok(Self { http2, ..Self::default() }) };
        Ok(Self { verify: document.verify, http2, identity: Identity::compile(document, place)? })
    }
}

// === impl Place ===

impl Place<'_> {
    fn load(&self, key: &str) -> Arc<Load> {
        self.state.get(&format!("load {key}"), Load::default)
    }
}

// === impl Host ===

impl Host {
    fn compile(document: &model::Upstream) -> Result<Self, Error> {
        Ok(match document.pass_host {
            PassHost::Pass => Self::Pass,
            PassHost::Node => Self::Node,
            PassHost::Rewrite => {
                let host = document.upstream_host.as_deref().ok_or(Error::NoUpstreamHost)?;
                let wrong = |_| Error::UpstreamHost(host.to_owned());
                Self::Rewrite(HeaderValue::from_str(host).map_err(wrong)?)
            }
        })
    }
}
