//! The DP manager: the etcd service that data planes follow, behind mutual TLS.

use std::sync::Arc;
use std::time::Duration;

use portolan_kine_shim::{ConfigCheck, KeyAndValue, Revocations, Settings, Shim};
use portolan_model::layout;
use portolan_rt::clock::Clock;
use portolan_rt::serve::{Limits, Server};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{ClientAuth, Identity, Roots, server_config};

use crate::resources::{KINDS, check};

/// Watches never end by themselves: this long after the soft stage of a shutdown their connections are dropped.
const DRAIN: Duration = Duration::from_secs(1);

/// Judges what etcd clients write as the Admin API judges its own, except for references: their order is the client's.
#[derive(Debug)]
struct Check;

impl ConfigCheck for Check {
    fn check(&self, puts: &[KeyAndValue]) -> Result<(), String> {
        for put in puts {
            let key = std::str::from_utf8(&put.key).ok().and_then(layout::parse_resource_key);
            if let Some(key) = key.filter(|key| KINDS.contains(&key.kind)) {
                check::stored(&key, &put.value).map_err(|text| format!("{key}: {text}"))?;
            }
        }
        Ok(())
    }
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
    /// The certificate of the authority that clients must have theirs from.
    pub authority: &'a str,
    /// The log.
    pub store: portolan_eventstore::EventStore,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Starts the listener.
///
/// # Errors
/// When TLS or the socket can't be set up.
pub fn start(parts: Parts<'_>, supervisor: &Supervisor) -> Result<(), Error> {
    let roots = Roots::from_pem(parts.authority.as_bytes())?;
    let tls = server_config(parts.identity, ClientAuth::Required(roots), &["h2", "http/1.1"])?;
    let shim = Shim {
        revocations: Revocations::follow(&parts.store, supervisor),
        store: parts.store,
        check: Arc::new(Check),
        users: None,
        clock: parts.clock,
        shutdown: supervisor.shutdown(),
        settings: Settings::default(),
    };
    let limits = Limits { drain: Some(DRAIN), ..Limits::default() };
    let server = Server { name: "dp-manager", listener: parts.listener, tls: Some(tls), limits };
    Ok(server.start(portolan_kine_shim::router(shim), supervisor)?)
}
