//! One worker thread: its own runtime, listeners, upstream connections and counters. Nothing on it is shared with
//! another worker but the snapshot, which is read without a lock.

use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use portolan_rt::clock::Clock;
use portolan_rt::shutdown::Shutdown;
use tokio::sync::Notify;

use crate::access_log;
use crate::config::{Limits, ProxyProtocol};
use crate::http1::Date;
use crate::layer4::{self, Streams};
use crate::metrics::{Series, WorkerStats};
use crate::request::Scheme;
use crate::snapshot::Snapshot;
use crate::tls::Fallback;
use crate::upstream::connect::Connector;
use crate::upstream::dns::Dns;
use crate::upstream::pool::Pool;

pub(crate) mod http1;
mod listener;
mod patient;
mod series;

pub use series::SeriesKey;

/// How often idle upstream connections are looked through, and the date of responses is made anew.
const SWEEP: Duration = Duration::from_secs(1);
/// How long idle connections stay once no new ones are taken. A client that closes on its own side by then loses nothing.
const LINGER: Duration = Duration::from_secs(1);

/// What a worker is made of; all of it can go to another thread.
pub struct Parts {
    /// Plain sockets.
    pub http: TcpListener,
    /// TLS sockets.
    pub https: TcpListener,
    /// Certificate for names without one of their own.
    pub tls: Fallback,
    /// Sockets of stream routes.
    pub streams: layer4::Sockets,
    /// Where clients begin with a PROXY header, and whose is believed.
    pub proxy_protocol: Arc<ProxyProtocol>,
    /// The current configuration.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Names of nodes.
    pub dns: Dns,
    /// TLS to nodes.
    pub connector: Connector,
    /// Bounds.
    pub limits: Arc<Limits>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The access log, if there is one.
    pub access_log: Option<access_log::Shared>,
    /// Counters.
    pub stats: Arc<WorkerStats>,
    /// The end.
    pub shutdown: Shutdown,
    /// How long connections are taken on after it has begun.
    pub delay: Duration,
}

/// The worker's state, for its own thread only.
pub struct Worker {
    snapshot: RefCell<Cached>,
    /// Connections to nodes.
    pub pool: Rc<Pool>,
    /// Names of nodes.
    pub dns: Dns,
    /// TLS to nodes.
    pub connector: Connector,
    /// What streams share.
    pub streams: Streams,
    /// Where clients begin with a PROXY header, and whose is believed.
    pub proxy_protocol: Arc<ProxyProtocol>,
    /// Bounds.
    pub limits: Arc<Limits>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The access log, if there is one.
    pub access_log: Option<Rc<access_log::Log>>,
    /// Counters.
    pub stats: Arc<WorkerStats>,
    /// For responses.
    date: Date,
    series: series::Known,
    connections: Cell<usize>,
    /// Of datagrams: apart, because whoever sends them may do so under many addresses.
    sessions: Cell<usize>,
    changed: Notify,
    draining: Cell<bool>,
    drain: Notify,
}

struct Cached {
    cache: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    /// The same snapshot: pinning it touches no memory of other workers.
    pinned: Rc<Pinned>,
}

/// A snapshot behind a count of its worker's own.
#[derive(Debug)]
pub struct Pinned(Arc<Snapshot>);

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No runtime.
    #[error("the worker's runtime cannot be built")]
    Runtime(#[source] std::io::Error),
    /// A socket cannot be used.
    #[error("the worker's listener cannot be used")]
    Listener(#[source] std::io::Error),
}

/// Runs a worker on this thread until its connections have ended after the soft stage, or until the hard one.
pub fn run(parts: Parts) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(61)
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(Error::Runtime)?;
    runtime.block_on(serve(parts))
}

async fn serve(parts: Parts) -> Result<(), Error> {
    let shutdown = parts.shutdown.clone();
    let worker = Rc::new(Worker::new(&parts));
    let listener = |socket: TcpListener| tokio::net::TcpListener::from_std(socket).map_err(Error::Listener);
    let fallback = Rc::new(parts.tls);
    spawn(listener::http(worker.clone(), listener(parts.http)?));
    spawn(listener::https(worker.clone(), listener(parts.https)?, fallback.clone()));
    for (options, socket) in parts.streams.tcp {
        let address = socket.local_addr().map_err(Error::Listener)?.to_string();
        let port = worker.stats.streams.port(&address);
        let shared = layer4::tcp::Listener { options, fallback: fallback.clone(), port };
        spawn(listener::stream(worker.clone(), listener(socket)?, Rc::new(shared)));
    }
    for socket in parts.streams.udp {
        let port = worker.stats.streams.port(&socket.local_addr().map_err(Error::Listener)?.to_string());
        let socket = tokio::net::UdpSocket::from_std(socket).map_err(Error::Listener)?;
        spawn(layer4::udp::serve(worker.clone(), socket, port));
    }
    spawn(sweep(worker.clone()));
    shutdown.closing(parts.delay).await;
    worker.start_draining();
    shutdown.until_hard(worker.drained()).await;
    worker.pool.clear();
    if let Some(log) = &worker.access_log {
        log.flush();
    }
    Ok(())
}

