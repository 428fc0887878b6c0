//! DNS as a registry: the addresses of a name, or the targets of its SRV records, for as long as the answer lives.
//!
//! `service_name` is a name, or `name:port`; the port goes before those of SRV records.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use portolan_model as model;
use portolan_model::resource::{Node, split_address};
use tokio::time::{Instant, sleep};

use super::directory::Missing;
use super::pace::Pace;
use super::{Around, Directory, Registry};
use crate::config::Invalid;
use crate::config::discovery::{Dns as Settings, DnsRecord};

/// How long an answer is believed at least, whatever its time to live says.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long it is believed that a name has no addresses.
const WITHOUT: Duration = Duration::from_secs(5);
/// How long a name server has.
const PATIENCE: Duration = Duration::from_secs(2);

/// The registry.
#[derive(Debug)]
pub(super) struct Dns {
    directory: Directory,
    resolver: TokioResolver,
    order: Vec<DnsRecord>,
}

/// What a name has.
struct Answer {
    nodes: Vec<Node>,
    until: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// It has nothing.
    #[error("the name has no addresses")]
    Nothing,
    /// Nobody knows whether it has.
    #[error(transparent)]
    Failed(#[from] NetError),
    #[error("{0:?} is not a name")]
    Name(String),
}

// === impl Dns ===

impl Dns {
    pub(super) fn new(config: &Settings, around: &Around) -> Result<Self, Invalid> {
        let (servers, mut options) = servers(config)?;
        // Each answer must be a fresh one: it is asked for when the last one is over.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(PATIENCE);
        let provider = TokioRuntimeProvider::default();
        let resolver = TokioResolver::builder_with_config(servers, provider).with_options(options).build();
        let resolver = resolver.map_err(|e| Invalid { setting: "discovery.dns", reason: e.to_string() })?;
        let directory = Directory::new("dns", Missing::Tolerated, around);
        Ok(Self { directory, resolver, order: config.order.clone() })
    }

    /// Keeps one name current as long as an upstream wants it.
    async fn follow(&self, service: Arc<str>) -> Arc<str> {
        let mut pace = Pace::default();
        let mut last = None;
        while self.directory.wants(&service) {
            let pause = match self.resolve(&service, &mut last).await {
                Ok(answer) => {
                    self.directory.set(&service, answer.nodes);
                    answer.until.saturating_duration_since(Instant::now()).max(SHORTEST)
                }
                Err(Error::Nothing) => {
                    self.directory.remove(&service);
                    WITHOUT
                }
                Err(error) => {
                    self.directory.failed(&service, &error);
                    sleep(pace.pause()).await;
                    continue;
                }
            };
            self.directory.succeeded(&service);
            pace.reset();
            sleep(pause).await;
        }
        self.directory.remove(&service);
        self.directory.forgotten(&service);
        service
    }

