//! The services on disk, for a start while Consul is away.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use portolan_model::resource::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Consul, shown_nodes};
use crate::config::discovery::ConsulDump;

/// What the file holds.
#[derive(Deserialize, Serialize)]
struct File {
    services: BTreeMap<String, Value>,
    /// Unix time in seconds.
    last_update: i64,
    #[serde(default)]
    expire: u64,
}

// === impl Consul ===

impl Consul {
    /// Takes what an earlier process has kept.
    pub(super) fn load(&self) {
        let Some(dump) = self.settings.dump.as_ref().filter(|dump| dump.load_on_init) else { return };
        let now = self.clock.now_micros().div_euclid(1_000_000);
        match read(dump, now) {
            Ok(services) => {
                for (name, nodes) in services {
                    self.directory.set(&name.into(), nodes);
                }
            }
            Err(error) => tracing::warn!(path = %dump.path.display(), %error, "the dump of services is not used"),
        }
    }

    /// Keeps what is known now.
    pub(super) async fn save(&self) {
        let Some(dump) = self.settings.dump.clone() else { return };
        let services = self.directory.services();
        let file = File {
            services: services.iter().map(|(name, nodes)| (name.to_string(), shown_nodes(nodes))).collect(),
            last_update: self.clock.now_micros().div_euclid(1_000_000),
            expire: dump.expire,
        };
        let path = dump.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &file)).await;
        if let Err(error) = written.map_err(io::Error::other).flatten() {
            tracing::error!(path = %dump.path.display(), %error, "the dump of services cannot be written");
        }
    }
}

fn read(dump: &ConsulDump, now: i64) -> io::Result<BTreeMap<String, Vec<Node>>> {
    let file: File = serde_json::from_slice(&std::fs::read(&dump.path)?)?;
    let age = u64::try_from(now - file.last_update).unwrap_or(0);
    if dump.expire != 0 && age > dump.expire {
        return Err(io::Error::other(format!("it is {age} seconds old")));
    }
    let nodes = |(name, nodes)| Ok((name, serde_json::from_value(nodes)?));
    file.services.into_iter().map(nodes).collect()
}

/// Readers see the old file or the new one.
fn write(path: &Path, file: &File) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, serde_json::to_vec(file)?)?;
    std::fs::rename(&temporary, path)
}
