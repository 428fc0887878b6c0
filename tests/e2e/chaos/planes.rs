//! Two control planes over one database, on ports that stay theirs.

use std::path::{Path, PathBuf};

use portolan_testkit::ports::Reserved;
use serde_json::json;
use tempfile::TempDir;

use crate::process::Portolan;

/// The key of the Admin API.
pub const KEY: &str = "chaos-chaos-chaos-chaos";

/// Both, with their files.
pub struct Planes {
    planes: Vec<Plane>,
    // Last: removed when the processes are gone.
    dir: TempDir,
}

struct Plane {
    /// `None` while it is dead.
    process: Option<Portolan>,
    config: PathBuf,
    url: String,
    _port: Reserved,
}

// === impl Planes ===

impl Planes {
    /// Starts both on the database.
    pub async fn start(store: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("portolan-chaos.").tempdir().unwrap();
        let secret = dir.path().join("secret.key");
        std::fs::write(&secret, "5a".repeat(32)).unwrap();
        let mut planes = Self { planes: Vec::new(), dir };
        for number in 0..2 {
            let port = Reserved::take().unwrap();
            let path = planes.dir.path().join(format!("cp-{number}"));
            let any = "127.0.0.1:0";
            let config = json!({
                "store": { "url": store },
                "data_dir": { "path": path, "secret_key_file": secret },
                "listen": { "dashboard": any, "admin_api": port.address(), "dp_manager": any, "status": any },
                "admin": { "user": "admin", "password": KEY, "keys": [{ "name": "chaos", "key": KEY, "role": "admin" }] },
            });
            let file = path.with_extension("yaml");
            std::fs::write(&file, config.to_string()).unwrap();
            let url = format!("http://{}", port.address());
            planes.planes.push(Plane { process: None, config: file, url, _port: port });
            planes.restart(number).await;
        }
        planes
    }

    /// Where their Admin APIs are.
    pub fn urls(&self) -> Vec<String> {
        self.planes.iter().map(|plane| plane.url.clone()).collect()
    }

    /// Where their files are.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// kill -9, and waits until it is gone.
    pub async fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.planes[number].process.take() {
            process.kill().await;
        }
    }

    /// Brings a dead one back.
    pub async fn restart(&mut self, number: usize) {
        let plane = &mut self.planes[number];
        let args = ["cp", "--config", plane.config.to_str().unwrap()];
        plane.process = Some(Portolan::start(&args, &plane.config.with_extension("log")).await.unwrap());
    }

    /// Stops both in order.
    pub async fn stop(self) {
        for process in self.planes.into_iter().filter_map(|plane| plane.process) {
            assert_eq!(process.terminate().await, (Some(0), vec![]));
        }
    }
}
