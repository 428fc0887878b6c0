//! Follows the control plane: reads the key space, then watches it, and keeps the compiled configuration current.
//!
//! ```text
//! start:  control plane there, within FIRST_CONTACT → range → publish;  else snapshot on disk → publish;  keep trying
//! then:   watch from own revision + 1 → apply what has come → swap → save what is another state (coalesced)
//! lost:   keep serving, reconnect with backoff, watch from own revision + 1
//! compacted, another cluster, or a revision that went back: range, compare, apply the difference
//! ```

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portolan_rt::shutdown::Shutdown;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;

use crate::compile::{Change, Compiler, Noted};
use crate::config::ControlPlane;
use crate::secrets::Secrets;
use crate::snapshot::Snapshot;
use crate::snapshot_file::{self, SnapshotFile};
use crate::store::Store;

mod client;
mod heartbeat;
mod instance;
mod report;
mod saver;
mod server_info;

pub use client::{Client, Error};
pub use heartbeat::Heartbeat;
pub use instance::Instance;
pub use report::{Report, Source};
pub use saver::Saver;
pub use server_info::ServerInfo;

use client::Watched;

/// How long a start waits for the control plane before the snapshot on disk serves.
const FIRST_CONTACT: Duration = Duration::from_millis(1500);
/// Longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a change waits for the secrets it refers to, when nobody has read them yet. It comes without them then, and
/// with them when they are there.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
/// More changes than this at once are compiled on a thread of their own: the status port must go on answering.
const MANY: usize = 256;

/// Keeps the configuration current, for ever.
pub struct Sync {
    client: Client,
    prefix: Box<str>,
    store: Store,
    compiler: Option<Compiler>,
    secrets: Secrets,
    publish: Arc<ArcSwap<Snapshot>>,
    report: Report,
    saver: Option<Saver>,
    /// The connection, for who else has something to say over it.
    channel: watch::Sender<Option<Channel>>,
    shutdown: Shutdown,
}

/// The snapshot on disk and the key it is sealed with.
pub struct Disk {
    /// The file.
    pub file: SnapshotFile,
    /// The key.
    pub key: snapshot_file::Key,
}

// === impl Sync ===

impl Sync {
    /// Follows the endpoints; publishes there what the compiler makes of it; tells the report how it goes.
    pub fn new(
        config: &ControlPlane,
        compiler: Compiler,
        client: Client,
        publish: Arc<ArcSwap<Snapshot>>,
        report: Report,
        disk: Option<Disk>,
        shutdown: Shutdown,
    ) -> Self {
        let mut store = Store::default();
        if let Some(disk) = &disk {
            match disk.file.load(&disk.key) {
                Ok(loaded) => {
                    report.saved(loaded.revision);
                    store = loaded;
                }
                Err(snapshot_file::Error::Missing) => {}
                Err(error) => {
                    tracing::error!(%error, "the snapshot on disk is not used");
                    report.disk_failed(error.to_string());
                }
            }
        }
        Self {
            client,
            secrets: compiler.secrets().clone(),
            compiler: Some(compiler),
            prefix: config.prefix.as_str().into(),
            store,
            publish,
            saver: disk.map(|disk| Saver::new(disk, report.clone())),
            report,
            channel: watch::Sender::new(None),
            shutdown,
        }
    }

    /// The connection to the control plane, while there is one.
    #[must_use]
    pub fn channel(&self) -> watch::Receiver<Option<Channel>> {
        self.channel.subscribe()
    }

