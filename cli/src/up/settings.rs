//! The two configuration files that `up` writes: defaults, then the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use portolan_rt::config::{self, Sources};
use serde_json::{Value, json};

use super::secrets;
use crate::args::Up;
use crate::failure::Failure;
use crate::private;

pub mod sets;
#[cfg(test)]
mod tests;

use sets::Set;

const HEAD: &str = "# Written by `portolan up` at each start. To change a setting, give it --set; to run this half alone,\n\
                    # give a copy of this file to `portolan";

/// One of the two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The control plane.
    Cp,
    /// The data plane.
    Dp,
}

/// The settings of both.
#[derive(Debug)]
pub struct Settings {
    cp: Value,
    dp: Value,
    sets: Vec<Set>,
}

// === impl Half ===

impl Half {
    /// The command of the role, which is also the name of its file and the prefix of its settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cp => "cp",
            Self::Dp => "dp",
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cp => "control plane",
            Self::Dp => "data plane",
        }
    }

    /// Its configuration file.
    pub fn file(self, data: &Path) -> PathBuf {
        data.join(format!("{}.yaml", self.word()))
    }
}

// === impl Settings ===

impl Settings {
    /// Defaults for this data directory (an absolute path), then the environment, then the options.
    pub fn new(options: &Up, data: &Path) -> Result<Self, Failure> {
        let path = |name: &str| data.join(name).display().to_string();
        let store = match &options.store {
            Some(store) => store_url(store, data)?,
            None => last_store(data)?.unwrap_or_else(|| default_store(data)),
        };
        let cp = json!({
            "store": { "url": store },
            "data_dir": { "path": path("cp") },
            "listen": {
                "dashboard": "0.0.0.0:7443",
                "admin_api": "127.0.0.1:9180",
                "dp_manager": "0.0.0.0:7943",
                "status": "127.0.0.1:7086",
            },
            "admin": {
                "user": secrets::USER,
                "password_file": secrets::password_file(data),
                "keys": [{ "name": "admin", "key_file": secrets::key_file(data), "role": "admin" }],
            },
            "encryption": { "keyring_file": secrets::keyring_file(data) },
            "tls": { "names": ["localhost", "127.0.0.1"] },
            "log": { "level": "info", "format": "human" },
            "shutdown": { "drain_seconds": 10 },
        });
        let dp = json!({
            "control_plane": {
                "endpoints": ["https://127.0.0.1:7943"],
                "ca": path("cp/ca.pem"),
                "cert": path("dp/client.pem"),
                "key": path("dp/client.key"),
                "prefix": "/apisix/",
            },
            "encryption": { "keyring_file": secrets::keyring_file(data) },
            "listen": {
                "http": "0.0.0.0:9080",
                "https": "0.0.0.0:9443",
                "status": "127.0.0.1:7085",
                "metrics": "127.0.0.1:9091",
                "control": "127.0.0.1:9090",
            },
            "tls": { "cert": path("dp/server.pem"), "key": path("dp/server.key") },
            "snapshot": { "path": path("dp/snapshot") },
            "runtime": { "workers": 0 },
            "log": { "level": "info", "format": "human" },
            "shutdown": { "drain_seconds": 10 },
        });
        let mut settings = Self { cp, dp, sets: Vec::new() };
        if options.free_ports {
            for listener in
                [&mut settings.cp, &mut settings.dp].into_iter().flat_map(|half| half["listen"].as_object_mut())
            {
                listener.values_mut().for_each(|address| *address = "127.0.0.1:0".into());
            }
        }
        for set in
            sets::from_environment(Sources::new(None, Vec::new()).env).into_iter().chain(options.sets.iter().cloned())
        {
            let set = Set::parse(&set).map_err(Failure::Usage)?;
            for half in set.halves(&settings.cp, &settings.dp) {
                set.apply(settings.half_mut(half)).map_err(Failure::Usage)?;
            }
            settings.sets.push(set);
        }
        settings.point_data_plane();
        Ok(settings)
    }

    /// Writes both files.
    pub fn write(&self, data: &Path) -> Result<(), Failure> {
        self.write_half(Half::Cp, data)?;
        self.write_half(Half::Dp, data)
    }

    /// Writes one file.
    pub fn write_half(&self, half: Half, data: &Path) -> Result<(), Failure> {
        let yaml = yaml_serde::to_string(self.half(half)).map_err(|error| Failure::Failed(error.into()))?;
        private::write(&half.file(data), &format!("{HEAD} {}`.\n{yaml}", half.word()))?;
        Ok(())
    }