    /// Asks for one kind of record after the other until there is one.
    async fn resolve(&self, service: &str, last: &mut Option<DnsRecord>) -> Result<Answer, Error> {
        let (host, port) = split_address(service);
        let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        if let Ok(address) = host.parse::<IpAddr>() {
            let until = Instant::now() + Duration::from_secs(3600);
            return Ok(Answer { nodes: vec![node(address, port)], until });
        }
        let name = Name::from_utf8(host).map_err(|_| Error::Name(host.to_owned()))?;
        let mut asked = HashSet::new();
        let mut refused = None;
        for record in &self.order {
            let Some(record) = (if *record == DnsRecord::Last { *last } else { Some(*record) }) else { continue };
            if !asked.insert(record) {
                continue;
            }
            let found = match record {
                DnsRecord::Srv => self.targets(&name, port).await,
                DnsRecord::A | DnsRecord::Last => self.addresses(&name, RecordType::A, port).await,
                DnsRecord::Aaaa => self.addresses(&name, RecordType::AAAA, port).await,
                DnsRecord::Cname => self.alias(&name, port).await,
            };
            match found {
                Ok(answer) => {
                    *last = Some(record);
                    return Ok(answer);
                }
                Err(Error::Nothing) => {}
                // Some servers refuse kinds of records that they do not know; but what the name had before must not be
                // replaced by another kind because of a failure.
                Err(error) if *last != Some(record) && is_refusal(&error) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(Error::Nothing))
    }

    async fn lookup(&self, name: &Name, kind: RecordType) -> Result<Lookup, Error> {
        self.resolver
            .lookup(name.clone(), kind)
            .await
            .map_err(|error| if error.is_no_records_found() { Error::Nothing } else { Error::Failed(error) })
    }

    async fn addresses(&self, name: &Name, kind: RecordType, port: Option<u16>) -> Result<Answer, Error> {
        let found = self.lookup(name, kind).await?;
        let addresses = found.answers().iter().filter_map(|record| record.data.ip_addr());
        let nodes: Vec<Node> = addresses.map(|address| node(address, port)).collect();
        if nodes.is_empty() {
            return Err(Error::Nothing);
        }
        Ok(Answer { nodes: sorted(nodes), until: Instant::from_std(found.valid_until()) })
    }

    async fn alias(&self, name: &Name, port: Option<u16>) -> Result<Answer, Error> {
        let found = self.lookup(name, RecordType::CNAME).await?;
        let target = found.answers().iter().find_map(|record| match &record.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        let target = target.ok_or(Error::Nothing)?;
        let answer = self.host(&target, port).await?;
        Ok(Answer { until: answer.until.min(Instant::from_std(found.valid_until())), ..answer })
    }

    /// The addresses of a target.
    async fn host(&self, name: &Name, port: Option<u16>) -> Result<Answer, Error> {
        match self.addresses(name, RecordType::A, port).await {
            Err(Error::Nothing) => self.addresses(name, RecordType::AAAA, port).await,
            found => found,
        }
    }

    /// The targets of SRV records. A target with several addresses shares its weight among them.
    async fn targets(&self, name: &Name, port: Option<u16>) -> Result<Answer, Error> {
        let found = self.lookup(name, RecordType::SRV).await?;
        let mut until = Instant::from_std(found.valid_until());
        let mut targets = Vec::new();
        for record in found.answers() {
            let RData::SRV(srv) = &record.data else { continue };
            let own = port.or(Some(srv.port).filter(|port| *port != 0));
            match self.host(&srv.target, own).await {
                Ok(answer) => {
                    until = until.min(answer.until);
                    targets.push((srv, answer.nodes));
                }
                // One that is being taken down may have lost its address already.
                Err(Error::Nothing) => {
                    tracing::warn!(target = %srv.target, "the target of an SRV record has no address")
                }
                Err(error) => return Err(error),
            }
        }
        if targets.is_empty() {
            return Err(Error::Nothing);
        }
        let common = targets.iter().fold(1, |all, (_, nodes)| least_common_multiple(all, nodes.len() as u64));
        let nodes = targets.into_iter().flat_map(|(srv, nodes)| {
            let share = u64::from(srv.weight.max(1)) * common / nodes.len() as u64;
            let weight = u32::try_from(share).unwrap_or(u32::MAX);
            // The lowest number is asked first there, the highest here.
            nodes.into_iter().map(move |node| Node { weight, priority: -i32::from(srv.priority), ..node })
        });
        Ok(Answer { nodes: sorted(nodes.collect()), until })
    }
}

impl Registry for Dns {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        Some((&self.directory, upstream.service_name.clone()?))
    }

    fn directories(&self) -> Vec<&Directory> {
        vec![&self.directory]
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.directory.idle();
            let mut followed = BTreeMap::new();
            let mut running = FuturesUnordered::new();
            loop {
                for service in self.directory.wanted() {
                    if followed.insert(service.clone(), ()).is_none() {
                        running.push(self.follow(service));
                    }
                }
                tokio::select! {
                    () = self.directory.asked() => {}
                    Some(service) = running.next() => drop(followed.remove(&service)),
                }
            }
        })
    }
}

fn servers(config: &Settings) -> Result<(ResolverConfig, ResolverOpts), Invalid> {
    if let Some(path) = &config.resolv_conf {
        let wrong = |reason: String| Invalid { setting: "discovery.dns.resolv_conf", reason };
        let text = std::fs::read(path).map_err(|error| wrong(format!("can't read {}: {error}", path.display())))?;
        return parse_resolv_conf(text).map_err(|error| wrong(error.to_string()));
    }
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.to_vec())
    };
    let servers = config.addresses()?.iter().map(server).collect();
    Ok((ResolverConfig::from_name_servers(servers), ResolverOpts::default()))
}

fn is_refusal(error: &Error) -> bool {
    let Error::Failed(NetError::Dns(DnsError::ResponseCode(code))) = error else { return false };
    matches!(code, ResponseCode::Refused | ResponseCode::NotImp | ResponseCode::FormErr | ResponseCode::ServFail)
}

fn node(address: IpAddr, port: Option<u16>) -> Node {
    Node { host: address.to_string(), port, weight: 1, ..Node::default() }
}

/// Servers give their answers in another order each time, which is no change.
fn sorted(mut nodes: Vec<Node>) -> Vec<Node> {
    nodes.sort_by(|a, b| (&a.host, a.port, a.priority).cmp(&(&b.host, b.port, b.priority)));
    nodes.dedup();
    nodes
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let divisor = (1..=b).rev().find(|n| a.is_multiple_of(*n) && b.is_multiple_of(*n)).unwrap_or(1);
    (a / divisor).saturating_mul(b)
}

#[cfg(test)]
mod tests;
