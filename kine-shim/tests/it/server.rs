//! A server under test: SQLite store, mutual TLS, one port, gone with the test.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_eventstore::read::{Event, EventQuery};
use portolan_eventstore::{EventStore, Options};
use portolan_kine_shim::{Admin, ConfigCheck, KeyAndValue, Revocations, Settings, Shim, Users, Verified, router};
use portolan_rt::clock::ManualClock;
use portolan_rt::serve::{Limits, Server as Listener, Streams, listen};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{self, ClientAuth, Identity, Roots};
use portolan_testkit::certificates::{Certificates, Issued};
use portolan_testkit::raw::Target;
use tempfile::TempDir;

use crate::client::Client;

/// The common name of [`Server::admin`].
pub const ADMIN: &str = "ops";
/// The common name of [`Server::data_plane`].
pub const DATA_PLANE: &str = "dp-1";

/// For tests whose values are no configuration.
pub struct AcceptAll;

impl ConfigCheck for AcceptAll {
    fn concerns(&self, _key: &[u8]) -> bool {
        true
    }

    fn check(&self, _puts: &[KeyAndValue]) -> Result<(), String> {
        Ok(())
    }
}

/// One administrator, `ann`, whose password is `secret`; one user who is none, `bob`, with the same. The number is the revision
/// that last changed her; 0 when she is gone.
struct Ann(Arc<AtomicI64>);

impl Users for Ann {
    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a str,
        _ip: std::net::IpAddr,
    ) -> BoxFuture<'a, Result<Verified, portolan_eventstore::Error>> {
        let verified = match (name, password) {
            ("ann", "secret") => Verified::Yes,
            ("ann", "again") => Verified::TooMany,
            _ => Verified::No,
        };
        Box::pin(std::future::ready(Ok(verified)))
    }

    fn admin(&self, name: &str) -> Option<Admin> {
        let changed = self.0.load(Ordering::Relaxed);
        (name == "ann" && changed > 0).then(|| Admin { id: "u-1".to_owned(), changed })
    }
}

pub struct Server {
    pub store: EventStore,
    pub clock: Arc<ManualClock>,
    pub dir: TempDir,
    pub authority: Certificates,
    /// Whose certificates get in.
    pub roots: Roots,
    pub port: u16,
    /// What the listener serves.
    pub router: axum::Router,
    /// The revision that last changed the user `ann`; 0 when she is gone.
    pub ann: Arc<AtomicI64>,
    supervisor: Supervisor,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Arc::new(AcceptAll), Settings::default()).await
    }

    pub async fn start_with(check: Arc<dyn ConfigCheck>, settings: Settings) -> Self {
        portolan_testkit::install_crypto();
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000_000));
        let ann = Arc::new(AtomicI64::new(1));
        let supervisor = Supervisor::new();
        let url = format!("sqlite:{}", dir.path().join("log.db").display());
        let store = EventStore::open(Options { url, clock: clock.clone() }, &supervisor).await.unwrap();

        let authority = Certificates::new().unwrap();
        let own = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let identity = Identity::from_pem(own.certificate.as_bytes(), own.key.as_bytes()).unwrap();
        let roots = Roots::from_pem(authority.ca().as_bytes()).unwrap();
        let tls = tls::server_config(&identity, ClientAuth::Optional(roots.clone()), &["h2", "http/1.1"]).unwrap();
        let listener = listen("listen.dp_manager", "127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shim = Shim {
            store: store.clone(),
            check,
            users: Some(Arc::new(Ann(ann.clone()))),
            revocations: Revocations::follow(&store, &supervisor),
            clock: clock.clone(),
            supervisor: supervisor.clone(),
            settings,
        };
        let router = router(shim);
        Listener {
            name: "dp manager",
            listener,
            tls: Some(tls),
            limits: Limits { http2_run: Streams::Together, ..Limits::default() },
        }
        .start(router.clone(), &supervisor)
        .unwrap();
        Self { store, clock, dir, authority, roots, port, router, ann, supervisor }
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A client that sees and may do everything.
    pub fn admin(&self) -> Client {
        self.client(&self.authority.client(ADMIN, "portolan://admin/ops").unwrap())
    }

    /// A data plane of a gateway group.
    pub fn data_plane(&self, group: &str) -> Client {
        self.instance(group, DATA_PLANE)
    }

    /// A data plane of this name.
    pub fn instance(&self, group: &str, name: &str) -> Client {
        let uri = format!("portolan://data-plane/{group}/{name}");
        self.client(&self.authority.client(name, &uri).unwrap())
    }

    pub fn client(&self, issued: &Issued) -> Client {
        let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
        self.client_with(Some(&identity))
    }

    /// The JSON gateway, for the holder of a certificate, or for nobody. No ALPN, as APISIX does it.
    pub fn json(&self, issued: Option<&Issued>) -> Target {
        let identity =
            issued.map(|issued| Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap());
        let roots = Roots::from_pem(self.authority.ca().as_bytes()).unwrap();
        Target {
            address: ([127, 0, 0, 1], self.port).into(),
            host: "localhost".to_owned(),
            tls: Some(tls::client_config(&roots, identity.as_ref(), &[]).unwrap()),
        }
    }

    /// The JSON gateway for an administrator.
    pub fn json_admin(&self) -> Target {
        self.json(Some(&self.authority.client(ADMIN, "portolan://admin/ops").unwrap()))
    }

    /// The JSON gateway for a data plane of a gateway group.
    pub fn json_data_plane(&self, group: &str) -> Target {
        let uri = format!("portolan://data-plane/{group}/{DATA_PLANE}");
        self.json(Some(&self.authority.client(DATA_PLANE, &uri).unwrap()))
    }

    /// A client without certificate.
    pub fn nobody(&self) -> Client {
        self.client_with(None)
    }

    fn client_with(&self, identity: Option<&Identity>) -> Client {
        let roots = Roots::from_pem(self.authority.ca().as_bytes()).unwrap();
        let config = tls::client_config(&roots, identity, &[]).unwrap();
        Client::new(&self.url(), Arc::unwrap_or_clone(config))
    }

    /// The authority's certificate, as a file.
    pub fn ca_file(&self) -> PathBuf {
        let path = self.dir.path().join("ca.pem");
        std::fs::write(&path, self.authority.ca()).unwrap();
        path
    }

    /// The newest events first.
    pub async fn events(&self, action: &str) -> Vec<Event> {
        let query = EventQuery { action: Some(action.to_owned()), limit: 1000, ..EventQuery::default() };
        self.store.events(&query).await.unwrap().events
    }

    /// Moves the clock that leases and denials go by.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub fn begin_shutdown(&self) {
        self.supervisor.shutdown().request();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.supervisor.shutdown().request_now();
    }
}
