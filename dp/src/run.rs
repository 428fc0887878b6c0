//! The life of the data plane: everything is made here, in the order in which it is needed.
//!
//! ```text
//! check settings → read certificates → open ports → start workers → follow the control plane → announce
//! signal → readiness off → workers stop accepting, requests finish → status port closes → exit
//! ```

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use portolan_rt::clock::{Clock, SystemClock};
use portolan_rt::serve::{self, BindError, Limits, Server};
use portolan_rt::shutdown::Hangups;
use portolan_rt::status::Board;
use portolan_rt::task::{self, Backoff, Kind, Supervisor};
use portolan_rt::tls::{self, Identity};
use serde::Serialize;
use tokio::sync::watch;

use crate::access_log;
use crate::compile::Compiler;
use crate::config::{Config, Invalid};
use crate::control::Control;
use crate::discovery::{Around, Discovery};
use crate::http_client;
use crate::layer4;
use crate::metrics::{Settings, WorkerStats};
use crate::plugin::{Background, Surroundings};
use crate::scrape::Scrape;
use crate::secrets::{Keeper, Secrets};
use crate::snapshot::Snapshot;
use crate::snapshot_file::{self, SnapshotFile};
use crate::sync::{Client, Disk, Heartbeat, Instance, Report, ServerInfo, Sync};
use crate::tls::Fallback;
use crate::upstream::connect::Connector;
use crate::upstream::dns::{self, Dns};
use crate::upstream::health::prober::Prober;
use crate::worker;

/// What the process tells about itself once it is ready to take connections.
#[derive(Debug, Clone, Serialize)]
pub struct Announcement {
    /// `dp`.
    pub role: &'static str,
    /// Process id.
    pub pid: u32,
    /// Where plain HTTP is taken.
    pub proxy_http: String,
    /// Where HTTPS is taken, if it is.
    pub proxy_https: Option<String>,
    /// Where stream routes take clients: `tcp://…`, `tls://…`, `udp://…`.
    pub proxy_stream: Vec<String>,
    /// Status port.
    pub status: String,
    /// Metrics port.
    pub metrics: String,
    /// Control port.
    pub control_api: String,
}

