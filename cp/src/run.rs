//! The life of a control plane: settings, log, authority, listeners, end.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use portolan_eventstore::{EventStore, Options};
use portolan_rt::clock::{Clock, SystemClock};
use portolan_rt::serve::{Limits, Server, listen};
use portolan_rt::status::Board;
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{ClientAuth, Identity, Roots, server_config};
use serde::Serialize;

use crate::app::App;
use crate::auth::denials::{self, Denials};
use crate::auth::keys::Keys;
use crate::auth::limiter::Limiter;
use crate::auth::passwords::Passwords;
use crate::auth::users;
use crate::ca::server::ServerCertificate;
use crate::ca::{Authority, Seal};
use crate::config::Config;
use crate::disclosure::Disclosures;
use crate::error::ApiError;
use crate::instances::{self, Configured};
use crate::metrics::Metrics;
use crate::{health, http, manager, protection, resources, retention, signing};

/// Where a running control plane is reached.
#[derive(Clone, Debug, Serialize)]
pub struct Announcement {
    /// Always `cp`.
    pub role: &'static str,
    /// The process.
    pub pid: u32,
    /// Dashboard and API, HTTPS.
    pub dashboard: String,
    /// The APISIX face and the API, HTTP or HTTPS.
    pub admin_api: String,
    /// The etcd service, HTTPS with client certificates.
    pub dp_manager: String,
    /// The status port.
    pub status: String,
    /// PEM file of the authority that all server certificates come from.
    pub ca: PathBuf,
}