async fn sweep(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        worker.date.set(worker.clock.now_micros());
        worker.pool.sweep();
        if let Some(log) = &worker.access_log {
            log.flush();
        }
    }
}

/// Starts a task of this thread. Connections are counted by [`Worker`]; the others end with the runtime.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(future);
}

/// Runs the streams of HTTP/2 connections on this thread.
#[derive(Debug, Clone, Copy)]
pub struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        spawn(future);
    }
}

// === impl Pinned ===

impl std::ops::Deref for Pinned {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

// === impl Worker ===

impl Worker {
    fn new(parts: &Parts) -> Self {
        let mut cache = Cache::new(parts.snapshot.clone());
        let pinned = Rc::new(Pinned(cache.load().clone()));
        let date = Date::default();
        date.set(parts.clock.now_micros());
        Self {
            snapshot: RefCell::new(Cached { cache, pinned }),
            pool: Rc::default(),
            dns: parts.dns.clone(),
            connector: parts.connector.clone(),
            streams: Streams::new(&parts.connector),
            proxy_protocol: parts.proxy_protocol.clone(),
            limits: parts.limits.clone(),
            clock: parts.clock.clone(),
            access_log: parts.access_log.clone().map(access_log::Log::new),
            stats: parts.stats.clone(),
            date,
            series: series::Known::default(),
            connections: Cell::new(0),
            sessions: Cell::new(0),
            changed: Notify::new(),
            draining: Cell::new(false),
            drain: Notify::new(),
        }
    }

    /// The current configuration, pinned.
    pub fn pin(&self) -> Rc<Pinned> {
        let mut cached = self.snapshot.borrow_mut();
        let cached = &mut *cached;
        let current = cached.cache.load();
        if !Arc::ptr_eq(current, &cached.pinned.0) {
            cached.pinned = Rc::new(Pinned(current.clone()));
            self.series.forget();
        }
        cached.pinned.clone()
    }

    /// The series of these serial numbers; `labels` are asked for only when they are new to this worker.
    pub fn series(
        &self,
        key: SeriesKey,
        disabled: &crate::metrics::Disabled,
        labels: impl FnOnce() -> crate::metrics::StatusLabels,
    ) -> Series {
        self.series.get(key, || self.stats.series(labels(), crate::metrics::Extra::default(), disabled))
    }

    /// Whether no new work is taken.
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Resolves when no new work is taken.
    pub async fn until_draining(&self) {
        let waiting = self.drain.notified();
        if !self.draining.get() {
            waiting.await;
        }
    }

    /// The same a moment later: clients whose requests were on their way have been heard by then.
    async fn until_leaving(&self) {
        self.until_draining().await;
        tokio::time::sleep(LINGER).await;
    }

    fn start_draining(&self) {
        self.draining.set(true);
        self.drain.notify_waiters();
        self.changed.notify_waiters();
    }

    /// Counts a connection for as long as the guard lives.
    pub fn enter(self: &Rc<Self>) -> Present {
        self.connections.set(self.connections.get() + 1);
        self.stats.active.fetch_add(1, Ordering::Relaxed);
        self.stats.accepted.fetch_add(1, Ordering::Relaxed);
        Present { worker: self.clone(), protocol: Protocol::Http }
    }

    /// The same for a stream.
    pub fn enter_stream(self: &Rc<Self>) -> Present {
        self.connections.set(self.connections.get() + 1);
        Present { worker: self.clone(), protocol: Protocol::Stream }
    }

    /// The same for a session of datagrams; `None` when there are too many.
    pub fn enter_session(self: &Rc<Self>) -> Option<Present> {
        let roomy = self.sessions.get() < self.limits.connections;
        roomy.then(|| {
            self.sessions.set(self.sessions.get() + 1);
            Present { worker: self.clone(), protocol: Protocol::Datagrams }
        })
    }

    /// Whether the clients of a scheme's port begin with a PROXY header.
    fn begins_with_header(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::Http => self.proxy_protocol.http,
            Scheme::Https => self.proxy_protocol.https,
        }
    }

    /// Whether another connection may be taken.
    pub fn is_roomy(&self) -> bool {
        self.connections.get() < self.limits.connections
    }

    /// Resolves when another connection may be accepted.
    pub async fn has_room(&self) {
        while !self.is_roomy() {
            self.changed.notified().await;
        }
    }

    async fn drained(&self) {
        while self.connections.get() + self.sessions.get() > 0 {
            self.changed.notified().await;
        }
    }
}

/// One counted connection.
pub struct Present {
    worker: Rc<Worker>,
    protocol: Protocol,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Stream,
    Datagrams,
}

impl Drop for Present {
    fn drop(&mut self) {
        let worker = &self.worker;
        let count = if self.protocol == Protocol::Datagrams { &worker.sessions } else { &worker.connections };
        count.set(count.get() - 1);
        if self.protocol == Protocol::Http {
            worker.stats.active.fetch_sub(1, Ordering::Relaxed);
        }
        worker.changed.notify_waiters();
    }
}