/// Why the data plane cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that make no sense.
    #[error(transparent)]
    Config(#[from] Invalid),
    /// The log is set up already.
    #[error(transparent)]
    Log(#[from] portolan_rt::logs::AlreadySet),
    /// TLS settings cannot be put together.
    #[error("TLS cannot be set up")]
    Tls(#[source] tls::Error),
    /// TLS to upstreams cannot be set up.
    #[error("TLS to upstreams cannot be set up")]
    UpstreamTls(#[source] rustls::Error),
    /// A port cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system refused something.
    #[error("the system refused a thread, a runtime or a listener")]
    System(#[source] std::io::Error),
    /// A critical part failed.
    #[error("the data plane failed")]
    Failed(#[from] task::Error),
}

/// All ports, open.
struct Ports {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    streams: layer4::Ports,
    status: TcpListener,
    metrics: TcpListener,
    control: TcpListener,
}

/// What workers and the prober share.
#[derive(Clone)]
struct Shared {
    dns: Dns,
    connector: Connector,
    snapshot: Arc<ArcSwap<Snapshot>>,
    clock: Arc<dyn Clock>,
}

/// Runs a data plane until a signal ends it. Sets up the log; blocks.
pub fn run(config: Config, announce: impl FnOnce(Announcement) + Send + 'static) -> Result<(), Error> {
    config.check()?;
    portolan_rt::logs::init(&config.log)?;
    run_under(&Supervisor::new(), &config, Arc::new(SystemClock), announce)
}

/// The same under a supervisor and a clock of the caller's, and with the caller's log: for tests, which cannot send
/// themselves a signal.
pub fn run_under(
    supervisor: &Supervisor,
    config: &Config,
    clock: Arc<dyn Clock>,
    announce: impl FnOnce(Announcement),
) -> Result<(), Error> {
    config.check()?;
    tls::install_crypto_provider();
    // One thread for all that is not a request; spawn_blocking has its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
    runtime.block_on(async {
        let announcement = start(supervisor, config, clock)?;
        announce(announcement);
        Ok(supervisor.run(config.shutdown.whole()).await?)
    })
}

fn start(supervisor: &Supervisor, config: &Config, clock: Arc<dyn Clock>) -> Result<Announcement, Error> {
    let default = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => Some(Identity::watch(cert, key, supervisor).map_err(|e| unusable("tls.cert", &e))?),
        _ => None,
    };
    let tls = Fallback::new(default.as_ref(), config.tls.fallback_sni.as_deref()).map_err(Error::Tls)?;
    let identity = match (&config.control_plane.cert, &config.control_plane.key) {
        (Some(cert), Some(key)) => {
            Some(Identity::watch(cert, key, supervisor).map_err(|e| unusable("control_plane.cert", &e))?)
        }
        _ => None,
    };
    let client =
        Client::new(&config.control_plane, identity.as_ref(), supervisor).map_err(|e| unusable("control_plane", &e))?;
    let disk = disk(config)?;
    let keyring = config.encryption.keyring()?;
    let ports = Ports::open(config)?;
    let announcement = ports.announcement()?;

    let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
    let (dns, resolver) = dns::pair();
    start_resolver(supervisor, resolver.with(&config.dns)?);
    let connector = Connector::new(config.tls.trusted_ca.clone()).map_err(Error::UpstreamTls)?;
    let shared = Shared { dns, connector, snapshot: snapshot.clone(), clock };
    let access_log = start_access_log(supervisor, config)?;
    let dropped_lines = access_log.as_ref().map(|shared| shared.dropped.clone());
    let (working, workers) = watch::channel(());
    let stats = start_workers(supervisor, config, &ports, &tls, &shared, access_log, &Arc::new(working))?;
    start_prober(supervisor, config, &shared);
    let board = Board::new(supervisor.shutdown());
    let report = Report::new(board.clone());
    let shutdown = supervisor.shutdown();
    let requests = http_client::Client::new(shared.dns.clone(), shared.connector.clone());
    let around = Around { client: requests.clone(), board: board.clone(), clock: shared.clock.clone() };
    let discovery = Discovery::new(&config.discovery, &around)?;
    discovery.start(supervisor);
    let surroundings = Surroundings {
        client: Some(requests),
        background: Some(Background::new(tokio::runtime::Handle::current(), supervisor.clone(), workers)),
        trusted_ca: config.tls.trusted_ca.clone(),
        https_port: ports.https_port(),
        discovery: discovery.clone(),
        secrets: start_keeper(supervisor, config, &around.client),
    };
    let compiler = Compiler::new(&config.control_plane.prefix).with_keyring(keyring).within(surroundings);
    let compiler = compiler.routing_by(config.router.http).with_path_rules(config.router.path_rules());
    let sync = Sync::new(&config.control_plane, compiler, client, snapshot.clone(), report.clone(), disk, shutdown);
    let instance = Instance::load(&config.snapshot.path, config.control_plane.cert.as_deref());
    let server_info = ServerInfo::new(instance.id, SystemClock.now_micros().div_euclid(1_000_000));
    start_heartbeat(supervisor, config, instance, &server_info, &report, &sync);
    let mut sync = Some(sync);
    supervisor.spawn("configuration", Kind::Critical, move || {
        let sync = sync.take();
        async move {
            if let Some(sync) = sync {
                sync.run().await;
            }
        }
    });
    // These answer until everything else has ended: "not ready" must be heard while requests finish.
    let attendants = supervisor.attendants();
    let serve = |name, listener| Server { name, listener, tls: None, limits: Limits::default() };
    serve("status", ports.status).start(board, &attendants).map_err(Error::System)?;
    let (dns, discovered) = (shared.dns.clone(), discovery.clone());
    let scrape = Scrape {
        workers: stats,
        report,
        dropped_lines,
        snapshot: snapshot.clone(),
        dns,
        discovery: discovered,
        settings: Arc::new(config.prometheus.clone()),
    };
    serve("metrics", ports.metrics).start(scrape, &attendants).map_err(Error::System)?;
    let control = Control { snapshot, dns: shared.dns, server_info, discovery };
    serve("control", ports.control).start(control, &attendants).map_err(Error::System)?;
    Ok(announcement)
}

/// A setting names something that cannot be used: the same to its author as a wrong setting.
fn unusable(setting: &'static str, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut reason = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        reason = format!("{reason}: {source}");
        next = source.source();
    }
    Error::Config(Invalid { setting, reason })
}

fn start_workers(
    supervisor: &Supervisor,
    config: &Config,
    ports: &Ports,
    tls: &Fallback,
    shared: &Shared,
    access_log: Option<access_log::Shared>,
    working: &Arc<watch::Sender<()>>,
) -> Result<Vec<Arc<WorkerStats>>, Error> {
    let limits = Arc::new(config.limits.clone());
    let settings = Arc::new(Settings::new(&config.prometheus));
    let proxy_protocol = Arc::new(config.listen.proxy_protocol.clone());
    let mut all = Vec::with_capacity(ports.http.len());
    for (at, (http, https)) in ports.http.iter().zip(&ports.https).enumerate() {
        let stats = Arc::new(WorkerStats::new(settings.clone()));
        all.push(stats.clone());
        let parts = worker::Parts {
            http: http.try_clone().map_err(Error::System)?,
            https: https.try_clone().map_err(Error::System)?,
            tls: tls.clone(),
            streams: ports.streams.of_worker(at).map_err(Error::System)?,
            proxy_protocol: proxy_protocol.clone(),
            snapshot: shared.snapshot.clone(),
            dns: shared.dns.clone(),
            connector: shared.connector.clone(),
            limits: limits.clone(),
            clock: shared.clock.clone(),
            access_log: access_log.clone(),
            stats,
            shutdown: supervisor.shutdown(),
            delay: config.shutdown.delay(),
        };
        let working = working.clone();
        let body = move || {
            let ended = worker::run(parts);
            drop(working);
            ended
        };
        supervisor.thread(&format!("worker-{at}"), body).map_err(Error::System)?;
    }
    Ok(all)
}

/// Opens the access log and gives it a thread. A hangup makes it be opened anew.
fn start_access_log(supervisor: &Supervisor, config: &Config) -> Result<Option<access_log::Shared>, Error> {
    let opened = access_log::start(&config.access_log).map_err(|e| unusable("access_log.path", &e))?;
    let Some(access_log::Start { shared, writer, reopen }) = opened else { return Ok(None) };
    supervisor.thread("access-log", move || writer.run()).map_err(Error::System)?;
    let shutdown = supervisor.shutdown();
    supervisor.spawn("hangup", Kind::Restart(Backoff::default()), move || {
        let (reopen, shutdown) = (reopen.clone(), shutdown.clone());
        async move {
            let mut hangups = Hangups::install()?;
            while shutdown.until_soft(hangups.next()).await.is_some() {
                reopen.store(true, Ordering::Relaxed);
            }
            Ok::<_, std::io::Error>(())
        }
    });
    Ok(Some(shared))
}

fn start_resolver(supervisor: &Supervisor, resolver: dns::Resolver) {
    let mut resolver = Some(resolver);
    // Requests that finish after the soft stage may still need a name, and so do the last words of plugins. The end waits for these, not
    // for whoever could ask.
    let attendants = supervisor.attendants();
    let shutdown = attendants.shutdown();
    attendants.spawn("dns", Kind::Critical, move || {
        let (resolver, shutdown) = (resolver.take(), shutdown.clone());
        async move {
            if let Some(resolver) = resolver {
                shutdown.until_hard(resolver.run()).await;
            }
        }
    });
}

/// Reads secrets as long as configuration is followed.
fn start_keeper(supervisor: &Supervisor, config: &Config, client: &http_client::Client) -> Secrets {
    let secrets = Secrets::default();
    let keeper = Keeper { secrets: secrets.clone(), client: client.clone(), settings: config.secrets };
    let shutdown = supervisor.shutdown();
    supervisor.spawn("secrets", Kind::Restart(Backoff::default()), move || {
        let (keeper, shutdown) = (keeper.clone(), shutdown.clone());
        async move {
            shutdown.until_soft(keeper.run()).await;
        }
    });
    secrets
}

/// Tells the control plane how this data plane is.
fn start_heartbeat(
    supervisor: &Supervisor,
    config: &Config,
    instance: Instance,
    server_info: &ServerInfo,
    report: &Report,
    sync: &Sync,
) {
    if !config.report.enabled {
        return;
    }
    let (interval, prefix) = (config.report.interval(), config.control_plane.prefix.clone());
    let (report, channel, shutdown) = (report.clone(), sync.channel(), supervisor.shutdown());
    let server_info = server_info.clone();
    supervisor.spawn("heartbeat", Kind::Restart(Backoff::default()), move || {
        let (instance, prefix) = (instance.clone(), prefix.as_str().into());
        let (report, channel, server_info) = (report.clone(), channel.clone(), server_info.clone());
        Heartbeat { instance, server_info, prefix, interval, report, channel }.run(shutdown.clone())
    });
}

/// Checks nodes as long as connections are taken: requests that finish after that need no news.
fn start_prober(supervisor: &Supervisor, config: &Config, shared: &Shared) {
    let (shared, shutdown, delay) = (shared.clone(), supervisor.shutdown(), config.shutdown.delay());
    supervisor.spawn("health checks", Kind::Restart(Backoff::default()), move || {
        let Shared { dns, connector, snapshot, .. } = shared.clone();
        let shutdown = shutdown.clone();
        async move {
            tokio::select! {
                () = Prober { snapshot, connector, dns }.run() => {}
                () = shutdown.closing(delay) => {}
            }
        }
    });
}

fn disk(config: &Config) -> Result<Option<Disk>, Error> {
    let Some(key) = &config.control_plane.key else {
        tracing::warn!("no snapshot is kept on disk: it is sealed with control_plane.key, and there is none");
        return Ok(None);
    };
    let key = snapshot_file::Key::load(key).map_err(|e| unusable("control_plane.key", &e))?;
    let file = SnapshotFile::new(config.snapshot.path.clone(), &config.control_plane.prefix);
    Ok(Some(Disk { file, key }))
}

// === impl Ports ===

impl Ports {
    fn open(config: &Config) -> Result<Self, BindError> {
        let workers = config.runtime.worker_count();
        let listen = &config.listen;
        Ok(Self {
            http: shared("listen.http", listen.http, workers)?,
            https: shared("listen.https", listen.https, workers)?,
            streams: layer4::Ports::open(&listen.stream, workers)?,
            status: serve::listen("listen.status", listen.status)?,
            metrics: serve::listen("listen.metrics", listen.metrics)?,
            control: serve::listen("listen.control", listen.control)?,
        })
    }

    fn https_port(&self) -> Option<u16> {
        Some(self.https.first()?.local_addr().ok()?.port())
    }

    fn announcement(&self) -> Result<Announcement, Error> {
        let streams = self.streams.addresses().map_err(Error::System)?;
        Ok(Announcement {
            role: "dp",
            pid: std::process::id(),
            proxy_http: url("http", &self.http[0])?,
            proxy_https: Some(url("https", &self.https[0])?),
            proxy_stream: streams.into_iter().map(|(scheme, address)| shown(scheme, address)).collect(),
            status: url("http", &self.status)?,
            metrics: url("http", &self.metrics)?,
            control_api: url("http", &self.control)?,
        })
    }
}

/// One socket per worker on the same address. Another process must not share it by mistake, so it is opened without
/// sharing first: two data planes on one port would each get half of the connections.
pub(crate) fn shared(setting: &str, address: SocketAddr, workers: usize) -> Result<Vec<TcpListener>, BindError> {
    if address.port() != 0 {
        drop(serve::listen(setting, address)?);
    }
    let first = serve::listen_shared(setting, address)?;
    let address = first.local_addr().unwrap_or(address);
    let mut all = vec![first];
    for _ in 1..workers {
        all.push(serve::listen_shared(setting, address)?);
    }
    Ok(all)
}

fn url(scheme: &str, listener: &TcpListener) -> Result<String, Error> {
    Ok(shown(scheme, listener.local_addr().map_err(Error::System)?))
}

fn shown(scheme: &str, mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "::1" };
        address.set_ip(loopback.parse().expect("a literal address"));
    }
    format!("{scheme}://{address}")
}
