//! What a plugin may ask for while it is compiled.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use portolan_rt::shutdown::Shutdown;
use portolan_rt::task::Supervisor;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::discovery::Discovery;
use crate::http_client::Client;
use crate::secrets::Secrets;
use crate::tls::Ssl;
use crate::tree::Tree;

/// The place of a configuration, and the state that outlives it.
pub struct Scope<'a> {
    /// Resource that holds the configuration, such as `routes/1`.
    pub resource: &'a str,
    /// The configuration as written, without `_meta`.
    pub config: &'a Value,
    /// The plugin's metadata, as far as it is set.
    pub metadata: Option<&'a Value>,
    /// Certificates by id; none where a plugin is compiled on its own.
    pub certificates: Option<&'a Tree<Arc<Ssl>>>,
    /// State of plugins that outlives a snapshot.
    pub state: &'a State,
}

/// State of plugins by key. An entry lives as long as some compiled configuration holds it. Clones are the same state.
#[derive(Clone, Default)]
pub struct State {
    entries: Arc<Mutex<Entries>>,
    surroundings: Surroundings,
}

/// What plugins may use of the process around them. A default one has nothing: for tests without I/O.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// For requests of a plugin's own.
    pub client: Option<Client>,
    /// For work that outlives a request.
    pub background: Option<Background>,
    /// Authorities that servers are believed by, instead of the system's; a file.
    pub trusted_ca: Option<PathBuf>,
    /// Port of the listener for HTTPS, if there is one.
    pub https_port: Option<u16>,
    /// Who knows the nodes of upstreams that name a service.
    pub discovery: Discovery,
    /// What secret managers keep.
    pub secrets: Secrets,
}

/// Where a plugin's background work runs: on the thread for all that is not a request.
#[derive(Debug, Clone)]
pub struct Background {
    runtime: Handle,
    supervisor: Supervisor,
    /// Closed when the last worker has ended.
    workers: watch::Receiver<()>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<String, Weak<dyn Any + Send + Sync>>,
    /// When there are more than this, the dead ones are taken out.
    sweep_at: usize,
}

// === impl State ===

impl State {
    /// State in these surroundings.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        Self { entries: Arc::default(), surroundings }
    }

    /// What is around.
    #[must_use]
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The state of this key; made if there is none, or if what is there is of another type.
    pub fn get<T: Send + Sync + 'static>(&self, key: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut entries = self.entries.lock();
        let known = entries.by_key.get(key).and_then(Weak::upgrade).and_then(|state| state.downcast::<T>().ok());
        if let Some(state) = known {
            return state;
        }
        // Not each time: that would make many new entries cost the square of their number.
        if entries.by_key.len() >= entries.sweep_at {
            entries.by_key.retain(|_, state| state.strong_count() > 0);
            entries.sweep_at = (entries.by_key.len() * 2).max(64);
        }
        let state = Arc::new(make());
        let shared: Arc<dyn Any + Send + Sync> = state.clone();
        entries.by_key.insert(key.to_owned(), Arc::downgrade(&shared));
        state
    }
}

// === impl Background ===

impl Background {
    /// Work on this runtime, among these tasks; the sender is held by the workers.
    #[must_use]
    pub fn new(runtime: Handle, supervisor: Supervisor, workers: watch::Receiver<()>) -> Self {
        Self { runtime, supervisor, workers }
    }

    /// Starts a task. The end of the process waits for it, up to the hard stage: it must end by itself when
    /// [`Self::requests_over`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let _entered = self.runtime.enter();
        self.supervisor.track("plugins", task);
    }

    /// The end of the process: from the soft stage on there are no new requests.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.supervisor.shutdown()
    }

    /// When the last request is over, and with it whatever it had to say.
    pub async fn requests_over(&self) {
        let mut workers = self.workers.clone();
        while workers.changed().await.is_ok() {}
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
