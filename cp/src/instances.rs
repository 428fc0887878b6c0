//! Data planes as they report themselves, and which revisions they have applied.
//!
//! A data plane writes a key below `data_plane/instances/`, which lives by a lease: what is there is alive. It is stored under the name in
//! its certificate, so nobody reports in another's name. It says the last revision that changed its configuration. [`Configured`] knows the last one that there is for each group.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::GroupId;
use portolan_model::layout::{self, APISIX_PREFIX, CERTIFIED_DIRECTORY, DATA_PLANE_DIRECTORY, GROUPS_PREFIX};
use portolan_rt::task::{Backoff, Kind, Supervisor};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::app::App;
use crate::error::ApiError;

/// Events read at once.
const PAGE: usize = 1000;
/// Our data planes, and those of APISIX that report themselves.
const OURS: &str = "instances/";
const APISIX: &str = "server_info/";

/// A data plane that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// Its own id.
    pub id: String,
    /// The name in its certificate.
    pub name: String,
    /// Its gateway group.
    pub gateway_group_id: GroupId,
    /// `portolan` or `apisix`.
    pub kind: &'static str,
    /// The version of its program.
    pub version: String,
    /// When it started, in seconds since 1970.
    pub started_at: i64,
    /// The last change of its configuration that requests meet; an APISIX data plane does not say.
    pub applied_revision: Option<i64>,
    /// Resources that it does not use as they are written.
    pub resource_errors: u64,
    /// What went wrong last, as far as it still is.
    pub last_error: Option<String>,
}

/// What an instance says of itself, in either form.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default, alias = "boot_time", alias = "up_time")]
    started_at: i64,
    #[serde(default)]
    applied_revision: Option<i64>,
    #[serde(default)]
    resource_errors: u64,
    #[serde(default)]
    last_error: Option<String>,
}

/// How far a group's data planes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Those that serve it.
    pub live: usize,
    /// All that say what they serve.
    pub total: usize,
}

/// The data planes of a group, by id.
pub fn of_group(view: &dyn View, group: &GroupId) -> Vec<Instance> {
    let directory = format!("{}{DATA_PLANE_DIRECTORY}", layout::group_prefix(group));
    let found = view.range(&KeyRange::prefix(directory.clone()));
    let mut all: Vec<Instance> = found.iter().filter_map(|kv| read(kv, &directory, group)).collect();
    once(&mut all);
    all
}

/// Ours also report as those of APISIX do; the other report says more.
fn once(all: &mut Vec<Instance>) {
    let ours: HashSet<String> =
        all.iter().filter(|instance| instance.kind == "portolan").map(|instance| instance.id.clone()).collect();
    all.retain(|instance| instance.kind == "portolan" || !ours.contains(&instance.id));
}

fn read(kv: &KeyValue, directory: &str, group: &GroupId) -> Option<Instance> {
    let place = std::str::from_utf8(&kv.key).ok()?.strip_prefix(directory)?;
    let certified = place.strip_prefix(CERTIFIED_DIRECTORY).and_then(|rest| rest.split_once('/'));
    // Without a name of its own: an administrator wrote it, such as an APISIX that logs in with a password.
    let (certified, place) = certified.map_or((None, place), |(name, rest)| (Some(name), rest));
    let ours = place.strip_prefix(OURS).map(|id| (id, "portolan"));
    let (id, kind) = ours.or_else(|| Some((place.strip_prefix(APISIX)?, "apisix")))?;
    let said: Said = serde_json::from_slice(&kv.value).ok().filter(|_| kv.lease != 0)?;
    Some(Instance {
        id: id.to_owned(),
        name: certified.map_or(said.name, str::to_owned),
        gateway_group_id: group.clone(),
        kind,
        version: said.version,
        started_at: said.started_at,
        applied_revision: said.applied_revision,
        resource_errors: said.resource_errors,
        last_error: said.last_error,
    })
}

/// How many of them serve what the configuration was at this revision; `last` is the last one that changed it.
pub fn receipt(instances: &[Instance], last: i64, revision: i64) -> Receipt {
    let mut receipt = Receipt { live: 0, total: 0 };
    for applied in instances.iter().filter_map(|instance| instance.applied_revision) {
        receipt.total += 1;
        receipt.live += usize::from(applied >= last.min(revision));
    }
    receipt
}

/// The last revisions that changed the configuration of each gateway group.
#[derive(Debug, Default)]
pub struct Configured(watch::Sender<Known>);

#[derive(Debug, Default)]
struct Known {
    /// All events up to this one have been looked at.
    revision: i64,
    last: Arc<HashMap<GroupId, i64>>,
}

// === impl Configured ===

impl Configured {
    /// What is known once all events up to this revision have been looked at.
    pub async fn at(&self, revision: i64) -> Arc<HashMap<GroupId, i64>> {
        let mut known = self.0.subscribe();
        let found = known.wait_for(|known| known.revision >= revision).await;
        // The sender lives as long as we do.
        found.map(|known| known.last.clone()).unwrap_or_default()
    }

