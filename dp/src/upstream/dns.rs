//! Addresses of names, cached for their time to live. Workers read the cache without a lock; a task on the
//! configuration thread asks the name servers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::config;

/// Names that wait to be asked for, over all workers. When it is full a refresh is skipped and a new name waits.
const WAITING: usize = 1024;
/// Shortest time an answer is kept, whatever its time to live says.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long an old answer serves on when its name cannot be resolved any more, and how long a failure is believed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// An answer that nobody asked for in this long is forgotten.
const FORGET: Duration = Duration::from_secs(600);

type Cache = HashMap<Arc<str>, Arc<Resolved>>;
type Reply = oneshot::Sender<Result<Arc<Resolved>, String>>;

/// Handle for workers; clones share the cache.
#[derive(Debug, Clone)]
pub struct Dns {
    cache: Arc<ArcSwap<Cache>>,
    asks: mpsc::Sender<Ask>,
}

/// The addresses of a name.
#[derive(Debug)]
pub struct Resolved {
    addresses: Box<[IpAddr]>,
    next: AtomicUsize,
    until: Instant,
    asked_again: AtomicBool,
}

/// The task's side.
#[derive(Debug)]
pub struct Resolver {
    /// None: the system's.
    servers: Vec<SocketAddr>,
    /// See [`config::Dns::valid_seconds`].
    valid: Option<Duration>,
    cache: Arc<ArcSwap<Cache>>,
    asks: mpsc::Receiver<Ask>,
}

#[derive(Debug)]
struct Ask {
    host: Arc<str>,
    reply: Option<Reply>,
}

/// The two sides.
#[must_use]
pub fn pair() -> (Dns, Resolver) {
    let cache = Arc::new(ArcSwap::from_pointee(Cache::new()));
    let (asks, receiver) = mpsc::channel(WAITING);
    (Dns { cache: cache.clone(), asks }, Resolver { servers: Vec::new(), valid: None, cache, asks: receiver })
}

// === impl Dns ===

impl Dns {
    /// The addresses of a name. An answer that is over serves once more while it is asked for again.
    pub async fn lookup(&self, host: &Arc<str>) -> Result<Arc<Resolved>, String> {
        if let Some(known) = self.cache.load().get(host) {
            if Instant::now() >= known.until && !known.asked_again.swap(true, Ordering::Relaxed) {
                // When the task is busy the next request asks again.
                let sent = self.asks.try_send(Ask { host: host.clone(), reply: None });
                known.asked_again.store(sent.is_ok(), Ordering::Relaxed);
            }
            return Ok(known.clone());
        }
        let (reply, answer) = oneshot::channel();
        let gone = |_| "the resolver is gone".to_owned();
        self.asks.send(Ask { host: host.clone(), reply: Some(reply) }).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }

    /// The first address in order of a name that was asked for.
    #[must_use]
    pub fn known(&self, host: &str) -> Option<IpAddr> {
        self.cache.load().get(host).and_then(|known| known.addresses.first().copied())
    }
}

// === impl Resolved ===

impl Resolved {
    /// The addresses, beginning with another one each time.
    pub fn rotated(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let length = self.addresses.len();
        (0..length).map(move |step| self.addresses[start.wrapping_add(step) % length])
    }

    fn new(mut addresses: Vec<IpAddr>, until: Instant) -> Self {
        // IPv4 first, and the families do not alternate: most hosts have a working IPv4 and not all IPv6. Name servers
        // change the order of their answers, which says nothing.
        addresses.sort_unstable();
        if addresses.first().is_some_and(IpAddr::is_ipv4) {
            addresses.retain(IpAddr::is_ipv4);
        }
        Self { addresses: addresses.into(), next: AtomicUsize::new(0), until, asked_again: AtomicBool::new(false) }
    }
}

// === impl Resolver ===