/// Why a control plane did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// A folder can't be made.
    #[error("{setting}: can't make the folder {}", path.display())]
    Folder {
        /// The setting that names it.
        setting: &'static str,
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The runtime can't start.
    #[error("the async runtime can't start")]
    Runtime(#[source] std::io::Error),
    /// The log can't be opened.
    #[error("the event log can't be opened")]
    Store(#[from] portolan_eventstore::Error),
    /// The certificate authority can't work.
    #[error("the certificate authority can't start")]
    Authority(#[from] crate::ca::Error),
    /// The log can't be signed.
    #[error("the log can't be signed")]
    Signing(#[from] crate::signing::Error),
    /// Password hashing does not work.
    #[error(transparent)]
    Passwords(#[from] crate::auth::passwords::Error),
    /// The first user can't be made.
    #[error("the first user can't be made")]
    FirstUser(#[source] ApiError),
    /// A port can't be opened.
    #[error(transparent)]
    Bind(#[from] portolan_rt::serve::BindError),
    /// A listener can't start.
    #[error("a listener can't start")]
    Listener(#[from] std::io::Error),
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] portolan_rt::tls::Error),
    /// The data-plane manager can't start.
    #[error("the data-plane manager can't start")]
    Manager(#[from] manager::Error),
    /// A task that the process can't do without has ended.
    #[error(transparent)]
    Task(#[from] portolan_rt::task::Error),
}

/// The open ports.
struct Ports {
    dashboard: TcpListener,
    admin_api: TcpListener,
    dp_manager: TcpListener,
    status: TcpListener,
}

/// Runs a control plane until a signal ends it. `announce` is called once it is ready.
///
/// # Errors
/// When it can't start, or when a task that it can't do without has ended.
pub fn run(config: Config, announce: impl FnOnce(Announcement) + Send + 'static) -> Result<(), Error> {
    // A process that logs already, as a test does, goes on logging its own way.
    portolan_rt::logs::init(&config.log).ok();
    portolan_rt::tls::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async move {
        let supervisor = Supervisor::new();
        announce(start(&config, Arc::new(SystemClock), &supervisor).await?);
        Ok(supervisor.run(config.shutdown.drain()).await?)
    })
}

/// Starts all parts on the supervisor.
///
/// # Errors
/// When a part can't start; then the supervisor holds what was started before.
pub async fn start(config: &Config, clock: Arc<dyn Clock>, supervisor: &Supervisor) -> Result<Announcement, Error> {
    let keys = Keys::load(&config.admin)?;
    let password = config.admin.password()?;
    config.admin_api.check()?;
    let keyring = config.encryption.keyring()?;
    if keyring.is_empty() {
        tracing::warn!("secrets are stored as they come: set encryption.keyring or encryption.keyring_file");
    }
    let folder = config.data_dir.path.clone();
    if let Some(folder) = config.store.folder() {
        // The database holds password hashes and the plugins' secrets.
        make_folder("store.url", folder, 0o700)?;
    }
    make_folder("data_dir.path", &folder, 0o755)?;
    let seal = match &config.data_dir.secret_key_file {
        Some(file) => Seal::load(file),
        None => Seal::load_or_make(&folder.join("secret.key")),
    };
    let seal = Arc::new(seal.map_err(crate::ca::Error::from)?);
    let ports = Ports::open(config)?;

    let board = Board::new(supervisor.shutdown());
    let log = board.component("log");
    let store = EventStore::open(Options { url: config.store.url.clone(), clock: clock.clone() }, supervisor).await?;
    let backend = store.status().await?.backend;
    let authority = Arc::new(Authority::open(store.clone(), &seal, clock.clone()).await?);
    let certificate =
        ServerCertificate::open(authority.clone(), clock.clone(), config.tls.names.clone(), &folder).await?;
    let identity = certificate.identity();
    let checkpoints =
        signing::start(&store, &seal, &config.audit, &folder, board.component("checkpoints"), supervisor).await?;
    let app = Arc::new(App {
        store,
        checkpoints,
        backend,
        clock: clock.clone(),
        keys,
        passwords: Passwords::new()?,
        limiter: Limiter::new(clock),
        denials: Denials::default(),
        disclosures: Disclosures::default(),
        seal,
        authority,
        mask: resources::check::mask(),
        keyring,
        stream: config.stream.enabled,
        configured: Configured::default(),
        metrics: Metrics::new(),
    });
    match password {
        Some(password) => {
            let first = users::First {
                name: &config.admin.user,
                password: password.expose(),
                must_change_password: config.admin.change_password,
            };
            let made = users::create_first(&app, first).await;
            made.map_err(Error::FirstUser)?;
        }
        None if !app.store.read(users::is_administered) => {
            tracing::warn!("nobody can log in: set admin.password or admin.password_file");
        }
        None => {}
    }
    certificate.watch(supervisor);
    denials::watch(app.clone(), supervisor);
    instances::watch(app.clone(), supervisor);
    health::watch(app.clone(), log, supervisor);
    protection::watch(app.clone(), board.clone(), supervisor);
    retention::start(app.clone(), &config.retention, supervisor);
    let announcement = ports.announcement(&folder, config.admin_api.https)?;
    ports.serve(&app, &identity, config, board, supervisor)?;
    Ok(announcement)
}

/// Makes a folder that is missing; one that is there stays as it is.
fn make_folder(setting: &'static str, path: &Path, mode: u32) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| Error::Folder { setting, path: path.to_owned(), source })
}

// === impl Ports ===

impl Ports {
    fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            dashboard: listen("listen.dashboard", config.listen.dashboard)?,
            admin_api: listen("listen.admin_api", config.listen.admin_api)?,
            dp_manager: listen("listen.dp_manager", config.listen.dp_manager)?,
            status: listen("listen.status", config.listen.status)?,
        })
    }

    fn announcement(&self, folder: &Path, https: bool) -> Result<Announcement, Error> {
        let url = |scheme: &str, listener: &TcpListener| {
            Ok::<_, std::io::Error>(format!("{scheme}://{}", reachable(listener.local_addr()?)))
        };
        Ok(Announcement {
            role: "cp",
            pid: std::process::id(),
            dashboard: url("https", &self.dashboard)?,
            admin_api: url(if https { "https" } else { "http" }, &self.admin_api)?,
            dp_manager: url("https", &self.dp_manager)?,
            status: url("http", &self.status)?,
            ca: std::path::absolute(folder.join("ca.pem"))?,
        })
    }

    fn serve(
        self,
        app: &Arc<App>,
        identity: &Identity,
        config: &Config,
        board: Board,
        supervisor: &Supervisor,
    ) -> Result<(), Error> {
        let parts =
            manager::Parts { listener: self.dp_manager, identity, app: app.clone(), config: &config.dp_manager };
        manager::start(parts, supervisor)?;
        let tls = server_config(identity, ClientAuth::None, &["h2", "http/1.1"])?;
        let server = |name, listener, tls| Server { name, listener, tls, limits: Limits::default() };
        server("dashboard", self.dashboard, Some(tls)).start(http::dashboard(app.clone()), supervisor)?;
        let admin_api = &config.admin_api;
        let own = match (&admin_api.cert, &admin_api.key) {
            (Some(cert), Some(key)) => Identity::watch(cert, key, supervisor)?,
            _ => identity.clone(),
        };
        let (clients, certificates) = match &admin_api.client_ca {
            // Who shows none is told so over HTTP.
            Some(file) => (ClientAuth::Optional(Roots::watch(&[], file, supervisor)?), http::Certificates::Required),
            None => (ClientAuth::None, http::Certificates::NotAsked),
        };
        let tls = server_config(&own, clients, &["h2", "http/1.1"])?;
        let face = http::admin_api(app.clone(), certificates, admin_api.allow.clone());
        server("admin-api", self.admin_api, admin_api.https.then_some(tls)).start(face, supervisor)?;
        // It outlives the rest, to say "not ready" while that drains.
        let status = server("status", self.status, None);
        status.start(status_port(app.clone(), board), &supervisor.attendants())?;
        Ok(())
    }
}

fn status_port(app: Arc<App>, board: Board) -> Router {
    const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let metrics = async |State(app): State<Arc<App>>| {
        let text = app.metrics.render(&app.store).map_err(ApiError::internal)?;
        Ok::<_, ApiError>(([("content-type", TEXT)], text))
    };
    Router::new().route("/metrics", axum::routing::get(metrics)).with_state(app).fallback_service(board)
}

/// The address as a client on this machine can use it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
