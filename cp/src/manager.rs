//! The DP manager: the etcd service that data planes follow, behind mutual TLS.

use std::sync::Arc;
use std::time::Duration;

use portolan_kine_shim::{ConfigCheck, KeyAndValue, Revocations, Settings, Shim, Users};
use portolan_model::{Keyring, layout};
use portolan_rt::serve::{Limits, Server, Streams};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{ClientAuth, Identity, Roots, server_config};

use crate::app::App;
use crate::config::DpManager;
use crate::resources::{KINDS, check};

mod users;

use users::Administrators;

/// Watches never end by themselves: this long after the soft stage of a shutdown their connections are dropped.
const DRAIN: Duration = Duration::from_secs(1);

/// Judges what etcd clients write as the Admin API judges its own, except for references: their order is the client's.
#[derive(Debug)]
struct Check(Keyring);

impl ConfigCheck for Check {
    fn concerns(&self, key: &[u8]) -> bool {
        resource(key).is_some()
    }

    fn check(&self, puts: &[KeyAndValue]) -> Result<(), String> {
        for put in puts {
            if let Some(key) = resource(&put.key) {
                check::stored(&self.0, &key, &put.value).map_err(|text| format!("{key}: {text}"))?;
            }
        }
        Ok(())
    }
}

/// The resource that a key names, of a kind that is judged.
fn resource(key: &[u8]) -> Option<layout::ResourceKey> {
    let key = std::str::from_utf8(key).ok().and_then(layout::parse_resource_key);
    key.filter(|key| KINDS.contains(&key.kind))
}

/// Why the listener can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS refuses the certificates.
    #[error("TLS of the data-plane listener")]
    Tls(#[from] portolan_rt::tls::Error),
    /// The socket can't be used.
    #[error("the data-plane listener")]
    Socket(#[from] std::io::Error),
}

/// What the listener is made of.
pub struct Parts<'a> {
    /// The open port.
    pub listener: std::net::TcpListener,
    /// Our certificate.
    pub identity: &'a Identity,
    /// The control plane that it is a part of.
    pub app: Arc<App>,
    /// Its settings.
    pub config: &'a DpManager,
}

/// Starts the listener.
///
/// # Errors
/// When TLS or the socket can't be set up.
pub fn start(parts: Parts<'_>, supervisor: &Supervisor) -> Result<(), Error> {
    let Parts { listener, identity, app, config } = parts;
    let roots = Roots::from_pem(app.authority.certificate().as_bytes())?;
    // Whoever logs in with a password needs no certificate; who has neither is told so over HTTP.
    let clients = if config.passwords { ClientAuth::Optional(roots) } else { ClientAuth::Required(roots) };
    let tls = server_config(identity, clients, &["h2", "http/1.1"])?;
    let shim = Shim {
        revocations: Revocations::follow(&app.store, supervisor),
        store: app.store.clone(),
        check: Arc::new(Check(app.keyring.clone())),
        users: config.passwords.then(|| Arc::new(Administrators(app.clone())) as Arc<dyn Users>),
        clock: app.clock.clone(),
        supervisor: supervisor.clone(),
        settings: Settings {
            member: config.member.clone().into(),
            reload_when_ahead: config.reload_when_ahead,
            ..Settings::default()
        },
    };
    // Thousands of watches hear of each event at the same time.
    let limits = Limits { drain: Some(DRAIN), http2_run: Streams::Together, ..Limits::default() };
    let server = Server { name: "dp-manager", listener, tls: Some(tls), limits };
    Ok(server.start(portolan_kine_shim::router(shim), supervisor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_judged() {
        for (key, value, expected) in [
            ("/apisix/routes/1", "{}", "/apisix/routes/1: invalid configuration: "),
            ("/apisix/ssls/1", r#"{"cert":"x","key":"y"}"#, "/apisix/ssls/1: invalid configuration: "),
            ("/apisix/consumers/jack/credentials/c1", r#"{"plugins":{"nope":{}}}"#, "unknown plugin [nope]"),
            ("/portolan/groups/prod/global_rules/1", r#"{"plugins":{"nope":{}}}"#, "unknown plugin [nope]"),
            ("/apisix/plugin_configs/1", "{}", "property \"plugins\" is required"),
            ("/apisix/consumer_groups/1", "{}", "property \"plugins\" is required"),
            ("/apisix/plugin_metadata/nope", "{}", "invalid plugin name"),
            ("/apisix/protos/1", "{}", "property \"content\" is required"),
            ("/apisix/stream_routes/1", r#"{"server_port":0}"#, "server_port"),
            ("/apisix/secrets/vault/1", "{}", "is required"),
            ("/apisix/global_rules/1", r#"{"plugins":{"cors":{}}}"#, ""),
            ("/apisix/consumers/jack/credentials/c1", r#"{"id":"c1"}"#, ""),
            // Not ours: directory placeholders, and what is no resource.
            ("/apisix/ssls/", "init_dir", ""),
            ("/other", "{}", ""),
        ] {
            let put = KeyAndValue { key: key.as_bytes().to_vec().into(), value: value.as_bytes().to_vec().into() };
            match Check(Keyring::default()).check(&[put]) {
                Ok(()) => assert_eq!(expected, "", "{key}"),
                Err(text) => assert!(!expected.is_empty() && text.contains(expected), "{key}: {text}"),
            }
        }
    }
}