impl Resolver {
    /// The same with these settings.
    ///
    /// # Errors
    /// When a server is no address.
    pub fn with(self, config: &config::Dns) -> Result<Self, config::Invalid> {
        let valid = config.valid_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self { servers: config.addresses()?, valid, ..self })
    }

    /// Serves the workers until they are gone.
    pub async fn run(mut self) {
        let resolver = resolver(&self.servers);
        let mut waiting: HashMap<Arc<str>, Vec<Reply>> = HashMap::new();
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                ask = self.asks.recv() => {
                    let Some(Ask { host, reply }) = ask else { return };
                    let known = waiting.contains_key(&host);
                    waiting.entry(host.clone()).or_default().extend(reply);
                    if !known {
                        running.push(resolve(resolver.clone(), host));
                    }
                }
                Some((host, found)) = running.next() => {
                    let found = found.map(|found| match self.valid {
                        Some(valid) => Resolved { until: Instant::now() + valid, ..found },
                        None => found,
                    });
                    let result = self.store(&host, found);
                    for reply in waiting.remove(&host).into_iter().flatten() {
                        // A worker that no longer waits has lost its client.
                        reply.send(result.clone()).ok();
                    }
                }
            }
        }
    }

    fn store(&self, host: &Arc<str>, found: Result<Resolved, String>) -> Result<Arc<Resolved>, String> {
        let now = Instant::now();
        let old = self.cache.load().get(host).cloned();
        let resolved = match (found, old) {
            (Ok(resolved), _) => Arc::new(resolved),
            (Err(error), Some(old)) => {
                tracing::warn!(host = &**host, error, "name cannot be resolved any more, keeping its last addresses");
                Arc::new(Resolved::new(old.addresses.to_vec(), now + AFTER_FAILURE))
            }
            (Err(error), None) => return Err(error),
        };
        let mut cache = Cache::clone(&self.cache.load());
        cache.retain(|_, resolved| now.saturating_duration_since(resolved.until) < FORGET);
        cache.insert(host.clone(), resolved.clone());
        self.cache.store(Arc::new(cache));
        Ok(resolved)
    }
}

/// A cache that knows these names and asks nobody.
#[cfg(test)]
pub(crate) fn fixed(names: &[(&str, &str)]) -> Dns {
    let until = Instant::now() + FORGET;
    let resolved = |address: &str| Arc::new(Resolved::new(vec![address.parse().unwrap()], until));
    let cache: Cache = names.iter().map(|(name, address)| (Arc::from(*name), resolved(address))).collect();
    let (dns, _) = pair();
    dns.cache.store(Arc::new(cache));
    dns
}

/// Asks these name servers, or the system's. Both read the hosts file first.
fn resolver(servers: &[SocketAddr]) -> Option<Arc<TokioResolver>> {
    let builder = if servers.is_empty() {
        TokioResolver::builder_tokio()
    } else {
        let servers = servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    };
    match builder.and_then(|mut builder| {
        // Answers are kept here, and asked for anew when they are over.
        builder.options_mut().cache_size = 0;
        builder.build()
    }) {
        Ok(resolver) => Some(Arc::new(resolver)),
        Err(error) => {
            tracing::error!(%error, "no name servers, names of upstream nodes cannot be resolved");
            None
        }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

async fn resolve(resolver: Option<Arc<TokioResolver>>, host: Arc<str>) -> (Arc<str>, Result<Resolved, String>) {
    let Some(resolver) = resolver else { return (host, Err("no name servers".to_owned())) };
    let found = match resolver.lookup_ip(&*host).await {
        Ok(found) => {
            let until = Instant::from_std(found.valid_until()).max(Instant::now() + SHORTEST);
            let addresses: Vec<IpAddr> = found.iter().collect();
            if addresses.is_empty() { Err("no address".to_owned()) } else { Ok(Resolved::new(addresses, until)) }
        }
        Err(error) => Err(error.to_string()),
    };
    (host, found)
}