    /// Reads both written files as the children will, to say what is wrong before anything starts.
    pub fn check(&self, data: &Path) -> Result<(), Failure> {
        let sources = |half: Half| Sources { file: Some(half.file(data)), ..Sources::default() };
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        config::load::<portolan_cp::Config>(&sources(Half::Cp)).map_err(|error| usage(&error))?;
        let dp: portolan_dp::Config = config::load(&sources(Half::Dp)).map_err(|error| usage(&error))?;
        dp.check().map_err(|error| usage(&format_args!("{}: {error}", Half::Dp.file(data).display())))
    }

    /// Takes the ports of these URLs (what a half said it listens on) for its listeners, so that it comes back on them. `pairs`
    /// are names of listeners and URLs.
    pub fn take_ports(&mut self, half: Half, pairs: &[(&str, Option<&str>)]) {
        for (listener, url) in pairs {
            let port = url.and_then(|url| reqwest::Url::parse(url).ok()?.port_or_known_default());
            let configured: Option<SocketAddr> = self.address(half, listener);
            if let (Some(port), Some(mut address)) = (port, configured) {
                address.set_port(port);
                self.half_mut(half)["listen"][*listener] = address.to_string().into();
            }
        }
        if half == Half::Cp {
            self.point_data_plane();
        }
    }

    /// Whether the data plane's file says where the control plane is, which it can't before a free port is known.
    pub fn knows_manager(&self) -> bool {
        self.address(Half::Cp, "dp_manager").is_none_or(|address| address.port() != 0)
    }

    /// The names that the server certificates carry.
    pub fn server_names(&self) -> Vec<String> {
        let names = self.cp["tls"]["names"].as_array().into_iter().flatten();
        names.filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    /// The longer of the two times from a signal to the end, in seconds.
    pub fn longest_drain(&self) -> u64 {
        let seconds = |half: &Value| {
            let setting = |name: &str| half["shutdown"][name].as_u64();
            setting("drain_seconds").unwrap_or(10) + setting("delay_seconds").unwrap_or(0)
        };
        seconds(&self.cp).max(seconds(&self.dp))
    }

    fn address(&self, half: Half, listener: &str) -> Option<SocketAddr> {
        self.half(half)["listen"][listener].as_str()?.parse().ok()
    }

    /// The data plane's way to the control plane follows the latter's listener, unless a set said otherwise.
    fn point_data_plane(&mut self) {
        if self.sets.iter().any(|set| set.names("control_plane", "endpoints")) {
            return;
        }
        if let Some(mut address) = self.address(Half::Cp, "dp_manager") {
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            self.dp["control_plane"]["endpoints"] = json!([format!("https://{address}")]);
        }
    }

    fn half(&self, half: Half) -> &Value {
        match half {
            Half::Cp => &self.cp,
            Half::Dp => &self.dp,
        }
    }

    fn half_mut(&mut self, half: Half) -> &mut Value {
        match half {
            Half::Cp => &mut self.cp,
            Half::Dp => &mut self.dp,
        }
    }
}

fn default_store(data: &Path) -> String {
    format!("sqlite:{}", data.join("portolan.db").display())
}

fn store_url(store: &str, data: &Path) -> Result<String, Failure> {
    let scheme = store.split(':').next().unwrap_or_default();
    match (scheme, store.strip_prefix("sqlite:")) {
        ("sqlite", None) => Ok(default_store(data)),
        (_, Some("")) => Err(Failure::Usage("--store sqlite: needs a path after the colon".to_owned())),
        (_, Some(path)) => {
            let absolute =
                std::path::absolute(path).map_err(|error| Failure::Usage(format!("--store {store}: {error}")))?;
            Ok(format!("sqlite:{}", absolute.display()))
        }
        ("postgres" | "postgresql" | "mysql" | "mariadb", None) => Ok(store.to_owned()),
        _ => Err(Failure::Usage(
            "--store: one of sqlite, sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE \
             is expected"
                .to_owned(),
        )),
    }
}

/// The store of the last start on this directory: a start without `--store` must not lose sight of the data.
fn last_store(data: &Path) -> Result<Option<String>, Failure> {
    let path = Half::Cp.file(data);
    let Some(text) = private::read(&path)? else { return Ok(None) };
    let written: Value =
        yaml_serde::from_str(&text).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Ok(written["store"]["url"].as_str().map(str::to_owned))
}