    /// Looks at the keys that there are: what was deleted before the start is not seen any more.
    fn begin(&self, app: &App) {
        let (revision, last) = app.store.read(|view| {
            let mut last = HashMap::new();
            for prefix in [APISIX_PREFIX, GROUPS_PREFIX] {
                for kv in view.range(&KeyRange::prefix(prefix)) {
                    note(&mut last, &kv.key, kv.mod_revision);
                }
            }
            (view.revision(), last)
        });
        self.0.send_replace(Known { revision, last: Arc::new(last) });
    }

    async fn follow(&self, app: &App) -> Result<(), ApiError> {
        let mut head = app.store.head();
        self.begin(app);
        loop {
            let upto = *head.borrow_and_update();
            let mut revision = self.0.borrow().revision;
            while revision < upto {
                let events = app.store.events_after(revision, PAGE).await?;
                let Some(newest) = events.last().map(|event| event.revision) else { break };
                self.0.send_modify(|known| {
                    let last = Arc::make_mut(&mut known.last);
                    for event in &events {
                        event.changes.iter().for_each(|change| note(last, &change.key, event.revision));
                    }
                    known.revision = newest;
                });
                revision = newest;
            }
            self.0.send_modify(|known| known.revision = known.revision.max(upto));
            if head.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Follows the log until the process ends.
pub fn watch(app: Arc<App>, supervisor: &Supervisor) {
    let shutdown = supervisor.shutdown();
    supervisor.spawn("configured", Kind::Restart(Backoff::default()), move || {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        async move {
            if let Some(Err(error)) = shutdown.until_soft(app.configured.follow(&app)).await {
                tracing::warn!(%error, "the log can't be followed, trying again");
            }
        }
    });
}

fn note(last: &mut HashMap<GroupId, i64>, key: &[u8], revision: i64) {
    let Some((group, rest)) = std::str::from_utf8(key).ok().and_then(place) else { return };
    if !rest.starts_with(DATA_PLANE_DIRECTORY) {
        let known = last.entry(group).or_default();
        *known = revision.max(*known);
    }
}

/// The gateway group of a key, and what follows the group's prefix.
fn place(key: &str) -> Option<(GroupId, &str)> {
    if let Some(rest) = key.strip_prefix(APISIX_PREFIX) {
        return Some((GroupId::default(), rest));
    }
    let (group, rest) = key.strip_prefix(GROUPS_PREFIX)?.split_once('/')?;
    Some((GroupId::new(group).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_certificate() {
        let eu = GroupId::new("eu").unwrap();
        let directory = "/portolan/groups/eu/data_plane/";
        for (place, lease, found) in [
            ("by/dp-1/instances/i", 7, Some(("i", "dp-1", "portolan"))),
            ("by/dp-1/server_info/s", 7, Some(("s", "dp-1", "apisix"))),
            ("server_info/s", 7, Some(("s", "said", "apisix"))),
            ("instances/i", 7, Some(("i", "said", "portolan"))),
            ("by/dp-1/instances/i", 0, None),
            ("by/dp-1/else/i", 7, None),
            ("by/instances/i", 7, None),
        ] {
            let key = format!("{directory}{place}").into();
            let kv = KeyValue {
                key,
                value: r#"{"name":"said"}"#.into(),
                create_revision: 1,
                mod_revision: 1,
                version: 1,
                lease,
            };
            let read = read(&kv, directory, &eu).map(|instance| (instance.id, instance.name, instance.kind));
            let found = found.map(|(id, name, kind)| (id.to_owned(), name.to_owned(), kind));
            assert_eq!(read, found, "{place}");
        }
    }

    #[test]
    fn only_configuration_counts() {
        let mut last = HashMap::new();
        for (key, revision) in [
            ("/apisix/routes/1", 3),
            ("/apisix/data_plane/instances/a", 4),
            ("/portolan/groups/eu/routes/1", 5),
            ("/portolan/groups/eu/data_plane/instances/a", 6),
            ("/portolan/users/a", 7),
            ("/apisix/routes/1", 2),
        ] {
            note(&mut last, key.as_bytes(), revision);
        }
        let eu = GroupId::new("eu").unwrap();
        assert_eq!(last, HashMap::from([(GroupId::default(), 3), (eu, 5)]));
    }

    fn instance(applied_revision: Option<i64>) -> Instance {
        Instance {
            id: String::new(),
            name: String::new(),
            gateway_group_id: GroupId::default(),
            kind: "portolan",
            version: String::new(),
            started_at: 0,
            applied_revision,
            resource_errors: 0,
            last_error: None,
        }
    }

    #[test]
    fn who_reports_twice_is_one() {
        let named = |id: &str, kind| Instance { id: id.to_owned(), kind, ..instance(None) };
        let mut all = vec![named("a", "portolan"), named("a", "apisix"), named("b", "apisix")];
        once(&mut all);
        let left: Vec<_> = all.iter().map(|instance| (instance.id.as_str(), instance.kind)).collect();
        assert_eq!(left, [("a", "portolan"), ("b", "apisix")]);
    }

    #[test]
    fn what_serves_the_last_change_serves_everything_since() {
        let all = [instance(Some(10)), instance(Some(7)), instance(None)];
        for (revision, live) in [(7, 2), (8, 1), (10, 1), (15, 1)] {
            assert_eq!(receipt(&all, 10, revision), Receipt { live, total: 2 }, "{revision}");
        }
    }
}