    /// Runs until the soft stage; then writes what is not yet on disk.
    pub async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        shutdown.until_soft(self.follow()).await;
        if let Some(saver) = self.saver.take() {
            saver.finish().await;
        }
    }

    async fn follow(&mut self) {
        let deadline = Instant::now() + FIRST_CONTACT;
        let mut pause = Pause::new();
        loop {
            let Err(error) = self.session(deadline).await;
            self.channel.send_replace(None);
            self.report.disconnected(&error);
            self.fall_back().await;
            self.renew().await;
            if error.after_success {
                pause = Pause::new();
            }
            sleep(pause.next()).await;
        }
    }

    /// Serves from the snapshot on disk, when the control plane was not there: traffic does not wait for a second attempt.
    async fn fall_back(&mut self) {
        if self.report.is_loaded() || self.store.revision == 0 {
            return;
        }
        let changes = self.store.as_changes();
        self.apply(changes, Source::Snapshot).await;
        self.report.configured(self.store.revision);
        tracing::warn!(revision = self.store.revision, "the control plane is away, serving from the snapshot on disk");
    }

    /// One connection to the control plane, to its end.
    async fn session(&mut self, deadline: Instant) -> Result<std::convert::Infallible, Ended> {
        let before = |source: Error| Ended { source, after_success: false };
        // Only before the first configuration is it worth giving up early: something else may serve.
        let connecting = self.client.connect();
        let fallback = !self.report.is_loaded() && self.store.revision > 0;
        let connected = if fallback {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
            timeout(left, connecting).await.unwrap_or(Err(Error::Late))
        } else {
            connecting.await
        };
        let mut link = connected.map_err(before)?;
        let head = link.head(&self.prefix).await.map_err(before)?;
        let known = self.report.is_loaded() && head.cluster_id == self.store.cluster_id;
        if !known || head.revision < self.store.revision {
            self.reload(&mut link).await.map_err(before)?;
        }
        let after = |source: Error| Ended { source, after_success: true };
        loop {
            let mut watch = link.watch(&self.prefix, self.store.revision + 1).await.map_err(after)?;
            self.report.connected(link.endpoint());
            self.channel.send_if_modified(|channel| channel.is_none() && channel.replace(link.channel()).is_none());
            loop {
                let secrets = self.secrets.clone();
                let watched = tokio::select! {
                    watched = watch.next(&self.prefix, self.store.revision) => watched.map_err(after)?,
                    () = secrets.changed() => {
                        self.renew().await;
                        continue;
                    }
                };
                match watched {
                    Watched::Events { changes, revision } => self.events(changes, revision).await,
                    Watched::Reload(reason) => {
                        tracing::warn!(reason, revision = self.store.revision, "reading the whole configuration again");
                        break;
                    }
                }
            }
            self.reload(&mut link).await.map_err(after)?;
        }
    }

    async fn reload(&mut self, link: &mut client::Link) -> Result<(), Error> {
        let loaded = link.range(&self.prefix).await?;
        let all_new = !self.report.is_loaded();
        let differences = self.store.replace(loaded, &self.prefix);
        let changes = if all_new { self.store.as_changes() } else { differences };
        self.apply(changes, Source::ControlPlane).await;
        self.save();
        self.report.configured(self.store.revision);
        tracing::info!(revision = self.store.revision, "configuration loaded");
        Ok(())
    }

    async fn events(&mut self, events: Vec<client::Event>, revision: i64) {
        let mut changes = Vec::with_capacity(events.len());
        for event in events {
            changes.extend(match event {
                client::Event::Put(document) => self.store.put(document),
                client::Event::Delete(key) => self.store.delete(&key, &self.prefix),
            });
        }
        if changes.is_empty() && revision <= self.store.revision {
            return;
        }
        self.store.revision = self.store.revision.max(revision);
        let changed = !changes.is_empty();
        self.apply(changes, Source::ControlPlane).await;
        // What data planes report of themselves is no change of the configuration: it must not be reported in turn, nor is
        // all that is on disk written again for it. A start from a revision before it hears of it once more.
        if changed {
            self.save();
            self.report.configured(self.store.revision);
        }
    }

    async fn apply(&mut self, changes: Vec<Change>, source: Source) {
        let many = changes.len() > MANY;
        let began = Instant::now();
        let noted = self.compiling(many, move |compiler| compiler.note(changes)).await;
        let noting = began.elapsed();
        self.secrets.settled(&noted.secrets, FIRST_ANSWER).await;
        self.finish(noted, many, source, noting).await;
    }

    /// Has the state written to disk, which is another one than before.
    fn save(&mut self) {
        if let Some(saver) = &mut self.saver {
            saver.offer(&self.store);
        }
    }

    /// Compiles again what refers to secrets that are others now.
    async fn renew(&mut self) {
        let changed = self.secrets.take_changed();
        let Some(source) = self.report.state().source.filter(|_| !changed.is_empty()) else { return };
        let noted = self.compiling(false, move |compiler| compiler.affected(&changed)).await;
        self.finish(noted, true, source, Duration::ZERO).await;
    }

    async fn finish(&mut self, noted: Noted, many: bool, source: Source, before: Duration) {
        let revision = self.store.revision;
        let began = Instant::now();
        let (snapshot, problems) = self
            .compiling(many, move |compiler| {
                let snapshot = compiler.finish(noted, revision);
                (snapshot, compiler.problems())
            })
            .await;
        self.publish.store(snapshot);
        self.report.applied(source, revision, problems, before + began.elapsed());
    }

    /// Lets the compiler do something; much of it on a thread of its own.
    async fn compiling<T: Send + 'static>(
        &mut self,
        much: bool,
        work: impl FnOnce(&mut Compiler) -> T + Send + 'static,
    ) -> T {
        let mut compiler = self.compiler.take().expect("it is put back after each use");
        let done = if much {
            let working = tokio::task::spawn_blocking(move || {
                let result = work(&mut compiler);
                (compiler, result)
            });
            working.await
        } else {
            let result = work(&mut compiler);
            Ok((compiler, result))
        };
        let (compiler, result) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.compiler = Some(compiler);
        result
    }
}

/// The end of a connection.
struct Ended {
    source: Error,
    after_success: bool,
}

impl std::ops::Deref for Ended {
    type Target = Error;

    fn deref(&self) -> &Error {
        &self.source
    }
}

/// Growing pauses between attempts, spread so that many data planes do not come back at once.
struct Pause(Duration);

// === impl Pause ===

impl Pause {
    fn new() -> Self {
        Self(Duration::from_millis(50))
    }

    fn next(&mut self) -> Duration {
        let base = self.0;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        // From half to the whole: version-4 UUIDs are where randomness comes from here.
        let random = uuid::Uuid::new_v4().as_u128() % 512;
        let thousandths = 500 + u32::try_from(random).unwrap_or(0);
        base * thousandths / 1012
    }
}
